# SPDX-License-Identifier: EUPL-1.2
"""Days and moments as people read them, in the language of the request and the time of Catalonia."""

from __future__ import annotations

import re
from datetime import date, datetime

from babel.dates import format_date, format_datetime, format_skeleton
from flask import Flask

from protocol.deadlines import ZONE
from protocol.runtime.i18n import language

# English dates in the European order
_LOCALES = {"en": "en_GB"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MONTH = re.compile(r"\d{4}-\d{2}")


def _locale() -> str:
    return _LOCALES.get(language(), language())


def day(value: date) -> str:
    """Return a day in words: 21 de novembre del 2026."""
    local = value.astimezone(ZONE).date() if isinstance(value, datetime) else value
    return format_date(local, "long", locale=_locale())


def moment(value: datetime) -> str:
    """Return a moment: day and time of day."""
    return format_datetime(value.astimezone(ZONE), "d MMM y, HH:mm", locale=_locale())


def written_date(text: str) -> str:
    """Return a day (YYYY-MM-DD) or a month (YYYY-MM) in words, and any other text as it is."""
    try:
        if _DAY.fullmatch(text):
            return day(date.fromisoformat(text))
        if _MONTH.fullmatch(text):
            return format_skeleton("yMMMM", date.fromisoformat(f"{text}-01"), locale=_locale())
    except ValueError:
        pass
    return text


def install_dates(app: Flask) -> None:
    """Give the templates the filters `day` and `moment`."""
    app.jinja_env.filters.update(day=day, moment=moment)
