# SPDX-License-Identifier: EUPL-1.2
"""The practice sign-in, and the page that says what the sandbox is; for browsers."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue

from protocol.errors import ConfigurationError
from protocol.runtime.sessions import BrowserSession, Sessions, sessions
from protocol.runtime.web import allow_form_target
from sandbox.people import Person
from sandbox.services import services
from sandbox.valid import AuthorizationRequest, Way

bp = Blueprint("pages", __name__)
SIGN_ON = "sign_on"


def _sessions() -> Sessions:
    found = sessions(current_app)
    if found is None:
        raise ConfigurationError("configuration_error", "the sandbox has no sessions")
    return found


def _sign_on(session: BrowserSession | None) -> str:
    return session.values.get(SIGN_ON, "") if session else ""


@bp.get("/")
def home() -> ResponseReturnValue:
    """Say what the sandbox is and who lives in it."""
    signed_in = services().valid.find_signed_in(_sign_on(_sessions().find()))
    person = services().people[signed_in.person] if signed_in else None
    return render_template("sandbox/home.html", **_groups(), person=person)


@bp.get("/o/oauth2/auth")
def authorize() -> ResponseReturnValue:
    """Ask who the person is, or return at once when the browser is signed in well enough."""
    wanted = services().valid.open_request(request.args)
    signed_in = services().valid.find_signed_in(_sign_on(_sessions().find()))
    back = services().valid.resume(wanted, signed_in)
    return redirect(back, 303) if back else _sign_in_page(wanted)


@bp.post("/o/oauth2/auth")
def sign_in() -> ResponseReturnValue:
    """Sign the chosen person in and return to the application."""
    wanted = services().valid.open_request(request.args)
    person = services().people.get(request.form.get("person", ""))
    way = Way.find(request.form.get("way", ""))
    if person is None or not person.signs_in or way is None:
        return _sign_in_page(wanted, is_incomplete=True), 400
    back, secret = services().valid.sign_in(wanted, person, way)
    if secret:
        session = _sessions().renew()
        session.values[SIGN_ON] = secret
        _sessions().save(session)
    return redirect(back, 303)


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the browser's sign-on session."""
    services().valid.sign_out(_sign_on(_sessions().find()))
    _sessions().end()
    return redirect("/", 303)


def _sign_in_page(wanted: AuthorizationRequest, *, is_incomplete: bool = False) -> str:
    allow_form_target(wanted.redirect_uri)
    return render_template(
        "sandbox/sign_in.html", **_groups(), wanted=wanted, is_incomplete=is_incomplete, chosen=request.form
    )


def _groups() -> dict[str, list[Person]]:
    """Return the people who sign in, as the pages group them."""
    people = [person for person in services().people.values() if person.signs_in]
    return {
        "citizens": [person for person in people if not person.is_clerk and person.failure is None],
        "clerks": [person for person in people if person.is_clerk],
        "failing": [person for person in people if person.failure is not None],
    }
