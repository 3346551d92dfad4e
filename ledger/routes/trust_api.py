# SPDX-License-Identifier: EUPL-1.2
"""The trust list that follows from the registry, and its history, for programs; the same for everybody (CORS)."""

from __future__ import annotations

from datetime import UTC, date, datetime

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from ledger.registry import NOTHING
from ledger.registry_events import Role
from ledger.registry_json import answer_json, event_json, place_json
from ledger.services import services
from protocol.encoding import b64url_decode
from protocol.errors import RequestError
from protocol.trust import TYPE

bp = Blueprint("trust", __name__)
_DIGEST_BYTES = 32


@bp.after_request
def _share(response: Response) -> Response:
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@bp.get("/trust/v1/list")
def trust_list() -> ResponseReturnValue:
    """Return the newest signed trust list, a compact JWS that names its block and the registry's running hash."""
    token = services().trust_history.get_list()
    response = Response(token, content_type=f"application/{TYPE}")
    # who takes rights back wants it seen; the list itself says how old it may become
    response.headers["Cache-Control"] = "no-cache"
    return response


@bp.get("/trust/v1/history")
def history() -> ResponseReturnValue:
    """Say whether a key was trusted in a role for this, on a day or at a moment.

    This service's own word; whoever wants to be sure folds `/trust/v1/events` and asks a node for the newest hash.
    """
    key, role = _digest("key"), _role()
    what = NOTHING if role is Role.AUDITOR else _digest("what")
    place, answer = services().trust_history.answer(key, role, what, on=_on())
    return jsonify(**answer_json(answer), registry=place_json(place))


@bp.get("/trust/v1/events")
def events() -> ResponseReturnValue:
    """Return all events of the registry and the place that they lead to."""
    place, found = services().trust_history.events()
    return jsonify(registry=place_json(place), events=[event_json(event) for event in found])


def _argument(name: str) -> str:
    text = request.args.get(name)
    if text is None:
        raise RequestError("invalid_request", f"expected parameter {name}")
    return text


def _digest(name: str) -> bytes:
    digest = b64url_decode(_argument(name))
    if len(digest) != _DIGEST_BYTES:
        raise RequestError("invalid_request", f"expected {name} as {_DIGEST_BYTES} bytes in base64url")
    return digest


def _role() -> Role:
    text = _argument("role")
    names = {role.name.lower(): role for role in Role if role is not Role.NONE}
    if text not in names:
        raise RequestError("invalid_request", f"expected role to be one of {', '.join(names)}")
    return names[text]


def _on() -> date | datetime:
    """Return the day, or the moment when the text has a time; a moment names its zone."""
    text = _argument("on")
    try:
        if len(text) == len("2026-11-27"):
            return date.fromisoformat(text)
        # a plus sign in a query is a space
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        if moment.tzinfo is None:
            raise RequestError("invalid_request", "expected on with its zone")
        # a moment in the first hours or the last of all years has none in UTC
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise RequestError("invalid_request", "expected on as a date or a time with its zone") from exc
