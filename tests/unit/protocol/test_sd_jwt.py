# SPDX-License-Identifier: EUPL-1.2
"""SD-JWT: what is parsed and rebuilt, and what is refused (RFC 9901, sections 4 and 7.1)."""

import pytest

from protocol import jws, sd_jwt
from protocol.encoding import b64url_encode, compact_json
from protocol.errors import Check, Error, RequestError, VerificationError
from protocol.keys import PrivateKey
from protocol.sd_jwt import Disclosure, UnverifiedSDJWT, rebuild, rebuild_with_paths, rebuilding

KEY = PrivateKey.generate()
TOKEN = jws.sign({"iss": "x"}, KEY, typ="dc+sd-jwt")


def raw(*parts):
    return b64url_encode(compact_json(list(parts)))


def read(*parts):
    return Disclosure.parse(raw(*parts))


def digest(disclosure):
    return disclosure.digest_by("sha-256")


def refused(payload, *disclosures, match=None):
    with pytest.raises(VerificationError, match=match) as caught:
        rebuild(payload, disclosures)
    assert caught.value.check is Check.DISCLOSURES


def nested(levels, value=1):
    for _ in range(levels):
        value = {"a": value}
    return value


def test_digest_of_the_example_disclosure_of_the_rfc():
    encoded = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    disclosure = Disclosure.parse(encoded)
    assert digest(disclosure) == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
    assert disclosure[1:] == ("_26bc4LT-ac6q2KI6cBW5es", "family_name", "Möbius")


def test_disclosure_shows_neither_salt_nor_value_when_printed():
    assert f"{read('secret-salt', 'name', 'secret value')} {[read('s', 'v')]!r}" == (
        "Disclosure('name') [Disclosure(None)]"
    )


def test_disclosure_when_made_has_a_salt_of_its_own():
    one, two = Disclosure.make("a", 1), Disclosure.make("a", 1)
    assert one.salt != two.salt
    assert len(one.salt) == sd_jwt.SALT_BYTES // 3 * 4
    assert Disclosure.parse(one.encoded) == one
    assert Disclosure.make(None, {"ç": [None, 1.5, True]}, salt='"').encoded == raw('"', {"ç": [None, 1.5, True]})


@pytest.mark.case("S1")
@pytest.mark.parametrize(
    "encoded",
    [
        raw(),
        raw("s"),
        raw("s", "n", 1, 2),
        raw(1, "n", 2),
        raw("s", 1, 2),
        raw(1, 2),
        raw(None),
        *map(b64url_encode, [b"{}", b'{"a":1}', b'"ab"', b'"abc"', b"12", b"null"]),
    ],
)
def test_disclosure_of_another_shape_is_refused(encoded):
    with pytest.raises(VerificationError, match="another shape") as caught:
        Disclosure.parse(encoded)
    assert caught.value.check is Check.DISCLOSURES


@pytest.mark.case("S2")
@pytest.mark.parametrize("name", ["_sd", "...", "_sd_alg"])
def test_disclosure_of_a_reserved_name_is_refused(name):
    with pytest.raises(VerificationError, match="shape"):
        Disclosure.parse(raw("s", name, ["digest"]))


@pytest.mark.case("S2")
@pytest.mark.parametrize("payload", [{"...": "d"}, {"a": {"...": "d"}}, {"a": {"_sd_alg": "sha-256"}}])
def test_reserved_name_in_the_payload_is_refused(payload):
    refused(payload, match="reserved name")


@pytest.mark.case("S2")
def test_reserved_name_inside_a_disclosed_value_is_refused():
    for value in ({"...": "d"}, {"_sd_alg": "sha-256"}, [{"a": {"...": "d"}}]):
        claim, element = read("s", "a", value), read("s", value)
        refused({"_sd": [digest(claim)]}, claim, match="reserved name")
        refused({"a": [{"...": digest(element)}]}, element, match="reserved name")


@pytest.mark.case("S3")
def test_claim_that_is_already_there_is_refused():
    for value in (1, {"b": 2}, None):
        one = read("s", "iss", 1)
        refused({"iss": value, "_sd": [digest(one)]}, one, match="given twice")
        refused({"a": {"iss": value, "_sd": [digest(one)]}}, one, match="given twice")


@pytest.mark.case("S3")
def test_two_disclosures_of_one_name_at_one_level_are_refused():
    one, two = read("s", "a", 1), read("t", "a", 2)
    refused({"_sd": [digest(one), digest(two)]}, one, two, match="given twice")
    assert rebuild({"_sd": [digest(one)], "b": {"_sd": [digest(two)]}}, [one, two]) == {"b": {"a": 2}, "a": 1}


