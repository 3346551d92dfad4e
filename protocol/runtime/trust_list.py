# SPDX-License-Identifier: EUPL-1.2
"""The trust list of a service: a signed file, read again when it changes, never an older one.

A list that is fetched instead is in `trust_fetch.py`.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from cryptography import x509

from protocol.encoding import JSON
from protocol.errors import ConfigurationError, RequestError, UnavailableError, VerificationError
from protocol.keys import PublicKey
from protocol.runtime.trust_shelf import KeptList, TrustListShelf
from protocol.trust import (
    MAX_LIST_CHARS,
    SignedTrustList,
    TrustedAuditor,
    TrustedIssuer,
    TrustedLog,
    TrustedRequester,
)
from protocol.x509 import Anchors

# what changes when a file is written again or another takes its place
_Stamp: TypeAlias = tuple[int, int, int]


def load_anchors(path: Path) -> list[x509.Certificate]:
    """Return the authority's certificates. Raises `ConfigurationError` when the file holds none."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as exc:
        raise ConfigurationError("configuration_error", f"no certificate in {path.name}") from exc


class ServiceTrustList(ABC):
    """A `TrustList` that asks the newest signed list that it can get."""

    def get_issuer(self, x5c: JSON, *, identifier: str, vct: str, now: datetime) -> TrustedIssuer:
        """Return the issuer of a credential."""
        return self._list(now).get_issuer(x5c, identifier=identifier, vct=vct, now=now)

    def get_status_key(self, x5c: JSON, *, issuer: TrustedIssuer, now: datetime) -> PublicKey:
        """Return the key of a status list token about this issuer's credentials."""
        return self._list(now).get_status_key(x5c, issuer=issuer, now=now)

    def get_requester(self, x5c: JSON, *, client_id: str, statement: str, now: datetime) -> TrustedRequester:
        """Return who asks, and the procedure that their statement registers."""
        return self._list(now).get_requester(x5c, client_id=client_id, statement=statement, now=now)

    def get_party_key(self, x5c: JSON, *, party_code: str, now: datetime) -> PublicKey:
        """Return the key of a certificate that speaks for this administration."""
        return self._list(now).get_party_key(x5c, party_code=party_code, now=now)

    def get_issuer_key(self, x5c: JSON, *, party_code: str, now: datetime) -> PublicKey:
        """Return the key of a certificate with which this administration issues."""
        return self._list(now).get_issuer_key(x5c, party_code=party_code, now=now)

    def get_auditor(self, x5c: JSON, *, now: datetime) -> TrustedAuditor:
        """Return who may ask offices for their records."""
        return self._list(now).get_auditor(x5c, now=now)

    def get_log(self, origin: str, *, now: datetime) -> TrustedLog:
        """Return the log of this name."""
        return self._list(now).get_log(origin, now=now)

    def get_logs(self, *, now: datetime) -> tuple[TrustedLog, ...]:
        """Return every log on the list."""
        return self._list(now).get_logs(now=now)

    @abstractmethod
    def _list(self, now: datetime) -> SignedTrustList:
        """Return the list. Raises `UnavailableError` when there is none to rely on."""


class FileTrustList(ServiceTrustList):
    """A `TrustList` over a file, never older than any that the shelf has seen. Two threads may ask at once.

    Its time, size and place are looked at for each question: a list that takes back a right counts at once.
    Raises `ConfigurationError` when there is no anchor, or one that cannot be used.
    """

    def __init__(self, path: Path, anchors: Sequence[x509.Certificate], shelf: TrustListShelf) -> None:
        self._path = os.fsencode(path)
        self._source = str(path.absolute())
        self._anchors = Anchors(anchors)
        self._shelf = shelf
        self._lock = Lock()
        # one value, so that who reads without the lock never sees a half of each
        self._seen: tuple[_Stamp | None, SignedTrustList | None] = (None, None)

    def _list(self, now: datetime) -> SignedTrustList:
        stamp, found = self._seen
        try:
            if found is not None and _stamp(self._path) == stamp:
                return found
            with self._lock:
                return self._read(now)
        except (OSError, ValueError, RequestError, VerificationError) as exc:
            raise UnavailableError("trust_list_unavailable", "the trust list cannot be read or verified") from exc

    def _read(self, now: datetime) -> SignedTrustList:
        # the stamp first: whoever writes in between is noticed by the next question
        stamp = _stamp(self._path)
        seen, before = self._seen
        if before is not None and stamp == seen:
            # another thread read it while this one waited
            return before
        with open(self._path, encoding="ascii") as file:  # noqa: PTH123 - a text: a Path per question costs more
            token = file.read(MAX_LIST_CHARS + 1)
        found = SignedTrustList.verify(token, self._anchors, now=now)
        self._shelf.put(self._source, KeptList(found.sequence, "", now))
        self._seen = (stamp, found)
        return found


def _stamp(path: bytes) -> _Stamp:
    status = os.stat(path)  # noqa: PTH116 - asked for each question, and a Path is twice as slow
    return status.st_mtime_ns, status.st_size, status.st_ino
