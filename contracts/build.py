# SPDX-License-Identifier: EUPL-1.2
"""Compile the contracts with the locked npm compiler and write their artefacts: `python -m contracts.build`.

- Needs Node.js with npm; runs `npm ci` in a temporary copy of the package files, so the tree stays clean.
- The output depends on the sources, the locked packages and `_SETTINGS` alone, so it is the same everywhere;
  `--check` builds in a temporary folder and compares byte for byte with what is checked in.
- A warning of the compiler is an error.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_CONTRACTS = ("ConsentLedger", "LogOwner", "TrustRegistry")
# The oldest fork that any engine of ours runs, so that one artefact deploys everywhere.
_EVM_VERSION = "london"
_SETTINGS = {
    "evmVersion": _EVM_VERSION,
    "viaIR": True,
    "optimizer": {"enabled": True, "runs": 1_000_000},
    # no metadata digest in the code: it would change with a comment
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
}
_IMPORT = re.compile(r'^import\s[^;]*?"([^"]+)";', re.MULTILINE)
_COMPILE_SECONDS = 120
_INSTALL_SECONDS = 300


class BuildError(Exception):
    """The contracts cannot be built here, or differ from what is checked in."""


def install(folder: Path) -> None:
    """Install the locked compiler and library into this folder. Raises `BuildError`."""
    npm = _tool("npm")
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(  # noqa: S603 - our own arguments
        command, cwd=folder, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
    )
    if done.returncode != 0:
        raise BuildError(f"npm ci failed: {done.stderr.strip()[-2000:]}")


def read_sources(name: str, modules: Path) -> dict[str, str]:
    """Return a contract and all that it imports, by the name used in `import`."""
    found: dict[str, str] = {}
    wanted = [f"{name}.sol"]
    while wanted:
        source = wanted.pop()
        if source in found:
            continue
        path = modules / source if source.startswith("@") else _HERE / source
        found[source] = path.read_text(encoding="utf-8")
        wanted += [_resolve(source, target) for target in _IMPORT.findall(found[source])]
    return dict(sorted(found.items()))


def compile_contract(name: str, modules: Path) -> bytes:
    """Return the artefact's bytes, which depend on no other contract. Raises `BuildError`, also on warnings."""
    sources = read_sources(name, modules)
    standard_input = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": _SETTINGS,
    }
    done = subprocess.run(  # noqa: S603 - our own arguments
        [_tool("node"), str(modules.parent / "compile.cjs")],
        input=json.dumps(standard_input),
        capture_output=True,
        text=True,
        timeout=_COMPILE_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise BuildError(f"the compiler failed: {done.stderr.strip()[-2000:]}")
    answer = json.loads(done.stdout)
    complaints = [error["formattedMessage"] for error in answer["output"].get("errors", [])]
    if complaints:
        raise BuildError("\n".join(complaints))
    return _artifact(name, sources, answer)


def build(target: Path) -> list[Path]:
    """Build every contract into this folder and return the files."""
    with tempfile.TemporaryDirectory(prefix="contracts-") as scratch:
        folder = Path(scratch)
        for name in ("package.json", "package-lock.json", "compile.cjs"):
            shutil.copy(_HERE / name, folder / name)
        install(folder)
        artifacts = {name: compile_contract(name, folder / "node_modules") for name in _CONTRACTS}
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in artifacts.items():
        written.append(target / f"{name}.json")
        written[-1].write_bytes(content)
    return written


def check() -> None:
    """Rebuild beside the checked-in artefacts and compare. Raises `BuildError` when they differ."""
    with tempfile.TemporaryDirectory(prefix="artifacts-") as scratch:
        for fresh in build(Path(scratch)):
            kept = _HERE / "artifacts" / fresh.name
            if not kept.is_file() or kept.read_bytes() != fresh.read_bytes():
                raise BuildError(
                    f"artifacts/{fresh.name} is not what the sources give; run python -m contracts.build"
                )


def main(argv: list[str] | None = None) -> int:
    """Run the command; the exit status is 0 when built, or equal."""
    parser = argparse.ArgumentParser(prog="python -m contracts.build", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="compare with the checked-in artefacts, write nothing"
    )
    wanted = parser.parse_args(argv)
    try:
        if wanted.check:
            check()
        else:
            build(_HERE / "artifacts")
    except BuildError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BuildError(f"{name} is not installed; building contracts needs Node.js")
    return found


def _resolve(importer: str, target: str) -> str:
    """Return the source name of what this source imports."""
    if not target.startswith("."):
        return target
    parts = importer.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _artifact(name: str, sources: dict[str, str], answer: dict[str, Any]) -> bytes:
    """Return one artefact's bytes (the compiler's output is untyped JSON)."""
    compiled = answer["output"]["contracts"][f"{name}.sol"][name]
    document = {
        "contractName": name,
        "abi": compiled["abi"],
        "bytecode": "0x" + compiled["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + compiled["evm"]["deployedBytecode"]["object"],
        "compiler": {
            "version": answer["version"],
            "settings": {k: v for k, v in _SETTINGS.items() if k != "outputSelection"},
        },
        "sources": {source: hashlib.sha256(text.encode()).hexdigest() for source, text in sources.items()},
    }
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


if __name__ == "__main__":
    sys.exit(main())
