# SPDX-License-Identifier: EUPL-1.2
"""Proofs of holder keys, and the key attestations in them or instead of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from protocol import jws
from protocol.clock import epoch_seconds
from protocol.encoding import b64url_encode, compact_json
from protocol.errors import RequestError, UnavailableError
from protocol.keys import Algorithm, PrivateKey
from protocol.members import MAX_ITEMS
from protocol.openid4vci import key_attestation
from protocol.openid4vci import proof as proofs
from protocol.openid4vci.key_attestation import KeyAttestation, Requirement
from protocol.openid4vci.proof import AttestationPolicy, prepare_proof, verify_attestation_proof, verify_proof
from protocol.x509 import Anchors, Purpose, encode_chain
from tests.fakes import certificates

NOW = certificates.NOW
ISSUER = "https://issuer.example/tenant"
KEY, OTHER = PrivateKey.generate(), PrivateKey.generate()
ROOT = certificates.authority()
MAKER = certificates.leaf(ROOT, usages=(Purpose.ACCESS.value,))
SIGNER = PrivateKey.wrap(MAKER.key)
CHAIN = encode_chain([MAKER.certificate])
ANCHORS = Anchors([ROOT.certificate])


def verify_chain(x5c):
    return ANCHORS.verify(x5c, purposes={Purpose.ACCESS}, now=NOW).key


POLICY = AttestationPolicy(verify_chain, Requirement(("iso_18045_high", "iso_18045_moderate"), ()))
ATTESTED = KeyAttestation(
    keys=(OTHER.public_key, KEY.public_key),
    issued_at=NOW,
    expires_at=NOW + timedelta(hours=1),
    nonce="n",
    key_storage=("iso_18045_moderate",),
    user_authentication=("iso_18045_basic",),
    certification="https://certification.example/1",
    status={"status_list": {"idx": 1, "uri": "https://status.example/1"}},
)


def proof(claims=None, *, typ=proofs.TYPE, signer=KEY, **header):
    right = {"aud": ISSUER, "iat": epoch_seconds(NOW), "nonce": "n"} | (claims or {})
    members = {name: value for name, value in right.items() if value is not ...}
    return jws.sign(members, signer, typ=typ, **{"jwk": KEY.public_key.jwk(), **header})


def algorithm(name):
    header = b64url_encode(compact_json({"alg": name, "typ": proofs.TYPE, "jwk": KEY.public_key.jwk()}))
    return ".".join([header, *proof().split(".")[1:]])


def verify(token, *, client_id=None, policy=None, **options):
    return verify_proof(
        token,
        expected_audience=ISSUER,
        expected_client_id=client_id,
        attestation_policy=policy,
        now=NOW,
        **options,
    )


def is_invalid(call, *args, **kwargs):
    with pytest.raises(RequestError) as caught:
        call(*args, **kwargs)
    return caught.value.code == "invalid_proof"


@pytest.mark.parametrize("kind", list(Algorithm))
def test_proof_that_is_right_gives_key_and_nonce(kind):
    key = PrivateKey.generate(kind)
    prepared = prepare_proof(key.public_key, audience=ISSUER, nonce="n", now=NOW)
    found = verify(prepared.complete(key.sign(prepared.text.encode())), algorithms={kind})
    assert (found.keys, found.key, found.nonce) == ((key.public_key,), key.public_key, "n")


def test_proof_with_key_of_an_algorithm_that_is_not_taken_is_refused():
    key = PrivateKey.generate(Algorithm.ES384)
    prepared = prepare_proof(key.public_key, audience=ISSUER, nonce="n", now=NOW)
    assert is_invalid(verify, prepared.complete(key.sign(prepared.text.encode())))


@pytest.mark.case("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8")
@pytest.mark.parametrize(
    "token",
    [
        pytest.param(proof(signer=OTHER), id="I1 another key"),
        pytest.param(proof(typ="JWT"), id="I2 typ"),
        pytest.param(algorithm("none"), id="I3 none"),
        pytest.param(algorithm("HS256"), id="I3 HS256"),
        pytest.param(algorithm("ES384"), id="I3 another algorithm than the key's"),
        pytest.param(proof(jwk={**KEY.public_key.jwk(), "d": "AA"}), id="I4 private key"),
        pytest.param(proof(kid="also"), id="I5 jwk and kid"),
        pytest.param(proof(x5c=["also"]), id="I5 jwk and x5c"),
        pytest.param(jws.sign({}, KEY, typ=proofs.TYPE, kid="did:key:x#0"), id="I5 kid alone"),
        pytest.param(jws.sign({}, KEY, typ=proofs.TYPE, x5c=CHAIN), id="I5 x5c alone"),
        pytest.param(jws.sign({}, KEY, typ=proofs.TYPE), id="no key"),
        pytest.param(proof({"aud": ISSUER + "/"}), id="I6 slash"),
        pytest.param(proof({"aud": "https://issuer.example/other"}), id="I6 another issuer"),
        pytest.param(proof({"aud": [ISSUER]}), id="I6 a list"),
        pytest.param(proof({"nonce": ...}), id="I7 no nonce"),
        pytest.param(proof({"nonce": 1}), id="I7 nonce that is no text"),
        pytest.param(proof({"nonce": ""}), id="I7 empty nonce"),
        pytest.param(proof({"iat": epoch_seconds(NOW - proofs.MAX_AGE) - 1}), id="I8 past"),
        pytest.param(proof({"iat": epoch_seconds(NOW + proofs.MAX_AGE) + 1}), id="I8 future"),
        pytest.param(proof({"iat": ...}), id="I8 no time"),
        pytest.param(proof({"iat": 1e300}), id="I8 no time of a calendar"),
        pytest.param("e30.e30.AA", id="no header"),
        pytest.param("nonsense", id="no token"),
    ],
)
def test_proof_that_is_wrong_is_invalid_proof(token):
    assert is_invalid(verify, token)


def test_proof_at_the_edge_of_its_time_is_accepted():
    for at in (NOW - proofs.MAX_AGE, NOW + proofs.MAX_AGE):
        verify(proof({"iat": epoch_seconds(at)}))


@pytest.mark.case("I9")
def test_proof_names_its_client_or_nobody():
    prepared = prepare_proof(KEY.public_key, audience=ISSUER, nonce="n", now=NOW, client_id="wallet")
    named = prepared.complete(KEY.sign(prepared.text.encode()))
    verify(named, client_id="wallet")
    verify(proof(), client_id="wallet")
    assert is_invalid(verify, named)
    assert is_invalid(verify, named, client_id="another")


def test_proof_for_an_issuer_without_nonce_endpoint_carries_none():
    prepared = prepare_proof(KEY.public_key, audience=ISSUER, nonce=None, now=NOW)
    assert is_invalid(verify, prepared.complete(KEY.sign(prepared.text.encode())))


def attest(signer=SIGNER, typ=key_attestation.TYPE, x5c=CHAIN, claims=None, **changes):
    members = {**replace(ATTESTED, **changes).to_json(), **(claims or {})}
    return jws.sign(members, signer, typ=typ, x5c=x5c)


def test_key_attestation_round_trips():
    assert KeyAttestation.parse(ATTESTED.to_json()) == ATTESTED
    plain = KeyAttestation(keys=(KEY.public_key,), issued_at=NOW)
    assert KeyAttestation.parse(plain.to_json()) == plain
    token = key_attestation.sign(ATTESTED, SIGNER, x5c=CHAIN)
    assert (
        key_attestation.verify(
            token,
            verify_chain=verify_chain,
            requirement=Requirement(),
            expected_nonce=None,
            is_expiry_required=True,
            now=NOW,
        )
        == ATTESTED
    )


def test_proof_with_attestation_gives_all_attested_keys_its_own_first():
    prepared = prepare_proof(KEY.public_key, audience=ISSUER, nonce="n", now=NOW, attestation=attest())
    found = verify(prepared.complete(KEY.sign(prepared.text.encode())), policy=POLICY)
    assert found.keys == (KEY.public_key, OTHER.public_key)


@pytest.mark.case("I37")
@pytest.mark.parametrize(
    "attestation",
    [
        pytest.param(attest(signer=KEY), id="bad signature"),
        pytest.param(attest(typ="JWT"), id="typ"),
        pytest.param(attest(x5c=[]), id="no chain"),
        pytest.param(attest(x5c=[*CHAIN, *encode_chain([ROOT.certificate])]), id="anchor included"),
        pytest.param(attest(expires_at=NOW), id="expired"),
        pytest.param(attest(expires_at=None), id="no expiry"),
        pytest.param(attest(issued_at=NOW + timedelta(hours=1)), id="future"),
        pytest.param(attest(nonce="another"), id="nonce"),
        pytest.param(attest(nonce=None), id="no nonce"),
        pytest.param(attest(key_storage=("iso_18045_basic",)), id="weak storage"),
        pytest.param(attest(key_storage=()), id="no storage"),
        pytest.param(attest(keys=(OTHER.public_key,)), id="key not attested"),
        pytest.param(attest(keys=(KEY.public_key, KEY.public_key)), id="key twice"),
        pytest.param(attest(claims={"attested_keys": []}), id="no keys"),
        pytest.param(attest(claims={"attested_keys": [{"kty": "RSA"}]}), id="another kind of key"),
        pytest.param(attest(claims={"iat": None}), id="no time"),
        pytest.param(attest(claims={"status": []}), id="status"),
        pytest.param(attest(claims={"certification": "http://a.example"}), id="certification"),
        pytest.param("nonsense", id="no token"),
        pytest.param(1, id="no text"),
    ],
)
def test_proof_with_attestation_that_is_wrong_is_invalid_proof(attestation):
    assert is_invalid(verify, proof(key_attestation=attestation), policy=POLICY)


@pytest.mark.case("I37")
def test_proof_without_attestation_where_one_is_asked_is_refused():
    assert is_invalid(verify, proof(), policy=POLICY)
    assert verify(proof(key_attestation="not looked at")).key == KEY.public_key


def test_user_authentication_below_what_is_asked_is_refused():
    policy = replace(POLICY, requirement=Requirement((), ("iso_18045_high",)))
    assert is_invalid(verify_attestation_proof, attest(), policy=policy, now=NOW)


def test_attestation_proof_gives_the_attested_keys():
    found = verify_attestation_proof(attest(expires_at=None), policy=POLICY, now=NOW)
    assert (found.keys, found.nonce) == (ATTESTED.keys, "n")
    assert is_invalid(verify_attestation_proof, attest(nonce=None), policy=POLICY, now=NOW)


def test_number_of_attested_keys_has_a_limit():
    jwk = KEY.public_key.jwk()
    assert is_invalid(KeyAttestation.parse, {"iat": 1, "attested_keys": [jwk] * (MAX_ITEMS + 1)})


def test_attestation_whose_signer_cannot_be_looked_up_is_neither_right_nor_wrong():
    def unknown(_x5c):
        raise UnavailableError("trust_list_expired", "the trust list has expired")

    with pytest.raises(UnavailableError):
        verify_attestation_proof(attest(), policy=replace(POLICY, verify_chain=unknown), now=NOW)


def test_times_of_proofs_are_aware():
    assert KeyAttestation.parse(ATTESTED.to_json()).issued_at == datetime(2026, 11, 21, 10, tzinfo=UTC)
