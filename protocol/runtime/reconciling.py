# SPDX-License-Identifier: EUPL-1.2
"""What the commands that compare an office's books share: the period, and how many comparisons are published."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import click

# three years of months
RECONCILIATIONS_SHOWN = 36
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_DECEMBER = 12


def month_option(now: datetime, text: str | None) -> tuple[datetime, datetime]:
    """Return the first moment of a month (`YYYY-MM`, in UTC) and of the next one.

    Without text it is the last whole month. Raises `click.BadParameter` on anything else, and for a month that
    has not begun.
    """
    if text is None:
        begins = _first(now.year, now.month)
        return _first(*_before(now.year, now.month)), begins
    match = _MONTH.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise click.BadParameter("expected a month as YYYY-MM")
    year, month = int(match[1]), int(match[2])
    begins = _first(year, month)
    if begins > now:
        raise click.BadParameter("that month has not begun")
    ends = _first(year + 1, 1) if month == _DECEMBER else _first(year, month + 1)
    return begins, ends


def _first(year: int, month: int) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC)


def _before(year: int, month: int) -> tuple[int, int]:
    return (year - 1, _DECEMBER) if month == 1 else (year, month - 1)
