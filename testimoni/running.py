# SPDX-License-Identifier: EUPL-1.2
"""Finds a running set-up, or starts one on free ports in a temporary folder."""

from __future__ import annotations

import contextlib
import json
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import requests

from protocol.errors import ConfigurationError, UnavailableError
from protocol.runtime.fetch import HTTPClient
from protocol.runtime.trust_fetch import FetchedTrustList
from protocol.runtime.trust_list import load_anchors
from protocol.runtime.trust_shelf import ProcessShelf
from protocol.trust import TrustList
from testimoni.development.environment import TRUST_LIST_REFRESH_SECONDS, trust_list_url
from testimoni.development.setup import Folder
from testimoni.layout import SERVICES, Layout
from testimoni.processes import Processes
from testimoni.up import ready_line, start

_TRIES = 50
_PORTS = range(10_000, 32_000)
_OK = 200


@dataclass(frozen=True)
class Running:
    """A set-up that answers: the URLs of its READY line, and its data folder."""

    urls: dict[str, str]
    folder: Folder

    @property
    def ca_file(self) -> Path | None:
        """The local authority of a set-up under --lan."""
        found = (
            sorted((self.folder.path / "tls").glob("*-ca.pem")) if self.urls["tour"].startswith("https") else []
        )
        return found[0] if found else None

    @property
    def log_origin(self) -> str:
        """The name of the log that the ledger keeps."""
        trust = json.loads(self.folder.trust_file.read_text("utf-8"))
        return str(trust["logs"][0]["origin"])

    def trust_list(self, http: HTTPClient) -> TrustList:
        """Return the trust list that the set-up's ledger derives, for one command."""
        url, anchors = trust_list_url(self.urls["ledger"]), load_anchors(self.folder.anchor_file)
        refresh = timedelta(seconds=TRUST_LIST_REFRESH_SECONDS)
        return FetchedTrustList(url, anchors, http, ProcessShelf(), refresh=refresh)

    @property
    def recorder_token(self) -> str:
        """The token with which commands have entries promised."""
        return self.folder.recorder_token_file("command").read_text("ascii")


def find(data: Path) -> Running | None:
    """Return the set-up that runs on this data folder, or None."""
    folder = Folder(data.resolve())
    if not folder.ready_file.exists():
        return None
    running = Running(json.loads(folder.ready_file.read_text()), folder)
    ca_file = running.ca_file
    with contextlib.suppress(requests.RequestException):
        answer = requests.get(
            running.urls["tour"] + "/healthz", timeout=2, verify=str(ca_file) if ca_file else True
        )
        return running if answer.status_code == _OK else None
    return None


@contextlib.contextmanager
def use(data: Path | None, default: Path) -> Iterator[Running]:
    """Give the set-up of the folder; without one named, the default's if it runs, else one of our own.

    Raises `UnavailableError` when the named folder has none running.
    """
    found = find(data or default)
    if found is not None:
        yield found
    elif data is not None:
        raise UnavailableError(
            "not_running", f"no set-up runs on {data}; start it with: testimoni up --data {data}"
        )
    else:
        with tempfile.TemporaryDirectory(prefix="testimoni-") as temporary, own(Path(temporary)) as started:
            yield started


@contextlib.contextmanager
def own(path: Path, *, workers: int = 1, layout: Layout | None = None) -> Iterator[Running]:
    """Give a set-up of our own in this folder, on free ports unless a layout is given; stop it afterwards."""
    folder = Folder(path.resolve())
    processes = Processes(folder.path / "logs")
    try:
        made = start(folder, layout or find_free_layout(), processes, workers=workers)
        yield Running(ready_line(made), folder)
    finally:
        processes.stop()


def find_free_layout() -> Layout:
    """Return a layout whose ports are all free now.

    They lie below those that systems give to outgoing connections: a set-up that stops and starts again on
    the same ports would sometimes find one of those taken by a connection of its own.
    """
    for _ in range(_TRIES):
        layout = Layout(_PORTS.start + secrets.randbelow(len(_PORTS) // len(SERVICES)) * len(SERVICES))
        with contextlib.suppress(ConfigurationError):
            layout.check_ports()
            return layout
    raise UnavailableError("no_ports", f"no {len(SERVICES)} free ports in a row were found")
