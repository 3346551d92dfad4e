# SPDX-License-Identifier: EUPL-1.2
"""The audit of a log: an honest one holds at every level, each tampered copy fails at exactly one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from ledger import merkle
from ledger.audit import LogContents, audit_log, check_promise
from ledger.chain.interface import AnchorEvent, Mode
from ledger.checkpoint import Checkpoint
from ledger.commitment import Commitment
from ledger.findings import ExitStatus, Finding, Level, Outcome, overall
from ledger.promise import CLOCK_SKEW, Promise
from protocol.clock import from_epoch

LEAVES = tuple(Commitment(index.to_bytes(32)) for index in range(1, 31))
SIZES = (0, 8, 16, 24)
AT = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


def event(prev_size: int, size: int) -> AnchorEvent:
    tree = merkle.Tree(LEAVES)
    return AnchorEvent(
        contract="0xC0",
        log_id=bytes(32),
        prev_size=prev_size,
        size=size,
        prev_root=tree.root(prev_size),
        root=tree.root(size),
        mode=Mode.CALLDATA,
        log_index=0,
        block_number=size,
        block_hash=bytes(32),
        block_time=int(AT.timestamp()) + size,
        transaction_hash=bytes(32),
        commitments=LEAVES[prev_size:size],
    )


ANCHORS = tuple(event(a, b) for a, b in pairwise(SIZES))
HEAD = Checkpoint("ledger.example/2026", 30, merkle.Tree(LEAVES).root())


def outcomes(findings):
    return {finding.level: finding.outcome for finding in findings}


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
    assert outcomes(findings) == {Level.LEAVES: Outcome.HOLDS, Level.ANCHORED: Outcome.COULD_NOT_TELL}
    assert overall(findings) is ExitStatus.COULD_NOT_TELL


def test_log_that_was_never_anchored_could_not_tell():
    findings = audit_log(HEAD, LogContents(LEAVES, ()))
    assert outcomes(findings)[Level.ANCHORED] is Outcome.COULD_NOT_TELL


def signed(leaves):
    """Return the head that a dishonest log would sign over these leaves."""
    return replace(HEAD, size=len(leaves), root=merkle.Tree(leaves).root())


def changed_leaf(at):
    return (*LEAVES[:at], Commitment(b"x" * 32), *LEAVES[at + 1 :])


TAMPERED = {
    "a leaf changed without signing anew": (HEAD, changed_leaf(3), ANCHORS, {Level.LEAVES}),
    "a leaf removed without signing anew": (HEAD, LEAVES[:-1], ANCHORS, {Level.LEAVES}),
    "an anchored leaf changed and the head signed anew": (
        signed(changed_leaf(3)),
        changed_leaf(3),
        ANCHORS,
        {Level.APPEND_ONLY, Level.CALLDATA},
    ),
    "an anchored leaf removed and the head signed anew": (
        signed(LEAVES[1:]),
        LEAVES[1:],
        ANCHORS,
        {Level.APPEND_ONLY, Level.CALLDATA},
    ),
    "two anchored leaves swapped": (
        signed((LEAVES[1], LEAVES[0], *LEAVES[2:])),
        (LEAVES[1], LEAVES[0], *LEAVES[2:]),
        ANCHORS,
        {Level.APPEND_ONLY, Level.CALLDATA},
    ),
    "the log cut below the last anchor": (
        signed(LEAVES[:20]),
        LEAVES[:20],
        ANCHORS,
        {Level.APPEND_ONLY, Level.CALLDATA},
    ),
    "an anchor with another root": (
        HEAD,
        LEAVES,
        (ANCHORS[0], replace(ANCHORS[1], root=b"r" * 32), ANCHORS[2]),
        {Level.APPEND_ONLY},
    ),
    "an anchor that starts from another root": (
        HEAD,
        LEAVES,
        (replace(ANCHORS[0], prev_root=b"r" * 32), *ANCHORS[1:]),
        {Level.APPEND_ONLY},
    ),
    "an anchor missing in the middle": (HEAD, LEAVES, (ANCHORS[0], ANCHORS[2]), {Level.ANCHORED}),
    "the first anchor missing": (HEAD, LEAVES, ANCHORS[1:], {Level.ANCHORED}),
    "an anchor twice": (HEAD, LEAVES, (ANCHORS[0], ANCHORS[0], *ANCHORS[1:]), {Level.ANCHORED}),
    "other commitments in calldata": (
        HEAD,
        LEAVES,
        (replace(ANCHORS[0], commitments=LEAVES[1:9]), *ANCHORS[1:]),
        {Level.CALLDATA},
    ),
    "a commitment less in calldata": (
        HEAD,
        LEAVES,
        (*ANCHORS[:2], replace(ANCHORS[2], commitments=LEAVES[16:23])),
        {Level.CALLDATA},
    ),
}


@pytest.mark.parametrize(("head", "leaves", "anchors", "levels"), TAMPERED.values(), ids=TAMPERED)
def test_tampered_log_fails_at_exactly_its_levels(head, leaves, anchors, levels):
    findings = audit_log(head, LogContents(leaves, anchors))
    assert {each.level for each in findings if each.outcome is Outcome.VIOLATED} == levels
    assert overall(findings) is ExitStatus.VIOLATED


def promise(commitment, due):
    return Promise("ledger.example/2026", commitment, due - timedelta(seconds=60), timedelta(seconds=60), "")


def test_promise_for_a_leaf_is_kept():
    found = check_promise(promise(LEAVES[3], AT), LogContents(LEAVES, ANCHORS), is_placed=False)
    assert (found.outcome, found.detail) == (Outcome.HOLDS, "leaf 4")


def test_promise_anchored_late_is_no_breach():
    found = check_promise(promise(LEAVES[-1], AT), LogContents(LEAVES, ANCHORS), is_placed=False)
    assert found.outcome is Outcome.HOLDS


def test_promise_missing_after_a_later_block_is_broken():
    contents, missing = LogContents(LEAVES, ANCHORS), Commitment(bytes(32))
    newest = from_epoch(ANCHORS[-1].block_time)
    found = check_promise(promise(missing, newest - CLOCK_SKEW - timedelta(seconds=1)), contents, is_placed=False)
    assert found.outcome is Outcome.VIOLATED
    assert "broken" in found.detail
    # the clocks of chain and log may differ by a little
    found = check_promise(promise(missing, newest - CLOCK_SKEW), contents, is_placed=False)
    assert found.outcome is Outcome.COULD_NOT_TELL


def test_promise_missing_before_it_is_due_could_not_tell():
    later = promise(Commitment(bytes(32)), AT + timedelta(hours=1))
    for anchors in (ANCHORS, (), None):
        found = check_promise(later, LogContents(LEAVES, anchors), is_placed=False)
        assert found.outcome is Outcome.COULD_NOT_TELL


def test_promise_without_the_log_is_kept_when_the_evidence_places_it():
    assert check_promise(promise(LEAVES[0], AT), None, is_placed=True).outcome is Outcome.HOLDS
    assert check_promise(promise(LEAVES[0], AT), None, is_placed=False).outcome is Outcome.COULD_NOT_TELL


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
