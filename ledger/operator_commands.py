# SPDX-License-Identifier: EUPL-1.2
"""`testimoni recorder` and `testimoni restore`: for whoever runs the ledger, with the ledger's own settings.

`restore` ends with 0 when the log is whole, 1 when it is frozen, 2 when it could not be told now. A database that
cannot be used is one line on standard error and status 2, of both.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from ledger.findings import ExitStatus
from ledger.recorders import DEFAULT_QUOTA, Recorders, SqlRecorderStore
from ledger.settings import LedgerSettings
from ledger.values import LogCondition
from protocol.clock import SystemClock
from protocol.errors import Error, RequestError, UnavailableError
from protocol.runtime.database import check_exists, check_migrated, migrate, open_database
from protocol.runtime.fetch import origin_of
from protocol.runtime.settings import load_settings

_KEPT = "could not tell: a worker keeps this log; stop it first"
_NEXT_STEP = (
    "The log takes no entries until it is restored: docs/operations.md, section *A ledger that was restored*, "
    "says for each reason what to do."
)
_HTTPS_PORT = 443


def recorder_command(argv: Sequence[str]) -> int:
    """Add, list or revoke recorders; a new one's token is printed, once."""
    parser = argparse.ArgumentParser(
        "testimoni recorder", description="The services that may have entries promised by this ledger."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add = commands.add_parser("add", help="add a recorder and print its token, which is not shown again")
    add.add_argument("name", metavar="NAME", help="lower-case letters, digits and hyphens")
    add.add_argument(
        "--quota", type=int, default=DEFAULT_QUOTA, metavar="N", help=f"entries an hour (default: {DEFAULT_QUOTA})"
    )
    commands.add_parser("list", help="list the recorders, without their tokens")
    revoke = commands.add_parser("revoke", help="let a recorder's token count no more")
    revoke.add_argument("name", metavar="NAME", help="the recorder")
    given = parser.parse_args(argv)
    try:
        with _database_errors():
            return _run_recorder(given)
    except UnavailableError as exc:
        return _refuse("recorder", exc)


def _run_recorder(given: argparse.Namespace) -> int:
    database = open_database(load_settings(LedgerSettings).database_url)
    if given.command == "add":
        migrate(database, "ledger")
    else:
        # who looks, or takes away, makes no database
        check_exists(database)
        check_migrated(database, "ledger")
    recorders = Recorders(SqlRecorderStore(database), SystemClock())
    if given.command == "add":
        print(recorders.add(given.name, quota=given.quota))
    elif given.command == "revoke":
        recorders.revoke(given.name)
        print(f"{given.name} is revoked")
    else:
        for each in recorders.recorders():
            state = "counts" if each.revoked_at is None else f"revoked {each.revoked_at:%Y-%m-%d %H:%M}"
            print(f"{each.name:<40} {each.quota:>10} an hour  added {each.added_at:%Y-%m-%d}  {state}")
    return 0


def restore_command(argv: Sequence[str]) -> int:
    """Compare a log with its chain, rebuild what is missing, and say what became of it."""
    parser = argparse.ArgumentParser(
        "testimoni restore",
        description="For a database that comes from a backup, before a worker starts on it: compare a log with "
        "its chain and mirrors, rebuild what the database lacks, and freeze the log when it may have signed heads "
        "that none of them has.",
        epilog="exit status: 0 the log is whole, 1 it is frozen, 2 could not tell",
    )
    parser.add_argument("--log", metavar="NAME", help="another log than the current one")
    parser.add_argument(
        "--mirror",
        action="append",
        default=[],
        metavar="URL",
        help="also look for heads and leaves here; repeatable",
    )
    parser.add_argument(
        "--nothing-newer",
        action="store_true",
        help="you vouch that this log signed no head beyond this database and the chain: a false word forks it",
    )
    parser.add_argument(
        "--chain-set-back",
        action="store_true",
        help="the chain itself, not the database, was restored from an older copy: make the final anchors again "
        "that it lost, and do nothing else; never because a node lags",
    )
    given = parser.parse_args(argv)
    settings = load_settings(LedgerSettings)
    try:
        for url in given.mirror:
            _check_mirror(url, settings)
        with _database_errors():
            return _run_restore(given, settings)
    except Error as exc:
        return _refuse("restore", exc)


def _run_restore(given: argparse.Namespace, settings: LedgerSettings) -> int:
    from ledger.worker import Worker  # noqa: PLC0415 - help must not load the network

    name = given.log or settings.log
    worker = Worker(settings, clock=SystemClock())
    try:
        if given.chain_set_back:
            return _say_reopened(name, is_done=worker.reopen_anchors(name))
        state = worker.restore(name, given.mirror, is_vouched=given.nothing_newer)
    except UnavailableError as exc:
        print(f"could not tell: {exc.message} ({exc.code})")
        return ExitStatus.COULD_NOT_TELL
    if state is None:
        print(_KEPT)
        return ExitStatus.COULD_NOT_TELL
    print(f"{state.name}: {state.condition.value}, {state.size} leaves{state.reason and f', {state.reason}'}")
    if state.condition is not LogCondition.FROZEN:
        return ExitStatus.HOLDS
    print(f"Frozen because: {state.reason}. {_NEXT_STEP}")
    return ExitStatus.VIOLATED


def _say_reopened(name: str, *, is_done: bool) -> int:
    if not is_done:
        print(_KEPT)
        return ExitStatus.COULD_NOT_TELL
    print(f"{name}: the anchors that the chain does not have are made again by the worker")
    return ExitStatus.HOLDS


def _check_mirror(url: str, settings: LedgerSettings) -> None:
    """Raise `RequestError` unless a mirror may be there: a mistyped address would count as one without leaves."""
    try:
        origin = origin_of(url)
    except RequestError as exc:
        raise RequestError(exc.code, f"--mirror {url}: {exc.message}, without a user's name") from exc
    is_public = origin.startswith("https://") and urlsplit(url).port in {None, _HTTPS_PORT}
    if not is_public and origin not in settings.allowed_private_origins:
        raise RequestError(
            "invalid_request",
            f"--mirror {url}: expected https on the usual port, or one of the origins that the settings allow",
        )


def _refuse(command: str, error: Error) -> int:
    print(f"testimoni {command}: {error.message} ({error.code})", file=sys.stderr)
    return ExitStatus.COULD_NOT_TELL


@contextmanager
def _database_errors() -> Iterator[None]:
    """Turn what the database says, at whatever step, into `UnavailableError`."""
    try:
        yield
    except (DBAPIError, CommandError) as exc:
        raise UnavailableError(
            "temporarily_unavailable",
            "the database does not answer, cannot be opened, or is none of a ledger: "
            "see TESTIMONI_LEDGER_DATABASE_URL",
        ) from exc
