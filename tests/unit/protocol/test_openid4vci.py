# SPDX-License-Identifier: EUPL-1.2
from datetime import UTC, datetime, timedelta

import pytest

from protocol import jws, openid4vci
from protocol.clock import epoch_seconds
from protocol.errors import RequestError
from protocol.keys import PrivateKey
from protocol.openid4vci import CredentialOffer, CredentialRequest, IssuerMetadata, TokenRequest

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
KEY = PrivateKey.generate()
ISSUER = "http://localhost:8101/universitat"


def proof(claims=None, *, typ=openid4vci.PROOF_TYPE, signer=KEY, **header):
    right = {"aud": ISSUER, "iat": epoch_seconds(NOW), "nonce": "n"}
    return jws.sign({**right, **(claims or {})}, signer, typ=typ, **{"jwk": KEY.public_key.jwk(), **header})


def code_of(call, *args, **kwargs):
    with pytest.raises(RequestError) as caught:
        call(*args, **kwargs)
    return caught.value.code


def test_proof_that_is_right_gives_key_and_nonce():
    prepared = openid4vci.prepare_proof(KEY.public_key, audience=ISSUER, nonce="n", now=NOW)
    found = openid4vci.verify_proof(
        prepared.complete(KEY.sign(prepared.text.encode())), expected_audience=ISSUER, now=NOW
    )
    assert (found.key, found.nonce) == (KEY.public_key, "n")


@pytest.mark.parametrize(
    "token",
    [
        proof(signer=PrivateKey.generate()),
        proof(typ="JWT"),
        proof({"aud": ISSUER + "/"}),
        proof({"aud": "http://localhost:8101/ajuntament"}),
        proof({"iss": "me"}),
        proof({"iat": epoch_seconds(NOW - timedelta(hours=1))}),
        proof({"iat": epoch_seconds(NOW + timedelta(hours=1))}),
        proof({"iat": None}),
        proof({"nonce": None}),
        proof(kid="also"),
        proof(x5c=["also"]),
        proof(jwk={**KEY.public_key.jwk(), "d": "AA"}),
        "e30.e30.AA",
        "nonsense",
    ],
)
def test_proof_that_is_wrong_is_invalid_proof(token):
    assert code_of(openid4vci.verify_proof, token, expected_audience=ISSUER, now=NOW) == "invalid_proof"


def test_offer_round_trips():
    offer = CredentialOffer(ISSUER, ("university-degree",), "code", 6)
    assert CredentialOffer.parse(offer.to_json()) == offer


@pytest.mark.parametrize(
    "change",
    [
        {"credential_configuration_ids": []},
        {"credential_configuration_ids": ["a", "a"]},
        {"credential_configuration_ids": [1]},
        {"credential_issuer": None},
        {"grants": {}},
        {"grants": {"authorization_code": {}}},
    ],
)
def test_offer_when_malformed_is_refused(change):
    value = {**CredentialOffer(ISSUER, ("a",), "code", 6).to_json(), **change}
    assert code_of(CredentialOffer.parse, value) == "invalid_credential_offer"


def test_empty_tx_code_object_still_asks_for_a_code():
    value = CredentialOffer(ISSUER, ("a",), "code", 6).to_json()
    value["grants"][openid4vci.PRE_AUTHORIZED]["tx_code"] = {}
    assert CredentialOffer.parse(value).tx_code_length == 0


def test_metadata_of_another_issuer_is_discarded():
    made = IssuerMetadata(ISSUER, "t", "n", "c", None, 3, {"ca": "U"}, {})
    assert IssuerMetadata.parse(made.to_json(), made.server_json(), expected_issuer=ISSUER) == made
    with pytest.raises(RequestError):
        IssuerMetadata.parse(made.to_json(), made.server_json(), expected_issuer=ISSUER + "/")


def test_well_known_goes_between_host_and_path():
    assert (
        openid4vci.well_known(ISSUER, "openid-credential-issuer")
        == "http://localhost:8101/.well-known/openid-credential-issuer/universitat"
    )


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"grant_type": ["authorization_code"]}, "unsupported_grant_type"),
        ({"grant_type": [openid4vci.PRE_AUTHORIZED]}, "invalid_request"),
        ({"grant_type": [openid4vci.PRE_AUTHORIZED], "pre-authorized_code": ["a", "b"]}, "invalid_request"),
    ],
)
def test_token_request_when_malformed_is_refused(form, code):
    assert code_of(TokenRequest.parse, form) == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({}, "invalid_credential_request"),
        ({"credential_identifier": "x"}, "unknown_credential_identifier"),
        ({"credential_configuration_id": "x"}, "invalid_proof"),
        ({"credential_configuration_id": "x", "proofs": {}}, "invalid_proof"),
        ({"credential_configuration_id": "x", "proofs": {"jwt": []}}, "invalid_proof"),
        ({"credential_configuration_id": "x", "proofs": {"jwt": [1]}}, "invalid_proof"),
        ({"credential_configuration_id": "x", "proofs": {"attestation": ["a"]}}, "invalid_proof"),
        ({"credential_configuration_id": "x", "proofs": {"jwt": ["a"], "attestation": ["a"]}}, "invalid_proof"),
        ({"credential_configuration_id": "x", "proof": {"jwt": "a"}}, "invalid_credential_request"),
        (
            {"credential_configuration_id": "x", "credential_response_encryption": {}},
            "invalid_encryption_parameters",
        ),
    ],
)
def test_credential_request_when_malformed_is_refused(value, code):
    assert code_of(CredentialRequest.parse, value) == code


def test_well_known_of_an_identifier_that_is_no_url_is_refused():
    with pytest.raises(RequestError):
        openid4vci.well_known("http://[::1", "openid-credential-issuer")
