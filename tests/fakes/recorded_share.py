# SPDX-License-Identifier: EUPL-1.2
"""A recorded share as wallet, log and verifier see it, with every key at hand: made fresh, forgotten afterwards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger import promise as promises
from ledger import record as records
from ledger import signatures
from ledger.checkpoint import CheckpointSigner, new_key_pem
from ledger.receipt import ConsentReceipt
from ledger.trust import AuditedLog
from protocol import jws
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


def make_share_record() -> records.ConsentRecord:
    """Return what a share with the fictitious town hall says."""
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


def make_share(share_record: records.ConsentRecord | None = None, *, copies: int = 2) -> Share:
    """Return this share, or the town hall's, recorded and promised; so many copies were shown."""
    consent_key, promise_key = PrivateKey.generate(), PrivateKey.generate()
    holders = tuple(PrivateKey.generate() for _ in range(copies))
    record = replace(share_record or make_share_record(), consent_key=consent_key.public_key)
    key = records.new_key()
    signer = CheckpointSigner.from_pem(ORIGIN, new_key_pem())
    log = TrustedLog(ORIGIN, promise_key.public_key, 60)
    audited = AuditedLog(ORIGIN, signer.key, promise_key.public_key, timedelta(seconds=60), None)
    receipt = make_receipt(record, key, consent_key, holders, promise_key)
    return Share(record, key, consent_key, holders, promise_key, signer, log, audited, receipt)
