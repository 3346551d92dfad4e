# SPDX-License-Identifier: EUPL-1.2
"""The history of trust: "was this key trusted for this on that day", answered for any day that the history covers.

- A history is folded from the events of `TrustRegistry`, whole or not at all: sequence numbers without a gap, and
  a running hash that ends in the one that the contract holds.
- A key is trusted while four things hold at once: its administration takes part, has the right, the key is valid
  for the role, and no compromise is reported for that moment or an earlier one, however late it was reported.
- Before the registry began and after the block that was read last, the answer is "could not tell".
- The moment asked about must be one that somebody else witnessed (a promise, an anchor). What a signature says
  about its own time is worth nothing once its key is stolen.

A day is one of UTC. All inside is whole seconds since 1970; an end is outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from ledger.registry_events import (
    WORD_BYTES,
    Action,
    Kind,
    MembersChanged,
    Recorded,
    RegistryEvent,
    Role,
    find_break,
    first_hash,
)
from protocol.clock import epoch_seconds
from protocol.encoding import sha256
from protocol.errors import Check, UnavailableError, VerificationError

NOTHING = bytes(WORD_BYTES)
"""What an auditor's right is about."""


class Standing(StrEnum):
    """What the answer is."""

    TRUSTED = "trusted"
    """For all of the time asked about."""
    PARTLY = "trusted for a part of the day"
    NOT_TRUSTED = "not trusted"


class Reason(StrEnum):
    """Why a key was not trusted."""

    UNKNOWN_KEY = "no administration has this key in this role"
    KEY = "the key was not valid then"
    COMPROMISED = "the key is reported as compromised since then or before"
    RIGHT = "the administration did not have this right then"
    ADMINISTRATION = "the administration did not take part then"


class Period(NamedTuple):
    """A time in which something held."""

    start: int
    end: int


@dataclass(frozen=True)
class Place:
    """Up to where the chain was read: a block of its own words, and the newest event then."""

    chain_id: int
    contract: str
    block_number: int
    block_hash: bytes
    block_time: int
    sequence: int
    running_hash: bytes


@dataclass(frozen=True)
class News:
    """What a registry recorded since an earlier place, in order."""

    events: tuple[RegistryEvent, ...]
    place: Place


@dataclass(frozen=True)
class Entry:
    """What one `Add` gave, as far as it still stands."""

    kind: Kind
    role: Role
    administration: bytes
    what: bytes
    period: Period
    details: bytes = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """The answer about one key, one right and one day or moment."""

    standing: Standing
    # why, unless it was trusted for all of the time
    reason: Reason | None
    # SHA-256 of the administration's code; None when nobody has the key
    administration: bytes | None
    # when in the time asked about it was trusted
    periods: tuple[Period, ...]


# an administration is found without its account, which may change
_Name: TypeAlias = tuple[Kind, Role, bytes, bytes]


def _name(event: Recorded) -> _Name:
    what = NOTHING if event.kind is Kind.ADMINISTRATION else event.what
    return event.kind, event.role, event.administration, what


