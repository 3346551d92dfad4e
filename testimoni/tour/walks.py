# SPDX-License-Identifier: EUPL-1.2
"""Who walks, and where a step's button can lead. What a walk says is in `templates/tour/WALK.html`."""

from __future__ import annotations

from enum import StrEnum


class Walk(StrEnum):
    """One walk for each kind of person, in the order of the first page."""

    CITIZEN = "citizen"
    CLERK = "clerk"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    DECIDER = "decider"


class Place(StrEnum):
    """A service that a step can open; the tour itself included."""

    TOUR = "tour"
    ISSUER = "issuer"
    WALLET = "wallet"
    VERIFIER = "verifier"
    LEDGER = "ledger"
