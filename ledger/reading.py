# SPDX-License-Identifier: EUPL-1.2
"""All entries of the logs that a ledger keeps, read and verified by whoever compares something with them.

Reading everything tells the ledger nothing about what is looked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ledger import checkpoint as checkpoints
from ledger import merkle
from ledger.checkpoint import Checkpoint, CheckpointKey
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from protocol.encoding import JSON
from protocol.errors import Error, RequestError, UnavailableError, VerificationError
from protocol.runtime.fetch import HTTPClient
from protocol.trust import TrustedLog, TrustList

NOT_CHECKABLE = "not_checkable"


@dataclass(frozen=True)
class Leaves:
    """What was read: the heads, and every entry up to them."""

    heads: tuple[Checkpoint, ...]
    entries: frozenset[Commitment] = field(repr=False)
    # the longest that a promise of one of these logs may take
    maximum_merge_delay: timedelta


def read_log(client: LedgerClient, key: CheckpointKey) -> tuple[Checkpoint, tuple[Commitment, ...]]:
    """Return a log's signed head and all its entries, which give that head.

    Raises `RequestError` or `VerificationError` when they do not, and `UnavailableError` without an answer.
    """
    head = checkpoints.verify(client.checkpoint(), key)
    entries = client.all_entries(head.size)
    if merkle.fold(merkle.extend(0, (), entries)[1]) != head.root:
        raise RequestError("invalid_tile", "the published entries do not give the signed head")
    return head, entries


@dataclass(frozen=True)
class ReadLog:
    """One log as it was read: its head, and every entry up to it."""

    head: Checkpoint
    entries: frozenset[Commitment] = field(repr=False)


def read_logs(
    http: HTTPClient, ledger_url: str, trust: TrustList, *, now: datetime
) -> Mapping[str, ReadLog | Error]:
    """Return, by origin, each log of this ledger that is on the trust list: as read, or why it could not be.

    A log that the ledger leaves out although the list has it of the ledger's host is one that could not be read.
    Raises `UnavailableError` when the ledger does not say which logs it has, or none of them is on the list.
    """
    try:
        shown = _shown(LedgerClient(http, ledger_url).logs())
    except (RequestError, VerificationError) as exc:
        raise UnavailableError(NOT_CHECKABLE, "what the ledger shows does not hold together") from exc
    hosts = {_host(origin) for origin in shown}
    found = {
        log.origin: _read(http, ledger_url, shown.get(log.origin), log)
        for log in trust.get_logs(now=now)
        if log.checkpoint_key and (log.origin in shown or _host(log.origin) in hosts)
    }
    if not found:
        raise UnavailableError(NOT_CHECKABLE, "no log of the ledger is on the trust list")
    return found


def read_leaves(http: HTTPClient, ledger_url: str, trust: TrustList, *, now: datetime) -> Leaves:
    """Return the entries of every log of this ledger that is on the trust list.

    Raises `UnavailableError` when what the ledger shows does not hold together, when it leaves out a log that the
    list has of its host (what is in there could not be compared), or nothing is on the list.
    """
    found = []
    for each in read_logs(http, ledger_url, trust, now=now).values():
        match each:
            case ReadLog():
                found.append(each)
            case UnavailableError():
                raise each
            case Error():
                raise UnavailableError(NOT_CHECKABLE, "what the ledger shows does not hold together") from each
    delays = [trust.get_log(each.head.origin, now=now).maximum_merge_delay for each in found]
    return Leaves(
        heads=tuple(each.head for each in found),
        entries=frozenset(entry for each in found for entry in each.entries),
        maximum_merge_delay=timedelta(seconds=max(delays)),
    )


def _read(http: HTTPClient, ledger_url: str, name: str | None, log: TrustedLog) -> ReadLog | Error:
    if name is None:
        return UnavailableError(NOT_CHECKABLE, f"the ledger does not show its log {log.origin}")
    try:
        head, entries = read_log(LedgerClient(http, ledger_url, log=name), CheckpointKey.parse(log.checkpoint_key))
    except (RequestError, VerificationError, UnavailableError) as exc:
        return exc
    return ReadLog(head, frozenset(entries))


def _shown(logs: Sequence[JSON]) -> dict[str, str]:
    """Return the names in paths of the logs that a ledger says it has, by origin."""
    found = {}
    for each in logs:
        match each:
            case {"name": str(name), "origin": str(origin)}:
                found[origin] = name
    return found


def _host(origin: str) -> str:
    return origin.partition("/")[0]
