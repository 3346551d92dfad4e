# SPDX-License-Identifier: EUPL-1.2
"""Status lists as they are fetched and kept: `protocol.status_list.StatusLists` over HTTP.

- A copy serves until its `ttl` is over, within our limits, and never after its `exp`. What HTTP says about caching
  is not asked: it could only make a copy live longer (draft-ietf-oauth-status-list-20, section 8.2).
- When a list cannot be fetched and no copy is fresh, that is "could not tell": an old copy never serves.
- The chain of a kept list is checked again for each document: the list must be the document's issuer's, today.
- A list is asked for whole and without saying for which document, and never for a past time: the server learns
  that somebody checks some document of the many that share the list.
- Lists are kept in this process, bounded in number and bytes; the one that was not used longest goes first. Behind
  it may stand a shelf that all processes of a service share: what is there is verified like what is fetched.
- `prefetch` fills the shelf ahead, so that the time of a fetch says nothing about the time of a check.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Protocol

from protocol.errors import RequestError, UnavailableError, VerificationError
from protocol.runtime.fetch import HTTPClient, Response, origin_of
from protocol.status_entries import wrong
from protocol.status_list import (
    MEDIA_TYPE,
    VerifiedStatusList,
    find_aggregation_uri,
    parse_aggregation,
    verify_token,
)
from protocol.trust import TrustedIssuer, TrustList

# a few hundred administrations with one list each
MAX_LISTS = 500
# room for 500 lists of 2^20 entries of 1 bit
MAX_KEPT_BYTES = 64 * 1024 * 1024
# so many lists can be fetched at once; two that share a lock wait for each other
_LOCKS = 32
_OK = 200


@dataclass(frozen=True, slots=True)
class _Kept:
    found: VerifiedStatusList
    until: datetime
    size: int


@dataclass(frozen=True, slots=True)
class _Failure:
    uri: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class FetchedToken:
    """A token as it came, unverified."""

    token: str = field(repr=False)
    fetched_at: datetime


class TokenShelf(Protocol):
    """Keeps the newest token of each address for all processes of a service. It may forget any at any time."""

    def find(self, uri: str) -> FetchedToken | None:
        """Return the token, or None."""

    def put(self, uri: str, fetched: FetchedToken) -> None:
        """Keep a token in place of an older one; of two at the same moment either stays."""

    def uris(self) -> Sequence[str]:
        """Return the addresses of all that are kept."""


class CachedStatusLists:
    """A `StatusLists` that keeps what it fetched. Two threads may ask at once; one of them fetches.

    Without a shelf each process fetches for itself.
    """

    def __init__(self, http: HTTPClient, trust: TrustList, shelf: TokenShelf | None = None) -> None:
        self._http = http
        self._trust = trust
        self._shelf = shelf
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._size = 0
        self._lock = Lock()
        self._fetching = [Lock() for _ in range(_LOCKS)]
        # the last failure under each of these locks: whoever waited for it does not try the same again
        self._failed: list[_Failure | None] = [None] * _LOCKS

    def get(self, uri: str, *, issuer: TrustedIssuer, now: datetime) -> VerifiedStatusList:
        """Return the list at this address, kept or fetched, as this issuer signed it.

        Raises `UnavailableError` (`status_unavailable`) and `VerificationError` (`status`).
        """
        found = self._find(uri, issuer, now)
        if found is not None:
            return found
        number = hash(uri) % _LOCKS
        before = self._failed[number]
        with self._fetching[number]:
            # whoever waited for the lock finds what the other one fetched, or that it could not
            found = self._find(uri, issuer, now)
            if found is None:
                found = self._find_on_shelf(uri, issuer, now)
            failed = self._failed[number]
            if found is None and failed is not None and failed is not before and failed.uri == uri:
                raise UnavailableError(failed.code, failed.message)
            if found is None:
                token = self._fetch(uri, number)
                found = self._verify(token, uri, issuer, now)
                self._keep(found, now)
                if self._shelf is not None:
                    self._shelf.put(uri, FetchedToken(token, now))
            return found

    def _fetch(self, uri: str, number: int) -> str:
        try:
            return _fetch_token(self._http, uri)
        except UnavailableError as exc:
            self._failed[number] = _Failure(uri, exc.code, exc.message)
            raise

    def _verify(self, token: str, uri: str, issuer: TrustedIssuer, now: datetime) -> VerifiedStatusList:
        return verify_token(token, expected_uri=uri, issuer=issuer, trust=self._trust, now=now, at=now)

    def _find_on_shelf(self, uri: str, issuer: TrustedIssuer, now: datetime) -> VerifiedStatusList | None:
        """Return what another process fetched, if it is fresh and acceptable, or None."""
        fetched = None if self._shelf is None else self._shelf.find(uri)
        if fetched is None:
            return None
        try:
            found = self._verify(fetched.token, uri, issuer, now)
        except VerificationError:
            # what is at the address now decides
            return None
        if now >= found.fresh_until(fetched.fetched_at):
            return None
        self._keep(found, fetched.fetched_at)
        return found

    def _find(self, uri: str, issuer: TrustedIssuer, now: datetime) -> VerifiedStatusList | None:
        """Return a copy that is fresh and this issuer's, or None."""
        with self._lock:
            kept = self._kept.get(uri)
            if kept is None:
                return None
            if now >= kept.until:
                self._drop(uri)
                return None
            self._kept.move_to_end(uri)
        try:
            # the same chain has the same key, so the signature need not be checked again
            self._trust.get_status_key(kept.found.x5c, issuer=issuer, now=now)
        except VerificationError:
            # not this issuer's, or no longer trusted: what is at the address now decides
            return None
        return kept.found

    def _keep(self, found: VerifiedStatusList, fetched_at: datetime) -> None:
        size = found.statuses.size * found.statuses.bits // 8
        with self._lock:
            self._drop(found.uri)
            self._kept[found.uri] = _Kept(found, found.fresh_until(fetched_at), size)
            self._size += size
            while self._size > MAX_KEPT_BYTES or len(self._kept) > MAX_LISTS:
                self._drop(next(iter(self._kept)))

    def _drop(self, uri: str) -> None:
        dropped = self._kept.pop(uri, None)
        if dropped is not None:
            self._size -= dropped.size


