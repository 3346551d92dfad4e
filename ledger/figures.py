# SPDX-License-Identifier: EUPL-1.2
"""Figures of a log from what it publishes: how it grew by day, how long its anchors took, and what still waits.

From a promise to its checkpoint no time is known for an entry: the log forgets when it promised as soon as it has
kept the promise. What is published is the longest delay that it promises, and when each anchor was settled.
An anchor that waits is shown beside those that are final: its delay so far is the least that it will have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from ledger.values import AnchorState, ShownAnchor

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
    """Return how long the newest final anchors took, oldest first; the anchors come newest first."""
    found = [
        AnchorDelay(each.size, each.settled_at, max(timedelta(0), each.settled_at - each.stored_at))
        for each in anchors
        if each.state is AnchorState.FINAL and each.settled_at is not None
    ]
    return tuple(reversed(found[:ANCHORS_SHOWN]))


@dataclass(frozen=True)
class Waiting:
    """A head whose anchor is not final: since when it is ready, and how long that is now."""

    size: int
    since: datetime
    so_far: timedelta


def waiting_anchors(
    anchors: Sequence[ShownAnchor],
    *,
    size: int,
    signed_after: Callable[[int], datetime | None],
    now: datetime,
) -> tuple[Waiting, ...]:
    """Return what waits, smallest first: anchors on their way, and the head that none of them brings to the chain.

    The anchors come newest first; those that are final wait no more, whatever is larger does. The log's head has
    `size` leaves; `signed_after` gives when the first head of more leaves than so many was signed.
    """
    final = next((each.size for each in anchors if each.state is AnchorState.FINAL), 0)
    found = [(each.size, each.stored_at) for each in reversed(anchors) if each.size > final]
    reached = max((each for each, _ in found), default=final)
    ready_at = signed_after(reached)
    if ready_at is not None:
        found.append((size, ready_at))
    return tuple(Waiting(each, since, max(timedelta(0), now - since)) for each, since in found)


@dataclass(frozen=True)
class Bar:
    """One bar of a chart, in the chart's own units."""

    x: float
    y: float
    width: float
    height: float
    is_open: bool = False
    """Whether it still grows."""


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
# an outline needs room for what is not in it
_LEAST_OPEN = 8.0


def draw(values: Sequence[float], *, still_open: int = 0) -> Chart:
    """Return the bars of these values, none negative, under a line at a round number.

    So many of the last ones still grow, and are seen however small they are.
    """
    top = round_up(max(values, default=0))
    place = (RIGHT - LEFT) / max(1, len(values))
    width = min(_WIDEST, place * (1 - _GAP))
    bars = []
    for index, value in enumerate(values):
        is_open = index >= len(values) - still_open
        least = _LEAST_OPEN if is_open else _LEAST
        height = max(least, (LOWER - UPPER) * value / top) if value > 0 or is_open else 0.0
        x = LEFT + place * index + (place - width) / 2
        bars.append(Bar(round(x, 2), round(LOWER - height, 2), round(width, 2), round(height, 2), is_open))
    return Chart(tuple(bars), top)


def round_up(value: float) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, 50, … that is not smaller."""
    top = 1.0
    while True:
        for step in (1, 2, 5):
            if value <= top * step:
                return top * step
        top *= 10
