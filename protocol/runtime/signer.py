# SPDX-License-Identifier: EUPL-1.2
"""Signers by URL: `file:PATH` is a PEM file that only its owner can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from protocol.errors import ConfigurationError
from protocol.keys import PrivateKey, Signer

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_secret_file(path: Path) -> bytes:
    """Return a secret file's bytes. Raises `ConfigurationError` when absent or readable by others."""
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as exc:
        raise ConfigurationError("configuration_error", f"key file {path.name} cannot be read") from exc
    if mode & _OTHERS:
        raise ConfigurationError("configuration_error", f"key file {path.name} can be read by others")
    return data


def write_secret_file(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read; an existing one is an error (`FileExistsError`)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)


def open_signer(url: str) -> Signer:
    """Return the ES256 signer at this URL. Raises `ConfigurationError` on an unknown scheme or a bad key."""
    scheme, _, rest = url.partition(":")
    if scheme != "file":
        raise ConfigurationError("configuration_error", f"no signer for scheme {scheme}")
    return PrivateKey.from_pem(read_secret_file(Path(rest)))
