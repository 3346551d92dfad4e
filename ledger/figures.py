# SPDX-License-Identifier: EUPL-1.2
"""Figures of a log from what it publishes: how it grew by day, and how long its anchors took.

From a promise to its checkpoint no time is known for an entry: the log forgets when it promised as soon as it has
kept the promise. What is published is the longest delay that it promises, and when each anchor was settled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from ledger.values import ShownAnchor

DAYS_SHOWN = 30
ANCHORS_SHOWN = 30


@dataclass(frozen=True)
class DayGrowth:
    """What became anchored on one day; size is the anchored size at its end."""

    day: date
    added: int
    size: int


@dataclass(frozen=True)
class AnchorDelay:
    """How long one anchor took from its head to its block, as this service saw it."""

    size: int
    settled_at: datetime
    delay: timedelta


def growth_by_day(
    first_at: datetime | None, anchored_before: Callable[[datetime], int], *, today: date, zone: tzinfo
) -> tuple[DayGrowth, ...]:
    """Return the last days up to today, each with what was anchored on it; none for a log without anchors.

    The log's first anchor was settled at `first_at`; `anchored_before` gives the size anchored before a moment.
    """
    if first_at is None:
        return ()
    first = max(today - timedelta(days=DAYS_SHOWN - 1), first_at.astimezone(zone).date())
    size = anchored_before(datetime.combine(first, time(), zone))
    found = []
    for offset in range((today - first).days + 1):
        day = first + timedelta(days=offset)
        end = max(size, anchored_before(datetime.combine(day + timedelta(days=1), time(), zone)))
        found.append(DayGrowth(day, end - size, end))
        size = end
    return tuple(found)


def anchor_delays(anchors: Sequence[ShownAnchor]) -> tuple[AnchorDelay, ...]:
    """Return how long the newest settled anchors took, oldest first; the anchors come newest first."""
    found = [
        AnchorDelay(each.size, each.settled_at, max(timedelta(0), each.settled_at - each.stored_at))
        for each in anchors
        if each.settled_at is not None
    ]
    return tuple(reversed(found[:ANCHORS_SHOWN]))


@dataclass(frozen=True)
class Bar:
    """One bar of a chart, in the chart's own units."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """A bar chart: where its bars and its two lines are, and what the upper line stands for."""

    bars: tuple[Bar, ...]
    top: float


# the picture's units; narrow, so that letters stay readable on a phone
WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, UPPER, LOWER = 6, 354, 30, 172
# of a bar's place
_GAP = 0.25
_WIDEST = 40.0
# something that is there is seen
_LEAST = 1.5


def draw(values: Sequence[float]) -> Chart:
    """Return the bars of these values, none negative, under a line at a round number."""
    top = round_up(max(values, default=0))
    place = (RIGHT - LEFT) / max(1, len(values))
    width = min(_WIDEST, place * (1 - _GAP))
    bars = []
    for index, value in enumerate(values):
        height = max(_LEAST, (LOWER - UPPER) * value / top) if value > 0 else 0.0
        x = LEFT + place * index + (place - width) / 2
        bars.append(Bar(round(x, 2), round(LOWER - height, 2), round(width, 2), round(height, 2)))
    return Chart(tuple(bars), top)


def round_up(value: float) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, 50, … that is not smaller."""
    top = 1.0
    while True:
        for step in (1, 2, 5):
            if value <= top * step:
                return top * step
        top *= 10
