# SPDX-License-Identifier: EUPL-1.2
"""The checked-in artefact: made from these sources, by this compiler, for every engine; and what its calls cost."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from contracts.artifact import load_artifact
from ledger.chain import calldata, evidence

CONTRACTS = Path(__file__).parents[2] / "contracts"
DOCUMENT = json.loads((CONTRACTS / "artifacts" / "ConsentLedger.json").read_text("utf-8"))
# introduced after London, by the fork that did: Shanghai, Cancun, Cancun, Cancun, Cancun, Cancun, Osaka
LATER_OPCODES = {
    0x5F: "PUSH0",
    0x49: "BLOBHASH",
    0x4A: "BLOBBASEFEE",
    0x5C: "TLOAD",
    0x5D: "TSTORE",
    0x5E: "MCOPY",
}
LATER_OPCODES |= {0x1E: "CLZ"}
FORBIDDEN = {0xF0: "CREATE", 0xF2: "CALLCODE", 0xF4: "DELEGATECALL", 0xF5: "CREATE2", 0xFF: "SELFDESTRUCT"}
# what a throwaway prototype of the same contract took
PROTOTYPE_GAS_PER_SHARE = 1308


def opcodes(code: bytes):
    """The operations of a contract, without the data of its PUSH instructions."""
    at = 0
    while at < len(code):
        yield code[at]
        at += 1 + (code[at] - 0x5F if 0x60 <= code[at] <= 0x7F else 0)


@pytest.mark.parametrize("part", ["bytecode", "deployedBytecode"])
def test_code_runs_on_every_engine_since_london(part):
    used = set(opcodes(bytes.fromhex(DOCUMENT[part][2:])))
    assert not used & LATER_OPCODES.keys()
    assert not used & FORBIDDEN.keys()


def test_opcode_scan_finds_push0():
    assert 0x5F in set(opcodes(bytes.fromhex("60015f55")))
    assert 0x5F not in set(opcodes(bytes.fromhex("605f6000")))


def test_artifact_is_made_from_the_sources_beside_it():
    made_of = [json.loads(path.read_text("utf-8"))["sources"] for path in (CONTRACTS / "artifacts").glob("*.json")]
    ours = {name: digest for each in made_of for name, digest in each.items() if not name.startswith("@")}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in CONTRACTS.glob("*.sol")}
    assert ours == found


def test_artifact_names_its_compiler_and_the_locked_one_is_exact():
    package = json.loads((CONTRACTS / "package.json").read_text("utf-8"))
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert all(version.replace(".", "").isdigit() for version in versions.values())
    assert DOCUMENT["compiler"]["version"].startswith(versions["solc"] + "+")
    assert DOCUMENT["compiler"]["settings"]["evmVersion"] == "london"


def test_lock_file_names_no_registry():
    assert "://" not in "".join(
        line for line in (CONTRACTS / "package-lock.json").read_text("utf-8").splitlines() if "resolved" in line
    )


def test_names_written_by_hand_are_the_artifacts():
    def signature(entry):
        kinds = ["uint8" if part["type"] == "enum" else part["type"] for part in entry["inputs"]]
        return keccak(text=f"{entry['name']}({','.join(kinds)})")

    by_name = {entry.get("name"): entry for entry in load_artifact("ConsentLedger").abi}
    assert signature(by_name["Anchored"]) == evidence.ANCHORED_TOPIC
    assert signature(by_name["anchor"])[:4] == calldata.ANCHOR_SELECTOR


def test_deployed_code_is_the_artifacts(bench):
    code = bench.engine.state(bench.engine.head()).get_code(bytes.fromhex(bench.address[2:]))
    assert code == load_artifact("ConsentLedger").deployed_bytecode


def test_gas_per_share_stays_near_the_prototypes(bench, tree, commitments, capsys):
    """Anchors of 1, 10, 100 and 1,000 commitments onto a log of 999 entries, so that every one has eight peaks."""
    now = tree(commitments(999))
    bench.anchor(tree(), now)
    table = {}
    for count in (1, 10, 100, 1000):
        after = now.grown(commitments(count, seed=count))
        table[count] = bench.anchor(now, after).gas_used
        now = after
    with capsys.disabled():
        sys.stdout.write("\nanchors of …   gas      per share\n")
        for count, gas in table.items():
            sys.stdout.write(f"{count:>10,} {gas:>10,} {gas / count:>10,.0f}\n")
        ratio = table[1000] / 1000 / PROTOTYPE_GAS_PER_SHARE
        sys.stdout.write(f"per share at 1,000, against the prototype's {PROTOTYPE_GAS_PER_SHARE:,}: {ratio:.2f}\n")
    assert ratio < 1.1


@pytest.mark.node
def test_rebuild_gives_the_same_bytes():
    command = [sys.executable, "-m", "contracts.build", "--check"]
    done = subprocess.run(command, cwd=CONTRACTS.parent, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
