# SPDX-License-Identifier: EUPL-1.2
"""The use cases that the sandbox's routes call."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from flask import current_app

from sandbox.people import Person
from sandbox.valid import Valid
from sandbox.via_oberta import ViaOberta

KEY = "sandbox.services"
# more held connections than this at once, and a worker would have no thread left for anybody else
MAX_HELD = 2


class Silence:
    """Holds a connection without an answer, for a bounded time and few at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._free = threading.BoundedSemaphore(MAX_HELD)

    def hold(self) -> None:
        """Return after the time; at once when enough others are being held."""
        if self._free.acquire(blocking=False):
            try:
                threading.Event().wait(self._seconds)
            finally:
                self._free.release()


@dataclass(frozen=True)
class Services:
    """What the routes can do."""

    via_oberta: ViaOberta
    valid: Valid
    people: Mapping[str, Person]
    silence: Silence


def services() -> Services:
    """Return the services of the application that handles this request."""
    return cast("Services", current_app.extensions[KEY])
