# SPDX-License-Identifier: EUPL-1.2
"""SD-JWT: what an attacker, or a hurried change, would find between the lines of issuance and rebuilding."""

from __future__ import annotations

import itertools

import pytest

from protocol import jws, sd_jwt
from protocol.encoding import JSON, b64url_decode
from protocol.errors import RequestError
from protocol.keys import PrivateKey
from protocol.sd_jwt import (
    MAX_DEPTH,
    Disclosure,
    UnverifiedSDJWT,
    conceal,
    parse_json_serialization,
    rebuild_with_paths,
)

KEY = PrivateKey.generate()


def test_salts_of_one_credential_share_no_part() -> None:
    # one call makes all random bytes: a salt must not be a shifted piece of its neighbour's
    _, disclosures = conceal({str(number): number for number in range(6)}, [(str(number),) for number in range(6)])
    salts = [Disclosure.parse(each).salt for each in disclosures]
    assert {len(b64url_decode(salt)) for salt in salts} == {sd_jwt.SALT_BYTES}
    assert not [1 for one, other in itertools.permutations(salts, 2) if one[8:16] in other]


def test_issue_with_the_salts_of_a_vector_uses_them() -> None:
    text = sd_jwt.issue({"a": 1}, [("a",)], KEY, typ="x", salts={("a",): "salt-of-the-vector"})
    assert [each.salt for each in UnverifiedSDJWT.parse(text).disclosures] == ["salt-of-the-vector"]


def test_conceal_when_paths_take_one_claim_for_array_and_object_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="no claim"):
        conceal({"a": [{"x": 1}]}, [("a", 0, "x"), ("a", "b", "y")])


@pytest.mark.parametrize("text", ["X{}~", "\x0b{}~", "\u00a0{}~"])
def test_only_json_is_called_json(text: str) -> None:
    with pytest.raises(RequestError, match="three parts"):
        UnverifiedSDJWT.parse(text)


def test_what_is_printed_of_a_parsed_one_is_its_name() -> None:
    assert repr(UnverifiedSDJWT.parse(sd_jwt.issue({"a": 1}, [("a",)], KEY, typ="x"))) == "UnverifiedSDJWT(…)"


def general() -> dict[str, JSON]:
    protected, payload, signature = jws.sign({"a": 1}, KEY, typ="x").split(".")
    return {"payload": payload, "signatures": [{"protected": protected, "signature": signature}]}


def test_general_form_with_one_signature_is_taken() -> None:
    assert parse_json_serialization(general()).other_signatures == ()


@pytest.mark.parametrize("name", ["signature", "protected", "header"])
def test_general_form_with_a_member_of_the_flattened_one_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match="got both"):
        parse_json_serialization({**general(), name: {} if name == "header" else "AA"})


def nested(levels: int) -> JSON:
    value: JSON = "end"
    for _ in range(levels):
        value = {"in": value}
    return value


def test_parts_that_conceal_nothing_are_not_copied_up_to_the_deepest_level() -> None:
    deepest, list_of_two, object_with_list = nested(MAX_DEPTH), [{"a": 1}, 2], {"a": [1, [2]]}
    payload = {"deepest": deepest, "list": list_of_two, "object": object_with_list}
    claims = rebuild_with_paths(payload, []).claims
    assert [claims[name] is payload[name] for name in payload] == [True, True, True]


def test_claims_inside_which_something_can_be_withheld_are_named_shown_or_not() -> None:
    claims: dict[str, JSON] = {"clear": {"x": 1}, "top": 1, "deep": {"in": {"x": 1}}, "array": [1, 2]}
    payload, disclosures = conceal(claims, [("top",), ("deep", "in", "x"), ("array", 1)])
    for shown in ([Disclosure.parse(each) for each in disclosures], []):
        assert rebuild_with_paths(payload, shown).concealing == {"deep", "array"}
