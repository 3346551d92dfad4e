# SPDX-License-Identifier: EUPL-1.2
"""The two endpoints of an office for auditors, the same at every service that keeps records."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from ledger.office_records import RecordsRequests
from protocol.encoding import get_member, parse_object


def records_blueprint(requests: Callable[[], RecordsRequests]) -> Blueprint:
    """Return the endpoints; `requests` gives those of the application that handles the call."""
    bp = Blueprint("office_records", __name__)

    @bp.post("/<administration_id>/records-requests")
    def ask(administration_id: str) -> ResponseReturnValue:
        """Take an auditor's signed request for the office's records; safe to repeat."""
        token = get_member(parse_object(request.get_data()), "request", str)
        kept = requests().receive(administration_id, token)
        return jsonify(id=kept.id, due=kept.asked.due_on.isoformat()), HTTPStatus.ACCEPTED

    @bp.post("/<administration_id>/records-requests/<request_id>/access")
    def fetch(administration_id: str, request_id: str) -> ResponseReturnValue:
        """Give what was handed over to whoever asked, who signs each access; 202 while nothing was."""
        token = get_member(parse_object(request.get_data()), "access", str)
        answer = requests().fetch(administration_id, request_id, token)
        if answer is None:
            return jsonify(state="received"), HTTPStatus.ACCEPTED
        return Response(answer, content_type="application/json")

    return bp
