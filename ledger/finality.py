# SPDX-License-Identifier: EUPL-1.2
"""Whether anchored blocks are final: sealed by two thirds of the validators that a trust file names.

Pure functions over bytes. A block's seals are in its header, so this needs no node and no other block; it does
need the trust file of the time: after a change of validators older blocks need the older list.

- Two thirds of several validators: another block of that height would need validators who seal twice.
- One validator is one operator: the seal detects damage, not a dishonest operator, and so is *assumed*.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.chain import qbft
from ledger.chain.interface import AnchorEvent
from ledger.findings import Finding, Level, Outcome, could_not_tell, holds, violated
from ledger.trust import TrustedChain
from protocol.errors import VerificationError

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
    checked, fewest = 0, len(validators)
    for block in blocks:
        if block.header_rlp is None:
            return could_not_tell(Level.FINAL, f"the header of block {block.number} was not read")
        try:
            sealers = qbft.verify_seals(block.header_rlp, expected_validators=validators)
            is_same = qbft.block_hash(block.header_rlp) == block.hash
        except VerificationError as exc:
            return violated(Level.FINAL, f"block {block.number}: {exc.message}")
        if not is_same:
            return violated(Level.FINAL, f"block {block.number}: the header is another block's")
        checked, fewest = checked + 1, min(fewest, len(sealers))
    if not checked:
        return could_not_tell(Level.FINAL, "no anchored block was read", counts=False)
    if len(validators) == 1:
        return Finding(Level.FINAL, Outcome.ASSUMED, ONE_OPERATOR, counts=False)
    each = "the block" if checked == 1 else f"each of {checked} blocks"
    return holds(Level.FINAL, f"{each} sealed by at least {fewest} of {len(validators)} known validators")
