# SPDX-License-Identifier: EUPL-1.2
"""Wallet attestations and the proofs by the keys that they name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from protocol import jws
from protocol.clock import epoch_seconds
from protocol.errors import RequestError
from protocol.keys import PrivateKey
from protocol.oauth import client_attestation as attestations
from protocol.oauth.client_attestation import ClientAttestation
from protocol.x5c_jwt import MAX_CLOCK_DIFFERENCE
from protocol.x509 import Anchors, Purpose, encode_chain
from tests.fakes import certificates

NOW = certificates.NOW
SERVER = "https://server.example"
KEY, OTHER = PrivateKey.generate(), PrivateKey.generate()
ROOT = certificates.authority()
MAKER = certificates.leaf(ROOT, usages=(Purpose.ACCESS.value,))
SIGNER = PrivateKey.wrap(MAKER.key)
CHAIN = encode_chain([MAKER.certificate])
SELF_SIGNED = certificates.leaf(None, key=MAKER.key, usages=(Purpose.ACCESS.value,))
UNTRUSTED = certificates.leaf(certificates.authority("other"), key=MAKER.key, usages=(Purpose.ACCESS.value,))
ANCHORS = Anchors([ROOT.certificate])
RIGHT = ClientAttestation(
    client_id="https://wallet.example",
    key=KEY.public_key,
    expires_at=NOW + timedelta(hours=1),
    issuer="https://maker.example",
    wallet_name="Wallet",
    wallet_link="https://wallet.example/about",
    status={"status_list": {"idx": 1, "uri": "https://status.example/1"}},
)


def verify_chain(x5c):
    return ANCHORS.verify(x5c, purposes={Purpose.ACCESS}, now=NOW).key


def attest(*, signer=SIGNER, typ=attestations.TYPE, x5c=CHAIN, **claims):
    members = {name: value for name, value in {**RIGHT.to_json(), **claims}.items() if value is not ...}
    return jws.sign(members, signer, typ=typ, x5c=x5c)


def proof(*, signer=KEY, typ=attestations.PROOF_TYPE, **claims):
    right = {"aud": SERVER, "jti": "j", "iat": epoch_seconds(NOW)} | claims
    return jws.sign({name: value for name, value in right.items() if value is not ...}, signer, typ=typ)


def verify(attestation=None, given=None, *, client_id=None, challenge=None):
    return attestations.verify(
        attest() if attestation is None else attestation,
        proof() if given is None else given,
        expected_audience=SERVER,
        expected_client_id=client_id,
        expected_challenge=challenge,
        verify_chain=verify_chain,
        now=NOW,
    )


def refusal(*args, **kwargs):
    with pytest.raises(RequestError) as caught:
        verify(*args, **kwargs)
    return caught.value.code, caught.value.status


@pytest.mark.parametrize(
    "made", [RIGHT, replace(RIGHT, issuer=None, wallet_name=None, wallet_link=None, status=None)]
)
def test_attestation_round_trips(made):
    assert ClientAttestation.parse(made.to_json()) == made


def test_wallet_that_is_attested_and_there_is_known():
    token = attestations.sign(RIGHT, SIGNER, x5c=CHAIN)
    prepared = attestations.prepare_proof(
        KEY.public_key, client_id=RIGHT.client_id, audience=SERVER, challenge="c", now=NOW
    )
    found = verify(
        token, prepared.complete(KEY.sign(prepared.text.encode())), client_id=RIGHT.client_id, challenge="c"
    )
    assert (found.attestation, found.client_id, found.issued_at) == (RIGHT, RIGHT.client_id, NOW)
    assert found.jti
    prepared = attestations.prepare_proof(
        KEY.public_key, client_id=RIGHT.client_id, audience=SERVER, challenge=None, now=NOW
    )
    verify(token, prepared.complete(KEY.sign(prepared.text.encode())))


@pytest.mark.parametrize("issuer", [..., "https://maker.example"])
@pytest.mark.parametrize("client", [..., RIGHT.client_id])
@pytest.mark.parametrize("audience", [SERVER, [SERVER]])
def test_issuer_may_be_named_or_not(issuer, client, audience):
    verify(attest(iss=issuer), proof(iss=client, aud=audience))


@pytest.mark.case("I34")
@pytest.mark.parametrize(
    "attestation",
    [
        pytest.param(attest(signer=OTHER), id="bad signature"),
        pytest.param(attest(exp=epoch_seconds(NOW)), id="expired"),
        pytest.param(attest(exp=...), id="no expiry"),
        pytest.param(attest(nbf=epoch_seconds(NOW + MAX_CLOCK_DIFFERENCE) + 1), id="not yet"),
        pytest.param(attest(iat="now"), id="no time"),
        pytest.param(attest(sub=...), id="no sub"),
        pytest.param(attest(sub=""), id="empty sub"),
        pytest.param(attest(iss=1), id="iss"),
        pytest.param(attest(cnf=...), id="no key"),
        pytest.param(attest(cnf={"jwk": {**KEY.public_key.jwk(), "d": "AA"}}), id="private key"),
        pytest.param(attest(wallet_link="javascript:alert(1)"), id="link"),
        pytest.param(attest(status=1), id="status"),
        pytest.param(attest(typ="JWT"), id="typ"),
        pytest.param(attest(x5c=[]), id="no chain"),
        pytest.param(attest(x5c=encode_chain([UNTRUSTED.certificate])), id="untrusted"),
        pytest.param(attest(x5c=encode_chain([SELF_SIGNED.certificate])), id="self-signed"),
        pytest.param(attest(x5c=[*CHAIN, *encode_chain([ROOT.certificate])]), id="anchor included"),
        pytest.param("nonsense", id="no token"),
    ],
)
def test_attestation_that_is_wrong_is_invalid_client(attestation):
    assert refusal(attestation) == ("invalid_client", 401)


@pytest.mark.case("I35")
@pytest.mark.parametrize(
    "given",
    [
        pytest.param(proof(aud=SERVER + "/"), id="audience"),
        pytest.param(proof(aud=...), id="no audience"),
        pytest.param(proof(aud=[SERVER, "https://other.example"]), id="two audiences"),
        pytest.param(proof(signer=OTHER), id="another key"),
        pytest.param(proof()[:-4] + "AAAA", id="bad signature"),
        pytest.param(proof(typ="JWT"), id="typ"),
        pytest.param(proof(iss="another"), id="another client"),
        pytest.param(proof(jti=...), id="no name"),
        pytest.param(proof(jti="x" * (attestations.MAX_JTI_CHARS + 1)), id="long name"),
        pytest.param(proof(iat=...), id="no time"),
        pytest.param(proof(iat=epoch_seconds(NOW - attestations.MAX_PROOF_AGE) - 1), id="past"),
        pytest.param(proof(iat=epoch_seconds(NOW + MAX_CLOCK_DIFFERENCE) + 1), id="future"),
        pytest.param(proof(exp=epoch_seconds(NOW)), id="expired"),
        pytest.param("nonsense", id="no token"),
    ],
)
def test_proof_that_is_wrong_is_invalid_client(given):
    assert refusal(None, given) == ("invalid_client", 401)


def test_proof_at_the_edge_of_its_time_and_name_is_accepted():
    for at in (NOW - attestations.MAX_PROOF_AGE, NOW + MAX_CLOCK_DIFFERENCE):
        verify(None, proof(iat=epoch_seconds(at)))
    verify(None, proof(jti="x" * attestations.MAX_JTI_CHARS))


@pytest.mark.case("I35")
@pytest.mark.parametrize("challenge", [..., "another", 1, ""])
def test_proof_without_our_challenge_is_told_to_use_one(challenge):
    verify(None, proof(challenge="c"), challenge="c")
    assert refusal(None, proof(challenge=challenge), challenge="c") == ("use_attestation_challenge", 400)


@pytest.mark.case("I36")
def test_client_that_is_not_the_one_attested_is_refused():
    verify(client_id=RIGHT.client_id)
    assert refusal(client_id="https://wallet.example/") == ("invalid_client", 401)


def test_request_has_both_headers_once():
    pair = {"oauth-client-attestation": ["a"], "OAuth-Client-Attestation-PoP": ["p"]}
    assert attestations.get_pair(pair) == ("a", "p")
    for headers in ({}, {"OAuth-Client-Attestation": ["a"]}, {**pair, "OAuth-Client-Attestation-PoP": ["p", "q"]}):
        with pytest.raises(RequestError) as caught:
            attestations.get_pair(headers)
        assert (caught.value.code, caught.value.status) == ("invalid_client", 401)
