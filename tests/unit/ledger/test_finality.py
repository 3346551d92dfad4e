# SPDX-License-Identifier: EUPL-1.2
"""Finality: what an auditor is told about the seals of anchored blocks, and what each forgery comes to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.chain.interface import AnchorEvent, Mode
from ledger.chain.qbft import block_hash
from ledger.chain.sealer import FileSealKey
from ledger.finality import ONE_OPERATOR, AnchoredBlock, blocks_of, check_finality
from ledger.findings import ExitStatus, Finding, Level, Outcome, overall
from ledger.trust import TrustedChain, ValidatorSet, since_the_start
from tests.fakes.memory_chain import seal_header

KEYS = [FileSealKey.generate() for _ in range(4)]
FOUR = TrustedChain(1, "0x1", bytes(32), "0x2", since_the_start([key.address for key in KEYS]))
ONE = replace(FOUR, validators=since_the_start([KEYS[0].address]))


def block(number: int, *keys: FileSealKey, seals: int | None = None) -> AnchoredBlock:
    """Return a block of these validators, sealed by the first so many of them."""
    header = seal_header(number, bytes(32), *keys, seals=seals)
    return AnchoredBlock(number, block_hash(header), header)


def anchor_in(held: AnchoredBlock) -> AnchorEvent:
    return AnchorEvent(
        contract=FOUR.contract,
        log_id=FOUR.log_id,
        prev_size=0,
        size=1,
        prev_root=bytes(32),
        root=bytes(32),
        mode=Mode.CALLDATA,
        log_index=0,
        block_number=held.number,
        block_hash=held.hash,
        block_time=1,
        transaction_hash=bytes(32),
        commitments=(bytes(32),),
        header_rlp=held.header_rlp,
    )


def judge(chain: TrustedChain | None, blocks: list[AnchoredBlock]) -> Finding:
    found = check_finality(chain, blocks)
    assert found.level is Level.FINAL
    return found


def test_blocks_sealed_by_enough_known_validators_are_final():
    found = judge(FOUR, [block(1, *KEYS), block(2, *KEYS, seals=3), block(3, *KEYS)])
    assert found.outcome is Outcome.HOLDS
    assert found.detail == "each of 3 blocks sealed by at least 3 of 4 known validators"
    assert found.counts
    assert judge(FOUR, [block(1, *KEYS)]).detail == "the block sealed by at least 4 of 4 known validators"


def test_addresses_in_any_case_name_the_same_validators():
    lower = replace(FOUR, validators=since_the_start([key.address.lower() for key in KEYS]))
    assert judge(lower, [block(1, *KEYS)]).outcome is Outcome.HOLDS


def test_blocks_sealed_by_the_one_operator_are_assumed_and_never_more():
    found = judge(ONE, [block(1, KEYS[0]), block(2, KEYS[0])])
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
    found = judge(chain, [honest, forged])
    assert found.outcome is Outcome.VIOLATED
    assert found.detail.startswith("block 2: ")
    assert reason in found.detail
    assert overall([found]) is ExitStatus.VIOLATED


def test_a_header_that_was_not_read_could_not_tell():
    found = judge(FOUR, [block(1, *KEYS), replace(block(2, *KEYS), header_rlp=None)])
    assert (found.outcome, found.counts) == (Outcome.COULD_NOT_TELL, True)
    assert found.detail == "the header of block 2 was not read"


NOBODY = "the trust file names no validators"


@pytest.mark.parametrize(
    ("chain", "blocks", "reason"),
    [
        (None, [block(1, *KEYS)], NOBODY),
        (replace(FOUR, validators=()), [], NOBODY),
        (FOUR, [], "no anchored block was read"),
    ],
)
def test_without_validators_or_blocks_nothing_can_be_said(chain, blocks, reason):
    found = judge(chain, blocks)
    assert (found.outcome, found.detail, found.counts) == (Outcome.COULD_NOT_TELL, reason, False)


def test_the_blocks_of_anchors_are_those_that_the_chain_gave():
    one, two = block(7, *KEYS), block(8, *KEYS)
    anchors = [anchor_in(one), anchor_in(replace(two, header_rlp=None))]
    assert list(blocks_of(anchors)) == [one, replace(two, header_rlp=None)]


# the fourth validator left at block 10, and at block 20 three others came
LATER = [FileSealKey.generate() for _ in range(3)]
CHANGED = replace(
    FOUR,
    validators=(
        *FOUR.validators,
        ValidatorSet(10, tuple(key.address for key in KEYS[:3])),
        ValidatorSet(20, tuple(key.address for key in LATER)),
    ),
)


def test_each_block_needs_the_validators_of_its_time():
    blocks = [block(1, *KEYS), block(9, *KEYS), block(10, *KEYS[:3]), block(19, *KEYS[:3]), block(20, *LATER)]
    found = judge(CHANGED, blocks)
    assert (found.outcome, found.counts) == (Outcome.HOLDS, True)
    assert (
        found.detail == "each of 5 blocks sealed by two thirds of the known validators of its time, 3 sets of them"
    )
    both = judge(CHANGED, [block(1, *KEYS), block(10, *KEYS[:3])])
    assert (
        both.detail == "each of 2 blocks sealed by two thirds of the known validators of its time, 2 sets of them"
    )
    last = judge(CHANGED, [block(10**9, *LATER, seals=2)])
    assert last.detail == "the block sealed by at least 2 of 3 known validators"


YESTERDAYS = {
    "yesterday's validators, the first block after the change": block(20, *KEYS[:3]),
    "yesterday's validators, long after the change": block(5_000, *KEYS[:3]),
    "the day before yesterday's": block(20, *KEYS),
    "the validator who left, among those who stayed": block(10, *KEYS),
    "tomorrow's validators, the last block before the change": block(19, *LATER),
}


@pytest.mark.parametrize("forged", YESTERDAYS.values(), ids=YESTERDAYS)
def test_a_block_sealed_by_validators_of_another_time_is_violated(forged):
    found = judge(CHANGED, [block(1, *KEYS), forged])
    assert found.outcome is Outcome.VIOLATED
    assert found.detail == f"block {forged.number}: the block names other validators than are trusted"


def test_a_block_that_is_called_an_older_one_than_its_header_says_is_violated():
    forged = replace(block(25, *KEYS), number=5)
    found = judge(CHANGED, [forged])
    assert (found.outcome, found.detail) == (Outcome.VIOLATED, "block 5: the header is another block's")


def test_a_block_from_before_the_first_known_validators_could_not_tell_and_counts():
    late = replace(FOUR, validators=CHANGED.validators[1:])
    found = judge(late, [block(9, *KEYS), block(10, *KEYS[:3])])
    assert (found.outcome, found.counts) == (Outcome.COULD_NOT_TELL, True)
    assert found.detail == "the trust file names no validators for block 9"


def test_what_could_not_be_told_hides_no_forged_block():
    late = replace(FOUR, validators=CHANGED.validators[1:])
    unread = replace(block(12, *KEYS[:3]), header_rlp=None)
    for other in (block(9, *KEYS), unread):
        assert judge(late, [other, block(20, *KEYS)]).outcome is Outcome.VIOLATED


def test_blocks_of_a_time_with_one_operator_are_assumed_and_counted():
    began_alone = replace(FOUR, validators=(*ONE.validators, ValidatorSet(10, FOUR.validators[0].addresses)))
    found = judge(began_alone, [block(1, KEYS[0]), block(10, *KEYS), block(11, *KEYS)])
    assert (found.outcome, found.counts) == (Outcome.ASSUMED, False)
    assert found.detail == f"1 of 3 blocks {ONE_OPERATOR}"
