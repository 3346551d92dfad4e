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
from pathlib import Path

import structlog

from ledger.anchorer import Anchorer
from ledger.chain.interface import Chain, Registry, SealerKey
from ledger.checkpoint import CheckpointSigner
from ledger.kill_points import KillPoints, NoKillPoints
from ledger.registrar import ListSigner, Registrar
from ledger.registry_store import RegistryWriter
from ledger.sequencer import Sequencer
from ledger.settings import LedgerSettings
from ledger.tables import LeaseRow
from ledger.trust import log_id
from ledger.worker_store import WorkerStore
from protocol.clock import Clock, SystemClock
from protocol.errors import Error, RequestError, StoreConflictError, UnavailableError, VerificationError
from protocol.runtime.database import migrate, open_database
from protocol.runtime.leases import Lease, Leases
from protocol.runtime.logging import configure_logging
from protocol.runtime.settings import load_settings
from protocol.runtime.signer import open_signer, read_secret_file
from protocol.runtime.trust_list import load_anchors

_log = structlog.get_logger()


class Worker:
    """One worker. `sequence`, `anchor` and `follow_registry` each do one turn; `run` does all again and again.

    `chain`, `sealer` and `registry` are for tests; by default they are opened from the settings at the first need.
    """

    def __init__(
        self,
        settings: LedgerSettings,
        *,
        clock: Clock,
        kill_points: KillPoints | None = None,
        chain: Chain | None = None,
        sealer: SealerKey | None = None,
        registry: Registry | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._kill_points = kill_points or NoKillPoints()
        self._chain = chain
        self._sealer = sealer
        self._registry = registry
        self._registrar: Registrar | None = None
        self._holder = secrets.token_hex(8)
        database = open_database(settings.database_url)
        migrate(database, "ledger")
        self._database = database
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
        ).run(lease)

    def follow_registry(self) -> bool:
        """Take one turn at the trust registry; return whether a list was signed.

        Raises `UnavailableError` when the chain does not answer. A node that contradicts itself is logged: it must
        not keep the log from growing.
        """
        contract = self._settings.registry
        lease = None if contract is None else self._leases.find(f"registrar:{contract}", self._holder)
        if contract is None or lease is None:
            return False
        try:
            return self._open_registrar(contract).run(lease)
        except VerificationError as exc:
            _log.error("trust registry not followed", code=exc.code, reason=exc.message)
            return False

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; end with the error of any loop when it is not one of the expected ones."""
        failures: list[BaseException] = []

        def loop(name: str, turn: Callable[[], object]) -> None:
            try:
                while not stop.is_set():
                    self._take_turn(name, turn)
                    stop.wait(self._seconds_to_next_batch())
            except BaseException as exc:  # noqa: BLE001 - raised again in the main thread
                failures.append(exc)
                stop.set()

        others: dict[str, Callable[[], object]] = {"anchorer": self.anchor, "registrar": self.follow_registry}
        threads = [threading.Thread(target=loop, args=each, daemon=True) for each in others.items()]
        for thread in threads:
            thread.start()
        loop("sequencer", self.sequence)
        for thread in threads:
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

    def _open_registrar(self, contract: str) -> Registrar:
        if self._registrar is None:
            settings = self._settings
            if self._registry is None:
                from ledger.chain.client import open_registry  # noqa: PLC0415 - only with a chain

                self._registry = open_registry(
                    str(settings.chain_url), contract=contract, expected_chain_id=settings.chain_id or 0
                )
            signing = ListSigner(
                open_signer(f"file:{settings.registrar_key_file}"),
                load_anchors(Path(str(settings.registrar_certificate_file))),
                load_anchors(settings.trust_anchor_file),
                timedelta(seconds=settings.trust_list_lifetime_seconds),
                timedelta(seconds=settings.maximum_block_age_seconds),
            )
            store = RegistryWriter(self._database, contract, self._leases)
            self._registrar = Registrar(self._registry, store, signing, self._clock)
        return self._registrar

    def _hand_over(self) -> None:
        names = [f"{job}:{self._settings.log}" for job in ("sequencer", "anchorer")]
        for name in (*names, f"registrar:{self._settings.registry}"):
            lease = self._leases.find(name, self._holder)
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
