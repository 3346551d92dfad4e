# SPDX-License-Identifier: EUPL-1.2
"""A log, keys and a share, made fresh for each test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from ledger import record as records
from protocol.encoding import canonical_json, parse_object
from tests.fakes.recorded_share import NOW, Share, make_share, make_share_record


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def share_record() -> records.ConsentRecord:
    return make_share_record()


@pytest.fixture
def share(share_record: records.ConsentRecord) -> Share:
    return make_share(share_record)


@pytest.fixture
def edited() -> Callable[[bytes, dict[str, Any]], bytes]:
    """Return a function that changes members of a record's bytes and keeps them canonical; None removes."""

    def edit(data: bytes, changes: dict[str, Any]) -> bytes:
        members: dict[str, Any] = {**parse_object(data), **changes}
        return canonical_json({name: value for name, value in members.items() if value is not None})

    return edit
