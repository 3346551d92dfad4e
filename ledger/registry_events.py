# SPDX-License-Identifier: EUPL-1.2
"""The events of `TrustRegistry` as values, and the running hash over them (pure functions over bytes).

The running hash is that of `contracts/ITrustRegistry.sol`: SHA-256 of five words, of which the last is SHA-256 of
what the event says. Before the first event it is SHA-256 of chain and contract, so that the history of one
registry can never pass for another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

from protocol.encoding import sha256

WORD_BYTES = 32
_ADDRESS_BYTES = 20
_RECORDED, _MEMBERS_CHANGED = 0, 1
# "no end", as the contract's numbers say it
NO_END = 2**64 - 1
# in one transaction: Osaka takes at most 16,777,216 gas (EIP-7825), and a change with long details needs 600,000
MAX_CHANGES = 25


class Action(IntEnum):
    """What a change does; the numbers are the contract's."""

    ADD = 0
    END = 1
    COMPROMISE = 2


class Kind(IntEnum):
    """What an entry is about; the numbers are the contract's."""

    ADMINISTRATION = 0
    RIGHT = 1
    KEY = 2
    PAGE_BUNDLE = 3


class Role(IntEnum):
    """In what role an administration or its key acts; the numbers are the contract's."""

    NONE = 0
    ISSUER = 1
    VERIFIER = 2
    SEALER = 3
    AUDITOR = 4


@dataclass(frozen=True)
class Change:
    """A change as members approve it and an administration accepts it, word for word."""

    action: Action
    kind: Kind
    role: Role
    administration: bytes
    what: bytes
    # 0 stands for the block that the change takes effect in
    start: int = 0
    end: int = NO_END
    details: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Recorded:
    """A change that took effect. Times are seconds since 1970."""

    sequence: int
    recorded_at: int
    running_hash: bytes
    action: Action
    kind: Kind
    role: Role
    administration: bytes
    what: bytes
    start: int
    end: int
    details: bytes = field(repr=False)

    def content_hash(self) -> bytes:
        """Return SHA-256 of what the event says."""
        words = (
            *map(_word, (self.action, self.kind, self.role)),
            self.administration,
            self.what,
            *map(_word, (self.start, self.end)),
            sha256(self.details),
        )
        return sha256(b"".join(words))


@dataclass(frozen=True)
class MembersChanged:
    """Other members decide from then on."""

    sequence: int
    recorded_at: int
    running_hash: bytes
    members: tuple[str, ...]
    threshold: int

    def content_hash(self) -> bytes:
        """Return SHA-256 of what the event says."""
        return sha256(_word(self.threshold) + b"".join(map(_address, self.members)))


RegistryEvent: TypeAlias = Recorded | MembersChanged


def first_hash(chain_id: int, contract: str) -> bytes:
    """Return the running hash before the first event."""
    return sha256(_word(chain_id) + _address(contract))


def next_hash(before: bytes, event: RegistryEvent) -> bytes:
    """Return the running hash that this event must carry after that one."""
    kind = _RECORDED if isinstance(event, Recorded) else _MEMBERS_CHANGED
    words = (before, *map(_word, (event.sequence, event.recorded_at, kind)), event.content_hash())
    return sha256(b"".join(words))


def find_break(before: bytes, events: Sequence[RegistryEvent], *, first: int) -> int | None:
    """Return the sequence number where these events stop being a history that goes on from `before`, or None."""
    for expected, event in enumerate(events, start=first):
        before = next_hash(before, event)
        if event.sequence != expected or event.running_hash != before:
            return expected
    return None


def _word(number: int) -> bytes:
    return number.to_bytes(WORD_BYTES)


def _address(text: str) -> bytes:
    return bytes(WORD_BYTES - _ADDRESS_BYTES) + bytes.fromhex(text.removeprefix("0x"))
