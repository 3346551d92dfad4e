# SPDX-License-Identifier: EUPL-1.2
"""Figures of a log, and the bars that show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from ledger.figures import (
    ANCHORS_SHOWN,
    DAYS_SHOWN,
    LEFT,
    LOWER,
    RIGHT,
    UPPER,
    Waiting,
    anchor_delays,
    draw,
    growth_by_day,
    round_up,
    waiting_anchors,
)
from ledger.values import AnchorState, StoredAnchor

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


def anchor(size: int, *, day: float = 0, delay: float = 3, settled: bool = True) -> StoredAnchor:
    at = START + timedelta(days=day)
    return StoredAnchor(
        id=size,
        prev_size=size - 8,
        size=size,
        root=bytes(32),
        state=AnchorState.FINAL if settled else AnchorState.PENDING,
        nonce=0,
        raw=None,
        transaction_hash=bytes(32),
        stored_at=at,
        block_number=1 if settled else None,
        block_hash=None,
        settled_at=at + timedelta(seconds=delay) if settled else None,
        evidence="",
    )


def grown(*anchors: StoredAnchor, day: int) -> list[tuple[int, int]]:
    today = (START + timedelta(days=day)).date()
    growth = growth_by_day(*settled(*anchors), today=today, zone=UTC)
    return [(each.added, each.size) for each in growth]


def settled(*anchors: StoredAnchor) -> tuple[datetime | None, Callable[[datetime], int]]:
    """Return what a store says of these anchors: when the first was settled, and the size before a moment."""
    found = [(each.settled_at, each.size) for each in anchors if each.settled_at is not None]
    return min((at for at, _ in found), default=None), lambda moment: max(
        (size for at, size in found if at < moment), default=0
    )


def test_growth_when_days_are_quiet_shows_them_with_the_size_before():
    anchors = (anchor(8), anchor(16), anchor(24, day=2), anchor(32, day=3, settled=False))
    assert grown(*anchors, day=4) == [(16, 16), (0, 16), (8, 24), (0, 24), (0, 24)]


def test_growth_before_the_days_shown_counts_to_the_size_and_not_to_a_day():
    anchors = (anchor(8), anchor(24, day=40))
    shown = grown(*anchors, day=45)
    assert len(shown) == DAYS_SHOWN
    assert (shown[0], shown[-6], sum(added for added, _ in shown)) == ((0, 8), (16, 24), 16)


def test_growth_without_a_settled_anchor_is_none():
    assert grown(day=3) == []
    assert grown(anchor(8, settled=False), day=3) == []


def test_growth_counts_days_in_the_zone_that_it_is_given():
    from zoneinfo import ZoneInfo

    late = anchor(8, day=0.47)  # 23:16 UTC, 00:16 of the next day in Madrid
    (first,) = growth_by_day(*settled(late), today=date(2026, 11, 2), zone=ZoneInfo("Europe/Madrid"))
    assert first.day == date(2026, 11, 2)


def test_delays_are_of_the_newest_settled_anchors_and_never_negative():
    anchors = [anchor(8 * number, delay=number) for number in range(1, ANCHORS_SHOWN + 6)]
    anchors += [anchor(9000, settled=False), anchor(9008, delay=-2)]
    delays = anchor_delays(anchors[::-1])
    assert len(delays) == ANCHORS_SHOWN
    assert [each.delay.total_seconds() for each in delays[-3:]] == [34, 35, 0]
    assert delays[-1].size == 9008


def test_delay_of_an_anchor_whose_block_is_not_final_is_not_known_yet():
    included = replace(anchor(16), state=AnchorState.INCLUDED)
    assert [each.size for each in anchor_delays([included, anchor(8)])] == [8]


NOW = START + timedelta(seconds=90)


def waiting(
    *anchors: StoredAnchor, heads: dict[int, float], now: datetime = NOW
) -> list[tuple[int, float, float]]:
    """Return what waits of a log with these anchors, newest first, and heads signed so many seconds after the start."""

    def signed_after(size: int) -> datetime | None:
        later = [at for each, at in heads.items() if each > size]
        return START + timedelta(seconds=min(later)) if later else None

    found = waiting_anchors(anchors, size=max(heads), signed_after=signed_after, now=now)
    return [(each.size, (each.since - START).total_seconds(), each.so_far.total_seconds()) for each in found]


def test_anchor_on_its_way_waits_since_it_was_stored():
    pending = anchor(16, settled=False)
    assert waiting(pending, anchor(8), heads={8: -60, 16: -5}) == [(16, 0, 90)]
    # in a block that may still be replaced
    included = replace(anchor(16), state=AnchorState.INCLUDED)
    assert waiting(included, anchor(8), heads={8: -60, 16: -5}) == [(16, 0, 90)]


def test_head_that_no_anchor_brings_to_the_chain_waits_since_the_first_one_was_signed():
    assert waiting(anchor(8), heads={8: -60, 16: 30, 24: 60}) == [(24, 30, 60)]
    assert waiting(heads={8: 30}) == [(8, 30, 60)]


def test_anchor_on_its_way_and_what_was_signed_after_it_wait_both():
    assert waiting(anchor(16, settled=False), anchor(8), heads={8: -60, 16: -5, 24: 80}) == [
        (16, 0, 90),
        (24, 80, 10),
    ]


def test_log_whose_last_head_is_final_waits_for_nothing():
    assert waiting(anchor(8), heads={8: -60}) == []
    assert waiting(heads={0: -60}) == []


def test_anchor_that_waits_by_a_clock_that_is_behind_has_waited_for_no_time():
    early = START - timedelta(seconds=5)
    assert waiting(anchor(8, settled=False), heads={8: 0}, now=early) == [(8, 0, 0)]
    assert Waiting(8, START, timedelta(0)) in waiting_anchors(
        [anchor(8, settled=False)], size=8, signed_after=lambda _: None, now=early
    )


def test_bar_that_still_grows_is_open_and_seen_from_the_first_moment():
    done, fresh, long = draw([100, 0, 50], still_open=2).bars
    assert [each.is_open for each in (done, fresh, long)] == [False, True, True]
    assert fresh.height == pytest.approx(8)
    assert fresh.y + fresh.height == pytest.approx(LOWER)
    assert long.height == pytest.approx((LOWER - UPPER) / 2)
    assert not any(each.is_open for each in draw([1, 2]).bars)


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (1, 1), (1.01, 2), (3, 5), (5, 5), (6, 10), (11, 20), (49, 50), (501, 1000)]
)
def test_upper_line_stands_at_a_round_number(value, top):
    assert round_up(value) == top


@pytest.mark.parametrize("count", [1, 2, 30])
def test_bars_stay_inside_the_picture_and_stand_on_its_ground_line(count):
    chart = draw([10.0] * count)
    assert len(chart.bars) == count
    for bar in chart.bars:
        assert bar.x >= LEFT
        assert bar.x + bar.width <= RIGHT
        assert bar.y == pytest.approx(UPPER)
        assert bar.y + bar.height == pytest.approx(LOWER)
    assert all(one.x + one.width < other.x for one, other in zip(chart.bars, chart.bars[1:], strict=False))


def test_bars_are_as_high_as_their_share_of_the_upper_line_and_nothing_has_none():
    none, half, least = draw([0, 50, 0.001]).bars
    assert none.height == 0
    assert half.height == pytest.approx(LOWER - UPPER)
    assert 0 < least.height < 2
    assert draw([]).bars == ()
