# SPDX-License-Identifier: EUPL-1.2
"""`testimoni audit --state FILE` through the command line: kept, continued, interrupted, and of another log."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from ledger.auditor import Auditor
from ledger.cli import MAX_FILE_BYTES, audit_command, verify_evidence_command
from ledger.commitment import Commitment
from ledger.findings import LOG_LEVELS
from ledger.monitor_command import verify_violation_command
from protocol.errors import UnavailableError
from testimoni.verify_reconciliation import run as verify_reconciliation
from tests.fakes.published_log import CLOCK, LogWorld

ALL = tuple(Commitment(index.to_bytes(32)) for index in range(1, 701))


class Auditing:
    """A log that grows, and whoever audits it with the command, keeping the state in one file."""

    def __init__(self, folder, monkeypatch, capsys) -> None:
        self.world = LogWorld()
        self.state = folder / "state.json"
        self.trust = folder / "trust.json"
        self.trust.write_text(json.dumps(self.world.trust.to_json()))
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.show(600, 300, 590)

    def show(self, leaves, *anchored) -> None:
        """Publish so many leaves, anchored at these sizes."""
        sizes = (0, *anchored)
        anchors = tuple(self.world.anchor(*step, ALL) for step in pairwise(sizes))
        self.serve(self.world.publish(ALL[:leaves], anchors=anchors))

    def serve(self, log) -> None:
        """Answer the command from this log; the rest of it is as the command builds it."""
        self.log = log

        def build(*args, **named):
            return Auditor(*args, **named, http=log, open_chain=log.open_chain, clock=CLOCK)

        self._monkeypatch.setattr("ledger.auditor.Auditor", build)

    def run(self, *more):
        """Run the command; return its exit status and the lines or the JSON object that it printed."""
        self.log.calls.clear()
        where = [
            "--ledger",
            "https://ledger.example",
            "--chain",
            "http://node.example",
            "--trust",
            str(self.trust),
        ]
        status = audit_command([*where, "--state", str(self.state), *more])
        out = self._capsys.readouterr().out
        return status, json.loads(out) if "--json" in more else out

    def bundles(self):
        """Return which bundles of entries the last run read."""
        return [path for path in self.log.calls if path.startswith("tile/entries/")]

    def kept(self):
        return json.loads(self.state.read_text())


STATE_OF_ANOTHER = "the state is of the log else.example/2026"


def reached(report):
    """Return what is said about the levels that were looked at."""
    return [
        each["detail"] for each in report["findings"] if not each["detail"].startswith("not looked at, because")
    ]


@pytest.fixture
def auditing(tmp_path, monkeypatch, capsys):
    return Auditing(tmp_path, monkeypatch, capsys)


def test_audit_when_it_holds_keeps_where_it_ended_and_the_next_one_reads_what_is_new(auditing):
    status, out = auditing.run()
    assert (status, auditing.kept()["size"]) == (0, 590)
    assert len(auditing.bundles()) == 3
    assert "continues" not in out
    auditing.show(700, 300, 590, 650, 690)
    status, out = auditing.run()
    assert status == 0
    file, continued = out.splitlines()[2:4]
    assert file == "   ~  assumed         trust: keys, contract and validators are those of the trust file"
    assert continued.startswith("   ~  assumed         trust: continues an earlier audit: the first 512 leaves")
    assert "anchored: 2 anchors up to 690 leaves; 10 leaves promised, not yet anchored" in out
    assert auditing.bundles() == ["tile/entries/002.p/188"]
    assert auditing.kept()["size"] == 690


def test_audit_when_nothing_new_is_anchored_holds_again(auditing):
    auditing.run()
    before = auditing.state.read_bytes()
    auditing.show(610, 300, 590)
    status, out = auditing.run()
    assert status == 0
    assert "anchored: no new anchor since 590 leaves; 20 leaves promised, not yet anchored" in out
    after = auditing.kept()
    assert (after["size"], after["anchor"]) == (590, json.loads(before)["anchor"])
    assert "\n610\n" in after["checkpoint"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, UnavailableError("ledger_unavailable", "gone")])
@pytest.mark.parametrize("at", ["checkpoint", "tile/entries/002.p/188", "tile/0/002.p/188"])
def test_audit_when_interrupted_leaves_the_state_and_the_next_one_continues_there(auditing, error, at):
    auditing.run()
    before = auditing.state.read_bytes()
    auditing.show(700, 300, 590, 690)
    whole = auditing.log

    class Interrupted(type(whole)):
        def get(self, url, **rest):
            if url.endswith(at):
                raise error
            return super().get(url, **rest)

    auditing.serve(Interrupted(**vars(whole)))
    if error is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            auditing.run()
    else:
        assert auditing.run()[0] == 2
    assert auditing.state.read_bytes() == before
    auditing.serve(whole)
    assert auditing.run()[0] == 0
    assert auditing.bundles() == ["tile/entries/002.p/188"]
    assert auditing.kept()["size"] == 690


def test_audit_when_killed_while_it_wrote_begins_at_the_whole_state(auditing):
    auditing.run()
    # what a kill between writing and replacing leaves
    torn = auditing.state.with_name("state.json.new")
    torn.write_bytes(auditing.state.read_bytes()[:40])
    auditing.show(700, 300, 590, 690)
    assert auditing.run()[0] == 0
    assert auditing.kept()["size"] == 690
    assert not torn.exists()


def test_audit_when_violated_keeps_the_state_of_the_last_one_that_held(auditing):
    auditing.run()
    before = auditing.state.read_bytes()
    leaves = (Commitment(b"x" * 32), *ALL[1:650])
    auditing.serve(auditing.world.publish(leaves, anchors=auditing.log.node.anchors))
    status, report = auditing.run("--json")
    assert (status, report["result"]) == (1, "violated")
    (violated,) = (each for each in report["findings"] if each["outcome"] == "violated")
    # the changed entry is not read again, but the hashes over it are
    assert violated["level"] == "leaves give the signed root"
    assert auditing.state.read_bytes() == before


def test_state_of_another_log_is_refused_and_left_alone(auditing, tmp_path, monkeypatch, capsys):
    other = tmp_path / "other"
    other.mkdir()
    theirs = Auditing(other, monkeypatch, capsys)
    assert theirs.run()[0] == 0
    state = theirs.kept()
    auditing.state.write_text(
        json.dumps(
            {**state, "checkpoint": state["checkpoint"].replace("ledger.example/2026", "else.example/2026")}
        )
    )
    before = auditing.state.read_bytes()
    auditing.show(600, 300, 590)
    status, report = auditing.run("--json")
    assert (status, report["result"]) == (2, "could not tell")
    assert reached(report) == ["keys, contract and validators are those of the trust file", STATE_OF_ANOTHER]
    unseen = {each["level"] for each in report["findings"] if each["detail"].startswith("not looked at")}
    assert unseen == {each.value for each in LOG_LEVELS} - {"trust"}
    assert auditing.state.read_bytes() == before
    # a log of the same name with other keys is another log
    auditing.state.write_text(json.dumps(state))
    status, report = auditing.run("--json")
    assert (status, len(reached(report))) == (2, 2)
    assert auditing.kept() == state


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[]", b" " * (MAX_FILE_BYTES + 1)])
def test_state_that_cannot_be_read_is_refused_before_anything_is_fetched(auditing, content):
    auditing.state.write_bytes(content)
    status, report = auditing.run("--json")
    assert (status, report["result"]) == (2, "could not tell")
    assert auditing.log.calls == []
    assert auditing.state.read_bytes() == content


def test_state_with_other_peaks_than_were_audited_is_caught_by_the_log_itself(auditing):
    auditing.run()
    state = auditing.kept()
    state["frontier"][0] = "0x" + "00" * 32
    auditing.state.write_text(json.dumps(state))
    assert auditing.run()[0] == 1
    assert auditing.kept() == state


def test_state_that_cannot_be_kept_is_said_and_decides_nothing(auditing):
    auditing.state = auditing.state.parent / "missing" / "state.json"
    status, report = auditing.run("--json")
    assert (status, report["result"]) == (0, "holds")
    last = report["findings"][-1]
    assert (last["level"], last["outcome"], last["counts"]) == ("trust", "could not tell", False)
    assert "cannot be written" in last["detail"]


@pytest.mark.parametrize("more", [("--from", "8"), ("--evidence", "file.json")])
def test_state_beside_an_option_that_contradicts_it_is_refused(auditing, more):
    with pytest.raises(SystemExit) as caught:
        auditing.run(*more)
    assert caught.value.code == 2
    assert not auditing.state.exists()


def test_state_of_a_log_without_a_chain_is_that_of_its_head(auditing):
    bare = replace(auditing.world.log, chain=None)
    auditing.trust.write_text(json.dumps(replace(auditing.world.trust, logs=(bare,)).to_json()))
    # nothing anchors it, so it could not be told, and nothing is kept
    assert auditing.run()[0] == 2
    assert not auditing.state.exists()


@pytest.mark.parametrize(
    "option", ["--trust", "--evidence", "verify-evidence", "verify-violation", "reconciliation"]
)
def test_file_that_is_not_what_it_should_be_is_named(option, tmp_path, capsys):
    bad = tmp_path / "bad.json"
    bad.write_text("notjson")
    trust = tmp_path / "trust.json"
    trust.write_text(json.dumps(LogWorld().trust.to_json()))
    commands = {
        "verify-evidence": lambda: verify_evidence_command([str(bad)]),
        "verify-violation": lambda: verify_violation_command([str(bad), "--trust", str(trust)]),
        "reconciliation": lambda: verify_reconciliation([str(bad), "--trust", str(trust)]),
    }
    place = ["--ledger", "https://log.example", "--chain", "https://node.example"]
    run = commands.get(option, lambda: audit_command([*place, option, str(bad)]))
    assert run() == 2
    said = capsys.readouterr()
    assert f"{bad}: " in said.out + said.err
