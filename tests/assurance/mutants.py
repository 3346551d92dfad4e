# SPDX-License-Identifier: EUPL-1.2
"""Break the code that decides, line by line, and see its tests fail: `python -m tests.assurance.mutants`.

mutmut makes the mutants in a copy of the tree, with those of `skipping_mutmut` that leave a whole check out. One
that the tests of its module do not notice is tried again in a process of its own, where what the module does when
it is imported is broken too. What still survives must be explained in docs/mutants.md, or belong to one of the
classes that it calls harmless. `--only protocol/jws.py` for one module; `--keep` leaves the copy for `mutmut show`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.assurance.survivors import Survivor, make_survivor, read_explained

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "mutants.md"
REPORT = ROOT / "build" / "mutants.json"
_UNIT = "tests/unit/protocol"
_LEDGER = "tests/unit/ledger"
# what is broken, and the tests that must notice
MODULES = {
    "protocol/jws.py": (f"{_UNIT}/test_jws.py", f"{_UNIT}/test_jws_headers.py"),
    "protocol/keys.py": (f"{_UNIT}/test_keys.py", f"{_UNIT}/test_key_lengths.py", f"{_UNIT}/test_jws.py"),
    "protocol/key_binding.py": (f"{_UNIT}/test_key_binding.py",),
    "protocol/sd_jwt/": (
        f"{_UNIT}/test_sd_jwt.py",
        f"{_UNIT}/test_sd_jwt_details.py",
        f"{_UNIT}/test_sd_jwt_issuance.py",
        f"{_UNIT}/test_sd_jwt_json.py",
        f"{_UNIT}/test_sd_jwt_selection.py",
    ),
    "protocol/sd_jwt_vc.py": (
        f"{_UNIT}/test_sd_jwt_vc.py",
        f"{_UNIT}/test_sd_jwt_vc_steps.py",
        "tests/vectors/test_presentations.py",
    ),
    "protocol/status_list.py": (f"{_UNIT}/test_status_list.py",),
    "protocol/status_entries.py": (f"{_UNIT}/test_status_list.py",),
    "protocol/dcql/": (f"{_UNIT}/dcql",),
    "verifier/verification.py": ("tests/unit/verifier", "tests/vectors/test_presentations.py"),
    "ledger/finality.py": (f"{_LEDGER}/test_finality.py",),
    "ledger/chain/evidence.py": (f"{_LEDGER}/chain/test_evidence.py", f"{_LEDGER}/chain/test_receipt_proof.py"),
    "ledger/chain/qbft.py": (f"{_LEDGER}/chain/test_qbft.py", f"{_LEDGER}/chain/test_qbft_vectors.py"),
}
PACKAGES = ("contracts", "issuer", "ledger", "protocol", "sandbox", "testimoni", "verifier", "wallet")
_BESIDE = ("tests", "docs", "bench", "LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "Makefile", ".ci")
_SURVIVED = 0
# no test calls the function (mutmut's own number, and pytest's)
_WITHOUT_TEST = {5, 33}
# interrupted, or never run
_NOT_RUN = {None, 2, 34}
# a test of a mutant that does not come back has noticed it
_SECONDS_FOR_ALL_TESTS = 300


@dataclass(frozen=True)
class Outcome:
    """What became of the mutants of one module."""

    module: str
    mutants: int
    survivors: tuple[Survivor, ...]
    seconds: float

    @property
    def harmless(self) -> int:
        return sum(one.is_harmless for one in self.survivors)


def main() -> int:
    """Run the command; exit status 1 when a survivor has no explanation or an explanation has no survivor."""
    parser = argparse.ArgumentParser(prog="python -m tests.assurance.mutants", description=__doc__)
    parser.add_argument("--only", choices=MODULES, action="append", help="one module (may be repeated)")
    parser.add_argument("--keep", type=Path, help="where to leave the copies")
    given = parser.parse_args()
    modules = given.only or list(MODULES)
    folder = given.keep or Path(tempfile.mkdtemp(prefix="mutants-"))
    try:
        outcomes = []
        for module in modules:
            outcomes.append(_break(module, folder / module.strip("/").replace("/", "-")))
            print(_line(outcomes[-1]), flush=True)
    finally:
        if not given.keep:
            shutil.rmtree(folder)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps([_figures(one) for one in outcomes], indent=1), "utf-8")
    return _compare(outcomes)


def _break(module: str, copy: Path) -> Outcome:
    started = time.monotonic()
    _make_copy(copy, module)
    log = copy / "mutmut.log"
    with log.open("wb") as output:
        command = [sys.executable, str(ROOT / "tests/assurance/skipping_mutmut.py"), "run", *_files(module)]
        subprocess.run(command, cwd=copy, stdout=output, stderr=output, check=False)
    results: dict[str, int | None] = {}
    files = [path for path in _files(module) if (copy / "mutants" / f"{path}.meta").is_file()]
    for path in files:
        results |= json.loads((copy / "mutants" / f"{path}.meta").read_text())["exit_code_by_key"]
    if not results or not _NOT_RUN.isdisjoint(results.values()):
        sys.stderr.buffer.write(log.read_bytes()[-4000:])
        raise SystemExit(f"{module}: mutmut did not run all mutants")
    unnoticed = {name for name, code in results.items() if code in {_SURVIVED, *_WITHOUT_TEST}}
    found = [one for path in files for one in _read_survivors(copy / "mutants" / path, path, unnoticed)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        alive = pool.map(lambda one: one.is_harmless or _survives_alone(copy / "mutants", one, module), found)
        survivors = tuple([one for one, is_alive in zip(found, alive, strict=True) if is_alive])
    return Outcome(module, len(results), survivors, time.monotonic() - started)


def _files(module: str) -> list[str]:
    paths = sorted((ROOT / module).glob("*.py")) if module.endswith("/") else [ROOT / module]
    return [str(path.relative_to(ROOT)) for path in paths]


def _make_copy(copy: Path, module: str) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "node_modules", "artifacts-cache")
    for name in (*PACKAGES, *_BESIDE):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=ignored)
        elif source.is_file():
            shutil.copy2(source, copy / name)
    settings = {
        "source_paths": [*PACKAGES],
        "only_mutate": [f"{module}*" if module.endswith("/") else module],
        "also_copy": [*_BESIDE],
        "pytest_add_cli_args_test_selection": [*MODULES[module]],
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    (copy / "pyproject.toml").write_text("\n".join([text, "[tool.mutmut]", *lines, ""]), "utf-8")


def _survives_alone(tree: Path, one: Survivor, module: str) -> bool:
    """Whether all tests of its module pass on this mutant in a fresh process."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *MODULES[module]]
    environment = {**os.environ, "MUTANT_UNDER_TEST": one.name}
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, timeout=_SECONDS_FOR_ALL_TESTS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == _SURVIVED


