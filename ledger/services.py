# SPDX-License-Identifier: EUPL-1.2
"""The collaborators of the ledger's routes."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from ledger.publication import Publication
from ledger.recorders import Recorders
from ledger.settings import LedgerSettings
from ledger.trust_history import TrustHistory


@dataclass(frozen=True)
class Services:
    """What a route may use."""

    settings: LedgerSettings
    publication: Publication
    trust_history: TrustHistory
    recorders: Recorders


def services() -> Services:
    """Return this application's services."""
    found: Services = current_app.extensions["ledger.services"]
    return found
