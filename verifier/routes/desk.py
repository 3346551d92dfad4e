# SPDX-License-Identifier: EUPL-1.2
"""The clerks' pages: start a procedure, see the verdict, answer those who take back.

The administration is the session's; no address and no form can name another.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from protocol.runtime.qr import qr_data_uri
from protocol.runtime.web import allow_form_target
from verifier.cases import CaseState
from verifier.legal import GROUND_SENTENCES
from verifier.routes import words
from verifier.services import services

bp = Blueprint("desk", __name__)
RECENT_ON_DESK = 5
RECENT_CASES = 100


@bp.context_processor
def clerk() -> dict[str, object]:
    """Give every page of the desk who works there, and what waits."""
    found = services().desk.find_clerk()
    if found is None:
        return {"clerk": None, "words": words}
    waiting = services().store.open_withdrawals(found.administration.id)
    asked = services().records_store.records_requests(found.administration.id)
    return {
        "clerk": found,
        "words": words,
        "waiting": waiting,
        "asked": asked,
        "unanswered": [each for each in asked if each.answered_at is None],
        "today": services().clock.now().date(),
    }


@bp.get("/desk/")
def index() -> ResponseReturnValue:
    """Choose a procedure; or sign in."""
    found = services().desk.find_clerk()
    if found is None:
        allow_form_target(services().settings.valid_browser_url)
        return render_template("verifier/sign_in.html")
    entries = services().store.procedures(found.administration.id)
    procedures = [services().requests.registered(found.administration, each) for each in entries]
    cases = services().cases.recent(found.administration.id, limit=RECENT_ON_DESK)
    return render_template("verifier/desk.html", procedures=procedures, cases=cases)


@bp.post("/desk/sign-in")
def sign_in() -> ResponseReturnValue:
    """Leave for VÀLid."""
    return redirect(services().desk.leave(is_repeat=request.form.get("again") == "yes"), 303)


@bp.get("/valid/callback")
def callback() -> ResponseReturnValue:
    """Come back from VÀLid."""
    services().desk.come_back(request.args)
    return redirect(url_for("desk.index"), 303)


@bp.post("/desk/sign-out")
def sign_out() -> ResponseReturnValue:
    """Sign the browser out."""
    services().desk.end()
    return redirect(url_for("desk.index"), 303)


@bp.post("/desk/presentations")
def start() -> ResponseReturnValue:
    """Start a request of a procedure."""
    found = services().desk.get_clerk()
    made = services().requests.start(
        found.administration.id, request.form.get("procedure", ""), started_by=found.name
    )
    return redirect(url_for("desk.case", presentation_id=made.id), 303)


@bp.get("/desk/presentations/<presentation_id>")
def case(presentation_id: str) -> ResponseReturnValue:
    """Show one case: the code while it waits, then the verdict."""
    found = services().desk.get_clerk()
    shown = services().cases.get(found.administration.id, presentation_id)
    codes = {}
    if shown.state in {CaseState.WAITING, CaseState.TROUBLE}:
        link = services().requests.wallet_link(shown.presentation)
        other = services().requests.link(shown.presentation).url()
        codes = {"link": link, "qr_code": qr_data_uri(link), "other_qr_code": qr_data_uri(other)}
    return render_template("verifier/case.html", case=shown, **codes)


@bp.get("/desk/cases")
def cases() -> ResponseReturnValue:
    """List the cases, newest first."""
    found = services().desk.get_clerk()
    return render_template(
        "verifier/cases.html", cases=services().cases.recent(found.administration.id, limit=RECENT_CASES)
    )


@bp.get("/desk/withdrawals")
def withdrawals() -> ResponseReturnValue:
    """List those who take back and wait for an answer, the most urgent first."""
    found = services().desk.get_clerk()
    waiting = services().store.open_withdrawals(found.administration.id)
    shown = [(each, services().cases.get(found.administration.id, each.presentation_id)) for each in waiting]
    return render_template("verifier/withdrawals.html", shown=shown)


@bp.get("/desk/withdrawals/<withdrawal_id>")
def withdrawal(withdrawal_id: str) -> ResponseReturnValue:
    """Show one, with the form to answer it."""
    return _withdrawal_page(withdrawal_id)


def _withdrawal_page(withdrawal_id: str, *, is_missing: bool = False) -> str:
    found = services().desk.get_clerk()
    one = services().store.get_withdrawal(found.administration.id, withdrawal_id)
    return render_template(
        "verifier/withdrawal.html",
        withdrawal=one,
        case=services().cases.get(found.administration.id, one.presentation_id),
        grounds=GROUND_SENTENCES,
        is_missing=is_missing,
    )


@bp.post("/desk/withdrawals/<withdrawal_id>")
def answer(withdrawal_id: str) -> ResponseReturnValue:
    """Answer it: block now, refuse on a legal ground, or send an answer that still waits."""
    found = services().desk.get_clerk()
    decision, here, use = request.form.get("decision", ""), found.administration.id, services().withdrawals
    if not decision:
        return _withdrawal_page(withdrawal_id, is_missing=True), HTTPStatus.BAD_REQUEST
    if decision == "erase":
        use.erase(here, withdrawal_id, decided_by=found.name)
    elif decision == "send":
        use.give_answer(here, withdrawal_id)
    else:
        use.refuse(here, withdrawal_id, legal_ground=decision, decided_by=found.name)
    return redirect(url_for("desk.withdrawal", withdrawal_id=withdrawal_id), 303)
