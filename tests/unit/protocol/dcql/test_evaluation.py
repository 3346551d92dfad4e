# SPDX-License-Identifier: EUPL-1.2
"""The wallet's half: which credentials answer a query, what of them, and when nothing is answered at all."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from protocol.dcql import FORMAT, Query, check_formats, evaluate
from protocol.dcql.authorities import key_identifiers
from protocol.encoding import b64url_encode
from protocol.errors import RequestError
from protocol.x509 import MAX_CHAIN
from tests.fakes.dcql_queries import OTHER_TYPE, TYPE, asking, candidate, credential, query


def answer(value, *held, **how):
    return evaluate(Query.parse(value), held or (candidate(),), **how)


def shown(value, *held):
    """Return what the first candidate shows for the first credential query; None when nothing does."""
    found = next(iter(answer(value, *held).selections.values()))
    return set(found[0].paths) if found else None


# the examples of section 7.3, and every way in which processing ends in an error (section 7.1)
PATHS = [
    (["name"], {("name",)}),
    (["address"], {("address",)}),
    (["address", "street_address"], {("address", "street_address")}),
    (["degrees", None, "type"], {("degrees", 0, "type"), ("degrees", 1, "type")}),
    (["degrees", None], {("degrees", 0), ("degrees", 1)}),
    (["degrees", 1, "type"], {("degrees", 1, "type")}),
    (["nationalities", 1], {("nationalities", 1)}),
    (["nationalities", 2], None),
    (["nationalities", "0"], None),
    (["missing"], None),
    (["name", "first"], None),
    (["name", None], None),
    (["name", 0], None),
    (["address", 0], None),
    (["address", None], None),
    (["degrees", "type"], None),
    ([None], None),
    ([0, "name"], None),
]


@pytest.mark.parametrize(("path", "places"), PATHS)
def test_path_selects_what_the_specification_says(path, places):
    assert shown(asking(path)) == places


def test_path_drops_elements_without_the_name_and_fails_on_elements_of_another_kind():
    one = candidate(degrees=[{"type": "a"}, {}])
    assert shown(asking(["degrees", None, "type"]), one) == {("degrees", 0, "type")}
    assert shown(asking(["degrees", None, "type"]), candidate(degrees=[{"type": "a"}, "b"])) is None
    assert shown(asking(["degrees", None, None]), candidate(degrees=[["a"], "b"])) is None
    assert shown(asking(["degrees", None, 1]), candidate(degrees=[["a"], ["b", "c"]])) == {("degrees", 1, 1)}
    assert shown(asking(["degrees", None]), candidate(degrees=[])) is None
    both = candidate(degrees=[["a", "b"], ["c"]])
    assert shown(asking(["degrees", None, None]), both) == {
        ("degrees", 0, 0),
        ("degrees", 0, 1),
        ("degrees", 1, 0),
    }


@pytest.mark.case("W25", "V15")
@pytest.mark.parametrize(
    ("path", "values", "places"),
    [
        (["name"], ["Arthur Dent"], {("name",)}),
        (["name"], ["arthur dent"], None),
        (["year"], [1978], {("year",)}),
        (["year"], ["1978"], None),
        (["year"], [True], None),
        (["adult"], [True], {("adult",)}),
        (["adult"], [1], None),
        (["adult"], [False, True], {("adult",)}),
        (["address"], ["x"], None),
        (["nationalities", None], ["Betelgeusian"], {("nationalities", 1)}),
        (["degrees", None, "type"], ["Master of Science"], {("degrees", 1, "type")}),
        (["degrees", None, "type"], ["Doctor"], None),
    ],
)
def test_value_of_another_type_or_content_counts_as_not_there(path, values, places):
    assert shown(query(credential(claims=[{"path": path, "values": values}]))) == places


def test_float_is_no_integer():
    assert shown(query(credential(claims=[{"path": ["year"], "values": [1978]}])), candidate(year=1978.0)) is None


def test_credential_without_claims_shows_nothing_that_can_be_hidden():
    assert shown(query(credential())) == set()


def test_several_claims_are_shown_together_and_each_place_once():
    assert shown(asking(["name"], ["address", "locality"], ["degrees", 0], ["degrees", None])) == {
        ("name",),
        ("address", "locality"),
        ("degrees", 0),
        ("degrees", 1),
    }


NAMED = [{"id": name[0], "path": [name]} for name in ("name", "missing", "year")]


@pytest.mark.parametrize(
    ("sets", "places"),
    [
        ([["n"], ["y"]], {("name",)}),
        ([["m"], ["y"]], {("year",)}),
        ([["n", "m"], ["y", "n"]], {("name",), ("year",)}),
        ([["n", "n"]], {("name",)}),
        ([["m"], []], set()),
        ([["m"], ["m", "n"]], None),
    ],
)
def test_first_claim_set_that_can_be_satisfied_is_shown(sets, places):
    assert shown(query(credential(claims=NAMED, claim_sets=sets))) == places


@pytest.mark.case("V13", "W25")
def test_credential_of_another_type_is_not_offered():
    assert shown(asking(["name"]), candidate(vct=OTHER_TYPE)) is None
    both = query(credential(meta={"vct_values": [OTHER_TYPE, TYPE]}))
    assert len(answer(both, candidate(), candidate("b", vct=OTHER_TYPE)).selections["one"]) == 2


def test_candidates_keep_the_order_in_which_they_are_offered():
    found = answer(asking(["name"]), candidate("b"), candidate("c", name=None), candidate("a"))
    assert [each.candidate.id for each in found.selections["one"]] == ["b", "a"]
    assert (found.chosen, found.missing) == (("one",), ())


ONE, TWO = credential("one"), credential("two", meta={"vct_values": [OTHER_TYPE]})
THREE = credential("three", claims=[{"path": ["missing"]}])
MDOC = credential("mdoc", format="mso_mdoc", meta={"doctype_value": "x"})


@pytest.mark.case("W25")
@pytest.mark.parametrize(
    ("value", "chosen", "missing"),
    [
        (query(ONE), ("one",), ()),
        (query(ONE, TWO), (), ("two",)),
        (query(TWO, ONE), (), ("two",)),
        (query(ONE, MDOC), (), ("mdoc",)),
        (query(ONE, TWO, credential_sets=[{"options": [["two"], ["one"]]}]), ("one",), ()),
        (query(ONE, MDOC, credential_sets=[{"options": [["mdoc"], ["one"]]}]), ("one",), ()),
        (query(ONE, TWO, MDOC, credential_sets=[{"options": [["mdoc"], ["two"]]}]), (), ("two",)),
        (query(ONE, MDOC, credential_sets=[{"options": [["mdoc", "one"]]}]), (), ("mdoc",)),
        (query(ONE, TWO, THREE, credential_sets=[{"options": [["one", "two"], ["three"]]}]), (), ("two",)),
        (query(ONE, TWO, credential_sets=[{"options": [["one"]]}, {"options": [["two"]]}]), (), ("two",)),
        (query(ONE, TWO, credential_sets=[{"options": [["one"]]}]), ("one",), ()),
        (
            query(ONE, TWO, credential_sets=[{"options": [["two"]], "required": False}, {"options": [["one"]]}]),
            ("one",),
            (),
        ),
        (
            query(ONE, TWO, THREE, credential_sets=[{"options": [["two"]]}, {"options": [["three"]]}]),
            (),
            ("two", "three"),
        ),
        (
            query(ONE, TWO, credential_sets=[{"options": [["one"]]}, {"options": [["two"]], "required": False}]),
            ("one",),
            (),
        ),
        (query(ONE, credential_sets=[{"options": [["one"]], "required": False}]), (), ()),
    ],
)
def test_query_is_answered_whole_or_not_at_all(value, chosen, missing):
    found = answer(value)
    assert (found.chosen, found.missing) == (chosen, missing)
    assert found.selections.keys() == {each["id"] for each in value["credentials"]}
    assert all(found.selections[name] for name in chosen)
    assert not any(found.selections[name] for name in missing)


def test_optional_sets_are_answered_only_when_the_caller_says_so():
    value = query(
        ONE,
        TWO,
        credential("four"),
        credential_sets=[
            {"options": [["one"]]},
            {"options": [["two"]], "required": False},
            {"options": [["two"], ["four"]], "required": False},
        ],
    )
    assert answer(value).chosen == ("one",)
    assert answer(value, optional={1}).chosen == ("one",)
    assert answer(value, optional={1, 2}).chosen == ("one", "four")


def test_formats_when_none_is_ours_are_refused_by_their_own_code():
    with pytest.raises(RequestError) as caught:
        check_formats(Query.parse(query(MDOC)))
    assert caught.value.code == "vp_formats_not_supported"
    assert caught.value.message == "only dc+sd-jwt is supported"
    check_formats(Query.parse(query(MDOC, ONE)))
    assert answer(query(MDOC, ONE)).chosen == ()


def certificate(key_identifier=b"\x01" * 20, *, with_extension=True):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    if with_extension:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier(key_identifier, None, None), critical=False)
    made = builder.sign(key, hashes.SHA256())
    return base64.b64encode(made.public_bytes(Encoding.DER)).decode()


OURS = b64url_encode(b"\x01" * 20)


def trusting(*authorities):
    return query(
        credential(trusted_authorities=[{"type": kind, "values": values} for kind, values in authorities])
    )


@pytest.mark.parametrize(
    ("authorities", "is_offered"),
    [
        ([("aki", [OURS])], True),
        ([("aki", ["AAAA", OURS])], True),
        ([("own", ["x"]), ("aki", [OURS])], True),
        ([("aki", ["AAAA"])], False),
        ([("aki", [OURS + "="])], False),
        ([("etsi_tl", [OURS])], False),
        ([("openid_federation", [OURS])], False),
        ([("own", [OURS])], False),
    ],
)
def test_trusted_authority_is_compared_with_the_chain(authorities, is_offered):
    chain = [certificate(b"\x02" * 20), certificate()]
    assert (answer(trusting(*authorities), candidate(chain=chain)).chosen == ("one",)) is is_offered
    assert answer(trusting(*authorities), candidate()).chosen == ()


def test_chain_that_cannot_be_read_has_no_authority():
    good = certificate()
    assert key_identifiers([good]) == {OURS}
    assert key_identifiers([good] * MAX_CHAIN) == {OURS}
    for chain in (
        None,
        "x",
        {},
        [1],
        ["!"],
        ["AAAA"],
        [good[:8] + "\n" + good[8:]],
        [good] * (MAX_CHAIN + 1),
        [certificate(None)],
    ):
        assert key_identifiers(chain) == frozenset()
    assert key_identifiers([certificate(with_extension=False), good]) == {OURS}


def test_values_and_keys_are_in_no_representation():
    made = candidate(chain=["certificate"])
    assert repr(made) == "Candidate(id='a')"
    assert FORMAT == "dc+sd-jwt"
