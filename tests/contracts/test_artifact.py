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
from ledger.chain.interface import MAX_COMMITMENTS, MAX_PROOF

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
# EIP-170
MAX_CODE_BYTES = 24_576
# what a throwaway prototype of the same contract took
PROTOTYPE_GAS_PER_SHARE = 1308
# what others take for one share, each a transaction of its own
PEERS_GAS_PER_SHARE = {
    "an event of 32 bytes": 23_034,
    "a storage slot": 44_104,
    "Alastria's presentation registry": 146_004,
    "Ethereum Attestation Service, `attest`": 200_272,
}
ARTIFACTS = sorted((CONTRACTS / "artifacts").glob("*.json"))


def opcodes(code: bytes):
    """The operations of a contract, without the data of its PUSH instructions."""
    at = 0
    while at < len(code):
        yield code[at]
        at += 1 + (code[at] - 0x5F if 0x60 <= code[at] <= 0x7F else 0)


@pytest.mark.parametrize("part", ["bytecode", "deployedBytecode"])
@pytest.mark.parametrize("path", ARTIFACTS, ids=lambda path: path.stem)
def test_code_runs_on_every_engine_since_london(path, part):
    used = set(opcodes(bytes.fromhex(json.loads(path.read_text("utf-8"))[part][2:])))
    assert used
    assert not used & LATER_OPCODES.keys()
    assert not used & FORBIDDEN.keys()


@pytest.mark.parametrize("path", ARTIFACTS, ids=lambda path: path.stem)
def test_code_is_within_the_limit_of_the_chain(path):
    assert len(json.loads(path.read_text("utf-8"))["deployedBytecode"]) // 2 - 1 <= MAX_CODE_BYTES


def test_ledger_calls_nothing_that_could_change_a_state():
    """SHA-256 is asked by STATICCALL; there is no CALL."""
    used = set(opcodes(bytes.fromhex(DOCUMENT["deployedBytecode"][2:])))
    assert 0xFA in used
    assert 0xF1 not in used


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
    assert signature(by_name["anchorRoot"])[:4] == calldata.ANCHOR_ROOT_SELECTOR


def test_limits_of_the_contract_are_the_clients(bench):
    assert int.from_bytes(bench.call(bench.stranger, "MAX_COMMITMENTS")) == MAX_COMMITMENTS
    assert int.from_bytes(bench.call(bench.stranger, "MAX_PROOF")) == MAX_PROOF


def test_deployed_code_is_the_artifacts(bench):
    code = bench.engine.state(bench.engine.head()).get_code(bytes.fromhex(bench.address[2:]))
    assert code == load_artifact("ConsentLedger").deployed_bytecode


def test_gas_table_of_the_readme_is_what_is_measured(bench, tree, commitments, capsys):
    """Both modes, each on a log of its own of 999 entries and more; then 10,000 shares at once and as ten anchors."""
    other, sealer = hashlib.sha256(b"root-only\n").digest(), type(bench.sealer).generate()
    bench.send(bench.owner, "registerLog", other, sealer.address)
    now = tree(commitments(999))
    bench.anchor(tree(), now)
    bench.anchor_root(tree(), now, log_id=other, by=sealer)
    gas = {}
    for count in (1, 10, 100, 1000):
        after = now.grown(commitments(count, seed=count))
        calldata_gas = bench.anchor(now, after).gas_used
        gas[count] = (calldata_gas, bench.anchor_root(now, after, log_id=other, by=sealer).gas_used)
        now = after
    first, ten = now, 0
    for part in range(10):
        after = now.grown(commitments(1000, seed=20_000 + part))
        ten += bench.anchor(now, after).gas_used
        now = after
    gas[10_000] = (ten, bench.anchor_root(first, now, log_id=other, by=sealer).gas_used)
    assert bench.head()[1:] == bench.head(other)[1:] == (now.size, now.root)
    table = gas_table(gas)
    with capsys.disabled():
        sys.stdout.write(f"\n{table}\n")
    assert table in (CONTRACTS / "README.md").read_text("utf-8")
    assert gas[1000][0] / 1000 < 1.1 * PROTOTYPE_GAS_PER_SHARE
    assert all(gas[1000][0] / 1000 < theirs / 15 for theirs in PEERS_GAS_PER_SHARE.values())
    assert gas[10_000][1] < gas[10_000][0] / 100


def gas_table(gas):
    """The rows as in contracts/README.md: ours, and how many times ours at 1,000 the others take."""
    lines = [
        "| shares | calldata: gas | per share | root-only: gas | per share |",
        "|---:|---:|---:|---:|---:|",
    ]
    for count, (with_calldata, root_only) in gas.items():
        name = f"{count:,}" if count <= 1000 else f"{count:,} (calldata: ten anchors)"
        numbers = (with_calldata, with_calldata / count, root_only, root_only / count)
        lines.append(f"| {name} | " + " | ".join(f"{each:,.0f}" for each in numbers) + " |")
    lines += [
        "",
        "| others | gas per share | times ours in calldata mode at 1,000 | at 1 |",
        "|---|---:|---:|---:|",
    ]
    for name, theirs in PEERS_GAS_PER_SHARE.items():
        lines.append(f"| {name} | {theirs:,} | {theirs / (gas[1000][0] / 1000):.1f} | {theirs / gas[1][0]:.2f} |")
    return "\n".join(lines)


@pytest.mark.node
def test_rebuild_gives_the_same_bytes():
    command = [sys.executable, "-m", "contracts.build", "--check"]
    done = subprocess.run(command, cwd=CONTRACTS.parent, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
