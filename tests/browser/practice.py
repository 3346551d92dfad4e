# SPDX-License-Identifier: EUPL-1.2
"""Starts a practice set-up with `testimoni up` on ports that are free, and stops it again."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testimoni.running import find_free_layout

ROOT = Path(__file__).parents[2]
START_SECONDS = 120
STOP_SECONDS = 15
# A set-up that already runs, as its READY line's JSON: quicker while writing the journey
RUNNING = "TESTIMONI_READY"


@dataclass(frozen=True)
class Practice:
    """Where the services of a set-up are."""

    tour: str
    issuer: str
    wallet: str
    verifier: str
    ledger: str
    sandbox: str
    trust: str

    @classmethod
    def parse(cls, ready: str) -> Practice:
        found = json.loads(ready)
        return cls(**{name: found[name] for name in cls.__dataclass_fields__})


@contextmanager
def practice_setup(data: Path) -> Iterator[Practice]:
    """Run a set-up with its data in a folder while the block lasts."""
    if RUNNING in os.environ:
        yield Practice.parse(os.environ[RUNNING])
        return
    command = [str(Path(sys.executable).parent / "testimoni"), "up", "--data", str(data)]
    command += ["--port-base", str(find_free_layout().port_base)]
    log = (data.parent / f"{data.name}.log").open("wb")
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield Practice.parse(_ready_line(process, Path(log.name)))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
        log.close()


def _ready_line(process: subprocess.Popen[str], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    with selectors.DefaultSelector() as selector:
        assert process.stdout
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < deadline and process.poll() is None:
            if selector.select(timeout=1):
                line = process.stdout.readline()
                if line.startswith("READY "):
                    return line.removeprefix("READY ")
    raise RuntimeError(f"the set-up did not become ready: {log.read_text()[-3000:]}")
