# SPDX-License-Identifier: EUPL-1.2
"""What makes an audit of a large log fast and resumable: packed leaves, many processes, state, the bar."""

from __future__ import annotations

import io
import json
import secrets
import subprocess
import sys
from dataclasses import replace

import pytest

from ledger import merkle
from ledger.audit import LogContents, audit_tree
from ledger.audit_progress import ProgressBar
from ledger.audit_state import AuditState, CheckedAnchor
from ledger.commitment import Commitment
from ledger.findings import Level, Outcome
from ledger.leaves import PackedLeaves
from ledger.tree_builder import SUBTREE_LEAVES, TreeBuilder
from protocol.errors import RequestError
from tests.fakes.evidence_cases import CASES as EVIDENCE_CASES
from tests.fakes.log_cases import CASES as LOG_CASES
from tests.fakes.published_log import LEAVES, LogWorld

# without them there is nothing to tell about, or they are computed from what is there
NEVER_UNTOLD = {Level.OPENS, Level.APPEND_ONLY}

WORLD = LogWorld()
ANCHORS, HEAD = WORLD.anchors, WORLD.head


def test_packed_leaves_read_as_the_tuple_does():
    packed = PackedLeaves(b"".join(LEAVES))
    assert (len(packed), tuple(packed), packed[3:7], packed[7:3]) == (30, LEAVES, LEAVES[3:7], ())
    assert (packed, hash(packed)) == (PackedLeaves(b"".join(LEAVES)), hash(LEAVES))
    assert packed not in ([*LEAVES], b"".join(LEAVES), LEAVES[1:], PackedLeaves(b"".join(LEAVES[1:])))
    assert (packed[-1], packed.index(LEAVES[4]), LEAVES[29] in packed) == (LEAVES[29], 4, True)
    with pytest.raises(RequestError):
        PackedLeaves(bytes(33))
    with pytest.raises(ValueError, match="step"):
        packed[::2]


def test_packed_leaves_do_not_hold_what_two_entries_give_together():
    packed = PackedLeaves(b"a" * 32 + b"b" * 32)
    between = b"a" * 16 + b"b" * 16
    assert between not in packed
    assert b"a" * 16 not in packed
    with pytest.raises(ValueError, match="no such"):
        packed.index(between)


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("start", [0, 300])
def test_tree_built_in_pieces_and_processes_is_the_same(processes, start):
    data = secrets.token_bytes(32 * (2 * SUBTREE_LEAVES + 1000))
    whole = merkle.Tree(PackedLeaves(data))
    begun = merkle.Tree(size=start, frontier=whole.frontier(start))
    with TreeBuilder(begun, processes=processes) as builder:
        for at in range(32 * start, len(data), 32 * 256):
            builder.add(data[at : at + 32 * 256])
        *_, size = builder.finish()
    assert (size, begun.root()) == (whole.size, whole.root())


def state(**changes):
    tree = merkle.Tree(LEAVES[:24])
    anchor = CheckedAnchor(1337, "0xC0", 24, bytes(32), is_final=True)
    return replace(AuditState("note", 24, tree.frontier(), anchor), **changes)


def test_state_survives_its_file():
    for each in (state(), state(anchor=None), state(size=0, frontier=())):
        assert AuditState.parse(each.to_bytes()) == each
    assert state().root == merkle.Tree(LEAVES).root(24)


@pytest.mark.parametrize(
    "change", [{"schema": "x"}, {"size": 25}, {"size": -1}, {"frontier": ["0x00"]}, {"anchor": {}}]
)
def test_state_of_another_shape_is_refused(change):
    members = {**json.loads(state().to_bytes()), **change}
    with pytest.raises(RequestError):
        AuditState.parse(json.dumps(members).encode())


def test_audit_that_continues_looks_at_what_is_new():
    begun = merkle.Tree(LEAVES[16:], size=16, frontier=merkle.Tree(LEAVES).frontier(16))
    contents = LogContents(LEAVES[16:], ANCHORS[2:], first=16)
    found = {each.level: each.outcome for each in audit_tree(HEAD, begun, contents, from_size=16)}
    assert set(found.values()) == {Outcome.HOLDS}
    # an anchor from before what is held does not follow the one before it
    earlier = LogContents(LEAVES[16:], (ANCHORS[2], ANCHORS[0]), first=16)
    found = {each.level: each.outcome for each in audit_tree(HEAD, begun, earlier, from_size=16)}
    assert found[Level.ANCHORED] is Outcome.VIOLATED
    other = LogContents((Commitment(b"x" * 32), *LEAVES[17:]), ANCHORS[2:], first=16)
    found = {each.level: each.outcome for each in audit_tree(HEAD, begun, other, from_size=16)}
    assert found[Level.CALLDATA] is Outcome.VIOLATED


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bar_is_drawn_on_a_terminal_only_and_is_gone_at_the_end():
    terminal, pipe, unwanted = Terminal(), io.StringIO(), Terminal()
    for stream, is_wanted in ((terminal, True), (pipe, True), (unwanted, False)):
        with ProgressBar(stream, is_wanted=is_wanted) as bar:
            for done in range(1001):
                bar.show(done, 1000)
            bar.show(0, 0)
    assert "50 %" in terminal.getvalue()
    assert terminal.getvalue().count("%") == 101
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert pipe.getvalue() == unwanted.getvalue() == ""


@pytest.mark.parametrize(
    "arguments", [["audit", "--help"], ["verify-evidence", "--help"], ["verify-evidence", "none"]]
)
def test_command_that_needs_no_chain_imports_neither_web3_nor_a_service(arguments):
    script = (
        "import sys; sys.argv = ['testimoni', *sys.argv[1:]]\n"
        "from testimoni.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'web3', 'eth', 'flask', 'sqlmodel', 'sqlalchemy'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_each_level_that_evidence_or_a_log_can_fail_has_a_case_that_fails_it_alone():
    expected = [
        *(each for case in EVIDENCE_CASES for each in case.expected),
        *(case.expected for case in LOG_CASES),
    ]
    alone = {level for each in expected if len(each.violated) == 1 for level in each.violated}
    # the levels left out inform and never decide
    assert alone == set(Level) - {Level.TRUST, Level.WITNESSED, Level.NOT_TAKEN_BACK}
    # and all of them, these too, have a case in which nobody could tell
    untold = {level for each in expected for level in each.untold}
    assert untold | {level for each in expected for level in each.said} >= set(Level) - NEVER_UNTOLD
