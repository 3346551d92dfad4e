# SPDX-License-Identifier: EUPL-1.2
"""The request and response endpoints as messages: wallet metadata, the endpoint's answer, the response code.

OpenID4VP 1.0, sections 5.10 (what a wallet posts to `request_uri`), 8.2 (what `response_uri` answers), 10 (wallet
metadata), 13.3 and 14.3 (the response code that ties the answer to the browser that asked).
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from protocol.dcql import FORMAT
from protocol.encoding import JSON, compact_json, find_member, get_member, parse_object, sha256
from protocol.errors import RequestError
from protocol.members import MAX_URL_CHARS, check_url, find_texts
from protocol.openid4vp.client_id import Prefix
from protocol.openid4vp.client_metadata import FormatAlgorithms

# wallets send a few dozen characters
MAX_WALLET_NONCE_CHARS = 512
# formats, prefixes and algorithms: under 2 kB in every wallet's documentation
MAX_WALLET_METADATA_BYTES = 16 * 1024
RESPONSE_CODE = "response_code"
# section 8.2 recommends 128 bits or more
_CODE_BYTES = 24
_CODE = re.compile(r"[A-Za-z0-9_-]{32}")
_REDIRECTION = range(300, 400)
_OK = 200


@dataclass(frozen=True)
class WalletMetadata:
    """What a wallet can do, as far as it concerns us. None: it does not take `dc+sd-jwt`."""

    algorithms: FormatAlgorithms | None
    # empty: it does not say. The default of section 10.1, verifiers registered in advance, cannot be meant by a
    # wallet that fetches a request of another prefix, as the example of section 5.10 shows
    client_id_prefixes: tuple[str, ...] = ()
    request_algorithms: tuple[str, ...] = ()

    @classmethod
    def parse(cls, value: JSON) -> WalletMetadata:
        """Return the metadata. Raises `RequestError` (`invalid_request`)."""
        if not isinstance(value, dict):
            raise RequestError("invalid_request", "expected wallet_metadata to be an object")
        formats = get_member(value, "vp_formats_supported", dict)
        return cls(
            algorithms=FormatAlgorithms.parse(formats[FORMAT]) if FORMAT in formats else None,
            client_id_prefixes=find_texts(value, "client_id_prefixes_supported", code="invalid_request"),
            request_algorithms=find_texts(
                value, "request_object_signing_alg_values_supported", code="invalid_request"
            ),
        )

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        formats: dict[str, JSON] = {} if self.algorithms is None else {FORMAT: self.algorithms.to_json()}
        given = {
            "client_id_prefixes_supported": self.client_id_prefixes,
            "request_object_signing_alg_values_supported": self.request_algorithms,
        }
        return {"vp_formats_supported": formats, **{name: [*values] for name, values in given.items() if values}}

    def check_takes(self, prefix: Prefix) -> None:
        """Raise `RequestError` unless the wallet can take a request of this prefix for `dc+sd-jwt`."""
        if self.algorithms is None:
            raise RequestError("vp_formats_not_supported", f"the wallet does not present {FORMAT}")
        if self.client_id_prefixes and prefix.value not in self.client_id_prefixes:
            raise RequestError("invalid_request", f"the wallet does not take the prefix {prefix.value}")


@dataclass(frozen=True)
class RequestUriPost:
    """What a wallet posts to `request_uri` (section 5.10)."""

    wallet_nonce: str | None = field(default=None, repr=False)
    wallet_metadata: WalletMetadata | None = None

    @classmethod
    def parse(cls, fields: Mapping[str, str]) -> RequestUriPost:
        """Return it, of a form whose parameters each came once. Raises `RequestError` (`invalid_request`)."""
        nonce, metadata = fields.get("wallet_nonce"), fields.get("wallet_metadata")
        if nonce is not None and not 0 < len(nonce) <= MAX_WALLET_NONCE_CHARS:
            raise RequestError(
                "invalid_request", f"expected a wallet_nonce of 1 to {MAX_WALLET_NONCE_CHARS} characters"
            )
        if metadata is None:
            return cls(nonce)
        return cls(nonce, WalletMetadata.parse(parse_object(metadata, max_bytes=MAX_WALLET_METADATA_BYTES)))

    def form(self) -> bytes:
        """Return the body to post."""
        fields = {"wallet_nonce": self.wallet_nonce} if self.wallet_nonce is not None else {}
        if self.wallet_metadata is not None:
            fields["wallet_metadata"] = compact_json(self.wallet_metadata.to_json()).decode()
        return urlencode(fields).encode("ascii")


@dataclass(frozen=True)
class EndpointAnswer:
    """What the response endpoint answers when it has processed the response, also one that was refused.

    `members` holds everything that it said; the specification defines `redirect_uri` alone.
    """

    redirect_uri: str | None
    members: Mapping[str, JSON] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, status: int, body: bytes) -> EndpointAnswer:
        """Return the answer.

        Raises `RequestError` (`invalid_request`) on a redirection by HTTP, which is never followed (section 14.8),
        on any status but 200, and on a body that is no such object.
        """
        if status in _REDIRECTION:
            raise RequestError("invalid_request", "the response endpoint answered with a redirect")
        if status != _OK:
            raise RequestError("invalid_request", f"the response endpoint answered with status {status}")
        members = parse_object(body)
        redirect_uri = find_member(members, "redirect_uri", str)
        if redirect_uri is not None:
            # the fresh secret may stand in the fragment (section 8.2)
            address, _, fragment = redirect_uri.partition("#")
            check_url(address, "redirect_uri", code="invalid_request")
            if len(fragment) > MAX_URL_CHARS or not fragment.isascii() or not (fragment or " ").isprintable():
                raise RequestError("invalid_request", "malformed redirect_uri")
        return cls(redirect_uri, {name: value for name, value in members.items() if name != "redirect_uri"})

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return {**self.members, **({} if self.redirect_uri is None else {"redirect_uri": self.redirect_uri})}


@dataclass(frozen=True)
class ResponseCode:
    """The secret of one answer that only the browser it was sent back to knows (sections 8.2 and 13.3)."""

    value: str = field(repr=False)

    @classmethod
    def generate(cls) -> ResponseCode:
        """Make a fresh one of 192 bits."""
        return cls(secrets.token_urlsafe(_CODE_BYTES))

    @classmethod
    def parse(cls, text: str) -> ResponseCode:
        """Return the code that a browser brings. Raises `RequestError` (`invalid_request`)."""
        if not _CODE.fullmatch(text):
            raise RequestError("invalid_request", "malformed response_code")
        return cls(text)

    @property
    def digest(self) -> bytes:
        """What is stored of it."""
        return sha256(self.value.encode("ascii"))

    def check(self, expected_digest: bytes) -> None:
        """Raise `RequestError` (`access_denied`) unless it is the code of this digest."""
        if not hmac.compare_digest(self.digest, expected_digest):
            raise RequestError("access_denied", "the response_code is another answer's", status=403)

    def redirect_uri(self, page: str) -> str:
        """Return the address to send the browser to: the page's, with the code in its query."""
        check_url(page, "redirect_uri", code="invalid_request")
        parts = urlsplit(page)
        query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), (RESPONSE_CODE, self.value)])
        return parts._replace(query=query).geturl()
