# SPDX-License-Identifier: EUPL-1.2
"""Evidence about a share: whole, it holds; each tampered copy fails at exactly the level that was touched."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import promise as promises
from ledger import record as records
from ledger.audit import LogContents
from ledger.cli import verify_evidence_command
from ledger.cosignature import Cosigner
from ledger.evidence import Evidence
from ledger.findings import ExitStatus, Level, Outcome, overall
from protocol.errors import RequestError
from tests.fakes.evidence_cases import CASES
from tests.fakes.evidence_world import FILLERS, EvidenceWorld
from tests.fakes.expectations import result
from tests.fakes.query_cases import QUERIES

# they inform, and never decide
INFORMING = {Level.TRUST, Level.WITNESSED, Level.NOT_TAKEN_BACK}
OF_THE_LOG = {Level.LEAVES, Level.APPEND_ONLY, Level.CALLDATA}


@pytest.fixture
def case(share, now):
    return EvidenceWorld(share, now=now)


def violated(findings):
    return {each.level for each in findings if each.outcome is Outcome.VIOLATED and each.counts}


def outcome(findings, level):
    (found,) = [each for each in findings if each.level is level]
    return found


def test_whole_evidence_holds_at_every_level_offline(case):
    (findings,) = case.audit()
    held = {each.level for each in findings if each.outcome is Outcome.HOLDS}
    assert held == {
        Level.OPENS,
        Level.SIGNED,
        Level.COUNTERSIGNED,
        Level.PROMISED,
        Level.CHECKPOINT,
        Level.IN_LOG,
        Level.ANCHORED,
        Level.FINAL,
    }
    assert outcome(findings, Level.NOT_TAKEN_BACK).outcome is Outcome.COULD_NOT_TELL
    assert overall(findings) is ExitStatus.HOLDS


def test_evidence_when_its_head_is_cosigned_says_by_how_many_known_witnesses(case):
    one, other, stranger = (Cosigner(f"witness.example/{n}", Ed25519PrivateKey.generate()) for n in range(3))
    trust = replace(case.trust, witnesses=(one.key, other.key))
    (bare,) = case.audit(trust=trust)
    assert outcome(bare, Level.WITNESSED).outcome is Outcome.COULD_NOT_TELL
    assert overall(bare) is ExitStatus.HOLDS
    note = case.item.checkpoint
    lines = "".join(each.cosign(note, now=case.now) for each in (stranger, one))
    cosigned = Evidence((replace(case.item, checkpoint=note + lines),))
    (item,) = Evidence.parse(json.dumps(cosigned.to_json()).encode()).records
    (findings,) = case.audit(item, trust=trust)
    assert outcome(findings, Level.WITNESSED).outcome is Outcome.HOLDS
    assert outcome(findings, Level.WITNESSED).detail.startswith("1 of 2 known witnesses")
    assert overall(findings) is ExitStatus.HOLDS
    # whoever knows no witness reads the same as before
    assert case.audit(item) == case.audit()


def test_evidence_survives_its_json_form_and_stays_small(case):
    text = json.dumps(Evidence((case.item,)).to_json())
    assert Evidence.parse(text.encode()) == Evidence((case.item,))
    assert len(text) < 8_000


@pytest.mark.parametrize("made", CASES, ids=lambda made: made.name)
def test_evidence_comes_to_exactly_what_its_case_says(case, made):
    given = made.make(case)
    reports = case.audit(*given.records, trust=given.trust, contents=given.logs)
    for expected, findings in zip(made.expected, reports, strict=True):
        expected.check(findings)
    assert overall(each for findings in reports for each in findings) is result(made.expected)


def test_every_level_that_evidence_can_fail_has_a_case_that_fails_it_alone():
    alone = {
        level for made in CASES for each in made.expected if len(each.violated) == 1 for level in each.violated
    }
    # of one share alone nothing says whether the log is whole
    assert alone == set(Level) - INFORMING - OF_THE_LOG
    assert len({made.name for made in CASES}) == len(CASES)
    of_queries = {level for made in QUERIES for each in made.expected for level in each.violated}
    assert of_queries == alone - {Level.COUNTERSIGNED}


def test_every_byte_of_the_record_is_covered(case):
    for at in range(0, len(case.item.record), 37):
        data = bytearray(case.item.record)
        data[at] ^= 1
        (findings,) = case.audit(replace(case.item, record=bytes(data)))
        assert violated(findings) == {Level.OPENS}


def test_block_without_known_validators_could_not_tell_unless_the_chain_was_read(case):
    trust = replace(case.trust, logs=(replace(case.log, chain=replace(case.chain, validators=())),))
    (findings,) = case.audit(trust=trust)
    assert overall(findings) is ExitStatus.COULD_NOT_TELL
    (read,) = case.read().values()
    (event,) = read.anchors
    for anchors, expected in (
        (None, ExitStatus.COULD_NOT_TELL),
        ((), ExitStatus.COULD_NOT_TELL),
        ((event,), ExitStatus.HOLDS),
        ((replace(event, block_hash=bytes(32)),), ExitStatus.VIOLATED),
        ((replace(event, size=9),), ExitStatus.COULD_NOT_TELL),
    ):
        contents = {case.log.origin: replace(read, anchors=anchors)}
        (findings,) = case.audit(trust=trust, contents=contents)
        assert overall(findings) is expected


@pytest.mark.parametrize("timestamp", [2**40, 10**15, 2**63])
def test_block_of_a_time_that_no_calendar_has_is_refused(case, timestamp):
    (findings,) = case.audit(case.place(case.item, timestamp=timestamp))
    assert violated(findings) == {Level.ANCHORED}


def test_promise_of_a_day_is_judged_by_the_logs_own_delay(case):
    promise = promises.make(
        case.share.promise_key,
        log=case.log.origin,
        commitment=case.share.commitment,
        now=case.now,
        maximum_merge_delay=timedelta(seconds=promises.MAX_DELAY_SECONDS),
    )
    contents = case.read(*FILLERS, timestamp=int((case.now + timedelta(hours=1)).timestamp()))
    item = replace(case.item, promise=promise, inclusion=None, checkpoint=None, anchor=None)
    (findings,) = case.audit(item, contents=contents)
    assert violated(findings) == {Level.PROMISED}


def test_withdrawal_and_answer_in_the_file_are_checked_and_said(case):
    withdrawal = case.withdrawal()
    answer = case.answer(withdrawal, case.office)
    share, second, third = case.audit(case.item, withdrawal, answer)
    taken = outcome(share, Level.NOT_TAKEN_BACK)
    assert (taken.outcome, taken.counts) == (Outcome.VIOLATED, False)
    assert "taken back: withdraw" in taken.detail
    for findings in (share, second, third):
        assert overall(findings) is ExitStatus.HOLDS


def test_withdrawal_received_by_the_office_is_believed_with_its_signature(case):
    share, withdrawal = case.audit(case.item, case.received(case.office))
    assert "taken back: withdraw" in outcome(share, Level.NOT_TAKEN_BACK).detail
    assert overall(withdrawal) is ExitStatus.HOLDS


def test_answer_without_its_share_could_not_tell_who_had_to_give_it(case):
    withdrawal = case.withdrawal()
    for items in ([], [withdrawal]):
        *_, answer = case.audit(*items, case.answer(withdrawal, case.office))
        assert outcome(answer, Level.SIGNED).outcome is Outcome.COULD_NOT_TELL


def test_answer_that_names_another_office_is_none_although_this_one_signed_it(case):
    withdrawal = case.withdrawal()
    party = replace(case.share.record.party, identifier="ca-0000000000")
    *_, answer = case.audit(case.item, withdrawal, case.answer(withdrawal, case.office, party))
    assert violated(answer) == {Level.SIGNED}
    assert "the share went to" in outcome(answer, Level.SIGNED).detail


def test_share_recorded_by_the_office_says_no_signature_of_the_holder(case):
    (findings,) = case.audit(case.recorded_by_office())
    assert outcome(findings, Level.SIGNED).detail == "no: recorded by the verifier"


def test_with_all_leaves_a_share_is_known_not_to_be_taken_back(case):
    contents = {case.log.origin: LogContents(tuple(case.leaves), None)}
    (findings,) = case.audit(contents=contents)
    assert outcome(findings, Level.NOT_TAKEN_BACK).outcome is Outcome.HOLDS
    assert outcome(findings, Level.PROMISED).detail == "leaf 4"


def test_marker_without_the_signed_withdrawal_is_contested(case):
    marker = records.withdrawal_marker(case.item.key, case.share.commitment)
    contents = {case.log.origin: LogContents((*case.leaves, marker), None)}
    (findings,) = case.audit(contents=contents)
    found = outcome(findings, Level.NOT_TAKEN_BACK)
    assert (found.outcome, "contested" in found.detail) == (Outcome.COULD_NOT_TELL, True)


def test_share_could_be_taken_back_in_a_log_that_was_not_read(case):
    later = replace(case.log, origin="ledger.example/2027", chain=None)
    trust = replace(case.trust, logs=(case.log, later))
    contents = {case.log.origin: LogContents(tuple(case.leaves), None)}
    (findings,) = case.audit(trust=trust, contents=contents)
    found = outcome(findings, Level.NOT_TAKEN_BACK)
    assert (found.outcome, found.detail) == (Outcome.COULD_NOT_TELL, "needs all leaves of ledger.example/2027")
    contents = {case.log.origin: LogContents(tuple(case.leaves), None, first=8)}
    (findings,) = case.audit(contents=contents)
    assert outcome(findings, Level.NOT_TAKEN_BACK).outcome is Outcome.COULD_NOT_TELL


def test_marker_in_a_later_log_than_the_shares_is_found_too(case):
    marker = records.withdrawal_marker(case.item.key, case.share.commitment)
    contents = {
        case.log.origin: LogContents(tuple(case.leaves), None),
        "ledger.example/2031": LogContents((marker,), None),
    }
    (findings,) = case.audit(contents=contents)
    assert "contested" in outcome(findings, Level.NOT_TAKEN_BACK).detail


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"schema": "testimoni/evidence/2", "records": [{}]},
        {"schema": "testimoni/evidence/1", "records": []},
        {"schema": "testimoni/evidence/1", "records": [1]},
        {"schema": "testimoni/evidence/1", "records": [{}]},
        {"schema": "testimoni/evidence/1", "records": [{"record": "e30", "key": "AA", "promise": 1}]},
        {
            "schema": "testimoni/evidence/1",
            "records": [
                {
                    "record": "e30",
                    "key": "AA",
                    "promise": "x",
                    "inclusion": {"leaf_index": 1, "tree_size": 2, "proof": ["AA"]},
                }
            ],
        },
        {
            "schema": "testimoni/evidence/1",
            "records": [
                {
                    "record": "e30",
                    "key": "AA",
                    "promise": "x",
                    "inclusion": {"leaf_index": 1, "tree_size": 2, "proof": ["A" * 43] * 65},
                }
            ],
        },
    ],
)
def test_evidence_of_another_shape_is_refused(document):
    with pytest.raises(RequestError):
        Evidence.parse(json.dumps(document).encode())


@pytest.fixture
def files(case, tmp_path):
    """Evidence and trust as files."""
    evidence, trust = tmp_path / "evidence.json", tmp_path / "trust.json"
    evidence.write_text(json.dumps(Evidence((case.item,)).to_json()))
    trust.write_text(json.dumps(case.trust.to_json()))
    return evidence, trust


def test_command_with_whole_evidence_holds(files, capsys):
    evidence, trust = files
    assert verify_evidence_command([str(evidence), "--trust", str(trust)]) == 0
    out = capsys.readouterr().out
    assert out.endswith("HOLDS\n")
    assert "block final: the block sealed by at least 3 of 4 known validators" in out


def test_command_with_tampered_evidence_is_violated_and_names_the_level(files, capsys):
    evidence, trust = files
    document = json.loads(evidence.read_text())
    document["records"][0]["inclusion"]["leaf_index"] = 0
    evidence.write_text(json.dumps(document))
    assert verify_evidence_command([str(evidence), "--trust", str(trust), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["result"] == "violated"
    assert [f["level"] for f in report["records"][0] if f["outcome"] == "violated"] == ["in the log"]


def test_command_without_trust_could_not_tell_and_says_so_first(files, capsys):
    evidence, _ = files
    assert verify_evidence_command([str(evidence)]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert "no trust file" in lines[2]


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff"])
def test_command_with_a_file_it_cannot_read_could_not_tell(files, tmp_path, capsys, content):
    path = tmp_path / "other.json"
    if content is not None:
        path.write_bytes(content)
    assert verify_evidence_command([str(path), "--trust", str(files[1])]) == 2
    assert "COULD NOT TELL" in capsys.readouterr().err
    assert verify_evidence_command([str(path), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["result"] == "could not tell"
