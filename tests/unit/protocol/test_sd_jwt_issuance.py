# SPDX-License-Identifier: EUPL-1.2
"""SD-JWT: what the issuer signs (RFC 9901, sections 4.2 and 6)."""

import math

import pytest

from protocol import jws, sd_jwt
from protocol.encoding import b64url_decode, compact_json
from protocol.errors import RequestError
from protocol.keys import Algorithm, PrivateKey
from protocol.sd_jwt import UnverifiedSDJWT, conceal, rebuild, rebuild_with_paths

KEY = PrivateKey.generate()
ADDRESS = {"street": "Carrer Major 1", "geo": {"lat": 41, "lon": 2}}
CLAIMS = {"iss": "x", "name": "Núria", "address": ADDRESS, "nationalities": ["ES", {"code": "FR"}, ["x", "y"]]}


def open_again(payload, disclosures):
    return rebuild_with_paths(payload, [sd_jwt.Disclosure.parse(each) for each in disclosures])


@pytest.mark.parametrize(
    "selective",
    [
        [],
        [("name",)],
        [("address",), ("name",)],
        [("address", "street"), ("address", "geo")],
        [("address",), ("address", "street"), ("address", "geo"), ("address", "geo", "lat")],
        [("nationalities", 0), ("nationalities", 2)],
        [("nationalities",), ("nationalities", 1), ("nationalities", 1, "code"), ("nationalities", 2, 1)],
        [(name,) for name in CLAIMS],
    ],
    ids=["none", "flat", "two", "structured", "recursive", "elements", "elements-recursive", "all"],
)
def test_issued_claims_come_back_whole_and_exactly_the_listed_paths_were_disclosed(selective):
    text = sd_jwt.issue(CLAIMS, selective, KEY, typ="dc+sd-jwt", kid="k1")
    parsed = UnverifiedSDJWT.parse(text)
    payload = jws.verify_claims(parsed.issuer_jwt, KEY.public_key, typ="dc+sd-jwt")
    assert parsed.issuer_jwt.header["kid"] == "k1"
    rebuilt = rebuild_with_paths(payload, parsed.disclosures)
    assert rebuilt.claims == CLAIMS
    assert set(rebuilt.disclosed) == set(selective)
    assert ("_sd_alg" in payload) is bool(selective)


def test_structured_claims_stay_where_they_are_and_recursive_ones_are_in_their_parent():
    structured, _ = conceal(CLAIMS, [("address", "street")])
    assert structured["address"].keys() == {"_sd", "geo"}
    recursive, disclosures = conceal(CLAIMS, [("address", "street"), ("address",)])
    assert "address" not in recursive
    opened = open_again(recursive, disclosures)
    assert opened.disclosed["address",].value.keys() == {"_sd", "geo"}


def test_digests_are_sorted_so_that_their_order_says_nothing():
    claims = {f"n{number}": number for number in range(20)}
    payload, _ = conceal(claims, [(name,) for name in claims], decoys={(): 5})
    assert payload["_sd"] == sorted(payload["_sd"])
    assert len(set(payload["_sd"])) == 25


@pytest.mark.case("S13")
def test_issuer_gives_each_disclosure_of_each_credential_a_salt_of_its_own():
    claims = {f"n{number}": 1 for number in range(50)} | {"list": [1, 1, 1]}
    paths = [*((name,) for name in claims), ("list", 0), ("list", 1), ("list", 2)]
    salts = [sd_jwt.Disclosure.parse(each).salt for _ in range(2) for each in conceal(claims, paths)[1]]
    assert len(set(salts)) == 2 * len(paths)
    # 144 bits each
    assert {len(b64url_decode(salt)) for salt in salts} == {18}


def test_decoys_look_like_digests_and_disclose_nothing():
    decoys = {(): 3, ("address",): 2, ("nationalities",): 4, ("address", "geo"): 0}
    payload, disclosures = conceal(CLAIMS, [("name",)], decoys=decoys)
    assert len(payload["_sd"]) == 4
    assert len(payload["address"]["_sd"]) == 2
    assert "_sd" not in payload["address"]["geo"]
    hidden = [item for item in payload["nationalities"] if isinstance(item, dict) and "..." in item]
    assert len(hidden) == 4
    assert {len(digest) for digest in [*payload["_sd"], *(item["..."] for item in hidden)]} == {43}
    assert open_again(payload, disclosures).claims == CLAIMS


def test_decoys_alone_make_an_sd_jwt_too():
    payload, disclosures = conceal({"a": 1}, [], decoys={(): 1}, hash_name="sha-512")
    assert disclosures == []
    assert payload["_sd_alg"] == "sha-512"
    assert len(payload["_sd"][0]) == 86
    assert conceal({"a": 1}, [], decoys={(): 0}) == ({"a": 1}, [])


def test_decoys_in_an_array_may_be_anywhere_between_the_elements():
    seen = set()
    for _ in range(100):
        payload, _ = conceal({"list": [1, 2]}, [], decoys={("list",): 1})
        seen.add(next(place for place, item in enumerate(payload["list"]) if isinstance(item, dict)))
    assert seen == {0, 1, 2}


@pytest.mark.parametrize("hash_name", sd_jwt.HASHES)
def test_every_hash_that_is_allowed_can_be_issued(hash_name):
    text = sd_jwt.issue(CLAIMS, [("name",)], KEY, typ="dc+sd-jwt", hash_name=hash_name, decoys={(): 1})
    parsed = UnverifiedSDJWT.parse(text)
    payload = parsed.issuer_jwt.claims()
    assert payload["_sd_alg"] == hash_name
    assert rebuild(payload, parsed.disclosures) == CLAIMS
    assert {len(digest) for digest in payload["_sd"]} == {len(parsed.disclosures[0].digest_by(hash_name))}


