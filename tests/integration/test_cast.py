# SPDX-License-Identifier: EUPL-1.2
"""Real `cast` against the embedded node as a process: what an operator types, and what explorers ask."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from contracts.artifact import load_artifact
from tests.integration.foundry import CHAIN_ID, START_SECONDS, find_program

pytestmark = pytest.mark.node
KEY = "0x" + "44" * 32
OWNER = Account.from_key(KEY).address
LEDGER = load_artifact("ConsentLedger")
NO_HASH = "0x" + "11" * 32


@dataclass
class Cast:
    """`cast` on one node."""

    program: Path
    url: str
    home: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"ETH_RPC_URL": self.url, "HOME": str(self.home)}
        return subprocess.run(
            [str(self.program), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def __call__(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def send(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("send", "--json", "--private-key", KEY, *arguments))
        assert found["status"] == "0x1"
        return found


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    program = find_program("cast")
    folder = tmp_path_factory.mktemp("cast")
    log = folder / "node.log"
    arguments = ["--database", str(folder / "chain.db"), "--port", "0", "--genesis-accounts", OWNER]
    with log.open("wb") as stream:
        node = subprocess.Popen(
            [sys.executable, "-m", "ledger.chain.node", *arguments],
            cwd=Path(__file__).parents[2],
            stdout=stream,
            stderr=stream,
        )
    try:
        yield Cast(program, f"http://127.0.0.1:{wait_for_port(node, log)}", folder)
    finally:
        node.kill()
        node.wait()


def wait_for_port(node: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert node.poll() is None, log.read_text("utf-8")
        for line in log.read_text("utf-8").splitlines():
            event = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
            if event.get("message") == "listening":
                return int(event["port"])
        time.sleep(0.02)
    raise AssertionError("the node did not start")


@pytest.fixture(scope="module")
def contract(cast: Cast) -> str:
    arguments = "0" * 24 + OWNER[2:].lower()
    receipt = cast.send("--create", "0x" + LEDGER.bytecode.hex() + arguments)
    return str(receipt["contractAddress"])


def test_the_network_is_described(cast):
    assert cast("chain-id") == str(CHAIN_ID)
    assert cast("client").startswith("testimoni-embedded/")
    assert cast("gas-price") == cast("base-fee") == "0"
    assert int(cast("block-number")) >= 0
    assert cast("rpc", "net_listening") == "true"
    assert cast("rpc", "net_peerCount") == '"0x0"'
    assert json.loads(cast("rpc", "eth_syncing")) is False
    assert cast("rpc", "web3_sha3", "0x68656c6c6f").strip('"') == cast("keccak", "hello")


@pytest.mark.parametrize("kind", [[], ["--legacy"], ["--gas-price", "0", "--priority-gas-price", "0"]])
def test_value_is_sent_and_found_again(cast, kind):
    other = Account.create().address
    receipt = cast.send(other, "--value", "7", *kind)
    assert cast("balance", other) == "7"
    assert cast("nonce", OWNER) == str(int(receipt["blockNumber"], 16))
    assert json.loads(cast("receipt", receipt["transactionHash"], "--json"))["blockHash"] == receipt["blockHash"]
    found = json.loads(cast("tx", receipt["transactionHash"], "--json"))
    assert (int(found["value"], 16), found["to"].lower()) == (7, other.lower())
    assert cast("balance", other, "--block", "0") == "0"
    raw = cast("tx", receipt["transactionHash"], "--raw")
    assert cast("decode-transaction", raw)
    assert cast("rpc", "eth_getTransactionByBlockNumberAndIndex", receipt["blockNumber"], "0x0") != "null"


def test_blocks_are_read_whole_by_number_tag_and_hash(cast, contract):
    block = json.loads(cast("block", "latest", "--json", "--full"))
    assert json.loads(cast("block", block["hash"], "--json", "--full")) == block
    assert json.loads(cast("block", block["number"], "--json", "--full")) == block
    assert len(block["transactions"]) == 1
    assert block["mixHash"].startswith("0x63746963616c2062797a616e74696e65")
    assert cast("block", "finalized", "-f", "hash") == block["hash"]
    assert cast("age", "latest")
    assert cast("find-block", str(int(block["timestamp"], 16))) == str(int(block["number"], 16))


def test_a_contract_is_deployed_called_and_proved(cast, contract):
    assert cast("code", contract) == "0x" + LEDGER.deployed_bytecode.hex()
    assert cast("call", contract, "owner()(address)") == OWNER
    assert cast("storage", contract, "0") == "0x" + "0" * 24 + OWNER[2:].lower()
    assert cast("codehash", contract).startswith("0x")
    proof = json.loads(cast("proof", contract, "0x0"))
    assert proof["storageProof"][0]["value"] == OWNER.lower()
    assert cast("code", contract, "--block", "0") == "0x"


def test_events_are_found_by_signature_and_block(cast, contract):
    log = "0x" + "ab" * 32
    receipt = cast.send(contract, "registerLog(bytes32,address)", log, OWNER)
    topic = receipt["logs"][0]["topics"][0]
    (found,) = json.loads(cast("logs", "--json", "--address", contract, "--from-block", "0", topic, log))
    assert found["transactionHash"] == receipt["transactionHash"]
    (same,) = json.loads(cast("logs", "--json", "--from-block", receipt["blockNumber"], "--address", contract))
    assert same == found
    (again,) = json.loads(cast("rpc", "eth_getLogs", json.dumps({"blockHash": receipt["blockHash"]})))
    assert {**again, "address": again["address"].lower()} == receipt["logs"][0]


def test_a_revert_is_told_with_its_data(cast, contract):
    done = cast.run("call", contract, "transferOwnership(address)", OWNER)
    assert done.returncode != 0
    assert "execution reverted" in done.stderr
    # the contract's own error, OwnableUnauthorizedAccount
    assert "118cdaa7" in done.stderr
    done = cast.run("estimate", contract, "transferOwnership(address)", OWNER)
    assert "execution reverted" in done.stderr


def test_what_is_not_there_is_said_to_be_so(cast):
    assert "not found" in cast.run("block", "99999").stderr
    assert "not found" in cast.run("tx", NO_HASH).stderr
    assert "-32601" in cast.run("rpc", "debug_traceTransaction", NO_HASH).stderr
