# SPDX-License-Identifier: EUPL-1.2
"""The use cases that the verifier's routes call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from ledger.office_records import RecordsRequests, RecordsStore
from protocol.clock import Clock
from protocol.runtime.fetch import HTTPClient
from protocol.runtime.sessions import Sessions
from verifier.backoffice import BackOffice
from verifier.cases import Cases
from verifier.desk import Desk
from verifier.reconciliation import Reconciliations
from verifier.request import Requests
from verifier.response import Responses
from verifier.settings import VerifierSettings
from verifier.store import Store
from verifier.store_status import SqlTokenShelf
from verifier.withdrawals import Withdrawals

KEY = "verifier.services"


@dataclass(frozen=True)
class Services:
    """What the routes can do."""

    requests: Requests
    responses: Responses
    withdrawals: Withdrawals
    cases: Cases
    backoffice: BackOffice
    desk: Desk
    reconciliations: Reconciliations
    records_requests: RecordsRequests
    records_store: RecordsStore
    sessions: Sessions
    store: Store
    # fetched status lists, and what fetches them
    shelf: SqlTokenShelf
    http: HTTPClient
    settings: VerifierSettings
    clock: Clock


def services() -> Services:
    """Return the services of the application that handles this request."""
    return cast("Services", current_app.extensions[KEY])
