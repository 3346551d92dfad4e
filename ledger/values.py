# SPDX-License-Identifier: EUPL-1.2
"""What the ledger's stores hand out: frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ledger.checkpoint import CheckpointKey
from ledger.trust import AuditedLog, TrustedChain, log_id, validator_sets
from protocol.encoding import JSON, parse_json
from protocol.keys import PublicKey


class LogCondition(StrEnum):
    """Whether a log takes new entries."""

    OPEN = "open"
    RESTORING = "restoring"
    """The chain has more of it than this database: it takes nothing until the missing leaves are rebuilt."""
    CLOSED = "closed"
    """Its end came: it takes nothing more, and is frozen as soon as its last head is anchored for good."""
    FROZEN = "frozen"
    """For good: at its end, or because log and chain contradict each other."""


class AnchorState(StrEnum):
    """What became of an anchor."""

    PENDING = "pending"
    """Stored, perhaps sent; not known to be in a block."""
    INCLUDED = "included"
    """In a block that may still be replaced."""
    FINAL = "final"
    ABANDONED = "abandoned"
    """Proven absent, and replaced."""
    FAILED = "failed"
    """In a block, refused by the contract."""


END = "its end was reached"
"""Why a log is closed, and then frozen, that nothing is wrong with."""


@dataclass(frozen=True)
class LogState:
    """One log as stored."""

    name: str
    origin: str
    checkpoint_key: CheckpointKey
    promise_key: str
    maximum_merge_delay: timedelta
    condition: LogCondition
    reason: str
    size: int
    frontier: tuple[bytes, ...] = field(repr=False)
    signed_at: datetime
    chain_id: int | None
    contract: str
    sealer: str
    compared_at: datetime | None
    attended_at: datetime | None
    """When a worker last knew this copy to be the newest one; None without a chain to compare with."""
    freezes_at: datetime | None
    """The end of the log. No promise of it is due later."""

    @property
    def has_ended(self) -> bool:
        """Whether it takes no more entries because its end came, and nothing is wrong with it."""
        return self.condition is LogCondition.CLOSED or (
            self.condition is LogCondition.FROZEN and self.reason == END
        )

    def audited(self, validators: frozenset[str]) -> AuditedLog:
        """Return the log's public description."""
        chain = None
        if self.chain_id is not None:
            sealed_by = validator_sets(validators)
            chain = TrustedChain(self.chain_id, self.contract, log_id(self.origin), self.sealer, sealed_by)
        key: JSON = parse_json(self.promise_key)
        return AuditedLog(
            self.origin, self.checkpoint_key, PublicKey.parse_jwk(key), self.maximum_merge_delay, chain
        )


def is_attended(state: LogState, now: datetime, delay: timedelta) -> bool:
    """Return whether a worker knew this copy to be the newest, not longer ago than a promise may take.

    A clock that was set back by more than that makes it uncertain too.
    """
    if state.condition is LogCondition.RESTORING or state.attended_at is None:
        return False
    return abs(now - state.attended_at) <= delay


@dataclass(frozen=True)
class StoredCheckpoint:
    """A signed tree head."""

    size: int
    root: bytes
    note: str
    signed_at: datetime


@dataclass(frozen=True)
class LastCosigned:
    """The largest head of a log that a witness cosigned."""

    size: int
    at: datetime


@dataclass(frozen=True)
class ShownAnchor:
    """An anchor as lists of them show it."""

    prev_size: int
    size: int
    root: bytes
    state: AnchorState
    transaction_hash: bytes
    stored_at: datetime
    block_number: int | None
    block_hash: bytes | None
    settled_at: datetime | None

    @property
    def is_settled(self) -> bool:
        """Whether it is in a block."""
        return self.state in {AnchorState.INCLUDED, AnchorState.FINAL}


@dataclass(frozen=True)
class StoredAnchor(ShownAnchor):
    """An anchor as stored, with the transaction's bytes and what proves its block."""

    id: int
    nonce: int | None
    raw: bytes | None = field(repr=False)
    evidence: str = field(repr=False)
