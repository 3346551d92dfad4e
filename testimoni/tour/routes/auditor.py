# SPDX-License-Identifier: EUPL-1.2
"""The end of the auditor's walk: a genuine and a forged copy before the same check."""

from __future__ import annotations

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from ledger.trust import TrustFile
from protocol.errors import RequestError
from testimoni.tour.forgery import CODE, Change, forge
from testimoni.tour.judge import complete, judge
from testimoni.tour.services import services

bp = Blueprint("auditor", __name__, url_prefix="/auditor")


@bp.get("/forgery")
def forgery() -> ResponseReturnValue:
    """Compare the sample with a forged copy of it."""
    sample = services().sample
    return _compare(
        sample.evidence, TrustFile.parse(sample.trust), _change(request.args.get("change")), is_sample=True
    )


@bp.post("/forgery")
def compare() -> ResponseReturnValue:
    """Compare evidence that the visitor brings with a forged copy of it; nothing is kept."""
    given = request.files.get("evidence")
    evidence = given.read() if given else b""
    trust = TrustFile.parse(services().evidence_trust_file.read_bytes())
    return _compare(evidence, trust, _change(request.form.get("change")), is_sample=False)


@bp.get("/sample/<name>")
def sample(name: str) -> ResponseReturnValue:
    """Download the sample, the forged copy of it, or what the check trusts."""
    kept = services().sample
    match name:
        case "evidence.json":
            body = kept.evidence
        case "forged.json":
            body = forge(kept.evidence, _change(request.args.get("change"))).evidence
        case "trust.json":
            body = kept.trust
        case _:
            abort(404)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, content_type="application/json", headers=headers)


def _change(given: str | None) -> Change:
    try:
        return Change(given or Change.PURPOSE)
    except ValueError as exc:
        raise RequestError(CODE, "no such change") from exc


def _compare(evidence: bytes, trust: TrustFile, change: Change, *, is_sample: bool) -> str:
    forged = forge(evidence, change)
    now = services().clock.now()
    genuine = judge(evidence, trust, now=now)
    return render_template(
        "tour/forgery.html",
        change=change.value,
        forged=forged,
        genuine_result=genuine,
        forged_result=complete(judge(forged.evidence, trust, now=now), genuine),
        is_sample=is_sample,
    )
