# SPDX-License-Identifier: EUPL-1.2
"""The ledger as in production, beside a network: a web process and a worker process on the regular node's URL."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from cryptography.hazmat.primitives.serialization import Encoding

from ledger import checkpoint as checkpoints
from ledger.chain.client import open_chain
from ledger.chain.sealer import FileSealerKey
from ledger.checkpoint import CheckpointSigner
from ledger.cli import audit_command
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.trust import AuditedLog, TrustFile, ValidatorSet, log_id
from protocol.encoding import JSON
from protocol.keys import PrivateKey
from protocol.runtime.fetch import Fetcher
from protocol.runtime.signer import write_secret_file
from testimoni.development.authority import Authority
from tests.network.validators import CHAIN_ID, Network, wait_for
from tests.ports import free_port

ROOT = Path(__file__).parents[2]


class LedgerStack:
    """Deploys the contract and registers a log; `start` starts the ledger's two processes."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.folder = folder
        self.network = network
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.origin = f"localhost:{self.port}/2026"
        self.database = folder / "ledger.sqlite"
        self.added: list[Commitment] = []
        self.processes: list[subprocess.Popen[bytes]] = []
        owner, self.sealer = FileSealerKey.generate(), FileSealerKey.generate()
        write_secret_file(folder / "sealer.key", self.sealer.pem())
        write_secret_file(folder / "promise.key", PrivateKey.generate().pem())
        write_secret_file(folder / "checkpoint.key", checkpoints.new_key_pem())
        # the log asks the trust list nothing here; the site for auditors wants an authority all the same
        root = Authority.create(datetime.now(UTC)).root
        (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
        self.chain = open_chain(network.regular.url, contract=None)
        self.contract = self.chain.deploy_consent_ledger(owner, owner=owner.address)
        self.chain.register_log(owner, log_id(self.origin), self.sealer.address)
        self.key = CheckpointSigner.from_pem(self.origin, (folder / "checkpoint.key").read_bytes()).key
        self.client = LedgerClient(Fetcher(allowed_private_origins=frozenset({self.url})), self.url)

    def start(self) -> None:
        address = f"127.0.0.1:{self.port}"
        web = ["-m", "gunicorn", "ledger.app:from_environment()", "--bind", address, "--no-control-socket"]
        self._spawn("web", [*web, "--worker-class", "gthread", "--threads", "4"])
        self._spawn("worker", ["-m", "ledger.worker"])
        wait_for("the ledger", self._is_ready)

    def _spawn(self, name: str, arguments: list[str]) -> None:
        settings = {
            "ENVIRONMENT": "development",
            "PUBLIC_URL": self.url,
            "DATABASE_URL": f"sqlite:///{self.database}",
            "SECRET_KEY": "s" * 32,
            "TRUST_ANCHOR_FILE": str(self.folder / "root.pem"),
            "TRUST_LIST_FILE": str(self.folder / "none.jwt"),
            "ORIGIN": self.origin,
            "PROMISE_KEY_FILE": str(self.folder / "promise.key"),
            "CHECKPOINT_KEY_FILE": str(self.folder / "checkpoint.key"),
            "SEALER_KEY_FILE": str(self.folder / "sealer.key"),
            "CHAIN_URL": self.network.regular.url,
            "CHAIN_ID": str(CHAIN_ID),
            "CONTRACT": self.contract,
            "VALIDATORS": json.dumps(self.network.addresses),
            "BATCH_INTERVAL_SECONDS": "1",
            "ENTRIES_FROM": "anyone",
        }
        kept = {key: value for key, value in os.environ.items() if not key.startswith("TESTIMONI_")}
        environment = {**kept, **{f"TESTIMONI_LEDGER_{key}": value for key, value in settings.items()}}
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [sys.executable, *arguments]
            self.processes.append(subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log))

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def stop(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(timeout=60)

    # the log

    def add(self, count: int = 3) -> None:
        """Have entries promised; they must never be lost from here on."""
        for _ in range(count):
            commitment = Commitment(secrets.token_bytes(32))
            self.client.add_entry(commitment)
            self.added.append(commitment)

    def size(self) -> int:
        return checkpoints.parse_unverified(self.client.checkpoint()).size

    def final_size(self) -> int:
        """Return the size of the newest anchor that the ledger calls final."""
        return max((int(str(a["size"])) for a in self._anchors() if a["state"] == "final"), default=0)

    def _anchors(self) -> list[dict[str, Any]]:
        return [each for each in self.client.anchors() if isinstance(each, dict)]

    def is_sequenced(self) -> bool:
        """Whether every promised entry is in the signed tree."""
        return set(self.added) <= set(self.client.all_entries(self.size()))

    def is_settled(self) -> bool:
        """Whether every promised entry is in the tree, and the tree is on the chain, by the ledger's and the chain's word."""
        size = self.size()
        return self.is_sequenced() and self.final_size() == self.chain.head(log_id(self.origin)).size == size

    def home_page(self) -> str:
        return requests.get(
            f"{self.url}/", headers={"Accept": "text/html", "Accept-Language": "en"}, timeout=10
        ).text

    def outbox(self) -> list[tuple[int, str]]:
        with sqlite3.connect(self.database) as database:
            return list(database.execute("select size, state from anchors order by id"))

    def audit(
        self, capsys: Any, *, validators: Sequence[str | ValidatorSet], from_size: int = 0
    ) -> tuple[int, dict[str, Any]]:
        """Run the audit command with a trust file that names these validators, or sets of them by block.

        Return its status and report.
        """
        (described,) = (each for each in self.client.logs() if isinstance(each, dict))
        chain = described["chain"]
        assert isinstance(chain, dict)
        named: list[JSON] = [each if isinstance(each, str) else each.to_json() for each in validators]
        log = AuditedLog.parse({**described, "chain": {**chain, "validators": named}})
        trust = self.folder / "trust.json"
        trust.write_text(json.dumps(TrustFile("", (log,), ()).to_json()))
        capsys.readouterr()
        command = ["--ledger", self.url, "--chain", self.network.regular.url, "--trust", str(trust), "--json"]
        status = audit_command([*command, "--from", str(from_size)])
        return status, json.loads(capsys.readouterr().out)
