# SPDX-License-Identifier: EUPL-1.2
"""Fresh databases for tests: SQLite files, or databases of a private PostgreSQL that lives for one test run.

The PostgreSQL server is Debian's, started in a temporary folder on a free port of loopback, by a user that is not
root, without synchronous writes; nothing that it is asked outlives it.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from protocol.runtime import database as databases
from tests.ports import free_port

_START_SECONDS = 60.0
_USER = "testimoni"
# durability is not what these tests look at; the server is never killed
_OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300")


class PostgreSQL:
    """One running server."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.port = port

    def create(self, name: str) -> str:
        """Make an empty database and return its URL."""
        unique = f"{name}_{secrets.token_hex(6)}"
        self._run(f'CREATE DATABASE "{unique}"')
        return f"postgresql+psycopg://{_USER}@127.0.0.1:{self.port}/{unique}"

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        self._run(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=_USER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)  # type: ignore[call-overload]  # made above, of our own text


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.fail("PostgreSQL is not installed (apt-get install postgresql); .ci/run does it")
    return found[-1].parent


def _as_user() -> dict[str, object]:
    """Return how a process is started that may not be root's."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """Start a server, and stop it by its process id."""
    binaries, user = _binaries(), _as_user()
    folder = Path(tempfile.mkdtemp(prefix="testimoni-postgres-"))
    if user:
        shutil.chown(folder, user["user"], user["group"])  # type: ignore[arg-type]  # numbers
    data = folder / "data"
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **user}
    process = None
    try:
        subprocess.run(  # type: ignore[call-overload]
            [binaries / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            **quiet,
        )
        port = free_port()
        options = [part for each in _OPTIONS for part in ("-c", each)]
        options += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        process = subprocess.Popen(  # type: ignore[call-overload]
            [binaries / "postgres", "-D", data, "-p", str(port), *options], **quiet
        )
        _wait(port, process)
        yield PostgreSQL(folder, port)
    finally:
        if process is not None:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.send_signal(3)  # SIGQUIT: at once, whoever is connected
                process.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        assert process.poll() is None, "PostgreSQL ended at once"
        assert time.monotonic() < deadline, "PostgreSQL does not answer"
        try:
            psycopg.connect(host="127.0.0.1", port=port, user=_USER, dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return


@contextmanager
def engines_closed(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close every connection that is opened meanwhile: one that is only forgotten is a warning of its driver."""
    made: list[Engine] = []
    genuine = databases.create_engine

    def create(*arguments: object, **options: object) -> Engine:
        engine: Engine = genuine(*arguments, **options)  # type: ignore[call-overload]
        made.append(engine)
        return engine

    patch.setattr(databases, "create_engine", create)
    try:
        yield
    finally:
        for engine in made:
            engine.dispose()
