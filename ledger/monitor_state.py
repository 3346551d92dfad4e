# SPDX-License-Identifier: EUPL-1.2
"""What a monitor remembers, as files in one folder, and the proofs that it keeps.

- One file per log, replaced as a whole: written beside it, synced, renamed. SIGKILL leaves the old one or the new.
- A file that cannot be read is never replaced: a monitor that forgets what it saw can be shown another history.
- One process at a time holds the folder, one thread at a time writes. A change is refused when the file changed
  meanwhile; a published head is never replaced by an older one.
- `violations/` holds proofs and is never emptied; `checkpoints/` the newest heads with our cosignature.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ledger import checkpoint as checkpoints
from ledger import violation as violations
from ledger.checkpoint import Checkpoint
from ledger.merkle import HASH_BYTES
from ledger.monitor import Head
from ledger.trust import AuditedLog, format_hex, parse_hex
from ledger.violation import Violation
from protocol.clock import epoch_seconds, from_epoch
from protocol.encoding import JSON, compact_json, find_member, get_member, parse_object, sha256
from protocol.errors import ConfigurationError, Error, UnavailableError

SCHEMA = "testimoni/monitor/1"
CODE = "monitor_state"
# A log's description, one note, some addresses, and an index for each of tens of thousands of promises.
MAX_STATE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Watched:
    """One log as this monitor last saw it hold."""

    log: AuditedLog
    """As it was described when it was first seen; a trust file overrides it."""
    note: str
    """The largest head that was verified."""
    verified_at: datetime
    url: str = ""
    """Where that head was read; empty when it was handed to us."""
    shown: Mapping[str, int] = field(default_factory=dict)
    """The largest size that each address has shown."""
    anchored_size: int = 0
    anchored_block: int = 0
    anchored_hash: bytes = b""
    """The newest final block whose anchor fitted: how many leaves, its number and hash. 0 before the first."""
    kept: Mapping[str, int] = field(default_factory=dict)
    """The leaf of each promise that was kept, by the digest of its token."""

    @property
    def head(self) -> Head:
        """The largest head that was verified."""
        return Head(self.checkpoint, self.note)

    @property
    def checkpoint(self) -> Checkpoint:
        """The same without its note."""
        return checkpoints.parse_unverified(self.note)

    @classmethod
    def parse(cls, data: bytes) -> Watched:
        """Return the state of a file's bytes. Raises `Error`."""
        members = parse_object(data, max_bytes=MAX_STATE_BYTES)
        if members.get("schema") != SCHEMA:
            raise ConfigurationError(CODE, f"expected schema {SCHEMA}")
        digest = find_member(members, "anchored_hash", str)
        found = cls(
            log=AuditedLog.parse(members.get("log")),
            note=get_member(members, "note", str),
            verified_at=from_epoch(get_member(members, "verified_at", int)),
            url=get_member(members, "url", str),
            shown=_numbers(members, "shown"),
            # a file without the hash does not say whether that block was final: all anchors are compared again
            anchored_size=get_member(members, "anchored_size", int) if digest else 0,
            anchored_block=get_member(members, "anchored_block", int) if digest else 0,
            anchored_hash=parse_hex(digest, length=HASH_BYTES) if digest else b"",
            kept=_numbers(members, "kept"),
        )
        checkpoints.verify(found.note, found.log.checkpoint_key)
        return found

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        members: dict[str, JSON] = {
            "schema": SCHEMA,
            "log": self.log.to_json(),
            "note": self.note,
            "verified_at": epoch_seconds(self.verified_at),
            "url": self.url,
            "shown": dict(self.shown),
            "anchored_size": self.anchored_size,
            "anchored_block": self.anchored_block,
            "anchored_hash": format_hex(self.anchored_hash) if self.anchored_hash else "",
            "kept": dict(self.kept),
        }
        return compact_json(members)


