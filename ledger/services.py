# SPDX-License-Identifier: EUPL-1.2
"""The collaborators of the ledger's routes."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from ledger.publication import Publication
from ledger.recorders import Recorders
from ledger.self_audit import OpenChain
from ledger.settings import LedgerSettings
from ledger.trust_history import TrustHistory
from protocol.clock import Clock
from protocol.trust import TrustList


@dataclass(frozen=True)
class Services:
    """What a route may use."""

    settings: LedgerSettings
    publication: Publication
    clock: Clock
    # whose signatures count in files that people bring
    trust_list: TrustList
    # the node that the report of this site reads; called by nothing else here
    open_chain: OpenChain
    trust_history: TrustHistory
    recorders: Recorders


def services() -> Services:
    """Return this application's services."""
    found: Services = current_app.extensions["ledger.services"]
    return found
