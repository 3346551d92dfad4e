# SPDX-License-Identifier: EUPL-1.2
"""Brings the commitments of questions to the ledger, and keeps what it promises.

- One process at a time, under a lease; one that was outrun writes nothing. The ledger takes a commitment once,
  however often it is sent, so whoever is killed between the promise and keeping it loses nothing and enters
  nothing twice.
- A promise counts when the log that the record names made it, for this commitment, not before the record was
  made, and within the delay that the trust list knows of that log. Any other is logged as an error, and the record
  goes on waiting.
- A ledger that gives no promise ends the turn. Each try in vain doubles the wait of that record, up to five
  minutes; records that failed less often go first, so that one in trouble holds up no other.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta

import structlog

from issuer.records import QueryRecord
from issuer.store_queries import QueryRecordStore
from ledger import promise as promises
from ledger.client import LedgerClient
from protocol.clock import Clock
from protocol.errors import Check, RequestError, UnavailableError, VerificationError
from protocol.runtime.leases import Lease, Leases
from protocol.trust import TrustList

LEASE = "query-records"
# longer than one call to the ledger takes at most
LEASE_LIFETIME = timedelta(seconds=60)
# as many as a turn may hold the lease for
BATCH = 100
FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=5)
_log = structlog.get_logger()


class Outbox:
    """One process's part in it. `open_ledger` gives the client of the log with an origin."""

    def __init__(
        self,
        store: QueryRecordStore,
        *,
        open_ledger: Callable[[str], LedgerClient],
        trust: TrustList,
        leases: Leases,
        clock: Clock,
    ) -> None:
        self._store = store
        self._open_ledger = open_ledger
        self._trust = trust
        self._leases = leases
        self._clock = clock
        self._holder = secrets.token_hex(8)

    def run(self) -> int:
        """Take one turn, and return how many promises were kept; 0 while another process has the job.

        Raises `UnavailableError` when ledger or trust list do not answer, and `StoreConflictError` when the lease
        is lost.
        """
        # a look costs no write, unlike a lease; whoever gets that looks again
        if not self._store.waiting(self._clock.now(), limit=1):
            return 0
        if self._leases.find(LEASE, self._holder) is None:
            return 0
        kept = 0
        for record in self._store.waiting(self._clock.now(), limit=BATCH):
            lease = self._leases.find(LEASE, self._holder)
            if lease is None:
                break
            kept += self._bring(record, lease)
        return kept

    def hand_over(self) -> None:
        """Let another process have the job at once."""
        lease = self._leases.find(LEASE, self._holder)
        if lease is not None:
            self._leases.release(lease)

    def _bring(self, record: QueryRecord, lease: Lease) -> bool:
        try:
            promise = self._ask(record)
        except UnavailableError:
            self._postpone(record, lease)
            raise
        except (RequestError, VerificationError) as exc:
            _log.error("query not recorded", code=exc.code, reason=exc.message)
            self._postpone(record, lease)
            return False
        return self._store.keep_promise(lease, record.commitment, promise)

    def _ask(self, record: QueryRecord) -> str:
        """Return the promise, verified."""
        # the log's key first: nothing is entered whose promise could not be checked
        log = self._trust.get_log(record.log, now=self._clock.now())
        token = self._open_ledger(record.log).add_entry(record.commitment)
        now = self._clock.now()
        promise = promises.verify(
            token,
            log.promise_key,
            log=log.origin,
            commitment=record.commitment,
            now=now,
            max_age=max(now - record.made_at, timedelta(0)),
        )
        if promise.maximum_merge_delay > timedelta(seconds=log.maximum_merge_delay):
            raise VerificationError(Check.RECEIPT, "the promise is for later than the log may", code=promises.CODE)
        return token

    def _postpone(self, record: QueryRecord, lease: Lease) -> None:
        wait = min(FIRST_WAIT * 2 ** min(record.attempts, 16), LONGEST_WAIT)
        self._store.postpone(lease, record.commitment, self._clock.now() + wait)
