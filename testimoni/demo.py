# SPDX-License-Identifier: EUPL-1.2
"""`testimoni demo`: the main path once, without a person, over HTTP between the real services.

The pages are walked as a browser without scripts would; the wallet is the command-line one, with file keys and
the same core as the served one. Each step says what it saw; one that fails says why and ends the walk.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from protocol.errors import Error
from testimoni.cli import DEFAULT_DATA
from testimoni.running import Running, use
from testimoni.visitor import WalkError
from testimoni.walk import STEPS, Walk


@dataclass
class Report:
    """What each step said, for people or programs."""

    as_json: bool
    steps: list[dict[str, object]] = field(default_factory=list)

    def add(self, name: str, seconds: float, said: str, *, holds: bool) -> None:
        """Note one step; people see it at once."""
        self.steps.append({"step": name, "holds": holds, "milliseconds": round(seconds * 1000), "said": said})
        if not self.as_json:
            print(
                f"{'ok  ' if holds else 'FAIL'} {len(self.steps):>2}. {name:<34} {seconds:6.2f} s  {said}",
                flush=True,
            )

    @property
    def holds(self) -> bool:
        """Whether every step held and none is missing."""
        return len(self.steps) == len(STEPS) and all(step["holds"] for step in self.steps)


def run(data: Path | None, *, as_json: bool) -> int:
    """Walk the main path and return 0 only if every step held."""
    report = Report(as_json)
    started = perf_counter()
    with use(data, DEFAULT_DATA) as running:
        if not as_json:
            print(f"the set-up at {running.urls['tour']} answers ({perf_counter() - started:.1f} s)", flush=True)
        walk_all(running, report)
    if as_json:
        print(json.dumps({"holds": report.holds, "steps": report.steps}, ensure_ascii=False))
    else:
        print(f"{'every step held' if report.holds else 'the walk broke off'} ({perf_counter() - started:.1f} s)")
    return 0 if report.holds else 1


def walk_all(running: Running, report: Report) -> None:
    """Do every step, or stop at the first that fails."""
    with tempfile.TemporaryDirectory(prefix="testimoni-wallet-") as folder:
        walk = Walk(running, Path(folder))
        try:
            for name, step in STEPS:
                if not _do(report, name, lambda step=step: step(walk)):  # type: ignore[misc]  # bound per step
                    return
        finally:
            walk.close()


def _do(report: Report, name: str, step: Callable[[], str]) -> bool:
    began = perf_counter()
    try:
        said, holds = step(), True
    except Error as exc:
        said, holds = f"{exc.message} ({exc.code})", False
    except WalkError as exc:
        said, holds = str(exc), False
    report.add(name, perf_counter() - began, said, holds=holds)
    if not holds:
        print(f"testimoni demo: step {name!r} failed: {said}", file=sys.stderr)
    return holds
