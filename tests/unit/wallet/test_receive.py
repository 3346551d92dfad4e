# SPDX-License-Identifier: EUPL-1.2
"""Offers and credentials that a wallet must refuse (docs/negative-cases.md, W1 to W9 and W31)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from protocol import jws
from protocol.errors import Check, RequestError, UnavailableError, VerificationError
from protocol.keys import PrivateKey
from protocol.openid4vci.offer import OfferLink
from protocol.runtime.fetch import Fetcher
from tests.fakes.holder import CLAIMS, VCT
from tests.fakes.wallet_peers import TX_CODE
from wallet import receive, signing
from wallet.issuers import IssuerClient


def _offer(peers, **changes):
    offer = {
        "credential_issuer": peers.issuer.party.issuer_identifier,
        "credential_configuration_ids": ["university-degree"],
        "grants": {"urn:ietf:params:oauth:grant-type:pre-authorized_code": {"pre-authorized_code": "pre-code"}},
    }
    return offer | changes


def _grant(**members):
    return {"urn:ietf:params:oauth:grant-type:pre-authorized_code": {"pre-authorized_code": "x"} | members}


@pytest.mark.parametrize(
    "changes",
    [
        {"credential_configuration_ids": []},
        {"credential_configuration_ids": ["university-degree", "university-degree"]},
        {"credential_configuration_ids": ["university-degree", "census-registration"]},
        {"credential_configuration_ids": ["unknown"]},
        {"grants": {}},
        {"grants": _grant(authorization_server="https://elsewhere.example")},
    ],
)
@pytest.mark.case("W3", "W4")
def test_offer_that_is_malformed_or_of_something_unknown_is_refused(peers, world, changes):
    parameters = {"credential_offer": [json.dumps(_offer(peers, **changes))]}
    with pytest.raises(RequestError):
        IssuerClient(world.http).open(OfferLink.parse(parameters))


@pytest.mark.parametrize(
    "parameters", [{}, {"credential_offer": ["{}"], "credential_offer_uri": ["https://a.example"]}]
)
@pytest.mark.case("W1")
def test_offer_link_with_both_or_neither_form_is_refused(parameters):
    with pytest.raises(RequestError):
        OfferLink.parse(parameters)


def test_offer_by_value_is_read(peers, world):
    opened = IssuerClient(world.http).open(OfferLink.parse({"credential_offer": [json.dumps(_offer(peers))]}))
    assert not opened.needs_tx_code


@pytest.mark.case("W5")
def test_metadata_of_another_issuer_is_refused(file_wallet, peers):
    peers.issuer.wrong_metadata = True
    with pytest.raises(RequestError) as caught:
        file_wallet.open_offer(peers.issuer.link())
    assert caught.value.code == "invalid_issuer_metadata"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "https://127.0.0.1/x", "https://[::1]/x", "https://10.0.0.1/x"]
)
@pytest.mark.case("W1", "W31")
def test_offer_at_private_address_is_refused(url):
    client = IssuerClient(Fetcher(allowed_private_origins=frozenset()))
    with pytest.raises((RequestError, UnavailableError)) as caught:
        client.open(OfferLink.parse({"credential_offer_uri": [url]}))
    assert "may not be fetched" in caught.value.message


def test_transaction_code_that_is_wrong_is_refused_and_right_one_still_works(file_wallet, peers):
    opened = file_wallet.open_offer(peers.issuer.link())
    with pytest.raises(RequestError) as caught:
        file_wallet.receive(opened, tx_code="000000")
    assert caught.value.code == "offer_code_wrong"
    file_wallet.receive(opened, tx_code=TX_CODE)
    assert len(file_wallet.documents()) == 1


def _with_key_binding(issuer, key, index):
    bound = jws.sign({"nonce": "x"}, PrivateKey.generate(), typ="kb+jwt")
    return issuer.issue(key) + bound


def _expired(issuer, key, index):
    issuer.world.clock.advance(timedelta(days=-200))
    try:
        return issuer.issue(key)
    finally:
        issuer.world.clock.advance(timedelta(days=200))


def _tampered(issuer, key, index):
    head, _, tail = issuer.issue(key).partition("~")
    other = issuer.issue(key, claims={**CLAIMS["university-degree"], "degree_title": "Doctorat"})
    return "~".join([head, *other.split("~")[1:]]) if tail else ""


def _first(issuer, key, _index):
    return issuer.issue(issuer.__dict__.setdefault("first_key", key))


def _of_another_issuer(issuer, key, _index):
    other = issuer.world.parties["ajuntament"]
    return issuer.issue(
        key,
        issuer=other.issuer_identifier,
        signer=other.issuer_key,
        x5c=other.issuer_chain,
        vct=VCT.format("census-registration"),
    )


def _different(issuer, key, index):
    return issuer.issue(key, claims={**CLAIMS["university-degree"], "centre": str(index)})


def _different_in_kind(issuer, key, index):
    return issuer.issue(key, claims={**CLAIMS["university-degree"], "centre": True if index else 1})


def _different_in_the_clear(issuer, key, index):
    return issuer.issue(key, clear={"degree_title"} if index else ())


WRONG = {
    "foreign_key": (lambda i, _k, _n: i.issue(PrivateKey.generate().public_key), Check.POLICY),
    "same_key_twice": (_first, Check.POLICY),
    "another_type": (lambda i, k, _n: i.issue(k, vct=VCT.format("tax-compliance")), Check.ISSUER),
    "another_issuer": (_of_another_issuer, Check.POLICY),
    "untrusted_key": (lambda i, k, _n: i.issue(k, signer=PrivateKey.generate()), Check.SIGNATURE),
    "key_binding_from_issuer": (_with_key_binding, Check.POLICY),
    "copies_differ": (_different, Check.POLICY),
    "copies_differ_in_kind": (_different_in_kind, Check.POLICY),
    "copies_differ_in_what_can_be_withheld": (_different_in_the_clear, Check.POLICY),
    "expired": (_expired, Check.VALIDITY),
    "tampered_disclosures": (_tampered, Check.DISCLOSURES),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.case("W8", "W9")
def test_credential_that_is_wrong_is_not_kept(name, file_wallet, peers):
    mint, check = WRONG[name]
    peers.issuer.mint = lambda index, key: mint(peers.issuer, key, index)
    with pytest.raises(VerificationError) as caught:
        file_wallet.receive(file_wallet.open_offer(peers.issuer.link()), tx_code=TX_CODE)
    assert caught.value.check is check
    assert file_wallet.documents() == []


def test_signature_swapped_between_proofs_is_refused(peers, file_wallet, world):
    opened = file_wallet.open_offer(peers.issuer.link())
    keys = [file_wallet.keys.new_holder_key() for _ in range(2)]
    steps = receive.prepare(opened, keys, nonce="n", now=world.clock.now())
    signatures = signing.sign_all(file_wallet.keys, steps)
    with pytest.raises(VerificationError) as caught:
        signing.complete(steps, signatures[::-1])
    assert caught.value.check is Check.SIGNATURE
    with pytest.raises(RequestError):
        signing.complete(steps, signatures[:1])


def test_more_keys_than_the_issuer_gives_copies_are_refused(peers, file_wallet, world):
    opened = file_wallet.open_offer(peers.issuer.link())
    keys = [file_wallet.keys.new_holder_key() for _ in range(peers.issuer.batch_size + 1)]
    with pytest.raises(RequestError):
        receive.prepare(opened, keys, nonce="n", now=world.clock.now())
    with pytest.raises(RequestError):
        receive.prepare(opened, [keys[0], keys[0]], nonce="n", now=world.clock.now())


def test_file_key_signs_only_what_its_kind_is_for(peers, file_wallet, world):
    opened = file_wallet.open_offer(peers.issuer.link())
    consent_key = file_wallet.keys.new_consent_key()
    (step,) = receive.prepare(opened, [consent_key], nonce="n", now=world.clock.now())
    with pytest.raises(RequestError) as caught:
        file_wallet.keys.sign(step)
    assert caught.value.code == "wrong_purpose"
    holder = file_wallet.keys.new_holder_key()
    (step,) = receive.prepare(opened, [holder], nonce="n", now=world.clock.now())
    with pytest.raises(RequestError):
        file_wallet.keys.sign(replace(step, purpose=signing.Purpose.BINDING))
    with pytest.raises(RequestError):
        file_wallet.keys.sign(replace(step, key=PrivateKey.generate().public_key))
