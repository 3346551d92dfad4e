# SPDX-License-Identifier: EUPL-1.2
"""The legal month."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from protocol.deadlines import is_by, legal_due
from protocol.errors import RequestError


@pytest.mark.parametrize(
    ("arrived", "due"),
    [
        (datetime(2026, 11, 21, 10, tzinfo=UTC), date(2026, 12, 21)),
        (datetime(2026, 12, 31, 23, tzinfo=UTC), date(2027, 1, 31)),
        (datetime(2027, 1, 31, tzinfo=UTC), date(2027, 2, 28)),
        (datetime(2028, 1, 31, tzinfo=UTC), date(2028, 2, 29)),
        (datetime(2026, 11, 30, 0, 30, tzinfo=UTC), date(2026, 12, 30)),
        (datetime(2026, 12, 1, 0, 30, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_legal_clock_is_one_month_from_arrival(arrived, due):
    assert legal_due(arrived) == due


def test_term_that_would_end_after_the_last_year_is_refused():
    assert legal_due(datetime(9999, 11, 30, tzinfo=UTC)) == date(9999, 12, 30)
    with pytest.raises(RequestError):
        legal_due(datetime(9999, 12, 1, tzinfo=UTC))


def test_last_day_ends_by_the_clock_of_the_offices():
    due = date(2026, 12, 21)
    assert is_by(datetime(2026, 12, 21, 22, 59, 59, tzinfo=UTC), due)
    # half an hour after midnight in Barcelona, still the same day in UTC
    assert not is_by(datetime(2026, 12, 21, 23, 30, tzinfo=UTC), due)
