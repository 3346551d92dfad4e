# SPDX-License-Identifier: EUPL-1.2
"""The documented commands, in order, on the embedded node: from nothing to an anchored log that the registry granted."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding
from sqlmodel import select

from ledger import checkpoint as checkpoints
from ledger.chain.client import open_chain, open_registry
from ledger.commitment import Commitment
from ledger.registry import RegistryHistory
from ledger.registry_list import derive_list
from ledger.settings import LedgerSettings
from ledger.store import SqlStore
from ledger.tables import AnchorRow
from ledger.trust import log_id
from ledger.worker import Worker
from protocol.clock import SystemClock
from protocol.keys import PrivateKey
from protocol.runtime.database import open_database
from protocol.runtime.signer import write_secret_file
from testimoni import cli
from testimoni.development.authority import Authority
from tests.integration.ledger_stack import CHAIN_ID, wait_for
from tests.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
ORIGIN, CODE = "log.example.cat/2026", "A99990001"


class Operator:
    """Somebody with a folder of keys, the commands, and a node of the chain."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.chain_url = f"http://127.0.0.1:{port}"
        self.at = ("--chain", self.chain_url, "--chain-id", str(CHAIN_ID))

    def call(self, *arguments: object) -> tuple[int, str, str]:
        """Do what the command does; a process for each would take most of the time."""
        said, complained = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(complained):
            patch.setattr(sys, "argv", ["testimoni", *map(str, arguments)])
            return cli.main(), said.getvalue().strip(), complained.getvalue()

    def run(self, *arguments: object) -> str:
        status, said, complained = self.call(*arguments)
        assert status == 0, complained
        return said

    def refused(self, *arguments: object) -> str:
        status, said, complained = self.call(*arguments)
        assert status == 1, said
        return complained

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def new_key(self, name: str) -> str:
        return self.run("contracts", "new-key", self.key(name))


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    (port,) = free_ports(1)
    made = Operator(tmp_path, port)
    arguments = ["-m", "ledger.chain.node", "--database", str(tmp_path / "chain.db"), "--port", str(port)]
    with (tmp_path / "chain.log").open("wb") as log:
        node = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=log, stderr=log)
    try:
        wait_for("the chain", lambda: _answers(f"{made.chain_url}/readyz"))
        yield made
    finally:
        node.kill()
        node.wait(timeout=30)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def test_log_is_granted_registered_and_anchored_by_the_documented_commands(operator: Operator) -> None:
    members = [operator.new_key(f"member-{number}") for number in (1, 2, 3)]
    account, sealer = operator.new_key("account"), operator.new_key("sealer")
    operator.new_key("anybody")
    pays = (*operator.at, "--key", operator.key("anybody"))
    named = [part for each in members for part in ("--member", each)]
    registry = operator.run("contracts", "deploy-registry", *named, "--threshold", 2, *pays)
    owner = operator.run("contracts", "deploy-owner", "--registry", registry, *pays)
    ledger = operator.run("contracts", "deploy-ledger", "--owner", owner, *pays)
    write_secret_file(operator.key("promise"), PrivateKey.generate().pem())
    write_secret_file(operator.key("checkpoint"), checkpoints.new_key_pem())
    log_keys = ("--promise-key", operator.key("promise"), "--checkpoint-key", operator.key("checkpoint"))
    entry = operator.run("contracts", "log-entry", "--origin", ORIGIN, *log_keys, "--maximum-merge-delay", 60)
    thumbprint = operator.run("contracts", "thumbprint", "--promise-key", operator.key("promise"))
    log = ("--owner", owner, "--ledger", ledger, "--origin", ORIGIN, "--sealer", sealer, "--administration", CODE)
    # whoever signs decides nothing, and neither does a proposal
    assert "the registry does not grant this log" in operator.refused("contracts", "register-log", *log, *pays)
    place = (*operator.at, "--registry", registry)
    file = operator.folder / "log.json"
    details = json.dumps({"name": {"ca": "Consorci"}})
    for change in (
        ("add", "administration", "--subject", account, "--details", details),
        ("add", "right", "--role", "sealer", "--subject", ORIGIN, "--details", entry),
        ("add", "key", "--role", "sealer", "--subject", thumbprint),
        ("add", "key", "--role", "sealer", "--subject", sealer),
    ):
        operator.run("registry", "propose", file, *change, "--administration", CODE, *place)
    for number in (1, 2):
        operator.run("registry", "approve", file, "--key", operator.key(f"member-{number}"), "--yes", *place)
    assert "does not grant" in operator.refused("contracts", "register-log", *log, *pays)
    operator.run("registry", "accept", file, "--key", operator.key("account"), "--yes", *place)
    made = json.loads(operator.run("contracts", "register-log", *log, *pays, "--json"))
    assert made == {"address": ledger, "origin": ORIGIN, "log_id": f"0x{log_id(ORIGIN).hex()}"}
    assert "the log is registered already" in operator.refused("contracts", "register-log", *log, *pays)
    assert trusted_logs(operator, registry) == [json.loads(entry)]
    anchored = anchor(operator, ledger)
    head = open_chain(operator.chain_url, contract=ledger).head(log_id(ORIGIN))
    assert (head.size, head.sealer) == (anchored, sealer) == (8, sealer)


