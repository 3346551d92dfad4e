# SPDX-License-Identifier: EUPL-1.2
"""Worker, web service and chain node as real processes: the worker is killed at every numbered point.

No promised entry is lost, nothing is anchored twice, the root is right, and the audit command agrees.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from ledger import checkpoint as checkpoints
from ledger import merkle
from ledger.chain.client import open_chain
from ledger.chain.interface import Chain
from ledger.chain.sealer import FileSealerKey
from ledger.checkpoint import CheckpointSigner
from ledger.cli import audit_command
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.kill_points import KillPoint
from ledger.trust import AuditedLog, TrustFile, log_id
from protocol.keys import PrivateKey
from protocol.runtime.fetch import Fetcher
from protocol.runtime.signer import write_secret_file

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
CHAIN_ID = 20261121
DEADLINE_SECONDS = 120.0
LEASE_SECONDS = 2
NORMAL = [point for point in KillPoint if KillPoint.BEFORE_BATCH <= point <= KillPoint.AFTER_SETTLE]


def wait_for(what: str, ready: Callable[[], object]) -> None:
    """Poll until something is true."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not ready():
        assert time.monotonic() < deadline, f"timed out waiting for {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stack:
    """One chain node, one ledger web process, and workers that come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chain_port, self.web_port = free_port(), free_port()
        self.url = f"http://localhost:{self.web_port}"
        self.chain_url = f"http://127.0.0.1:{self.chain_port}"
        self.origin = f"localhost:{self.web_port}/2026"
        self.ledger_file = folder / "ledger.sqlite"
        self.chain_file = folder / "chain.db"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.added: list[Commitment] = []
        self.sealer = FileSealerKey.generate()
        owner = FileSealerKey.generate()
        promise_key = PrivateKey.generate()
        write_secret_file(folder / "sealer.key", self.sealer.pem())
        write_secret_file(folder / "promise.key", promise_key.pem())
        write_secret_file(folder / "checkpoint.key", checkpoints.new_key_pem())
        self.start_chain()
        self.chain: Chain = open_chain(self.chain_url, contract=None)
        contract = self.chain.deploy_consent_ledger(owner, owner=owner.address)
        self.chain.register_log(owner, log_id(self.origin), self.sealer.address)
        self.environment = {
            "ENVIRONMENT": "development",
            "PUBLIC_URL": self.url,
            "DATABASE_URL": f"sqlite:///{self.ledger_file}",
            "SECRET_KEY": "s" * 32,
            "TRUST_ANCHOR_FILE": str(folder / "none.pem"),
            "TRUST_LIST_FILE": str(folder / "none.jwt"),
            "ORIGIN": self.origin,
            "PROMISE_KEY_FILE": str(folder / "promise.key"),
            "CHECKPOINT_KEY_FILE": str(folder / "checkpoint.key"),
            "SEALER_KEY_FILE": str(folder / "sealer.key"),
            "CHAIN_URL": self.chain_url,
            "CHAIN_ID": str(CHAIN_ID),
            "CONTRACT": contract,
            "VALIDATORS": json.dumps([self.sealer.address]),
            "BATCH_INTERVAL_SECONDS": "1",
            "ENTRIES_FROM": "anyone",
            "LEASE_SECONDS": str(LEASE_SECONDS),
        }
        signer = CheckpointSigner.from_pem(self.origin, (folder / "checkpoint.key").read_bytes())
        self.key = signer.key
        self.client = LedgerClient(Fetcher(allowed_private_origins=frozenset({self.url})), self.url)

    # processes

    def spawn(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("TESTIMONI_")}
        ledger = {f"TESTIMONI_LEDGER_{key}": value for key, value in getattr(self, "environment", {}).items()}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *arguments], env={**kept, **ledger}, cwd=HERE.parents[1], stdout=log, stderr=log
            )
        return self.processes[name]

    def start_chain(self) -> None:
        self.spawn(
            "chain",
            ["-m", "ledger.chain.node", "--database", str(self.chain_file), "--port", str(self.chain_port)],
        )
        wait_for("the chain", lambda: self.answers(f"{self.chain_url}/readyz"))

    def start_web(self) -> None:
        arguments = ["-m", "gunicorn", "ledger.app:from_environment()", "--bind", f"127.0.0.1:{self.web_port}"]
        self.spawn("web", [*arguments, "--worker-class", "gthread", "--threads", "4", "--no-control-socket"])
        wait_for("the ledger", lambda: self.answers(f"{self.url}/healthz"))

    def start_worker(self, point: int = 0, name: str = "worker") -> subprocess.Popen[bytes]:
        return self.spawn(name, [str(HERE / "killed_worker.py"), str(int(point))])

    def stop(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        process = self.processes.pop(name, None)
        if process is not None:
            process.send_signal(number)
            process.wait(timeout=30)

    def stop_all(self) -> None:
        for name in list(self.processes):
            self.stop(name, signal.SIGKILL if name != "web" else signal.SIGTERM)

    def wait_killed(self, point: KillPoint) -> None:
        """Wait until the worker died at its point."""
        process = self.processes.pop("worker")
        assert process.wait(timeout=DEADLINE_SECONDS) == -signal.SIGKILL, f"not killed at {point!r}"

    def answers(self, url: str) -> bool:
        try:
            return requests.get(url, timeout=2).status_code == 200
        except requests.RequestException:
            return False

    # the log

    def add(self, count: int = 3) -> None:
        """Have entries promised; they must never be lost from here on."""
        for _ in range(count):
            commitment = Commitment(secrets.token_bytes(32))
            self.client.add_entry(commitment)
            self.added.append(commitment)

    def size(self) -> int:
        return checkpoints.parse_unverified(self.client.checkpoint()).size

    def anchored(self) -> int:
        return max((a["size"] for a in self.client.anchors() if a["state"] == "final"), default=0)

    def is_settled(self) -> bool:
        size = self.size()
        on_chain = self.chain.head(log_id(self.origin)).size
        return set(self.added) <= set(self.client.all_entries(size)) and self.anchored() == on_chain == size

    def outbox(self) -> list[tuple[int, str]]:
        with sqlite3.connect(self.ledger_file) as database:
            return list(database.execute("select size, state from anchors order by id"))

    def recover(self) -> None:
        """Start a worker that nobody kills and wait until everything promised is anchored."""
        self.start_worker()
        wait_for("everything anchored", self.is_settled)
        self.stop("worker")

    def check_whole(self) -> None:
        head = checkpoints.verify(self.client.checkpoint(), self.key)
        leaves = self.client.all_entries(head.size)
        assert merkle.Tree(leaves).root() == head.root
        assert len(set(leaves)) == len(leaves)
        assert set(self.added) <= set(leaves)
        events = list(self.chain.anchors(log_id(self.origin)))
        assert tuple(each for event in events for each in event.commitments) == leaves
        assert len({event.size for event in events}) == len(events)
        on_chain = self.chain.head(log_id(self.origin))
        assert (on_chain.size, on_chain.root) == (head.size, head.root)
        final = [size for size, state in self.outbox() if state == "final"]
        assert sorted(final) == [event.size for event in events]
        assert self.audit() == 0

    def audit(self) -> int:
        (log,) = (AuditedLog.parse(each) for each in self.client.logs())
        trust = self.folder / "trust.json"
        trust.write_text(json.dumps(TrustFile("", (log,), ()).to_json()))
        return audit_command(["--ledger", self.url, "--chain", self.chain_url, "--trust", str(trust)])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("ledger"))
    try:
        # the log's first moments have kill points of their own
        for point in (KillPoint.BEFORE_OPEN, KillPoint.AFTER_OPEN):
            made.start_worker(point)
            made.wait_killed(point)
        made.start_web()
        made.start_worker()
        wait_for("the log", lambda: made.answers(f"{made.url}/readyz"))
        made.stop("worker")
        yield made
    finally:
        made.stop_all()


@pytest.mark.parametrize("point", NORMAL, ids=lambda point: f"{point.value}-{point.name}")
def test_worker_killed_on_the_way_loses_nothing_and_anchors_nothing_twice(stack, point):
    if point in {KillPoint.BEFORE_COMPARE, KillPoint.AFTER_COMPARE}:
        with sqlite3.connect(stack.ledger_file) as database:
            database.execute("update logs set compared_at = null")
    stack.add()
    stack.start_worker(point)
    stack.wait_killed(point)
    # the web service does not need the worker to promise
    stack.add()
    stack.recover()
    stack.check_whole()


@pytest.mark.parametrize("point", [KillPoint.BEFORE_ADOPT, KillPoint.AFTER_ADOPT], ids=lambda point: point.name)
def test_worker_killed_while_it_adopts_a_forgotten_anchor_loses_nothing(stack, point):
    stack.add()
    stack.recover()
    with sqlite3.connect(stack.ledger_file) as database:
        newest = database.execute("select max(id) from anchors").fetchone()
        database.execute("delete from anchors where id = ?", newest)
    stack.start_worker(point)
    stack.wait_killed(point)
    stack.recover()
    stack.check_whole()


@pytest.mark.parametrize("point", [KillPoint.BEFORE_ABANDON, KillPoint.AFTER_ABANDON], ids=lambda p: p.name)
def test_worker_killed_while_it_gives_up_a_transaction_loses_nothing(stack, point):
    stack.add()
    stack.recover()
    newest = list(stack.chain.anchors(log_id(stack.origin)))[-1]
    stack.add()
    stack.start_worker(KillPoint.AFTER_STORE)
    stack.wait_killed(KillPoint.AFTER_STORE)
    # the sealer's key was used for something else meanwhile: a repeat of the present head takes the nonce
    leaves = stack.client.all_entries(newest.size)
    repeat = stack.chain.build_anchor(
        stack.sealer,
        log_id(stack.origin),
        prev_size=newest.prev_size,
        size=newest.size,
        root=newest.root,
        frontier=merkle.frontier(merkle.Tree(leaves).read, newest.prev_size),
        commitments=newest.commitments,
        nonce=stack.chain.nonce(stack.sealer.address),
    )
    stack.chain.send(repeat.raw)
    stack.start_worker(point)
    stack.wait_killed(point)
    stack.recover()
    stack.check_whole()
    assert "abandoned" in {state for _, state in stack.outbox()}


@pytest.mark.parametrize("point", [KillPoint.BEFORE_REOPEN, KillPoint.AFTER_REOPEN], ids=lambda p: p.name)
def test_worker_killed_while_it_reopens_anchors_that_the_chain_lost_loses_nothing(stack, point):
    stack.add()
    stack.recover()
    copy = stack.folder / "chain-before"
    _copy_chain(stack, copy)
    stack.add()
    stack.recover()
    before = len(list(stack.chain.anchors(log_id(stack.origin))))
    _restore_chain(stack, copy)
    assert len(list(stack.chain.anchors(log_id(stack.origin)))) < before
    stack.start_worker(point)
    stack.wait_killed(point)
    stack.recover()
    stack.check_whole()
    assert len(list(stack.chain.anchors(log_id(stack.origin)))) == before


def test_two_workers_at_once_are_harmless(stack):
    stack.start_worker(name="first")
    stack.start_worker(name="second")
    for _ in range(4):
        stack.add()
        time.sleep(0.6)  # across several batches
    wait_for("everything anchored", stack.is_settled)
    for name in ("first", "second"):
        stack.stop(name, signal.SIGTERM)
    stack.check_whole()


def test_chain_down_promises_go_on_and_anchors_catch_up(stack):
    stack.start_worker()
    stack.stop("chain")
    before = stack.size()
    stack.add()
    wait_for("a batch without the chain", lambda: stack.size() > before)
    assert stack.answers(f"{stack.url}/readyz")
    assert stack.anchored() < stack.size()
    stack.start_chain()
    wait_for("everything anchored", stack.is_settled)
    stack.stop("worker")
    stack.check_whole()


# last: it leaves the log frozen
def test_worker_killed_while_it_freezes_a_log_restored_from_an_old_copy_freezes_it_all_the_same(stack):
    stack.add()
    stack.recover()
    stack.stop("web", signal.SIGTERM)
    copy = stack.folder / "ledger-before"
    _backup(stack.ledger_file, copy)
    stack.start_web()
    stack.add()
    stack.recover()
    stack.stop("web", signal.SIGTERM)
    for file in stack.folder.glob("ledger.sqlite*"):
        file.unlink()
    shutil.copy(copy, stack.ledger_file)
    stack.start_web()
    for point in (KillPoint.BEFORE_FREEZE, KillPoint.AFTER_FREEZE):
        stack.start_worker(point)
        stack.wait_killed(point)
    assert not stack.answers(f"{stack.url}/readyz")
    found = requests.get(f"{stack.url}/readyz", timeout=5).json()
    assert (found["error"], "restore needed" in found["error_description"]) == ("log_frozen", True)
    assert stack.audit() == 1


def _copy_chain(stack: Stack, copy: Path) -> None:
    stack.stop("chain", signal.SIGTERM)
    _backup(stack.chain_file, copy)
    stack.start_chain()


def _restore_chain(stack: Stack, copy: Path) -> None:
    stack.stop("chain", signal.SIGTERM)
    for file in stack.folder.glob("chain.db*"):
        file.unlink()
    shutil.copy(copy, stack.chain_file)
    stack.start_chain()


def _backup(source: Path, target: Path) -> None:
    """Copy a SQLite file with everything committed, log included."""
    target.unlink(missing_ok=True)
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()
