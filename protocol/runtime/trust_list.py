# SPDX-License-Identifier: EUPL-1.2
"""The trust list of a service: a signed file, read again when it changes, never an older one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cryptography import x509

from protocol.encoding import JSON
from protocol.errors import ConfigurationError, RequestError, UnavailableError, VerificationError
from protocol.keys import PublicKey
from protocol.trust import SignedTrustList, TrustedIssuer, TrustedLog, TrustedRequester


def load_anchors(path: Path) -> list[x509.Certificate]:
    """Return the authority's certificates. Raises `ConfigurationError` when the file holds none."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as exc:
        raise ConfigurationError("configuration_error", f"no certificate in {path.name}") from exc


class FileTrustList:
    """A `TrustList` over a file; keeps the newest list that it has seen."""

    def __init__(self, path: Path, anchors: list[x509.Certificate]) -> None:
        self._path = path
        self._anchors = anchors
        self._current: SignedTrustList | None = None
        self._stamp: tuple[int, int] | None = None

    def get_issuer(self, x5c: JSON, *, identifier: str, vct: str, now: datetime) -> TrustedIssuer:
        """Return the issuer of a credential."""
        return self._list(now).get_issuer(x5c, identifier=identifier, vct=vct, now=now)

    def get_requester(self, x5c: JSON, *, client_id: str, statement: str, now: datetime) -> TrustedRequester:
        """Return who asks, and the procedure that their statement registers."""
        return self._list(now).get_requester(x5c, client_id=client_id, statement=statement, now=now)

    def get_party_key(self, x5c: JSON, *, party_code: str, now: datetime) -> PublicKey:
        """Return the key of a certificate that speaks for this administration."""
        return self._list(now).get_party_key(x5c, party_code=party_code, now=now)

    def get_log(self, origin: str, *, now: datetime) -> TrustedLog:
        """Return the log of this name."""
        return self._list(now).get_log(origin, now=now)

    def _list(self, now: datetime) -> SignedTrustList:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if self._current is None or stamp != self._stamp:
                token = self._path.read_text("ascii")
                self._take(SignedTrustList.verify(token, self._anchors, now=now))
                self._stamp = stamp
        except (OSError, ValueError, RequestError, VerificationError) as exc:
            raise UnavailableError("trust_list_unavailable", "the trust list cannot be read or verified") from exc
        if self._current is None:
            raise UnavailableError("trust_list_unavailable", "there is no trust list")
        return self._current

    def _take(self, found: SignedTrustList) -> None:
        if self._current is not None and found.sequence < self._current.sequence:
            raise UnavailableError("trust_list_older", "the trust list is older than the one seen before")
        self._current = found
