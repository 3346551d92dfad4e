# SPDX-License-Identifier: EUPL-1.2
"""`testimoni audit` and `testimoni verify-evidence`: no configuration, no database.

Exit status: 0 holds, 1 violated, 2 could not tell (also for a file or an address that cannot be read).
Libraries are loaded when they are needed, so that help and offline checks start at once.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.audit_progress import ProgressBar
from ledger.findings import ExitStatus, Finding, Level, Outcome, could_not_tell, overall
from ledger.terminal import printable
from protocol.errors import Error, RequestError

if TYPE_CHECKING:
    from ledger.audit_state import AuditState
    from ledger.evidence import Evidence
    from ledger.trust import TrustFile

# Evidence of 64 records and trust in thousands of administrations stay below this.
MAX_FILE_BYTES = 4 * 1024 * 1024
_WORDS = {
    ExitStatus.HOLDS: "HOLDS",
    ExitStatus.VIOLATED: "VIOLATED",
    ExitStatus.COULD_NOT_TELL: "COULD NOT TELL",
}
_EXIT = "exit status: 0 holds, 1 violated, 2 could not tell"


def audit_command(argv: Sequence[str]) -> int:
    """Check a whole ledger against its chain; print the findings and return the exit status."""
    parser = argparse.ArgumentParser(
        "testimoni audit", description="Check a whole ledger against its chain.", epilog=_EXIT
    )
    parser.add_argument("--ledger", required=True, metavar="URL", help="the ledger's address")
    parser.add_argument("--chain", required=True, metavar="URL", help="JSON-RPC of any node of the chain")
    parser.add_argument("--trust", type=Path, metavar="FILE", help="whom you trust; otherwise the ledger's word")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="continue where the last audit ended, and keep in FILE where this one did",
    )
    where.add_argument(
        "--from", dest="from_size", type=_size, default=0, metavar="SIZE", help="anchors beyond SIZE only"
    )
    parser.add_argument("--log", metavar="NAME", help="another log than the current one")
    parser.add_argument(
        "--evidence", type=Path, metavar="FILE", help="also check these shares in the log: kept, not taken back"
    )
    parser.add_argument(
        "--ca", type=Path, metavar="FILE", help="the local authority that certifies the ledger's address, as PEM"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    given = parser.parse_args(argv)
    if given.state and given.evidence:
        parser.error("--evidence needs all leaves: leave out --state")
    try:
        trust = _read_trust(given.trust)
        evidence = _read_evidence(given.evidence) if given.evidence else None
        state = _read_state(given.state)
        _check_address("--ledger", given.ledger)
        _check_address("--chain", given.chain)
    except Error as exc:
        return _fail(exc, as_json=given.json)
    from ledger.auditor import Auditor  # noqa: PLC0415 - help must not load the network

    with ProgressBar(sys.stderr, is_wanted=not given.json) as progress:
        report = Auditor(
            given.ledger,
            given.chain,
            trust,
            log=given.log,
            from_size=given.from_size,
            state=state,
            progress=progress.show,
            ca_file=given.ca,
        ).run(evidence)
    kept = _keep(given.state, report.state)
    return _report(f"Audit of {report.title}", [*report.findings, *kept], report.records, as_json=given.json)


def verify_evidence_command(argv: Sequence[str]) -> int:
    """Check one evidence file offline; print the findings and return the exit status."""
    parser = argparse.ArgumentParser(
        "testimoni verify-evidence", description="Check one evidence file, offline.", epilog=_EXIT
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the evidence file")
    parser.add_argument("--trust", type=Path, metavar="FILE", help="whom you trust; without it, no key is known")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    given = parser.parse_args(argv)
    try:
        evidence = _read_evidence(given.file)
        trust = _read_trust(given.trust)
    except Error as exc:
        return _fail(exc, as_json=given.json)
    from ledger.evidence_audit import audit_evidence  # noqa: PLC0415 - help must not load cryptography
    from ledger.trust import TrustFile  # noqa: PLC0415 - the same
    from protocol.clock import SystemClock  # noqa: PLC0415 - the same

    findings: tuple[Finding, ...] = ()
    if trust is None:
        trust = TrustFile("", (), ())
        findings = (could_not_tell(Level.TRUST, "no trust file: no key, log or chain is known"),)
    records = audit_evidence(evidence, trust, {}, now=SystemClock().now())
    return _report(f"Evidence in {given.file.name}", findings, records, as_json=given.json)


def _size(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError("expected a whole number")
    return int(text)


def read_file(path: Path) -> bytes:
    """Return a file's bytes. Raises `RequestError` (`invalid_file`) when it cannot be read or is too long."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise RequestError("invalid_file", f"{path} cannot be read") from exc
    if len(data) > MAX_FILE_BYTES:
        raise RequestError("invalid_file", f"{path} is longer than {MAX_FILE_BYTES} bytes")
    return data


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let what is said about a file's content name the file."""
    try:
        yield
    except RequestError as exc:
        raise RequestError(exc.code, f"{path}: {exc.message}") from exc


