# SPDX-License-Identifier: EUPL-1.2
"""A permissioned network on loopback: four QBFT validators and one regular node, each a process of GoQuorum.

- Keys and extra data are made by the command that makes them for Besu (`ledger.chain.genesis`).
- Services talk to the regular node, as DESIGN section 5 says; validators answer nobody but their peers, except
  that tests ask them for their height.
- Every process is ended by its id, and only those started here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from eth_utils.address import to_checksum_address

from ledger.chain.genesis import NodeIdentity, make_genesis, new_node_key
from ledger.chain.qbft import ExtraData
from ledger.trust import ValidatorSet
from tests.ports import free_ports

ENGINE = Path(__file__).parents[2] / "build" / "network" / "geth"
CHAIN_ID = 20261127
VALIDATORS = 4
BLOCK_PERIOD_SECONDS = 1
# a round lasts this long and doubles; short, so that the network recovers within a test
REQUEST_TIMEOUT_SECONDS = 2
# rounds that nobody finished double in length, so a network that lost two of four takes its time to come back
DEADLINE_SECONDS = 300.0
POLL_SECONDS = 0.1


def wait_for(what: str, ready: Callable[[], object], deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Poll until something is true."""
    deadline = time.monotonic() + deadline_seconds
    while not ready():
        assert time.monotonic() < deadline, f"timed out waiting for {what}"
        time.sleep(POLL_SECONDS)


def goquorum_genesis(validators: Sequence[bytes]) -> dict[str, Any]:
    """Return our genesis file, with the configuration in GoQuorum's words; its newest fork is Berlin."""
    genesis: dict[str, Any] = dict(make_genesis(CHAIN_ID, validators))
    forks = (
        "homestead",
        "eip150",
        "eip155",
        "eip158",
        "byzantium",
        "constantinople",
        "petersburg",
        "istanbul",
        "berlin",
    )
    genesis["config"] = {
        "chainId": CHAIN_ID,
        **{f"{fork}Block": 0 for fork in forks},
        "eip150Hash": "0x" + "00" * 32,
        "isQuorum": True,
        "txnSizeLimit": 128,
        "maxCodeSizeConfig": [{"block": 0, "size": 32}],
        "qbft": {
            "epochlength": 30_000,
            "blockperiodseconds": BLOCK_PERIOD_SECONDS,
            "requesttimeoutseconds": REQUEST_TIMEOUT_SECONDS,
            "policy": 0,
            "ceil2Nby3Block": 0,
        },
    }
    return genesis


def new_node_keys() -> list[tuple[bytes, NodeIdentity]]:
    """Return keys for all nodes, the validators' in an order that a restarted GoQuorum agrees on with the others.

    A running node takes its turns in the order of the addresses' bytes, one that read its snapshot again in the order
    of their text with the check's capitals, where `C` comes before `a`. With other keys, a network of which two
    validators were restarted disagrees on whose turn it is, for ever (docs/network.md).
    """
    while True:
        made = [new_node_key() for _ in range(VALIDATORS + 1)]
        addresses = [identity.address for _, identity in made[:VALIDATORS]]
        if sorted(addresses) == sorted(addresses, key=to_checksum_address):
            return made


