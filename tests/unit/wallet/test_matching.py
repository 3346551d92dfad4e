# SPDX-License-Identifier: EUPL-1.2
"""Which documents answer a query, what a copy shows of itself, and what the record says was shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ledger import record as records
from protocol import sd_jwt
from protocol.dcql import Candidate, Query, check_answered, is_asked, presented_paths
from protocol.dcql.authorities import key_identifiers
from protocol.encoding import compact_json, parse_object
from protocol.errors import Error, RequestError
from protocol.keys import PrivateKey
from protocol.sd_jwt import SelectionIndex, UnverifiedSDJWT, rebuild_with_paths
from tests.fakes.dcql_queries import OTHER_TYPE, TYPE, asking, credential, query
from tests.fakes.nested_document import ADDRESS, COURSES, make_nested
from tests.fakes.wallet_peers import LOG
from wallet import present
from wallet.matching import Held, match, show
from wallet.present import Choice
from wallet.receive import REGISTERED, Copy, Document


@pytest.fixture
def made(world):
    return make_nested(world.parties["universitat"], PrivateKey.generate().public_key, now=world.clock.now())


@pytest.fixture
def held(made):
    return Held("d1", made[0], 1)


def matched(value, *held, now):
    return match(Query.parse(value), held, now=now)


NESTED = [
    (["given_name"], {"given_name": "Mariona"}, [("given_name",)]),
    (["address"], {"address": ADDRESS}, [("address",)]),
    (["address", "town"], {"address": {"town": "Vilaprova"}}, [("address", "town")]),
    (["languages", 1], {"languages": ["es"]}, [("languages", "1")]),
    (["languages", None], {"languages": ["ca", "es", "en"]}, [("languages", "*")]),
    (
        ["courses", None, "grade"],
        {"courses": COURSES},
        [("courses", "*", "grade"), ("courses", "*", "name")],
    ),
    (["courses", 1, "name"], {"courses": [{"name": "Zoology"}]}, [("courses", "1", "name")]),
    (["resident"], {"resident": True}, [("resident",)]),
]
# what this issuer signed in the clear: it comes with everything, and the record says so
CLEAR = {"country": {"code": "ES"}}
CLEAR_PATHS = [("country", "code")]
EMPTY = {"courses": [], "languages": []}


@pytest.mark.parametrize(("path", "values", "paths"), NESTED)
def test_copy_shows_what_the_path_selects_and_what_cannot_be_hidden(made, held, world, path, values, paths):
    (found,) = matched(asking(path), held, now=world.clock.now())
    shown = show(found.query, found.paths["d1"], made[1])
    assert shown.values == {**EMPTY, **values, **CLEAR}
    listed = [each.claim for each in shown.claims]
    assert [each for each in listed if each not in [*CLEAR_PATHS, ("courses",), ("languages",)]] == paths
    assert {each.credential_type for each in shown.claims} == {TYPE}
    # the verifier finds the same
    parsed = UnverifiedSDJWT.parse(shown.text)
    rebuilt = rebuild_with_paths(parsed.issuer_jwt.claims(), parsed.disclosures)
    about = {name: value for name, value in rebuilt.claims.items() if name not in REGISTERED}
    assert about == shown.values
    check_answered(Query.parse(asking(path)), {"one": [Candidate(rebuilt.claims)]})
    assert is_asked(rebuilt.disclosed.keys(), found.query, rebuilt.claims)
    assert [records.ClaimReference.of(TYPE, each) for each in presented_paths(found.query, about)] == [
        *shown.claims
    ]


def test_values_and_claim_sets_choose_what_is_shown(made, held, world):
    value = query(
        credential(
            claims=[
                {"id": "n", "path": ["given_name"], "values": ["Nuria"]},
                {"id": "r", "path": ["resident"], "values": [True]},
                {"id": "l", "path": ["languages", None], "values": ["es", "fr"]},
            ],
            claim_sets=[["n"], ["r", "l"]],
        )
    )
    (found,) = matched(value, held, now=world.clock.now())
    shown = show(found.query, found.paths["d1"], made[1])
    assert shown.values == {"resident": True, "languages": ["es"], "courses": [], **CLEAR}


@pytest.mark.case("W25")
def test_alternatives_and_missing_documents(held, world):
    now = world.clock.now()
    other = credential("other", meta={"vct_values": [OTHER_TYPE]})
    mdoc = credential("mdoc", format="mso_mdoc", meta={})
    either = query(mdoc, other, credential(), credential_sets=[{"options": [["mdoc"], ["other"], ["one"]]}])
    assert [(each.query.id, [h.id for h in each.candidates]) for each in matched(either, held, now=now)] == [
        ("one", ["d1"])
    ]
    assert [each.query.id for each in matched(either, now=now)] == ["other"]
    both = query(credential(), other)
    assert [(each.query.id, len(each.candidates)) for each in matched(both, held, now=now)] == [
        ("one", 1),
        ("other", 0),
    ]
    optional = query(
        credential(), other, credential_sets=[{"options": [["one"]]}, {"options": [["other"]], "required": False}]
    )
    also = replace(held, id="d2", document=replace(held.document, vct=OTHER_TYPE))
    assert [each.query.id for each in matched(optional, held, also, now=now)] == ["one"]


def test_query_that_needs_no_answer_or_none_of_our_formats_is_refused_by_its_code(held, world):
    now = world.clock.now()
    for value, code in (
        (query(credential(), credential_sets=[{"options": [["one"]], "required": False}]), "access_denied"),
        (query(credential(format="mso_mdoc", meta={})), "vp_formats_not_supported"),
    ):
        with pytest.raises(RequestError) as caught:
            matched(value, held, now=now)
        assert caught.value.code == code


def test_expired_documents_do_not_answer_and_newer_ones_come_first(held, world):
    now = world.clock.now()
    newer = replace(held, id="d2", document=replace(held.document, received_at=now + timedelta(seconds=1)))
    (found,) = matched(asking(["resident"]), held, newer, now=now)
    assert [each.id for each in found.candidates] == ["d2", "d1"]
    (found,) = matched(asking(["resident"]), held, now=now + timedelta(days=9))
    assert found.candidates == ()


def test_claims_of_the_format_can_be_asked_and_trusted_authorities_be_compared(made, held, world):
    now = world.clock.now()
    (identifier,) = key_identifiers([*made[0].chain])
    trusting = credential(
        trusted_authorities=[{"type": "aki", "values": [identifier]}],
        claims=[{"path": ["iss"], "values": [made[0].issuer]}, {"path": ["exp"]}],
    )
    (found,) = matched(query(trusting), held, now=now)
    shown = show(found.query, found.paths["d1"], made[1])
    assert shown.text.count("~") == 1
    assert shown.values == {**EMPTY, **CLEAR}
    earlier = replace(held, document=Document.parse({**_kept(made[0]), "chain": None}))
    (found,) = matched(query(trusting), earlier, now=now)
    assert found.candidates == ()


def _kept(document):
    return parse_object(compact_json(document.to_json()))


def test_document_and_copy_come_back_as_they_were_kept_and_a_copy_without_index_gets_one(made):
    document, copy = made
    assert Document.parse(_kept(document)) == document
    kept = parse_object(compact_json(copy.to_json()))
    assert Copy.parse(kept) == copy
    del kept["index"]
    assert Copy.parse(kept) == copy
    with pytest.raises(Error):
        Copy.parse({**kept, "index": "x"})


def prepare(with_degree, peers, value, choices, world):
    verified = with_degree.read_request(peers.verifier.link()).verified
    verified = replace(verified, request=replace(verified.request, query=Query.parse(value)))
    return present.prepare(
        verified,
        choices,
        consent_key=PrivateKey.generate().public_key,
        log=LOG,
        language="en",
        now=world.clock.now(),
    )


def test_record_lists_what_was_asked_and_what_was_shown_by_path(with_degree, peers, made, held, world):
    value = asking(["address", "town"], ["courses", None, "grade"], ["languages", 1])
    (found,) = matched(value, held, now=world.clock.now())
    choice = Choice("one", "c1", made[0], made[1], found.paths["d1"])
    record = records.parse(prepare(with_degree, peers, value, [choice], world).record)
    asked = {("address", "town"), ("courses", "*", "grade"), ("languages", "1")}
    assert {each.claim for each in record.claims_requested} == asked
    assert {each.claim for each in record.claims_presented} == {
        *asked,
        ("courses", "*", "name"),
        ("country", "code"),
    }


def test_record_of_a_document_that_shows_nothing_about_the_person_names_its_type(with_degree, peers, made, world):
    document, copy = made
    issued = sd_jwt.issue(
        {"vct": TYPE, "a": 1}, [("a",)], world.parties["universitat"].issuer_key, typ="dc+sd-jwt"
    )
    bare = Copy(issued, copy.holder_key, SelectionIndex.make(issued))
    prepared = prepare(with_degree, peers, query(credential()), [Choice("one", "c", document, bare, ())], world)
    record = records.parse(prepared.record)
    assert record.claims_requested == record.claims_presented == (records.ClaimReference(TYPE, ("vct",)),)


@pytest.mark.case("W25")
def test_share_when_choices_do_not_answer_the_whole_query_is_refused(with_degree, peers, made, world):
    document, copy = made
    right = Choice("one", "c1", document, copy, (("address", "town"), ("resident",)))
    value = asking(["address", "town"], ["resident"])
    prepare(with_degree, peers, value, [right], world)
    for choices in (
        [],
        [right, right],
        [replace(right, query_id="two")],
        [right, replace(right, query_id="two")],
        [replace(right, paths=(("resident",),))],
        [replace(right, paths=(("address", "town"),))],
    ):
        with pytest.raises(RequestError) as caught:
            prepare(with_degree, peers, value, choices, world)
        assert caught.value.code == "access_denied"


@pytest.mark.case("W29")
@pytest.mark.parametrize("value", ["Mariona", "Nuria"])
def test_query_for_a_value_tells_the_office_nothing_before_the_person_decides(with_degree, peers, value):
    """However often it is asked, and whether the document holds the value or not."""

    def asks(made):
        wanted = made.query.credentials[0]
        claims = tuple(
            replace(claim, values=(value,)) if claim.path == ("given_name",) else claim for claim in wanted.claims
        )
        return replace(made, query=replace(made.query, credentials=(replace(wanted, claims=claims),)))

    peers.verifier.change = asks
    for _ in range(3):
        decision = with_degree.read_request(peers.verifier.link())
        assert bool(decision.missing) is (value == "Nuria")
    assert (peers.verifier.received, peers.verifier.refusals, peers.ledger.entries) == ([], [], [])
