# SPDX-License-Identifier: EUPL-1.2
"""People who come back from signing in through VÀLid."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from issuer.enquiry import Wish
from issuer.services import services
from issuer.visits import Errand, Purpose
from protocol.identity import Identity
from protocol.runtime import correlation
from protocol.runtime.i18n import language

bp = Blueprint("valid", __name__)


@bp.get("/valid/callback")
def callback() -> ResponseReturnValue:
    """Do what the person left to sign in for, and show it."""
    errand, identity = services().visits.come_back(request.args)
    match errand.purpose:
        case Purpose.GET:
            return redirect(_fetch(errand, identity), 303)
        case Purpose.OBJECT:
            return redirect(_object(errand, identity), 303)
        case Purpose.QUERIES:
            return redirect(url_for("pages.queries", administration_id=errand.administration_id), 303)


def _fetch(errand: Errand, identity: Identity) -> str:
    wish = Wish(
        administration_id=errand.administration_id,
        type_id=errand.type_id,
        authorised_at=datetime.fromisoformat(errand.authorised_at) if errand.authorised_at else None,
        return_url=errand.return_url,
        correlation_id=correlation.current(),
        language=language(),
    )
    issuance_id = services().enquiries.fetch(wish, identity)
    return url_for("pages.offer", administration_id=errand.administration_id, issuance_id=issuance_id)


def _object(errand: Errand, identity: Identity) -> str:
    objection_id = services().enquiries.object(
        errand.administration_id, errand.type_id, identity, bytes.fromhex(errand.sealed_reason)
    )
    return url_for("pages.objection", administration_id=errand.administration_id, objection_id=objection_id)
