# SPDX-License-Identifier: EUPL-1.2
"""The embedded node as a real process: killed at every numbered point and at random, it loses nothing it answered."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

import pytest

from ledger.chain.kill_points import NodeKillPoint
from ledger.chain.sealer import FileSealerKey

HERE = Path(__file__).parent
CHAIN_ID = 20261121
START_SECONDS = 30.0
STOP_SECONDS = 2.0
FIRST_BLOCKS = 3
ROUNDS = 6
# refused, reset, closed, or cut off in the middle
NO_ANSWER = (OSError, HTTPException)


@dataclass
class Process:
    """One start of the node; `port` is the kernel's choice, read from what the node logs."""

    popen: subprocess.Popen[bytes]
    log: Path
    port: int = 0
    started: float = field(default_factory=time.monotonic)

    def find_port(self) -> int | None:
        for line in self.log.read_text("utf-8").splitlines():
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("message") == "listening":
                return int(event["port"])
        return None

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.popen.poll() is None, self.log.read_text("utf-8")
            self.port = self.find_port() or 0
            if self.port:
                return
            time.sleep(0.01)
        raise AssertionError("the node did not start")

    def wait_until_gone(self, seconds: float = START_SECONDS) -> int:
        return self.popen.wait(timeout=seconds)

    def rpc(self, method: str, *params: object) -> dict[str, object]:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            found: dict[str, object] = json.load(answer)
            return found

    def result(self, method: str, *params: object):
        found = self.rpc(method, *params)
        assert "error" not in found, found
        return found["result"]

    def send(self, raw: bytes) -> str:
        return str(self.result("eth_sendRawTransaction", "0x" + raw.hex()))


