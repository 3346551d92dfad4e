# SPDX-License-Identifier: EUPL-1.2
"""forge fuzzes the contracts that are deployed; slither reads every one of them and has nothing to say.

`FOUNDRY_PROFILE=nightly` fuzzes deeper and from another seed each time (tests/contracts/forge/foundry.toml).
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from contracts.artifact import load_artifact
from tests.contracts.foundry_project import CONTRACTS, FoundryProject

pytestmark = pytest.mark.node
SLITHER = CONTRACTS.parent / "build" / "slither" / "venv" / "bin" / "slither"
DEPLOYED = sorted(path.stem for path in (CONTRACTS / "artifacts").glob("*.json"))
# What slither remarks, and why it stays. That these are found shows too that it read the code.
ACCEPTED = {
    ("assembly", "MerkleLog._append"): "the compiler's sha256 copies its argument for each of 2,000 hashes",
    ("assembly", "MerkleLog._node"): "the same; what each block writes is said beside it (contracts/README.md)",
    (
        "shadowing-local",
        "ITrustRegistry.approveMembers",
    ): "an argument of an interface; nothing reads the function there",
    ("shadowing-local", "ITrustRegistry.acceptMembers"): "the same",
    (
        "timestamp",
        "TrustRegistry._add",
    ): "rights begin and end on days; validators can move a block's time by seconds",
    ("timestamp", "TrustRegistry._end"): "the same",
    ("timestamp", "TrustRegistry._compromise"): "the same",
    ("timestamp", "TrustRegistry._notBefore"): "the same",
    ("timestamp", "LogOwner._counts"): "the same",
    ("timestamp", "LogOwner.isGranted"): "the same",
    ("costly-loop", "Approvals._advance"): "each change of a list has its own number and running hash",
    ("costly-loop", "TrustRegistry._end"): "each administration that a list ends loses its account",
}


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    made = FoundryProject.make(tmp_path_factory.mktemp("foundry") / "project")
    made.forge("build", "--build-info")
    return made


def test_what_is_fuzzed_is_what_is_deployed(project):
    for name in DEPLOYED:
        built = json.loads((project.folder / "out" / f"{name}.sol" / f"{name}.json").read_text("utf-8"))
        assert built["deployedBytecode"]["object"] == "0x" + load_artifact(name).deployed_bytecode.hex()


def test_failing_forge_is_noticed(project):
    """A wrapper of forge's hid it once."""
    with pytest.raises(AssertionError):
        project.forge("test", "--no-such-option")
    (project.folder / "test" / "Wrong.t.sol").write_text(
        "// SPDX-License-Identifier: EUPL-1.2\npragma solidity 0.8.37;\n"
        "contract WrongTest { function test_wrong() public pure { revert(); } }\n"
    )
    try:
        with pytest.raises(AssertionError, match="1 failed"):
            project.forge("test", "--match-contract", "WrongTest")
    finally:
        (project.folder / "test" / "Wrong.t.sol").unlink()


def test_fuzzing_and_invariants_hold(project, capsys):
    seed = () if "FOUNDRY_PROFILE" in os.environ else ("--fuzz-seed", "1")
    report = json.loads(project.forge("test", "--json", *seed))
    results = {
        f"{Path(suite).name}:{name}": result
        for suite, found in report.items()
        for name, result in found["test_results"].items()
    }
    assert {result["status"] for result in results.values()} == {"Success"}
    calls = fuzzed = 0
    for result in results.values():
        kind = result["kind"]
        calls += kind.get("Invariant", {}).get("calls", 0)
        fuzzed += kind.get("Fuzz", {}).get("runs", 0)
    assert calls > 5_000
    assert fuzzed > 1_500
    with capsys.disabled():
        sys.stdout.write(f"\nforge: {len(results)} tests, {fuzzed:,} fuzzed runs, {calls:,} calls in histories\n")


def test_slither_reads_every_contract_and_finds_nothing_new(project):
    """Without a foundry project slither analyses nothing and still succeeds: each contract is looked for by name."""
    quiet = (".", "--foundry-ignore-compile", "--filter-paths", "(^|/)(node_modules|test)/")
    summary = project.run(str(SLITHER), *quiet, "--print", "contract-summary")
    assert summary.returncode == 0, summary.stderr[-4000:]
    analysed = set(re.findall(r"^\+ Contract (\w+)", summary.stderr, re.MULTILINE))
    assert {*DEPLOYED, *(f"I{name}" for name in DEPLOYED)} <= analysed
    project.run(str(SLITHER), *quiet, "--json", "slither.json")
    report = json.loads((project.folder / "slither.json").read_text("utf-8"))
    assert report["success"], report["error"]
    found = {
        (each["check"], each["description"].partition("(")[0]): each["description"]
        for each in report["results"]["detectors"]
    }
    assert found.keys() == ACCEPTED.keys(), "\n".join(found.values())
