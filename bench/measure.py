# SPDX-License-Identifier: EUPL-1.2
"""Interleaved timing: in every round each piece of work runs one short batch, so that all meet the same machine.

- A figure is CPU seconds per operation, of all threads of the process that works: the median of the rounds.
- A ratio is taken within each round, between neighbours, and the median of those is reported: a machine that is
  slow for a second slows both sides of it.
- Odd rounds run in the opposite order. Garbage collection stays on, as in a service.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

# long enough that reading the clocks is nothing, short enough that neighbours meet the same machine
BATCH_SECONDS = 0.012
MAX_REPEAT = 400
# V8 compiles a function after some hundred calls; nothing here needs more
WARM_UP_SECONDS = 0.25


@dataclass(frozen=True)
class Batch:
    """Seconds of one batch, all repetitions together."""

    wall: float
    cpu: float


class Work(Protocol):
    """Something that can be repeated and timed."""

    def run(self, repeat: int) -> Batch:
        """Do it so many times, and say how long that took."""


@dataclass(frozen=True)
class Call:
    """Work in this process: a function of the number of the turn."""

    function: Callable[[int], object]

    def run(self, repeat: int) -> Batch:
        """Do it so many times."""
        function = self.function
        wall, cpu = time.perf_counter(), time.process_time()
        for turn in range(repeat):
            function(turn)
        return Batch(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)


@dataclass
class Series:
    """What the rounds gave for one piece of work: seconds per operation."""

    repeat: int
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Take in one round."""
        self.wall.append(batch.wall / self.repeat)
        self.cpu.append(batch.cpu / self.repeat)


@dataclass(frozen=True)
class Measured:
    """A figure with its spread: the middle, and between which two the middle half of the rounds lies."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Measured:
        """Return the median and the quartiles."""
        ordered = sorted(values)
        return cls(median(ordered), ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4])


class Results:
    """All series of a run, by the name of the work."""

    def __init__(self, series: Mapping[str, Series]) -> None:
        self._series = series

    def __contains__(self, name: str) -> bool:
        return name in self._series

    def names(self) -> Sequence[str]:
        """Return what was measured, in order."""
        return tuple(self._series)

    def rounds(self, name: str) -> Sequence[float]:
        """Return the CPU seconds per operation of each round."""
        return self._series[name].cpu

    def cpu(self, name: str) -> Measured:
        """Return CPU seconds per operation."""
        return Measured.of(self._series[name].cpu)

    def wall(self, name: str) -> Measured:
        """Return seconds per operation by the clock on the wall."""
        return Measured.of(self._series[name].wall)


def measure(work: Mapping[str, Work], *, rounds: int) -> Results:
    """Return what so many interleaved rounds gave. The order of the mapping says which are neighbours."""
    series = {name: Series(repeat=_warm_up(each)) for name, each in work.items()}
    order = list(work)
    for number in range(rounds):
        for name in order if number % 2 == 0 else reversed(order):
            series[name].add(work[name].run(series[name].repeat))
    return Results(series)


def _warm_up(work: Work) -> int:
    """Run the work until it is warm, and return how often it fits into a batch."""
    spent, done, last = 0.0, 0, 0.0
    while spent < WARM_UP_SECONDS:
        repeat = min(MAX_REPEAT, max(1, done))
        last = work.run(repeat).wall / repeat
        spent += last * repeat
        done += repeat
    return max(1, min(MAX_REPEAT, round(BATCH_SECONDS / last)))