class MonitorState:
    """The folder. Opening it makes it, and takes it for this process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        try:
            for each in (folder, folder / "violations", folder / "checkpoints"):
                each.mkdir(parents=True, exist_ok=True)
            # held until the process ends, however it ends
            self._held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # what a process that was killed had not finished
            for each in folder.rglob(".*.new"):
                each.unlink()
        except BlockingIOError as exc:
            os.close(self._held)
            raise ConfigurationError(CODE, f"another monitor uses {folder}") from exc
        except OSError as exc:
            raise ConfigurationError(CODE, f"{folder} cannot be written") from exc

    def close(self) -> None:
        """Let another process have the folder."""
        os.close(self._held)

    def find(self, origin: str) -> Watched | None:
        """Return what is known about a log. Raises `ConfigurationError` when its file cannot be read."""
        path = self._path(origin)
        return _read(path) if path.exists() else None

    def replace(self, old: Watched | None, new: Watched) -> None:
        """Make the new state durable, in place of the old one.

        Raises `UnavailableError` when another thread changed it meanwhile, the disk is full, or the new one would
        be too long to be read again: then it stays.
        """
        data = new.to_bytes()
        if len(data) > MAX_STATE_BYTES:
            raise UnavailableError(CODE, f"the state would be longer than {MAX_STATE_BYTES} bytes")
        with self._lock:
            found = self.find(new.log.origin)
            # as they are written: a file keeps whole seconds
            if (found and found.to_bytes()) != (old and old.to_bytes()):
                raise UnavailableError(CODE, "the state changed meanwhile; it is checked again next time")
            _write(self._path(new.log.origin), data)

    def known_at(self, url: str) -> tuple[str, ...]:
        """Return the origins of the logs that this address has shown."""
        found = (_read(path) for path in sorted(self._folder.glob("*.json")))
        return tuple(each.log.origin for each in found if url in each.shown)

    def keep(self, violation: Violation) -> Path:
        """Keep a proof and return its file; the first sight of a breach stays."""
        path = self._proof_path(violation)
        with self._lock:
            if not path.exists():
                _write(path, violations.encode(violation))
        return path

    def is_kept(self, violation: Violation) -> bool:
        """Whether a proof of this breach is kept already."""
        return self._proof_path(violation).exists()

    def kept_violations(self, origin: str) -> tuple[tuple[Path, str | None], ...]:
        """Return the files of proofs against a log, each with its kind: None for a name that is none of ours."""
        prefix = f"{_slug(origin)}-"
        found = sorted((self._folder / "violations").glob(f"{prefix}*.json"))
        return tuple((path, violations.find_kind(path.name.removeprefix(prefix))) for path in found)

    def publish(self, origin: str, note: str) -> Path:
        """Put a cosigned head where a web server may serve it, unless a larger one is there already."""
        path = self._folder / "checkpoints" / _slug(origin)
        with self._lock:
            if _published_size(path) <= checkpoints.parse_unverified(note).size:
                _write(path, note.encode())
        return path

    def _proof_path(self, violation: Violation) -> Path:
        return self._folder / "violations" / f"{_slug(violation.log)}-{violations.file_name(violation)}"

    def _path(self, origin: str) -> Path:
        return self._folder / f"{_slug(origin)}.json"


def _slug(origin: str) -> str:
    """Return a file name for an origin: readable, and different for different origins."""
    return f"{re.sub('[^A-Za-z0-9.-]', '_', origin)[:80]}-{sha256(origin.encode()).hex()[:8]}"


def _numbers(members: dict[str, JSON], name: str) -> dict[str, int]:
    found = find_member(members, name, dict) or {}
    return {str(key): get_member(found, key, int) for key in found}


def _read(path: Path) -> Watched:
    try:
        return Watched.parse(path.read_bytes())
    except (OSError, Error) as exc:
        raise ConfigurationError(CODE, f"{path} cannot be read; restore it, do not delete it") from exc


def _published_size(path: Path) -> int:
    """Return the size of the head in a file; 0 when there is none that can be read."""
    try:
        return checkpoints.parse_unverified(path.read_text()).size
    except (OSError, UnicodeDecodeError, Error):
        return 0


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    try:
        with beside.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as exc:
        raise UnavailableError(CODE, f"{path} cannot be written") from exc
