# SPDX-License-Identifier: EUPL-1.2
"""The pure parts of issuing: proofs, whole days, seals, links, and how documents are told apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from issuer.credential_types import load_types
from issuer.issuance import MAX_TOKEN_LIFETIME, whole_day
from issuer.links import MAX_RETURN_CHARS, keep_return, wallet_link
from issuer.offers import TX_CODE_DIGITS, Secrets
from issuer.proofs import proven_keys
from issuer.sealing import Seals
from protocol.errors import RequestError, StoreConflictError
from protocol.keys import PrivateKey
from protocol.openid4vci.proof import MAX_AGE, prepare_proof

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
ISSUER = "https://documents.example/universitat"
WALLET = "https://wallet.example"
SEALS = Seals("a secret that is long enough for a test")


def proof(key: PrivateKey, nonce: str = "n", at: datetime = NOW, audience: str = ISSUER) -> str:
    prepared = prepare_proof(key.public_key, audience=audience, nonce=nonce, now=at)
    return prepared.complete(key.sign(prepared.text.encode()))


def test_proofs_when_right_then_keys_in_order_and_the_nonce_they_share():
    keys = [PrivateKey.generate() for _ in range(3)]
    found, nonce = proven_keys([proof(k) for k in keys], expected_audience=ISSUER, batch_size=3, now=NOW)
    assert found == tuple(k.public_key for k in keys)
    assert nonce == "n"


@pytest.mark.parametrize(
    "make",
    [
        lambda a, b: [proof(a), proof(b), proof(PrivateKey.generate())],
        lambda a, _: [proof(a), proof(a)],
        lambda a, b: [proof(a, "n"), proof(b, "m")],
        lambda a, b: [proof(a), proof(b, audience=ISSUER + "/")],
        lambda a, b: [proof(a), proof(b, at=NOW + MAX_AGE + timedelta(seconds=1))],
        lambda a, b: [proof(a), proof(b, at=NOW - MAX_AGE - timedelta(seconds=1))],
        lambda a, b: [proof(a), proof(b)[:-4] + "AAAA"],
    ],
    ids=["too many", "same key", "two nonces", "audience", "future", "past", "signature"],
)
def test_proofs_when_one_is_wrong_then_all_are_refused(make):
    with pytest.raises(RequestError) as caught:
        proven_keys(
            make(PrivateKey.generate(), PrivateKey.generate()), expected_audience=ISSUER, batch_size=2, now=NOW
        )
    assert caught.value.code == "invalid_proof"


def test_proof_when_at_the_edge_of_its_time_then_accepted():
    for at in (NOW - MAX_AGE, NOW + MAX_AGE):
        proven_keys([proof(PrivateKey.generate(), at=at)], expected_audience=ISSUER, batch_size=1, now=NOW)


def test_times_of_copies_when_issued_within_a_day_then_equal():
    late = datetime(2026, 11, 21, 23, 59, 59, 999, tzinfo=UTC)
    assert whole_day(NOW) == whole_day(late) == datetime(2026, 11, 21, tzinfo=UTC)


def test_access_token_never_lives_longer_than_unbound_tokens_may():
    assert timedelta(minutes=5) >= MAX_TOKEN_LIFETIME


def test_codes_when_made_then_six_digits_and_256_bits():
    made = [Secrets.make({}) for _ in range(200)]
    assert all(len(m.tx_code) == TX_CODE_DIGITS and m.tx_code.isdecimal() for m in made)
    assert len({m.code for m in made} | {m.offer_token for m in made}) == 400
    assert all(len(m.code) >= 43 for m in made)


def test_seal_when_opened_elsewhere_then_refused():
    sealed = SEALS.seal({"claims": {"a": "b"}}, purpose="issuance", owner="1")
    assert SEALS.unseal(sealed, purpose="issuance", owner="1") == {"claims": {"a": "b"}}
    for purpose, owner in (("issuance", "2"), ("objection", "1")):
        with pytest.raises(StoreConflictError):
            SEALS.unseal(sealed, purpose=purpose, owner=owner)


def test_digests_when_parts_are_shifted_or_purposes_differ_then_differ():
    found = {
        SEALS.digest("code", "a", "bc"),
        SEALS.digest("code", "ab", "c"),
        SEALS.digest("code", "abc"),
        SEALS.digest("token", "a", "bc"),
        Seals("another secret that is long enough").digest("code", "a", "bc"),
    }
    assert len(found) == 5


@pytest.mark.parametrize("page", [WALLET, f"{WALLET}/", f"{WALLET}/documents?x=1#y", f"{WALLET}?x=1"])
def test_return_address_when_a_page_of_our_wallet_then_kept(page):
    assert keep_return(page, wallet_url=WALLET) == page


@pytest.mark.parametrize(
    "page",
    [
        "",
        "/documents",
        "https://wallet.example.evil/",
        "https://wallet.example@evil/",
        "https://wallet.examplé/",
        "http://wallet.example/",
        "https://wallet.example/\nSet-Cookie: x",
        "https://wallet.example/\\evil",
        f"{WALLET}/" + "a" * MAX_RETURN_CHARS,
    ],
)
def test_return_address_when_anything_else_then_dropped(page):
    assert keep_return(page, wallet_url=WALLET) == ""


def test_wallet_link_when_there_is_a_way_back_then_carries_it_encoded():
    link = wallet_link("https://i.example/o?x=1", wallet_url=WALLET, return_url=f"{WALLET}/a?b=c")
    assert link == (
        f"{WALLET}/receive?credential_offer_uri=https%3A%2F%2Fi.example%2Fo%3Fx%3D1"
        "&return=https%3A%2F%2Fwallet.example%2Fa%3Fb%3Dc"
    )


def test_every_type_when_described_to_wallets_then_each_claim_has_a_label():
    for kind in load_types().values():
        assert {rule.name for rule in kind.claim_rules} >= kind.disclosable
