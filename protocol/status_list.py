# SPDX-License-Identifier: EUPL-1.2
"""Whether a document is still good: Token Status List (draft-ietf-oauth-status-list-20, as JWT; HAIP 1.0).

- A list counts for a document when the document's own issuer signed it, under exactly the address that the
  document names, and it covers the present moment (section 8.3). Anything else says nothing: it is refused.
- Every value but VALID refuses. An index outside the list refuses. So does a mechanism that we do not know.
- Not here: the packed entries (`protocol.status_entries`), fetching and keeping lists
  (`protocol.runtime.status_lists`), and CWT, which HAIP does not use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from protocol import jws
from protocol.clock import epoch_seconds, from_epoch
from protocol.encoding import JSON, find_member, get_member, parse_object
from protocol.errors import Check, Error, UnavailableError, VerificationError
from protocol.keys import Signer
from protocol.status_entries import INVALID_LIST, Status, StatusList, decode, wrong
from protocol.trust import TrustedIssuer, TrustList

TYPE = "statuslist+jwt"
MEDIA_TYPE = "application/statuslist+jwt"
# an address that browsers and proxies still take
MAX_URI_CHARS = 2048
# what one answer of another host may be (`protocol.runtime.fetch`): 2^22 entries of one bit, even if half are set
MAX_TOKEN_CHARS = 1024 * 1024
# an issuer with a thousand lists of 2^20 entries has documents for everybody
MAX_AGGREGATED = 1000
# clocks of servers differ
MAX_CLOCK_SKEW = timedelta(minutes=1)
# a list may neither make us fetch it for every document nor hide a revocation for days (section 11.5)
MIN_TTL = timedelta(minutes=1)
MAX_TTL = timedelta(hours=6)
# for lists that do not say
DEFAULT_TTL = timedelta(minutes=15)
# the last second that a date can have
_MAX_EPOCH = 253_402_300_799


def _check_uri(uri: str) -> str:
    if not 1 <= len(uri) <= MAX_URI_CHARS:
        raise wrong(f"expected the address of a status list, of at most {MAX_URI_CHARS} characters")
    return uri


@dataclass(frozen=True, slots=True)
class StatusReference:
    """Where a document's status stands: the `status` claim (section 6.2)."""

    uri: str
    index: int

    @classmethod
    def parse(cls, claim: JSON) -> StatusReference:
        """Return the reference of a `status` claim.

        A mechanism beside `status_list` is ignored: an issuer that gives several keeps them in agreement.
        Raises `VerificationError` (`status`): `status_unsupported` when there is no `status_list`.
        """
        if not isinstance(claim, dict) or "status_list" not in claim:
            raise wrong("the document names no status list", code="status_unsupported")
        try:
            entry = get_member(claim, "status_list", dict)
            index, uri = get_member(entry, "idx", int), get_member(entry, "uri", str)
        except Error as exc:
            raise wrong(exc.message) from exc
        if index < 0:
            raise wrong("expected an index of 0 or more", code="status_index_out_of_range")
        return cls(uri=_check_uri(uri), index=index)

    def to_claim(self) -> dict[str, JSON]:
        """Return the `status` claim."""
        return {"status_list": {"idx": self.index, "uri": self.uri}}


@dataclass(frozen=True, slots=True)
class Validity:
    """For how long a list that is signed now counts, and for how long a reader should keep it."""

    issued_at: datetime
    expires_at: datetime
    ttl: timedelta


def sign_token(
    statuses: StatusList,
    signer: Signer,
    *,
    x5c: Sequence[str],
    uri: str,
    validity: Validity,
    aggregation_uri: str,
) -> str:
    """Return the status list token that `uri` gives (section 5.1; HAIP 1.0, section 6.1)."""
    payload: dict[str, JSON] = {
        "sub": uri,
        "iat": epoch_seconds(validity.issued_at),
        "exp": epoch_seconds(validity.expires_at),
        "ttl": int(validity.ttl.total_seconds()),
        "status_list": {"bits": statuses.bits, "lst": statuses.encode(), "aggregation_uri": aggregation_uri},
    }
    return jws.sign(payload, signer, typ=TYPE, x5c=[*x5c])


@dataclass(frozen=True, slots=True)
class VerifiedStatusList:
    """A list that a document's issuer signed. Only `verify_token` makes one."""

    uri: str
    x5c: JSON = field(repr=False)
    expires_at: datetime | None
    ttl: timedelta | None
    statuses: StatusList = field(repr=False)

    def fresh_until(self, fetched_at: datetime) -> datetime:
        """Return until when a copy of that time may be used: its own time to live, within our limits and `exp`."""
        until = fetched_at + min(max(DEFAULT_TTL if self.ttl is None else self.ttl, MIN_TTL), MAX_TTL)
        return until if self.expires_at is None else min(until, self.expires_at)


