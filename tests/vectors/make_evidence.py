# SPDX-License-Identifier: EUPL-1.2
"""Write the vectors of the audit: `python -m tests.vectors.make_evidence`.

`evidence/` has one JSON file per case of `tests.fakes.evidence_cases`, `log/` one per case of `tests.fakes.log_cases`;
`world.json` beside them has what all share. What the members mean is in README.md. Keys are made for each run and forgotten; so every run writes other bytes that mean the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ledger.anchor_evidence import AnchorProof
from ledger.evidence import Evidence
from ledger.trust import format_hex
from protocol.encoding import b64url_encode
from tests.fakes.evidence_case import EvidenceCase
from tests.fakes.evidence_cases import CASES as EVIDENCE_CASES
from tests.fakes.evidence_world import EvidenceWorld
from tests.fakes.expectations import WORDS, result
from tests.fakes.log_cases import CASES as LOG_CASES
from tests.fakes.log_cases import LogCase
from tests.fakes.published_log import CONTRACT, LogWorld, PublishedLog
from tests.fakes.recorded_share import make_share
from tests.vectors.forms import write_anchor, write_contents

EVIDENCE = Path(__file__).parent / "evidence"
LOG = Path(__file__).parent / "log"


def evidence_vector(case: EvidenceCase, world: EvidenceWorld) -> dict[str, Any]:
    world.reset()
    given = case.make(world)
    vector: dict[str, Any] = {
        "expect": WORDS[result(case.expected)],
        "records": [each.to_json() for each in case.expected],
        "evidence": Evidence(given.records).to_json(),
    }
    if given.trust is not None:
        vector["trust"] = given.trust.to_json()
    if given.logs:
        vector["logs"] = {origin: write_contents(contents) for origin, contents in given.logs.items()}
    return vector


def written(made: PublishedLog) -> dict[str, Any]:
    """Return a log's files and what a node says, as `world.json` has them of the honest log."""
    node = made.node
    return {
        "files": {path: b64url_encode(data) for path, data in made.files.items()},
        "node": {
            "chain_id": node.chain_id,
            "sealer": node.sealer,
            "size": node.size,
            "root": format_hex(node.root),
            "anchors": None if node.anchors is None else [write_anchor(each) for each in node.anchors],
            "receipts": {
                format_hex(block): AnchorProof(CONTRACT, each).to_json() for block, each in node.receipts.items()
            },
        },
    }


def log_vector(case: LogCase, world: LogWorld, honest: dict[str, Any]) -> dict[str, Any]:
    """Return what differs from the honest log; null is a missing file, a number the honest anchor of that size."""
    made = case.make(world)
    own = written(made)
    if own["node"]["anchors"] not in (None, honest["node"]["anchors"]):
        known = honest["node"]["anchors"]
        own["node"]["anchors"] = [each["size"] if each in known else each for each in own["node"]["anchors"]]
    vector: dict[str, Any] = {
        "expect": WORDS[result([case.expected])],
        "levels": case.expected.to_json(),
        "files": differences(own["files"], honest["files"]),
        "node": differences(own["node"], honest["node"]),
    }
    if made.trust != world.trust:
        vector["trust"] = made.trust.to_json()
    if made.state is not None:
        vector["state"] = json.loads(made.state.to_bytes())
    return vector


def differences(own: dict[str, Any], honest: dict[str, Any]) -> dict[str, Any]:
    return {name: own.get(name) for name in {**honest, **own} if own.get(name) != honest.get(name)}


def write(folder: Path, vectors: dict[str, dict[str, Any]]) -> None:
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    for name, vector in vectors.items():
        text = json.dumps(vector, ensure_ascii=False, indent=1)
        (folder / f"{name}.json").write_text(f"{text}\n", "utf-8")


def main() -> None:
    # the bindings of copies are the office's to check at once, not an auditor's
    evidence, log = EvidenceWorld(make_share(copies=0)), LogWorld()
    made = {case.name: evidence_vector(case, evidence) for case in EVIDENCE_CASES}
    write(EVIDENCE, {"world": {"trust": evidence.trust.to_json()}, **made})
    honest = written(log.publish())
    published = {case.name: log_vector(case, log, honest) for case in LOG_CASES}
    write(LOG, {"world": {"trust": log.trust.to_json(), **honest}, **published})


if __name__ == "__main__":
    main()
