# SPDX-License-Identifier: EUPL-1.2
"""What an office says after comparing its own books with the log: counts and exceptions, signed.

- A statement is a compact JWS (`typ: consent-reconciliation+jwt`), by the certificate that speaks for the office:
  its access certificate for what it received, its issuer certificate for what it asked of sources.
- It names the heads of the logs that it was compared with, so that it can be compared again.
- It holds no datum about anybody: numbers, and each exception as 32 bytes that only the office and the person can
  open, a commitment where there is one, else the digest of the office's own random number for the case.
- It is one party's word about its own books. Nothing here joins the books of two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ledger.merkle import HASH_BYTES
from protocol import jws
from protocol.clock import epoch_seconds, from_epoch
from protocol.encoding import JSON, b64url_decode, b64url_encode, get_member, sha256
from protocol.errors import RequestError
from protocol.keys import PublicKey, Signer

TYP = "consent-reconciliation+jwt"
SCHEMA = "testimoni/reconciliation/1"
CODE = "invalid_reconciliation"
# as many as fit into a token; an office with more compares shorter periods
MAX_EXCEPTIONS = 1_000
# one log a year, for as long as evidence lives
MAX_HEADS = 100


class Role(StrEnum):
    """In which role the office compared its books."""

    VERIFIER = "verifier"
    ISSUER = "issuer"


class Count(StrEnum):
    """What is counted."""

    DECISIONS = "decisions"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RECEIPTS = "receipts"
    IN_LOG = "in the log"
    WAITING = "promised, not yet due"
    WITHDRAWALS = "withdrawals"
    ANSWERED = "answered"
    OPEN = "not answered, not yet due"
    QUERIES = "queries"
    AUTHORISED = "queries with the authorisation that they need"
    BY_LAW = "queries that need none"
    RECORDED = "queries with a record"
    UNPROMISED = "recorded, not promised yet"


class ExceptionKind(StrEnum):
    """What does not fit."""

    NO_RECEIPT = "accepted without receipt"
    NOT_IN_LOG = "not in the log although due"
    ANSWERED_LATE = "answered after the legal month"
    NOT_ANSWERED = "not answered within the legal month"
    UNKNOWN_MARKER = "taken back in the log, no request arrived"
    NOT_AUTHORISED = "asked without the authorisation that was needed"
    OBJECTED = "asked although an objection stood"
    NOT_PROMISED = "recorded, and not promised although due"


_COUNTS = {
    Role.VERIFIER: (
        Count.DECISIONS,
        Count.ACCEPTED,
        Count.REJECTED,
        Count.RECEIPTS,
        Count.IN_LOG,
        Count.WAITING,
        Count.WITHDRAWALS,
        Count.ANSWERED,
        Count.OPEN,
    ),
    Role.ISSUER: (
        Count.QUERIES,
        Count.AUTHORISED,
        Count.BY_LAW,
        Count.RECORDED,
        Count.UNPROMISED,
        Count.IN_LOG,
        Count.WAITING,
    ),
}
# what statements from before queries were entries of the log counted; they stay readable
_EARLIER_COUNTS = {Role.ISSUER: (Count.QUERIES, Count.AUTHORISED, Count.BY_LAW)}


@dataclass(frozen=True)
class ComparedHead:
    """The head of a log that the books were compared with."""

    log: str
    size: int
    root: bytes

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON object."""
        return {"log": self.log, "size": self.size, "root": b64url_encode(self.root)}


@dataclass(frozen=True)
class Mismatch:
    """One exception: what does not fit, and the 32 bytes by which the office finds it."""

    kind: ExceptionKind
    reference: bytes

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON object."""
        return {"kind": self.kind.value, "reference": b64url_encode(self.reference)}


@dataclass(frozen=True)
class Reconciliation:
    """The comparison of one office's books of a period: `since` is in it, `until` is not."""

    party: str
    role: Role
    made_at: datetime
    since: datetime
    until: datetime
    heads: tuple[ComparedHead, ...]
    counts: Mapping[Count, int]
    exceptions: tuple[Mismatch, ...]

    def sign(self, signer: Signer, *, x5c: Sequence[str]) -> str:
        """Return the signed statement. Raises `RequestError` when there are more exceptions than fit."""
        if len(self.exceptions) > MAX_EXCEPTIONS:
            raise RequestError(CODE, f"more than {MAX_EXCEPTIONS} exceptions; choose a shorter period")
        claims: dict[str, JSON] = {
            "schema": SCHEMA,
            "party": self.party,
            "role": self.role.value,
            "iat": epoch_seconds(self.made_at),
            "since": epoch_seconds(self.since),
            "until": epoch_seconds(self.until),
            "heads": [each.to_json() for each in self.heads],
            "counts": {name.value: self.counts[name] for name in _COUNTS[self.role]},
            "exceptions": [each.to_json() for each in self.exceptions],
        }
        return jws.sign(claims, signer, typ=TYP, x5c=tuple(x5c))


