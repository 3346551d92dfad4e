# SPDX-License-Identifier: EUPL-1.2
"""A `ConsentLedger` on the embedded engine, in this process, and RFC 9162 trees written from its definition."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_abi.abi import decode, encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from contracts.artifact import Artifact, load_artifact
from ledger.chain.engine import CallMessage, Engine
from ledger.chain.evidence import read_event
from ledger.chain.evm import ExecutionError
from ledger.chain.interface import Anchored
from ledger.chain.sealer import FileSealerKey
from protocol.clock import FixedClock

CHAIN_ID = 20261121
GAS = 5_000_000


class Tree:
    """A list of commitments, and what RFC 9162 defines over it."""

    def __init__(self, commitments: Sequence[bytes] = ()) -> None:
        self.commitments = list(commitments)

    def grown(self, more: Sequence[bytes]) -> Tree:
        return Tree([*self.commitments, *more])

    @property
    def size(self) -> int:
        return len(self.commitments)

    @property
    def root(self) -> bytes:
        return _mth(self.commitments)

    @property
    def frontier(self) -> list[bytes]:
        """The heads of the perfect subtrees that the sizes' bits name, largest first."""
        peaks, start = [], 0
        for bit in reversed(range(self.size.bit_length())):
            if self.size >> bit & 1:
                peaks.append(_mth(self.commitments[start : start + (1 << bit)]))
                start += 1 << bit
        return peaks

    def proof_from(self, first: int) -> list[bytes]:
        """PROOF(first, D_n) of RFC 9162, section 2.1.4.1; empty from size 0, as the contract wants it."""
        return _subproof(first, self.commitments, is_whole=True) if 0 < first < self.size else []


