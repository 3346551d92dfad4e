# SPDX-License-Identifier: EUPL-1.2
"""Whether anchored blocks are final: sealed by two thirds of the validators that a trust file names.

Pure functions over bytes. A block's seals are in its header, so this needs no node and no other block; it does
need the trust file of the time: after a change of validators older blocks need the older list.

- Two thirds of several validators: another block of that height would need validators who seal twice.
- One validator is one operator: the seal detects damage, not a dishonest operator, and so is *assumed*.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.chain import qbft
from ledger.chain.interface import AnchorEvent
from ledger.findings import Finding, Level, Outcome, could_not_tell, holds, violated
from ledger.trust import TrustedChain
from protocol.errors import Check, VerificationError

ONE_OPERATOR = "sealed by one operator: detects damage, not a dishonest operator"


@dataclass(frozen=True)
class AnchoredBlock:
    """A block with an anchor in it. `header_rlp` is None when it was not read."""

    number: int
    hash: bytes
    header_rlp: bytes | None


def blocks_of(anchors: Iterable[AnchorEvent]) -> Iterable[AnchoredBlock]:
    """Yield the blocks of these anchors."""
    return (AnchoredBlock(each.block_number, each.block_hash, each.header_rlp) for each in anchors)


def check_finality(chain: TrustedChain | None, blocks: Iterable[AnchoredBlock]) -> Finding:
    """Return whether every one of these blocks is sealed as the trust file demands."""
    if chain is None or not chain.validators:
        return could_not_tell(Level.FINAL, "the trust file names no validators", counts=False)
    validators = [bytes.fromhex(each.removeprefix("0x")) for each in chain.validators]
    counts = []
    for block in blocks:
        if block.header_rlp is None:
            return could_not_tell(Level.FINAL, f"the header of block {block.number} was not read")
        try:
            counts.append(_count_seals(block.hash, block.header_rlp, validators))
        except VerificationError as exc:
            return violated(Level.FINAL, f"block {block.number}: {exc.message}")
    return _sealed(counts, len(validators))


def _count_seals(expected_hash: bytes, header_rlp: bytes, validators: Sequence[bytes]) -> int:
    """Return how many of the validators sealed the block of this hash. Raises `VerificationError`."""
    sealers = qbft.verify_seals(header_rlp, expected_validators=validators)
    if qbft.block_hash(header_rlp) != expected_hash:
        raise VerificationError(Check.RECEIPT, "the header is another block's", code="anchor_proof")
    return len(sealers)


def _sealed(counts: Sequence[int], validators: int) -> Finding:
    if not counts:
        return could_not_tell(Level.FINAL, "no anchored block was read", counts=False)
    if validators == 1:
        return Finding(Level.FINAL, Outcome.ASSUMED, ONE_OPERATOR, counts=False)
    blocks = "the block" if len(counts) == 1 else f"each of {len(counts)} blocks"
    return holds(Level.FINAL, f"{blocks} sealed by at least {min(counts)} of {validators} known validators")
