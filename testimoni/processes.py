# SPDX-License-Identifier: EUPL-1.2
"""Child processes of a set-up: started, watched until ready, stopped together within five seconds."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import requests

from protocol.errors import UnavailableError

READY_SECONDS = 60.0
STOP_SECONDS = 3.0
_POLL_SECONDS = 0.05
_LOG_TAIL_LINES = 12
_OK = 200


@dataclass
class Processes:
    """The children by name. `logs` is the folder for what they print."""

    logs: Path
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start one child in its own session, so that Ctrl-C reaches only us and we stop it in order."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{name}.log").open("ab") as log:
            self.children[name] = subprocess.Popen(  # noqa: S603 - our own command lines
                [sys.executable, *command],
                env={**_base_environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_ready(
        self,
        name: str,
        url: str,
        *,
        ca_file: Path | None = None,
        is_awaited: Callable[[bytes], bool] = lambda _body: True,
    ) -> None:
        """Return when the child answers at `url` with 200 and the awaited body.

        Raises `UnavailableError` with the end of its log when it has died or takes too long.
        """
        deadline = monotonic() + READY_SECONDS
        with requests.Session() as session:
            session.trust_env = False
            while monotonic() < deadline:
                self.check_alive()
                with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                    answer = session.get(url, timeout=2, verify=str(ca_file) if ca_file else True)
                    if answer.status_code == _OK and is_awaited(answer.content):
                        return
                sleep(_POLL_SECONDS)
        raise UnavailableError("not_ready", f"the {name} did not get ready\n{self._log_tail(name)}")

    def check_alive(self) -> None:
        """Raise `UnavailableError` that names the first child that has ended."""
        for name, child in self.children.items():
            if child.poll() is not None:
                raise UnavailableError(
                    "process_ended", f"the {name} stopped with status {child.returncode}\n{self._log_tail(name)}"
                )

    def stop(self) -> None:
        """End all children: ask, wait, then insist."""
        for child in self.children.values():
            _signal_group(child, signal.SIGTERM)
        deadline = monotonic() + STOP_SECONDS
        for child in self.children.values():
            try:
                child.wait(timeout=max(0.0, deadline - monotonic()))
            except subprocess.TimeoutExpired:
                _signal_group(child, signal.SIGKILL)
                child.wait()
        self.children.clear()

    def _log_tail(self, name: str) -> str:
        path = self.logs / f"{name}.log"
        lines = path.read_text("utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:] if path.exists() else []
        return "\n".join([f"--- {path} ---", *lines])


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _base_environment() -> dict[str, str]:
    """Return our environment without settings of ours that lie around in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TESTIMONI_")}
    return {**kept, "PYTHONUNBUFFERED": "1"}
