# SPDX-License-Identifier: EUPL-1.2
"""Request objects as a wallet must judge them: the W cases of the negative list within the main path."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from protocol import jws, openid4vp
from protocol.dcql import ClaimQuery, Query
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PrivateKey
from protocol.openid4vp import PresentationRequest, ResponseMode, VerifierInfo
from protocol.openid4vp.verification import check_profile
from tests.fakes.requests import client_metadata, verifier_info

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
        metadata=client_metadata(ENCRYPTION_KEY.public_key, "k"),
        verifier_info=verifier_info(registered.statement, "http://localhost:8103/ajuntament/withdrawals"),
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
        transaction_types={},
        trust=world.trust,
        now=world.clock.now(),
    )


def test_request_of_a_registered_procedure_is_verified(world, party, request_object):
    found = verify(world, sign(request_object, party), client_id=party.client_id)
    assert found.request == replace(request_object, wallet_nonce=WALLET_NONCE)
    assert found.requester.procedure.id == "borsa-treball"


@pytest.mark.case("W11")
def test_request_signed_by_another_key_is_refused(world, party, request_object):
    with pytest.raises(VerificationError) as caught:
        verify(world, sign(request_object, party, key=PrivateKey.generate()), client_id=party.client_id)
    assert caught.value.check is Check.SIGNATURE


@pytest.mark.case("W14")
def test_request_under_another_partys_certificate_is_refused(world, party, request_object):
    other = world.parties["universitat"]
    token = sign(request_object, other)
    with pytest.raises(VerificationError) as caught:
        verify(world, token, client_id=party.client_id)
    assert caught.value.check is Check.ISSUER


@pytest.mark.case("W12")
def test_request_whose_client_id_differs_from_the_link_is_refused(world, party, request_object):
    with pytest.raises(RequestError, match="another client"):
        verify(world, sign(request_object, party), client_id="x509_hash:other")


@pytest.mark.case("W27")
def test_request_that_asks_more_than_its_procedure_is_refused(world, party, request_object):
    asked = request_object.query.credentials[0]
    wider = replace(asked, claims=(*asked.claims, ClaimQuery(path=("birth_date",))))
    greedy = replace(request_object, query=Query((wider,)))
    with pytest.raises(VerificationError) as caught:
        verify(world, sign(greedy, party), client_id=party.client_id)
    assert (caught.value.check, caught.value.code) == (Check.POLICY, "over_asking")


@pytest.mark.case("W27")
def test_request_with_statement_of_another_party_is_refused(world, party, request_object):
    statement = world.parties["universitat"].procedures[0].statement
    stolen = replace(request_object, verifier_info=(VerifierInfo.of_statement(statement),))
    with pytest.raises(VerificationError) as caught:
        verify(world, sign(stolen, party), client_id=party.client_id)
    assert caught.value.check is Check.ISSUER


@pytest.mark.case("W13")
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


@pytest.mark.case("W10")
@pytest.mark.parametrize("typ", ["JWT", "kb+jwt", "oauth-authz-req", ""])
def test_request_object_of_another_type_is_refused(world, party, request_object, typ):
    claims = request_object.to_claims()
    token = jws.sign(claims, party.access_key, typ=typ, x5c=party.access_chain)
    with pytest.raises(VerificationError) as caught:
        verify(world, token, client_id=party.client_id)
    assert caught.value.check is Check.SIGNATURE


def test_request_fetched_without_nonce_need_not_bring_one_back(world, party, request_object):
    found = openid4vp.verify_request(
        sign(request_object, party, wallet_nonce=None),
        expected_client_id=party.client_id,
        expected_wallet_nonce=None,
        transaction_types={},
        trust=world.trust,
        now=world.clock.now(),
    )
    assert found.request == request_object


def test_request_from_the_future_is_refused_beyond_the_difference_of_clocks(world, party, request_object):
    soon = world.clock.now() + timedelta(minutes=5)
    assert verify(world, sign(replace(request_object, issued_at=soon), party), client_id=party.client_id)
    later = replace(request_object, issued_at=soon + timedelta(seconds=1))
    with pytest.raises(RequestError) as caught:
        verify(world, sign(later, party), client_id=party.client_id)
    assert caught.value.code == "request_expired"


@pytest.mark.case("V18")
def test_request_for_a_plain_answer_is_read_by_the_library_and_refused_by_our_wallets(
    world, party, request_object
):
    plain = replace(request_object, response_mode=ResponseMode.DIRECT_POST)
    with pytest.raises(RequestError, match=r"direct_post\.jwt") as caught:
        verify(world, sign(plain, party), client_id=party.client_id)
    assert caught.value.code == "invalid_request"


@pytest.mark.case("W15")
def test_request_of_a_prefix_that_names_no_certificate_is_refused_by_our_wallets(request_object):
    unsigned = replace(request_object, client_id="redirect_uri:https://office.example/1")
    with pytest.raises(RequestError, match="names a certificate") as caught:
        check_profile(unsigned)
    assert caught.value.code == "invalid_request"


@dataclass
class Gullible:
    """A trust list that would take any certificate for any client identifier."""

    requester: Any

    def get_requester(self, x5c, *, client_id, statement, now):
        return self.requester


@pytest.mark.case("W14")
@pytest.mark.parametrize("client_id", ["x509_hash:" + "A" * 43, "x509_san_dns:localhost"])
def test_request_whose_certificate_is_not_the_identifiers_is_refused_whatever_the_trust_list_says(
    world, party, request_object, client_id
):
    known = verify(world, sign(request_object, party), client_id=party.client_id).requester
    with pytest.raises(VerificationError) as caught:
        openid4vp.verify_request(
            sign(replace(request_object, client_id=client_id), party),
            expected_client_id=client_id,
            expected_wallet_nonce=WALLET_NONCE,
            transaction_types={},
            trust=Gullible(known),
            now=world.clock.now(),
        )
    assert caught.value.check is Check.ISSUER


@pytest.mark.case("W14")
def test_request_by_host_name_whose_certificate_has_no_host_name_is_refused(world, party, request_object):
    by_host = replace(request_object, client_id="x509_san_dns:localhost")
    with pytest.raises(VerificationError) as caught:
        verify(world, sign(by_host, party), client_id="x509_san_dns:localhost")
    assert caught.value.check is Check.ISSUER


@pytest.mark.case("W21")
def test_request_with_transaction_data_is_refused_where_no_type_is_known(world, party, request_object):
    claims = {**request_object.to_claims(), "wallet_nonce": WALLET_NONCE, "transaction_data": ["e30"]}
    token = jws.sign(claims, party.access_key, typ="oauth-authz-req+jwt", x5c=party.access_chain)
    with pytest.raises(RequestError) as caught:
        verify(world, token, client_id=party.client_id)
    assert caught.value.code == "invalid_transaction_data"
