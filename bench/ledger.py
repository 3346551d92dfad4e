# SPDX-License-Identifier: EUPL-1.2
"""The ledger at a million entries beside its peers: `python -m bench.ledger --rounds 3`.

- Building a tree: CPU time, beside pymerkle and merkletreejs (which has no leaf prefix, so it hashes less).
- The full audit: the product's own, over a published log of that size with its anchors; a process of its own, so
  that its memory is its own. Seconds on the wall, of which raw SHA-256 over the same compressions is a share.
- An inclusion proof: CPU time of one verification, beside pymerkle's.
- Commands that need no chain: CPU time from start to end, beside a bare interpreter.

Each ratio is taken within a round; the median of the rounds is what counts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar, cast

import pymerkle

from bench import node_peers, published_log
from ledger import merkle
from ledger.auditor import Auditor
from ledger.chain.interface import Chain
from ledger.findings import ExitStatus, overall
from ledger.tree_builder import cores
from ledger.trust import TrustFile

ENTRIES = 1_000_000
MEGABYTE = 1_000_000
# SHA-256 compressions that a tree needs for each leaf: one for the leaf, two for a node; of 64 bytes each
COMPRESSIONS = 3
_BLOCK_BYTES = 64
_PROOFS = 2_000
_STARTS = 5
T = TypeVar("T")


@dataclass(frozen=True)
class Line:
    """One comparison: the ratio of each round, and the target."""

    label: str
    ratios: list[float]
    target: float
    is_at_most: bool = False
    unit: str = "x"

    def is_reached(self) -> bool:
        """Whether the median reaches the target."""
        found = median(self.ratios)
        return found <= self.target if self.is_at_most else found >= self.target

    def text(self) -> str:
        """Return the line of the report."""
        low, high = min(self.ratios), max(self.ratios)
        limit = "at most" if self.is_at_most else "at least"
        verdict = "reached" if self.is_reached() else "missed"
        figures = f"{median(self.ratios):.3g}{self.unit} ({low:.3g} to {high:.3g})"
        return f"{self.label}: {figures}, target {limit} {self.target:g}{self.unit}: {verdict}"


def main() -> int:
    """Measure, print one line for each comparison, and write the figures."""
    parser = argparse.ArgumentParser(prog="bench.ledger", description="the ledger at size, beside its peers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--audit", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.audit is not None:
        print(json.dumps(audit(options.audit)))
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        published_log.write(folder, options.entries)
        rounds = [measure(folder, options.entries) for _ in range(options.rounds)]
    lines = compare(rounds)
    print("\n".join([_absence(), *(line.text() for line in lines)]).strip())
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        ratios = [{"line": line.text(), "ratios": line.ratios, "reached": line.is_reached()} for line in lines]
        options.output.write_text(json.dumps({"comparisons": ratios, "rounds": rounds}, indent=1) + "\n", "utf-8")
    return 0


def _absence() -> str:
    missing = node_peers.absence()
    return "" if missing is None else f"absent: merkletreejs: {missing}"


def measure(folder: Path, entries: int) -> dict[str, float]:
    """Return the seconds (and megabytes) of one round."""
    found = {"raw": raw_sha256(entries)}
    leaves = [secrets.token_bytes(32) for _ in range(entries)]
    ours, found["build ours"] = _timed(lambda: merkle.Tree(leaves))
    peer = pymerkle.InmemoryTree(algorithm="sha256")
    _, found["build pymerkle"] = _timed(partial(peer.append_entries, leaves))
    found |= _proofs(ours, peer)
    del ours, peer
    if node_peers.absence() is None:
        found["build merkletreejs"] = _merkletreejs(entries)
    found["raw before the audit"] = raw_sha256(entries)
    found |= json.loads(_python("-m", "bench.ledger", "--audit", str(folder)))
    return found | _starts()


def raw_sha256(entries: int) -> float:
    """Return the seconds of the same number of compressions in one long message, on one core."""
    block = bytes(1 << 20)
    digest, start = hashlib.sha256(), time.perf_counter()
    for _ in range(entries * COMPRESSIONS * _BLOCK_BYTES >> 20):
        digest.update(block)
    return time.perf_counter() - start


def _timed(function: Callable[[], T]) -> tuple[T, float]:
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def _proofs(ours: merkle.Tree, peer: pymerkle.InmemoryTree) -> dict[str, float]:
    """Return the seconds of one verification: of the same leaves, under each one's root."""
    size = ours.size
    indices = [secrets.randbelow(size) for _ in range(20)]
    root, peer_root = ours.root(), peer.get_root()
    proofs = [(ours.read(0, each), each, merkle.inclusion_proof(ours.read, each, size)) for each in indices]
    peers = [(peer.get_leaf(each + 1), peer.prove_inclusion(each + 1)) for each in indices]

    def verify_ours() -> None:
        for leaf, index, proof in proofs:
            merkle.verify_inclusion(leaf, index=index, size=size, proof=proof, expected_root=root)

    def verify_peer() -> None:
        for leaf, proof in peers:
            pymerkle.verify_inclusion(leaf, peer_root, proof)

    turns = _PROOFS // len(indices)
    found = {"verify ours": 0.0, "verify pymerkle": 0.0}
    for _ in range(turns):
        found["verify ours"] += _timed(verify_ours)[1] / _PROOFS
        found["verify pymerkle"] += _timed(verify_peer)[1] / _PROOFS
    return found


