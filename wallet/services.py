# SPDX-License-Identifier: EUPL-1.2
"""The use cases that the wallet's routes call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from protocol.clock import Clock
from wallet.catalogue import Catalogue
from wallet.documents import Documents
from wallet.permanence import Permanences
from wallet.receiving import Receiving
from wallet.reconciliation import Reconciling
from wallet.rows import Store
from wallet.settings import WalletSettings
from wallet.sharing import Sharing
from wallet.taking_back import TakingBack
from wallet.visitors import Visitors

KEY = "wallet.services"


@dataclass(frozen=True)
class Services:
    """What the routes can do."""

    visitors: Visitors
    documents: Documents
    receiving: Receiving
    sharing: Sharing
    taking_back: TakingBack
    permanences: Permanences
    reconciling: Reconciling
    catalogue: Catalogue
    store: Store
    settings: WalletSettings
    clock: Clock


def services() -> Services:
    """Return the services of the application that handles this request."""
    return cast("Services", current_app.extensions[KEY])
