# SPDX-License-Identifier: EUPL-1.2
"""Endpoints for wallets (OpenID4VCI 1.0): metadata, offer, token, nonce, credential, notification.

An access token comes in the Authorization header and nowhere else (RFC 6750, section 2); a refused one is answered
with 401 and `WWW-Authenticate`.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from issuer.issuance import invalid_token
from issuer.services import services
from protocol.encoding import JSON, parse_object
from protocol.errors import RequestError
from protocol.openid4vci.credential_request import CredentialRequest
from protocol.openid4vci.encryption import open_request
from protocol.openid4vci.nonce import NonceResponse
from protocol.openid4vci.notification import NotificationRequest
from protocol.openid4vci.token import PreAuthorizedRequest

bp = Blueprint("oid4vci", __name__)
_SCHEME = "bearer "


@bp.get("/.well-known/openid-credential-issuer/<administration_id>")
def issuer_metadata(administration_id: str) -> ResponseReturnValue:
    """Describe an issuer (section 12.2)."""
    return jsonify(services().issuer.metadata(administration_id).to_json())


@bp.get("/.well-known/oauth-authorization-server/<administration_id>")
def server_metadata(administration_id: str) -> ResponseReturnValue:
    """Describe its authorization server (RFC 8414)."""
    return jsonify(services().issuer.server_metadata(administration_id).to_json())


@bp.get("/<administration_id>/offers/<offer_token>")
def offer(administration_id: str, offer_token: str) -> ResponseReturnValue:
    """Give an offer by reference (section 4.1.3)."""
    return jsonify(services().issuer.get_offer(administration_id, offer_token).to_json())


@bp.post("/<administration_id>/token")
def token(administration_id: str) -> ResponseReturnValue:
    """Redeem a pre-authorized code (section 6)."""
    wanted = PreAuthorizedRequest.parse(request.form.to_dict(flat=False))
    return jsonify(services().issuer.redeem(administration_id, wanted).to_json())


@bp.post("/<administration_id>/nonce")
def nonce(administration_id: str) -> ResponseReturnValue:
    """Give a fresh nonce (section 7)."""
    return jsonify(NonceResponse(services().issuer.new_nonce(administration_id)).to_json())


@bp.post("/<administration_id>/credential")
def credential(administration_id: str) -> ResponseReturnValue:
    """Issue the copies that were offered (section 8)."""
    issuer = services().issuer
    issuance = issuer.check_token(administration_id, bearer_token())
    body = open_request(request.get_data(), request.content_type or "", keys={}, is_required=False)
    wanted = CredentialRequest.parse(body.members, is_encrypted=body.is_encrypted)
    return jsonify(issuer.issue(administration_id, issuance, wanted).to_json())


@bp.post("/<administration_id>/notification")
def notification(administration_id: str) -> ResponseReturnValue:
    """Take a wallet's word on what became of the copies (section 11)."""
    issuer = services().issuer
    issuance = issuer.check_token(administration_id, bearer_token())
    told = NotificationRequest.parse(json_body("invalid_notification_request"))
    issuer.notify(administration_id, issuance, told)
    return "", HTTPStatus.NO_CONTENT


@bp.after_request
def challenge(response: Response) -> Response:
    """Tell a wallet whose token is refused how to present one (RFC 6750, section 3)."""
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        reason = ', error="invalid_token"' if "Authorization" in request.headers else ""
        response.headers["WWW-Authenticate"] = f'Bearer realm="{services().settings.public_url}"{reason}'
    return response


def bearer_token() -> str:
    """Return the access token of the header.

    Raises `RequestError`: `invalid_token` without one, `invalid_request` for one in query or form.
    """
    if "access_token" in request.args or "access_token" in request.form:
        raise RequestError("invalid_request", "an access token is only taken in the Authorization header")
    header = request.headers.get("Authorization", "")
    if not header.lower().startswith(_SCHEME):
        raise invalid_token("expected a bearer token in the Authorization header")
    return header[len(_SCHEME) :].strip()


def json_body(code: str) -> dict[str, JSON]:
    """Return the JSON object in the body. Raises `RequestError` with the endpoint's own code."""
    try:
        return parse_object(request.get_data())
    except RequestError as exc:
        raise RequestError(code, exc.message) from exc
