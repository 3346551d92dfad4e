# SPDX-License-Identifier: EUPL-1.2
"""Credential issuer metadata (section 12.2): where the endpoints are, what can be had, what is encrypted.

A document is used only if it says that it is the expected issuer's, compared as text (section 12.2.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from protocol.encoding import JSON, find_member, get_member
from protocol.errors import RequestError
from protocol.jwe import ALGORITHM, ENCRYPTIONS, RecipientKey
from protocol.members import (
    MAX_ITEMS,
    check_identifier,
    find_objects,
    find_texts,
    find_url,
    get_flag,
    get_number,
    get_objects,
    get_text,
    get_texts,
    get_url,
)
from protocol.openid4vci.configuration import CODE, CredentialConfiguration, parse_configurations
from protocol.openid4vci.display import Display, names_of, parse_displays

WELL_KNOWN = "openid-credential-issuer"
# one proof or key per copy; more copies than a person could show in a lifetime help nobody
MAX_BATCH_SIZE = 1000


def well_known(identifier: str, name: str) -> str:
    """Return the metadata URL: the well-known segment goes between host and path (section 12.2.2; RFC 8414).

    Raises `RequestError` (`invalid_issuer_metadata`) when the identifier is none.
    """
    check_identifier(identifier, "the issuer identifier", code=CODE)
    parts = urlsplit(identifier)
    return urlunsplit((parts.scheme, parts.netloc, f"/.well-known/{name}{parts.path.rstrip('/')}", "", ""))


@dataclass(frozen=True)
class RequestEncryption:
    """Keys to encrypt requests to, and how. Keys of other kinds than ours are left out."""

    keys: tuple[RecipientKey, ...]
    encryptions: tuple[str, ...]
    is_required: bool
    zips: tuple[str, ...] = ()

    def choose(self) -> tuple[RecipientKey, str]:
        """Return a key and a content encryption that we can use.

        Raises `RequestError` (`invalid_encryption_parameters`) when there is none.
        """
        for encryption in ENCRYPTIONS:
            if self.keys and encryption in self.encryptions:
                return self.keys[0], encryption
        raise RequestError("invalid_encryption_parameters", "the issuer takes no encryption that we have")

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {
            "jwks": {"keys": [key.jwk() for key in self.keys]},
            "enc_values_supported": [*self.encryptions],
            "encryption_required": self.is_required,
        }
        return {**members, "zip_values_supported": [*self.zips]} if self.zips else members

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> RequestEncryption:
        """Return the parameters. Raises `RequestError` (`invalid_issuer_metadata`)."""
        jwks = get_objects(get_member(value, "jwks", dict, code=CODE), "keys", code=CODE)
        names = {get_text(jwk, "kid", code=CODE) for jwk in jwks}
        if len(names) != len(jwks):
            raise RequestError(CODE, "expected each encryption key to have a kid of its own")
        return cls(
            keys=tuple(key for jwk in jwks if (key := _find_key(jwk))),
            encryptions=get_texts(value, "enc_values_supported", code=CODE),
            is_required=get_flag(value, "encryption_required", code=CODE),
            zips=find_texts(value, "zip_values_supported", code=CODE),
        )


def _find_key(jwk: dict[str, JSON]) -> RecipientKey | None:
    try:
        return RecipientKey.parse(jwk)
    except RequestError:
        return None


@dataclass(frozen=True)
class ResponseEncryption:
    """How an issuer can encrypt responses."""

    encryptions: tuple[str, ...]
    is_required: bool
    algorithms: tuple[str, ...] = (ALGORITHM,)
    zips: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {
            "alg_values_supported": [*self.algorithms],
            "enc_values_supported": [*self.encryptions],
            "encryption_required": self.is_required,
        }
        return {**members, "zip_values_supported": [*self.zips]} if self.zips else members

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> ResponseEncryption:
        """Return the parameters. Raises `RequestError` (`invalid_issuer_metadata`)."""
        return cls(
            algorithms=get_texts(value, "alg_values_supported", code=CODE),
            encryptions=get_texts(value, "enc_values_supported", code=CODE),
            is_required=get_flag(value, "encryption_required", code=CODE),
            zips=find_texts(value, "zip_values_supported", code=CODE),
        )


def _wire(encryption: RequestEncryption | ResponseEncryption | None) -> JSON:
    return None if encryption is None else encryption.to_json()


@dataclass(frozen=True)
class IssuerMetadata:
    """Credential issuer metadata (section 12.2.4)."""

    issuer: str
    credential_endpoint: str
    configurations: Mapping[str, CredentialConfiguration]
    # empty: the issuer is its own authorization server
    authorization_servers: tuple[str, ...] = ()
    nonce_endpoint: str | None = None
    deferred_credential_endpoint: str | None = None
    notification_endpoint: str | None = None
    request_encryption: RequestEncryption | None = None
    response_encryption: ResponseEncryption | None = None
    # how many copies one request may ask for; 1: no batches
    batch_size: int = 1
    display: tuple[Display, ...] = ()
    # identifier → format of each kind that we cannot read
    unsupported: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> Mapping[str, str]:
        """The issuer's name by language."""
        return names_of(self.display)

    def get_configuration(self, identifier: str) -> CredentialConfiguration:
        """Return one kind. Raises `RequestError`.

        `unsupported_credential_format` when it is in a format that we cannot read,
        `unknown_credential_configuration` when the issuer has none of that name.
        """
        if identifier in self.unsupported:
            raise RequestError(
                "unsupported_credential_format", "the credential is in a format that we cannot read"
            )
        if identifier not in self.configurations:
            raise RequestError("unknown_credential_configuration", "the issuer has no credential of that name")
        return self.configurations[identifier]

    def get_server(self, hint: str | None) -> str:
        """Return the authorization server to use; the hint of an offer must be one of them (section 12.2.4).

        Raises `RequestError` (`invalid_credential_offer`) when it is not.
        """
        servers = self.authorization_servers or (self.issuer,)
        if hint is not None and hint not in servers:
            raise RequestError("invalid_credential_offer", "the offer names a server that is not its issuer's")
        return servers[0] if hint is None else hint

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {
            "authorization_servers": [*self.authorization_servers],
            "credential_endpoint": self.credential_endpoint,
            "nonce_endpoint": self.nonce_endpoint,
            "deferred_credential_endpoint": self.deferred_credential_endpoint,
            "notification_endpoint": self.notification_endpoint,
            "credential_request_encryption": _wire(self.request_encryption),
            "credential_response_encryption": _wire(self.response_encryption),
            "batch_credential_issuance": {"batch_size": self.batch_size} if self.batch_size > 1 else None,
            "display": [each.to_json() for each in self.display],
        }
        supported: dict[str, JSON] = {name: each.to_json() for name, each in self.configurations.items()}
        foreign: dict[str, JSON] = {name: {"format": each} for name, each in self.unsupported.items()}
        return {
            "credential_issuer": self.issuer,
            # what is empty is absent
            **{name: value for name, value in members.items() if value},
            "credential_configurations_supported": supported | foreign,
        }

    @classmethod
    def parse(cls, document: dict[str, JSON], *, expected_issuer: str) -> IssuerMetadata:
        """Return the metadata. Raises `RequestError` (`invalid_issuer_metadata`) unless it is this issuer's."""
        if document.get("credential_issuer") != expected_issuer:
            raise RequestError(CODE, "the metadata is another issuer's")
        check_identifier(expected_issuer, "credential_issuer", code=CODE)
        servers = find_texts(document, "authorization_servers", code=CODE)
        for server in servers:
            check_identifier(server, "authorization_servers", code=CODE)
        batch = find_member(document, "batch_credential_issuance", dict, code=CODE)
        request = find_member(document, "credential_request_encryption", dict, code=CODE)
        response = find_member(document, "credential_response_encryption", dict, code=CODE)
        ours, foreign = parse_configurations(document)
        if len(ours) + len(foreign) > MAX_ITEMS:
            raise RequestError(CODE, f"expected at most {MAX_ITEMS} credential configurations")
        return cls(
            issuer=expected_issuer,
            credential_endpoint=get_url(document, "credential_endpoint", code=CODE),
            configurations=ours,
            authorization_servers=servers,
            nonce_endpoint=find_url(document, "nonce_endpoint", code=CODE),
            deferred_credential_endpoint=find_url(document, "deferred_credential_endpoint", code=CODE),
            notification_endpoint=find_url(document, "notification_endpoint", code=CODE),
            request_encryption=None if request is None else RequestEncryption.parse(request),
            response_encryption=None if response is None else ResponseEncryption.parse(response),
            batch_size=1
            if batch is None
            else get_number(batch, "batch_size", low=2, high=MAX_BATCH_SIZE, code=CODE),
            display=parse_displays(find_objects(document, "display", code=CODE), code=CODE),
            unsupported=foreign,
        )
