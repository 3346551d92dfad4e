# SPDX-License-Identifier: EUPL-1.2
"""Worker, web service and chain node as real processes, which tests kill and start again."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import requests
from cryptography.hazmat.primitives.serialization import Encoding
from sqlmodel import select

from ledger import checkpoint as checkpoints
from ledger import merkle
from ledger.chain.client import open_chain
from ledger.chain.interface import Chain
from ledger.chain.sealer import FileSealerKey, open_seal_key
from ledger.checkpoint import CheckpointSigner
from ledger.cli import audit_command
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.kill_points import KillPoint
from ledger.tables import AnchorRow
from ledger.trust import AuditedLog, TrustFile, log_id
from protocol.keys import PrivateKey
from protocol.runtime.database import open_database
from protocol.runtime.fetch import Fetcher
from protocol.runtime.signer import write_secret_file
from testimoni.development.authority import Authority
from tests.ports import free_ports

HERE = Path(__file__).parent
CHAIN_ID = 20261121
DEADLINE_SECONDS = 120.0
LEASE_SECONDS = 2


def wait_for(what: str, ready: Callable[[], object]) -> None:
    """Poll until something is true."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not ready():
        assert time.monotonic() < deadline, f"timed out waiting for {what}"
        time.sleep(0.05)


_WEB = ("--worker-class", "gthread", "--threads", "4", "--no-control-socket")


class Stack:
    """One chain node (our own, or an anvil that runs already), one ledger web process, and workers that come and go."""

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str | None = None,
        web_workers: int = 1,
        anvil_url: str | None = None,
    ) -> None:
        self.folder = folder
        self.web_workers = web_workers
        self.chain_port, self.web_port = free_ports(2)
        self.url = f"http://localhost:{self.web_port}"
        self.chain_url = anvil_url or f"http://127.0.0.1:{self.chain_port}"
        self.origin = f"localhost:{self.web_port}/2026"
        self.ledger_file = folder / "ledger.sqlite"
        self.database_url = database_url or f"sqlite:///{self.ledger_file}"
        self.chain_file = folder / "chain.db"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.added: list[Commitment] = []
        self.sealer = FileSealerKey.generate()
        owner = FileSealerKey.generate()
        promise_key = PrivateKey.generate()
        write_secret_file(folder / "sealer.key", self.sealer.pem())
        write_secret_file(folder / "promise.key", promise_key.pem())
        write_secret_file(folder / "checkpoint.key", checkpoints.new_key_pem())
        # the log asks the trust list nothing here; the site for auditors wants an authority all the same
        root = Authority.create(datetime.now(UTC)).root
        (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
        if anvil_url is None:
            self.start_chain()
        validators = [open_seal_key(self.chain_file).address] if anvil_url is None else []
        self.chain: Chain = open_chain(self.chain_url, contract=None)
        contract = self.chain.deploy_consent_ledger(owner, owner=owner.address)
        self.chain.register_log(owner, log_id(self.origin), self.sealer.address)
        self.environment = {
            "ENVIRONMENT": "development",
            "PUBLIC_URL": self.url,
            "DATABASE_URL": self.database_url,
            "SECRET_KEY": "s" * 32,
            "TRUST_ANCHOR_FILE": str(folder / "root.pem"),
            "TRUST_LIST_FILE": str(folder / "none.jwt"),
            "ORIGIN": self.origin,
            "PROMISE_KEY_FILE": str(folder / "promise.key"),
            "CHECKPOINT_KEY_FILE": str(folder / "checkpoint.key"),
            "SEALER_KEY_FILE": str(folder / "sealer.key"),
            "CHAIN_URL": self.chain_url,
            "CHAIN_ID": str(CHAIN_ID),
            "CONTRACT": contract,
            "VALIDATORS": json.dumps(validators),
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
        self.spawn("web", [*arguments, "--workers", str(self.web_workers), *_WEB])
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

    def children(self, name: str) -> list[int]:
        """Return the process ids of a process's children (a web server's workers)."""
        number = self.processes[name].pid
        with contextlib.suppress(OSError):
            return [int(each) for each in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
        return []

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
        database = open_database(self.database_url)
        with database.read() as session:
            found = [(row.size, row.state) for row in session.exec(select(AnchorRow).order_by(AnchorRow.id))]
        database.engine.dispose()
        return found

    def recover(self) -> None:
        """Start a worker that nobody kills and wait until everything promised is anchored."""
        self.start_worker()
        wait_for("everything anchored", self.is_settled)
        self.stop("worker")

    def vouch(self) -> None:
        """Restore by the command, as an operator who knows that nothing was signed beyond the chain."""
        command = ["-m", "testimoni.cli", "restore", "--nothing-newer"]
        wait_for("the restored log", lambda: self.spawn("restore", command).wait(timeout=60) == 0)

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
