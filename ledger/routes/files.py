# SPDX-License-Identifier: EUPL-1.2
"""What people bring: an evidence file to be checked here, or to become a statement about a case.

A file is read in memory, and nothing of it is stored, logged or sent anywhere: not its names, not its commitment.
The page that answers carries it no further either, so looking again means bringing it again.
"""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from ledger.case import open_case
from ledger.evidence import Evidence
from ledger.evidence_audit import audit_evidence
from ledger.findings import ExitStatus, overall
from ledger.party_keys import trust_of_site
from ledger.routes import case_words, words
from ledger.services import services
from ledger.trust import TrustFile
from protocol.errors import RequestError

bp = Blueprint("files", __name__)
# Evidence of a share with its withdrawal and answer takes 25 kB. Above 500 kB the web framework would put an
# upload on the disk, where nothing of it may ever be.
MAX_UPLOAD_BYTES = 400 * 1024


@bp.before_request
def _limit() -> None:
    # one more, so that what comes in pieces, and says its length nowhere, is seen to be too long
    request.max_content_length = MAX_UPLOAD_BYTES + 1
    if (request.content_length or 0) > MAX_UPLOAD_BYTES or len(request.get_data()) > MAX_UPLOAD_BYTES:
        raise RequestError("file_too_large", f"expected at most {MAX_UPLOAD_BYTES} bytes", status=413)


@bp.get("/check")
def check() -> ResponseReturnValue:
    """Ask for an evidence file."""
    return render_template(
        "ledger/check.html", limit=MAX_UPLOAD_BYTES // 1024, evidence_command=words.EVIDENCE_COMMAND
    )


@bp.post("/check")
def checked() -> ResponseReturnValue:
    """Check an evidence file, as `testimoni verify-evidence` does."""
    data = _evidence_file()
    evidence = Evidence.parse(data)
    trust, is_own = _trust(evidence)
    found = audit_evidence(evidence, trust, {}, now=services().clock.now())
    status = overall([each for record in found for each in record])
    return render_template(
        "ledger/checked.html",
        kind=words.STATUS_KINDS[status],
        holds=status is ExitStatus.HOLDS,
        records=[
            {"title": words.record_title(item), "rows": [words.row(each) for each in findings], "raw": findings}
            for item, findings in zip(evidence.records, found, strict=True)
        ],
        is_own=is_own,
        evidence_command=words.EVIDENCE_COMMAND,
    )


@bp.get("/case")
def case() -> ResponseReturnValue:
    """Ask for the evidence file of a case."""
    return render_template("ledger/case.html", limit=MAX_UPLOAD_BYTES // 1024)


@bp.post("/case")
def statement() -> ResponseReturnValue:
    """Write the statement about the case in a file."""
    data = _evidence_file()
    trust, is_own = _trust(Evidence.parse(data))
    now = services().clock.now()
    found = open_case(data, trust, now=now)
    return render_template(
        "ledger/statement.html",
        case=case_words.present(found),
        is_own=is_own,
        made_at=now,
        evidence_command=words.EVIDENCE_COMMAND,
    )


def _evidence_file() -> bytes:
    """Return the file, or what was pasted instead."""
    data = _read("evidence") or request.form.get("pasted", "").strip().encode()
    if not data:
        raise RequestError("file_missing", "expected an evidence file, or its text")
    return data


def _trust(evidence: Evidence) -> tuple[TrustFile, bool]:
    """Return whom to trust: the file that came along, else this site's own word, and whether it is that."""
    given = _read("trust")
    if given:
        return TrustFile.parse(given), False
    known = services()
    logs = [each.audited(known.settings.validators) for each in known.publication.logs()]
    return trust_of_site(evidence, logs, known.trust_list, now=known.clock.now()), True


def _read(name: str) -> bytes:
    given = request.files.get(name)
    return b"" if given is None else given.read()
