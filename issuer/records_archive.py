# SPDX-License-Identifier: EUPL-1.2
"""What an office that issues can hand over to auditors: the records of its questions to sources.

- Each goes with the promise of a log. Those that no log has promised yet are counted, not handed over.
- Of questions whose record was destroyed when its retention ended it is known that there was one, and no more.
"""

from __future__ import annotations

from collections.abc import Sequence

from issuer.offers import not_found
from issuer.recording import Recording
from issuer.records import QueryRecord, Store
from issuer.store_queries import QueryRecordStore
from ledger.evidence import EvidenceRecord
from ledger.office_records import Found, Office
from ledger.reconciliation import Role
from ledger.records_request import RecordsRequest


class QueryArchive:
    """The `Archive` of an issuer's offices."""

    role = Role.ISSUER

    def __init__(self, store: Store, query_records: QueryRecordStore, recording: Recording) -> None:
        self._store = store
        self._query_records = query_records
        self._recording = recording

    def get_office(self, administration_id: str) -> Office:
        """Return the office. Raises `RequestError` (`not_found`)."""
        found = self._store.find_administration(administration_id)
        if found is None:
            raise not_found()
        return Office(found.code, found.signer_url, found.x5c)

    def count(self, administration_id: str, asked: RecordsRequest) -> int:
        """Return how many questions a request is about, those whose record is still kept."""
        if asked.commitment is not None:
            return len(self._kept(administration_id, asked))
        since, until = asked.period
        return self._query_records.count_between(administration_id, since=since, until=until)

    def count_not_kept(self, administration_id: str, asked: RecordsRequest) -> int:
        """Return of how many of these questions the record was destroyed, in a period by whole days."""
        if asked.commitment is not None:
            return int(self._query_records.is_destroyed(administration_id, asked.commitment))
        since, until = asked.period
        return self._query_records.count_destroyed(administration_id, since=since, until=until)

    def collect(self, administration_id: str, asked: RecordsRequest) -> Found:
        """Return the records of these questions."""
        records: list[EvidenceRecord] = []
        unpromised = 0
        for each in self._kept(administration_id, asked):
            if each.promise is None:
                unpromised += 1
            else:
                records.append(self._recording.show(each, each.promise))
        return Found(tuple(records), self.count_not_kept(administration_id, asked), unpromised)

    def _kept(self, administration_id: str, asked: RecordsRequest) -> Sequence[QueryRecord]:
        if asked.commitment is not None:
            found = self._query_records.find_by_commitment(administration_id, asked.commitment)
            return [] if found is None else [found]
        since, until = asked.period
        return self._query_records.records_between(administration_id, since=since, until=until)