def verify_token(
    token: str, *, expected_uri: str, issuer: TrustedIssuer, trust: TrustList, now: datetime, at: datetime
) -> VerifiedStatusList:
    """Return the list of a status list token.

    `issuer` is the issuer of the document whose status is asked. `at` is the moment whose status is asked: it must
    lie between `iat` and `exp` also when a past one was asked for (section 8.4); for today's status it is `now`.
    Raises `VerificationError` (`status`): `status_list_expired` after `exp`, else `status_list_invalid`. Raises
    `UnavailableError` when the trust list cannot be relied on.
    """
    try:
        # (1) format
        unverified = jws.parse(token, max_chars=MAX_TOKEN_CHARS)
        # (2) issuer: the document's own, by the chain in the header
        x5c = unverified.header.get("x5c")
        key = trust.get_status_key(x5c, issuer=issuer, now=now)
        # (3) signature: one typ, the key's algorithm
        claims = parse_object(jws.verify(unverified, key, typ=TYPE), max_bytes=MAX_TOKEN_CHARS)
        # (4) the list is the one that the document names
        if get_member(claims, "sub", str) != expected_uri:
            raise wrong("the status list is another one than the document names")
        # (5) times
        expires_at = _check_times(claims, at)
        ttl = _read_ttl(claims)
        # (6) the list itself
        body = get_member(claims, "status_list", dict)
        statuses = decode(get_member(body, "lst", str), get_member(body, "bits", int))
    except UnavailableError:
        raise
    except Error as exc:
        # whatever is wrong with a list is wrong with the status, under one check
        is_ours = isinstance(exc, VerificationError) and exc.check is Check.STATUS
        raise wrong(exc.message, code=exc.code if is_ours else INVALID_LIST) from exc
    return VerifiedStatusList(uri=expected_uri, x5c=x5c, expires_at=expires_at, ttl=ttl, statuses=statuses)


def _check_times(claims: dict[str, JSON], at: datetime) -> datetime | None:
    """Return when the list expires, if it says so."""
    if from_epoch(_read_number(claims, "iat")) > at + MAX_CLOCK_SKEW:
        raise wrong("the status list was made after the moment that is asked about")
    if "exp" not in claims:
        return None
    expires_at = from_epoch(_read_number(claims, "exp"))
    if expires_at <= at:
        raise wrong("the status list has expired", code="status_list_expired")
    return expires_at


def _read_ttl(claims: dict[str, JSON]) -> timedelta | None:
    if "ttl" not in claims:
        return None
    seconds = _read_number(claims, "ttl")
    if seconds == 0:
        raise wrong("expected a time to live of more than 0 seconds")
    return timedelta(seconds=seconds)


def _read_number(claims: dict[str, JSON], name: str) -> float:
    """Return a number of seconds, whole or not, that a date or a duration can have."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_EPOCH:
        raise wrong(f"expected {name} to be a number of seconds")
    return value


class StatusLists(Protocol):
    """Gives status lists by their address."""

    def get(self, uri: str, *, issuer: TrustedIssuer, now: datetime) -> VerifiedStatusList:
        """Return the list that is at this address, now, as this issuer signed it.

        Raises `UnavailableError` (`status_unavailable`) when it cannot be had, and `VerificationError` (`status`)
        when what is there is not acceptable. Two threads may ask at once.
        """


def check(reference: StatusReference, *, lists: StatusLists, issuer: TrustedIssuer, now: datetime) -> None:
    """Raise unless the document that this reference stands in is valid (section 8.3). The issuer is its own.

    Raises `VerificationError` (`status`): `credential_revoked`, `credential_suspended`, for any other value
    `credential_status_unknown`; and as `StatusLists.get` and `StatusList.get` do.
    """
    status = lists.get(reference.uri, issuer=issuer, now=now).statuses.get(reference.index)
    if status == Status.VALID:
        return
    if status == Status.INVALID:
        raise wrong("the document was revoked", code="credential_revoked")
    if status == Status.SUSPENDED:
        raise wrong("the document is suspended", code="credential_suspended")
    raise wrong("the document has a status that only its issuer can explain", code="credential_status_unknown")


def parse_aggregation(data: bytes) -> tuple[str, ...]:
    """Return the addresses of an aggregation document (section 9.2).

    Raises `VerificationError` (`status_list_invalid`).
    """
    try:
        given = get_member(parse_object(data), "status_lists", list)
    except Error as exc:
        raise wrong("malformed list of status lists") from exc
    if len(given) > MAX_AGGREGATED:
        raise wrong(f"expected at most {MAX_AGGREGATED} status lists")
    uris = [_check_uri(uri) for uri in given if isinstance(uri, str)]
    if len(uris) != len(given):
        raise wrong("malformed list of status lists")
    return tuple(uris)


def find_aggregation_uri(token: str) -> str | None:
    """Return where the issuer of a token lists its lists, if the token says so; unverified (section 9.1).

    Raises `VerificationError` (`status_list_invalid`) when it is no token.
    """
    try:
        body = get_member(jws.parse(token).claims(), "status_list", dict)
        uri = find_member(body, "aggregation_uri", str)
    except Error as exc:
        raise wrong("malformed status list token") from exc
    return None if uri is None else _check_uri(uri)


def make_aggregation(uris: Sequence[str]) -> dict[str, JSON]:
    """Return the aggregation document of these lists."""
    return {"status_lists": [*uris]}