def prefetch(http: HTTPClient, shelf: TokenShelf, *, now: datetime) -> tuple[int, int]:
    """Fetch every list on the shelf anew, and the others that their issuers list (section 9).

    Returns how many were fetched and how many could not be. Nothing is verified here: the reader does that.
    """
    known = list(shelf.uris())
    listed = {where for uri in known if (where := _aggregation_uri(shelf, uri))}
    others = [uri for where in sorted(listed) for uri in _fetch_aggregation(http, where)]
    # those that documents named go first
    wanted = list(dict.fromkeys([*known, *others]))[:MAX_LISTS]
    fetched = 0
    for uri in wanted:
        with suppress(UnavailableError, VerificationError):
            shelf.put(uri, FetchedToken(_fetch_token(http, uri), now))
            fetched += 1
    return fetched, len(wanted) - fetched


def _aggregation_uri(shelf: TokenShelf, uri: str) -> str | None:
    fetched = shelf.find(uri)
    try:
        found = None if fetched is None else find_aggregation_uri(fetched.token)
    except VerificationError:
        return None
    return found if found is not None and _is_same_origin(found, uri) else None


def _fetch_aggregation(http: HTTPClient, uri: str) -> Sequence[str]:
    """Return the addresses of an issuer's lists; none when they cannot be had."""
    try:
        listed = parse_aggregation(_fetch(http, uri, media_type="application/json").body)
    except (UnavailableError, VerificationError):
        return ()
    return [each for each in listed if _is_same_origin(each, uri)]


def _is_same_origin(uri: str, other: str) -> bool:
    """Whether both are one host's: nobody may make us fetch from others before a document names them."""
    try:
        return origin_of(uri) == origin_of(other)
    except RequestError:
        return False


def _fetch_token(http: HTTPClient, uri: str) -> str:
    try:
        return _fetch(http, uri, media_type=MEDIA_TYPE).body.decode("ascii")
    except UnicodeDecodeError as exc:
        raise wrong("the status list is no token") from exc


def _fetch(http: HTTPClient, uri: str, *, media_type: str) -> Response:
    """Return what is at the address. The client follows no redirect and goes to no foreign http address."""
    try:
        answer = http.get(uri, headers={"Accept": media_type})
    except UnavailableError as exc:
        raise UnavailableError("status_unavailable", "the status list cannot be fetched") from exc
    except RequestError as exc:
        raise wrong("the status list is not where it may be fetched from") from exc
    if answer.status != _OK:
        raise UnavailableError("status_unavailable", f"the status list is answered with {answer.status}")
    if _media_type(answer) != media_type:
        raise wrong(f"expected a status list as {media_type}")
    return answer


def _media_type(answer: Response) -> str:
    given = [value for name, value in answer.headers.items() if name.lower() == "content-type"]
    return given[0].partition(";")[0].strip().lower() if given else ""
