# SPDX-License-Identifier: EUPL-1.2
"""Promises handed to a monitor: files, or folders of them.

A file holds a promise as text, the ledger's answer that carries one (`{"promise": …}`), or an evidence file.
Nothing is checked here but the form; whose promise it is, its signature says. Only regular files are read, so that
nothing in a folder makes the reader wait.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ledger.evidence import SCHEMA as EVIDENCE_SCHEMA
from ledger.evidence import Evidence
from protocol import jws
from protocol.encoding import get_member, parse_object, sha256
from protocol.errors import Error, RequestError

CODE = "invalid_file"
# An evidence file with 64 records stays below this.
MAX_FILE_BYTES = 512 * 1024
# A folder is read whole at each check.
MAX_FILES = 10_000


@dataclass(frozen=True)
class HandedPromise:
    """A promise in a file, unverified."""

    path: Path
    log: str
    token: str = field(repr=False)

    @property
    def digest(self) -> str:
        """The name under which its outcome is kept."""
        return sha256(self.token.encode()).hex()


@dataclass(frozen=True)
class UnreadableFile:
    """A file that holds no promise, and why."""

    path: Path
    reason: str


def read_promises(paths: Iterable[Path]) -> tuple[HandedPromise | UnreadableFile, ...]:
    """Return the promises in these files and folders, each once, and what could not be read."""
    found: dict[str, HandedPromise] = {}
    unreadable: list[HandedPromise | UnreadableFile] = []
    files: list[Path] = []
    for path in paths:
        try:
            files += sorted(path.iterdir()) if path.is_dir() else [path]
        except OSError:
            unreadable.append(UnreadableFile(path, "cannot be read"))
    if len(files) > MAX_FILES:
        unreadable.append(UnreadableFile(files[MAX_FILES], f"more than {MAX_FILES} files"))
    for path in files[:MAX_FILES]:
        try:
            for each in _read(path):
                found.setdefault(each.token, each)
        except Error as exc:
            unreadable.append(UnreadableFile(path, exc.message))
    return (*found.values(), *unreadable)


def _read(path: Path) -> tuple[HandedPromise, ...]:
    try:
        with open(path, "rb", opener=_open_at_once) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise RequestError(CODE, "is not a regular file")
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise RequestError(CODE, "cannot be read") from exc
    if len(data) > MAX_FILE_BYTES:
        raise RequestError(CODE, f"is longer than {MAX_FILE_BYTES} bytes")
    return tuple(_handed(path, token) for token in _tokens(data.strip()))


def _open_at_once(path: str, flags: int) -> int:
    # a pipe would wait for whoever writes into it
    return os.open(path, flags | os.O_NONBLOCK)


def _tokens(data: bytes) -> tuple[str, ...]:
    if not data.startswith(b"{"):
        return (data.decode("ascii", "replace"),)
    members = parse_object(data)
    if members.get("schema") == EVIDENCE_SCHEMA:
        return tuple(record.promise for record in Evidence.parse(data).records)
    return (get_member(members, "promise", str),)


def _handed(path: Path, token: str) -> HandedPromise:
    return HandedPromise(path, get_member(jws.parse(token).claims(), "log", str), token)
