# SPDX-License-Identifier: EUPL-1.2
"""The one clock. Nothing else in the program asks what time it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

from protocol.errors import RequestError

# the last second of the year 9999
MAX_EPOCH_SECONDS = 253_402_300_799


class Clock(Protocol):
    """Tells the time; every moment is timezone-aware, in UTC."""

    def now(self) -> datetime:
        """Return the present moment."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that moves only when told; for tests and vectors."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """Return the moment it was set to."""
        return self._at

    def advance(self, by: timedelta) -> None:
        """Move the clock forward."""
        self._at += by


def epoch_seconds(at: datetime) -> int:
    """Return whole seconds since 1970 (RFC 7519, NumericDate)."""
    return int(at.timestamp())


def from_epoch(seconds: float) -> datetime:
    """Return the moment of a NumericDate (RFC 7519, section 2).

    Raises `RequestError` before 1970 or after the year 9999.
    """
    if not 0 <= seconds <= MAX_EPOCH_SECONDS:
        raise RequestError("invalid_request", "a time is out of range")
    return datetime.fromtimestamp(seconds, UTC)
