# SPDX-License-Identifier: EUPL-1.2
"""VÀLid's endpoints for programs."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.services import services
from sandbox.valid import TOKEN_LIFETIME

bp = Blueprint("valid", __name__)


@bp.post("/o/oauth2/token")
def token() -> ResponseReturnValue:
    """Give an access token for a code (RFC 6749, section 4.1.3)."""
    made = services().valid.token(request.form)
    return jsonify(access_token=made, expires_in=int(TOKEN_LIFETIME.total_seconds()), token_type="Bearer")  # noqa: S106 - the type of token, not one


@bp.get("/o/oauth2/revoke")
def revoke() -> ResponseReturnValue:
    """Make a token useless; the person stays signed in."""
    is_known = services().valid.revoke(request.args.get("token", ""))
    return jsonify(status="ok" if is_known else "ko"), 200 if is_known else 400


@bp.get("/o/oauth2/logout")
def logout() -> ResponseReturnValue:
    """Make a token useless and sign the person out."""
    is_known = services().valid.logout(request.args.get("token", ""))
    return jsonify(status="ok" if is_known else "ko"), 200 if is_known else 400


@bp.get("/serveis-rest/getUserInfo")
def user_info() -> ResponseReturnValue:
    """Tell who the token's person is; a bad token is an answer with status ko."""
    return jsonify(services().valid.user_info(request.args.get("AccessToken", "")))
