# SPDX-License-Identifier: EUPL-1.2
"""The embedded node with a killer: `killed_node.py POINT TIMES [node arguments]` dies at that point by SIGKILL.

POINT is a number of `NodeKillPoint`; the process dies when it is reached for the TIMES-th time.
"""

from __future__ import annotations

import os
import signal
import sys

from ledger.chain.kill_points import NodeKillPoint
from ledger.chain.node import main


class Killer:
    """Ends this process without any warning."""

    def __init__(self, point: NodeKillPoint, times: int) -> None:
        self._point, self._left = point, times

    def reach(self, point: NodeKillPoint) -> None:
        if point is self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[3:], kill_points=Killer(NodeKillPoint(int(sys.argv[1])), int(sys.argv[2]))))
