# SPDX-License-Identifier: EUPL-1.2
"""Whether anchored blocks are final: sealed by two thirds of the validators that a trust file names.

Pure functions over bytes. A block's seals are in its header, so this needs no node and no other block. The trust
file says from which block on a set of validators holds, and the number in the header decides whose seals count:
those of validators who stepped down count for nothing in a later block.

- Two thirds of several validators: another block of that height would need validators who seal twice.
- One validator is one operator: the seal detects damage, not a dishonest operator, and so is *assumed*.
- A block from before the first set *could not tell*, and counts: nobody may choose a number to escape the others.
- Validators who stepped down can still seal blocks of their own time; the chain, when it is read, knows better.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.chain import qbft
from ledger.chain.evidence import read_header
from ledger.chain.interface import AnchorEvent
from ledger.chain.strict_rlp import refuse
from ledger.findings import Finding, Level, Outcome, could_not_tell, holds, violated
from ledger.trust import TrustedChain, ValidatorSet
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


@dataclass(frozen=True)
class _Sealed:
    """How many of which validators sealed a block."""

    seals: int
    known: ValidatorSet


def check_finality(chain: TrustedChain | None, blocks: Iterable[AnchoredBlock]) -> Finding:
    """Return whether every one of these blocks is sealed as the trust file demands."""
    if chain is None or not chain.validators:
        return could_not_tell(Level.FINAL, "the trust file names no validators", counts=False)
    sealed: list[_Sealed] = []
    untold: list[str] = []
    for block in blocks:
        known = chain.find_validators(block.number)
        if block.header_rlp is None:
            untold.append(f"the header of block {block.number} was not read")
        elif known is None:
            untold.append(f"the trust file names no validators for block {block.number}")
        else:
            try:
                sealed.append(_Sealed(_count_seals(block, block.header_rlp, known.addresses), known))
            except VerificationError as exc:
                return violated(Level.FINAL, f"block {block.number}: {exc.message}")
    return could_not_tell(Level.FINAL, untold[0]) if untold else _final(sealed)


def _count_seals(block: AnchoredBlock, header_rlp: bytes, addresses: Sequence[str]) -> int:
    """Return how many of these validators sealed the block. Raises `VerificationError`."""
    validators = [bytes.fromhex(each.removeprefix("0x")) for each in addresses]
    sealers = qbft.verify_seals(header_rlp, expected_validators=validators)
    facts = read_header(header_rlp)
    # the number chose whose seals count, so it is the header's own
    if (facts.hash, facts.number) != (block.hash, block.number):
        refuse("the header is another block's")
    return len(sealers)


def _final(sealed: Sequence[_Sealed]) -> Finding:
    if not sealed:
        return could_not_tell(Level.FINAL, "no anchored block was read", counts=False)
    alone = sum(len(each.known.addresses) == 1 for each in sealed)
    if alone:
        some = "" if alone == len(sealed) else f"{alone} of {len(sealed)} blocks "
        return Finding(Level.FINAL, Outcome.ASSUMED, some + ONE_OPERATOR, counts=False)
    blocks = "the block" if len(sealed) == 1 else f"each of {len(sealed)} blocks"
    sets = {each.known for each in sealed}
    if len(sets) > 1:
        detail = f"{blocks} sealed by two thirds of the known validators of its time, {len(sets)} sets of them"
        return holds(Level.FINAL, detail)
    known = len(sealed[0].known.addresses)
    fewest = min(each.seals for each in sealed)
    return holds(Level.FINAL, f"{blocks} sealed by at least {fewest} of {known} known validators")
