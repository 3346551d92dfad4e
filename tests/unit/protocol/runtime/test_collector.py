# SPDX-License-Identifier: EUPL-1.2
import gc

import pytest

from protocol.runtime.collector import YOUNG_OBJECTS, settle


@pytest.fixture
def as_before():
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


def test_settled_process_leaves_what_it_loaded_alone_and_still_frees_circles(as_before):
    settle()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[0] == YOUNG_OBJECTS
    assert gc.isenabled()

    class Knot:
        freed = False

        def __del__(self) -> None:
            Knot.freed = True

    knot = Knot()
    knot.itself = knot
    del knot
    gc.collect(0)
    assert Knot.freed
