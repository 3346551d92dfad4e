# SPDX-License-Identifier: EUPL-1.2
"""anvil and cast from npm (`npm ci --prefix tests/integration`), as processes that are ours to stop."""

from __future__ import annotations

import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import requests

CHAIN_ID = 20261121
START_SECONDS = 60.0
_MODULES = Path(__file__).parent / "node_modules" / "@foundry-rs"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def find_program(name: str) -> Path:
    """Return the program itself, without the script around it; skip the test when npm did not install it."""
    machine = _MACHINES.get(platform.machine(), platform.machine())
    path = _MODULES / f"{name}-linux-{machine}" / "bin" / name
    if not path.exists():
        pytest.skip(f"{name} is not installed: npm ci --prefix tests/integration")
    return path


class Anvil:
    """One anvil on a port of the kernel's choice; the embedded node's chain number, fees and rules."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._log = folder / "anvil.log"
        command = [
            str(find_program("anvil")),
            *("--port", "0", "--chain-id", str(CHAIN_ID), "--hardfork", "prague"),
            *("--base-fee", "0", "--gas-price", "0", "--disable-min-priority-fee", "--slots-in-an-epoch", "1"),
            *arguments,
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{self._wait_for_port()}"

    def _wait_for_port(self) -> int:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self._log.read_text("utf-8")
            _, found, rest = self._log.read_text("utf-8").partition("Listening on 127.0.0.1:")
            if found and "\n" in rest:
                return int(rest.split()[0])
            time.sleep(0.02)
        raise AssertionError("anvil did not start")

    def rpc(self, method: str, *params: object) -> Any:
        """Return the whole JSON-RPC answer."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        return requests.post(self.url, json=call, timeout=30).json()

    def result(self, method: str, *params: object) -> Any:
        """Return the result of a call that must succeed."""
        found = self.rpc(method, *params)
        assert "error" not in found, found
        return found["result"]

    def mine(self, blocks: int = 1) -> None:
        """Make blocks now."""
        for _ in range(blocks):
            self.result("evm_mine")

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
