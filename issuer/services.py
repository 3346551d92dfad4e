# SPDX-License-Identifier: EUPL-1.2
"""The use cases that the issuer's routes call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from flask import current_app

from issuer.credential_types import CredentialType
from issuer.enquiry import Enquiries
from issuer.issuance import Issuer
from issuer.offers import Offers
from issuer.reconciliation import Reconciliations
from issuer.recording import Recording
from issuer.records import Store
from issuer.settings import IssuerSettings
from issuer.status import Statuses
from issuer.store_queries import QueryRecordStore
from issuer.visits import Visits
from ledger.office_records import RecordsRequests, RecordsStore
from protocol.clock import Clock
from protocol.runtime.sessions import Sessions

KEY = "issuer.services"


@dataclass(frozen=True)
class Services:
    """What the routes can do."""

    issuer: Issuer
    offers: Offers
    enquiries: Enquiries
    recording: Recording
    query_records: QueryRecordStore
    records_requests: RecordsRequests
    records_store: RecordsStore
    statuses: Statuses
    visits: Visits
    reconciliations: Reconciliations
    sessions: Sessions
    store: Store
    types: Mapping[str, CredentialType]
    settings: IssuerSettings
    clock: Clock


def services() -> Services:
    """Return the services of the application that handles this request."""
    return cast("Services", current_app.extensions[KEY])