@pytest.mark.case("S4")
def test_digest_that_occurs_twice_anywhere_is_refused():
    one = read("s", "a", 1)
    refused({"_sd": [digest(one), digest(one)]}, one, match="occurs twice")
    refused({"_sd": ["d"], "sub": {"_sd": ["d"]}}, match="occurs twice")
    refused({"a": [{"...": "d"}, {"...": "d"}]}, match="occurs twice")
    refused({"_sd": ["d"], "a": [{"...": "d"}]}, match="occurs twice")
    inside = read("t", "b", {"_sd": ["d"]})
    refused({"_sd": ["d", digest(inside)]}, inside, match="occurs twice")


@pytest.mark.case("S4", "S5")
def test_disclosure_that_is_given_twice_is_refused():
    one = read("s", "a", 1)
    refused({"_sd": [digest(one)]}, one, one, match="disclosure is given twice")


@pytest.mark.case("S5")
def test_disclosure_that_no_digest_references_is_refused():
    refused({"iss": "x"}, read("s", "a", 1), match="no digest")
    one = read("s", "a", 1)
    refused({"iss": digest(one), "a": [digest(one)]}, one, match="no digest")


@pytest.mark.case("S6")
def test_disclosure_whose_parent_is_not_shown_is_refused():
    child = read("s", "street", 1)
    parent = read("t", "address", {"_sd": [digest(child)]})
    payload = {"_sd": [digest(parent)]}
    assert rebuild(payload, [child, parent]) == {"address": {"street": 1}}
    assert rebuild(payload, [parent]) == {"address": {}}
    refused(payload, child, match="no digest")


@pytest.mark.case("S7")
@pytest.mark.parametrize(
    "name",
    ["sha-1", "md5", "sha-256-128", "sha3-224", "SHA-256", "sha256", "shake256", "", None, 1, ["sha-256"]],
)
def test_hash_that_is_unknown_or_weak_is_refused(name):
    refused({"_sd_alg": name}, match="_sd_alg")


@pytest.mark.parametrize("name", sd_jwt.HASHES)
def test_every_hash_of_the_registry_with_256_bits_or_more_is_taken(name):
    one = read("s", "a", 1)
    payload = {"_sd_alg": name, "_sd": [one.digest_by(name)]}
    assert rebuild(payload, [one]) == {"a": 1}
    assert sd_jwt.read_hash_name(payload) == name
    # as bytes: at least 32 of them
    assert len(one.digest_by(name)) in {43, 64, 86}


def test_digest_by_another_hash_than_the_named_one_is_no_reference():
    one = read("s", "a", 1)
    refused({"_sd_alg": "sha-512", "_sd": [digest(one)]}, one, match="no digest")
    refused({"_sd": [one.digest_by("sha-512")]}, one, match="no digest")


@pytest.mark.case("S8")
def test_issuer_jwt_without_algorithm_is_refused():
    header, payload, _ = TOKEN.split(".")
    for algorithm in ("none", "None", "HS256", None):
        header = b64url_encode(compact_json({"alg": algorithm, "typ": "dc+sd-jwt"}))
        for signature in ("", b64url_encode(bytes(64))):
            parsed = UnverifiedSDJWT.parse(f"{header}.{payload}.{signature}~")
            with pytest.raises(VerificationError) as caught:
                jws.verify(parsed.issuer_jwt, KEY.public_key, typ="dc+sd-jwt")
            assert caught.value.check is Check.SIGNATURE


@pytest.mark.case("S9")
@pytest.mark.parametrize("digests", ["x", [1], {"a": 1}, [None], None, 1, True, ["d", 2], [["d"]], [{"a": "b"}]])
def test_sd_that_is_no_array_of_strings_is_refused(digests):
    refused({"_sd": digests}, match="array of strings")
    refused({"a": {"_sd": digests}}, match="array of strings")


@pytest.mark.case("S9")
@pytest.mark.parametrize("item", [{"...": 1}, {"...": None}, {"...": ["d"]}, {"...": "d", "a": "e"}, {"...": {}}])
def test_array_element_that_is_no_single_digest_is_refused(item):
    refused({"a": [item]}, match="array element")


def test_sd_without_digests_leaves_an_empty_object():
    assert rebuild({"_sd": [], "a": {"_sd": ["d"]}, "b": [{"_sd": []}]}, []) == {"a": {}, "b": [{}]}


