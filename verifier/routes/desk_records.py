# SPDX-License-Identifier: EUPL-1.2
"""The desk's pages about auditors' requests: what is asked, why and until when; handing over; who fetched it."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from verifier.routes.desk import clerk
from verifier.services import services

bp = Blueprint("desk_records", __name__)
bp.context_processor(clerk)


@bp.get("/desk/records")
def records() -> ResponseReturnValue:
    """List what auditors ask for, the most urgent first."""
    found = services().desk.get_clerk()
    shown = services().records_store.records_requests(found.administration.id)
    return render_template("verifier/records.html", shown=shown)


@bp.get("/desk/records/<request_id>")
def records_request(request_id: str) -> ResponseReturnValue:
    """Show one request, with who fetched the answer."""
    found = services().desk.get_clerk()
    one = services().records_store.get_records_request(found.administration.id, request_id)
    return render_template(
        "verifier/records_request.html",
        one=one,
        count=services().records_requests.count(one),
        accesses=services().records_store.accesses(found.administration.id, request_id),
    )


@bp.post("/desk/records/<request_id>")
def hand_over(request_id: str) -> ResponseReturnValue:
    """Sign what is asked for, and make it fetchable for who asked."""
    found = services().desk.get_clerk()
    services().records_requests.hand_over(found.administration.id, request_id, by=found.name)
    return redirect(url_for("desk_records.records_request", request_id=request_id), 303)
