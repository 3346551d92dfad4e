# SPDX-License-Identifier: EUPL-1.2
"""Fenced leases in the database: one holder at a time, and a token that outdates a slow holder's writes.

Each look at a lease locks its row until the transaction ends (on SQLite the transaction has the lock already).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from protocol.clock import Clock
from protocol.errors import StoreConflictError
from protocol.runtime.database import Database
from protocol.runtime.tables import LeaseColumns

# A lease that would run for longer was taken before the clock was set back: nobody renews it any more, or whoever
# does is fenced off. Twice the lifetime leaves room for the clocks of two hosts.
_PLAUSIBLE = 2


@dataclass(frozen=True)
class Lease:
    """The right to do one job until it expires."""

    name: str
    holder: str
    token: int


class Leases:
    """Takes, renews and checks leases in one service's lease table."""

    def __init__(
        self, database: Database, table: type[LeaseColumns], clock: Clock, *, lifetime: timedelta
    ) -> None:
        self._database = database
        self._table = table
        self._clock = clock
        self._lifetime = lifetime

    def find(self, name: str, holder: str) -> Lease | None:
        """Take or renew the lease; None while another holder's has not expired."""
        try:
            return self._take(name, holder)
        except IntegrityError:
            # another process made the first lease of this name at the same moment
            return None

    def check(self, session: Session, lease: Lease) -> None:
        """Raise `StoreConflictError` unless the lease is still ours; call it inside the writing transaction."""
        row = session.get(self._table, lease.name, with_for_update=True)
        if row is None or (row.holder, row.token) != (lease.holder, lease.token):
            raise StoreConflictError("lease_lost", f"another process took over {lease.name}")

    def release(self, lease: Lease) -> None:
        """Let others have it at once; silent when it is no longer ours."""
        with self._database.write() as session:
            row = session.get(self._table, lease.name, with_for_update=True)
            if row is not None and (row.holder, row.token) == (lease.holder, lease.token):
                row.expires_at = self._clock.now()
                session.add(row)

    def _take(self, name: str, holder: str) -> Lease | None:
        now = self._clock.now()
        with self._database.write() as session:
            row = session.get(self._table, name, with_for_update=True)
            if row is None:
                row = self._table(name=name, holder=holder, token=1, expires_at=now + self._lifetime)
            elif row.holder != holder and now < row.expires_at <= now + _PLAUSIBLE * self._lifetime:
                return None
            else:
                row.token += row.holder != holder
                row.holder = holder
                row.expires_at = now + self._lifetime
            session.add(row)
            return Lease(name=name, holder=holder, token=row.token)
