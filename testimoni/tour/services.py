# SPDX-License-Identifier: EUPL-1.2
"""What the tour's routes work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from flask import current_app

from protocol.clock import Clock
from protocol.runtime.fetch import HTTPClient
from testimoni.tour.walks import Place

_KEY = "testimoni.tour.services"


@dataclass(frozen=True)
class Sample:
    """Genuine evidence of a fictitious share, and what a check of it trusts; recorded from a practice set-up."""

    evidence: bytes
    trust: bytes

    @classmethod
    def load(cls) -> Sample:
        """Return the sample that comes with the program."""
        folder = files("testimoni.tour") / "sample"
        return cls((folder / "evidence.json").read_bytes(), (folder / "trust.json").read_bytes())


@dataclass(frozen=True)
class Services:
    """The collaborators of this process."""

    clock: Clock
    http: HTTPClient
    places: Mapping[Place, str]
    chain_url: str
    evidence_trust_file: Path
    sample: Sample


def services() -> Services:
    """Return this application's collaborators."""
    found: Services = current_app.extensions[_KEY]
    return found


def keep_services(extensions: dict[str, object], made: Services) -> None:
    """Keep the collaborators with the application."""
    extensions[_KEY] = made
