# SPDX-License-Identifier: EUPL-1.2
"""Credential requests with bad proofs, nonces, tokens and configurations: each refused by its protocol code."""

from __future__ import annotations

import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from issuer.app import create_app
from issuer.records import State
from protocol import jws
from protocol.clock import epoch_seconds
from protocol.encoding import b64url_encode, compact_json
from protocol.keys import PrivateKey
from protocol.openid4vci.proof import TYPE as PROOF_TYPE

ISSUER = "http://localhost:8101/universitat"


@pytest.fixture
def token(offer, wallet):
    return wallet.token(offer)


@pytest.fixture
def make_proof(wallet, world):
    """A proof, any part of which can be bent."""

    def make(signer=None, *, header=None, typ=PROOF_TYPE, without=(), **claims) -> str:
        key = wallet.keys[0]
        body = {"aud": ISSUER, "iat": epoch_seconds(world.clock.now()), "nonce": wallet.nonce(), **claims}
        body = {name: value for name, value in body.items() if name not in without}
        shown = {"jwk": key.public_key.jwk()} if header is None else header
        return jws.sign(body, signer or key, typ=typ, **shown)

    return make


def private_jwk(key: PrivateKey) -> dict[str, str]:
    number = key.secret.private_numbers().private_value
    return {**key.public_key.jwk(), "d": b64url_encode(number.to_bytes(32))}


def unsigned(wallet, world, alg: str) -> str:
    header = {"alg": alg, "typ": PROOF_TYPE, "jwk": wallet.keys[0].public_key.jwk()}
    claims = {"aud": ISSUER, "iat": epoch_seconds(world.clock.now()), "nonce": wallet.nonce()}
    parts = [b64url_encode(json.dumps(part).encode()) for part in (header, claims)]
    return ".".join([*parts, ""])


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]


@pytest.mark.case("I7")
def test_proof_with_wrong_nonce_is_refused_as_invalid_nonce(wallet, token, make_proof, store, offer):
    answer = wallet.ask(token, wallet.body(make_proof(nonce="never given")))
    assert refusal(answer) == (400, "invalid_nonce")
    assert store.find_issuance("universitat", offer.path.rpartition("/")[2]).state is State.REDEEMED


@pytest.mark.case("I7")
def test_proof_with_nonce_of_another_administration_is_refused(wallet, token, make_proof):
    answer = wallet.ask(token, wallet.body(make_proof(nonce=wallet.nonce("ajuntament"))))
    assert refusal(answer) == (400, "invalid_nonce")


def test_proof_with_replayed_nonce_is_refused(wallet, token, make_proof):
    nonce = wallet.nonce()
    assert wallet.ask(token, wallet.body(make_proof(nonce=nonce), kind="university-degree")).status_code == 200
    # a second person's token with the first one's nonce
    assert refusal(wallet.ask(token, wallet.body(make_proof(nonce=nonce)))) == (400, "credential_request_denied")


@pytest.mark.case("I7")
def test_nonce_when_used_by_a_refused_request_then_serves_nobody_else(
    new_citizen, offer_of, wallet, token, make_proof
):
    nonce = wallet.nonce()
    wallet.ask(token, wallet.body(make_proof(nonce=nonce)))
    someone = new_citizen()
    path = someone.get("universitat", "university-degree", "amina")
    second = wallet.token(offer_of(path, someone.open(path).text))
    assert refusal(wallet.ask(second, wallet.body(make_proof(nonce=nonce)))) == (400, "invalid_nonce")


@pytest.mark.case("I7")
def test_proof_with_expired_nonce_is_refused(wallet, offer, world, make_proof):
    proof_nonce = wallet.nonce()
    world.clock.advance(timedelta(minutes=5))
    token = wallet.token(offer)
    assert refusal(wallet.ask(token, wallet.body(make_proof(nonce=proof_nonce)))) == (400, "invalid_nonce")


@pytest.mark.parametrize(
    "bent",
    [
        {"without": ("nonce",)},
        {"aud": f"{ISSUER}/"},
        {"aud": "http://localhost:8101/ajuntament"},
        {"aud": [ISSUER]},
        {"without": ("aud",)},
        {"iss": "somebody"},
        {"iat": 1},
        {"iat": 4_000_000_000},
        {"without": ("iat",)},
        {"typ": "JWT"},
        {"typ": "kb+jwt"},
        {"signer": PrivateKey.generate()},
        {"header": {}},
        {"header": {"kid": "did:example:1"}},
        {"header": {"jwk": "text"}},
        {"header": {"jwk": {"kty": "oct", "k": "AAAA"}}},
    ],
    ids=[
        "no nonce",
        "audience with a slash",
        "audience of another administration",
        "audience as a list",
        "no audience",
        "iss of an anonymous wallet",
        "from the past",
        "from the future",
        "no iat",
        "wrong typ",
        "key binding as a proof",
        "signed by another key",
        "no key",
        "key by reference",
        "key that is no object",
        "symmetric key",
    ],
)
@pytest.mark.case("I1", "I2", "I5", "I6", "I7", "I8", "I9")
def test_proof_that_is_wrong_is_refused_as_invalid_proof(wallet, token, make_proof, bent):
    assert refusal(wallet.ask(token, wallet.body(make_proof(**bent)))) == (400, "invalid_proof")


