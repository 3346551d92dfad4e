# SPDX-License-Identifier: EUPL-1.2
"""The vectors of the audit, as written down: read like another program would, and like the command does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger import checkpoint as checkpoints
from ledger.anchor_evidence import AnchorProof
from ledger.audit import LogContents, audit_log
from ledger.audit_state import AuditState
from ledger.cli import verify_evidence_command
from ledger.evidence import Evidence, EvidenceRecord
from ledger.evidence_audit import audit_evidence
from ledger.findings import LOG_LEVELS, ExitStatus, Level, Outcome, overall
from ledger.tiles import parse_entries
from ledger.trust import TrustFile, parse_hex
from protocol.encoding import b64url_decode
from tests.fakes.evidence_cases import CASES as EVIDENCE_CASES
from tests.fakes.evidence_world import AUDITED_AT
from tests.fakes.expectations import WORDS, Expected
from tests.fakes.log_cases import CASES as LOG_CASES
from tests.fakes.log_cases import CONTENTS
from tests.fakes.published_log import Node, PublishedLog
from tests.vectors.forms import read_anchor, read_contents

EVIDENCE = Path(__file__).parent / "evidence"
LOG = Path(__file__).parent / "log"
MAX_BYTES = 1_050_000
# what the pure audit of leaves and anchors is about
PURE = {Level.LEAVES, Level.APPEND_ONLY, Level.ANCHORED, Level.CALLDATA}


def read(path: Path) -> dict[str, Any]:
    vector: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return vector


def vectors(folder: Path) -> list[Any]:
    return [
        pytest.param(path, id=path.stem) for path in sorted(folder.glob("*.json")) if path.name != "world.json"
    ]


def trust_of(vector: dict[str, Any], folder: Path) -> bytes:
    return json.dumps(vector.get("trust") or read(folder / "world.json")["trust"]).encode()


def evidence_of(vector: dict[str, Any]) -> Evidence:
    return Evidence.parse(json.dumps(vector["evidence"]).encode())


def audited(evidence: Evidence, vector: dict[str, Any], logs: dict[str, LogContents]) -> tuple[Any, ...]:
    return audit_evidence(evidence, TrustFile.parse(trust_of(vector, EVIDENCE)), logs, now=AUDITED_AT)


@pytest.mark.parametrize("path", vectors(EVIDENCE))
def test_evidence_vector_when_audited_then_each_record_comes_out_as_expected(path: Path) -> None:
    vector = read(path)
    logs = {origin: read_contents(each) for origin, each in vector.get("logs", {}).items()}
    reports = audited(evidence_of(vector), vector, logs)
    for expected, findings in zip(vector["records"], reports, strict=True):
        Expected.parse(expected).check(findings)
    assert WORDS[overall(each for findings in reports for each in findings)] == vector["expect"]


# the command reads no log beside the file
OFFLINE = [each for each in vectors(EVIDENCE) if "logs" not in read(EVIDENCE / f"{each.id}.json")]


@pytest.mark.parametrize("path", OFFLINE)
def test_evidence_vector_when_given_to_the_command_then_it_ends_as_expected(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vector = read(path)
    evidence, trust = tmp_path / "evidence.json", tmp_path / "trust.json"
    evidence.write_text(json.dumps(vector["evidence"]))
    trust.write_bytes(trust_of(vector, EVIDENCE))
    status = verify_evidence_command([str(evidence), "--trust", str(trust), "--json"])
    assert WORDS[ExitStatus(status)] == vector["expect"]
    assert json.loads(capsys.readouterr().out)["result"] == vector["expect"]


def published(vector: dict[str, Any]) -> PublishedLog:
    """Return the log of a vector: what it says itself over what world.json says."""
    world = read(LOG / "world.json")
    files = {**world["files"], **vector["files"]}
    node = {**world["node"], **vector["node"]}
    honest = {each["size"]: each for each in world["node"]["anchors"]}
    given = node["anchors"]
    events = (
        None if given is None else tuple(read_anchor(honest.get(e, e) if isinstance(e, int) else e) for e in given)
    )
    state = vector.get("state")
    return PublishedLog(
        files={path: b64url_decode(data) for path, data in files.items() if data is not None},
        node=Node(
            events,
            node["size"],
            parse_hex(node["root"]),
            node["chain_id"],
            node["sealer"],
            {parse_hex(block): AnchorProof.parse(each).evidence for block, each in node["receipts"].items()},
        ),
        trust=TrustFile.parse(trust_of(vector, LOG)),
        state=None if state is None else AuditState.parse(json.dumps(state).encode()),
    )


@pytest.mark.parametrize("path", vectors(LOG))
def test_log_vector_when_audited_then_it_comes_out_as_expected(path: Path) -> None:
    vector = read(path)
    report = published(vector).audit()
    Expected.parse(vector["levels"]).check(report.findings)
    # each level has its line, in order, whatever the audit stopped at
    assert tuple(dict.fromkeys(each.level for each in report.findings)) == LOG_LEVELS
    assert WORDS[overall(report.findings)] == vector["expect"]
    assert (report.state is not None) == (vector["expect"] == "holds")


@pytest.mark.parametrize("path", [each for each in vectors(LOG) if each.id in {case.name for case in CONTENTS}])
def test_log_vector_about_contents_when_leaves_and_anchors_are_audited_alone_then_the_same(path: Path) -> None:
    vector = read(path)
    log = published(vector)
    head = checkpoints.verify(log.files["checkpoint"].decode(), log.trust.logs[0].checkpoint_key)
    width = len(log.files[f"tile/entries/000.p/{head.size}"]) // 34
    leaves = parse_entries(log.files[f"tile/entries/000.p/{head.size}"], expected_width=width)
    findings = audit_log(head, LogContents(leaves, log.node.anchors))
    expected = Expected.parse(vector["levels"])
    Expected(expected.violated & PURE, expected.untold & PURE, expected.said).check(findings)


@pytest.mark.parametrize(("folder", "cases"), [(EVIDENCE, EVIDENCE_CASES), (LOG, LOG_CASES)])
def test_vectors_when_listed_then_one_for_each_case_and_it_says_what_the_case_says(
    folder: Path, cases: Any
) -> None:
    named = {case.name: case for case in cases}
    assert {each.id for each in vectors(folder)} == named.keys()
    for name, case in named.items():
        vector = read(folder / f"{name}.json")
        if folder == LOG:
            assert Expected.parse(vector["levels"]) == case.expected
        else:
            assert tuple(map(Expected.parse, vector["records"])) == case.expected


def test_vectors_when_weighed_then_they_stay_small() -> None:
    assert sum(path.stat().st_size for folder in (EVIDENCE, LOG) for path in folder.glob("*.json")) < MAX_BYTES


def test_whole_vector_when_any_member_is_left_out_then_less_holds() -> None:
    vector = read(EVIDENCE / "whole.json")
    (whole,) = evidence_of(vector).records

    def held(item: EvidenceRecord) -> set[Level]:
        (findings,) = audited(Evidence((item,)), vector, {})
        return {each.level for each in findings if each.outcome is Outcome.HOLDS}

    for name in ("signature", "acceptance", "inclusion", "checkpoint", "anchor"):
        assert held(replace(whole, **{name: None})) < held(whole), name
