# SPDX-License-Identifier: EUPL-1.2
"""Status lists of the administrations: give out entries, publish signed lists, revoke.

The other half of `protocol.status_list` (Token Status List; HAIP 1.0, section 6.1).

- Each copy of a document has an entry of its own, never given out before (`issuer.status_order`). Entries are
  taken before the copies are signed: if signing fails, they belong to nobody for ever.
- A list is half full at most: what is left over hides how many documents there are, and some of it is marked as
  revoked from the beginning, so that the list does not tell how many revocations are real (section 13.5).
- An entry has one bit: a revocation is for ever, and nothing is ever suspended, which would tell more about a
  person than anybody needs to know (section 12.8).
- A list is signed when somebody asks for it and it has changed or is about to expire: once per batch of changes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from issuer.offers import not_found
from issuer.records import Administration
from issuer.status_order import KEY_BYTES, LIST_SIZE, capacity, entry_at
from protocol import status_list
from protocol.clock import Clock
from protocol.encoding import b64url_encode, sha256
from protocol.errors import RequestError
from protocol.keys import Signer
from protocol.status_entries import MutableStatusList, Status, StatusList
from protocol.status_list import StatusReference, Validity

BITS = 1
# how long a signed list counts, and how much of that must be left when it is given out
LIFETIME = timedelta(hours=24)
_RENEW_BEFORE = timedelta(hours=12)
# one entry in 2,048 to one in 1,024 is marked as revoked from the beginning
_DECOY_SHARE = 2048
_ID_BYTES = 16


class Reason(StrEnum):
    """Why a document was revoked; for the administration's own records, published nowhere."""

    WRONG = "wrong"
    OUTDATED = "outdated"
    HOLDER_ASKED = "holder-asked"
    KEY_LOST = "key-lost"


@dataclass(frozen=True)
class NewList:
    """An empty list, apart from its decoys."""

    id: str
    size: int
    order_key: bytes = field(repr=False)
    packed: bytes = field(repr=False)


@dataclass(frozen=True)
class Taken:
    """Consecutive places of one list that were given out just now, to this caller alone."""

    list_id: str
    size: int
    order_key: bytes = field(repr=False)
    first: int
    count: int


@dataclass(frozen=True)
class Published:
    """A list as it was signed; `is_current` is False once it has changed since."""

    token: str
    expires_at: datetime
    is_current: bool


@dataclass(frozen=True)
class Contents:
    """The entries of a list, and which change they are from."""

    packed: bytes = field(repr=False)
    version: int


@dataclass(frozen=True)
class Entry:
    """The entry of one copy."""

    list_id: str
    index: int
    reference: StatusReference


@dataclass(frozen=True)
class Served:
    """A list as a route gives it."""

    token: str
    etag: str
    max_age: int


class StatusStore(Protocol):
    """Keeps the lists. Each method is one transaction, durable when it returns.

    Of parallel callers of `take`, in any number of processes, no two get the same place.
    """

    def take(self, administration_id: str, count: int, *, make: Callable[[], NewList]) -> Taken:
        """Give out places of the administration's open list; a full one is closed and `make` gives the next."""

    def find_published(self, administration_id: str, list_id: str) -> Published | None:
        """Return the list as it was last signed, or None when it never was or there is no such list."""

    def find_contents(self, administration_id: str, list_id: str) -> Contents | None:
        """Return the entries of a list, or None when there is no such list."""

    def publish(self, list_id: str, published: Published, *, version: int) -> None:
        """Keep a signed list, unless one of a later change is kept already."""

    def list_ids(self, administration_id: str) -> Sequence[str]:
        """Return all lists of the administration, oldest first."""

    def close(self, administration_id: str) -> int:
        """Give out nothing more of the open lists, and return how many there were."""

    def revoke(
        self, administration_id: str, issuance_id: str, copy_ids: Sequence[str], *, reason: str, now: datetime
    ) -> int | None:
        """Mark the entries of the issuance's copies, or of these copies of it alone, as INVALID.

        Returns how many were still valid; None when the administration has no such copies. Entries, and what is
        kept of the copies, change together or not at all.
        """

    def forget_expired(self, administration_id: str, now: datetime) -> int:
        """Forget which entry belongs to which copy once the copy has expired; return how many were forgotten."""


