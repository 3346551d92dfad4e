# SPDX-License-Identifier: EUPL-1.2
"""`testimoni verify-reconciliation`: what an office said about its own books, checked by whoever trusts a file.

Exit status: 0 signed and without exceptions, 1 an exception or a wrong signature, 2 could not tell.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509

from ledger import merkle
from ledger.cli import naming, read_file, read_trust
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.findings import ExitStatus
from ledger.reading import read_log
from ledger.reconciliation import CODE, ExceptionKind, Reconciliation, Role, describe, verify
from ledger.trust import TrustedAdministration, TrustFile
from ledger.trusted_key import check_word
from protocol.clock import Clock, SystemClock
from protocol.encoding import JSON, b64url_encode, get_member, parse_object
from protocol.errors import Check, Error, RequestError, UnavailableError, VerificationError
from protocol.keys import PublicKey
from protocol.runtime.fetch import Fetcher, HTTPClient, origin_of
from protocol.x509 import Anchors, Purpose

# clocks of two public bodies differ by seconds, not minutes
_CLOCK_SKEW_SECONDS = 60
MAX_STATEMENTS = 1_000


def run(argv: Sequence[str], *, clock: Clock | None = None, http: HTTPClient | None = None) -> int:
    """Check the statements in a file; print them and return the exit status."""
    parser = argparse.ArgumentParser(
        "testimoni verify-reconciliation",
        description="Check what offices signed after comparing their own books with the log.",
        epilog="exit status: 0 signed, no exceptions; 1 an exception or a wrong signature; 2 could not tell",
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="what an office publishes under /…/reconciliations"
    )
    parser.add_argument("--trust", type=Path, metavar="FILE", required=True, help="whom you trust")
    parser.add_argument("--ledger", metavar="URL", help="also compare what they say with the log itself")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    given = parser.parse_args(argv)
    try:
        trust = read_trust(given.trust)
        now = (clock or SystemClock()).now()
        stated = [verify_stated(each, trust, now=now) for each in _read_tokens(given.file)]
        doubts = [] if given.ledger is None else compare_with_log(stated, trust, given.ledger, http=http)
    except VerificationError as exc:
        return _end(ExitStatus.VIOLATED, [], [exc.message], as_json=given.json)
    except Error as exc:
        return _end(ExitStatus.COULD_NOT_TELL, [], [exc.message], as_json=given.json)
    has_exceptions = bool(doubts) or any(each.exceptions for each in stated)
    status = ExitStatus.VIOLATED if has_exceptions else ExitStatus.HOLDS
    return _end(status, stated, doubts, as_json=given.json)


def verify_stated(token: str, trust: TrustFile, *, now: datetime) -> Reconciliation:
    """Return a statement that an administration of the trust file signed.

    Raises `VerificationError` when it did not, or the statement is from the future.
    """
    anchors = Anchors(_anchor(trust))

    def find_key(party: str, role: Role, made_at: datetime, x5c: JSON) -> PublicKey:
        administration = trust.find_administration(party)
        if administration is None:
            raise VerificationError(Check.ISSUER, "the administration is not in the trust file")
        if (made_at - now).total_seconds() > _CLOCK_SKEW_SECONDS:
            raise VerificationError(Check.VALIDITY, "the statement is from the future")
        return _key(administration, role, anchors, x5c, made_at)

    return verify(token, find_key=find_key)


def compare_with_log(
    stated: Sequence[Reconciliation], trust: TrustFile, ledger_url: str, *, http: HTTPClient | None
) -> list[str]:
    """Return what in the statements does not agree with the log as it is now.

    Raises `UnavailableError` or `RequestError` when the log cannot be read.
    """
    http = http or Fetcher(allowed_private_origins=frozenset({origin_of(ledger_url)}))
    entries: dict[str, tuple[Commitment, ...]] = {}
    for value in LedgerClient(http, ledger_url).logs():
        match value:
            case {"name": str(name), "origin": str(origin)} if log := trust.find_log(origin):
                entries[origin] = read_log(LedgerClient(http, ledger_url, log=name), log.checkpoint_key)[1]
    doubts = []
    everything = {entry for each in entries.values() for entry in each}
    for each in stated:
        for head in each.heads:
            if head.log not in entries:
                raise UnavailableError("not_checkable", f"the ledger does not show the log {head.log}")
            first = entries[head.log][: head.size]
            if len(first) != head.size or merkle.fold(merkle.extend(0, (), first)[1]) != head.root:
                doubts.append(f"{each.party} compared with another {head.log} than there is now")
        doubts += [
            f"{each.party} says that {b64url_encode(found.reference)} is not in the log, and it is now"
            for found in each.exceptions
            if found.kind is ExceptionKind.NOT_IN_LOG and found.reference in everything
        ]
    return doubts


def _key(
    administration: TrustedAdministration, role: Role, anchors: Anchors, x5c: JSON, made_at: datetime
) -> PublicKey:
    """Return the certified key, if it is one that speaks for the administration in this role."""
    purpose = Purpose.ACCESS if role is Role.VERIFIER else Purpose.ISSUER
    chain = anchors.verify(x5c, purposes=(purpose,), now=made_at)
    if role is Role.VERIFIER:
        check_word(administration.access_keys, chain.key, said_at=made_at)
        return chain.key
    if set(chain.uris).isdisjoint(administration.issuers):
        raise VerificationError(Check.ISSUER, "the certificate does not speak for the administration")
    # its certificate names the issuer; the file need not name the key, but when it does, its days count
    if any(each.key == chain.key for each in administration.issuer_keys):
        check_word(administration.issuer_keys, chain.key, said_at=made_at)
    return chain.key


def _anchor(trust: TrustFile) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(trust.authority_certificate.encode())
    except ValueError as exc:
        raise RequestError("invalid_trust_file", "the trust file holds no certificate of the authority") from exc


def _read_tokens(path: Path) -> list[str]:
    data = read_file(path)
    with naming(path):
        found = get_member(parse_object(data), "reconciliations", list, code=CODE)
        tokens = [each for each in found if isinstance(each, str)]
        if len(tokens) != len(found) or not 1 <= len(found) <= MAX_STATEMENTS:
            raise RequestError(CODE, f"expected 1 to {MAX_STATEMENTS} statements")
        return tokens


def _end(status: ExitStatus, stated: Sequence[Reconciliation], doubts: Sequence[str], *, as_json: bool) -> int:
    word = status.name.lower().replace("_", " ")
    if as_json:
        statements = [
            {
                "party": each.party,
                "role": each.role,
                "since": each.since.isoformat(),
                "until": each.until.isoformat(),
                "counts": {name.value: count for name, count in each.counts.items()},
                "exceptions": [found.to_json() for found in each.exceptions],
            }
            for each in stated
        ]
        print(json.dumps({"result": word, "statements": statements, "problems": list(doubts)}))
        return status
    for each in stated:
        print(describe(each))
    for doubt in doubts:
        print(f"PROBLEM {doubt}", file=sys.stderr if status is ExitStatus.COULD_NOT_TELL else sys.stdout)
    print(f"\n{word.upper()}")
    return status
