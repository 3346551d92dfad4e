# SPDX-License-Identifier: EUPL-1.2
"""The citizen compares everything of theirs: shares, take-backs and answers with the record book, at one look.

The whole record book is read, so it cannot tell what is looked for. What comes out is shown and kept nowhere.

Each share is judged apart: what one office or one log answers, or does not, says nothing about the other shares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, StrEnum, auto
from functools import partial

import structlog

from ledger import promise as promises
from ledger import record as records
from ledger.commitment import Commitment
from ledger.reading import ReadLog, read_logs
from protocol.clock import Clock
from protocol.encoding import JSON, b64url_decode, get_member
from protocol.errors import Error
from protocol.runtime.fetch import HTTPClient
from protocol.trust import TrustList
from wallet.share import Share
from wallet.sharing import Sharing
from wallet.take_back import TakenBack
from wallet.taking_back import TakingBack
from wallet.vault import Sealer

# by origin, as read, or why it could not be
_Logs = Mapping[str, ReadLog | Error]
_log = structlog.get_logger()


class Standing(StrEnum):
    """How a share stands, the worst first."""

    # promised, due, and not there: the promise is broken
    MISSING = "missing"
    # the office did not answer within the legal month
    UNANSWERED = "unanswered"
    # what its office or its log answered cannot be used: never a pass
    COULD_NOT_TELL = "could-not-tell"
    # promised and not yet due
    WAITING = "waiting"
    RECORDED = "recorded"


@dataclass(frozen=True)
class ComparedShare:
    """One share and how it stands."""

    id: str
    share: Share
    taken: tuple[TakenBack, ...]
    standing: Standing


class Reconciling:
    """Compares a person's shares with the record book."""

    def __init__(
        self,
        *,
        sharing: Sharing,
        taking_back: TakingBack,
        trust: TrustList,
        http: HTTPClient,
        ledger_url: str,
        clock: Clock,
    ) -> None:
        self._sharing = sharing
        self._taking_back = taking_back
        self._trust = trust
        self._http = http
        self._ledger_url = ledger_url
        self._clock = clock

    def run(self, sealer: Sealer) -> tuple[ComparedShare, ...]:
        """Return every share that was promised, newest first, and how it stands.

        Raises `UnavailableError` when the record book as a whole cannot be read.
        """
        now = self._clock.now()
        shares = [
            (key, share, self._follow(sealer, key))
            for key, share in self._sharing.history(sealer)
            if share.promise
        ]
        # after the answers were fetched: whatever they were promised is in what is read now, or not due
        logs = read_logs(self._http, self._ledger_url, self._trust, now=now)
        for origin, found in logs.items():
            if isinstance(found, Error):
                _log.warning("a log could not be read", log=origin, code=found.code)
        return tuple(
            ComparedShare(key, share, taken or (), self._standing(share, taken, logs, now))
            for key, share, taken in shares
        )

    def _follow(self, sealer: Sealer, share_id: str) -> tuple[TakenBack, ...] | None:
        """Return the take-backs of a share as they are now; None when they cannot be told."""
        try:
            return tuple(self._taking_back.follow(sealer, share_id))
        except Error as exc:
            _log.warning("take-backs could not be followed", code=exc.code)
            return None

    def _standing(self, share: Share, taken: tuple[TakenBack, ...] | None, logs: _Logs, now: datetime) -> Standing:
        """Return the worst that holds; what could not be told hides nothing that is known to be wrong."""
        places = {self._place(read, logs, now) for read in _promised(share, taken or ())}
        if _Place.MISSING in places:
            return Standing.MISSING
        late = {_find_lateness(each, now) for each in taken or ()}
        if True in late:
            return Standing.UNANSWERED
        if taken is None or any(each.error for each in taken) or None in late or _Place.UNKNOWN in places:
            return Standing.COULD_NOT_TELL
        return Standing.WAITING if _Place.NOT_DUE in places else Standing.RECORDED

    def _place(self, read: Callable[[], _Promised], logs: _Logs, now: datetime) -> _Place:
        try:
            promised = read()
            # the log that promised it has to have it, whatever another one has
            log = self._trust.get_log(records.parse(promised.record).log, now=now)
            kept = promises.verify_undated(
                promised.promise, log.promise_key, log=log.origin, commitment=promised.commitment
            )
        except Error as exc:
            _log.warning("a promise could not be checked", code=exc.code)
            return _Place.UNKNOWN
        book = logs.get(log.origin)
        if not isinstance(book, ReadLog):
            return _Place.UNKNOWN
        if promised.commitment in book.entries:
            return _Place.RECORDED
        return _Place.MISSING if now > kept.due_at else _Place.NOT_DUE


class _Place(Enum):
    """Where a promised entry is."""

    RECORDED = auto()
    NOT_DUE = auto()
    MISSING = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class _Promised:
    """One entry that was promised to the person or for them."""

    record: bytes
    commitment: Commitment
    promise: str


def _promised(share: Share, taken: Iterable[TakenBack]) -> Iterator[Callable[[], _Promised]]:
    """Yield what reads each entry, so that one which cannot be read hides no other."""
    yield lambda: _Promised(share.record, share.commitment, share.promise)
    for each in taken:
        yield partial(_of_take_back, each)
        yield partial(_of_marker, each, share)
        for answer in each.answers:
            yield partial(_of_answer, answer)


def _of_take_back(taken: TakenBack) -> _Promised:
    return _Promised(taken.record, taken.commitment, taken.promise)


def _of_marker(taken: TakenBack, share: Share) -> _Promised:
    marker = records.withdrawal_marker(share.key, share.commitment)
    return _Promised(taken.record, marker, taken.marker_promise)


def _of_answer(answer: Mapping[str, JSON]) -> _Promised:
    members = dict(answer)
    record = b64url_decode(get_member(members, "record", str))
    key = b64url_decode(get_member(members, "key", str))
    return _Promised(record, records.commit(key, record), get_member(members, "promise", str))


def _find_lateness(taken: TakenBack, now: datetime) -> bool | None:
    """Whether the office did not answer by the day it named; None when what it named is no day."""
    if taken.answers or not taken.due:
        return False
    try:
        return now.date() > date.fromisoformat(taken.due)
    except ValueError:
        _log.warning("an office named no day to answer by", code="invalid_answer")
        return None