class Statuses:
    """The use cases around status lists."""

    def __init__(
        self,
        store: StatusStore,
        clock: Clock,
        *,
        public_url: str,
        open_signer: Callable[[str], Signer],
        ttl: timedelta,
    ) -> None:
        self._store = store
        self._clock = clock
        self._public_url = public_url
        self._open_signer = open_signer
        self._ttl = ttl

    def aggregation_uri(self, administration_id: str) -> str:
        """Return where the administration's lists are listed."""
        return f"{self._public_url}/{administration_id}/status"

    def take(self, administration_id: str, count: int) -> tuple[Entry, ...]:
        """Return fresh entries, all in one list, so that the copies of a document share its address."""
        taken = self._store.take(administration_id, count, make=new_list)
        uri = self._uri(administration_id, taken.list_id)
        return tuple(
            Entry(taken.list_id, index, StatusReference(uri, index))
            for index in (
                entry_at(place, key=taken.order_key, size=taken.size)
                for place in range(taken.first, taken.first + taken.count)
            )
        )

    def serve(self, administration: Administration, list_id: str) -> Served:
        """Return a list, signed again if need be. Raises `RequestError` (`not_found`)."""
        now = self._clock.now()
        found = self._store.find_published(administration.id, list_id)
        if found is None or not found.is_current or found.expires_at - now < _RENEW_BEFORE:
            found = self._sign(administration, list_id, now)
        return Served(
            token=found.token,
            etag=b64url_encode(sha256(found.token.encode("ascii"))),
            max_age=int(self._ttl.total_seconds()),
        )

    def aggregation(self, administration_id: str) -> Mapping[str, object]:
        """Return the document that lists the administration's lists (section 9.2)."""
        ids = self._store.list_ids(administration_id)
        return status_list.make_aggregation([self._uri(administration_id, each) for each in ids])

    def revoke(
        self, administration_id: str, issuance_id: str, *, reason: Reason, copy_ids: Sequence[str] = ()
    ) -> int:
        """Revoke all copies of a document, or these alone, for ever; return how many were still valid.

        Doing it twice changes nothing. Raises `RequestError` (`not_found`) when the administration issued no such
        copies.
        """
        found = self._store.revoke(
            administration_id, issuance_id, copy_ids, reason=reason.value, now=self._clock.now()
        )
        if found is None:
            raise not_found()
        return found

    def close(self, administration_id: str) -> int:
        """Take entries of new lists from now on, and return how many lists were closed.

        Needed after a backup was restored: the counter of an open list went back to where it was.
        """
        return self._store.close(administration_id)

    def forget_expired(self, administration_id: str) -> int:
        """Forget which entries belonged to copies that have expired, and return how many were forgotten."""
        return self._store.forget_expired(administration_id, self._clock.now())

    def _sign(self, administration: Administration, list_id: str, now: datetime) -> Published:
        contents = self._store.find_contents(administration.id, list_id)
        if contents is None:
            raise not_found()
        validity = Validity(issued_at=now, expires_at=now + LIFETIME, ttl=self._ttl)
        token = status_list.sign_token(
            StatusList(BITS, contents.packed),
            self._open_signer(administration.signer_url),
            x5c=administration.x5c,
            uri=self._uri(administration.id, list_id),
            validity=validity,
            aggregation_uri=self.aggregation_uri(administration.id),
        )
        published = Published(token, validity.expires_at, is_current=True)
        self._store.publish(list_id, published, version=contents.version)
        return published

    def _uri(self, administration_id: str, list_id: str) -> str:
        return f"{self.aggregation_uri(administration_id)}/{list_id}"


def new_list(size: int = LIST_SIZE) -> NewList:
    """Return a list of which nothing was given out, with decoys among the entries that never will be."""
    order_key = secrets.token_bytes(KEY_BYTES)
    statuses = MutableStatusList.make(BITS, size)
    least = size // _DECOY_SHARE
    first = capacity(size)
    for place in range(first, first + least + secrets.randbelow(least + 1)):
        statuses.set(entry_at(place, key=order_key, size=size), Status.INVALID)
    return NewList(secrets.token_hex(_ID_BYTES), size, order_key, statuses.packed)


def historical_status() -> RequestError:
    """Return the error of a question about a past moment, which we do not answer (section 8.4)."""
    return RequestError("not_implemented", "lists of the past are not given", status=501)
