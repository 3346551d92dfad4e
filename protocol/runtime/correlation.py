# SPDX-License-Identifier: EUPL-1.2
"""One correlation identifier through all services: taken from the caller or made, logged, passed on, answered."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

HEADER = "X-Correlation-Id"
_SHAPE = re.compile(r"[A-Za-z0-9-]{8,64}")
_current: ContextVar[str] = ContextVar("correlation_id", default="")


def enter(given: str | None) -> str:
    """Begin a piece of work under the given identifier, or a new one when it is absent or malformed."""
    value = given if given and _SHAPE.fullmatch(given) else secrets.token_hex(8)
    _current.set(value)
    return value


def current() -> str:
    """Return the identifier of the work at hand; empty outside any."""
    return _current.get()
