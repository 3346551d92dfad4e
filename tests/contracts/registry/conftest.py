# SPDX-License-Identifier: EUPL-1.2
"""A `TrustRegistry` on the embedded engine with three members, two of whom decide, and one administration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from contracts.artifact import load_artifact
from ledger.chain.engine import CallMessage, Engine
from ledger.chain.evm import ExecutionError
from ledger.chain.registry_codec import (
    CHANGE,
    NEWEST_CALL,
    encode_change_id,
    encode_changes,
    encode_members,
    read_newest,
    read_registry_event,
)
from ledger.chain.sealer import FileSealerKey
from ledger.registry import Place, RegistryHistory, administration_id
from ledger.registry_events import Action, Change, Kind, RegistryEvent, Role
from protocol.clock import FixedClock
from protocol.encoding import sha256
from tests.contracts.conftest import CHAIN_ID, GAS, address_of

OK = b"\x01"
UNIVERSITY = administration_id("U00000001")
DEGREE = sha256(b"https://types.example/degree/1")
KEY = sha256(b"a key")


def right(**changes: Any) -> Change:
    made = Change(Action.ADD, Kind.RIGHT, Role.ISSUER, UNIVERSITY, DEGREE, details=b'{"vct":"degree"}')
    return replace(made, **changes)


def key(**changes: Any) -> Change:
    return replace(Change(Action.ADD, Kind.KEY, Role.ISSUER, UNIVERSITY, KEY), **changes)


def change_id(change: Change, *, ends: int = 0, party_ends: int = 0, additions: int = 0) -> bytes:
    """Under what a change is approved when its entry and its administration were ended so often, by `ITrustRegistry`."""
    second = additions if change.kind is Kind.ADMINISTRATION else party_ends
    counted = ([ends, second], ["uint256", "uint256"]) if change.action is Action.ADD else ([], [])
    digest: bytes = keccak(encode([CHANGE, *counted[1]], [astuple(change), *counted[0]]))
    return digest


@dataclass
class Registry:
    """The contract under test, its members in ascending order, and who accepts for the university."""

    engine: Engine
    clock: FixedClock
    members: list[FileSealerKey]
    university: FileSealerKey
    stranger: FileSealerKey
    address: str = ""
    events: list[RegistryEvent] = field(default_factory=list)
    artifact: Any = field(default_factory=lambda: load_artifact("TrustRegistry"))
    gas_used: int = 0
    _nonces: dict[str, int] = field(default_factory=dict)

    @property
    def addresses(self) -> list[str]:
        return [member.address for member in self.members]

    @property
    def now(self) -> int:
        return int(self.clock.now().timestamp())

    @property
    def moment(self) -> datetime:
        """The newest block's."""
        return datetime.fromtimestamp(self.engine.head().timestamp, UTC)

    def deploy(self, members: list[str] | None = None, threshold: int = 2) -> bool:
        given = encode(["address[]", "uint256"], [self.addresses if members is None else members, threshold])
        address = address_of(self.members[0].address, self._nonces.get(self.members[0].address, 0))
        is_made = self.transact(self.members[0], None, self.artifact.bytecode + given, gas=4 * GAS)
        self.address = address if is_made else self.address
        return is_made

    def later(self, by: timedelta) -> None:
        """Let time pass, on the chain too."""
        self.clock.advance(by)
        assert self.transact(self.stranger, self.stranger.address, b"")

    def transact(self, sender: FileSealerKey, to: str | None, data: bytes, *, gas: int = GAS) -> bool:
        """Put a transaction into a block, keep its events, and say whether it succeeded."""
        nonce = self._nonces.get(sender.address, 0)
        self._nonces[sender.address] = nonce + 1
        fees = {"type": 2, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "value": 0, "gas": gas}
        target = {} if to is None else {"to": to}
        given = {"chainId": CHAIN_ID, "nonce": nonce, "data": data, **fees, **target}
        found = self.engine.find_transaction(self.engine.submit(sender.sign_transaction(given).raw))
        assert found is not None
        receipt: Any = self.engine.receipts(found[0])[found[1]]
        self.gas_used = receipt.gas_used
        for log in receipt.logs:
            event = read_registry_event([t.to_bytes(32) for t in log.topics], log.data)
            if event is not None:
                self.events.append(event)
        return bool(receipt.state_root == OK)

    def approve(self, change: Change, *members: FileSealerKey) -> bool:
        """Approve as these members, by default as many as needed."""
        chosen = members or self.members[:2]
        done = [self.transact(each, self.address, encode_changes("approve", change)) for each in chosen]
        return all(done)

    def accept(self, change: Change, by: FileSealerKey | None = None) -> bool:
        return self.transact(by or self.university, self.address, encode_changes("accept", change))

    def add(self, change: Change, by: FileSealerKey | None = None) -> bool:
        return self.approve(change) and self.accept(change, by)

    def administration(self, account: FileSealerKey | None = None, **changes: Any) -> Change:
        what = bytes.fromhex((account or self.university).address[2:]).rjust(32, b"\0")
        made = Change(
            Action.ADD, Kind.ADMINISTRATION, Role.NONE, UNIVERSITY, what, details=b'{"code":"U00000001"}'
        )
        return replace(made, **changes)

    def call(self, sender: FileSealerKey, data: bytes) -> bytes:
        message = CallMessage(
            sender=bytes.fromhex(sender.address[2:]),
            to=bytes.fromhex(self.address[2:]),
            gas=GAS,
            value=0,
            data=data,
        )
        return self.engine.call(message, self.engine.head())

    def refusal(self, sender: FileSealerKey, data: bytes) -> tuple[object, ...]:
        """Return the custom error, name first; and see that a block with the call changes nothing."""
        with pytest.raises(ExecutionError) as caught:
            self.call(sender, data)
        before, count = self.newest(), len(self.events)
        assert not self.transact(sender, self.address, data)
        assert (self.newest(), len(self.events)) == (before, count)
        output = caught.value.output or b""
        for entry in self.artifact.abi:
            if entry["type"] == "error":
                types = [part["type"] for part in entry["inputs"]]
                if keccak(text=f"{entry['name']}({','.join(types)})")[:4] == output[:4]:
                    return (entry["name"], *decode(types, output[4:]))
        raise AssertionError(output.hex())

    def refused(self, name: str, change: Change, by: FileSealerKey) -> tuple[object, ...]:
        return self.refusal(by, encode_changes(name, change))

    def refused_members(self, name: str, members: list[str], threshold: int, by: FileSealerKey) -> Any:
        return self.refusal(by, encode_members(name, members, threshold))

    def newest(self) -> tuple[int, bytes]:
        return read_newest(self.call(self.stranger, NEWEST_CALL))

    def seats(self) -> tuple[list[str], int]:
        accounts, threshold = decode(
            ["address[]", "uint256"], self.call(self.stranger, keccak(text="members()")[:4])
        )
        return list(accounts), threshold

    def approvals(self, identifier: bytes) -> int:
        data = keccak(text="approvals(bytes32)")[:4] + identifier
        return int.from_bytes(self.call(self.stranger, data))

    def change_id(self, change: Change) -> bytes:
        return self.call(self.stranger, encode_change_id(change))

    def account(self, administration: bytes = UNIVERSITY) -> str:
        data = keccak(text="accountOf(bytes32)")[:4] + administration
        return "0x" + self.call(self.stranger, data)[12:].hex()

    def entry(self, change: Change) -> tuple[int, int, int]:
        """Return start, end and compromisedSince."""
        types, named = ["uint8", "uint8", "bytes32", "bytes32"], change
        data = keccak(text=f"entry({','.join(types)})")[:4] + encode(
            types, [named.kind, named.role, named.administration, named.what]
        )
        start, end, since = decode(["uint64"] * 3, self.call(self.stranger, data))
        return start, end, since

    def place(self) -> Place:
        head = self.engine.head()
        sequence, running_hash = self.newest()
        return Place(CHAIN_ID, self.address, head.block_number, head.hash, head.timestamp, sequence, running_hash)

    def history(self) -> RegistryHistory:
        return RegistryHistory.fold(self.events, self.place())


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    clock = FixedClock(datetime(2026, 11, 21, tzinfo=UTC))
    engine = Engine(tmp_path / "chain.db", chain_id=CHAIN_ID, clock=clock)
    keys = sorted((FileSealerKey.generate() for _ in range(3)), key=lambda each: int(each.address, 16))
    made = Registry(engine, clock, keys, FileSealerKey.generate(), FileSealerKey.generate())
    assert made.deploy()
    yield made
    engine.close()


@pytest.fixture
def joined(registry: Registry) -> Registry:
    """The registry with the university in it."""
    assert registry.add(registry.administration())
    return registry
