# SPDX-License-Identifier: EUPL-1.2
"""Credential offer (section 4.1): the object, and the link that carries it by value or by reference.

An offer is not authenticated: whoever receives one must treat its issuer as one that it found by itself (section
13.5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, urlencode, urlsplit

from protocol.encoding import JSON, compact_json, find_member, parse_object
from protocol.errors import RequestError
from protocol.members import (
    check_identifier,
    check_url,
    find_number,
    find_text,
    get_single,
    get_text,
    get_texts,
    media_type,
)

PRE_AUTHORIZED = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
AUTHORIZATION_CODE = "authorization_code"
SCHEME = "openid-credential-offer"
HAIP_SCHEME = "haip-vci"
CODE = "invalid_credential_offer"
# section 4.1.1
MAX_DESCRIPTION_CHARS = 300
# longer ones nobody types
MAX_TX_CODE_CHARS = 64
# an offer by value in a link: more than any QR code holds
MAX_LINK_CHARS = 16 * 1024
_MEDIA_TYPE = "application/json"


@dataclass(frozen=True)
class TxCode:
    """What the transaction code looks like that the person must type. An empty object still asks for one."""

    input_mode: Literal["numeric", "text"] = "numeric"
    length: int | None = None
    description: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {"input_mode": self.input_mode}
        if self.length is not None:
            members["length"] = self.length
        if self.description is not None:
            members["description"] = self.description
        return members

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> TxCode:
        """Return the description. Raises `RequestError` (`invalid_credential_offer`)."""
        mode = value.get("input_mode", "numeric")
        if mode not in ("numeric", "text"):
            raise RequestError(CODE, "expected input_mode numeric or text")
        description = find_member(value, "description", str, code=CODE)
        if description is not None and len(description) > MAX_DESCRIPTION_CHARS:
            raise RequestError(CODE, f"expected a description of at most {MAX_DESCRIPTION_CHARS} characters")
        return cls(
            input_mode="text" if mode == "text" else "numeric",
            length=find_number(value, "length", low=1, high=MAX_TX_CODE_CHARS, code=CODE),
            description=description,
        )


@dataclass(frozen=True)
class PreAuthorizedGrant:
    """The grant with a pre-authorized code: single use, short-lived."""

    code: str = field(repr=False)
    # None: no transaction code is asked
    tx_code: TxCode | None = None
    authorization_server: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {"pre-authorized_code": self.code}
        if self.tx_code is not None:
            members["tx_code"] = self.tx_code.to_json()
        if self.authorization_server is not None:
            members["authorization_server"] = self.authorization_server
        return members

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> PreAuthorizedGrant:
        """Return the grant. Raises `RequestError` (`invalid_credential_offer`)."""
        tx_code = find_member(value, "tx_code", dict, code=CODE)
        return cls(
            code=get_text(value, "pre-authorized_code", code=CODE),
            tx_code=None if tx_code is None else TxCode.parse(tx_code),
            authorization_server=_server(value),
        )


@dataclass(frozen=True)
class AuthorizationCodeGrant:
    """The grant with an authorization request. `issuer_state` goes into that request unread."""

    issuer_state: str | None = None
    authorization_server: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {}
        if self.issuer_state is not None:
            members["issuer_state"] = self.issuer_state
        if self.authorization_server is not None:
            members["authorization_server"] = self.authorization_server
        return members

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> AuthorizationCodeGrant:
        """Return the grant. Raises `RequestError` (`invalid_credential_offer`)."""
        return cls(issuer_state=find_text(value, "issuer_state", code=CODE), authorization_server=_server(value))


def _server(grant: dict[str, JSON]) -> str | None:
    server = find_text(grant, "authorization_server", code=CODE)
    if server is not None:
        check_identifier(server, "authorization_server", code=CODE)
    return server


@dataclass(frozen=True)
class CredentialOffer:
    """A credential offer (section 4.1.1). Without a grant, the server's metadata says which it takes."""

    issuer: str
    configuration_ids: tuple[str, ...]
    pre_authorized: PreAuthorizedGrant | None = None
    authorization_code: AuthorizationCodeGrant | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        grants: dict[str, JSON] = {}
        if self.authorization_code is not None:
            grants[AUTHORIZATION_CODE] = self.authorization_code.to_json()
        if self.pre_authorized is not None:
            grants[PRE_AUTHORIZED] = self.pre_authorized.to_json()
        members: dict[str, JSON] = {
            "credential_issuer": self.issuer,
            "credential_configuration_ids": [*self.configuration_ids],
        }
        return {**members, "grants": grants} if grants else members

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> CredentialOffer:
        """Return the offer. Raises `RequestError` (`invalid_credential_offer`)."""
        issuer = get_text(value, "credential_issuer", code=CODE)
        check_identifier(issuer, "credential_issuer", code=CODE)
        grants = find_member(value, "grants", dict, code=CODE) or {}
        pre_authorized = find_member(grants, PRE_AUTHORIZED, dict, code=CODE)
        authorization = find_member(grants, AUTHORIZATION_CODE, dict, code=CODE)
        return cls(
            issuer=issuer,
            configuration_ids=get_texts(value, "credential_configuration_ids", code=CODE),
            pre_authorized=None if pre_authorized is None else PreAuthorizedGrant.parse(pre_authorized),
            authorization_code=None if authorization is None else AuthorizationCodeGrant.parse(authorization),
        )

    @classmethod
    def parse_answer(cls, body: bytes | str, content_type: str) -> CredentialOffer:
        """Return the offer that its address answered with: unsigned JSON and nothing else (section 4.1.3)."""
        if media_type(content_type) != _MEDIA_TYPE:
            raise RequestError(CODE, f"expected an offer as {_MEDIA_TYPE}")
        try:
            return cls.parse(parse_object(body))
        except RequestError as exc:
            raise RequestError(CODE, exc.message) from exc


