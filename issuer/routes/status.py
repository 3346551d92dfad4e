# SPDX-License-Identifier: EUPL-1.2
"""Status lists for verifiers (draft-ietf-oauth-status-list-20, sections 8 and 9), open to everybody.

Whoever asks gets a whole list and never says for which document; a list of the past is not given (section 12.7).
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from issuer.services import services
from issuer.status import historical_status
from protocol.status_list import MEDIA_TYPE

bp = Blueprint("status", __name__)


@bp.get("/<administration_id>/status")
def aggregation(administration_id: str) -> ResponseReturnValue:
    """List the administration's lists (section 9.2)."""
    found = services().issuer.get_administration(administration_id)
    return jsonify(services().statuses.aggregation(found.id))


@bp.get("/<administration_id>/status/<list_id>")
def status_list(administration_id: str, list_id: str) -> ResponseReturnValue:
    """Give one list, signed (section 8.1)."""
    if "time" in request.args:
        raise historical_status()
    found = services().issuer.get_administration(administration_id)
    served = services().statuses.serve(found, list_id)
    response = Response(served.token, content_type=MEDIA_TYPE)
    response.headers["Cache-Control"] = f"public, max-age={served.max_age}"
    response.set_etag(served.etag)
    return response.make_conditional(request)


@bp.after_request
def open_to_all(response: Response) -> Response:
    """Let scripts of any origin read it: verifiers may be web pages."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
