# SPDX-License-Identifier: EUPL-1.2
"""Asks each service whether it is ready, and says what it answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from protocol.errors import Error
from protocol.runtime.fetch import HTTPClient
from testimoni.tour.walks import Place


@dataclass(frozen=True)
class Health:
    """What one service answered."""

    place: Place
    url: str
    is_ready: bool
    status: int | None


def ask_all(http: HTTPClient, places: Mapping[Place, str]) -> list[Health]:
    """Return the answer of each service; no answer at all is an answer too."""
    return [_ask(http, place, url) for place, url in places.items() if place is not Place.TOUR]


def _ask(http: HTTPClient, place: Place, url: str) -> Health:
    try:
        answer = http.get(f"{url}/readyz")
    except Error:
        return Health(place, url, is_ready=False, status=None)
    return Health(place, url, is_ready=answer.is_success, status=answer.status)
