# SPDX-License-Identifier: EUPL-1.2
"""The back-office API. The bearer token names the administration; nothing else in a request can."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from protocol.encoding import parse_object
from verifier.model import Administration
from verifier.services import services

bp = Blueprint("api", __name__, url_prefix="/api/v1")


@bp.post("/presentations")
def start() -> ResponseReturnValue:
    """Start a presentation request of a registered procedure."""
    made = services().backoffice.start(caller(), parse_object(request.get_data()))
    return jsonify(made), HTTPStatus.CREATED


@bp.get("/presentations/<presentation_id>")
def show(presentation_id: str) -> ResponseReturnValue:
    """Say where a presentation request stands, and its result."""
    return jsonify(services().backoffice.get(caller(), presentation_id))


@bp.post("/verify")
def verify() -> ResponseReturnValue:
    """Check one document as text, technically: not a basis for a decision."""
    return jsonify(services().backoffice.verify(caller(), parse_object(request.get_data())))


@bp.after_request
def challenge(response: Response) -> Response:
    """Tell a program without a valid token how to present one (RFC 6750, section 3)."""
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="testimoni-verifier"'
    return response


def caller() -> Administration:
    """Return the administration whose token came along."""
    return services().backoffice.get_administration(request.headers.get("Authorization", ""))
