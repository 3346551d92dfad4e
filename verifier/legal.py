# SPDX-License-Identifier: EUPL-1.2
"""The law's part in taking back: the term for an answer, and the grounds on which one may be refused."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date, datetime

_DECEMBER = 12

# legal grounds to refuse an erasure: term for the record → English source sentence for people
GROUND_SENTENCES: Mapping[str, str] = {
    "eu-gdpr:A17-3-b": "A law obliges us to keep the data, or a public task needs them (GDPR, article 17.3.b).",
    "eu-gdpr:A17-3-d": "The data are kept for archives or research in the public interest (GDPR, article 17.3.d).",
    "eu-gdpr:A17-3-e": "The data are needed for legal claims (GDPR, article 17.3.e).",
    "eu-gdpr:A21-1": "There are compelling legitimate grounds to go on (GDPR, article 21.1).",
}


def legal_due(arrived_at: datetime) -> date:
    """Return the last day of the month that begins with the arrival; in a shorter month, its last day.

    The day of arrival is the UTC day, so that a zone never makes the term longer.
    """
    arrived = arrived_at.date()
    year, month = (arrived.year, arrived.month + 1) if arrived.month < _DECEMBER else (arrived.year + 1, 1)
    return date(year, month, min(arrived.day, calendar.monthrange(year, month)[1]))
