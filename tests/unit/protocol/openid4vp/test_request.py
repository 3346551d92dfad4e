# SPDX-License-Identifier: EUPL-1.2
"""Request objects (OpenID4VP 1.0, section 5): every claim, strictly; signed, or as plain parameters."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from protocol.encoding import b64url_encode
from protocol.errors import Error, RequestError
from protocol.openid4vp import PresentationRequest, ResponseMode, TransactionType
from protocol.openid4vp.request import MAX_NONCE_CHARS, MAX_STATE_CHARS, MIN_NONCE_CHARS
from tests.fakes.request_claims import HASH_ID, NOW, claims, credential, jwk, metadata

TYPES = {"payment": TransactionType(required={"cents": int})}
TRANSACTION = b64url_encode(json.dumps({"type": "payment", "credential_ids": ["degree"], "cents": 1}).encode())
STATEMENT = {"format": "registration_cert", "data": "e30.e30.AA"}
CONSENT = {"format": "testimoni-consent", "data": {"withdrawal_uri": "https://office.example/withdrawals"}}
UNBOUND = {"credentials": [credential(require_cryptographic_holder_binding=False)]}


def parse(value, types=TYPES):
    return PresentationRequest.parse(value, transaction_types=types)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"state": None},
        {"wallet_nonce": "w"},
        {"verifier_info": [STATEMENT, CONSENT]},
        {"transaction_data": [TRANSACTION]},
        {
            "response_mode": "direct_post",
            "client_metadata": metadata(jwks=None, encrypted_response_enc_values_supported=None),
        },
        {"client_id": "x509_san_dns:office.example"},
    ],
)
def test_request_round_trips(change):
    value = claims(**change)
    found = parse(value)
    assert found.to_claims() == value
    assert parse(found.to_claims()) == found


def test_request_has_the_parts_that_were_sent():
    found = parse(
        claims(verifier_info=[STATEMENT, CONSENT], client_metadata=metadata(jwks={"keys": [jwk(kid="a")]}))
    )
    assert (found.statement, found.encryption_key_id) == ("e30.e30.AA", "a")
    assert found.encryption_key == found.metadata.keys[0].key
    assert found.consent is not None
    assert found.consent.withdrawal_uri == "https://office.example/withdrawals"
    assert found.issued_at == datetime.fromtimestamp(NOW, UTC)
    assert found.response_mode is ResponseMode.DIRECT_POST_JWT
    assert parse(claims()).consent is None


def test_request_with_unknown_members_and_an_issuer_is_read_as_if_they_were_not_there():
    value = claims()
    assert parse(value | {"iss": "somebody", "client_id_scheme": "x", "foo": [1]}) == parse(value)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"client_id": None}, "invalid_request", marks=pytest.mark.case("W12")),
        pytest.param(
            {"client_id": "redirect_uri:https://a.example"}, "invalid_request", marks=pytest.mark.case("W15")
        ),
        pytest.param({"client_id": "origin:https://a.example"}, "invalid_request", marks=pytest.mark.case("W16")),
        pytest.param({"client_id": "x509_san_dns:a.example"}, "invalid_request", marks=pytest.mark.case("W14")),
        pytest.param({"redirect_uri": "https://a.example"}, "invalid_request", marks=pytest.mark.case("W17")),
        pytest.param({"nonce": None}, "invalid_request", marks=pytest.mark.case("W18")),
        pytest.param({"nonce": 7}, "invalid_request", marks=pytest.mark.case("W18")),
        pytest.param({"nonce": "n" * 21}, "invalid_request", marks=pytest.mark.case("W18")),
        pytest.param({"nonce": "n" * 21 + "/"}, "invalid_request", marks=pytest.mark.case("W18")),
        pytest.param({"nonce": "n" * 21 + "é"}, "invalid_request", marks=pytest.mark.case("W18")),
        pytest.param({"nonce": "n" * 22 + "\n"}, "invalid_request", marks=pytest.mark.case("W18")),
        pytest.param({"scope": "x"}, "invalid_request", marks=pytest.mark.case("W19")),
        pytest.param({"dcql_query": None}, "invalid_request", marks=pytest.mark.case("W19")),
        pytest.param({"dcql_query": None, "scope": "x"}, "invalid_scope", marks=pytest.mark.case("W19")),
        pytest.param({"dcql_query": {}}, "invalid_request", marks=pytest.mark.case("W20")),
        pytest.param({"transaction_data": ["x"]}, "invalid_transaction_data", marks=pytest.mark.case("W21")),
        pytest.param({"transaction_data": []}, "invalid_transaction_data", marks=pytest.mark.case("W21")),
        pytest.param({"transaction_data": TRANSACTION}, "invalid_transaction_data", marks=pytest.mark.case("W21")),
        pytest.param(
            {"transaction_data": [TRANSACTION], "dcql_query": UNBOUND},
            "invalid_transaction_data",
            marks=pytest.mark.case("W21"),
        ),
        pytest.param({"response_mode": "dc_api"}, "invalid_request", marks=pytest.mark.case("W24")),
        pytest.param({"response_mode": "dc_api.jwt"}, "invalid_request", marks=pytest.mark.case("W24", "V29")),
        pytest.param({"verifier_info": []}, "invalid_request", marks=pytest.mark.case("W27")),
        pytest.param(
            {"client_metadata": metadata(jwks={"keys": [{"kty": "RSA"}]})},
            "invalid_request",
            marks=pytest.mark.case("W28"),
        ),
        pytest.param({"client_metadata": metadata(jwks=None)}, "invalid_request", marks=pytest.mark.case("W28")),
        (
            {"client_metadata": metadata(encrypted_response_enc_values_supported=["A256CBC-HS512"])},
            "invalid_request",
        ),
        ({"client_metadata": None}, "invalid_request"),
        ({"client_metadata": metadata(vp_formats_supported={"mso_mdoc": {}})}, "vp_formats_not_supported"),
        ({"response_type": "code"}, "unsupported_response_type"),
        ({"response_type": "vp_token id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": None}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "query.jwt"}, "invalid_request"),
        ({"response_mode": ["direct_post"]}, "invalid_request"),
        ({"response_uri": None}, "invalid_request"),
        ({"response_uri": "http://office.example"}, "invalid_request"),
        ({"response_uri": "https://office.example/#x"}, "invalid_request"),
        ({"aud": None}, "invalid_request"),
        ({"aud": "https://wallet.example"}, "invalid_request"),
        ({"aud": ["https://self-issued.me/v2"]}, "invalid_request"),
        ({"state": ""}, "invalid_request"),
        ({"state": "a b"}, "invalid_request"),
        ({"state": 7}, "invalid_request"),
        ({"state": "s" * (MAX_STATE_CHARS + 1)}, "invalid_request"),
        ({"nonce": "n" * (MAX_NONCE_CHARS + 1)}, "invalid_request"),
        ({"wallet_nonce": 7}, "invalid_request"),
        ({"iat": None}, "invalid_request"),
        ({"exp": None}, "invalid_request"),
        ({"exp": True}, "invalid_request"),
        ({"exp": 10**18}, "invalid_request"),
        # an answer without holder binding is tied to the request by the state alone (section 5.3)
        ({"dcql_query": UNBOUND, "state": None}, "invalid_request"),
        ({"dcql_query": UNBOUND, "state": "s" * (MIN_NONCE_CHARS - 1)}, "invalid_request"),
    ],
)
def test_request_with_one_wrong_member_is_refused_by_its_code(change, code):
    with pytest.raises(RequestError) as caught:
        parse(claims(**change))
    assert caught.value.code == code


def test_request_at_its_limits_is_read():
    found = parse(claims(nonce="-._~" * 32, state="s" * MAX_STATE_CHARS))
    assert (len(found.nonce), len(found.state)) == (MAX_NONCE_CHARS, MAX_STATE_CHARS)
    assert parse(claims(dcql_query=UNBOUND)).query.credentials[0].requires_holder_binding is False


def test_request_for_another_format_alone_is_refused_by_its_code():
    mdoc = {"id": "m", "format": "mso_mdoc", "meta": {"doctype_value": "org.iso.18013.5.1.mDL"}}
    with pytest.raises(Error) as caught:
        parse(claims(dcql_query={"credentials": [mdoc]}))
    assert caught.value.code == "vp_formats_not_supported"
    either = {
        "credentials": [credential(), mdoc],
        "credential_sets": [{"options": [["degree"], ["m"]]}],
    }
    assert len(parse(claims(dcql_query=either)).query.credentials) == 2


def unsigned(**change):
    members = (
        claims(client_id="redirect_uri:https://office.example/response/1", aud=None, iat=None, exp=None) | change
    )
    return {name: v if isinstance(v, str) else json.dumps(v) for name, v in members.items() if v is not None}


def test_request_as_plain_parameters_is_read_and_lives_for_minutes():
    received_at = datetime(2026, 11, 21, 10, tzinfo=UTC)
    found = PresentationRequest.parse_parameters(unsigned(), transaction_types={}, received_at=received_at)
    assert found.client_id.startswith("redirect_uri:")
    assert found.issued_at == received_at
    assert (found.expires_at - received_at).total_seconds() == 600


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"client_id": HASH_ID}, "invalid_request", marks=pytest.mark.case("W15")),
        ({"client_id": "redirect_uri:https://office.example/other"}, "invalid_request"),
        ({"dcql_query": "{"}, "invalid_request"),
        ({"client_metadata": "[]"}, "invalid_request"),
        ({"transaction_data": '["x"]'}, "invalid_transaction_data"),
    ],
)
def test_request_as_plain_parameters_with_one_thing_wrong_is_refused(change, code):
    with pytest.raises(RequestError) as caught:
        PresentationRequest.parse_parameters(
            unsigned(**change), transaction_types={}, received_at=datetime(2026, 11, 21, tzinfo=UTC)
        )
    assert caught.value.code == code