def _subproof(m: int, entries: Sequence[bytes], *, is_whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 9162, section 2.1.4.1, word for word."""
    if m == len(entries):
        return [] if is_whole else [_mth(entries)]
    k = 1
    while k * 2 < len(entries):
        k *= 2
    if m <= k:
        return [*_subproof(m, entries[:k], is_whole=is_whole), _mth(entries[k:])]
    return [*_subproof(m - k, entries[k:], is_whole=False), _mth(entries[:k])]


def _mth(entries: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1, word for word."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return hashlib.sha256(b"\x01" + _mth(entries[:k]) + _mth(entries[k:])).digest()


@dataclass
class Bench:
    """The contract under test, who owns it, and one log with its sealer."""

    engine: Engine
    owner: FileSealerKey
    sealer: FileSealerKey
    stranger: FileSealerKey
    artifact: Artifact
    log_id: bytes = hashlib.sha256(b"localhost:8104/2026\n").digest()
    address: str = ""
    _nonces: dict[str, int] = field(default_factory=dict)

    def deploy(self, artifact: Artifact | None = None, arguments: bytes | None = None) -> str:
        """Create a contract by the owner and return its address."""
        given = encode(["address"], [self.owner.address]) if arguments is None else arguments
        nonce = self._nonces.get(self.owner.address, 0)
        assert self._send(self.owner, None, (artifact or self.artifact).bytecode + given).state_root == b"\x01"
        return address_of(self.owner.address, nonce)

    def send(self, sender: FileSealerKey, name: str, *arguments: object, to: str | None = None) -> Any:
        """Put a call into a block and return its receipt."""
        return self._send(sender, to or self.address, self.calldata(name, *arguments))

    def call(self, sender: FileSealerKey, name: str, *arguments: object) -> bytes:
        """Execute a call on the newest state and return its output."""
        return self.call_data(sender, self.calldata(name, *arguments))

    def call_data(self, sender: FileSealerKey, data: bytes, to: str | None = None) -> bytes:
        target = bytes.fromhex((to or self.address)[2:])
        message = CallMessage(sender=bytes.fromhex(sender.address[2:]), to=target, gas=GAS, value=0, data=data)
        return self.engine.call(message, self.engine.head())

    def refusal(self, sender: FileSealerKey, name: str, *arguments: object) -> tuple[object, ...]:
        """Return the custom error, name first, with which this call reverts; and see that a block changes nothing."""
        with pytest.raises(ExecutionError) as caught:
            self.call(sender, name, *arguments)
        before = self.head()
        receipt = self.send(sender, name, *arguments)
        assert receipt.state_root != b"\x01"
        assert (receipt.logs, self.head()) == ((), before)
        return self.read_error(caught.value.output or b"")

    def read_error(self, output: bytes) -> tuple[object, ...]:
        for entry in self.artifact.abi:
            if entry["type"] == "error":
                types = [part["type"] for part in entry["inputs"]]
                if keccak(text=f"{entry['name']}({','.join(types)})")[:4] == output[:4]:
                    return (entry["name"], *decode(types, output[4:]))
        raise AssertionError(output.hex())

    def head(self, log_id: bytes | None = None) -> tuple[str, int, bytes]:
        """Return sealer, size and root."""
        sealer, size, _, root = self._head(log_id)
        return sealer, size, root

    def is_frozen(self, log_id: bytes | None = None) -> bool:
        return self._head(log_id)[2]

    def _head(self, log_id: bytes | None) -> tuple[str, int, bool, bytes]:
        output = self.call(self.stranger, "head", log_id or self.log_id)
        sealer, size, frozen, root = decode(["address", "uint64", "bool", "bytes32"], output)
        return to_checksum_address(sealer), size, frozen, root

    def anchor(
        self, before: Tree, after: Tree, *, log_id: bytes | None = None, by: FileSealerKey | None = None
    ) -> Any:
        return self.send(by or self.sealer, "anchor", *anchor_arguments(log_id or self.log_id, before, after))

    def anchor_root(
        self, before: Tree, after: Tree, *, log_id: bytes | None = None, by: FileSealerKey | None = None
    ) -> Any:
        return self.send(by or self.sealer, "anchorRoot", *root_arguments(log_id or self.log_id, before, after))

    def events(self, receipt: Any) -> list[Anchored]:
        found = [
            read_event(to_checksum_address(log.address), [t.to_bytes(32) for t in log.topics], log.data, i)
            for i, log in enumerate(receipt.logs)
        ]
        return [event for event in found if event is not None]

    def calldata(self, name: str, *arguments: object) -> bytes:
        entry = next(item for item in self.artifact.abi if item.get("name") == name and item["type"] == "function")
        types = [part["type"] for part in entry["inputs"]]
        return keccak(text=f"{name}({','.join(types)})")[:4] + encode(types, arguments)

    def sign(self, sender: FileSealerKey, to: str | None, data: bytes, **more: object) -> bytes:
        nonce = self._nonces.get(sender.address, 0)
        self._nonces[sender.address] = nonce + 1
        fees = {"type": 2, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "value": 0, "gas": GAS}
        target = {} if to is None else {"to": to}
        return sender.sign_transaction(
            {"chainId": CHAIN_ID, "nonce": nonce, "data": data, **fees, **target, **more}
        ).raw

    def _send(self, sender: FileSealerKey, to: str | None, data: bytes) -> Any:
        digest = self.engine.submit(self.sign(sender, to, data))
        found = self.engine.find_transaction(digest)
        assert found is not None
        return self.engine.receipts(found[0])[found[1]]


def anchor_arguments(log_id: bytes, before: Tree, after: Tree) -> tuple[object, ...]:
    added = after.commitments[before.size :]
    return (log_id, before.size, after.size, after.root, before.frontier, added)


def root_arguments(log_id: bytes, before: Tree, after: Tree) -> tuple[object, ...]:
    return (log_id, before.size, after.size, after.root, after.proof_from(before.size))


def address_of(creator: str, nonce: int) -> str:
    return str(to_checksum_address(keccak(rlp.encode([bytes.fromhex(creator[2:]), nonce]))[-20:]))


def make_commitments(count: int, seed: int = 0) -> list[bytes]:
    source = random.Random(seed)  # noqa: S311 - test data
    return [source.randbytes(32) for _ in range(count)]


@contextmanager
def open_bench(folder: Path) -> Iterator[Bench]:
    engine = Engine(folder / "chain.db", chain_id=CHAIN_ID, clock=FixedClock(datetime(2026, 11, 21, tzinfo=UTC)))
    keys = [FileSealerKey.generate() for _ in range(3)]
    made = Bench(engine, *keys, artifact=load_artifact("ConsentLedger"))
    made.address = made.deploy()
    assert made.send(made.owner, "registerLog", made.log_id, made.sealer.address).state_root == b"\x01"
    yield made
    engine.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as made:
        yield made


@pytest.fixture
def tree() -> type[Tree]:
    return Tree


@pytest.fixture
def commitments() -> Any:
    return make_commitments


@pytest.fixture
def arguments() -> Any:
    return anchor_arguments


@pytest.fixture
def by_root() -> Any:
    return root_arguments


@dataclass
class Relay:
    """A contract that forwards its calldata to the ledger; its address is known before it exists."""

    bench: Bench
    future_address: str
    _nonce: int

    def deploy(self) -> None:
        code = forwarder(self.bench.address)
        copy = bytes.fromhex(f"60{len(code):02x}600c60003960{len(code):02x}6000f3")
        assert self.bench._nonces.get(self.bench.stranger.address, 0) == self._nonce
        assert self.bench._send(self.bench.stranger, None, copy + code).state_root == b"\x01"

    def refusal_at_birth(self, data: bytes) -> tuple[object, ...]:
        """What the ledger says when the contract calls it from its constructor, while it has no code."""
        size, target = f"61{len(data):04x}", self.bench.address[2:]
        call = f"60006000{size}6000600073{target}5af1"
        head = bytes.fromhex(f"{size}610000600039{call}600057" + "3d6000803e3d6000fd" + "5b00")
        code = head.replace(bytes.fromhex("610000"), b"\x61" + len(head).to_bytes(2), 1)
        code = code.replace(bytes.fromhex("f1600057"), bytes.fromhex(f"f160{len(head) - 2:02x}57"), 1)
        sender = bytes.fromhex(self.bench.stranger.address[2:])
        message = CallMessage(sender=sender, to=None, gas=GAS, value=0, data=code + data)
        with pytest.raises(ExecutionError) as caught:
            self.bench.engine.call(message, self.bench.engine.head())
        return self.bench.read_error(caught.value.output or b"")

    def refusal(self, data: bytes) -> tuple[object, ...]:
        with pytest.raises(ExecutionError) as caught:
            self.bench.call_data(self.bench.stranger, data, to=self.future_address)
        return self.bench.read_error(caught.value.output or b"")


def forwarder(target: str) -> bytes:
    """Code that calls `target` with its own calldata and reverts with what it answers, or stops."""
    return bytes.fromhex(
        "366000600037"  # CALLDATASIZE 0 0 CALLDATACOPY
        "6000600036600060007300000000000000000000000000000000000000005af1"
        "603257"  # success: jump
        "3d6000803e3d6000fd"
        "5b00"
    ).replace(bytes(20), bytes.fromhex(target[2:]))


@pytest.fixture
def relay(bench: Bench) -> Relay:
    nonce = bench._nonces.get(bench.stranger.address, 0)
    return Relay(bench, address_of(bench.stranger.address, nonce), nonce)


@pytest.fixture
def delegate(bench: Bench) -> Any:
    """Make an account run a contract's code from now on (EIP-7702)."""

    def run(account: FileSealerKey) -> None:
        from eth_account import Account

        secret = account._secret.private_numbers().private_value.to_bytes(32)
        nonce = bench._nonces.get(account.address, 0)
        given = {"chainId": CHAIN_ID, "address": bench.address, "nonce": nonce}
        authorization = Account.sign_authorization(given, secret)
        raw = bench.sign(
            bench.stranger, bench.stranger.address, b"", type=4, authorizationList=[authorization], accessList=[]
        )
        bench.engine.submit(raw)
        bench._nonces[account.address] = nonce + 1
        assert bench.engine.state(bench.engine.head()).get_code(bytes.fromhex(account.address[2:]))

    return run
