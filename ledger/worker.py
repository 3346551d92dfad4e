# SPDX-License-Identifier: EUPL-1.2
"""The ledger's worker: sequencing and anchoring, as a process of its own (`python -m ledger.worker`).

- Any number may run: each job is done by the holder of its lease, and a holder that was outrun can write nothing.
- Two loops that do not wait for each other: a chain that hangs does not delay the log.
- SIGTERM and SIGINT end it between two steps, and hand the leases over at once.
"""

from __future__ import annotations

import secrets
import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

import structlog

from ledger.anchorer import Anchorer
from ledger.chain.interface import Chain, Mode, SealerKey
from ledger.checkpoint import CheckpointSigner
from ledger.kill_points import KillPoints, NoKillPoints
from ledger.sequencer import Sequencer
from ledger.settings import LedgerSettings
from ledger.tables import LeaseRow
from ledger.trust import log_id
from ledger.worker_store import WorkerStore
from protocol.clock import Clock, SystemClock
from protocol.errors import Error, RequestError, StoreConflictError, UnavailableError
from protocol.runtime.database import migrate, open_database
from protocol.runtime.leases import Lease, Leases
from protocol.runtime.logging import configure_logging
from protocol.runtime.settings import load_settings
from protocol.runtime.signer import open_signer, read_secret_file

_log = structlog.get_logger()


class Worker:
    """One worker. `sequence` and `anchor` each do one turn; `run` does both again and again.

    `chain` and `sealer` are for tests; by default they are opened from the settings at the first need.
    """

    def __init__(
        self,
        settings: LedgerSettings,
        *,
        clock: Clock,
        kill_points: KillPoints | None = None,
        chain: Chain | None = None,
        sealer: SealerKey | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._kill_points = kill_points or NoKillPoints()
        self._chain = chain
        self._sealer = sealer
        self._holder = secrets.token_hex(8)
        database = open_database(settings.database_url)
        migrate(database, "ledger")
        self._leases = Leases(database, LeaseRow, clock, lifetime=timedelta(seconds=settings.lease_seconds))
        self._store = WorkerStore(database, self._leases, self._kill_points)
        self._sequencer = Sequencer(
            self._store,
            clock,
            log=settings.log,
            signer=CheckpointSigner.from_pem(settings.origin, read_secret_file(settings.checkpoint_key_file)),
            promise_key=open_signer(f"file:{settings.promise_key_file}").public_key,
            maximum_merge_delay=settings.maximum_merge_delay,
            idle_interval=timedelta(seconds=settings.idle_interval_seconds),
        )

    def sequence(self) -> int:
        """Take one turn at sequencing; return the number of new leaves.

        Opens the log when it is new. With a chain, a new log is opened only after the chain was asked whether it
        knows this log already.
        """
        lease = self._leases.find(f"sequencer:{self._settings.log}", self._holder)
        if lease is None:
            return 0
        if self._store.find_log(self._settings.log) is None:
            self._sequencer.open(lease, frozen_because=self._find_reason_to_freeze())
        return self._sequencer.run(lease)

    def anchor(self) -> None:
        """Take one turn at anchoring. Raises `UnavailableError` when the chain does not answer."""
        if self._settings.chain_url is None and self._chain is None:
            return
        lease = self._leases.find(f"anchorer:{self._settings.log}", self._holder)
        if lease is None:
            return
        Anchorer(
            self._store,
            self._clock,
            self._open_chain(),
            self._open_sealer(),
            self._kill_points,
            log=self._settings.log,
            mode=Mode.ROOT_ONLY if self._settings.anchor_mode == "root-only" else Mode.CALLDATA,
        ).run(lease)

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; end with the error of either loop when it is not one of the expected ones."""
        failures: list[BaseException] = []

        def loop(name: str, turn: Callable[[], object]) -> None:
            try:
                while not stop.is_set():
                    self._take_turn(name, turn)
                    stop.wait(self._seconds_to_next_batch())
            except BaseException as exc:  # noqa: BLE001 - raised again in the main thread
                failures.append(exc)
                stop.set()

        thread = threading.Thread(target=loop, args=("anchorer", self.anchor), daemon=True)
        thread.start()
        loop("sequencer", self.sequence)
        thread.join()
        self._hand_over()
        if failures:
            raise failures[0]

    def _take_turn(self, name: str, turn: Callable[[], object]) -> None:
        try:
            turn()
        except (UnavailableError, StoreConflictError, RequestError) as exc:
            _log.warning("turn not finished", job=name, code=exc.code, reason=exc.message)

    def _seconds_to_next_batch(self) -> float:
        interval = self._settings.batch_interval_seconds
        return interval - self._clock.now().timestamp() % interval

    def _find_reason_to_freeze(self) -> str:
        if self._settings.chain_url is None and self._chain is None:
            return ""
        head = self._open_chain().head(log_id(self._settings.origin))
        return "restore needed: the chain is ahead of the database" if head.size else ""

    def _open_chain(self) -> Chain:
        if self._chain is None:
            from ledger.chain.client import open_chain  # noqa: PLC0415 - only with a chain

            chain = open_chain(str(self._settings.chain_url), contract=self._settings.contract)
            chain.check(expected_chain_id=self._settings.chain_id or 0)
            self._chain = chain
        return self._chain

    def _open_sealer(self) -> SealerKey:
        if self._sealer is None:
            from ledger.chain.sealer import open_sealer  # noqa: PLC0415 - only with a chain

            self._sealer = open_sealer(f"file:{self._settings.sealer_key_file}")
        return self._sealer

    def _hand_over(self) -> None:
        for job in ("sequencer", "anchorer"):
            lease = self._leases.find(f"{job}:{self._settings.log}", self._holder)
            if isinstance(lease, Lease):
                self._leases.release(lease)


def run(
    settings: LedgerSettings, *, clock: Clock, stop: threading.Event, kill_points: KillPoints | None = None
) -> None:
    """Work until told to stop."""
    Worker(settings, clock=clock, kill_points=kill_points).run(stop)


def main() -> int:
    """Run a worker from the environment until SIGTERM or SIGINT; return the exit status."""
    configure_logging("ledger.worker")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        run(load_settings(LedgerSettings), clock=SystemClock(), stop=stop)
    except Error as exc:
        print(f"ledger worker: {exc.message} ({exc.code})", file=sys.stderr)  # noqa: T201 - a command
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