@pytest.mark.parametrize("alg", ["none", "ES384", "RS256"])
@pytest.mark.case("I3")
def test_proof_with_wrong_algorithm_is_refused(wallet, token, world, alg):
    assert refusal(wallet.ask(token, wallet.body(unsigned(wallet, world, alg)))) == (400, "invalid_proof")


@pytest.mark.case("I3")
def test_proof_signed_with_hs256_by_the_public_key_is_refused(wallet, token, world):
    text = unsigned(wallet, world, "HS256").removesuffix(".")
    mac = hmac.digest(compact_json(wallet.keys[0].public_key.jwk()), text.encode(), "sha256")
    assert refusal(wallet.ask(token, wallet.body(f"{text}.{b64url_encode(mac)}"))) == (400, "invalid_proof")


@pytest.mark.case("I4")
def test_proof_with_private_key_in_header_is_refused(wallet, token, make_proof):
    proof = make_proof(header={"jwk": private_jwk(wallet.keys[0])})
    assert refusal(wallet.ask(token, wallet.body(proof))) == (400, "invalid_proof")


@pytest.mark.case("I5")
def test_proof_with_both_jwk_and_kid_is_refused(wallet, token, make_proof):
    proof = make_proof(header={"jwk": wallet.keys[0].public_key.jwk(), "kid": "1"})
    assert refusal(wallet.ask(token, wallet.body(proof))) == (400, "invalid_proof")


@pytest.mark.case("I12")
def test_more_proofs_than_batch_size_are_refused(wallet, token):
    nonce = wallet.nonce()
    proofs = [wallet.proof(PrivateKey.generate(), nonce) for _ in range(6)]
    assert refusal(wallet.ask(token, wallet.body(*proofs))) == (400, "invalid_proof")
    assert len(wallet.ask(token, wallet.body(*proofs[:5])).json["credentials"]) == 5


@pytest.mark.case("I12")
def test_duplicate_keys_in_proofs_are_refused(wallet, token, make_proof):
    nonce = wallet.nonce()
    answer = wallet.ask(token, wallet.body(make_proof(nonce=nonce), make_proof(nonce=nonce)))
    assert refusal(answer) == (400, "invalid_proof")


def test_proofs_with_two_nonces_are_refused(wallet, token):
    proofs = [wallet.proof(key, wallet.nonce()) for key in wallet.keys]
    assert refusal(wallet.ask(token, wallet.body(*proofs))) == (400, "invalid_proof")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"credential_configuration_id": "university-degree"}, "invalid_proof"),
        ({"credential_configuration_id": "university-degree", "proofs": {}}, "invalid_proof"),
        ({"credential_configuration_id": "university-degree", "proofs": {"jwt": []}}, "invalid_proof"),
        ({"credential_configuration_id": "university-degree", "proofs": {"jwt": [1]}}, "invalid_proof"),
        ({"credential_configuration_id": "university-degree", "proofs": {"jwt": ["x"]}}, "invalid_proof"),
        (
            {"credential_configuration_id": "university-degree", "proofs": {"jwt": ["x"], "attestation": ["y"]}},
            "invalid_proof",
        ),
        (
            {"credential_configuration_id": "university-degree", "proof": {"proof_type": "jwt", "jwt": "x"}},
            "invalid_credential_request",
        ),
        ({"proofs": {"jwt": ["x"]}}, "invalid_credential_request"),
        ({"credential_identifier": "x", "proofs": {"jwt": ["x"]}}, "unknown_credential_identifier"),
        (
            {"credential_configuration_id": "university-degree", "credential_response_encryption": {}},
            "invalid_encryption_parameters",
        ),
        ([], "invalid_credential_request"),
    ],
    ids=[
        "no proofs",
        "empty proofs",
        "empty list",
        "number",
        "no JWT",
        "two proof types",
        "legacy proof",
        "no configuration",
        "credential identifier",
        "encryption not offered",
        "no object",
    ],
)
@pytest.mark.case("I10", "I11", "I14", "I19")
def test_credential_request_without_usable_proofs_is_refused(wallet, token, body, error):
    assert refusal(wallet.ask(token, body)) == (400, error)


def test_credential_request_that_is_no_json_is_refused(wallet, token):
    answer = wallet.client.post("/universitat/credential", data=b"{", headers={"Authorization": f"Bearer {token}"})
    assert refusal(answer) == (400, "invalid_credential_request")


