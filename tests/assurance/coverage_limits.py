# SPDX-License-Identifier: EUPL-1.2
"""Hold branch coverage: 90 % of everything, 100 % of what decides whether a document or a log is believed.

`python -m tests.assurance.coverage_limits build/coverage.json` reads what `make test COVERAGE=1` wrote and names
each file that falls short, with its lines and branches.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

OVERALL = 90.0
# these files and folders have no line and no branch that no test takes
COMPLETE = (
    "protocol/",
    "verifier/verification.py",
    "ledger/record.py",
    "ledger/merkle.py",
    "ledger/audit.py",
)
# the plumbing of a process
NOT_COMPLETE = ("protocol/runtime/",)


def main(path: Path) -> int:
    """Print what falls short; exit status 1 if anything does."""
    report = json.loads(path.read_text())
    short = [
        _line(name, found)
        for name, found in sorted(report["files"].items())
        if name.startswith(COMPLETE) and not name.startswith(NOT_COMPLETE) and _percent(found) < 100
    ]
    overall = float(report["totals"]["percent_covered"])
    print(f"branch coverage {overall:.1f} % overall (at least {OVERALL:.0f} %)")
    print("\n".join(["short of 100 %:", *short]) if short else f"100 % of {', '.join(COMPLETE)}")
    return 1 if short or overall < OVERALL else 0


def _percent(found: dict[str, Any]) -> float:
    return float(found["summary"]["percent_covered"])


def _line(name: str, found: dict[str, Any]) -> str:
    branches = [f"{start}->{end}" for start, end in found.get("missing_branches", [])]
    lines = [str(line) for line in found["missing_lines"]]
    return f"  {name}: {_percent(found):.1f} %, lines {', '.join(lines) or 'all'}, branches {', '.join(branches) or 'all'}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
