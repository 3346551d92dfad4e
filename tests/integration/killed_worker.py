# SPDX-License-Identifier: EUPL-1.2
"""The ledger's worker with a killer: `killed_worker.py POINT` dies by SIGKILL when it first reaches that point.

POINT is a number of `KillPoint`; 0 never kills.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from ledger.kill_points import KillPoint
from ledger.settings import LedgerSettings
from ledger.worker import run
from protocol.clock import SystemClock
from protocol.runtime.logging import configure_logging
from protocol.runtime.settings import load_settings


class Killer:
    """Ends this process without any warning."""

    def __init__(self, number: int) -> None:
        self._number = number

    def reach(self, point: KillPoint) -> None:
        if point == self._number:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    configure_logging("ledger.worker")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    killer = Killer(int(sys.argv[1]))
    run(load_settings(LedgerSettings), clock=SystemClock(), stop=stop, kill_points=killer)
