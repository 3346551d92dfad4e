# SPDX-License-Identifier: EUPL-1.2
"""All entries of the logs that a ledger keeps, read and verified by whoever compares something with them.

Reading everything tells the ledger nothing about what is looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ledger import checkpoint as checkpoints
from ledger import merkle
from ledger.checkpoint import Checkpoint, CheckpointKey
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from protocol.encoding import JSON
from protocol.errors import RequestError, UnavailableError, VerificationError
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


def read_leaves(http: HTTPClient, ledger_url: str, trust: TrustList, *, now: datetime) -> Leaves:
    """Return the entries of every log of this ledger that is on the trust list.

    Raises `UnavailableError` when what the ledger shows does not hold together, when it leaves out a log that the
    list has of its host (what is in there could not be compared), or nothing is on the list.
    """
    try:
        logs = _trusted(LedgerClient(http, ledger_url).logs(), trust, now)
        found = [
            read_log(LedgerClient(http, ledger_url, log=name), CheckpointKey.parse(log.checkpoint_key))
            for name, log in logs
        ]
    except (RequestError, VerificationError) as exc:
        raise UnavailableError(NOT_CHECKABLE, "what the ledger shows does not hold together") from exc
    if not found:
        raise UnavailableError(NOT_CHECKABLE, "no log of the ledger is on the trust list")
    return Leaves(
        heads=tuple(head for head, _ in found),
        entries=frozenset(entry for _, entries in found for entry in entries),
        maximum_merge_delay=timedelta(seconds=max(log.maximum_merge_delay for _, log in logs)),
    )


def _trusted(logs: Sequence[JSON], trust: TrustList, now: datetime) -> list[tuple[str, TrustedLog]]:
    """Return name and trusted keys of the logs that are on the list; others' entries prove nothing."""
    found, hosts = [], set()
    for each in logs:
        match each:
            case {"name": str(name), "origin": str(origin)}:
                hosts.add(_host(origin))
                try:
                    log = trust.get_log(origin, now=now)
                except VerificationError:
                    continue
                if log.checkpoint_key:
                    found.append((name, log))
    shown = {log.origin for _, log in found}
    for log in trust.get_logs(now=now):
        if log.checkpoint_key and _host(log.origin) in hosts and log.origin not in shown:
            raise UnavailableError(NOT_CHECKABLE, f"the ledger does not show its log {log.origin}")
    return found


def _host(origin: str) -> str:
    return origin.partition("/")[0]
