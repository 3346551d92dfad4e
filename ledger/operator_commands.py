# SPDX-License-Identifier: EUPL-1.2
"""`testimoni recorder` and `testimoni restore`: for whoever runs the ledger, with the ledger's own settings.

`restore` ends with 0 when the log is whole, 1 when it is frozen, 2 when it could not be told now.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ledger.findings import ExitStatus
from ledger.recorders import DEFAULT_QUOTA, Recorders, SqlRecorderStore
from ledger.settings import LedgerSettings
from ledger.values import LogCondition
from protocol.clock import SystemClock
from protocol.errors import UnavailableError
from protocol.runtime.database import migrate, open_database
from protocol.runtime.settings import load_settings

_KEPT = "could not tell: a worker keeps this log; stop it first"


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
    database = open_database(load_settings(LedgerSettings).database_url)
    migrate(database, "ledger")
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
    from ledger.worker import Worker  # noqa: PLC0415 - help must not load the network

    settings = load_settings(LedgerSettings)
    name = given.log or settings.log
    try:
        worker = Worker(settings, clock=SystemClock())
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
    return ExitStatus.VIOLATED if state.condition is LogCondition.FROZEN else ExitStatus.HOLDS


def _say_reopened(name: str, *, is_done: bool) -> int:
    if not is_done:
        print(_KEPT)
        return ExitStatus.COULD_NOT_TELL
    print(f"{name}: the anchors that the chain does not have are made again by the worker")
    return ExitStatus.HOLDS