@dataclass
class Node:
    """One node: its folder, its key, its ports, and its process while it runs."""

    folder: Path
    identity: NodeIdentity
    p2p_port: int
    rpc_port: int
    is_validator: bool
    process: subprocess.Popen[bytes] | None = None
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.rpc_port}"

    @property
    def enode(self) -> str:
        return self.identity.enode(f"127.0.0.1:{self.p2p_port}?discport=0")

    def start(self) -> None:
        # archive: every block's state is on disk when the block is, as with Besu; otherwise SIGKILL of all nodes at
        # once sets the chain back to its first block (docs/network.md)
        command = [
            str(ENGINE),
            "--datadir",
            str(self.folder),
            "--nodiscover",
            "--nousb",
            "--ipcdisable",
            "--verbosity",
            "3",
        ]
        command += ["--syncmode", "full", "--gcmode", "archive", "--cache", "64", "--networkid", str(CHAIN_ID)]
        command += ["--nat", "none", "--netrestrict", "127.0.0.0/8", "--port", str(self.p2p_port)]
        command += ["--http", "--http.addr", "127.0.0.1", "--http.port", str(self.rpc_port)]
        command += ["--http.api", "eth,net,web3,istanbul,admin"]
        if self.is_validator:
            command += ["--mine", "--miner.threads", "1", "--miner.gasprice", "0", "--miner.gaslimit", "30000000"]
        with (self.folder / "node.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env={**os.environ, "PRIVATE_CONFIG": "ignore"}, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """SIGKILL, by process id, and wait until it is gone."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(timeout=30)
            self.process = None

    def call(self, method: str, *params: object) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        return self.session.post(self.url, json=body, timeout=5).json()["result"]

    def height(self) -> int:
        """Return the newest block's number; -1 when the node does not answer."""
        try:
            return int(self.call("eth_blockNumber"), 16)
        except (requests.RequestException, KeyError):
            return -1


class Network:
    """Four validators and a regular node, made in a folder and not started yet."""

    def __init__(self, folder: Path) -> None:
        ports = iter(free_ports(2 * (VALIDATORS + 1)))
        self.nodes: list[Node] = []
        for number, (key, identity) in enumerate(new_node_keys()):
            home = folder / f"node{number}"
            (home / "geth").mkdir(parents=True)
            (home / "geth" / "nodekey").write_bytes(key)
            self.nodes.append(Node(home, identity, next(ports), next(ports), number < VALIDATORS))
        genesis = folder / "genesis.json"
        genesis.write_text(json.dumps(goquorum_genesis([each.identity.address for each in self.validators])))
        peers = json.dumps([each.enode for each in self.nodes])
        for node in self.nodes:
            (node.folder / "geth" / "static-nodes.json").write_text(peers)
            (node.folder / "static-nodes.json").write_text(peers)
            command = [str(ENGINE), "--datadir", str(node.folder), "--nousb", "init", str(genesis)]
            subprocess.run(
                command, env={**os.environ, "PRIVATE_CONFIG": "ignore"}, check=True, capture_output=True
            )

    @property
    def validators(self) -> list[Node]:
        return self.nodes[:VALIDATORS]

    @property
    def regular(self) -> Node:
        return self.nodes[VALIDATORS]

    @property
    def addresses(self) -> list[str]:
        return [f"0x{each.identity.address.hex()}" for each in self.validators]

    def named_validators(self) -> list[str]:
        """Return the validators of the newest block."""
        return [str(each) for each in self.regular.call("istanbul_getValidators", "latest")]

    def validators_in(self, block: int) -> list[str]:
        """Return the validators that a block's header names."""
        found: Any = self.regular.call("eth_getBlockByNumber", hex(block), False)
        extra = ExtraData.parse(bytes.fromhex(found["extraData"][2:]))
        return [f"0x{each.hex()}" for each in extra.validators]

    def sets(self) -> list[ValidatorSet]:
        """Return who the validators were, each with the first block that names them."""
        made: list[ValidatorSet] = []
        for block in range(self.regular.height() + 1):
            named = tuple(self.validators_in(block))
            if not made or set(named) != set(made[-1].addresses):
                made.append(ValidatorSet(block, named))
        return made

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        wait_for("every node's answers", lambda: all(each.height() >= 0 for each in self.nodes))
        self.reconnect()
        self.wait_for_blocks(2)

    def reconnect(self) -> None:
        """Wait until running nodes are all peers; after a SIGKILL GoQuorum may not dial again by itself."""

        def is_whole() -> bool:
            running = [each for each in self.nodes if each.process is not None]
            short = [each for each in running if int(each.call("net_peerCount"), 16) < len(running) - 1]
            for node in short:
                for other in running:
                    if other is not node:
                        node.call("admin_addPeer", other.enode)
            return not short

        wait_for("all peers", is_whole)

    def wait_for_blocks(self, count: int) -> None:
        """Wait until the regular node has this many more blocks."""
        target = max(self.regular.height(), 0) + count
        wait_for(f"block {target}", lambda: self.regular.height() >= target)

    def vote(self, voters: Sequence[Node], address: str, is_in: bool) -> None:
        """Let these validators vote somebody in or out until it is so; more than half of all must be heard."""
        first = self.regular.height() + 1
        for voter in voters:
            voter.call("istanbul_propose", address, is_in)
        try:
            wait_for("the vote", lambda: (address in self.named_validators()) is is_in)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *self.proposals(first)])) from error
        for voter in voters:
            voter.call("istanbul_discard", address)

    def proposals(self, first: int) -> list[str]:
        """Return a line for each block from this one on: who proposed it in which round, with which vote."""
        lines = [f"peers: {[int(each.call('net_peerCount'), 16) for each in self.nodes]}"]
        for block in range(first, self.regular.height() + 1):
            found: Any = self.regular.call("eth_getBlockByNumber", hex(block), False)
            extra = ExtraData.parse(bytes.fromhex(found["extraData"][2:]))
            vote = [each.hex() for each in extra.vote]
            lines.append(f"{block}: {found['miner']} round {extra.round}, vote {vote}")
        return lines

    def kill_all(self) -> None:
        for node in self.nodes:
            node.kill()
