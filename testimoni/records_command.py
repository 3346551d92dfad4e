# SPDX-License-Identifier: EUPL-1.2
"""`testimoni records`: how an auditor asks an office for its signed records, and fetches them.

`ask` signs a request, sends it, and writes it to a file; `fetch` reads that file, asks for the answer with a fresh
signature, checks it against a trust file and writes the records as an evidence file. Exit status of `fetch`: 0 the
records are there and signed by the office, 1 something is wrong with them, 2 they are not there yet.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from cryptography import x509

from ledger import record as records
from ledger import records_request as messages
from ledger.cli import check_writable, naming, read_file, read_trust, write_file
from ledger.commitment import parse_commitment
from ledger.evidence import EvidenceRecord
from ledger.findings import ExitStatus
from ledger.reconciliation import Role
from ledger.records_request import RecordsAnswer, RecordsRequest
from ledger.terminal import printable
from protocol.clock import Clock, SystemClock
from protocol.encoding import compact_json, find_member, get_member, parse_object
from protocol.errors import Error, RequestError, UnavailableError, VerificationError
from protocol.keys import PrivateKey
from protocol.runtime.fetch import Fetcher, HTTPClient, origin_of
from protocol.runtime.signer import read_secret_file
from protocol.x509 import encode_chain
from testimoni.office_keys import OfficeKeys

_ACCEPTED, _OK = 202, 200
_JSON = "application/json"


def run(argv: Sequence[str], *, clock: Clock | None = None, http: HTTPClient | None = None) -> int:
    """Ask or fetch; return the exit status."""
    given = _parser().parse_args(argv)
    clock = clock or SystemClock()
    try:
        http = http or _fetcher(given)
        return _ask(given, http, clock) if given.command == "ask" else _fetch(given, http, clock)
    except VerificationError as exc:
        print(f"testimoni records: {exc.message} ({exc.code})", file=sys.stderr)
        return ExitStatus.VIOLATED
    except Error as exc:
        print(f"testimoni records: {exc.message} ({exc.code})", file=sys.stderr)
        return ExitStatus.COULD_NOT_TELL


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "testimoni records", description="Ask an office for its signed records, as an auditor, and fetch them."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    ask = commands.add_parser("ask", help="sign and send a request")
    ask.add_argument("--office", required=True, metavar="URL", help="the office's address, as HOST/ajuntament")
    ask.add_argument(
        "--role",
        type=Role,
        choices=tuple(Role),
        default=Role.VERIFIER,
        help="verifier: what was shared with it; issuer: what it asked of sources, at its issuer identifier",
    )
    ask.add_argument("--party", required=True, metavar="CODE", help="the code of the administration")
    ask.add_argument("--reason", required=True, metavar="TEXT", help="why, with the law that gives the right")
    ask.add_argument("--due", required=True, type=_day, metavar="DAY", help="answer by this day")
    ask.add_argument("--since", type=_day, metavar="DAY", help="first day of the period (UTC)")
    ask.add_argument("--until", type=_day, metavar="DAY", help="the day after its last")
    ask.add_argument("--commitment", metavar="TEXT", help="one entry instead of a period, in base64url")
    ask.add_argument("--output", type=Path, required=True, metavar="FILE", help="keep the request here")
    fetch = commands.add_parser("fetch", help="fetch the answer")
    fetch.add_argument("request", type=Path, metavar="FILE", help="what `ask` wrote")
    fetch.add_argument("--trust", type=Path, required=True, metavar="FILE", help="whom you trust")
    fetch.add_argument("--output", type=Path, required=True, metavar="FILE", help="write the records here")
    for each in (ask, fetch):
        each.add_argument("--key", type=Path, required=True, metavar="FILE", help="your private key, as PEM")
        each.add_argument(
            "--certificate", type=Path, required=True, metavar="FILE", help="your certificate, as PEM"
        )
        each.add_argument("--ca", type=Path, metavar="FILE", help="the authority of the office's address, as PEM")
    return parser


def _ask(given: argparse.Namespace, http: HTTPClient, clock: Clock) -> int:
    key, chain = _identity(given)
    request = RecordsRequest(
        party=given.party,
        role=given.role,
        reason=given.reason,
        due_on=given.due,
        issued_at=clock.now(),
        since=_midnight(given.since),
        until=_midnight(given.until),
        commitment=None if given.commitment is None else parse_commitment(given.commitment),
    )
    token = request.sign(key, x5c=chain)
    RecordsRequest.verify(token, key.public_key)
    office = given.office.rstrip("/")
    body = compact_json({"request": token})
    kept = compact_json({"office": office, "request": token})
    # before a term runs
    check_writable(given.output)
    try:
        answer = http.post(f"{office}/records-requests", body=body, content_type=_JSON)
    except UnavailableError as exc:
        write_file(given.output, kept)
        raise UnavailableError(
            exc.code, f"{exc.message}; the request may have arrived, and is kept in {given.output}"
        ) from exc
    if answer.status != _ACCEPTED:
        raise RequestError("request_refused", f"the office answered {answer.status}: {_reason(answer.body)}")
    write_file(given.output, kept)
    due = printable(get_member(answer.json(), "due", str))
    print(f"asked; the office must answer by {due}; kept in {given.output}")
    return ExitStatus.HOLDS


def _fetch(given: argparse.Namespace, http: HTTPClient, clock: Clock) -> int:
    key, chain = _identity(given)
    check_writable(given.output)
    office, request = _read_request(given.request)
    access = messages.sign_access(request, key, x5c=chain, now=clock.now())
    place = f"{office}/records-requests/{messages.digest_of(request).hex()}/access"
    answer = http.post(
        place, body=compact_json({"access": access}), content_type=_JSON, max_bytes=messages.MAX_ANSWER_BYTES
    )
    if answer.status == _ACCEPTED:
        raise UnavailableError("not_answered", "the office has not handed anything over yet")
    if answer.status != _OK:
        raise UnavailableError("not_answered", f"the office answered {answer.status}: {_reason(answer.body)}")
    found = RecordsAnswer.verify(answer.body, request=request, find_key=OfficeKeys(read_trust(given.trust)).find)
    wrong = sum(not _opens(each) for each in found.records)
    write_file(given.output, answer.body)
    when = f"{found.answered_at:%Y-%m-%d %H:%M} UTC"
    print(f"{len(found.records)} records, signed by {printable(found.party)} on {when}")
    print(f"{found.not_kept} entries of which the office keeps no record any more")
    print(f"{found.unpromised} records that no log has promised yet, and that are not among them")
    print(f"{wrong} records that are malformed")
    return ExitStatus.VIOLATED if wrong else ExitStatus.HOLDS


def _read_request(path: Path) -> tuple[str, str]:
    """Return the office that was asked, and the signed request."""
    data = read_file(path)
    with naming(path):
        kept = parse_object(data)
        return get_member(kept, "office", str), get_member(kept, "request", str)


def _opens(found: EvidenceRecord) -> bool:
    """Whether it is a record with a key, and so has a commitment to look for in the log."""
    try:
        records.parse(found.record)
        records.commit(found.key, found.record)
    except RequestError:
        return False
    return True


def _identity(given: argparse.Namespace) -> tuple[PrivateKey, list[str]]:
    try:
        chain = x509.load_pem_x509_certificates(given.certificate.read_bytes())
    except (OSError, ValueError) as exc:
        raise RequestError("invalid_file", f"{given.certificate} holds no certificate") from exc
    return PrivateKey.from_pem(read_secret_file(given.key)), encode_chain(chain)


def _fetcher(given: argparse.Namespace) -> Fetcher:
    # the person who runs this named the address, so it may be fetched wherever it is
    if given.command == "ask":
        office = given.office
    else:
        office, _ = _read_request(given.request)
    ca_file = str(given.ca) if given.ca else None
    return Fetcher(allowed_private_origins=frozenset({origin_of(office)}), ca_file=ca_file)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError("expected a day as YYYY-MM-DD") from exc


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def _reason(body: bytes) -> str:
    try:
        told = parse_object(body)
        return find_member(told, "error_description", str) or get_member(told, "error", str)
    except RequestError:
        return "no reason given"