def _merkletreejs(entries: int) -> float:
    command = [shutil.which("node") or "node", "merkle.mjs"]
    asked = subprocess.run(
        command,
        cwd=Path(__file__).parent,
        input=json.dumps({"leaves": entries}) + "\n",
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(json.loads(asked.stdout)["cpu"])


def audit(folder: Path) -> dict[str, float]:
    """Audit the log of this folder; return the seconds on the wall and of CPU, and the memory at its highest."""
    trust = TrustFile.parse((folder / "trust.json").read_bytes())
    chain = published_log.AnchoredChain(folder)
    auditor = Auditor(
        published_log.URL,
        "https://node.example",
        trust,
        log=None,
        from_size=0,
        http=published_log.StaticHost(folder),
        open_chain=lambda *_, **__: cast("Chain", chain),
    )
    start, used = time.perf_counter(), _cpu()
    report = auditor.run(None)
    wall, cpu = time.perf_counter() - start, _cpu() - used
    if overall(report.findings) is not ExitStatus.HOLDS:
        raise RuntimeError(f"the log does not hold: {report.findings}")
    return {"audit": wall, "audit, CPU of all processes": cpu, "audit, MB": _highest_memory() / MEGABYTE}


def _cpu() -> float:
    """Return the CPU seconds of this process and of those that it started and that ended."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _highest_memory() -> int:
    """Return the most bytes that this process ever held; `ru_maxrss` would count its parent's before `exec`."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    (found,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found) * 1024


def _starts() -> dict[str, float]:
    """Return the CPU seconds of a bare interpreter and of the command's help, in turn."""
    commands = {
        "start bare": ("-c", "pass"),
        "start verify-evidence": ("-m", "testimoni.cli", "verify-evidence", "--help"),
    }
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(_STARTS):
        for name, arguments in commands.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            _python(*arguments)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            found[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {name: median(each) for name, each in found.items()}


def _python(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=dict(os.environ)).stdout


def compare(rounds: list[dict[str, float]]) -> list[Line]:
    """Return the comparisons that these rounds allow."""

    def ratios(above: str, below: str) -> list[float]:
        return [each[above] / each[below] for each in rounds if above in each]

    def percent(each: Mapping[str, float], name: str) -> float:
        return 100 * (each["raw"] + each["raw before the audit"]) / 2 / each[name]

    found = [
        Line("tree of the entries, beside pymerkle", ratios("build pymerkle", "build ours"), 7),
        Line("tree of the entries, beside merkletreejs", ratios("build merkletreejs", "build ours"), 3),
        Line(
            f"full audit on {cores()} cores, of raw SHA-256 on one",
            [percent(each, "audit") for each in rounds],
            12,
            unit=" %",
        ),
        Line(
            "an inclusion proof verified, beside pymerkle",
            ratios("verify ours", "verify pymerkle"),
            0.5,
            is_at_most=True,
        ),
        Line("memory of the audit", [each["audit, MB"] for each in rounds], 300, is_at_most=True, unit=" MB"),
        Line(
            "a command that needs no chain, beside a bare interpreter",
            ratios("start verify-evidence", "start bare"),
            10,
            is_at_most=True,
        ),
    ]
    return [line for line in found if line.ratios]


if __name__ == "__main__":
    sys.exit(main())
