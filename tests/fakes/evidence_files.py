# SPDX-License-Identifier: EUPL-1.2
"""Evidence files as a wallet makes them: a share with the fictitious town hall, what followed, and its proofs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ledger import checkpoint as checkpoints
from ledger import record as records
from ledger import signatures
from ledger.checkpoint import CheckpointKey
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.evidence import Evidence, EvidenceRecord, InclusionEvidence
from ledger.merkle import EMPTY_ROOT
from ledger.record import ClaimReference, Party, ProcedureReference, RecordType, TakeBack
from ledger.trust import log_id
from protocol import jws
from protocol.clock import epoch_seconds, from_epoch
from protocol.keys import PrivateKey
from tests.fakes.anchor_proof import SEAL_KEYS, prove_anchor
from tests.fakes.memory_chain import CONTRACT

if TYPE_CHECKING:
    from ledger.worker import Worker
    from tests.conftest import World

DEGREE = "https://testimoni.example/credentials/university-degree/1"
PARTY = Party("L01990015", "Ajuntament de Vilaprova", "http://localhost:8103/ajuntament/support")
TERMS = records.Terms(
    purpose="Comprovar que té la titulació que demana la borsa de treball.",
    legal_basis="dpv:Consent",
    retention="Un any, mentre dura la borsa de treball.",
    privacy_policy="http://localhost:8103/ajuntament/privacy",
    dpa_name="Autoritat Catalana de Protecció de Dades",
    dpa_contact="https://apdcat.gencat.cat",
)
CLAIMS = tuple(ClaimReference(DEGREE, (name,)) for name in ("degree_title", "university", "given_name"))
BLOCK_AT = from_epoch(1_800_000_000)


@dataclass
class EvidenceFile:
    """One citizen's file about one share, over a real log; grows record by record."""

    world: World
    worker: Worker
    url: str
    origin: str
    consent_key: PrivateKey = field(default_factory=PrivateKey.generate)
    items: list[EvidenceRecord] = field(default_factory=list)

    def share(self, *, accepted: bool = True, **changes: Any) -> Commitment:
        """Record a share now; changes are arguments of `build_share`."""
        given: dict[str, Any] = {
            "log": self.origin,
            "time": self.world.clock.now(),
            "transaction_identifier": records.new_transaction_identifier(),
            "party": PARTY,
            "procedure": ProcedureReference("borsa-treball", "1"),
            "terms": TERMS,
            "claims_requested": CLAIMS,
            "claims_presented": CLAIMS,
            "request": records.RequestReference("x509_hash:abc", "nonce"),
            "consent_key": self.consent_key.public_key,
            **changes,
        }
        record = records.to_bytes(records.build_share(**given))
        is_by_wallet = given.get("recorded_by", "wallet") == "wallet"
        signing = signatures.prepare_record(record)
        commitment = self._add(record, self._detached(signing, self.consent_key) if is_by_wallet else None)
        if accepted:
            acceptance = signatures.sign_acceptance(
                self.office,
                commitment=commitment,
                result="accepted",
                reference="BT-2026-0001",
                now=self.world.clock.now(),
                x5c=self.world.parties["ajuntament"].access_chain,
            )
            self.items[-1] = replace(self.items[-1], acceptance=acceptance)
        return commitment

    def take_back(
        self, share: Commitment, *, kind: TakeBack = TakeBack.WITHDRAW, signer: PrivateKey | None = None
    ) -> Commitment:
        """Record that the share is taken back, now."""
        record = records.to_bytes(
            records.build_withdrawal(
                log=self.origin,
                time=self.world.clock.now(),
                transaction_identifier=records.new_transaction_identifier(),
                party=PARTY,
                take_back=kind,
                previous=share,
            )
        )
        return self._add(record, self._detached(signatures.prepare_withdrawal(record), signer or self.consent_key))

    def answer(
        self,
        request: Commitment,
        kind: Any = RecordType.BLOCKED,
        *,
        legal_ground: str | None = None,
        signer: PrivateKey | None = None,
    ) -> Commitment:
        """Record the office's answer, now."""
        record = records.to_bytes(
            records.build_answer(
                kind,
                log=self.origin,
                time=self.world.clock.now(),
                transaction_identifier=records.new_transaction_identifier(),
                party=PARTY,
                previous=request,
                legal_ground=legal_ground,
            )
        )
        chain = self.world.parties["ajuntament"].access_chain
        return self._add(record, signatures.sign_answer(record, signer or self.office, x5c=chain))

    def wait(self, days: int) -> None:
        """Let days go by."""
        self.world.clock.advance(timedelta(days=days))
        # the worker is there again before anybody asks for a promise
        self.worker.sequence()

    def data(self, *, anchored: bool = True, block_at: datetime = BLOCK_AT) -> bytes:
        """Return the file, each record with its place in the newest head, and that in a block of this moment."""
        (log,) = self._client.logs()
        assert isinstance(log, dict)
        key = CheckpointKey.parse(str(log["checkpoint_key"]))
        note = self._client.checkpoint()
        head = checkpoints.verify(note, key)
        proof = prove_anchor(
            contract=CONTRACT,
            log_id=log_id(self.origin),
            prev_size=0,
            size=head.size,
            prev_root=EMPTY_ROOT,
            root=head.root,
            chain_id=1337,
            validators=SEAL_KEYS[:1],
            seals=SEAL_KEYS[:1],
            timestamp=epoch_seconds(block_at),
        )
        placed = []
        for item in self.items:
            found = self._client.prove(records.commit(item.key, item.record), key, note=note)
            assert found is not None
            place = InclusionEvidence(found.leaf_index, head.size, found.proof)
            anchor = proof.to_json() if anchored else None
            placed.append(replace(item, inclusion=place, checkpoint=note, anchor=anchor))
        return json.dumps(Evidence(tuple(placed)).to_json()).encode()

    @property
    def office(self) -> PrivateKey:
        return self.world.parties["ajuntament"].access_key

    @property
    def _client(self) -> LedgerClient:
        return LedgerClient(self.world.http, self.url)

    def _add(self, record: bytes, signature: str | None) -> Commitment:
        key = records.new_key()
        commitment = records.commit(key, record)
        promise = self._client.add_entry(commitment)
        self.items.append(EvidenceRecord(record, key, promise, signature))
        # the promise is kept at once, so that time may pass
        self.worker.sequence()
        return commitment

    @staticmethod
    def _detached(signing: jws.SigningInput, key: PrivateKey) -> str:
        return jws.detach(signing.complete(key.sign(signing.text.encode())))
