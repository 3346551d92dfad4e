# SPDX-License-Identifier: EUPL-1.2
"""A key of a trust file and its days: whether a signature with it counts, whatever is known of the key by now.

- `valid_from`, `valid_until` (itself outside) and `compromised_since` are the days of the trust registry, in whole
  seconds since 1970. What a file leaves out is unlimited: a key without days counts for every time.
- A record is in the log, and a promise or a block shows by when: who gets hold of the key later can make no older
  one. That dates what the record says, not the signature beside it: who had it entered beforehand, and gets the
  key later, can still sign it.
- A countersignature is in no log, so nobody but the signer says when it was made. That is enough for a key that
  was only replaced, and worth nothing once it may be another's. It confirms a promise, and so is never older.
- A key may have several periods; it is listed once for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from ledger.findings import KeyDoubt, KeyReason
from protocol.clock import MAX_EPOCH_SECONDS, epoch_seconds, from_epoch
from protocol.encoding import JSON, find_member
from protocol.errors import Check, RequestError, UnavailableError, VerificationError
from protocol.keys import PublicKey

CODE = "invalid_trust_file"
_DAYS = ("valid_from", "valid_until", "compromised_since")
_MEMBERS = frozenset({"jwk", *_DAYS})


@dataclass(frozen=True)
class Witnessed:
    """When somebody else than its signer saw a record: its log by the promise, the chain by a final block."""

    promised_at: datetime | None = None
    anchored_at: datetime | None = None

    @property
    def by(self) -> datetime | None:
        """The earliest moment at which it is known to have been there."""
        return min((each for each in (self.promised_at, self.anchored_at) if each is not None), default=None)


@dataclass(frozen=True)
class TrustedKey:
    """A key, from when and until when it counts, and since when somebody else may have it."""

    key: PublicKey
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    compromised_since: datetime | None = None

    @classmethod
    def parse(cls, value: JSON) -> TrustedKey:
        """Return the key of a JWK, or of an object with `jwk` and its days.

        Days inside of a JWK, and members with other names beside one, are refused: what was meant to limit a key
        must not be passed over. Raises `RequestError`.
        """
        if not isinstance(value, dict) or "jwk" not in value:
            if isinstance(value, dict) and not value.keys().isdisjoint(_DAYS):
                raise RequestError(CODE, f"expected {', '.join(_DAYS)} beside jwk, not in it")
            return cls(PublicKey.parse_jwk(value))
        if not value.keys() <= _MEMBERS:
            raise RequestError(CODE, f"expected a key to have jwk, {', '.join(_DAYS)} and nothing else")
        inner = value["jwk"]
        if isinstance(inner, dict) and not inner.keys().isdisjoint(_DAYS):
            raise RequestError(CODE, f"expected {', '.join(_DAYS)} beside jwk, not in it")
        found = cls(PublicKey.parse_jwk(inner), *(_moment(value, name) for name in _DAYS))
        if (
            found.valid_from is not None
            and found.valid_until is not None
            and found.valid_from >= found.valid_until
        ):
            raise RequestError(CODE, "a key ends before it begins")
        return found

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON object: the bare JWK of a key without days."""
        given = zip(_DAYS, self.days, strict=True)
        days: dict[str, JSON] = {name: epoch_seconds(at) for name, at in given if at is not None}
        return {"jwk": self.key.jwk(), **days} if days else self.key.jwk()

    @property
    def days(self) -> tuple[datetime | None, datetime | None, datetime | None]:
        """Beginning, end and compromise."""
        return self.valid_from, self.valid_until, self.compromised_since

    @property
    def is_limited(self) -> bool:
        """Whether the key counts for some times only."""
        return self.days != (None, None, None)

    def find_doubt_of_record(self, *, said_at: datetime, seen: Witnessed) -> KeyDoubt | None:
        """Return what is against a signature under a record in the log, or None.

        `said_at` is the record's own time. It can speak against the signature; for it speaks only who saw it.
        """
        by, found = seen.by, []
        for reason, end in ((KeyReason.COMPROMISED, self.compromised_since), (KeyReason.ENDED, self.valid_until)):
            if end is not None and (by is None or by >= end):
                found.append(self._doubt(reason, end, is_certain=said_at >= end))
        start = self.valid_from
        if start is not None and (by is None or min(by, said_at) < start):
            found.append(self._doubt(KeyReason.NOT_YET, start, is_certain=by is not None or said_at < start))
        return _gravest(found)

    def find_doubt_of_word(self, *, said_at: datetime, not_before: datetime | None) -> KeyDoubt | None:
        """Return what is against a signature that nobody saw, dated by the signer alone, or None.

        `not_before` is when the promise was made that it confirms; None for what confirms none.
        """
        latest = said_at if not_before is None else max(said_at, not_before)
        found = []
        if self.compromised_since is not None:
            since = self.compromised_since
            found.append(self._doubt(KeyReason.COMPROMISED, since, is_certain=latest >= since))
        if self.valid_until is not None and latest >= self.valid_until:
            found.append(self._doubt(KeyReason.ENDED, self.valid_until, is_certain=True))
        if self.valid_from is not None and said_at < self.valid_from:
            found.append(self._doubt(KeyReason.NOT_YET, self.valid_from, is_certain=True))
        return _gravest(found)

    def _doubt(self, reason: KeyReason, day: datetime, *, is_certain: bool) -> KeyDoubt:
        return KeyDoubt(self.key.thumbprint(), reason, day, is_certain)


