# SPDX-License-Identifier: EUPL-1.2
"""The ledger's worker: sequencing, anchoring, witnesses, as a process of its own (`python -m ledger.worker`).

- It keeps every log of its settings; one that has trouble does not hold up the others.
- Any number may run: each job is done by the holder of its lease, and a holder that was outrun can write nothing.
- Loops that do not wait for each other: a chain or a witness that hangs does not delay the log, and whatever goes
  wrong in anchoring, at a witness or with the registry ends that turn only. Promises depend on none of them.
- SIGTERM and SIGINT end it between two steps, and hand the leases over at once.
"""

from __future__ import annotations

import secrets
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import structlog

from ledger.chain.interface import Chain, Registry, SealerKey
from ledger.cosignature_store import CosignatureStore
from ledger.gatherer import Gatherer
from ledger.keeper import Anchoring, Keeper
from ledger.kill_points import KillPoints, NoKillPoints
from ledger.mirror import TileMirror
from ledger.registrar import ListSigner, Registrar
from ledger.registry_store import RegistryWriter
from ledger.settings import LedgerSettings, LogSettings
from ledger.tables import LeaseRow
from ledger.values import LogState
from ledger.worker_store import WorkerStore
from protocol.clock import Clock, SystemClock
from protocol.errors import ConfigurationError, Error, RequestError, VerificationError
from protocol.runtime.database import migrate, open_database
from protocol.runtime.fetch import HTTPClient, open_http
from protocol.runtime.leases import Leases
from protocol.runtime.logging import configure_logging
from protocol.runtime.settings import load_settings
from protocol.runtime.signer import open_signer
from protocol.runtime.trust_list import load_anchors

_log = structlog.get_logger()
_T = TypeVar("_T")
_W = TypeVar("_W")
# how many seconds to wait, by whether the turn was finished
_Pause = Callable[[bool], float]
# Between two looks for a head that a witness has not cosigned: a query, and a request only for a new head.
GATHER_SECONDS = 1.0
# A witness that failed is asked again after this time, about whatever head is the newest then.
RETRY_SECONDS = 10.0
# A request to a witness is not waited for at the end: nothing is lost with it.
_PATIENCE_SECONDS = 0.5


