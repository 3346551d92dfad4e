# SPDX-License-Identifier: EUPL-1.2
"""Pages for everybody: who works here, how to reach an office about one's data, and what it does with them."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from verifier.routes import words
from verifier.services import services

bp = Blueprint("pages", __name__)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Point clerks to the desk and citizens to their office."""
    return render_template("verifier/index.html", administrations=services().store.administrations())


@bp.get("/<administration_id>/support")
def support(administration_id: str) -> ResponseReturnValue:
    """Say how to take something back, with the wallet and without."""
    return _office_page("verifier/support.html", administration_id)


@bp.get("/<administration_id>/privacy")
def privacy(administration_id: str) -> ResponseReturnValue:
    """Say what the office does with what it is shown, procedure by procedure."""
    return _office_page("verifier/privacy.html", administration_id)


def _office_page(template: str, administration_id: str) -> str:
    found = services().store.get_administration(administration_id)
    entries = services().store.procedures(administration_id)
    procedures = [services().requests.registered(found, each) for each in entries]
    return render_template(
        template,
        administration=found,
        procedures=procedures,
        document_types=services().store.document_types(administration_id),
        authorities=sorted({(p.supervisory_authority_name, p.supervisory_authority_uri) for p in procedures}),
        words=words,
    )
