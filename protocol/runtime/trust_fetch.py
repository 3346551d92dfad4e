# SPDX-License-Identifier: EUPL-1.2
"""The trust list of a service, fetched from where it is derived (`GET /trust/v1/list` of a ledger) and kept.

- A list is asked for again after the refresh time; a right that was taken back counts no longer than that.
- While it cannot be had, or what comes is older or not signed by the authority's registrar, the newest list that
  was seen goes on to count, in every process and after a restart, until it ends by itself: its end is its maximum
  age. Then, and without any list, the answer is "could not be checked".
- One thread fetches; the others go on with the list that they have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

import structlog
from cryptography import x509

from protocol.errors import RequestError, UnavailableError, VerificationError
from protocol.runtime.fetch import HTTPClient
from protocol.runtime.settings import ServiceSettings
from protocol.runtime.trust_list import FileTrustList, ServiceTrustList, load_anchors
from protocol.runtime.trust_shelf import KeptList, TrustListShelf
from protocol.trust import MAX_LIST_CHARS, TYPE, SignedTrustList, TrustList
from protocol.x509 import Anchors

# after a failure; short, and long enough that a ledger that is down is not asked by every request
RETRY = timedelta(seconds=5)
_OK = 200
_NO_LIST = "the trust list cannot be fetched or verified"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Held:
    """A verified list, the token that it came as, and from when on it is asked for again."""

    token: str
    signed: SignedTrustList
    checked_at: datetime
    due_at: datetime


class FetchedTrustList(ServiceTrustList):
    """A `TrustList` behind a URL. Two threads may ask at once.

    Raises `ConfigurationError` when there is no anchor, or one that cannot be used.
    """

    def __init__(
        self,
        url: str,
        anchors: Sequence[x509.Certificate],
        http: HTTPClient,
        shelf: TrustListShelf,
        *,
        refresh: timedelta,
    ) -> None:
        self._url = url
        self._anchors = Anchors(anchors)
        self._http = http
        self._shelf = shelf
        self._refresh = refresh
        self._lock = Lock()
        self._held: _Held | None = None
        # without any list: the last failure, so that not every question tries again
        self._failed_at: datetime | None = None

    def _list(self, now: datetime) -> SignedTrustList:
        held = self._held
        if held is not None and held.checked_at <= now < held.due_at:
            return held.signed
        # whoever has a list does not wait for the one who fetches
        if not self._lock.acquire(blocking=held is None):
            assert held is not None  # noqa: S101 - otherwise this thread waits
            return held.signed
        try:
            return self._renew(now).signed
        finally:
            self._lock.release()

    def _renew(self, now: datetime) -> _Held:
        held = self._held
        if held is not None and held.checked_at <= now < held.due_at:
            # another thread fetched while this one waited
            return held
        kept = self._shelf.find(self._url)
        if kept is None or not kept.fetched_at <= now < kept.fetched_at + self._refresh:
            kept = self._fetch(kept, now)
        self._held = self._open(kept, now)
        return self._held

    def _fetch(self, kept: KeptList | None, now: datetime) -> KeptList:
        """Return what is at the URL when it counts, and otherwise what was kept before."""
        if kept is None and self._failed_at is not None and self._failed_at <= now < self._failed_at + RETRY:
            raise UnavailableError("trust_list_unavailable", _NO_LIST)
        try:
            accept = {"Accept": f"application/{TYPE}"}
            answer = self._http.get(self._url, headers=accept, max_bytes=MAX_LIST_CHARS)
            if answer.status != _OK:
                raise UnavailableError("trust_list_unavailable", f"the list is answered with {answer.status}")
            token = answer.body.decode("ascii")
            signed = SignedTrustList.verify(token, self._anchors, now=now)
            signed.check_fresh(now)
            fetched = KeptList(signed.sequence, token, now)
            self._shelf.put(self._url, fetched)
        except (UnavailableError, RequestError, VerificationError, UnicodeDecodeError) as exc:
            code = exc.code if not isinstance(exc, UnicodeDecodeError) else "invalid_request"
            _log.warning("trust list not renewed", code=code, reason=str(exc))
            if kept is not None:
                return kept
            self._failed_at = now
            raise UnavailableError("trust_list_unavailable", _NO_LIST) from exc
        return fetched

    def _open(self, kept: KeptList, now: datetime) -> _Held:
        due_at = kept.fetched_at + self._refresh
        if due_at <= now:
            due_at = now + RETRY
        held = self._held
        if held is not None and held.token == kept.token:
            return _Held(held.token, held.signed, now, due_at)
        try:
            signed = SignedTrustList.verify(kept.token, self._anchors, now=now)
        except (RequestError, VerificationError) as exc:
            raise UnavailableError("trust_list_unavailable", "the kept trust list cannot be verified") from exc
        return _Held(kept.token, signed, now, due_at)


def open_trust_list(settings: ServiceSettings, http: HTTPClient, shelf: TrustListShelf) -> TrustList:
    """Return the trust list that the settings name: a file or a URL."""
    anchors = load_anchors(settings.trust_anchor_file)
    if settings.trust_list_url is not None:
        refresh = timedelta(seconds=settings.trust_list_refresh_seconds)
        return FetchedTrustList(settings.trust_list_url, anchors, http, shelf, refresh=refresh)
    assert settings.trust_list_file is not None  # noqa: S101 - the settings have exactly one
    return FileTrustList(settings.trust_list_file, anchors, shelf)
