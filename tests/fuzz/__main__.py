# SPDX-License-Identifier: EUPL-1.2
"""Coverage-guided fuzzing of every parser: `python -m tests.fuzz --seconds 120` (all together).

`python -m tests.fuzz --only dcql --seconds 600` for one. What breaks a parser is kept in build/fuzz/ and the command
fails; a name of a target and that file (`--only NAME --input FILE`) show it again.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import atheris

if TYPE_CHECKING:
    from tests.fuzz.targets import Fuzzed

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "build" / "fuzz"
# parsers read some kilobytes; longer inputs only slow the search down
MAX_INPUT_BYTES = 4096
_DONE = re.compile(r"Done (\d+) runs in (\d+) second")
_COVERED = re.compile(r"cov: (\d+)")


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=120, help="in total")
    parser.add_argument("--only", help="one target by name")
    parser.add_argument("--input", type=Path, help="run the target on this file and stop")
    given = parser.parse_args()
    # the modules are prepared once, before they are imported; each target then runs in a copy of this process
    with atheris.instrument_imports(include=["protocol", "ledger"]):
        from tests.fuzz.targets import TARGETS
    if given.input:
        TARGETS[given.only](given.input.read_bytes())
        return 0
    names = [given.only] if given.only else list(TARGETS)
    each = max(1, given.seconds // len(names))
    OUTPUT.mkdir(parents=True, exist_ok=True)
    broken = [name for name in names if not _fuzz_in_copy(name, TARGETS[name], each)]
    print(f"{len(names)} parsers, {each} s each: " + (f"BROKEN: {', '.join(broken)}" if broken else "none broken"))
    return 1 if broken else 0


def _fuzz_in_copy(name: str, target: Fuzzed, seconds: int) -> bool:
    log = OUTPUT / f"{name}.log"
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        with log.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        _fuzz(name, target, seconds)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    text = log.read_text("utf-8", errors="replace")
    done, covered = _DONE.search(text), _COVERED.findall(text)
    fine = status == 0 and done is not None
    runs = f"{int(done[1]):>9,} runs, {covered[-1] if covered else '?':>5} edges" if done else "did not finish"
    print(f"{name:22} {runs}{'' if fine else f'  BROKEN, see build/fuzz/{name}.log'}", flush=True)
    return fine


def _fuzz(name: str, target: Fuzzed, seconds: int) -> None:
    corpus = OUTPUT / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", f"-max_len={MAX_INPUT_BYTES}", f"-artifact_prefix={OUTPUT}/{name}-"]
    atheris.Setup([sys.argv[0], *options, "-timeout=10", "-rss_limit_mb=2048", str(corpus)], target)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
