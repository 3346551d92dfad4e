# SPDX-License-Identifier: EUPL-1.2
"""The audit of a log: an honest one holds at every level, each tampered copy fails at exactly one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ledger import merkle
from ledger.audit import TREE_LEVELS, LogContents, audit_log, check_promise
from ledger.chain.interface import Mode
from ledger.checkpoint import Checkpoint
from ledger.commitment import Commitment
from ledger.findings import LOG_LEVELS, ExitStatus, Finding, Level, Outcome, complete, overall
from ledger.promise import CLOCK_SKEW, Promise
from protocol.clock import from_epoch
from protocol.errors import VerificationError
from tests.fakes.log_cases import CASES, CONTENTS
from tests.fakes.published_log import LEAVES, LogWorld
from tests.fakes.recorded_share import ORIGIN

WORLD = LogWorld()
ANCHORS = WORLD.anchors
HEAD = WORLD.head
# before the first of the blocks
AT = datetime.fromtimestamp(ANCHORS[0].block_time, UTC) - timedelta(seconds=1)
NOW = datetime.fromtimestamp(ANCHORS[-1].block_time, UTC) + timedelta(hours=2)


def outcomes(findings):
    return {finding.level: finding.outcome for finding in findings}


def untold(*levels):
    return dict.fromkeys(levels, Outcome.COULD_NOT_TELL)


def test_honest_log_holds_at_every_level():
    findings = audit_log(HEAD, LogContents(LEAVES, ANCHORS))
    assert outcomes(findings) == dict.fromkeys(
        (Level.LEAVES, Level.APPEND_ONLY, Level.ANCHORED, Level.CALLDATA), Outcome.HOLDS
    )
    assert "6 leaves promised, not yet anchored" in findings[2].detail
    assert overall(findings) is ExitStatus.HOLDS


def test_root_only_anchor_is_no_violation_and_says_that_the_chain_has_no_commitments():
    first, second, third = ANCHORS
    unseen = replace(second, mode=Mode.ROOT_ONLY, commitments=None)
    copies = ("https://copy.example", "https://other.example")
    findings = audit_log(HEAD, LogContents(LEAVES, (first, unseen, third), mirrors=copies))
    calldata = next(each for each in findings if each.level is Level.CALLDATA)
    assert (calldata.outcome, calldata.counts) == (Outcome.COULD_NOT_TELL, False)
    assert (
        "16 commitments and only the roots over 8 more; mirrors: https://copy.example, https://other.example"
        in calldata.detail
    )
    assert overall(findings) is ExitStatus.HOLDS
    unnamed = audit_log(HEAD, LogContents(LEAVES, (first, unseen, third)))
    assert unnamed[-1].detail.endswith("mirrors: none is named")
    for few in ((), copies[:1]):
        alone = audit_log(HEAD, LogContents(LEAVES, (first, unseen, third), mirrors=few))
        assert overall(alone) is ExitStatus.COULD_NOT_TELL


def test_root_only_anchor_hides_no_wrong_calldata_and_no_wrong_root():
    first, second, third = ANCHORS
    unseen = replace(first, mode=Mode.ROOT_ONLY, commitments=None)
    other = replace(third, commitments=third.commitments[::-1])
    findings = outcomes(audit_log(HEAD, LogContents(LEAVES, (unseen, second, other))))
    assert findings[Level.CALLDATA] is Outcome.VIOLATED
    wrong = outcomes(audit_log(HEAD, LogContents(LEAVES, (replace(unseen, root=bytes(32)), second, third))))
    assert wrong[Level.APPEND_ONLY] is Outcome.VIOLATED


def test_honest_log_audited_from_a_size_holds():
    findings = audit_log(HEAD, LogContents(LEAVES, ANCHORS[1:]), from_size=8)
    assert overall(findings) is ExitStatus.HOLDS
    nothing_new = audit_log(HEAD, LogContents(LEAVES, ()), from_size=30)
    assert overall(nothing_new) is ExitStatus.HOLDS
    within_the_first = audit_log(HEAD, LogContents(LEAVES, ANCHORS), from_size=5)
    assert overall(within_the_first) is ExitStatus.HOLDS


def test_audit_from_a_size_does_not_pass_over_what_is_hidden():
    hidden = outcomes(audit_log(HEAD, LogContents(LEAVES, ANCHORS[1:]), from_size=5))
    assert hidden[Level.ANCHORED] is Outcome.VIOLATED
    beyond = outcomes(audit_log(HEAD, LogContents(LEAVES, ()), from_size=1_000_000))
    assert beyond[Level.ANCHORED] is Outcome.COULD_NOT_TELL


def test_log_whose_chain_was_not_read_could_not_tell():
    findings = audit_log(HEAD, LogContents(LEAVES, None))
    assert [each.level for each in findings] == [*TREE_LEVELS]
    assert outcomes(findings) == untold(Level.APPEND_ONLY, Level.ANCHORED, Level.CALLDATA) | {
        Level.LEAVES: Outcome.HOLDS
    }
    assert {each.detail for each in findings[1:]} == {"not looked at, because the chain was not read"}
    assert overall(findings) is ExitStatus.COULD_NOT_TELL


def test_continued_audit_without_a_new_anchor_holds_and_counts_what_waits():
    contents = LogContents(LEAVES, (), anchored=24)
    found = audit_log(HEAD, contents, from_size=24)
    assert overall(found) is ExitStatus.HOLDS
    assert found[2].detail == "no new anchor since 24 leaves; 6 leaves promised, not yet anchored"
    # somebody who only wants to see what lies beyond 24 leaves was not told that those are anchored
    assert overall(audit_log(HEAD, replace(contents, anchored=0), from_size=24)) is ExitStatus.COULD_NOT_TELL


@pytest.mark.parametrize("case", CONTENTS, ids=lambda case: case.name)
def test_log_comes_to_exactly_what_its_case_says(case):
    made = case.make(WORLD)
    case.expected.check(audit_log(made.head, made.contents))


def test_every_level_that_a_log_can_fail_has_a_case_that_fails_it_alone():
    alone = {level for case in CASES if len(case.expected.violated) == 1 for level in case.expected.violated}
    of_a_log = {Level.CHECKPOINT, Level.LEAVES, Level.APPEND_ONLY, Level.ANCHORED, Level.CALLDATA, Level.FINAL}
    assert alone == of_a_log
    assert len({case.name for case in CASES}) == len(CASES)


ROOTS = {size: merkle.Tree(LEAVES[:size]).root() for size in range(1, 12)}
WRONG_SIZES = [(actual, said) for actual in ROOTS for said in ROOTS if actual != said]


def test_head_whose_root_is_of_another_size_never_holds():
    for actual, said in WRONG_SIZES:
        for shown in (actual, said):
            head = Checkpoint(ORIGIN, said, ROOTS[actual])
            found = audit_log(head, LogContents(LEAVES[:shown], ()))
            unseen = untold(Level.APPEND_ONLY, Level.ANCHORED, Level.CALLDATA)
            assert outcomes(found) == unseen | {Level.LEAVES: Outcome.VIOLATED}, (actual, said, shown)


def is_taken_by_the_contract(before, actual, said):
    """Whether a root-only anchor that calls the root of `actual` leaves that of `said` leaves passes its proof."""
    if before == 0:
        # the first anchor of a log needs no proof
        return True
    try:
        merkle.verify_consistency(
            first=before,
            second=said,
            first_root=ROOTS[before],
            expected_root=ROOTS[actual],
            proof=merkle.consistency_proof(merkle.Tree(LEAVES[:actual]).read, before, actual),
        )
    except VerificationError:
        return False
    return True


def test_root_only_anchor_of_a_wrong_size_that_the_contract_takes_is_caught_by_the_audit():
    taken = [
        (before, actual, said)
        for actual, said in WRONG_SIZES
        for before in (0, *ROOTS)
        if before < min(actual, said) and is_taken_by_the_contract(before, actual, said)
    ]
    # the proof alone cannot tell 7 leaves from 8 when 4 were there before
    assert {(4, 7, 8), (4, 8, 7), (0, 7, 8)} <= set(taken)
    for before, actual, said in taken:
        event = WORLD.anchor(before, actual, mode=Mode.ROOT_ONLY, commitments=None)
        first = () if before == 0 else (WORLD.anchor(0, before, mode=Mode.ROOT_ONLY, commitments=None),)
        for shown in {actual, said, 11}:
            leaves = LEAVES[:shown]
            contents = LogContents(leaves, (*first, replace(event, size=said)))
            found = outcomes(audit_log(WORLD.head_of(leaves), contents))
            assert found[Level.APPEND_ONLY] is Outcome.VIOLATED, (before, actual, said, shown)


def promise(commitment, due):
    return Promise(ORIGIN, commitment, due - timedelta(seconds=60), timedelta(seconds=60), "")


def test_promise_for_a_leaf_is_kept():
    found = check_promise(promise(LEAVES[3], AT), LogContents(LEAVES, ANCHORS), is_placed=False, now=NOW)
    assert (found.outcome, found.detail) == (Outcome.HOLDS, "leaf 4")


def test_promise_anchored_late_is_no_breach():
    found = check_promise(promise(LEAVES[-1], AT), LogContents(LEAVES, ANCHORS), is_placed=False, now=NOW)
    assert found.outcome is Outcome.HOLDS


def test_promise_missing_after_a_later_block_is_broken():
    contents, missing = LogContents(LEAVES, ANCHORS), Commitment(bytes(32))
    newest = from_epoch(ANCHORS[-1].block_time)
    late = promise(missing, newest - CLOCK_SKEW - timedelta(seconds=1))
    found = check_promise(late, contents, is_placed=False, now=NOW)
    assert found.outcome is Outcome.VIOLATED
    assert "broken" in found.detail
    # a block dated in the future breaks no promise that is not due yet
    found = check_promise(late, contents, is_placed=False, now=late.due_at + CLOCK_SKEW)
    assert found.outcome is Outcome.COULD_NOT_TELL
    # the clocks of chain and log may differ by a little
    found = check_promise(promise(missing, newest - CLOCK_SKEW), contents, is_placed=False, now=NOW)
    assert found.outcome is Outcome.COULD_NOT_TELL


@pytest.mark.parametrize(
    "changes",
    [
        {"block_time": ANCHORS[-1].block_time + 86_400},
        {"header_rlp": None},
        {"header_rlp": b"header"},
        {"block_hash": bytes(32)},
    ],
    ids=["another time than in the header", "no header", "malformed header", "the header of another block"],
)
def test_node_whose_word_alone_says_that_a_block_is_late_proves_no_breach(changes):
    due = AT if "block_time" not in changes else AT + timedelta(hours=1)
    contents = LogContents(LEAVES, (replace(ANCHORS[-1], **changes),))
    found = check_promise(promise(Commitment(bytes(32)), due), contents, is_placed=False, now=NOW)
    assert found.outcome is Outcome.COULD_NOT_TELL


def test_promise_missing_before_it_is_due_could_not_tell():
    later = promise(Commitment(bytes(32)), AT + timedelta(hours=1))
    for anchors in (ANCHORS, (), None):
        found = check_promise(later, LogContents(LEAVES, anchors), is_placed=False, now=NOW)
        assert found.outcome is Outcome.COULD_NOT_TELL


def test_promise_without_the_log_is_kept_when_the_evidence_places_it():
    assert check_promise(promise(LEAVES[0], AT), None, is_placed=True, now=NOW).outcome is Outcome.HOLDS
    assert check_promise(promise(LEAVES[0], AT), None, is_placed=False, now=NOW).outcome is Outcome.COULD_NOT_TELL


def test_findings_together_come_to_the_worst_that_counts():
    held = Finding(Level.LEAVES, Outcome.HOLDS, "")
    unknown = Finding(Level.ANCHORED, Outcome.COULD_NOT_TELL, "")
    wrong = Finding(Level.CALLDATA, Outcome.VIOLATED, "")
    assumed = Finding(Level.FINAL, Outcome.ASSUMED, "")
    assert overall([]) is ExitStatus.COULD_NOT_TELL
    assert overall([assumed]) is ExitStatus.COULD_NOT_TELL
    assert overall([held, assumed]) is ExitStatus.HOLDS
    assert overall([held, replace(wrong, counts=False), replace(unknown, counts=False)]) is ExitStatus.HOLDS
    assert overall([held, unknown]) is ExitStatus.COULD_NOT_TELL
    assert overall([held, unknown, wrong]) is ExitStatus.VIOLATED
    assert wrong.to_json() == {
        "level": "anchored commitments are the leaves",
        "outcome": "violated",
        "detail": "",
        "counts": True,
    }


def test_levels_behind_leaves_that_are_not_the_signed_ones_say_that_they_were_not_looked_at():
    found = audit_log(HEAD, LogContents(LEAVES[:-1], ANCHORS))
    assert [each.level for each in found] == [*TREE_LEVELS]
    assert overall(found) is ExitStatus.VIOLATED
    for each in found[1:]:
        assert each.detail == "not looked at, because 'leaves give the signed root' is violated"
        assert (each.outcome, each.stopped_by, each.counts) == (Outcome.COULD_NOT_TELL, Level.LEAVES, True)


WRONG = Finding(Level.CHECKPOINT, Outcome.VIOLATED, "")
BECAUSE_OF_THE_HEAD = "not looked at, because 'head signed by the log' is violated"


def test_list_of_an_audit_that_stopped_has_every_level_in_its_order():
    assumed = Finding(Level.TRUST, Outcome.ASSUMED, "", counts=False)
    silent = Finding(Level.ANCHORED, Outcome.COULD_NOT_TELL, "the node does not answer")
    found = complete([silent, assumed, WRONG])
    assert tuple(each.level for each in found) == LOG_LEVELS
    said = {each.level: each for each in found}
    assert (said[Level.TRUST], said[Level.CHECKPOINT], said[Level.ANCHORED]) == (assumed, WRONG, silent)
    assert {said[each].detail for each in (Level.WITNESSED, Level.LEAVES, Level.APPEND_ONLY)} == {
        BECAUSE_OF_THE_HEAD
    }
    # what comes behind the chain was not looked at because of the chain
    assert {said[each].detail for each in (Level.CALLDATA, Level.FINAL)} == {
        "not looked at, because the chain was not read"
    }
    assert {each.level for each in found if not each.counts} == {Level.TRUST, Level.WITNESSED, Level.FINAL}
    # nothing is said twice
    assert complete(found) == found


@pytest.mark.parametrize(
    ("stop", "came_to"),
    [
        (Finding(Level.FINAL, Outcome.VIOLATED, ""), "'block final' is violated"),
        (Finding(Level.ANCHORED, Outcome.VIOLATED, ""), "'anchored' is violated"),
        (Finding(Level.LEAVES, Outcome.COULD_NOT_TELL, ""), "'leaves give the signed root' could not be told"),
    ],
)
def test_level_that_was_not_looked_at_names_what_the_audit_stopped_at(stop, came_to):
    # what only informs stops nothing
    told = Finding(Level.WITNESSED, Outcome.COULD_NOT_TELL, "nobody", counts=False)
    found = {each.level: each for each in complete([told, stop])}
    assert found[Level.APPEND_ONLY].detail == f"not looked at, because {came_to}"
    assert found[Level.APPEND_ONLY].stopped_by is stop.level


def test_list_without_a_level_that_nothing_explains_is_no_pass():
    found = complete([Finding(Level.LEAVES, Outcome.HOLDS, "")], TREE_LEVELS)
    assert [each.detail for each in found[1:]] == ["not looked at"] * 3
    assert overall(found) is ExitStatus.COULD_NOT_TELL


@pytest.mark.parametrize("left", [(0, 2), (1, 2)], ids=["in the middle", "the first"])
def test_anchors_with_a_gap_between_them_are_violated(left):
    shown = tuple(ANCHORS[at] for at in left)
    assert outcomes(audit_log(HEAD, LogContents(LEAVES, shown)))[Level.ANCHORED] is Outcome.VIOLATED
