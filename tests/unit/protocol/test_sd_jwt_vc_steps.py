# SPDX-License-Identifier: EUPL-1.2
"""No step of `sd_jwt_vc.verify` can be left out, and what it returns is what the steps found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from protocol import key_binding, sd_jwt_vc
from protocol.credential import BindingExpectation
from protocol.encoding import b64url_encode, compact_json
from protocol.errors import Check, VerificationError
from protocol.keys import PrivateKey
from protocol.sd_jwt_vc import FORMAT
from tests.fakes.holder import VCT

HOLDER = PrivateKey.generate()


def issued(world: Any, *, key: PrivateKey | None = None) -> str:
    party, now = world.parties["universitat"], world.clock.now()
    return sd_jwt_vc.issue(
        {"given_name": "Mariona"},
        key or party.issuer_key,
        selective=[("given_name",)],
        x5c=party.issuer_chain,
        issuer=party.issuer_identifier,
        vct=VCT.format("university-degree"),
        holder_key=HOLDER.public_key,
        status=None,
        issued_at=now - timedelta(hours=1),
        expires_at=now + timedelta(days=1),
    )


def test_credential_signed_by_another_key_than_its_certificates_is_refused(world: Any) -> None:
    forged = FORMAT.parse(issued(world, key=PrivateKey.generate()))
    with pytest.raises(VerificationError) as caught:
        sd_jwt_vc.verify(forged, trust=world.trust, now=world.clock.now())
    assert caught.value.check is Check.SIGNATURE


def test_verified_credential_names_the_issuer_that_the_trust_list_knows(world: Any) -> None:
    found = sd_jwt_vc.verify(FORMAT.parse(issued(world)), trust=world.trust, now=world.clock.now())
    assert found.issuer.identifier == world.parties["universitat"].issuer_identifier
    assert found.issuer.key == world.parties["universitat"].issuer_key.public_key


def test_issued_credential_says_when_it_was_issued(world: Any) -> None:
    payload = FORMAT.parse(issued(world)).payload
    assert payload["iat"] == int(world.clock.now().timestamp()) - 3600


@pytest.mark.case("V22")
def test_key_binding_without_the_transaction_data_that_was_sent_is_refused(world: Any) -> None:
    text, now = issued(world), world.clock.now()
    sent = b64url_encode(compact_json({"type": "payment", "credential_ids": ["degree"]}))
    expected = BindingExpectation(audience="x509_hash:a", nonce="n" * 22, transaction_data=[sent])
    for data in ([sent], []):
        asked = key_binding.prepare(
            text, nonce=expected.nonce, audience=expected.audience, now=now, transaction_data=data
        )
        bound = FORMAT.parse(text + asked.complete(HOLDER.sign(asked.text.encode())))
        if data:
            bound.check_key_binding(expected, now=now)
        else:
            with pytest.raises(VerificationError) as caught:
                bound.check_key_binding(expected, now=now)
            assert caught.value.check is Check.KEY_BINDING
