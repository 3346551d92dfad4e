# SPDX-License-Identifier: EUPL-1.2
"""Finality: what an auditor is told about the seals of anchored blocks, and what each forgery comes to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.chain.qbft import block_hash
from ledger.chain.sealer import FileSealKey
from ledger.finality import ONE_OPERATOR, AnchoredBlock, check_finality
from ledger.findings import ExitStatus, Outcome, overall
from ledger.trust import TrustedChain
from tests.fakes.memory_chain import seal_header

KEYS = [FileSealKey.generate() for _ in range(4)]
FOUR = TrustedChain(1, "0x1", bytes(32), "0x2", tuple(key.address for key in KEYS))
ONE = replace(FOUR, validators=(KEYS[0].address,))


def block(number: int, *keys: FileSealKey, seals: int | None = None) -> AnchoredBlock:
    """Return a block of these validators, sealed by the first so many of them."""
    header = seal_header(number, bytes(32), *keys, seals=seals)
    return AnchoredBlock(number, block_hash(header), header)


def test_blocks_sealed_by_enough_known_validators_are_final():
    found = check_finality(FOUR, [block(1, *KEYS), block(2, *KEYS, seals=3), block(3, *KEYS)])
    assert found.outcome is Outcome.HOLDS
    assert found.detail == "each of 3 blocks sealed by at least 3 of 4 known validators"
    assert found.counts
    assert check_finality(FOUR, [block(1, *KEYS)]).detail == "the block sealed by at least 4 of 4 known validators"


def test_addresses_in_any_case_name_the_same_validators():
    lower = replace(FOUR, validators=tuple(each.lower() for each in FOUR.validators))
    assert check_finality(lower, [block(1, *KEYS)]).outcome is Outcome.HOLDS


def test_blocks_sealed_by_the_one_operator_are_assumed_and_never_more():
    found = check_finality(ONE, [block(1, KEYS[0]), block(2, KEYS[0])])
    assert (found.outcome, found.detail, found.counts) == (Outcome.ASSUMED, ONE_OPERATOR, False)


FORGED = {
    "too few seals": (FOUR, block(2, *KEYS, seals=2), "expected seals of 3 of 4"),
    "no seal at all": (FOUR, block(2, *KEYS, seals=0), "expected seals of 3 of 4"),
    "a network of the forger's own": (
        FOUR,
        block(2, *[FileSealKey.generate() for _ in range(4)]),
        "other validators",
    ),
    "one of the validators alone": (FOUR, block(2, KEYS[0]), "other validators"),
    "another operator": (ONE, block(2, KEYS[1]), "other validators"),
    "the one operator without a seal": (ONE, block(2, KEYS[0], seals=0), "expected seals of 1 of 1"),
    "the header of another block": (FOUR, replace(block(2, *KEYS), hash=bytes(32)), "another block's"),
    "a header that is none": (FOUR, replace(block(2, *KEYS), header_rlp=b"header"), "malformed"),
}


@pytest.mark.parametrize(("chain", "forged", "reason"), FORGED.values(), ids=FORGED)
def test_a_forged_block_among_honest_ones_is_violated_and_named(chain, forged, reason):
    honest = block(1, *(KEYS if chain is FOUR else KEYS[:1]))
    found = check_finality(chain, [honest, forged])
    assert found.outcome is Outcome.VIOLATED
    assert found.detail.startswith("block 2: ")
    assert reason in found.detail
    assert overall([found]) is ExitStatus.VIOLATED


def test_a_header_that_was_not_read_could_not_tell():
    found = check_finality(FOUR, [block(1, *KEYS), replace(block(2, *KEYS), header_rlp=None)])
    assert (found.outcome, found.counts) == (Outcome.COULD_NOT_TELL, True)


@pytest.mark.parametrize(
    ("chain", "blocks"), [(None, [block(1, *KEYS)]), (replace(FOUR, validators=()), []), (FOUR, [])]
)
def test_without_validators_or_blocks_nothing_can_be_said(chain, blocks):
    found = check_finality(chain, blocks)
    assert (found.outcome, found.counts) == (Outcome.COULD_NOT_TELL, False)
