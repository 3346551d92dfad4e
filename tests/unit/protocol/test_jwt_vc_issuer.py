# SPDX-License-Identifier: EUPL-1.2
"""JWT VC issuer metadata: identity, one way to the keys, https, bounds."""

import json

import pytest

from protocol.errors import RequestError
from protocol.jwt_vc_issuer import (
    MAX_DOCUMENT_BYTES,
    MAX_KEY_ID_CHARS,
    MAX_KEYS,
    JWTVCIssuerMetadata,
    check_identifier,
    metadata_url,
    parse_key_set,
)
from protocol.keys import Algorithm, PrivateKey

ISSUER = "https://issuer.example/tenant/1234"
KEY = PrivateKey.generate().public_key


def document(**changes):
    value = {"issuer": ISSUER, "jwks": {"keys": [{"kid": "1", **KEY.jwk()}]}, **changes}
    return json.dumps({name: each for name, each in value.items() if each is not None})


def keys(*jwks):
    return json.dumps({"keys": list(jwks)})


def parse(text):
    return JWTVCIssuerMetadata.parse(text, expected_issuer=ISSUER)


def test_keys_by_value_are_read_and_written():
    found = parse(document(more="is passed over"))
    assert found == JWTVCIssuerMetadata(issuer=ISSUER, keys={"1": KEY})
    assert parse(json.dumps(found.to_json())) == found


def test_keys_by_reference_are_read_and_written():
    uri = "https://keys.example/set.jwks?v=1"
    found = parse(document(jwks=None, jwks_uri=uri).encode())
    assert found == JWTVCIssuerMetadata(issuer=ISSUER, keys=None, jwks_uri=uri)
    assert parse(json.dumps(found.to_json())) == found


@pytest.mark.parametrize("algorithm", Algorithm)
def test_key_sets_hold_keys_of_each_algorithm(algorithm):
    key = PrivateKey.generate(algorithm).public_key
    jwk = {"kid": "a", "use": "sig", "alg": str(algorithm), **key.jwk()}
    assert parse_key_set(keys(jwk)) == {"a": key}


@pytest.mark.case("S21")
def test_metadata_of_another_issuer_is_refused():
    for issuer in (ISSUER + "/", "https://Issuer.example/tenant/1234", "https://other.example"):
        with pytest.raises(RequestError, match="another issuer's") as caught:
            parse(document(issuer=issuer))
        assert caught.value.code == "invalid_issuer_metadata"


@pytest.mark.case("S21")
@pytest.mark.parametrize("changes", [{"jwks_uri": "https://keys.example/"}, {"jwks": None}])
def test_both_ways_to_the_keys_and_none_are_refused(changes):
    with pytest.raises(RequestError, match="exactly one of jwks and jwks_uri"):
        parse(document(**changes))


@pytest.mark.case("S21")
@pytest.mark.parametrize(
    "uri",
    [
        "http://keys.example/",
        "ftp://keys.example/",
        "https://",
        "https://me@keys.example/",
        "https://k.example/#1",
    ],
)
def test_a_key_address_other_than_https_is_refused(uri):
    with pytest.raises(RequestError, match="jwks_uri to be an https URL"):
        parse(document(jwks=None, jwks_uri=uri))


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": 1},
        {"issuer": None},
        {"jwks": []},
        {"jwks": {}},
        {"jwks": {"keys": {}}},
        {"jwks": None, "jwks_uri": 1},
    ],
)
def test_members_of_another_form_are_refused(changes):
    with pytest.raises(RequestError) as caught:
        parse(document(**changes))
    assert caught.value.code == "invalid_issuer_metadata"


@pytest.mark.case("S21")
def test_size_is_bounded():
    text = document()
    assert parse(text + " " * (MAX_DOCUMENT_BYTES - len(text)))
    with pytest.raises(RequestError, match=f"longer than {MAX_DOCUMENT_BYTES}") as caught:
        parse(text + " " * (MAX_DOCUMENT_BYTES - len(text) + 1))
    assert caught.value.code == "invalid_issuer_metadata"


def test_the_number_of_keys_is_bounded():
    many = [{"kid": str(n), **KEY.jwk()} for n in range(MAX_KEYS + 1)]
    assert len(parse_key_set(keys(*many[1:]))) == MAX_KEYS
    with pytest.raises(RequestError, match="at most 32 keys, got 33"):
        parse_key_set(keys(*many))


def test_key_identifiers_are_bounded_and_distinct():
    longest = {"kid": "k" * MAX_KEY_ID_CHARS, **KEY.jwk()}
    assert parse_key_set(keys(longest)) == {longest["kid"]: KEY}
    for given in ([{**longest, "kid": longest["kid"] + "k"}], [longest, longest]):
        with pytest.raises(RequestError, match="stands twice or is too long"):
            parse_key_set(keys(*given))


@pytest.mark.parametrize("secret", [{"d": "AA"}, {"kty": "oct", "k": "AA"}])
def test_a_set_with_a_secret_in_it_is_refused_whole(secret):
    with pytest.raises(RequestError, match="private or symmetric key"):
        parse_key_set(keys({"kid": "1", **KEY.jwk()}, {"kid": "2", **KEY.jwk(), **secret}))


@pytest.mark.parametrize(
    "unusable",
    [
        {"kid": None},
        {"kty": "RSA"},
        {"crv": "secp256k1"},
        {"use": "enc"},
        {"alg": "ES384"},
        {"alg": "ECDH-ES"},
    ],
)
def test_keys_that_we_cannot_use_are_passed_over_while_one_can_be_used(unusable):
    other = {"kid": "2", **KEY.jwk(), **unusable}
    assert parse_key_set(keys(other, "no key", {"kid": "1", **KEY.jwk()})) == {"1": KEY}
    with pytest.raises(RequestError, match="no key with a kid that we can use"):
        parse_key_set(keys(other, "no key"))


def test_a_key_off_its_curve_is_refused():
    with pytest.raises(RequestError, match="not a point on P-256") as caught:
        parse_key_set(keys({"kid": "1", **KEY.jwk(), "x": KEY.jwk()["y"], "y": KEY.jwk()["x"]}))
    assert caught.value.code == "invalid_issuer_metadata"


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("https://example.com", "https://example.com/.well-known/jwt-vc-issuer"),
        ("https://example.com/", "https://example.com/.well-known/jwt-vc-issuer"),
        ("https://example.com/tenant/1234", "https://example.com/.well-known/jwt-vc-issuer/tenant/1234"),
        (
            "https://example.com:8443/tenant/1234/",
            "https://example.com:8443/.well-known/jwt-vc-issuer/tenant/1234",
        ),
    ],
)
def test_the_well_known_segment_goes_between_host_and_path(issuer, url):
    assert metadata_url(issuer) == url


@pytest.mark.case("S21")
@pytest.mark.parametrize(
    "issuer",
    [
        "http://example.com",
        "https://example.com?a=1",
        "https://example.com/?",
        "https://example.com/#a",
        "https://",
        "https://me@example.com",
        "https://[::1",
        "https://example.com:99999",
        "https://ex ample.com",
        "example.com",
        "",
    ],
)
def test_identifiers_that_are_no_plain_https_url_are_refused(issuer):
    for call in (metadata_url, check_identifier):
        with pytest.raises(RequestError, match="https URL without query and fragment"):
            call(issuer)
    with pytest.raises(RequestError):
        JWTVCIssuerMetadata.parse(document(issuer=issuer), expected_issuer=issuer)
