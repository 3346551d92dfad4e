# SPDX-License-Identifier: EUPL-1.2
"""Pages for people: choose a document, read what the law says, collect it, see who asked about oneself."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from issuer.links import keep_return
from issuer.routes.words import OUTCOME_KINDS, offer_page, outcome_word, recorded_state
from issuer.services import services
from issuer.visits import Errand, Purpose
from protocol.errors import RequestError
from protocol.runtime.web import allow_form_target

bp = Blueprint("pages", __name__)
# nobody has a thousand documents of one type
MAX_CHOICE_DIGITS = 3


def return_url() -> str:
    """Return the page of our wallet that this visit came from, if any."""
    return keep_return(request.values.get("return", ""), wallet_url=services().settings.wallet_url)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Choose an administration and a document."""
    administrations, types = services().store.administrations(), services().types
    return render_template(
        "issuer/index.html", administrations=administrations, types=types, return_url=return_url()
    )


@bp.get("/<administration_id>/")
def administration(administration_id: str) -> ResponseReturnValue:
    """Choose a document of one administration."""
    found = services().issuer.get_administration(administration_id)
    return render_template(
        "issuer/administration.html",
        administration=found,
        types=services().types,
        return_url=return_url(),
    )


@bp.get("/<administration_id>/get/<type_id>")
def get(administration_id: str, type_id: str) -> ResponseReturnValue:
    """Say what is fetched, from whom and under which law, before anything is."""
    return _legal_page(administration_id, type_id)


def _legal_page(administration_id: str, type_id: str, *, is_missing: bool = False) -> str:
    found, kind = services().enquiries.get_type(administration_id, type_id)
    person = services().visits.find_person(administration_id)
    allow_form_target(services().settings.valid_browser_url)
    return render_template(
        "issuer/get.html",
        administration=found,
        kind=kind,
        objection=services().enquiries.find_objection(administration_id, type_id, person) if person else None,
        is_missing=is_missing,
        is_repeat="again" in request.args,
        return_url=return_url(),
    )


@bp.post("/<administration_id>/get/<type_id>")
def start(administration_id: str, type_id: str) -> ResponseReturnValue:
    """Leave to sign in; where the law wants an authorisation, only with it."""
    _, kind = services().enquiries.get_type(administration_id, type_id)
    is_authorised = request.form.get("authorise") == "yes"
    if kind.asks_authorisation and not is_authorised:
        return _legal_page(administration_id, type_id, is_missing=True), HTTPStatus.BAD_REQUEST
    errand = Errand(
        purpose=Purpose.GET,
        administration_id=administration_id,
        type_id=type_id,
        authorised_at=services().clock.now().isoformat() if kind.asks_authorisation else "",
        return_url=return_url(),
    )
    is_repeat = request.form.get("again") == "yes"
    return redirect(services().visits.leave(errand, kind=kind, is_repeat=is_repeat), 303)


@bp.get("/<administration_id>/get/<type_id>/object")
def objection_form(administration_id: str, type_id: str) -> ResponseReturnValue:
    """Ask why the person objects."""
    return _objection_page(administration_id, type_id)


def _objection_page(administration_id: str, type_id: str, *, is_missing: bool = False) -> str:
    found, kind = services().enquiries.get_type(administration_id, type_id)
    if kind.asks_authorisation:
        raise RequestError(
            "not_found", "this query needs an authorisation, so there is nothing to object to", status=404
        )
    allow_form_target(services().settings.valid_browser_url)
    return render_template("issuer/object.html", administration=found, kind=kind, is_missing=is_missing)


@bp.post("/<administration_id>/get/<type_id>/object")
def object_to_query(administration_id: str, type_id: str) -> ResponseReturnValue:
    """Leave to sign in, to make the objection one's own."""
    services().enquiries.get_type(administration_id, type_id)
    reason = request.form.get("reason", "")
    if not reason.strip():
        return _objection_page(administration_id, type_id, is_missing=True), HTTPStatus.BAD_REQUEST
    errand = Errand(
        purpose=Purpose.OBJECT,
        administration_id=administration_id,
        type_id=type_id,
        sealed_reason=services().enquiries.seal_reason(administration_id, reason).hex(),
    )
    return redirect(services().visits.leave(errand), 303)


