# SPDX-License-Identifier: EUPL-1.2
"""The legal term for an answer to a person: one month from arrival (GDPR, article 12.3).

Offices count with it what they owe; whoever judges a case later must count the same. The term may be extended by
two further months when the person is told why within the first (same article): this module does not know of that.
"""

from __future__ import annotations

import calendar
from datetime import date, datetime

_DECEMBER = 12


def legal_due(arrived_at: datetime) -> date:
    """Return the last day of the month that begins with the arrival; in a shorter month, its last day.

    The day of arrival is the UTC day, so that a zone never makes the term longer.
    """
    arrived = arrived_at.date()
    year, month = (arrived.year, arrived.month + 1) if arrived.month < _DECEMBER else (arrived.year + 1, 1)
    return date(year, month, min(arrived.day, calendar.monthrange(year, month)[1]))