def parse_keys(listed: Sequence[JSON], *, most: int, what: str) -> tuple[TrustedKey, ...]:
    """Return the keys of a list. Raises `RequestError` on too many, and on days of one key that contradict."""
    if len(listed) > most:
        raise RequestError(CODE, f"expected at most {most} {what} keys, got {len(listed)}")
    keys = tuple(TrustedKey.parse(each) for each in listed)
    for each in keys:
        _check_periods([other for other in keys if other.key == each.key])
    return keys


def check_word(keys: Iterable[TrustedKey], key: PublicKey, *, said_at: datetime) -> None:
    """Check that a key is one of these and counted at the time that its signer says.

    Raises `VerificationError` (`issuer`) when it is none of them or did not count, and `UnavailableError`
    (`key_compromised`) when the signer's word is worth nothing.
    """
    same = [each for each in keys if each.key == key]
    if not same:
        raise VerificationError(Check.ISSUER, "the certificate does not speak for the administration")
    doubt = mildest(each.find_doubt_of_word(said_at=said_at, not_before=None) for each in same)
    if doubt is None:
        return
    if doubt.is_certain:
        raise VerificationError(Check.ISSUER, doubt.describe())
    raise UnavailableError("key_compromised", doubt.describe())


def mildest(doubts: Iterable[KeyDoubt | None]) -> KeyDoubt | None:
    """Return what is against a signature when one of several periods of its key is enough."""
    found = list(doubts)
    if None in found:
        return None
    # of no period at all there is no smallest: an error, never a pass
    return min((each for each in found if each is not None), key=lambda each: each.is_certain)


def _gravest(doubts: Sequence[KeyDoubt]) -> KeyDoubt | None:
    """Return the first that is certain, else the first."""
    return next((each for each in doubts if each.is_certain), doubts[0] if doubts else None)


def _check_periods(same: Sequence[TrustedKey]) -> None:
    """Raise `RequestError` when a key's other entry would take back what one says of its days."""
    if not any(each.is_limited for each in same):
        return
    ordered = sorted(same, key=lambda each: _seconds(each.valid_from, 0))
    for one, later in pairwise(ordered):
        ends = _seconds(one.valid_until, MAX_EPOCH_SECONDS + 1)
        if one.compromised_since != later.compromised_since or ends > _seconds(later.valid_from, 0):
            raise RequestError(CODE, "expected the periods of one key apart, and compromised since one time")


def _seconds(at: datetime | None, otherwise: int) -> int:
    return otherwise if at is None else epoch_seconds(at)


def _moment(members: dict[str, JSON], name: str) -> datetime | None:
    seconds = find_member(members, name, int, code=CODE)
    return None if seconds is None else from_epoch(seconds)
