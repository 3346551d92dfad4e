# SPDX-License-Identifier: EUPL-1.2
"""The site for auditors: what the log says now, each anchor, how to check it all, and what it cannot tell."""

from __future__ import annotations

import base64

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from ledger.routes import words
from ledger.routes.witnesses import witnessed
from ledger.services import services
from ledger.trust import format_hex
from ledger.values import AnchorState, LogCondition, LogState
from protocol.errors import RequestError, UnavailableError

bp = Blueprint("pages", __name__)
ANCHORS_PER_PAGE = 20


@bp.app_context_processor
def _shared() -> dict[str, object]:
    return {"hexadecimal": format_hex, "anchor_kinds": words.ANCHOR_KINDS, "states": AnchorState}


@bp.get("/")
def home() -> ResponseReturnValue:
    """Show a log: head, state, anchors."""
    log = find_log()
    if log is None:
        return render_template("ledger/home.html", log=None)
    publication = services().publication
    before = _before()
    _, shown = publication.anchors(log=log.name, before=before, limit=ANCHORS_PER_PAGE + 1)
    newest = publication.find_final_anchor(log=log.name)
    return render_template(
        "ledger/home.html",
        log=log,
        witnessed=witnessed(log),
        other=other_name(log),
        is_open=log.condition is LogCondition.OPEN,
        has_ended=log.has_ended,
        waiting=publication.count_waiting(log=log.name),
        newest=newest,
        unanchored=log.size - (0 if newest is None else newest.size),
        is_anchoring=services().settings.chain_url is not None,
        anchors=shown[:ANCHORS_PER_PAGE],
        older=shown[ANCHORS_PER_PAGE - 1].size if len(shown) > ANCHORS_PER_PAGE else None,
        is_first=before is None,
    )


@bp.get("/anchors/<int:size>")
def anchor(size: int) -> ResponseReturnValue:
    """Show one anchor with its block and transaction."""
    publication = services().publication
    log, found = publication.get_anchor(size, log=request.args.get("log"))
    return render_template(
        "ledger/anchor.html",
        log=log,
        other=other_name(log),
        anchor=found,
        root=base64.b64encode(found.root).decode(),
        checkpoint=publication.get_checkpoint(log=log.name, size=size).note,
        neighbours=publication.neighbours(log.name, size),
    )


@bp.get("/audit")
def audit() -> ResponseReturnValue:
    """Explain how to audit the log, with the command."""
    return render_template(
        "ledger/audit.html", audit_command=words.audit_command(), evidence_command=words.EVIDENCE_COMMAND
    )


@bp.get("/limits")
def limits() -> ResponseReturnValue:
    """Say which questions a blind log cannot answer, and who can."""
    return render_template(
        "ledger/limits.html",
        ask_command=words.ASK_COMMAND,
        ask_issuer_command=words.ASK_ISSUER_COMMAND,
        fetch_command=words.FETCH_COMMAND,
    )


def find_log() -> LogState | None:
    """Return the log that the address names, else the current one; None while that is being opened."""
    try:
        return services().publication.get_log(request.args.get("log"))
    except UnavailableError:
        return None


def other_name(log: LogState) -> str | None:
    """Return the name that links to this log need; None for the current one, which needs none."""
    return None if log.name == services().settings.log else log.name


def _before() -> int | None:
    text = request.args.get("before")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:  # noqa: PLR2004 - digits of a 64-bit number
        raise RequestError("invalid_request", "expected before to be a whole number")
    return int(text)