@pytest.mark.case("S10")
@pytest.mark.parametrize(
    "encoded",
    [
        raw("s", "name", 1) + "=",
        raw("s", "name", 1) + "\n",
        b64url_encode(b'["s","a",1] ') + " ",
        "WyJzIiwiYSIsMV1",
        "!",
        "",
        "é",
        b64url_encode(b'["s","a","\xff"]'),
        b64url_encode(b'["s","a",{"b":1,"b":2}]'),
        b64url_encode(b'["s","a",NaN]'),
        b64url_encode(b'["s","a","\\ud800"]'),
        b64url_encode(b'["s","a",1]x'),
        b64url_encode(b'["s","a",1'),
    ],
)
def test_disclosure_that_is_no_strict_base64url_or_json_is_refused(encoded):
    with pytest.raises(VerificationError, match="not base64url JSON") as caught:
        Disclosure.parse(encoded)
    assert caught.value.check is Check.DISCLOSURES


def test_white_space_in_a_disclosure_is_part_of_what_is_hashed_and_nothing_else():
    spaced = Disclosure.parse(b64url_encode(b' [ "s" ,"a",1 ]\r\n'))
    assert spaced[1:] == read("s", "a", 1)[1:]
    assert digest(spaced) != digest(read("s", "a", 1))


@pytest.mark.case("S11")
def test_text_without_its_last_tilde_or_with_two_key_bindings_is_refused():
    one = raw("s", "a", 1)
    for text in (
        TOKEN,
        f"{TOKEN}~{one}",
        f"{TOKEN}~{TOKEN}~{TOKEN}",
        f"{TOKEN}~{one}~{TOKEN}~",
        "",
        "~",
        f"~{one}~",
    ):
        with pytest.raises(Error):
            UnverifiedSDJWT.parse(text)
    with pytest.raises(RequestError, match="tilde"):
        UnverifiedSDJWT.parse(TOKEN)


def test_parts_of_a_presentation_are_told_apart():
    one = raw("s", "a", 1)
    parsed = UnverifiedSDJWT.parse(f"{TOKEN}~{one}~{TOKEN}")
    assert parsed.issuer_jwt.token == parsed.key_binding_jwt == TOKEN
    assert parsed.disclosures == (read("s", "a", 1),)
    assert parsed.signed_part == f"{TOKEN}~{one}~"
    plain = UnverifiedSDJWT.parse(f"{TOKEN}~")
    assert (plain.disclosures, plain.key_binding, plain.key_binding_jwt) == ((), None, None)
    assert plain.signed_part == f"{TOKEN}~"


@pytest.mark.case("S12")
def test_disclosures_at_their_number_are_taken_and_over_it_refused():
    many = [read(str(number), f"n{number}", 1) for number in range(sd_jwt.MAX_DISCLOSURES + 1)]
    text = f"{TOKEN}~" + "~".join(each.encoded for each in many[:-1]) + "~"
    assert len(UnverifiedSDJWT.parse(text).disclosures) == sd_jwt.MAX_DISCLOSURES
    with pytest.raises(VerificationError, match="more than 512 disclosures"):
        UnverifiedSDJWT.parse(f"{text}{many[-1].encoded}~")
    digests = [digest(each) for each in many]
    assert len(rebuild({"_sd": digests}, many[:-1])) == sd_jwt.MAX_DISCLOSURES
    refused({"_sd": digests}, *many, match="more than 512 disclosures")


@pytest.mark.case("S12")
def test_digests_at_their_number_are_taken_and_over_it_refused():
    digests = [f"d{number}" for number in range(sd_jwt.MAX_DIGESTS)]
    assert rebuild({"_sd": digests[1:], "a": [{"...": digests[0]}]}, []) == {"a": []}
    refused({"_sd": [*digests, "more"]}, match="more than 2048 digests")
    refused({"_sd": digests, "a": [{"...": "more"}]}, match="more than 2048 digests")


@pytest.mark.case("S12")
def test_depth_at_its_limit_is_taken_and_over_it_refused():
    deep = nested(sd_jwt.MAX_DEPTH + 1)
    assert rebuild(deep, []) == deep
    refused(nested(sd_jwt.MAX_DEPTH + 2), match="deeper than 16")
    refused({"a": nested(sd_jwt.MAX_DEPTH, [])}, match="deeper than 16")
    one = read("s", "a", nested(sd_jwt.MAX_DEPTH))
    assert rebuild({"_sd": [digest(one)]}, [one]) == deep
    refused({"b": {"_sd": [digest(one)]}}, one, match="deeper than 16")


