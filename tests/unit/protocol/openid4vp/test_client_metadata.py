# SPDX-License-Identifier: EUPL-1.2
"""Client metadata (OpenID4VP 1.0, sections 5.1, 8.3 and B.3.4): keys that can be used, encryptions, algorithms."""

from __future__ import annotations

import pytest

from protocol.errors import RequestError
from protocol.keys import Algorithm, PrivateKey
from protocol.openid4vp import ClientMetadata, FormatAlgorithms
from protocol.openid4vp.client_metadata import MAX_KEY_ID_CHARS, MAX_KEYS
from tests.fakes.request_claims import jwk, metadata

UNUSABLE = {
    "rsa": {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "r", "alg": "RSA-OAEP-256", "use": "enc"},
    "no alg": jwk(alg=None),
    "another alg": jwk(alg="ECDH-ES+A256KW"),
    "for signatures": jwk(use="sig"),
    "no kid": jwk(kid=None),
    "empty kid": jwk(kid=""),
    "kid is no text": jwk(kid=7),
    "kid too long": jwk(kid="k" * (MAX_KEY_ID_CHARS + 1)),
    "another curve": {**PrivateKey.generate(Algorithm.ES384).public_key.jwk(), "kid": "p", "alg": "ECDH-ES"},
    "x25519": {"kty": "OKP", "crv": "X25519", "x": "A" * 43, "kid": "x", "alg": "ECDH-ES"},
    "not on the curve": jwk(x="A" * 43),
    "private": jwk(d="A" * 43),
    "no object": "key",
}


def test_metadata_round_trips():
    value = metadata()
    assert ClientMetadata.parse(value).to_json() == value


@pytest.mark.case("W28")
@pytest.mark.parametrize("name", UNUSABLE)
def test_key_that_cannot_be_used_is_skipped(name):
    good = jwk(kid="good")
    found = ClientMetadata.parse(metadata(jwks={"keys": [UNUSABLE[name], good]}))
    assert found.choose_key().key_id == "good"
    assert found.to_json()["jwks"] == {"keys": [good]}


@pytest.mark.case("W28")
@pytest.mark.parametrize("keys", [None, {"keys": []}, {"keys": [UNUSABLE["rsa"], UNUSABLE["no kid"]]}])
def test_metadata_without_usable_key_is_read_but_nothing_can_be_encrypted(keys):
    found = ClientMetadata.parse(metadata(jwks=keys))
    assert "jwks" not in found.to_json()
    with pytest.raises(RequestError, match="no usable encryption key") as caught:
        found.choose_key()
    assert caught.value.code == "invalid_request"


def test_key_that_says_no_use_is_taken_and_its_longest_name_too():
    found = ClientMetadata.parse(metadata(jwks={"keys": [jwk(use=None, kid="k" * MAX_KEY_ID_CHARS)]}))
    assert len(found.choose_key().key_id) == MAX_KEY_ID_CHARS


def test_encryption_when_not_said_is_a128gcm_and_the_longer_key_is_preferred():
    silent = ClientMetadata.parse(metadata(encrypted_response_enc_values_supported=None))
    assert silent.choose_encryption() == "A128GCM"
    assert ClientMetadata.parse(metadata()).choose_encryption() == "A256GCM"
    foreign = ClientMetadata.parse(metadata(encrypted_response_enc_values_supported=["A128CBC-HS256"]))
    with pytest.raises(RequestError, match="no common content encryption") as caught:
        foreign.choose_encryption()
    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "invalid_request"),
        ([], "invalid_request"),
        (metadata(vp_formats_supported=None), "invalid_request"),
        (metadata(vp_formats_supported=[]), "invalid_request"),
        (metadata(vp_formats_supported={}), "vp_formats_not_supported"),
        (metadata(vp_formats_supported={"mso_mdoc": {}}), "vp_formats_not_supported"),
        (metadata(vp_formats_supported={"dc+sd-jwt": []}), "invalid_request"),
        (metadata(vp_formats_supported={"dc+sd-jwt": {"sd-jwt_alg_values": []}}), "invalid_request"),
        (
            metadata(vp_formats_supported={"dc+sd-jwt": {"kb-jwt_alg_values": ["ES256", "ES256"]}}),
            "invalid_request",
        ),
        (metadata(vp_formats_supported={"dc+sd-jwt": {"kb-jwt_alg_values": [7]}}), "invalid_request"),
        (metadata(encrypted_response_enc_values_supported=[]), "invalid_request"),
        (metadata(encrypted_response_enc_values_supported="A128GCM"), "invalid_request"),
        (metadata(jwks=[]), "invalid_request"),
        (metadata(jwks={}), "invalid_request"),
        (metadata(jwks={"keys": [jwk(kid="a"), jwk(kid="a")]}), "invalid_request"),
        (metadata(jwks={"keys": [jwk(kid=str(n)) for n in range(MAX_KEYS + 1)]}), "invalid_request"),
    ],
)
def test_metadata_of_another_shape_is_refused(value, code):
    with pytest.raises(RequestError) as caught:
        ClientMetadata.parse(value)
    assert caught.value.code == code


def test_metadata_with_as_many_keys_as_allowed_is_read():
    keys = [jwk(kid=str(number)) for number in range(MAX_KEYS)]
    assert len(ClientMetadata.parse(metadata(jwks={"keys": keys})).keys) == MAX_KEYS


def test_algorithms_that_the_verifier_does_not_take_are_refused_and_silence_takes_all():
    FormatAlgorithms().check(issuer="ES384", key_binding="EdDSA")
    said = FormatAlgorithms.parse({"sd-jwt_alg_values": ["ES256", "ES384"], "kb-jwt_alg_values": ["ES256"]})
    said.check(issuer="ES384", key_binding="ES256")
    for issuer, key_binding in (("EdDSA", "ES256"), ("ES256", "ES384")):
        with pytest.raises(RequestError) as caught:
            said.check(issuer=issuer, key_binding=key_binding)
        assert caught.value.code == "vp_formats_not_supported"
    assert FormatAlgorithms().to_json() == {}
