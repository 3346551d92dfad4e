# SPDX-License-Identifier: EUPL-1.2
"""The legal term for an answer to a person: one month from arrival (GDPR, article 12.3).

Offices count with it what they owe; whoever judges a case later must count the same. The term may be extended by
two further months when the person is told why within the first (same article): this module does not know of that.
"""

from __future__ import annotations

import calendar
from datetime import date, datetime
from zoneinfo import ZoneInfo

from protocol.errors import RequestError

_DECEMBER = 12
# Where the offices are: their days end by this clock.
ZONE = ZoneInfo("Europe/Madrid")
_LAST = date(date.max.year, _DECEMBER, 1)


def legal_due(arrived_at: datetime) -> date:
    """Return the last day of the month that begins with the arrival; in a shorter month, its last day.

    The day of arrival is the UTC day, so that a zone never makes the term longer. Raises `RequestError` when that
    day is after the year 9999.
    """
    arrived = arrived_at.date()
    if arrived >= _LAST:
        raise RequestError("invalid_request", "a time is out of range")
    year, month = (arrived.year, arrived.month + 1) if arrived.month < _DECEMBER else (arrived.year + 1, 1)
    return date(year, month, min(arrived.day, calendar.monthrange(year, month)[1]))


def is_by(at: datetime, due_on: date) -> bool:
    """Return whether a moment is within a day, or before it, by the clock of the offices."""
    return at.astimezone(ZONE).date() <= due_on
