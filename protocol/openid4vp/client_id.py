# SPDX-License-Identifier: EUPL-1.2
"""Client identifiers and their prefixes (OpenID4VP 1.0, section 5.9).

- The prefix is what stands before the first colon; it says how the verifier is known, and is part of its name.
- Ours is `x509_hash`. `x509_san_dns` is for a verifier with a host of its own. `redirect_uri` goes with requests
  that nobody signed: the library reads them, no wallet of ours shows them.
- Other prefixes, and identifiers without one (registered in advance: we know none), are refused.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from cryptography import x509

from protocol.encoding import b64url_decode
from protocol.errors import Check, RequestError, VerificationError
from protocol.members import MAX_URL_CHARS, check_url
from protocol.openid4vp.syntax import host_of
from protocol.x509 import certificate_digest

# the longest is a redirect_uri with its prefix
MAX_CLIENT_ID_CHARS = MAX_URL_CHARS + 16
_DIGEST_BYTES = 32
# RFC 1035, section 2.3.4
MAX_DNS_NAME_CHARS = 253
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DNS_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


class Prefix(StrEnum):
    """The client identifier prefixes that can be read."""

    X509_HASH = "x509_hash"
    X509_SAN_DNS = "x509_san_dns"
    REDIRECT_URI = "redirect_uri"


# the defined prefixes that are refused, and why
REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "decentralized_identifier": "trust in verifiers comes from certificates, not from DID documents",
        "verifier_attestation": "trust in verifiers comes from certificates, not from attestations",
        "openid_federation": "trust in verifiers comes from the trust list, not from a federation",
        "origin": "the prefix origin is reserved and must not come in a request",
    }
)


@dataclass(frozen=True)
class ClientIdentifier:
    """Who asks, by prefix and value; as text it is compared whole."""

    prefix: Prefix
    value: str

    @classmethod
    def parse(cls, text: str) -> ClientIdentifier:
        """Return the identifier. Raises `RequestError` (`invalid_request`) on another prefix or a wrong value."""
        if len(text) > MAX_CLIENT_ID_CHARS:
            raise RequestError("invalid_request", f"client_id longer than {MAX_CLIENT_ID_CHARS} characters")
        prefix, colon, value = text.partition(":")
        if not colon:
            raise RequestError("invalid_request", "no verifier is registered in advance: expected a prefix")
        if prefix in REFUSED:
            raise RequestError("invalid_request", REFUSED[prefix])
        if prefix not in set(Prefix):
            raise RequestError("invalid_request", "unknown client identifier prefix")
        return cls(Prefix(prefix), _check_value(Prefix(prefix), value))

    def __str__(self) -> str:
        """Return the text form, prefix included."""
        return f"{self.prefix.value}:{self.value}"

    @property
    def is_signed(self) -> bool:
        """Whether its requests must be signed; otherwise they must not be."""
        return self.prefix is not Prefix.REDIRECT_URI

    def check_signed(self, *, is_signed: bool) -> None:
        """Raise `RequestError` (`invalid_request`) unless signature and prefix go together (section 5.9.3)."""
        if is_signed != self.is_signed:
            wanted = "a signed request" if self.is_signed else "a request without signature"
            raise RequestError("invalid_request", f"expected {wanted} with the prefix {self.prefix.value}")

    def check_response_uri(self, response_uri: str) -> None:
        """Raise `RequestError` (`invalid_request`) unless answers may go there (sections 5.9.3 and 8.2)."""
        match self.prefix:
            case Prefix.X509_HASH:
                # who holds the certificate says where; the trust list says who that is
                is_theirs = True
            case Prefix.X509_SAN_DNS:
                is_theirs = host_of(response_uri) == self.value.lower()
            case _:
                is_theirs = response_uri == self.value
        if not is_theirs:
            raise RequestError("invalid_request", "the response_uri is not the client identifier's")

    def check_certificate(self, leaf: x509.Certificate) -> None:
        """Raise `VerificationError` (`issuer`) unless this certificate is the one that the identifier names.

        The caller still owes the chain, the trust list and the signature.
        """
        match self.prefix:
            case Prefix.X509_HASH:
                is_named = hmac.compare_digest(certificate_digest(leaf), self.value)
            case Prefix.X509_SAN_DNS:
                is_named = self.value.lower() in {name.lower() for name in _dns_names(leaf)}
            case _:
                is_named = False
        if not is_named:
            raise VerificationError(Check.ISSUER, "the client identifier is not the certificate's")


def _check_value(prefix: Prefix, value: str) -> str:
    match prefix:
        case Prefix.X509_HASH:
            if len(b64url_decode(value)) != _DIGEST_BYTES:
                raise RequestError("invalid_request", "expected a SHA-256 digest after x509_hash")
        case Prefix.X509_SAN_DNS:
            if len(value) > MAX_DNS_NAME_CHARS or not _DNS_NAME.fullmatch(value):
                raise RequestError("invalid_request", "expected a DNS name after x509_san_dns")
        case _:
            check_url(value, "the redirect_uri of the client identifier", code="invalid_request")
    return value


def _dns_names(leaf: x509.Certificate) -> list[str]:
    """Return the DNS names, wildcards included as they stand: they equal no host."""
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as exc:
        raise VerificationError(Check.ISSUER, "a certificate of the chain cannot be read") from exc
    return names.get_values_for_type(x509.DNSName)
