# SPDX-License-Identifier: EUPL-1.2
"""A log, keys and a share, made fresh for each test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger import promise as promises
from ledger import record as records
from ledger import signatures
from ledger.checkpoint import CheckpointSigner, new_key_pem
from ledger.receipt import ConsentReceipt
from ledger.trust import AuditedLog
from protocol import jws
from protocol.encoding import canonical_json, parse_object
from protocol.keys import PrivateKey
from protocol.trust import TrustedLog

NOW = datetime(2026, 5, 4, 9, 30, 0, tzinfo=UTC)
ORIGIN = "ledger.example/2026"
CLAIMS = (
    records.ClaimReference("https://issuer.example/degree", ("degree", "title")),
    records.ClaimReference("https://issuer.example/degree", ("given_name",)),
)


@dataclass(frozen=True)
class Share:
    """A share as wallet, log and verifier see it, with every key at hand."""

    record: records.ConsentRecord
    key: bytes
    consent_key: PrivateKey
    holder_keys: tuple[PrivateKey, ...]
    promise_key: PrivateKey
    checkpoint_signer: CheckpointSigner
    trusted_log: TrustedLog
    audited_log: AuditedLog
    receipt: ConsentReceipt

    @property
    def commitment(self) -> records.Commitment:
        return records.commit(self.key, records.to_bytes(self.record))

    def receipt_of(self, record: records.ConsentRecord) -> ConsentReceipt:
        """Return an otherwise honest receipt of another record."""
        return make_receipt(record, self.key, self.consent_key, self.holder_keys, self.promise_key)

    def expected(self, **changes: Any) -> dict[str, Any]:
        """Return what the verifier compares with; a test replaces what it is about."""
        assert self.record.request is not None
        return {
            "trusted_log": self.trusted_log,
            "expected_client_id": self.record.request.client_id,
            "expected_nonce": self.record.request.nonce,
            "expected_party": self.record.party.identifier,
            "expected_procedure": self.record.procedure,
            "expected_claims": CLAIMS,
            "copy_keys": tuple(key.public_key for key in self.holder_keys),
            "expected_aud": self.record.request.client_id,
            "now": NOW,
            **changes,
        }


def make_receipt(
    record: records.ConsentRecord,
    key: bytes,
    consent_key: PrivateKey,
    holder_keys: tuple[PrivateKey, ...],
    promise_key: PrivateKey,
) -> ConsentReceipt:
    data = records.to_bytes(record)
    commitment = records.commit(key, data)
    signing = signatures.prepare_record(data)
    token = signing.complete(consent_key.sign(signing.text.encode()))
    bindings = []
    for holder in holder_keys:
        binding = signatures.prepare_binding(commitment, nonce="n-1", aud="x509_hash:abc")
        bindings.append(binding.complete(holder.sign(binding.text.encode())))
    promise = promises.make(
        promise_key, log=ORIGIN, commitment=commitment, now=NOW, maximum_merge_delay=timedelta(seconds=60)
    )
    return ConsentReceipt(data, key, jws.detach(token), promise, tuple(bindings))


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def share_record() -> records.ConsentRecord:
    return records.build_share(
        log=ORIGIN,
        time=NOW,
        transaction_identifier="t-0123456789",
        party=records.Party("L01990015", "Ajuntament de Vilaprova", "https://verifier.example/support"),
        procedure=records.ProcedureReference("beca-estudis", "3"),
        terms=records.Terms(
            purpose="Scholarship",
            legal_basis="dpv:Consent",
            retention="P1Y",
            privacy_policy="https://verifier.example/privacy",
            dpa_name="APDCAT",
            dpa_contact="https://apdcat.example",
        ),
        claims_requested=CLAIMS,
        claims_presented=CLAIMS,
        request=records.RequestReference("x509_hash:abc", "n-1"),
        consent_key=PrivateKey.generate().public_key,
    )


@pytest.fixture
def share(share_record: records.ConsentRecord) -> Share:
    consent_key, promise_key = PrivateKey.generate(), PrivateKey.generate()
    holders = (PrivateKey.generate(), PrivateKey.generate())
    record = replace(share_record, consent_key=consent_key.public_key)
    key = records.new_key()
    signer = CheckpointSigner.from_pem(ORIGIN, new_key_pem())
    log = TrustedLog(ORIGIN, promise_key.public_key, 60)
    audited = AuditedLog(ORIGIN, signer.key, promise_key.public_key, timedelta(seconds=60), None)
    receipt = make_receipt(record, key, consent_key, holders, promise_key)
    return Share(record, key, consent_key, holders, promise_key, signer, log, audited, receipt)


@pytest.fixture
def edited() -> Callable[[bytes, dict[str, Any]], bytes]:
    """Return a function that changes members of a record's bytes and keeps them canonical; None removes."""

    def edit(data: bytes, changes: dict[str, Any]) -> bytes:
        members: dict[str, Any] = {**parse_object(data), **changes}
        return canonical_json({name: value for name, value in members.items() if value is not None})

    return edit
