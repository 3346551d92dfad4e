# SPDX-License-Identifier: EUPL-1.2
"""The report of the audit that the ledger makes of itself: to print, and as `testimoni audit --json` gives it."""

from __future__ import annotations

from threading import Lock

from flask import Blueprint, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from ledger.routes import words
from ledger.self_audit import OwnReport, audit_own
from ledger.services import services
from protocol.errors import UnavailableError

bp = Blueprint("report", __name__)
# an audit keeps a core busy: one at a time in each worker
_ONE = Lock()


@bp.get("/report")
def report() -> ResponseReturnValue:
    """Show the report, for paper."""
    made = _audit()
    return render_template(
        "ledger/report.html",
        report=made,
        rows=[words.row(each) for each in made.findings],
        kind=words.STATUS_KINDS[made.status],
        audit_command=words.audit_command(),
        log_name=request.args.get("log"),
    )


@bp.get("/report.json")
def report_json() -> ResponseReturnValue:
    """Download the report."""
    made = _audit()
    answer: Response = jsonify(made.to_json())
    answer.headers["Content-Disposition"] = 'attachment; filename="audit-report.json"'
    return answer


def _audit() -> OwnReport:
    known = services()
    log = known.publication.get_log(request.args.get("log"))
    if not _ONE.acquire(blocking=False):
        raise UnavailableError("audit_busy", "another audit is running here")
    try:
        return audit_own(
            known.publication,
            log,
            chain_url=known.settings.chain_url,
            open_chain=known.open_chain,
            validators=known.settings.validators,
            witnesses=[each.verifier for each in known.settings.witnesses],
            now=known.clock.now(),
        )
    finally:
        _ONE.release()
