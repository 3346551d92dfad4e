# SPDX-License-Identifier: EUPL-1.2
from datetime import UTC, datetime, timedelta

import pytest

from protocol.clock import MAX_EPOCH_SECONDS, FixedClock, SystemClock, epoch_seconds, from_epoch
from protocol.errors import RequestError


def test_the_machines_clock_tells_aware_moments_that_do_not_go_back():
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert first.tzinfo is UTC
    assert first <= second


def test_a_fixed_clock_moves_only_when_told():
    clock = FixedClock(datetime(2026, 11, 21, tzinfo=UTC))
    assert clock.now() == clock.now()
    clock.advance(timedelta(seconds=1))
    assert clock.now() == datetime(2026, 11, 21, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [0, 1_800_000_000, MAX_EPOCH_SECONDS])
def test_numeric_date_round_trips(seconds):
    assert epoch_seconds(from_epoch(seconds)) == seconds


@pytest.mark.parametrize("seconds", [-1, MAX_EPOCH_SECONDS + 1, 10**300, float("inf"), float("nan")])
def test_numeric_date_that_no_calendar_has_is_refused(seconds):
    with pytest.raises(RequestError, match="out of range"):
        from_epoch(seconds)