@bp.get("/<administration_id>/objection/<objection_id>")
def objection(administration_id: str, objection_id: str) -> ResponseReturnValue:
    """Say that nothing will be fetched, and what the person can do instead."""
    person = services().visits.get_person(administration_id)
    found = services().enquiries.get_objection(administration_id, objection_id, person)
    office, kind = services().enquiries.get_type(administration_id, found.type_id)
    reason = services().enquiries.reason_of(found)
    return render_template(
        "issuer/objection.html", administration=office, kind=kind, objection=found, reason=reason
    )


@bp.post("/<administration_id>/objection/<objection_id>")
def withdraw_objection(administration_id: str, objection_id: str) -> ResponseReturnValue:
    """Take an objection back, and go on where it stopped."""
    person = services().visits.get_person(administration_id)
    type_id = services().enquiries.withdraw_objection(administration_id, objection_id, person)
    return redirect(url_for("pages.get", administration_id=administration_id, type_id=type_id), 303)


@bp.get("/<administration_id>/offer/<issuance_id>")
def offer(administration_id: str, issuance_id: str) -> ResponseReturnValue:
    """Show where one document stands: to be chosen, to be collected, collected, or why not."""
    person = services().visits.get_person(administration_id)
    view = services().offers.view(administration_id, issuance_id, person)
    office, kind = services().enquiries.get_type(administration_id, view.issuance.type_id)
    return render_template(
        "issuer/offer.html", **offer_page(view, office, kind, services().settings, services().issuer)
    )


@bp.post("/<administration_id>/offer/<issuance_id>")
def choose(administration_id: str, issuance_id: str) -> ResponseReturnValue:
    """Take one of several documents."""
    person = services().visits.get_person(administration_id)
    given = request.form.get("document", "")
    here = url_for("pages.offer", administration_id=administration_id, issuance_id=issuance_id)
    if not given.isdecimal() or len(given) > MAX_CHOICE_DIGITS:
        return redirect(f"{here}?missing=1", 303)
    services().offers.choose(administration_id, issuance_id, person, int(given))
    return redirect(here, 303)


@bp.get("/<administration_id>/queries")
def queries(administration_id: str) -> ResponseReturnValue:
    """Show who asked what about the person on this administration's account."""
    found = services().issuer.get_administration(administration_id)
    person = services().visits.find_person(administration_id)
    allow_form_target(services().settings.valid_browser_url)
    return render_template(
        "issuer/queries.html",
        administration=found,
        types=services().types,
        is_signed_in=person is not None,
        queries=services().enquiries.queries_about(administration_id, person) if person else (),
        records=services().query_records.records_about(administration_id, person) if person else {},
        recorded_state=recorded_state,
        outcome_word=outcome_word,
        outcome_kinds=OUTCOME_KINDS,
    )


@bp.post("/<administration_id>/queries")
def sign_in_for_queries(administration_id: str) -> ResponseReturnValue:
    """Leave to sign in, to see the queries about oneself."""
    services().issuer.get_administration(administration_id)
    errand = Errand(purpose=Purpose.QUERIES, administration_id=administration_id)
    return redirect(services().visits.leave(errand), 303)


@bp.get("/<administration_id>/queries/<query_id>/evidence")
def query_evidence(administration_id: str, query_id: str) -> ResponseReturnValue:
    """Give the evidence file of a query about oneself, to keep or to have checked."""
    person = services().visits.get_person(administration_id)
    now = services().clock.now()
    body = services().recording.evidence(administration_id, person, query_id, now=now)
    headers = {"Content-Disposition": f'attachment; filename="query-{query_id}.json"'}
    return Response(body, content_type="application/json", headers=headers)


@bp.post("/<administration_id>/sign-out")
def sign_out(administration_id: str) -> ResponseReturnValue:
    """Sign the browser out."""
    services().visits.end()
    return redirect(url_for("pages.administration", administration_id=administration_id), 303)
