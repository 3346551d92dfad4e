# SPDX-License-Identifier: EUPL-1.2
"""Endpoints for wallets (OpenID4VP 1.0): the signed request, the response, and taking back.

A form parameter that comes twice is refused: two readers could believe two different things (RFC 6749, 3.1).
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from protocol.encoding import parse_object
from protocol.errors import RequestError
from protocol.openid4vp import REQUEST_MEDIA_TYPE, ErrorResponse, RequestUriPost, parse_encrypted_answer
from protocol.runtime.reconciling import RECONCILIATIONS_SHOWN
from verifier.services import services
from verifier.withdrawals import WithdrawalRequest, withdrawal_json

bp = Blueprint("oid4vp", __name__)
_FORM = "application/x-www-form-urlencoded"


@bp.get("/<administration_id>/request/<request_id>")
def fetch(administration_id: str, request_id: str) -> ResponseReturnValue:
    """Give the signed request object (section 5.10)."""
    token = services().requests.request_object(administration_id, request_id, posted=RequestUriPost())
    return Response(token, content_type=REQUEST_MEDIA_TYPE)


@bp.post("/<administration_id>/request/<request_id>")
def fetch_with_nonce(administration_id: str, request_id: str) -> ResponseReturnValue:
    """Give it with the wallet's nonce inside (section 5.10.1)."""
    token = services().requests.request_object(administration_id, request_id, posted=RequestUriPost.parse(form()))
    return Response(token, content_type=REQUEST_MEDIA_TYPE)


@bp.post("/<administration_id>/response/<request_id>")
def respond(administration_id: str, request_id: str) -> ResponseReturnValue:
    """Take the wallet's response, encrypted, or its no (sections 8.3.1 and 8.5)."""
    answer = parse_encrypted_answer(form())
    if isinstance(answer, ErrorResponse):
        reply = services().responses.decline(administration_id, request_id, error=answer.error, state=answer.state)
    else:
        reply = services().responses.receive(administration_id, request_id, answer.token)
    return Response(reply.body, status=reply.status, content_type="application/json")


@bp.post("/<administration_id>/withdrawals")
def take_back(administration_id: str) -> ResponseReturnValue:
    """Take a citizen's signed withdrawal, objection or request to erase; safe to repeat."""
    wanted = WithdrawalRequest.parse(parse_object(request.get_data()))
    kept = services().withdrawals.receive(administration_id, wanted)
    address = f"{services().settings.public_url}/{administration_id}/withdrawals/{kept.token}"
    return jsonify(status_uri=address, due=kept.due_on.isoformat()), HTTPStatus.ACCEPTED


@bp.get("/<administration_id>/withdrawals/<token>")
def take_back_status(administration_id: str, token: str) -> ResponseReturnValue:
    """Say what became of a withdrawal."""
    return jsonify(withdrawal_json(services().store.get_withdrawal_by_token(administration_id, token)))


@bp.get("/<administration_id>/reconciliations")
def reconciliations(administration_id: str) -> ResponseReturnValue:
    """Give what the office signed after comparing its books with the log, newest first."""
    store = services().store
    found = store.get_administration(administration_id)
    return jsonify(reconciliations=store.reconciliations(found.id, limit=RECONCILIATIONS_SHOWN))


def form() -> dict[str, str]:
    """Return the form's parameters. Raises `RequestError` when one comes twice or the body is no form."""
    if request.mimetype != _FORM and request.content_length:
        raise RequestError("invalid_request", f"expected {_FORM}")
    given = request.form.to_dict(flat=False)
    if repeated := [name for name, values in given.items() if len(values) > 1]:
        raise RequestError("invalid_request", f"parameter {min(repeated)} comes twice")
    return {name: values[0] for name, values in given.items()}
