# SPDX-License-Identifier: EUPL-1.2
"""A log, its liar's double under the same keys, and a monitor that looks at them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import promise as promises
from ledger.app import create_app
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.cosignature import Cosigner
from ledger.findings import Level, Outcome
from ledger.follower import Follower
from ledger.look import LogReport, Means
from ledger.monitor_state import MonitorState
from ledger.settings import LedgerSettings
from ledger.trust import AuditedLog, TrustFile, log_id
from ledger.violation import judge, parse
from ledger.worker import Worker
from protocol.clock import FixedClock
from tests.fakes.memory_chain import SEALER, MemoryChain, MemorySealer

URL = "http://localhost:8104"
MIRROR = "http://mirror.localhost:8104"


def anchored(settings: LedgerSettings) -> LedgerSettings:
    return settings.model_copy(
        update={
            "chain_url": "http://127.0.0.1:8106",
            "chain_id": 1337,
            "contract": MemoryChain.contract,
            "sealer_key_file": "unused.key",
            "validators": frozenset({SEALER}),
        }
    )


class Log:
    """A real ledger with a database of its own; two of them under one settings file are a fork."""

    def __init__(self, settings: LedgerSettings, clock: FixedClock, name: str, chain: MemoryChain) -> None:
        folder = Path(settings.database_url.removeprefix("sqlite:///")).parent
        self.settings = anchored(settings).model_copy(update={"database_url": f"sqlite:///{folder}/{name}.sqlite"})
        self.clock = clock
        self.chain = chain
        self.worker = Worker(self.settings, clock=clock, chain=chain, sealer=MemorySealer())
        self.worker.sequence()
        self.app = create_app(self.settings, clock=clock)

    def add(self, commitment: Commitment | None = None) -> str:
        publication = self.app.extensions["ledger.services"].publication
        token: str = publication.add_entry(commitment or Commitment(secrets.token_bytes(32)), log=None)
        return token

    def grow(self, batches: int = 1, *, anchor: bool = True) -> None:
        """Add so many batches of eight leaves."""
        for _ in range(batches):
            self.add()
            self.worker.sequence()
            if anchor:
                self.worker.anchor()


@dataclass
class Watch:
    """The world's log at its address, and a monitor with a folder of its own."""

    world: object
    settings: LedgerSettings
    chain: MemoryChain = field(init=False)
    log: Log = field(init=False)
    urls: tuple[str, ...] = (URL,)
    with_chain: bool = True
    cosigner: Cosigner | None = None
    is_trusting: bool = True

    def __post_init__(self) -> None:
        self.chain = MemoryChain(log_id(self.settings.origin))
        self.log = self.new_log("honest")
        self.serve(self.log)
        self.log.worker.anchor()  # the chain is known from here on
        self.trust = TrustFile("", (self.described(),), ())
        self.folder = self.world.folder / "monitor"
        self.promises = self.world.folder / "promises"
        self.promises.mkdir()
        self.state = MonitorState(self.folder)

    def new_log(self, name: str, chain: MemoryChain | None = None) -> Log:
        return Log(self.settings, self.world.clock, name, chain or self.chain)

    def fork(self, batches: int) -> Log:
        """A history of its own under the same keys, anchored nowhere that anybody looks."""
        liar = self.new_log("liar", MemoryChain(log_id(self.settings.origin)))
        liar.grow(batches)
        return liar

    def serve(self, log: Log, url: str = URL) -> None:
        self.world.http.apps[url] = log.app

    def described(self) -> AuditedLog:
        (own,) = LedgerClient(self.world.http, URL).logs()
        return AuditedLog.parse(own)

    def become_witness(self) -> None:
        self.cosigner = Cosigner("witness.example/w1", Ed25519PrivateKey.generate())
        self.trust = TrustFile("", self.trust.logs, (), (self.cosigner.key,))

    def restart(self) -> None:
        self.state.close()
        self.state = MonitorState(self.folder)

    def look(self) -> list[LogReport]:
        means = Means(
            self.state,
            self.world.clock,
            lambda url, log: LedgerClient(self.world.http, url, log=log),
            (lambda _: self.chain) if self.with_chain else None,
            self.cosigner,
        )
        trust = self.trust if self.is_trusting else None
        return list(Follower(means, self.urls, trust=trust, promises=[self.promises]).check())

    def outcomes(self) -> dict[Level, Outcome]:
        """The worst outcome of each level in one round."""
        order = [Outcome.ASSUMED, Outcome.HOLDS, Outcome.COULD_NOT_TELL, Outcome.VIOLATED]
        found: dict[Level, Outcome] = {}
        for report in self.look():
            for each in report.findings:
                found[each.level] = max(found.get(each.level, Outcome.ASSUMED), each.outcome, key=order.index)
        return found

    def violated(self) -> set[Level]:
        return {level for level, outcome in self.outcomes().items() if outcome is Outcome.VIOLATED}

    def proofs(self) -> list[Path]:
        return [path for path, kind in self.state.kept_violations(self.settings.origin) if kind is not None]

    def judged(self, *, shown=None) -> Outcome:
        """What the one proof that was kept comes to before somebody with a trust file."""
        (path,) = self.proofs()
        violation = parse(path.read_bytes())
        return judge(violation, self.trust, now=self.world.clock.now(), shown=shown).outcome

    def broken_promise(self) -> Commitment:
        """Hand the monitor a promise of the log that it never kept."""
        commitment = Commitment(secrets.token_bytes(32))
        token = promises.make(
            self.world.promise_key,
            log=self.settings.origin,
            commitment=commitment,
            now=self.world.clock.now(),
            maximum_merge_delay=timedelta(seconds=60),
        )
        (self.promises / "broken.jwt").write_text(token)
        return commitment
