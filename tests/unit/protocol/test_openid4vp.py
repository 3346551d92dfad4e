# SPDX-License-Identifier: EUPL-1.2
"""Request objects as a wallet must judge them: the W cases of the negative list within the main path."""

from dataclasses import replace
from datetime import timedelta

import pytest

from protocol import jws, openid4vp
from protocol.dcql import ClaimQuery, Query
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PrivateKey
from protocol.openid4vp import ConsentSupport, PresentationRequest, PresentationResponse, RequestLink

ENCRYPTION_KEY = PrivateKey.generate()
WALLET_NONCE = "w" * 22


@pytest.fixture
def party(world):
    return world.parties["ajuntament"]


@pytest.fixture
def request_object(world, party):
    registered = party.procedures[0]
    return PresentationRequest(
        client_id=party.client_id,
        response_uri="http://localhost:8103/ajuntament/response/1",
        nonce="n" * 32,
        state="s" * 32,
        query=registered.data.procedure.query,
        encryption_key=ENCRYPTION_KEY.public_key,
        encryption_key_id="k",
        statement=registered.statement,
        consent=ConsentSupport("http://localhost:8103/ajuntament/withdrawals"),
        issued_at=world.clock.now(),
        expires_at=world.clock.now() + timedelta(minutes=10),
    )


def sign(request_object, party, *, key=None, chain=None, wallet_nonce=WALLET_NONCE):
    return openid4vp.sign_request(
        request_object, key or party.access_key, x5c=chain or party.access_chain, wallet_nonce=wallet_nonce
    )


def verify(world, token, *, client_id):
    return openid4vp.verify_request(
        token,
        expected_client_id=client_id,
        expected_wallet_nonce=WALLET_NONCE,
        trust=world.trust,
        now=world.clock.now(),
    )


def test_request_of_a_registered_procedure_is_verified(world, party, request_object):
    found = verify(world, sign(request_object, party), client_id=party.client_id)
    assert found.request == request_object
    assert found.requester.procedure.id == "borsa-treball"


def test_request_signed_by_another_key_is_refused(world, party, request_object):
    with pytest.raises(VerificationError) as caught:
        verify(world, sign(request_object, party, key=PrivateKey.generate()), client_id=party.client_id)
    assert caught.value.check is Check.SIGNATURE


def test_request_under_another_partys_certificate_is_refused(world, party, request_object):
    other = world.parties["universitat"]
    token = sign(request_object, other)
    with pytest.raises(VerificationError) as caught:
        verify(world, token, client_id=party.client_id)
    assert caught.value.check is Check.ISSUER


def test_request_whose_client_id_differs_from_the_link_is_refused(world, party, request_object):
    with pytest.raises(RequestError, match="another client"):
        verify(world, sign(request_object, party), client_id="x509_hash:other")


@pytest.mark.parametrize("prefix", ["redirect_uri:", "x509_san_dns:", "decentralized_identifier:", "origin:", ""])
def test_request_with_another_client_prefix_is_refused(prefix):
    with pytest.raises(RequestError) as caught:
        openid4vp.check_client_id(prefix + "x")
    assert caught.value.code == "invalid_request"


def test_request_that_asks_more_than_its_procedure_is_refused(world, party, request_object):
    asked = request_object.query.credentials[0]
    wider = replace(asked, claims=(*asked.claims, ClaimQuery(path=("birth_date",))))
    greedy = replace(request_object, query=Query((wider,)))
    with pytest.raises(VerificationError) as caught:
        verify(world, sign(greedy, party), client_id=party.client_id)
    assert (caught.value.check, caught.value.code) == (Check.POLICY, "over_asking")


def test_request_with_statement_of_another_party_is_refused(world, party, request_object):
    stolen = replace(request_object, statement=world.parties["universitat"].procedures[0].statement)
    with pytest.raises(VerificationError) as caught:
        verify(world, sign(stolen, party), client_id=party.client_id)
    assert caught.value.check is Check.ISSUER


@pytest.mark.parametrize("nonce", [None, "x" * 22])
def test_request_that_does_not_bring_back_our_nonce_is_refused(world, party, request_object, nonce):
    with pytest.raises(RequestError, match="bring back our nonce"):
        verify(world, sign(request_object, party, wallet_nonce=nonce), client_id=party.client_id)


def test_request_after_its_expiry_is_refused(world, party, request_object):
    token = sign(request_object, party)
    world.clock.advance(timedelta(minutes=10))
    with pytest.raises(RequestError) as caught:
        verify(world, token, client_id=party.client_id)
    assert caught.value.code == "request_expired"


def test_request_object_of_another_type_is_refused(world, party, request_object):
    claims = request_object.to_claims(wallet_nonce=WALLET_NONCE)
    token = jws.sign(claims, party.access_key, typ="JWT", x5c=party.access_chain)
    with pytest.raises(VerificationError) as caught:
        verify(world, token, client_id=party.client_id)
    assert caught.value.check is Check.SIGNATURE


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"redirect_uri": "http://x"}, "invalid_request"),
        ({"scope": "x"}, "invalid_scope"),
        ({"dcql_query": None}, "invalid_request"),
        ({"nonce": "short"}, "invalid_request"),
        ({"nonce": "n" * 21 + "/"}, "invalid_request"),
        ({"nonce": None}, "invalid_request"),
        ({"transaction_data": ["x"]}, "invalid_transaction_data"),
        ({"response_type": "code"}, "invalid_request"),
        ({"response_mode": "direct_post"}, "invalid_request"),
        ({"response_mode": "dc_api"}, "invalid_request"),
        ({"aud": "x"}, "invalid_request"),
        ({"client_metadata": {"jwks": {"keys": []}}}, "invalid_request"),
        ({"client_metadata": {"jwks": {"keys": [{"kty": "RSA"}]}}}, "invalid_request"),
    ],
)
def test_request_with_one_wrong_member_is_refused(request_object, change, code):
    claims = {**request_object.to_claims(wallet_nonce=None), **change}
    with pytest.raises(RequestError) as caught:
        PresentationRequest.parse(claims)
    assert caught.value.code == code


def test_link_round_trips_and_bad_methods_are_refused():
    link = RequestLink("x509_hash:a", "http://x/1", uses_post=True)
    fields = {"client_id": "x509_hash:a", "request_uri": "http://x/1", "request_uri_method": "post"}
    assert RequestLink.parse(fields) == link
    with pytest.raises(RequestError) as caught:
        RequestLink.parse({**fields, "request_uri_method": "put"})
    assert caught.value.code == "invalid_request_uri_method"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        b'{"vp_token":[]}',
        b'{"vp_token":{"a":"x"}}',
        b'{"vp_token":{"a":[]}}',
        b'{"vp_token":{"a":[1]}}',
    ],
)
def test_response_of_another_shape_fails_the_format_check(payload):
    with pytest.raises(VerificationError) as caught:
        PresentationResponse.parse(payload)
    assert caught.value.check is Check.FORMAT


def test_response_round_trips():
    made = PresentationResponse(state="s", vp_token={"a": ("x",)}, consent_receipt={"record": "r"})
    assert PresentationResponse.parse(made.payload()) == made
