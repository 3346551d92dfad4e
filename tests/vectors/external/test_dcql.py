# SPDX-License-Identifier: EUPL-1.2
"""The queries of the examples of OpenID4VP 1.0, folder `openid4vp/1.0-examples`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.dcql import FORMAT, Candidate, Query, check_answered, check_formats, evaluate, lint, measure
from protocol.dcql.advice import Advice
from protocol.errors import RequestError
from tests.conftest import external_folder

pytestmark = pytest.mark.external

EXAMPLES = external_folder() / "openid4vp" / "1.0-examples"
ADDRESS = {"given_name": "A", "family_name": "Doe", "address": {"street_address": "S", "country": "C"}}
# what the advice on each of them is; none breaks a rule
ADVICE = {
    "claims_alternatives": {Advice.BIRTH_DATE, Advice.IDENTIFIERS_TOGETHER},
    "complex_mdoc": {Advice.FOREIGN_FORMAT, Advice.OPTIONAL},
    "credentials_alternatives": {Advice.IDENTIFIERS_TOGETHER, Advice.OPTIONAL},
    "multi_credentials": {Advice.FOREIGN_FORMAT, Advice.IDENTIFIERS_TOGETHER},
    "simple": {Advice.IDENTIFIERS_TOGETHER},
    "simple_mdoc": {Advice.FOREIGN_FORMAT},
    "value_matching_simple": {Advice.IDENTIFIERS_TOGETHER},
}


def files() -> dict[str, Path]:
    if not external_folder().is_dir():
        return {}
    found = {file.stem: file for file in sorted((EXAMPLES / "query_lang").glob("*.json"))}
    assert found
    return found


FILES = files()
every_query = pytest.mark.parametrize("name", FILES)


def read(name: str) -> Any:
    return json.loads(FILES[name].read_text("utf-8"))


def person(vct: str, **claims: Any) -> Candidate:
    return Candidate({"vct": vct, **claims})


def chosen(name: str, *held: Candidate) -> tuple[str, ...]:
    """Return the credential queries that are answered; what is shown for them is a whole answer."""
    query = Query.parse(read(name))
    found = evaluate(query, held)
    if found.chosen:
        check_answered(query, {each: [found.selections[each][0].candidate] for each in found.chosen})
    return found.chosen


def test_every_example_is_known() -> None:
    assert FILES.keys() == ADVICE.keys()


@every_query
def test_example_is_valid_and_round_trips(name: str) -> None:
    value = read(name)
    assert Query.parse(value).to_json() == value
    assert {each.what for each in lint(value)} == ADVICE[name]
    assert measure(Query.parse(value)).claims > 0


@every_query
def test_example_without_a_credential_is_answered_with_nothing(name: str) -> None:
    assert chosen(name) == ()


@every_query
def test_example_only_in_formats_that_are_not_ours_is_refused_by_its_code(name: str) -> None:
    query = Query.parse(read(name))
    if any(each.format == FORMAT for each in query.credentials):
        check_formats(query)
        return
    with pytest.raises(RequestError) as caught:
        check_formats(query)
    assert caught.value.code == "vp_formats_not_supported"


PID = "https://credentials.example.com/identity_credential"
OTHER_PID = "https://othercredentials.example/pid"
REDUCED = "https://credentials.example.com/reduced_identity_credential"
RESIDENCE = "https://cred.example/residence_credential"
REWARDS = "https://company.example/company_rewards"


def test_claims_alternatives_takes_the_first_set_that_is_there() -> None:
    query = Query.parse(read("claims_alternatives"))
    claims = {"family_name": "D", "locality": "L", "region": "R", "date_of_birth": "B", "postal_code": "P"}
    for left_out, shown in (
        ((), {"family_name", "locality", "region", "date_of_birth"}),
        (("region",), {"family_name", "postal_code", "date_of_birth"}),
        (("region", "postal_code"), None),
    ):
        held = person(PID, **{name: value for name, value in claims.items() if name not in left_out})
        found = evaluate(query, [held]).selections["pid"]
        assert (found and {path[0] for path in found[0].paths}) == (shown or ())


def test_credentials_alternatives_takes_the_first_option_and_no_optional_credential() -> None:
    name, reward = "credentials_alternatives", person(REWARDS, rewards_number="1")
    reduced = person(REDUCED, given_name="A", family_name="D")
    residence = person(RESIDENCE, postal_code="P", locality="L", region="R")
    assert chosen(name, person(PID, **ADDRESS), person(OTHER_PID, **ADDRESS), reward) == ("pid",)
    assert chosen(name, person(OTHER_PID, **ADDRESS), reduced, residence) == ("other_pid",)
    assert chosen(name, reduced, residence, reward) == ("pid_reduced_cred_1", "pid_reduced_cred_2")
    assert chosen(name, reduced, reward) == ()
    query = Query.parse(read(name))
    found = evaluate(query, [person(PID, **ADDRESS), reward], optional={1})
    assert found.chosen == ("pid", "nice_to_have")


def test_credential_in_another_format_beside_ours_cannot_be_answered() -> None:
    assert chosen("multi_credentials", person(PID, **ADDRESS)) == ()


def test_simple_shows_the_part_of_the_address_that_is_asked() -> None:
    found = evaluate(Query.parse(read("simple")), [person(PID, **ADDRESS)]).selections["my_credential"]
    assert set(found[0].paths) == {("family_name",), ("given_name",), ("address", "street_address")}


@pytest.mark.parametrize(
    ("change", "is_answered"),
    [
        ({}, True),
        ({"family_name": "Roe"}, False),
        ({"postal_code": "90212"}, False),
        ({"postal_code": 90210}, False),
    ],
)
def test_value_matching_is_strict(change: dict[str, Any], is_answered: bool) -> None:
    held = person(PID, **{**ADDRESS, "postal_code": "90210", **change})
    assert (chosen("value_matching_simple", held) == ("my_credential",)) is is_answered


@pytest.mark.parametrize("name", ["dcql_jwt_vc", "dcql_ldp_vc"])
def test_request_for_other_formats_holds_a_valid_query(name: str) -> None:
    value = json.loads((EXAMPLES / "request" / f"{name}.json").read_text("utf-8"))
    query = Query.parse(value)
    with pytest.raises(RequestError) as caught:
        check_formats(query)
    assert caught.value.code == "vp_formats_not_supported"
