# SPDX-License-Identifier: EUPL-1.2
"""Outgoing HTTP, guarded: what other people's documents can make this program fetch.

- https to public addresses only; anything else only if its exact origin was named in the settings.
- The address that was checked is the address that is used (no second look-up).
- No redirects, bounded size, bounded time, also for a body that drips; the correlation identifier goes along.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from protocol.encoding import JSON, parse_object
from protocol.errors import RequestError, UnavailableError
from protocol.runtime import correlation
from protocol.runtime.settings import ServiceSettings

# Issuer metadata, request objects and ledger tiles stay far below this; a trust list has a bound of its own.
MAX_BODY_BYTES = 1024 * 1024
CONNECT_TIMEOUT_SECONDS = 3.0
READ_TIMEOUT_SECONDS = 10.0
_REDIRECTS = range(300, 400)
_USER_AGENT = "testimoni"
# IPv4 behind a translator (RFC 6052)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class Response:
    """What came back. Any status is a response; only no answer at all is an error."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> dict[str, JSON]:
        """Return the body as a JSON object. Raises `RequestError` when it is none."""
        return parse_object(self.body)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return self.status in range(200, 300)


class TimedOutError(UnavailableError):
    """The other side took the request, or not even that, and let the time limit pass."""


class HTTPClient(Protocol):
    """Carries one request. In service tests the calls go to the other application's test client."""

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = MAX_BODY_BYTES
    ) -> Response:
        """Fetch at most so many bytes.

        Raises `UnavailableError` when nothing answers (`TimedOutError` when not in time), `RequestError` when the
        URL is not allowed or the answer is longer.
        """

    def post(
        self,
        url: str,
        *,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        read_timeout: float = READ_TIMEOUT_SECONDS,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Response:
        """Send a body. Raises as `get` does."""


def origin_of(url: str) -> str:
    """Return scheme, host and port of an absolute http(s) URL. Raises `RequestError` on anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise RequestError("invalid_request", "malformed URL") from exc
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise RequestError("invalid_request", "expected an http or https URL")
    if not parts.hostname.isascii():
        # two readers of such a name may resolve it to two hosts
        raise RequestError("invalid_request", "expected a host name in ASCII")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


class _PinnedAdapter(HTTPAdapter):
    """Connects to one checked address while TLS and the Host header keep the name."""

    def __init__(self, address: str, hostname: str) -> None:
        self._address = address
        self._hostname = hostname
        super().__init__(max_retries=0)

    def get_connection_with_tls_context(self, request, verify, proxies=None, cert=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - signature of requests
        """Return a connection to the checked address."""
        del request, proxies, cert
        return self.poolmanager.connection_from_host(
            self._address,
            port=443,
            scheme="https",
            pool_kwargs={
                "server_hostname": self._hostname,
                "assert_hostname": self._hostname,
                "cert_reqs": "CERT_REQUIRED" if verify else "CERT_NONE",
            },
        )


class Fetcher:
    """The guarded client. `ca_file` adds a local authority's certificates, for origins named as private."""

    def __init__(self, *, allowed_private_origins: frozenset[str], ca_file: str | None = None) -> None:
        self._allowed = allowed_private_origins
        self._ca_file = ca_file

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = MAX_BODY_BYTES
    ) -> Response:
        """Fetch."""
        return self._send("GET", url, headers or {}, None, READ_TIMEOUT_SECONDS, max_bytes)

    def post(
        self,
        url: str,
        *,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        read_timeout: float = READ_TIMEOUT_SECONDS,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Response:
        """Send a body."""
        return self._send(
            "POST", url, {**(headers or {}), "Content-Type": content_type}, body, read_timeout, max_bytes
        )

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        read_timeout: float,
        max_bytes: int,
    ) -> Response:
        origin = origin_of(url)
        extra = {"User-Agent": _USER_AGENT}
        if correlation.current():
            extra[correlation.HEADER] = correlation.current()
        with requests.Session() as session:
            session.trust_env = False
            if origin not in self._allowed:
                hostname = urlsplit(url).hostname or ""
                session.mount("https://", _PinnedAdapter(_public_address(origin, hostname), hostname))
            elif self._ca_file:
                session.verify = self._ca_file
            try:
                with session.request(
                    method,
                    url,
                    headers={**extra, **headers},
                    data=body,
                    timeout=(CONNECT_TIMEOUT_SECONDS, read_timeout),
                    allow_redirects=False,
                    stream=True,
                ) as answer:
                    content = _read(answer, within=read_timeout, max_bytes=max_bytes)
            except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as exc:
                raise TimedOutError("temporarily_unavailable", f"no answer in time from {origin}") from exc
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
                raise UnavailableError("temporarily_unavailable", f"no answer from {origin}") from exc
        if answer.status_code in _REDIRECTS:
            raise RequestError("invalid_request", f"{origin} answered with a redirect")
        if len(content) > max_bytes:
            raise RequestError("invalid_request", f"{origin} answered more than {max_bytes} bytes")
        return Response(status=answer.status_code, headers=dict(answer.headers), body=content)


def _read(answer: requests.Response, *, within: float, max_bytes: int) -> bytes:
    """Return the body, or one byte more than is allowed. Raises `TimeoutError` when it drips."""
    deadline = monotonic() + within
    content = bytearray()
    while len(content) <= max_bytes and (
        piece := answer.raw.read1(max_bytes + 1 - len(content), decode_content=True)
    ):
        content += piece
        if monotonic() > deadline:
            raise TimeoutError("the body drips")
    return bytes(content)


def open_http(settings: ServiceSettings) -> Fetcher:
    """Return the guarded client of a service."""
    ca_file = settings.private_ca_file
    return Fetcher(
        allowed_private_origins=settings.allowed_private_origins, ca_file=str(ca_file) if ca_file else None
    )


def _public_address(origin: str, hostname: str) -> str:
    """Return a public address of the host. Raises `RequestError` unless https on 443 and all are public."""
    if not origin.startswith("https://") or urlsplit(origin).port not in {None, 443}:
        raise RequestError("invalid_request", f"{origin} may not be fetched: not https on the usual port")
    try:
        found = socket.getaddrinfo(hostname, 443, type=socket.SOCK_STREAM)
    except UnicodeError as exc:
        raise RequestError("invalid_request", "malformed host name") from exc
    except OSError as exc:
        raise UnavailableError("temporarily_unavailable", f"{origin} has no address") from exc
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(map(_is_public, addresses)):
        raise RequestError("invalid_request", f"{origin} may not be fetched: not a public address")
    return addresses[0]


def _is_public(text: str) -> bool:
    """Whether the address, and the IPv4 address that it stands for if it does, is one of the open internet."""
    address = ipaddress.ip_address(text.partition("%")[0])
    inner: ipaddress.IPv4Address | None = None
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.is_global and not address.is_multicast and (inner is None or inner.is_global)
