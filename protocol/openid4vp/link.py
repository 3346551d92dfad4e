# SPDX-License-Identifier: EUPL-1.2
"""How a request reaches a wallet: a link or QR, by reference, by value, or as plain parameters (sections 5.7, 10).

HAIP 1.0 (section 5.1) allows the first alone, and so do our wallets: `RequestLink.parse`. `parse_link` reads all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlencode, urlsplit

from protocol.errors import RequestError
from protocol.members import check_url
from protocol.openid4vp.client_id import ClientIdentifier
from protocol.openid4vp.syntax import parse_form

SCHEME = "openid4vp://"
HAIP_SCHEME = "haip-vp://"
SCHEMES = frozenset({"openid4vp", "haip-vp", "https", "http"})
# a request object by value: about 10 kB with its statement, base64 and escapes included twice that
MAX_LINK_CHARS = 64 * 1024


@dataclass(frozen=True)
class RequestLink:
    """By reference (section 5.10): where the signed request is."""

    client_id: str
    request_uri: str
    uses_post: bool

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> RequestLink:
        """Return the link of query parameters. Raises `RequestError` with the code of section 8.5."""
        method = parameters.get("request_uri_method")
        if method not in {None, "get", "post"} or (method is not None and "request_uri" not in parameters):
            raise RequestError(
                "invalid_request_uri_method", "expected request_uri_method get or post, and a request_uri"
            )
        if "request_uri" not in parameters or "request" in parameters:
            raise RequestError("invalid_request", "expected the request by reference")
        request_uri = parameters["request_uri"]
        check_url(request_uri, "request_uri", code="invalid_request")
        client_id = parameters.get("client_id", "")
        ClientIdentifier.parse(client_id).check_signed(is_signed=True)
        return cls(client_id=client_id, request_uri=request_uri, uses_post=method == "post")

    def to_parameters(self) -> dict[str, str]:
        """Return the query parameters."""
        fields = {"client_id": self.client_id, "request_uri": self.request_uri}
        return fields | ({"request_uri_method": "post"} if self.uses_post else {})

    def url(self, wallet: str | None = None) -> str:
        """Return the link for one wallet's address, or for any wallet on the device."""
        query = urlencode(self.to_parameters())
        return f"{wallet}?{query}" if wallet else f"{SCHEME}?{query}"


@dataclass(frozen=True)
class RequestByValue:
    """A signed request object inside the link; unverified."""

    client_id: str
    token: str

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> RequestByValue:
        """Return it. Raises `RequestError` (`invalid_request`)."""
        client_id, token = parameters.get("client_id", ""), parameters.get("request", "")
        if not token or "request_uri" in parameters:
            raise RequestError("invalid_request", "expected the request by value")
        ClientIdentifier.parse(client_id).check_signed(is_signed=True)
        return cls(client_id, token)

    def to_parameters(self) -> dict[str, str]:
        """Return the query parameters."""
        return {"client_id": self.client_id, "request": self.token}


@dataclass(frozen=True)
class UnsignedRequest:
    """Plain parameters that nobody signed; `PresentationRequest.parse_parameters` reads them."""

    client_id: str
    parameters: Mapping[str, str]

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> UnsignedRequest:
        """Return it. Raises `RequestError` (`invalid_request`): with a certificate's prefix it must be signed."""
        client_id = parameters.get("client_id", "")
        ClientIdentifier.parse(client_id).check_signed(is_signed=False)
        return cls(client_id, dict(parameters))

    def to_parameters(self) -> dict[str, str]:
        """Return the query parameters."""
        return dict(self.parameters)


Link: TypeAlias = RequestLink | RequestByValue | UnsignedRequest


def parse_parameters(parameters: Mapping[str, str]) -> Link:
    """Return the link of query parameters, of any kind. Raises `RequestError` with the code of section 8.5."""
    if "request_uri" in parameters or "request_uri_method" in parameters:
        return RequestLink.parse(parameters)
    if "request" in parameters:
        return RequestByValue.parse(parameters)
    return UnsignedRequest.parse(parameters)


def read_parameters(link: str) -> dict[str, str]:
    """Return the query parameters of a link of ours or of any wallet's address.

    Raises `RequestError` (`invalid_request`) on another scheme, too long a link, or a parameter given twice.
    """
    if len(link) > MAX_LINK_CHARS:
        raise RequestError("invalid_request", f"link longer than {MAX_LINK_CHARS} characters")
    try:
        parts = urlsplit(link)
    except ValueError as exc:
        raise RequestError("invalid_request", "malformed link") from exc
    if parts.scheme not in SCHEMES:
        raise RequestError("invalid_request", "expected a link of scheme openid4vp, haip-vp or https")
    return parse_form(parts.query, max_bytes=MAX_LINK_CHARS)


def parse_link(link: str) -> Link:
    """Return what a link carries. Raises `RequestError` with the code of section 8.5."""
    return parse_parameters(read_parameters(link))