def test_algorithm_is_that_of_the_signer():
    key = PrivateKey.generate(Algorithm.ES384)
    parsed = UnverifiedSDJWT.parse(sd_jwt.issue({"a": 1}, [("a",)], key, typ="dc+sd-jwt"))
    assert parsed.issuer_jwt.header["alg"] == "ES384"
    jws.verify(parsed.issuer_jwt, key.public_key, typ="dc+sd-jwt")


def test_salts_of_a_vector_are_used_path_by_path():
    salts = {("address",): "salt-1", ("address", "street"): "salt-2", ("name",): "salt-3"}
    first = conceal(CLAIMS, [*salts], salts=salts)
    assert first == conceal(CLAIMS, [*salts], salts=salts)
    opened = open_again(*first)
    assert {path: each.salt for path, each in opened.disclosed.items()} == salts


def test_issued_claims_are_left_as_they_were():
    before = compact_json(CLAIMS)
    conceal(CLAIMS, [("address", "geo", "lat"), ("nationalities", 1, "code")], decoys={("nationalities",): 1})
    assert compact_json(CLAIMS) == before


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ((), "a path to a claim"),
        (("nobody",), "no claim"),
        (("name", "first"), "neither object nor array"),
        (("address", 0), "no claim"),
        (("nationalities", "0"), "no claim"),
        (("nationalities", "ES"), "no claim"),
        (("address", "geo", "lat", 0, 0), "no claim"),
        (("nationalities", 3), "no claim"),
        (("nationalities", -1), "no claim"),
        (("nationalities", True), "no claim"),
        (("nobody", "a"), "no claim"),
    ],
)
def test_path_that_leads_nowhere_is_the_callers_mistake(path, match):
    with pytest.raises(ValueError, match=match):
        conceal(CLAIMS, [path])


@pytest.mark.parametrize("path", [("name",), ("nationalities", 0)])
def test_path_that_is_given_twice_is_the_callers_mistake(path):
    with pytest.raises(ValueError, match="given twice"):
        conceal(CLAIMS, [path, path])


@pytest.mark.parametrize(
    "wrong", [{"hash_name": "sha-1"}, {"hash_name": "sha3-224"}, {"decoys": {(): -1}}, {"decoys": {("name",): 1}}]
)
def test_hash_or_decoys_that_make_no_sense_are_the_callers_mistake(wrong):
    with pytest.raises(ValueError, match=r"expected a hash|neither object"):
        conceal(CLAIMS, [], **wrong)


@pytest.mark.case("S2")
@pytest.mark.parametrize("name", ["_sd", "...", "_sd_alg"])
def test_claim_with_a_reserved_name_is_not_issued(name):
    for claims in ({name: 1}, {"a": {name: 1}}, {"a": [[{name: 1}]]}):
        with pytest.raises(RequestError, match="reserves"):
            conceal(claims, [])


def nested(levels, value=1):
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.case("S12")
def test_depth_number_and_length_at_their_limits_are_issued_and_over_them_not():
    deepest = nested(sd_jwt.MAX_DEPTH + 1)
    path = ("a",) * (sd_jwt.MAX_DEPTH + 1)
    assert open_again(*conceal(deepest, [path])).claims == deepest
    with pytest.raises(RequestError, match="deeper than 16"):
        conceal(nested(sd_jwt.MAX_DEPTH + 2), [])
    lists = []
    for _ in range(sd_jwt.MAX_DEPTH - 1):
        lists = [lists]
    assert conceal({"a": lists}, [])[0] == {"a": lists}
    with pytest.raises(RequestError, match="deeper than 16"):
        conceal({"a": [lists]}, [])
    many = {f"n{number}": 1 for number in range(sd_jwt.MAX_DISCLOSURES + 1)}
    paths = [(name,) for name in many]
    assert len(open_again(*conceal(many, paths[1:])).disclosed) == sd_jwt.MAX_DISCLOSURES
    with pytest.raises(RequestError, match="too many"):
        conceal(many, paths)
    assert len(conceal({"a": 1}, [("a",)], decoys={(): sd_jwt.MAX_DIGESTS - 1})[0]["_sd"]) == sd_jwt.MAX_DIGESTS
    with pytest.raises(RequestError, match="too many"):
        conceal({"a": 1}, [("a",)], decoys={(): sd_jwt.MAX_DIGESTS})


@pytest.mark.case("S12")
def test_text_at_its_length_is_issued_and_over_it_not():
    def issue(length, kid):
        return sd_jwt.issue({"iss": "x", "a": "x" * length}, [("a",)], KEY, typ="dc+sd-jwt", kid="k" * kid)

    # base64 grows by two, one and one characters: two lengths together reach every number
    near = (jws.MAX_TOKEN_CHARS - len(issue(0, 0))) // 4 * 3
    tried = ((near - less, kid) for less in range(12, 3, -1) for kid in range(8))
    length, kid = next(each for each in tried if len(issue(*each)) == jws.MAX_TOKEN_CHARS)
    UnverifiedSDJWT.parse(issue(length, kid))
    with pytest.raises(RequestError, match="longer than"):
        issue(length + 1, kid)


def test_number_that_json_does_not_have_is_not_issued():
    for path in ([], [("a",)]):
        with pytest.raises(ValueError, match="JSON"):
            sd_jwt.issue({"a": math.nan}, path, KEY, typ="dc+sd-jwt")