@pytest.mark.parametrize("kind", ["no-such-document", "tax-compliance", "census-registration"])
@pytest.mark.case("I14")
def test_unknown_configuration_or_one_of_another_issuer_is_refused(wallet, token, make_proof, kind):
    answer = wallet.ask(token, wallet.body(make_proof(), kind=kind))
    assert refusal(answer) == (400, "unknown_credential_configuration")


@pytest.mark.case("I15")
def test_configuration_that_the_token_is_not_for_is_refused(citizen, wallet, offer_of):
    path = citizen.get("ajuntament", "census-registration")
    token = wallet.token(offer_of(path, citizen.open(path).text), "ajuntament")
    proof = wallet.proof(wallet.keys[0], wallet.nonce("ajuntament"), "http://localhost:8101/ajuntament")
    answer = wallet.ask(token, wallet.body(proof, kind="tax-compliance"), "ajuntament")
    assert refusal(answer) == (400, "credential_request_denied")


@pytest.mark.case("I17")
def test_token_of_another_administration_is_refused(wallet, token):
    proof = wallet.proof(wallet.keys[0], wallet.nonce("ajuntament"), "http://localhost:8101/ajuntament")
    answer = wallet.ask(token, wallet.body(proof, kind="census-registration"), "ajuntament")
    assert refusal(answer) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.case("I17")
def test_expired_token_is_refused_with_a_challenge_and_the_claims_are_erased(
    wallet, token, make_proof, world, store, offer
):
    world.clock.advance(timedelta(minutes=5))
    answer = wallet.ask(token, wallet.body(make_proof()))
    assert refusal(answer) == (401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    found = store.find_issuance("universitat", offer.path.rpartition("/")[2])
    assert (found.state, found.sealed) == (State.EXPIRED, None)


def test_request_without_token_is_refused_with_a_challenge_that_names_no_error(wallet, make_proof, offer):
    answer = wallet.ask(None, wallet.body(make_proof()))
    assert refusal(answer) == (401, "invalid_token")
    assert "error=" not in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("is_also_in_header", [False, True])
@pytest.mark.case("I16")
def test_access_token_in_query_string_is_refused(wallet, token, make_proof, store, offer, is_also_in_header):
    answer = wallet.ask(
        token if is_also_in_header else None, wallet.body(make_proof()), query=f"?access_token={token}"
    )
    assert refusal(answer) == (400, "invalid_request")
    found = store.find_issuance("universitat", offer.path.rpartition("/")[2])
    assert found.state is State.REDEEMED


def test_second_request_with_a_used_token_is_denied(wallet, token, make_proof):
    assert wallet.ask(token, wallet.body(make_proof())).status_code == 200
    assert refusal(wallet.ask(token, wallet.body(make_proof()))) == (400, "credential_request_denied")


def test_two_parallel_credential_requests_of_one_token_have_one_winner(
    wallet, token, make_proof, settings, world, store, offer
):
    apps = [create_app(settings, clock=world.clock, http=world.http) for _ in range(3)]
    bodies = [wallet.body(make_proof()) for _ in apps]
    barrier = Barrier(len(apps))

    def ask(given) -> int:
        app, body = given
        barrier.wait()
        headers = {"Authorization": f"Bearer {token}"}
        return app.test_client().post("/universitat/credential", json=body, headers=headers).status_code

    with ThreadPoolExecutor(len(apps)) as pool:
        answers = list(pool.map(ask, zip(apps, bodies, strict=True)))
    assert sorted(answers) == [200, 400, 400]
    assert len(store.copies("universitat", offer.path.rpartition("/")[2])) == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"notification_id": "unknown", "event": "credential_accepted"}, "invalid_notification_id"),
        ({"notification_id": "{id}", "event": "credential_liked"}, "invalid_notification_request"),
        ({"notification_id": "{id}"}, "invalid_notification_request"),
        ({"event": "credential_accepted"}, "invalid_notification_request"),
        ({"notification_id": 1, "event": "credential_accepted"}, "invalid_notification_request"),
    ],
)
@pytest.mark.case("I41")
def test_notification_that_is_wrong_is_refused(wallet, token, make_proof, body, error):
    issued = wallet.ask(token, wallet.body(make_proof())).json
    if body.get("notification_id") == "{id}":
        body = {**body, "notification_id": issued["notification_id"]}
    answer = wallet.client.post(
        "/universitat/notification", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    assert refusal(answer) == (400, error)


def test_notification_without_or_with_a_foreign_token_is_refused(wallet, token, make_proof):
    issued = wallet.ask(token, wallet.body(make_proof())).json
    body = {"notification_id": issued["notification_id"], "event": "credential_deleted"}
    for headers in ({}, {"Authorization": "Bearer x"}):
        assert wallet.client.post("/universitat/notification", json=body, headers=headers).status_code == 401
    foreign = {"Authorization": f"Bearer {token}"}
    assert wallet.client.post("/ajuntament/notification", json=body, headers=foreign).status_code == 401
