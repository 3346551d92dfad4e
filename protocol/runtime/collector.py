# SPDX-License-Identifier: EUPL-1.2
"""How often a service process looks for garbage that refers to itself; everything else Python frees at once.

Python looks after every 700 new objects, and now and then at all objects there are. A service loads some hundred
thousand at its start and keeps them; a request makes some hundred and leaves none in a circle.
"""

from __future__ import annotations

import gc

# about twenty requests' worth
YOUNG_OBJECTS = 10_000


def settle() -> None:
    """Say that the process has started: what is there now stays, what comes later is looked at less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)