@dataclass(frozen=True)
class OfferLink:
    """What a QR or link carries: where the offer is, or the offer itself (section 4.1); the other is None."""

    uri: str | None
    offer: CredentialOffer | None

    @classmethod
    def parse(cls, parameters: Mapping[str, Sequence[str]]) -> OfferLink:
        """Return the link of query parameters. Raises `RequestError` (`invalid_credential_offer`)."""
        given = get_single(parameters, code=CODE)
        uri, inline = given.get("credential_offer_uri"), given.get("credential_offer")
        if inline is not None and uri is None:
            return cls(uri=None, offer=CredentialOffer.parse_answer(inline, _MEDIA_TYPE))
        if uri is None or inline is not None:
            raise RequestError(CODE, "expected credential_offer or credential_offer_uri, one of them")
        check_url(uri, "credential_offer_uri", code=CODE)
        return cls(uri=uri, offer=None)

    @classmethod
    def parse_text(cls, text: str) -> OfferLink:
        """Return the link of a text that was scanned, opened or typed. Raises `RequestError`.

        Its scheme is one of the two for offers, or https (http on this machine) for a wallet's own address.
        """
        if len(text) > MAX_LINK_CHARS:
            raise RequestError(CODE, f"expected a link of at most {MAX_LINK_CHARS} characters")
        try:
            parts = urlsplit(text)
            parameters = parse_qs(parts.query, keep_blank_values=True, errors="strict")
        except ValueError as exc:
            raise RequestError(CODE, "expected a link") from exc
        if parts.scheme not in {SCHEME, HAIP_SCHEME}:
            check_url(text.partition("?")[0], "the link", code=CODE)
        return cls.parse(parameters)

    def url(self, *, wallet: str | None = None, scheme: str = SCHEME) -> str:
        """Return the link for one wallet's address, or for any wallet on the device."""
        given = {"credential_offer_uri": self.uri}
        if self.offer is not None:
            given = {"credential_offer": compact_json(self.offer.to_json()).decode()}
        return f"{wallet or f'{scheme}://'}?{urlencode(given)}"
