# SPDX-License-Identifier: EUPL-1.2
"""Where an audit ended, so that the next one continues there (`testimoni/audit-state/1`).

- Holds the last head as the log signed it, and the last anchor that was checked with the peaks of the tree below
  it. Nothing in it is secret; whoever can change it can make the next audit believe the leaves before it.
- The next audit reads again the last partial tile and everything after it, and must come to the same two roots.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger import checkpoint as checkpoints
from ledger import merkle, tiles
from ledger.checkpoint import Checkpoint
from ledger.trust import AuditedLog, format_hex, parse_hex
from protocol.encoding import JSON, compact_json, find_member, get_member, parse_object
from protocol.errors import RequestError

SCHEMA = "testimoni/audit-state/1"
CODE = "invalid_audit_state"


@dataclass(frozen=True)
class CheckedAnchor:
    """The block of the last anchor that was checked, and whether the chain called it final then."""

    chain_id: int
    contract: str
    block_number: int
    block_hash: bytes
    is_final: bool

    @classmethod
    def parse(cls, members: dict[str, JSON]) -> CheckedAnchor:
        """Return the anchor of its JSON members."""
        return cls(
            chain_id=get_member(members, "chain_id", int, code=CODE),
            contract=get_member(members, "contract", str, code=CODE),
            block_number=get_member(members, "block_number", int, code=CODE),
            block_hash=parse_hex(members.get("block_hash"), length=merkle.HASH_BYTES, code=CODE),
            is_final=get_member(members, "final", bool, code=CODE),
        )

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON members."""
        return {
            "chain_id": self.chain_id,
            "contract": self.contract,
            "block_number": self.block_number,
            "block_hash": format_hex(self.block_hash),
            "final": self.is_final,
        }


@dataclass(frozen=True)
class AuditState:
    """The end of an audit: everything up to `size` leaves was checked, and the head as far as it was signed.

    `size` is the anchored one; that of the head for a log without a chain, or without an anchor yet.
    """

    checkpoint: str
    size: int
    frontier: tuple[bytes, ...]
    anchor: CheckedAnchor | None

    @classmethod
    def parse(cls, data: bytes) -> AuditState:
        """Return the state of a file's bytes. Raises `RequestError` (`invalid_audit_state`)."""
        members = parse_object(data)
        if members.get("schema") != SCHEMA:
            raise RequestError(CODE, f"expected schema {SCHEMA}")
        anchor = find_member(members, "anchor", dict, code=CODE)
        state = cls(
            checkpoint=get_member(members, "checkpoint", str, code=CODE),
            size=get_member(members, "size", int, code=CODE),
            frontier=tuple(
                parse_hex(each, length=merkle.HASH_BYTES, code=CODE)
                for each in get_member(members, "frontier", list, code=CODE)
            ),
            anchor=None if anchor is None else CheckedAnchor.parse(anchor),
        )
        if state.size < 0 or len(state.frontier) != state.size.bit_count():
            raise RequestError(CODE, "the peaks are not those of a tree of this size")
        return state

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        members: dict[str, JSON] = {
            "schema": SCHEMA,
            "checkpoint": self.checkpoint,
            "size": self.size,
            "frontier": [format_hex(each) for each in self.frontier],
        }
        return compact_json(members | ({} if self.anchor is None else {"anchor": self.anchor.to_json()})) + b"\n"

    @property
    def root(self) -> bytes:
        """The root at `size`."""
        return merkle.fold(self.frontier)

    def start(self) -> tuple[int, tuple[bytes, ...]]:
        """Return the size up to which no leaf is read again, whole tiles only, and its peaks."""
        size = self.size - self.size % tiles.TILE_WIDTH
        return size, self.frontier[: size.bit_count()]

    def check(self, log: AuditedLog) -> Checkpoint:
        """Return the head that was checked, when this state is about this log with these keys and this chain.

        Raises `RequestError` (`invalid_audit_state`) otherwise.
        """
        head = checkpoints.parse_unverified(self.checkpoint)
        if head.origin != log.origin:
            raise RequestError(CODE, f"the state is of the log {head.origin}")
        head = checkpoints.verify(self.checkpoint, log.checkpoint_key)
        chain, anchor = log.chain, self.anchor
        if anchor is not None and (
            chain is None or (chain.chain_id, chain.contract.lower()) != (anchor.chain_id, anchor.contract.lower())
        ):
            raise RequestError(CODE, "the state is of another chain or contract than the trusted one")
        if head.size < self.size:
            raise RequestError(CODE, "the state's anchor is beyond its head")
        return head