class Worker:
    """One worker. `sequence`, `anchor`, `gather` and `follow_registry` do one turn each; `run` does all, always.

    `chain`, `sealer`, `registry` and `http` are for tests; by default they are opened from the settings at need.
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
        http: HTTPClient | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._chain = chain
        self._sealers: dict[str, SealerKey] = {}
        self._sealer = sealer
        self._http = http
        self._registry = registry
        self._registrar: Registrar | None = None
        self._holder = secrets.token_hex(8)
        database = open_database(settings.database_url)
        migrate(database, "ledger")
        self._database = database
        self._leases = Leases(database, LeaseRow, clock, lifetime=timedelta(seconds=settings.lease_seconds))
        points = kill_points or NoKillPoints()
        store = WorkerStore(database, self._leases, points)
        is_anchored = settings.chain_url is not None or chain is not None
        self._keepers = tuple(
            Keeper(
                settings,
                log,
                store,
                self._leases,
                clock,
                points,
                holder=self._holder,
                anchoring=Anchoring(self._open_chain, self._open_sealer) if is_anchored else None,
                mirrors=[self._open_mirror(url, log.name) for url in sorted(settings.mirrors)],
            )
            for log in settings.logs
        )
        self._gatherers = tuple(
            Gatherer(
                CosignatureStore(database),
                self._leases,
                self._open_http(),
                clock,
                holder=self._holder,
                logs=[log.name for log in settings.logs],
                witness=each.verifier,
                url=each.url,
            )
            for each in settings.witnesses
        )

    def sequence(self) -> int:
        """Take one turn at sequencing each log; return the number of new leaves.

        Raises what the first log in trouble raised, after the others had their turn.
        """
        return sum(_each(self._keepers, Keeper.sequence))

    def anchor(self) -> None:
        """Take one turn at anchoring each log. Raises `UnavailableError` when the chain does not answer."""
        _each(self._keepers, Keeper.anchor)

    def gather(self) -> int:
        """Take one turn at asking each witness; return how many cosignatures came.

        Raises what the first witness in trouble raised, after the others had their turn.
        """
        return sum(_each(self._gatherers, Gatherer.run))

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

    def restore(self, log: str, mirrors: Sequence[str], *, is_vouched: bool) -> LogState | None:
        """Compare a log with its chain now and rebuild what is missing; None while another worker keeps it.

        `is_vouched` is the operator's word that no head was signed which neither database nor chain has.

        Raises `RequestError` (`unknown_log`), and `UnavailableError` when it could not be told now.
        """
        mirrored = [self._open_mirror(url, log) for url in mirrors]
        return self._get_keeper(log).restore(mirrored, is_vouched=is_vouched)

    def reopen_anchors(self, log: str) -> bool:
        """Have the anchors that the chain lost made again, on the operator's word; False while another keeps them.

        Raises `RequestError` (`unknown_log`), and `UnavailableError` when the chain does not answer.
        """
        return self._get_keeper(log).reopen_anchors()

    def _get_keeper(self, log: str) -> Keeper:
        keeper = next((each for each in self._keepers if each.name == log), None)
        if keeper is None:
            raise RequestError("unknown_log", "no such log is set up here", status=404)
        return keeper

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop.

        Ends with the sequencer's error when it is none of ours, or a wrong configuration in its first turn: so a
        log that does not exist yet says that its chain or contract is another one.
        """

        def start(name: str, turn: Callable[[], object], pause: _Pause) -> threading.Thread:
            thread = threading.Thread(target=self._repeat, args=(stop, name, turn, pause), daemon=True)
            thread.start()
            return thread

        others = [
            start("anchorer", self.anchor, self._until_next_batch),
            start("registrar", self.follow_registry, self._until_next_batch),
        ]
        asking = [start(f"witness {each.name}", each.run, _until_next_asking) for each in self._gatherers]
        try:
            is_first = True
            while not stop.is_set():
                self._sequence(is_first=is_first)
                is_first = False
                stop.wait(self._until_next_batch(True))
        finally:
            stop.set()
            for thread in others:
                thread.join()
            for thread in asking:
                thread.join(_PATIENCE_SECONDS)
            self._hand_over()

    def _sequence(self, *, is_first: bool) -> None:
        try:
            self.sequence()
        except Error as exc:
            if is_first and isinstance(exc, ConfigurationError):
                raise
            _log_unfinished("sequencer", exc)

    def _repeat(self, stop: threading.Event, name: str, turn: Callable[[], object], pause: _Pause) -> None:
        """Take turns at what the log can do without for a while, whatever becomes of one."""
        while not stop.is_set():
            is_finished = True
            try:
                turn()
            except Exception as exc:  # noqa: BLE001 - a node's bad answer must not keep the log from growing
                _log_unfinished(name, exc)
                is_finished = False
            stop.wait(pause(is_finished))

    def _until_next_batch(self, is_finished: bool) -> float:  # noqa: ARG002 - as `_Pause` says
        interval = self._settings.batch_interval_seconds
        return interval - self._clock.now().timestamp() % interval

    def _open_chain(self) -> Chain:
        if self._chain is None:
            from ledger.chain.client import open_chain  # noqa: PLC0415 - only with a chain

            chain = open_chain(str(self._settings.chain_url), contract=self._settings.contract)
            chain.check(expected_chain_id=self._settings.chain_id or 0)
            self._chain = chain
        return self._chain

    def _open_sealer(self, log: LogSettings) -> SealerKey:
        if self._sealer is not None:
            return self._sealer
        if log.name not in self._sealers:
            from ledger.chain.sealer import open_sealer  # noqa: PLC0415 - only with a chain

            self._sealers[log.name] = open_sealer(f"file:{log.sealer_key_file}")
        return self._sealers[log.name]

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
        for keeper in self._keepers:
            keeper.hand_over()
        for gatherer in self._gatherers:
            gatherer.hand_over()
        lease = self._leases.find(f"registrar:{self._settings.registry}", self._holder)
        if lease is not None:
            self._leases.release(lease)

    def _open_mirror(self, url: str, log: str) -> TileMirror:
        return TileMirror(self._open_http(), url, log=log)

    def _open_http(self) -> HTTPClient:
        if self._http is None:
            self._http = open_http(self._settings)
        return self._http


def _each(workers: Sequence[_W], turn: Callable[[_W], _T]) -> list[_T]:
    """Give each its turn. Raises what the first in trouble raised, afterwards."""
    done: list[_T] = []
    failures: list[Error] = []
    for each in workers:
        try:
            done.append(turn(each))
        except Error as exc:
            failures.append(exc)
    if failures:
        raise failures[0]
    return done


def _until_next_asking(is_finished: bool) -> float:
    return GATHER_SECONDS if is_finished else RETRY_SECONDS


def _log_unfinished(job: str, exc: Exception) -> None:
    if isinstance(exc, Error):
        _log.warning("turn not finished", job=job, code=exc.code, reason=exc.message)
    else:
        # what such an error says may hold anything
        _log.error("turn not finished", job=job, code="server_error", reason=type(exc).__name__)


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