def write_file(path: Path, data: bytes) -> None:
    """Write a file. Raises `RequestError` (`invalid_file`)."""
    try:
        path.write_bytes(data)
    except OSError as exc:
        raise RequestError("invalid_file", f"{path} cannot be written") from exc


def check_writable(path: Path) -> None:
    """Raise `RequestError` (`invalid_file`) unless this file can be written; nothing is changed."""
    was_there = path.exists()
    try:
        path.open("ab").close()
        if not was_there:
            path.unlink()
    except OSError as exc:
        raise RequestError("invalid_file", f"{path} cannot be written") from exc


def read_trust(path: Path) -> TrustFile:
    """Return a trust file. Raises `RequestError`."""
    from ledger.trust import TrustFile  # noqa: PLC0415 - the same

    data = read_file(path)
    with naming(path):
        return TrustFile.parse(data)


def _check_address(option: str, url: str) -> None:
    """Raise `RequestError` for what is no address, before it can be taken for the ledger's fault."""
    from protocol.runtime.fetch import origin_of  # noqa: PLC0415 - the same

    try:
        origin_of(url)
    except RequestError as exc:
        raise RequestError(exc.code, f"{option}: {exc.message}") from exc


def _read_trust(path: Path | None) -> TrustFile | None:
    return None if path is None else read_trust(path)


def _read_evidence(path: Path) -> Evidence:
    from ledger.evidence import Evidence  # noqa: PLC0415 - the same

    data = read_file(path)
    with naming(path):
        return Evidence.parse(data)


def _read_state(path: Path | None) -> AuditState | None:
    """Return where the last audit ended; None before the first one."""
    from ledger.audit_state import AuditState  # noqa: PLC0415 - the same

    return AuditState.parse(read_file(path)) if path is not None and path.exists() else None


def _keep(path: Path | None, state: AuditState | None) -> Sequence[Finding]:
    """Replace the state whole, so that an interrupted audit leaves the one before; say when it cannot be kept."""
    if path is None or state is None:
        return ()
    try:
        written = path.with_name(f"{path.name}.new")
        written.write_bytes(state.to_bytes())
        written.replace(path)
    except OSError:
        detail = f"{path} cannot be written: the next audit begins where this one did"
        return (could_not_tell(Level.TRUST, detail, counts=False),)
    return ()


def _fail(error: Error, *, as_json: bool) -> int:
    if as_json:
        members = {"result": "could not tell", "error": error.code, "detail": error.message}
        print(printable(json.dumps(members, ensure_ascii=False)))
    else:
        message = printable(f"{error.message} ({error.code})")
        print(f"{_WORDS[ExitStatus.COULD_NOT_TELL]}: {message}", file=sys.stderr)
    return ExitStatus.COULD_NOT_TELL


def _report(
    title: str, findings: Sequence[Finding], records: Sequence[Sequence[Finding]], *, as_json: bool
) -> int:
    status = overall([*findings, *(each for record in records for each in record)])
    result = _WORDS[status].lower()
    if as_json:
        members: dict[str, object] = {
            "schema": "testimoni/audit/1",
            "title": title,
            "result": result,
            "findings": [each.to_json() for each in findings],
            "records": [[each.to_json() for each in record] for record in records],
        }
        print(printable(json.dumps(members, ensure_ascii=False)))
        return status
    print(f"{printable(title)}\n")
    # what was assumed comes first
    for finding in sorted(findings, key=lambda each: each.level is not Level.TRUST):
        _print_line(finding)
    for number, record in enumerate(records, start=1):
        print(f"\nRecord {number}")
        for finding in record:
            _print_line(finding)
    print(f"\n{_WORDS[status]}")
    return status


_MARKS = {
    Outcome.HOLDS: "  ok ",
    Outcome.VIOLATED: "  NO ",
    Outcome.COULD_NOT_TELL: "   ? ",
    Outcome.ASSUMED: "   ~ ",
}


def _print_line(finding: Finding) -> None:
    print(printable(f"{_MARKS[finding.outcome]} {finding.outcome:<15} {finding.level}: {finding.detail}"))