def trusted_logs(operator: Operator, registry: str) -> list[Any]:
    """Return the logs of the trust list that follows from the registry."""
    news = open_registry(operator.chain_url, contract=registry, expected_chain_id=CHAIN_ID).read(None)
    history, hour = RegistryHistory.fold(news.events, news.place), timedelta(hours=1)
    made = derive_list(history, at=datetime.now(UTC) + timedelta(minutes=1), lifetime=hour)
    assert made.left_out == ()
    logs: list[Any] = made.claims["logs"]
    return logs


def anchor(operator: Operator, ledger: str) -> int | None:
    """Run a worker with these keys over one promised entry; return how many leaves are anchored for good."""
    root = Authority.create(datetime.now(UTC)).root
    (operator.folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    given: dict[str, Any] = {
        "environment": "development",
        "public_url": "http://localhost:8104",
        "database_url": f"sqlite:///{operator.folder / 'ledger.sqlite'}",
        "secret_key": "s" * 32,
        "trust_anchor_file": operator.folder / "root.pem",
        "trust_list_file": operator.folder / "none.jwt",
        "origin": ORIGIN,
        "promise_key_file": operator.key("promise"),
        "checkpoint_key_file": operator.key("checkpoint"),
        "sealer_key_file": operator.key("sealer"),
        "chain_url": operator.chain_url,
        "chain_id": CHAIN_ID,
        "contract": ledger,
        "entries_from": "anyone",
    }
    worker = Worker(LedgerSettings(**given), clock=SystemClock())
    worker.sequence()
    store = SqlStore(open_database(given["database_url"]))
    store.add_promise("2026", Commitment(bytes(32)), "token", due_at=datetime.now(UTC))
    worker.sequence()
    worker.anchor()
    with open_database(given["database_url"]).read() as session:
        (row,) = session.exec(select(AnchorRow)).all()
        return row.size if row.state == "final" else None


def test_contract_or_chain_that_is_another_is_refused_before_anything_is_sent(operator: Operator) -> None:
    member = operator.new_key("member")
    pays = (*operator.at, "--key", operator.key("member"))
    registry = operator.run("contracts", "deploy-registry", "--member", member, "--threshold", 1, *pays)
    assert "is there already" in operator.refused("contracts", "new-key", operator.key("member"))
    assert "wrong_contract" in operator.refused("contracts", "deploy-owner", "--registry", member, *pays)
    for nobody in (member, registry):
        # an owner without code, or of other code, would own the ledger for good
        assert "no LogOwner" in operator.refused("contracts", "deploy-ledger", "--owner", nobody, *pays)
    elsewhere = ("--chain", operator.chain_url, "--chain-id", "1", "--key", operator.key("member"))
    assert "expected chain 1" in operator.refused("contracts", "deploy-owner", "--registry", registry, *elsewhere)
    small = ("--member", member, "--threshold", 2)
    assert "threshold" in operator.refused("contracts", "deploy-registry", *small, *pays)
    spelt = registry.lower()
    assert "checksummed" in operator.refused("contracts", "deploy-owner", "--registry", spelt, *pays)