@pytest.mark.case("S12")
def test_recursion_through_disclosures_is_bounded():
    chain = [read("0", "a", 1)]
    for level in range(1, sd_jwt.MAX_DEPTH + 2):
        chain.append(read(str(level), "a", {"_sd": [digest(chain[-1])]}))
    *fits, too_deep = chain
    assert rebuild({"_sd": [digest(fits[-1])]}, fits) == nested(sd_jwt.MAX_DEPTH + 1)
    refused({"_sd": [digest(too_deep)]}, *chain, match="deeper than 16")


@pytest.mark.case("S12")
def test_text_at_its_length_is_read_and_over_it_refused():
    with pytest.raises(RequestError, match="longer than 262144"):
        UnverifiedSDJWT.parse("a" * (jws.MAX_TOKEN_CHARS + 1))
    with pytest.raises(RequestError, match="tilde"):
        UnverifiedSDJWT.parse("a" * jws.MAX_TOKEN_CHARS)


@pytest.mark.case("S13")
def test_salt_that_is_used_twice_is_refused():
    one, two = read("s", "a", 1), read("s", "b", 2)
    refused({"_sd": [digest(one), digest(two)]}, one, two, match="salt")
    assert rebuild({"_sd": [digest(one), digest(two)]}, [two]) == {"b": 2}


def test_array_elements_that_are_hidden_leave_the_others_in_their_order():
    first, second = read("s", "ES"), read("t", ["x", {"...": "hidden"}])
    payload = {"list": [{"...": digest(second)}, "FR", {"...": "unknown"}, {"...": digest(first)}]}
    assert rebuild(payload, [first, second]) == {"list": [["x"], "FR", "ES"]}
    assert rebuild(payload, []) == {"list": ["FR"]}


def test_claim_in_place_of_an_element_and_element_in_place_of_a_claim_are_refused():
    element, claim = read("s", "ES"), read("s", "a", 1)
    refused({"_sd": [digest(element)]}, element, match="array element is disclosed")
    refused({"list": [{"...": digest(claim)}]}, claim, match="claim is disclosed")


def test_rebuilt_claims_say_which_of_them_came_through_disclosures():
    lat, element = read("1", "lat", 1), read("2", {"x": 1})
    geo = read("3", "geo", {"_sd": [digest(lat)], "lon": 2})
    payload = {"_sd": [digest(geo)], "list": [{"...": "hidden"}, 0, {"...": digest(element)}], "iss": "x"}
    rebuilt = rebuild_with_paths(payload, [lat, element, geo])
    assert rebuilt.claims == {"list": [0, {"x": 1}], "iss": "x", "geo": {"lon": 2, "lat": 1}}
    assert [*rebuilt.disclosed.items()] == [(("list", 1), element), (("geo",), geo), (("geo", "lat"), lat)]


def test_rebuild_leaves_what_it_was_given_as_it_was():
    one = read("1", "a", {"_sd": []})
    payload = {"b": {"_sd": [digest(one)]}, "_sd_alg": "sha-256", "c": [{"...": "d"}]}
    before = compact_json(payload)
    assert rebuild(payload, [one]) == {"b": {"a": {}}, "c": []}
    assert compact_json(payload) == before
    assert one.value == {"_sd": []}


@pytest.mark.case("S15")
@pytest.mark.parametrize("text", ['{"payload":"a~b"}', ' \n{"signatures":[]}', "{"])
def test_json_serialization_is_refused_where_nobody_asked_for_it(text):
    with pytest.raises(RequestError, match="compact form"):
        UnverifiedSDJWT.parse(text)


def test_each_part_is_looked_at_once_however_deep_something_is_concealed(monkeypatch):
    looked = []
    is_plain = rebuilding._is_plain
    monkeypatch.setattr(rebuilding, "_is_plain", lambda value, depth: looked.append(1) or is_plain(value, depth))
    payload = {"many": [[] for _ in range(50)], "last": {"_sd": ["b"]}}
    for _ in range(10):
        payload = {"many": [], "inner": payload}
    rebuilding.rebuild(payload, [])
    assert 50 < len(looked) < 100


def test_parsed_tokens_print_nothing_of_what_they_hold():
    key = PrivateKey.generate()
    text = sd_jwt.issue({"given_name": "Mariona"}, [("given_name",)], key, typ="dc+sd-jwt")
    parsed = sd_jwt.UnverifiedSDJWT.parse(text)
    shown = f"{parsed!r} {parsed.issuer_jwt!r} {parsed.disclosures!r}"
    assert "given_name" in shown
    assert not [part for part in ("Mariona", *text.split("~")[:-1], parsed.disclosures[0].salt) if part in shown]
