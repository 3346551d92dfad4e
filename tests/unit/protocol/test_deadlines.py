# SPDX-License-Identifier: EUPL-1.2
"""The legal month."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from protocol.deadlines import legal_due


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