def _read_survivors(mutated: Path, file: str, names: set[str]) -> Iterator[Survivor]:
    """Yield the survivors of one file. mutmut keeps beside it where each version of each function begins and ends."""
    lines = mutated.read_text("utf-8").splitlines()
    spans: dict[str, tuple[int, int]] = json.loads(Path(f"{mutated}.spans").read_text())["spans"]
    package = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    for version, (start, end) in spans.items():
        name = f"{package}.{version}"
        if name not in names:
            continue
        mangled = version.partition("__mutmut_")[0]
        first, last = spans[f"{mangled}__mutmut_orig"]
        function = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        original, changed = "\n".join(lines[first - 1 : last]), "\n".join(lines[start - 1 : end])
        yield make_survivor(file, function, name, original, changed)


def _line(one: Outcome) -> str:
    left = len(one.survivors)
    return (
        f"{one.module:26} {one.mutants:5} mutants, {one.mutants - left:5} killed, "
        f"{left:3} survive ({one.harmless} harmless by class), {one.seconds:.0f} s"
    )


def _figures(one: Outcome) -> dict[str, object]:
    return {
        "module": one.module,
        "mutants": one.mutants,
        "survivors": len(one.survivors),
        "harmless": one.harmless,
        "seconds": round(one.seconds),
    }


def _compare(outcomes: Sequence[Outcome]) -> int:
    """Print what docs/mutants.md does not say, and what it says without need."""
    files = {path for one in outcomes for path in _files(one.module)}
    explained = {one for one in read_explained(DOCUMENT) if one.file in files}
    alive = {one for outcome in outcomes for one in outcome.survivors if not one.is_harmless}
    for title, found in (
        ("survives and is not explained in docs/mutants.md:", alive - explained),
        ("explained in docs/mutants.md and does not survive:", explained - alive),
    ):
        for one in sorted(found):
            print(f"{title} {one}")
    return 1 if alive != explained else 0


if __name__ == "__main__":
    sys.exit(main())
