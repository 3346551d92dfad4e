# SPDX-License-Identifier: EUPL-1.2
"""The tour's pages for people."""

from __future__ import annotations

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from protocol.runtime.i18n import language
from testimoni.tour.health import ask_all
from testimoni.tour.services import services
from testimoni.tour.walks import Place, Walk

bp = Blueprint("tour", __name__)


@bp.app_template_global()
def address(place: str, path: str) -> str:
    """Return where a step's button leads, in the visitor's language."""
    return f"{services().places[Place(place)]}{path}?lang={language()}"


@bp.get("/")
def home() -> ResponseReturnValue:
    """Ask who the visitor is."""
    return render_template("tour/home.html")


@bp.get("/<name>")
def walk(name: str) -> ResponseReturnValue:
    """Show one walk."""
    if name not in set(Walk):
        abort(404)
    return render_template(f"tour/{Walk(name)}.html", given=services())


@bp.get("/why")
def why() -> ResponseReturnValue:
    """Say when this is the best way and when it is not."""
    return render_template("tour/why.html")


@bp.get("/limits")
def limits() -> ResponseReturnValue:
    """Say what it cannot do."""
    return render_template("tour/limits.html")


@bp.get("/operator/health")
def health() -> ResponseReturnValue:
    """Ask every service how it is."""
    return render_template("tour/health.html", found=ask_all(services().http, services().places))
