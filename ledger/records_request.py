# SPDX-License-Identifier: EUPL-1.2
"""What an auditor asks of an office, and what the office hands over: its records of a period, or of one entry.

- It is asked in one role: as verifier for what was shared with it, as issuer for what it asked of sources. A
  request from before issuers could be asked names none, and is to the verifier.
- The auditor signs what is asked (`typ: consent-records-request+jwt`), why, and until when; and each fetching of
  the answer anew (`typ: consent-records-access+jwt`), so that the office's log of accesses names somebody.
- The office signs what it hands over (`typ: consent-records+jwt`): the digest of the canonical form of the
  records, which follow beside it as in evidence files. It can take nothing back and add nothing afterwards.
- Records hold names of claims, never a value. They tell what was shared or asked, not by or about whom.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from ledger.commitment import Commitment, parse_commitment
from ledger.evidence import EvidenceRecord
from ledger.reconciliation import FindKey, Role
from protocol import jws
from protocol.clock import epoch_seconds, from_epoch
from protocol.encoding import JSON, b64url_encode, canonical_json, find_member, get_member, parse_object, sha256
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PublicKey, Signer

REQUEST_TYP = "consent-records-request+jwt"
ACCESS_TYP = "consent-records-access+jwt"
ANSWER_TYP = "consent-records+jwt"
SCHEMA = "testimoni/records/1"
CODE = "invalid_records_request"
# a legal reference and a sentence or two
MAX_REASON_CHARS = 2_000
# 2.5 kB each: an answer stays below 10 MB; an office with more is asked for shorter periods
MAX_RECORDS = 4_000
_JTI_BYTES = 16
MAX_ANSWER_BYTES = 16 * 1024 * 1024
# an access is signed when it is made
ACCESS_LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True)
class RecordsRequest:
    """What is asked: either a period (the end not included) or the entry with one commitment."""

    party: str
    # in which role the party is asked
    role: Role = field(kw_only=True)
    reason: str
    due_on: date
    issued_at: datetime
    since: datetime | None = None
    until: datetime | None = None
    commitment: Commitment | None = None

    def sign(self, signer: Signer, *, x5c: Sequence[str]) -> str:
        """Return the signed request."""
        claims: dict[str, JSON] = {
            "party": self.party,
            "role": self.role.value,
            "reason": self.reason,
            "due": self.due_on.isoformat(),
            "iat": epoch_seconds(self.issued_at),
        }
        if self.commitment is not None:
            claims["commitment"] = b64url_encode(self.commitment)
        elif self.since is not None and self.until is not None:
            claims |= {"since": epoch_seconds(self.since), "until": epoch_seconds(self.until)}
        return jws.sign(claims, signer, typ=REQUEST_TYP, x5c=list(x5c))

    @classmethod
    def verify(cls, token: str, key: PublicKey) -> RecordsRequest:
        """Return the request that this key signed.

        Raises `RequestError` (`invalid_records_request`) on another form, `VerificationError` when it did not.
        """
        return cls.parse(jws.verify_claims(token, key, typ=REQUEST_TYP))

    @classmethod
    def parse(cls, claims: dict[str, JSON]) -> RecordsRequest:
        """Return the request of its claims. Raises `RequestError` (`invalid_records_request`)."""
        reason = get_member(claims, "reason", str, code=CODE)
        if not 0 < len(reason.strip()) <= len(reason) <= MAX_REASON_CHARS:
            raise RequestError(CODE, f"expected a reason of 1 to {MAX_REASON_CHARS} characters")
        made = cls(
            party=get_member(claims, "party", str, code=CODE),
            role=_role(claims),
            reason=reason,
            due_on=_day(get_member(claims, "due", str, code=CODE)),
            issued_at=from_epoch(get_member(claims, "iat", int, code=CODE)),
            since=_find_moment(claims, "since"),
            until=_find_moment(claims, "until"),
            commitment=parse_commitment(claims["commitment"]) if "commitment" in claims else None,
        )
        made._check_what()
        return made

    @property
    def period(self) -> tuple[datetime, datetime]:
        """The period, of a request without a commitment."""
        assert self.since is not None  # noqa: S101 - a request has a period or a commitment
        assert self.until is not None  # noqa: S101 - the same
        return self.since, self.until

    def _check_what(self) -> None:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise RequestError(CODE, "expected a period that ends after it begins: until is not later than since")
        if self.commitment is not None:
            is_one = self.since is None and self.until is None
        else:
            is_one = self.since is not None and self.until is not None
        if not is_one:
            raise RequestError(CODE, "expected either a period or a commitment")


def find_chain(token: str) -> JSON:
    """Return the certificate chain that a token names, unverified."""
    return jws.parse(token).header.get("x5c")


def check_count(count: int) -> None:
    """Raise `RequestError` (`too_many_records`) when these are more records, or shares, than one answer holds."""
    if count > MAX_RECORDS:
        raise RequestError("too_many_records", f"more than {MAX_RECORDS} records; ask for a shorter period")


def digest_of(token: str) -> bytes:
    """Return what stands for a request in accesses and answers."""
    return sha256(token.encode())


def sign_access(request: str, signer: Signer, *, x5c: Sequence[str], now: datetime) -> str:
    """Return what an auditor shows to fetch the answer to this request."""
    claims: dict[str, JSON] = {
        "request": b64url_encode(digest_of(request)),
        "iat": epoch_seconds(now),
        "jti": secrets.token_urlsafe(_JTI_BYTES),
    }
    return jws.sign(claims, signer, typ=ACCESS_TYP, x5c=list(x5c))


def verify_access(token: str, key: PublicKey, *, expected_request: bytes, now: datetime) -> bytes:
    """Check that this key signed, just now, that it wants the answer to this request.

    Returns the digest of what was signed, by which a second use is known: the signature itself has two forms.
    Raises `VerificationError` (`signature`, `validity`).
    """
    claims = jws.verify_claims(token, key, typ=ACCESS_TYP)
    named = get_member(claims, "request", str, code=CODE)
    if not hmac.compare_digest(named.encode(), b64url_encode(expected_request).encode()):
        raise VerificationError(Check.SIGNATURE, "the access is to another request")
    age = now - from_epoch(get_member(claims, "iat", int, code=CODE))
    if not -ACCESS_LIFETIME <= age <= ACCESS_LIFETIME:
        raise VerificationError(Check.VALIDITY, "the access was not signed just now")
    return sha256(token.rpartition(".")[0].encode())


@dataclass(frozen=True)
class RecordsAnswer:
    """What an office handed over, and what it says that it could not hand over."""

    party: str
    answered_at: datetime
    records: tuple[EvidenceRecord, ...]
    # of which it keeps no record any more
    not_kept: int
    # whose record no log has promised yet
    unpromised: int = 0

    def sign(self, request: str, signer: Signer, *, x5c: Sequence[str]) -> bytes:
        """Return the answer's bytes. Raises `RequestError` (`too_many_records`) when they are too many."""
        check_count(len(self.records))
        records: list[JSON] = [each.to_json() for each in self.records]
        claims: dict[str, JSON] = {
            "party": self.party,
            "request": b64url_encode(digest_of(request)),
            "iat": epoch_seconds(self.answered_at),
            "count": len(records),
            "not_kept": self.not_kept,
            "unpromised": self.unpromised,
            "records": b64url_encode(sha256(canonical_json(records))),
        }
        statement = jws.sign(claims, signer, typ=ANSWER_TYP, x5c=list(x5c))
        return canonical_json({"schema": SCHEMA, "statement": statement, "records": records})

    @classmethod
    def verify(cls, data: bytes, *, request: str, find_key: FindKey) -> RecordsAnswer:
        """Return the answer to this request; `find_key` gives the key that speaks for a party in the role asked.

        Raises `RequestError` (`invalid_records_request`) on another form, `VerificationError` when it is signed by
        another, answers another request, or its records are not those that were signed.
        """
        members = parse_object(data, max_bytes=MAX_ANSWER_BYTES)
        if members.get("schema") != SCHEMA:
            raise RequestError(CODE, f"expected schema {SCHEMA}")
        records = get_member(members, "records", list, code=CODE)
        unverified = jws.parse(get_member(members, "statement", str, code=CODE))
        stated = unverified.claims()
        party, at = get_member(stated, "party", str, code=CODE), get_member(stated, "iat", int, code=CODE)
        asked = jws.parse(request).claims()
        key = find_key(party, _role(asked), from_epoch(at), unverified.header.get("x5c"))
        jws.verify(unverified, key, typ=ANSWER_TYP)
        if party != get_member(asked, "party", str, code=CODE):
            raise VerificationError(Check.SIGNATURE, f"{party} answered what another office was asked")
        expected = {"request": digest_of(request), "records": sha256(canonical_json(records))}
        for name, digest in expected.items():
            if not hmac.compare_digest(str(stated.get(name)).encode(), b64url_encode(digest).encode()):
                raise VerificationError(Check.SIGNATURE, f"the office signed another {name}")
        return cls(
            party=party,
            answered_at=from_epoch(at),
            records=tuple(EvidenceRecord.parse(each) for each in records),
            not_kept=get_member(stated, "not_kept", int, code=CODE),
            # an answer from before issuers could be asked does not say, and has none
            unpromised=find_member(stated, "unpromised", int, code=CODE) or 0,
        )


def not_kept_of(answer: bytes) -> int:
    """Return of how many entries an answer of ours says that no record was kept any more when it was made."""
    statement = get_member(parse_object(answer, max_bytes=MAX_ANSWER_BYTES), "statement", str, code=CODE)
    return get_member(jws.parse(statement).claims(), "not_kept", int, code=CODE)


def _find_moment(claims: dict[str, JSON], name: str) -> datetime | None:
    found = find_member(claims, name, int, code=CODE)
    return None if found is None else from_epoch(found)


def _role(claims: dict[str, JSON]) -> Role:
    named = find_member(claims, "role", str, code=CODE)
    try:
        return Role.VERIFIER if named is None else Role(named)
    except ValueError as exc:
        raise RequestError(CODE, "expected role to be verifier or issuer") from exc


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise RequestError(CODE, "expected due to be a day") from exc
