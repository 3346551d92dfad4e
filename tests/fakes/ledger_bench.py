# SPDX-License-Identifier: EUPL-1.2
"""A log with its worker and a chain in memory, and a worker that ends wherever a kill would end it."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlmodel import select

from ledger import merkle
from ledger.commitment import Commitment
from ledger.kill_points import KillPoint
from ledger.settings import LedgerSettings
from ledger.store import SHOWN, SqlStore, stored_anchor
from ledger.tables import AnchorRow
from ledger.trust import log_id
from ledger.values import AnchorState, LogCondition, LogState, StoredAnchor
from ledger.worker import Worker
from protocol.clock import FixedClock
from protocol.runtime.database import open_database
from protocol.runtime.fetch import HTTPClient
from tests.fakes.memory_chain import MemoryChain, MemorySealer


class DiesAtError(BaseException):
    """Ends a turn where SIGKILL would end the process."""


class DiesAt:
    """Kill points that end the turn at one of them, once."""

    def __init__(self) -> None:
        self.point: KillPoint | None = None
        self.reached: list[KillPoint] = []

    def reach(self, point: KillPoint) -> None:
        self.reached.append(point)
        if point is self.point:
            self.point = None
            raise DiesAtError


class Bench:
    """A log, its worker and its chain."""

    def __init__(
        self, settings: LedgerSettings, clock: FixedClock, chain: MemoryChain, *, http: HTTPClient | None = None
    ) -> None:
        self.settings = settings.model_copy(
            update={
                "chain_url": "http://127.0.0.1:1",
                "chain_id": 1337,
                "contract": chain.contract,
                "sealer_key_file": "unused.key",
            }
        )
        self.clock = clock
        self.chain = chain
        self.http = http
        self.kill = DiesAt()
        self.database = open_database(self.settings.database_url)
        self.worker = self.another_worker()
        self.worker.sequence()
        self.store = SqlStore(self.database)
        self.added: list[Commitment] = []

    def another_worker(self) -> Worker:
        return Worker(
            self.settings,
            clock=self.clock,
            kill_points=self.kill,
            chain=self.chain,
            sealer=MemorySealer(),
            http=self.http,
        )

    def grow(self, count: int = 1) -> None:
        """Promise entries and close their batch."""
        for _ in range(count):
            commitment = Commitment(secrets.token_bytes(32))
            self.added.append(commitment)
            self.store.add_promise("2026", commitment, "token", due_at=self.clock.now() + timedelta(seconds=60))
        self.worker.sequence()

    def restart(self) -> None:
        """Start a worker anew, as after a crash, when the old one's lease has run out."""
        self.clock.advance(timedelta(seconds=self.settings.lease_seconds + 1))
        self.worker = self.another_worker()

    def log(self) -> LogState:
        """Return the log as stored."""
        found = self.store.find_log("2026")
        assert found is not None
        return found

    def leaves(self) -> tuple[Commitment, ...]:
        """Return all leaves in order."""
        return self.store.entries("2026", 0, self.log().size)

    def later(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def states(self) -> list[tuple[int, str]]:
        with self.database.read() as session:
            rows = session.exec(select(AnchorRow).order_by(AnchorRow.id)).all()
            return [(row.size, row.state) for row in rows]

    def anchors(self) -> list[StoredAnchor]:
        """Return the anchors that are, or are to be, on the chain; oldest first."""
        with self.database.read() as session:
            rows = session.exec(select(AnchorRow).order_by(AnchorRow.size)).all()
            return [stored_anchor(row) for row in rows if row.state in SHOWN]

    def check_whole(self) -> None:
        """Assert that the chain holds exactly this log, once, and that nothing promised is lost."""
        log = self.store.find_log("2026")
        assert log is not None
        assert log.condition is LogCondition.OPEN
        leaves = self.store.entries("2026", 0, log.size)
        assert len(leaves) == log.size
        assert set(self.added) <= set(leaves)
        assert len(set(leaves)) == len(leaves)
        events = list(self.chain.anchors(log_id(log.origin)))
        for event in events:
            assert event.commitments in {None, leaves[event.prev_size : event.size]}
        assert (events[-1].size if events else 0) == log.size
        assert self.chain.head(log_id(log.origin)).root == merkle.Tree(leaves).root()
        final = [each for each in self.anchors() if each.state is AnchorState.FINAL]
        assert [(each.prev_size, each.size) for each in final] == [(e.prev_size, e.size) for e in events]
        assert all(each.evidence for each in final)