@dataclass(frozen=True)
class RegistryHistory:
    """All that a registry recorded, up to a place; `fold` makes one."""

    place: Place
    began_at: int
    members: tuple[str, ...]
    threshold: int
    _entries: Mapping[_Name, tuple[Entry, ...]] = field(repr=False)
    _compromised: Mapping[_Name, int] = field(repr=False)
    _holders: Mapping[tuple[Role, bytes], bytes] = field(repr=False)

    @classmethod
    def fold(cls, events: Sequence[RegistryEvent], place: Place) -> RegistryHistory:
        """Return the history of these events.

        Raises `VerificationError` (`registry_history`) unless they are all that there is up to the place's
        newest one, in order and unchanged.
        """
        broken = find_break(first_hash(place.chain_id, place.contract), events, first=1)
        if broken is not None:
            raise _wrong(f"event {broken} of the registry is missing or was changed")
        if not events or (events[-1].sequence, events[-1].running_hash) != (place.sequence, place.running_hash):
            raise _wrong(f"expected {place.sequence} events of the registry, got another history of {len(events)}")
        decided = [event for event in events if isinstance(event, MembersChanged)]
        if not isinstance(events[0], MembersChanged) or events[-1].recorded_at > place.block_time:
            raise _wrong("the registry's history has no beginning, or is ahead of its block")
        recorded = [event for event in events if isinstance(event, Recorded)]
        entries: dict[_Name, tuple[Entry, ...]] = {}
        compromised: dict[_Name, int] = {}
        for event in recorded:
            _apply(event, entries, compromised)
        return cls(
            place=place,
            began_at=events[0].recorded_at,
            members=decided[-1].members,
            threshold=decided[-1].threshold,
            _entries=MappingProxyType(entries),
            _compromised=MappingProxyType(compromised),
            _holders=MappingProxyType(_holders(entries)),
        )

    def trusted(self, key: bytes, role: Role, what: bytes, *, on: date | datetime) -> Answer:
        """Answer whether the key with this thumbprint was trusted in this role for this, on a day or at a moment.

        `what` is the digest of the credential type, of the procedure's statement or of the log's origin; `NOTHING`
        for auditors. Of a day that the history covers in part, that part is meant.
        Raises `UnavailableError` (`registry_not_known`) when the history covers nothing of the time.
        """
        asked = self._covered(_asked(on))
        administration = self._holders.get((role, key))
        if administration is None:
            return Answer(Standing.NOT_TRUSTED, Reason.UNKNOWN_KEY, None, ())
        held: tuple[Period, ...] = (asked,)
        reason = None
        for failing, periods in self._conditions(key, role, administration, what):
            kept = _intersect(held, periods)
            if reason is None and kept != held:
                reason = failing
            held = kept
        standing = Standing.PARTLY if held else Standing.NOT_TRUSTED
        if reason is None:
            standing = Standing.TRUSTED
        return Answer(standing, reason, administration, held)

    def entries(self, kind: Kind, *, at: datetime) -> tuple[Entry, ...]:
        """Return what the registry holds of this kind and has not ended by then, oldest first.

        Without compromised keys, and without what an administration has that does not take part.
        """
        now = epoch_seconds(at)
        return tuple(
            entry
            for name, found in self._entries.items()
            if name[0] is kind and not (name in self._compromised and self._compromised[name] <= now)
            for entry in found
            if entry.period.end > now and self._takes_part(entry.administration, now)
        )

    def everything(self) -> tuple[tuple[Entry, int | None], ...]:
        """Return all that was ever given, as far as it stood, each with the time of a reported compromise."""
        return tuple(
            (each, self._compromised.get(name)) for name, found in self._entries.items() for each in found
        )

    def find_key(
        self, key: bytes, role: Role, administration: bytes
    ) -> tuple[Sequence[Period], int | None] | None:
        """Return when an administration had a key and took part, and any compromise; None for a key never had."""
        if self._holders.get((role, key)) != administration:
            return None
        name = (Kind.KEY, role, administration, key)
        takes_part = self._periods((Kind.ADMINISTRATION, Role.NONE, administration, NOTHING))
        return _intersect(self._periods(name), takes_part), self._compromised.get(name)

    def _takes_part(self, administration: bytes, now: int) -> bool:
        found = self._entries.get((Kind.ADMINISTRATION, Role.NONE, administration, NOTHING), ())
        return any(entry.period.end > now for entry in found)

    def _conditions(
        self, key: bytes, role: Role, administration: bytes, what: bytes
    ) -> Iterable[tuple[Reason, tuple[Period, ...]]]:
        name = (Kind.KEY, role, administration, key)
        since = self._compromised.get(name)
        yield Reason.KEY, self._periods(name)
        if since is not None:
            yield Reason.COMPROMISED, (Period(0, since),)
        yield Reason.RIGHT, self._periods((Kind.RIGHT, role, administration, what))
        yield Reason.ADMINISTRATION, self._periods((Kind.ADMINISTRATION, Role.NONE, administration, NOTHING))

    def _periods(self, name: _Name) -> tuple[Period, ...]:
        """Return when the entry stood; two that touch are one."""
        joined: list[Period] = []
        for start, end in sorted(entry.period for entry in self._entries.get(name, ())):
            if joined and start <= joined[-1].end:
                joined[-1] = Period(joined[-1].start, max(end, joined[-1].end))
            else:
                joined.append(Period(start, end))
        return tuple(joined)

    def _covered(self, asked: Period) -> Period:
        # the block's own second is known, the next is not
        covered = Period(max(asked.start, self.began_at), min(asked.end, self.place.block_time + 1))
        if covered.start >= covered.end:
            raise UnavailableError("registry_not_known", "the registry's history does not cover that time")
        return covered


def administration_id(code: str) -> bytes:
    """Return what stands for an administration in the registry: SHA-256 of its code."""
    return sha256(code.encode())


def _apply(event: Recorded, entries: dict[_Name, tuple[Entry, ...]], compromised: dict[_Name, int]) -> None:
    name = _name(event)
    found = entries.get(name, ())
    match event.action:
        case Action.ADD:
            given = Period(event.start, event.end)
            made = Entry(event.kind, event.role, event.administration, event.what, given, event.details)
            # an administration that comes with another account or name takes the place of what it was
            entries[name] = (*_cut(found, event.start), made)
        case Action.END:
            entries[name] = _cut(found, event.end)
        case Action.COMPROMISE:
            compromised[name] = min(event.start, compromised.get(name, event.start))


def _cut(entries: Iterable[Entry], end: int) -> tuple[Entry, ...]:
    """Return what of the entries is before this moment."""
    shorter = (replace(e, period=Period(e.period.start, min(e.period.end, end))) for e in entries)
    return tuple(each for each in shorter if each.period.start < each.period.end)


def _holders(entries: Mapping[_Name, tuple[Entry, ...]]) -> dict[tuple[Role, bytes], bytes]:
    """Return whose each key is. Raises `VerificationError` when one is two administrations'."""
    found: dict[tuple[Role, bytes], bytes] = {}
    for kind, role, administration, what in entries:
        if kind is Kind.KEY and found.setdefault((role, what), administration) != administration:
            raise _wrong("the registry gives one key to two administrations")
    return found


def _intersect(held: Iterable[Period], periods: Sequence[Period]) -> tuple[Period, ...]:
    both = (Period(max(a.start, b.start), min(a.end, b.end)) for a in held for b in periods)
    return tuple(each for each in both if each.start < each.end)


def _asked(on: date | datetime) -> Period:
    if isinstance(on, datetime):
        return Period(epoch_seconds(on), epoch_seconds(on) + 1)
    start = epoch_seconds(datetime.combine(on, time(), UTC))
    return Period(start, start + int(timedelta(days=1).total_seconds()))


def _wrong(message: str) -> VerificationError:
    return VerificationError(Check.ISSUER, message, code="registry_history")