class Nodes:
    """Starts the node on one file again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "chain.db"
        self.started: list[Process] = []

    def start(self, killer: tuple[NodeKillPoint, int] | None = None) -> Process:
        log = self.folder / f"node-{len(self.started)}.log"
        entry = ["-m", "ledger.chain.node"]
        if killer:
            entry = [str(HERE / "killed_node.py"), str(killer[0].value), str(killer[1])]
        command = [sys.executable, *entry, "--database", str(self.database), "--port", "0"]
        with log.open("wb") as stream, log.with_suffix(".out").open("wb") as output:
            popen = subprocess.Popen(command, cwd=HERE.parents[1], stdout=output, stderr=stream)
        process = Process(popen, log)
        self.started.append(process)
        return process

    def running(self) -> Process:
        process = self.start()
        process.wait_until_ready()
        return process


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    made = Nodes(tmp_path)
    yield made
    for process in made.started:
        process.popen.kill()
        process.popen.wait()


@pytest.fixture(scope="module")
def key() -> FileSealerKey:
    return FileSealerKey.generate()


def transfer(key: FileSealerKey, nonce: int) -> bytes:
    plain = {"type": 2, "chainId": CHAIN_ID, "nonce": nonce, "gas": 30_000, "to": key.address, "value": 0}
    fees = {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
    return key.sign_transaction({**plain, **fees, "data": "0x" + nonce.to_bytes(8).hex()}).raw


def check_history(process: Process, key: FileSealerKey, acknowledged: list[str]) -> int:
    """See that every acknowledged transaction is where it was answered, once, and return how many are in blocks."""
    nonce = int(process.result("eth_getTransactionCount", key.address, "latest"), 16)
    newest = int(process.result("eth_blockNumber"), 16)
    assert newest == nonce
    parent = process.result("eth_getBlockByNumber", "0x0", False)["hash"]
    seen = []
    for number in range(1, newest + 1):
        block = process.result("eth_getBlockByNumber", hex(number), False)
        assert block["parentHash"] == parent
        parent = block["hash"]
        seen += block["transactions"]
    assert seen[: len(acknowledged)] == acknowledged
    assert len(set(seen)) == len(seen)
    assert len(seen) - len(acknowledged) in {0, 1}  # at most the one whose answer was lost
    return nonce


@pytest.mark.parametrize("point", [NodeKillPoint.BEFORE_GENESIS, NodeKillPoint.AFTER_GENESIS])
def test_killed_while_the_chain_begins_it_begins_again(nodes, key, point):
    assert nodes.start((point, 1)).wait_until_gone() == -signal.SIGKILL
    process = nodes.running()
    digest = process.send(transfer(key, 0))
    assert check_history(process, key, [digest]) == 1


def test_killed_inside_the_first_commit_the_chain_begins_again(nodes, key):
    assert nodes.start((NodeKillPoint.INSIDE_BLOCK, 1)).wait_until_gone() == -signal.SIGKILL
    process = nodes.running()
    assert check_history(process, key, [process.send(transfer(key, 0))]) == 1


@pytest.mark.parametrize(
    ("point", "is_kept"),
    [
        (NodeKillPoint.BEFORE_BLOCK, False),
        (NodeKillPoint.INSIDE_BLOCK, False),
        (NodeKillPoint.AFTER_BLOCK, True),
    ],
)
def test_killed_at_a_numbered_point_nothing_answered_is_lost(nodes, key, point, is_kept):
    nodes.running().popen.terminate()
    nodes.started[0].wait_until_gone()
    process = nodes.start((point, FIRST_BLOCKS + 1))
    process.wait_until_ready()
    acknowledged = [process.send(transfer(key, nonce)) for nonce in range(FIRST_BLOCKS)]
    lost = transfer(key, FIRST_BLOCKS)
    with pytest.raises(NO_ANSWER):
        process.send(lost)
    assert process.wait_until_gone() == -signal.SIGKILL

    process = nodes.running()
    assert check_history(process, key, acknowledged) == FIRST_BLOCKS + is_kept
    again = process.rpc("eth_sendRawTransaction", "0x" + lost.hex())
    assert ("result" in again) != is_kept
    if is_kept:
        assert again["error"] == {"code": -32000, "message": "already known"}
    digest = process.result("eth_getBlockByNumber", "latest", False)["transactions"][0]
    assert check_history(process, key, [*acknowledged, digest]) == FIRST_BLOCKS + 1


def test_killed_at_random_moments_nothing_answered_is_lost(nodes, key):
    source = random.Random(2026)  # noqa: S311 - test data
    acknowledged: list[str] = []
    for _ in range(ROUNDS):
        process = nodes.running()
        nonce = check_history(process, key, acknowledged)
        if nonce > len(acknowledged):  # the lost answer of the last round
            acknowledged += process.result("eth_getBlockByNumber", "latest", False)["transactions"]
        killer = threading.Timer(source.uniform(0.02, 0.4), process.popen.kill)
        killer.start()
        try:
            while True:
                acknowledged.append(process.send(transfer(key, len(acknowledged))))
        except NO_ANSWER:
            process.wait_until_gone()
        killer.join()
    assert len(acknowledged) > ROUNDS
    check_history(nodes.running(), key, acknowledged)


def test_it_starts_fast_prints_nothing_and_stops_cleanly_under_load(nodes, key):
    process = nodes.running()
    acknowledged: list[str] = []

    def load() -> None:
        try:
            while True:
                acknowledged.append(process.send(transfer(key, len(acknowledged))))
        except NO_ANSWER:
            return

    writer = threading.Thread(target=load)
    writer.start()
    deadline = time.monotonic() + START_SECONDS
    while len(acknowledged) < FIRST_BLOCKS and time.monotonic() < deadline:
        time.sleep(0.01)
    began = time.monotonic()
    process.popen.send_signal(signal.SIGTERM)
    assert process.wait_until_gone(STOP_SECONDS) == 0
    assert time.monotonic() - began < STOP_SECONDS
    writer.join()
    assert process.log.with_suffix(".out").read_bytes() == b""
    check_history(nodes.running(), key, acknowledged)


def test_a_second_node_on_the_same_file_refuses_to_start(nodes):
    nodes.running()
    second = nodes.start()
    assert second.wait_until_gone() == 2
    assert "chain.db" in second.log.read_text("utf-8")


def test_a_port_that_is_taken_is_named(nodes):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "ledger.chain.node",
            "--database",
            str(nodes.database),
            "--port",
            str(port),
        ]
        done = subprocess.run(
            command, cwd=HERE.parents[1], capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode != 0
    assert (str(port) in done.stderr, done.stdout) == (True, "")


def test_it_listens_on_loopback_only(nodes):
    process = nodes.running()
    with pytest.raises(OSError):  # noqa: PT011 - refused or unreachable
        socket.create_connection((_own_address(), process.port), timeout=2)


def _own_address() -> str:
    """An address of this machine that is not 127.0.0.1, found without sending anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.2"
        found = str(probe.getsockname()[0])
    return found if not found.startswith("127.0.0.1") else "127.0.0.2"
