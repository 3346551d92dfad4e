# SPDX-License-Identifier: EUPL-1.2
"""Ports for servers that tests start, stop and start again.

They lie below those that systems give to outgoing connections: one of those could be taken by a connection while the
server that had it is down.
"""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

_PORTS = range(10_000, 32_000)
# Another process with the same seed would choose the same ports.
_RANDOM = random.SystemRandom()


def free_ports(count: int) -> list[int]:
    """Return ports on loopback that are all free now."""
    found: list[int] = []
    with ExitStack() as stack:
        while len(found) < count:
            port = _RANDOM.choice(_PORTS)
            probe = stack.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    return found


def free_port() -> int:
    """Return a port on loopback that is free now."""
    return free_ports(1)[0]
