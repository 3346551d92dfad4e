# SPDX-License-Identifier: EUPL-1.2
"""Status lists as they are fetched and kept: `protocol.status_list.StatusLists` over HTTP.

- A copy serves until its `ttl` is over, within our limits, and never after its `exp`. What HTTP says about caching
  is not asked: it could only make a copy live longer (draft-ietf-oauth-status-list-20, section 8.2).
- When a list cannot be fetched and no copy is fresh, that is "could not tell": an old copy never serves.
- The chain of a kept list is checked again for each document: the list must be the document's issuer's, today.
- A list is asked for whole and without saying for which document, and never for a past time: the server learns
  that somebody checks some document of the many that share the list.
- Lists are kept in this process, bounded in number and bytes; the one that was not used longest goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from protocol.errors import RequestError, UnavailableError, VerificationError
from protocol.runtime.fetch import HTTPClient, Response
from protocol.status_entries import wrong
from protocol.status_list import MEDIA_TYPE, VerifiedStatusList, verify_token
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


class CachedStatusLists:
    """A `StatusLists` that keeps what it fetched. Two threads may ask at once; one of them fetches."""

    def __init__(self, http: HTTPClient, trust: TrustList) -> None:
        self._http = http
        self._trust = trust
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._size = 0
        self._lock = Lock()
        self._fetching = [Lock() for _ in range(_LOCKS)]

    def get(self, uri: str, *, issuer: TrustedIssuer, now: datetime) -> VerifiedStatusList:
        """Return the list at this address, kept or fetched, as this issuer signed it.

        Raises `UnavailableError` (`status_unavailable`) and `VerificationError` (`status`).
        """
        found = self._find(uri, issuer, now)
        if found is not None:
            return found
        with self._fetching[hash(uri) % _LOCKS]:
            # whoever waited for the lock finds what the other one fetched
            found = self._find(uri, issuer, now)
            if found is None:
                token = self._fetch(uri)
                found = verify_token(token, expected_uri=uri, issuer=issuer, trust=self._trust, now=now, at=now)
                self._keep(found, now)
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
            key = self._trust.get_status_key(kept.found.x5c, issuer=issuer, now=now)
        except VerificationError:
            # not this issuer's, or no longer trusted: what is at the address now decides
            return None
        return kept.found if key == kept.found.key else None

    def _keep(self, found: VerifiedStatusList, now: datetime) -> None:
        size = found.statuses.size * found.statuses.bits // 8
        with self._lock:
            self._drop(found.uri)
            self._kept[found.uri] = _Kept(found, found.fresh_until(now), size)
            self._size += size
            while self._size > MAX_KEPT_BYTES or len(self._kept) > MAX_LISTS:
                self._drop(next(iter(self._kept)))

    def _drop(self, uri: str) -> None:
        dropped = self._kept.pop(uri, None)
        if dropped is not None:
            self._size -= dropped.size

    def _fetch(self, uri: str) -> str:
        """Return what is at the address. The client follows no redirect and goes to no foreign http address."""
        try:
            answer = self._http.get(uri, headers={"Accept": MEDIA_TYPE})
        except UnavailableError as exc:
            raise UnavailableError("status_unavailable", "the status list cannot be fetched") from exc
        except RequestError as exc:
            raise wrong("the status list is not where it may be fetched from") from exc
        if answer.status != _OK:
            raise UnavailableError("status_unavailable", f"the status list is answered with {answer.status}")
        if _media_type(answer) != MEDIA_TYPE:
            raise wrong(f"expected a status list as {MEDIA_TYPE}")
        try:
            return answer.body.decode("ascii")
        except UnicodeDecodeError as exc:
            raise wrong("the status list is no token") from exc


def _media_type(answer: Response) -> str:
    given = [value for name, value in answer.headers.items() if name.lower() == "content-type"]
    return given[0].partition(";")[0].strip().lower() if given else ""
