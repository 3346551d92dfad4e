# SPDX-License-Identifier: EUPL-1.2
"""Records of questions to sources: what is written down before a source is asked, for the person and the ledger.

- A record says which office asked for which claims of which type, why, under which law, for how long, and whom to
  complain to, in the language in which the person read it. It holds no value, and nothing says who the person is.
- The words come from the file of the credential type and from what is known of the administration. An office that
  has not said them all asks nobody (`office_incomplete`).
- Record, opening key and the office's signature are sealed and kept, with the question, before the source is
  asked; so a question that then fails is recorded too: it was asked.
- Whoever waits for a document does not wait for the ledger. The record is durable and signed by then, and its
  commitment follows through an outbox (`issuer.outbox`): an outage of the ledger delays the entry, not the person.
  A share is the other way round, because there the person decides, and can be told to try again.
- `procedure` is the type of document that the office asks for, in the version of its terms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from issuer.credential_types import CredentialType
from issuer.interop import Query
from issuer.offers import not_found
from issuer.records import Administration, Person, QueryRecord
from issuer.sealing import Seals
from issuer.store_queries import QueryRecordStore
from ledger import record as records
from ledger import signatures
from ledger.client import LedgerClient
from ledger.evidence import Evidence, EvidenceRecord
from ledger.placing import place
from ledger.record import ClaimReference, ConsentRecord, Party, ProcedureReference, Terms
from protocol.encoding import b64url_decode, b64url_encode, canonical_json, get_member
from protocol.errors import RequestError, UnavailableError, VerificationError
from protocol.keys import Signer
from protocol.trust import TrustList

_PURPOSE = "query-record"
_DEFAULT_LANGUAGE = "ca"


@dataclass(frozen=True)
class OpenRecord:
    """What a sealed record holds."""

    record: bytes
    key: bytes = field(repr=False)
    signature: str = field(repr=False)


def build(
    administration: Administration, kind: CredentialType, *, language: str, log: str, now: datetime
) -> ConsentRecord:
    """Return the record of a question for this type. Raises `UnavailableError` (`office_incomplete`)."""
    said = (
        administration.support_url,
        administration.privacy_url,
        administration.dpa_name,
        administration.dpa_contact,
    )
    if not all(said):
        raise UnavailableError("office_incomplete", f"{administration.id} lacks words that a record needs")
    name = administration.names.get(language) or administration.names[_DEFAULT_LANGUAGE]
    return records.build_query(
        log=log,
        time=now,
        transaction_identifier=records.new_transaction_identifier(),
        party=Party(administration.code, name, administration.support_url),
        procedure=ProcedureReference(kind.id, str(kind.record.version)),
        terms=Terms(
            purpose=kind.legal.why[language],
            legal_basis=kind.record.legal_basis.value,
            retention=kind.record.retention[language],
            privacy_policy=administration.privacy_url,
            dpa_name=administration.dpa_name,
            dpa_contact=administration.dpa_contact,
        ),
        claims_requested=[ClaimReference(kind.vct, (claim,)) for claim in kind.record.asked],
    )


class Recording:
    """Makes, opens and hands out records of questions."""

    def __init__(
        self,
        store: QueryRecordStore,
        seals: Seals,
        *,
        log: str,
        trust: TrustList,
        ledger: LedgerClient,
        open_signer: Callable[[str], Signer],
    ) -> None:
        self._store = store
        self._seals = seals
        # origin of the log that takes entries now
        self._log = log
        self._trust = trust
        self._ledger = ledger
        self._open_signer = open_signer

    def make(
        self, administration: Administration, kind: CredentialType, query: Query, *, language: str, now: datetime
    ) -> QueryRecord:
        """Return the record of a question that is about to be asked, signed and sealed, to be kept with it."""
        record = records.to_bytes(build(administration, kind, language=language, log=self._log, now=now))
        key = records.new_key()
        signer = self._open_signer(administration.signer_url)
        signature = signatures.sign_query(record, signer, x5c=administration.x5c)
        sealed = self._seals.seal(
            {"record": b64url_encode(record), "key": b64url_encode(key), "signature": signature},
            purpose=_PURPOSE,
            owner=query.identifier,
        )
        return QueryRecord(
            commitment=records.commit(key, record),
            administration_id=administration.id,
            query_id=query.identifier,
            log=self._log,
            sealed=sealed,
            made_at=now,
            keep_until=now + timedelta(days=kind.record.retention_days),
            due_at=now,
        )

    def open(self, kept: QueryRecord) -> OpenRecord:
        """Return what a record holds. Raises `StoreConflictError` when it was sealed otherwise or for another."""
        members = self._seals.unseal(kept.sealed, purpose=_PURPOSE, owner=kept.query_id)
        return OpenRecord(
            b64url_decode(get_member(members, "record", str)),
            b64url_decode(get_member(members, "key", str)),
            get_member(members, "signature", str),
        )

    def show(self, kept: QueryRecord, promise: str) -> EvidenceRecord:
        """Return the record as evidence, with the promise of its log. Raises as `open`."""
        opened = self.open(kept)
        return EvidenceRecord(opened.record, opened.key, promise, signature=opened.signature)

    def evidence(self, administration_id: str, person: Person, query_id: str, *, now: datetime) -> bytes:
        """Return the evidence file of one question about this person.

        Raises `RequestError`: `not_found` for anybody else's question and for one without a record (any more),
        `not_recorded_yet` (409) until a log has promised it.
        """
        kept = self._store.find_record(administration_id, person, query_id)
        if kept is None:
            raise not_found()
        if kept.promise is None:
            raise RequestError("not_recorded_yet", "no log has promised this record yet", status=409)
        item = self.show(kept, kept.promise)
        return canonical_json(Evidence(self._place(item, kept.log, now)).to_json())

    def _place(self, item: EvidenceRecord, origin: str, now: datetime) -> tuple[EvidenceRecord, ...]:
        """Return the record with its place, or as it is when it cannot be told now whom to ask for that."""
        try:
            log = self._trust.get_log(origin, now=now)
        except (UnavailableError, VerificationError):
            return (item,)
        return place([item], ledger=self._ledger.another(origin), checkpoint_key=log.checkpoint_key)