def opaque(identifier: str) -> bytes:
    """Return what stands in a statement for a case that has no commitment: the digest of its random identifier."""
    return sha256(identifier.encode())


def describe(stated: Reconciliation) -> str:
    """Return a statement as lines for a terminal."""
    lines = [f"{stated.party} as {stated.role}, {stated.since:%Y-%m-%d} to {stated.until:%Y-%m-%d} (not included)"]
    lines += [f"  compared with {head.log} at {head.size} leaves" for head in stated.heads]
    lines += [f"  {count:>8} {name}" for name, count in stated.counts.items()]
    lines += [f"  EXCEPTION {each.kind}: {b64url_encode(each.reference)}" for each in stated.exceptions]
    return "\n".join(lines if stated.exceptions else [*lines, "  no exceptions"])


# from the party that a statement names, its role, its moment and its chain, to the key that may sign it
FindKey = Callable[[str, Role, datetime, JSON], PublicKey]


def verify(token: str, *, find_key: FindKey) -> Reconciliation:
    """Return the statement of a token signed by whom `find_key` takes for the party.

    Raises `RequestError` (`invalid_reconciliation`) on another form and `VerificationError` on another signature.
    """
    unverified = jws.parse(token)
    stated = _parse(unverified.claims())
    key = find_key(stated.party, stated.role, stated.made_at, unverified.header.get("x5c"))
    jws.verify(unverified, key, typ=TYP)
    return stated


def _parse(claims: dict[str, JSON]) -> Reconciliation:
    if claims.get("schema") != SCHEMA:
        raise RequestError(CODE, f"expected schema {SCHEMA}")
    try:
        role = Role(get_member(claims, "role", str, code=CODE))
    except ValueError as exc:
        raise RequestError(CODE, "the role is unknown") from exc
    since, until = _moment(claims, "since"), _moment(claims, "until")
    if since >= until:
        raise RequestError(CODE, "the period ends before it begins")
    return Reconciliation(
        party=get_member(claims, "party", str, code=CODE),
        role=role,
        made_at=_moment(claims, "iat"),
        since=since,
        until=until,
        heads=tuple(_head(each) for each in _items(claims, "heads", MAX_HEADS)),
        counts=_counts(get_member(claims, "counts", dict, code=CODE), role),
        exceptions=tuple(_mismatch(each) for each in _items(claims, "exceptions", MAX_EXCEPTIONS)),
    )


def _items(claims: dict[str, JSON], name: str, limit: int) -> list[dict[str, JSON]]:
    found = get_member(claims, name, list, code=CODE)
    objects = [each for each in found if isinstance(each, dict)]
    if len(objects) != len(found) or len(found) > limit:
        raise RequestError(CODE, f"expected {name} to be at most {limit} objects")
    return objects


def _counts(members: dict[str, JSON], role: Role) -> dict[Count, int]:
    for names in (_COUNTS[role], _EARLIER_COUNTS.get(role, _COUNTS[role])):
        if members.keys() == {name.value for name in names}:
            return {name: _number(members, name.value) for name in names}
    raise RequestError(CODE, "expected the counts of the role, and no others")


def _head(members: dict[str, JSON]) -> ComparedHead:
    return ComparedHead(
        get_member(members, "log", str, code=CODE), _number(members, "size"), _digest(members, "root")
    )


def _mismatch(members: dict[str, JSON]) -> Mismatch:
    try:
        kind = ExceptionKind(get_member(members, "kind", str, code=CODE))
    except ValueError as exc:
        raise RequestError(CODE, "the kind of an exception is unknown") from exc
    return Mismatch(kind, _digest(members, "reference"))


def _digest(members: dict[str, JSON], name: str) -> bytes:
    raw = b64url_decode(get_member(members, name, str, code=CODE))
    if len(raw) != HASH_BYTES:
        raise RequestError(CODE, f"expected {name} to be {HASH_BYTES} bytes")
    return raw


def _number(members: dict[str, JSON], name: str) -> int:
    number = get_member(members, name, int, code=CODE)
    if number < 0:
        raise RequestError(CODE, f"expected {name} not to be negative")
    return number


def _moment(members: dict[str, JSON], name: str) -> datetime:
    return from_epoch(_number(members, name))
