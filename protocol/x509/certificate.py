# SPDX-License-Identifier: EUPL-1.2
"""One X.509 certificate, read whole (RFC 5280, section 4), without regard to who issued it.

What any certificate must be, an anchor's too:

- version 3, with a positive serial number of at most 20 octets and the name of who issued it;
- a key on P-256, P-384 or Ed25519, a signature by ECDSA with SHA-2 or by Ed25519: no RSA, no SHA-1;
- without a critical extension that we do not know, and without name constraints, critical or not: we do not
  apply them, and a limit that nobody applies is none.

The library reads most parts only when asked, and raises then. Here all are asked for at once, so that nothing can
be wrong later.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, SignatureAlgorithmOID

from protocol.encoding import b64url_encode, sha256
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PublicKey

_T = TypeVar("_T", bound=x509.ExtensionType)

# with a key on P-384, three URIs and long names a certificate has about 1.2 kB
MAX_CERTIFICATE_BYTES = 3072
_MAX_CERTIFICATE_CHARS = MAX_CERTIFICATE_BYTES // 3 * 4
# 20 octets, and their first bit says that the number is positive (RFC 5280, section 4.1.2.2)
MAX_SERIAL_BITS = 159

_SIGNATURES = frozenset(
    {
        SignatureAlgorithmOID.ECDSA_WITH_SHA256,
        SignatureAlgorithmOID.ECDSA_WITH_SHA384,
        SignatureAlgorithmOID.ECDSA_WITH_SHA512,
        SignatureAlgorithmOID.ED25519,
    }
)
_UNDERSTOOD = frozenset(
    {
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    }
)
# what the library raises about unreadable parts; its warnings are errors under test
_UNREADABLE = (
    ValueError,
    TypeError,
    UserWarning,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True)
class Certificate:
    """What one certificate says. Nothing of it is to be believed before its issuer is known."""

    subject: x509.Name
    issuer: x509.Name
    key: PublicKey
    not_before: datetime
    not_after: datetime
    # basic constraints, present and critical; the number of authorities allowed between it and a leaf, None is any
    is_authority: bool
    path_length: int | None
    # key usage; both False when the certificate does not say
    may_sign: bool
    may_certify: bool
    # extended key usage; None when the certificate does not say
    usages: frozenset[x509.ObjectIdentifier] | None
    uris: tuple[str, ...]
    key_identifier: bytes | None
    authority: x509.AuthorityKeyIdentifier | None
    source: x509.Certificate = field(repr=False)

    def is_issued_by(self, issuer: Certificate) -> bool:
        """Say whether the issuer's name, key identifier and signature are on it; not whether it might."""
        if not _names(self.authority, issuer):
            return False
        try:
            self.source.verify_directly_issued_by(issuer.source)
        except (InvalidSignature, ValueError):
            # another name; two algorithms, or another signature
            return False
        return True


def wrong(message: str) -> VerificationError:
    """Return the refusal of a certificate or chain, to be raised."""
    return VerificationError(Check.ISSUER, message)


def certificate_digest(certificate: x509.Certificate) -> str:
    """Return the base64url SHA-256 of the certificate's DER form."""
    return b64url_encode(sha256(certificate.public_bytes(Encoding.DER)))


def load(text: str) -> x509.Certificate:
    """Return the certificate of one `x5c` element: canonical base64 of DER.

    Raises `VerificationError` (`issuer`) on anything else, and above `MAX_CERTIFICATE_BYTES`.
    """
    if len(text) > _MAX_CERTIFICATE_CHARS:
        raise wrong(f"a certificate is longer than {MAX_CERTIFICATE_BYTES} bytes")
    try:
        der = base64.b64decode(text, validate=True)
        certificate = x509.load_der_x509_certificate(der)
    except _UNREADABLE as exc:
        raise wrong("x5c holds something that is no certificate") from exc
    if base64.b64encode(der).decode("ascii") != text:
        raise wrong("a certificate's base64 is not canonical")
    return certificate


def read(certificate: x509.Certificate) -> Certificate:
    """Return what a certificate says. Raises `VerificationError` (`issuer`) unless it is one that we can judge."""
    try:
        return _read(certificate)
    except _UNREADABLE as exc:
        raise wrong("a certificate of the chain cannot be read") from exc
    except RequestError as exc:
        raise wrong("a certificate's key is not on P-256, P-384 or Ed25519") from exc


def _read(certificate: x509.Certificate) -> Certificate:
    if certificate.version is not x509.Version.v3:
        raise wrong("a certificate is not of version 3")
    if not 0 < certificate.serial_number < 2**MAX_SERIAL_BITS:
        raise wrong("a certificate's serial number is not positive or too long")
    if certificate.signature_algorithm_oid not in _SIGNATURES:
        raise wrong("a certificate is not signed by ECDSA with SHA-2 or Ed25519")
    if certificate.public_bytes(Encoding.DER)[-len(certificate.signature) - 1] != 0:
        # the octet before it counts unused bits; it is outside of what is signed, and the library takes others
        raise wrong("a certificate's signature is not of whole octets")
    if not certificate.issuer.rdns:
        raise wrong("a certificate does not name who issued it")
    extensions = certificate.extensions
    for extension in extensions:
        if extension.oid == ExtensionOID.NAME_CONSTRAINTS:
            raise wrong("a certificate has name constraints, which we do not apply")
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise wrong("a certificate has a critical extension that we do not know")
    constraints = _find(extensions, x509.BasicConstraints)
    usage = _find(extensions, x509.KeyUsage)
    extended = _find(extensions, x509.ExtendedKeyUsage)
    names = _find(extensions, x509.SubjectAlternativeName)
    own = _find(extensions, x509.SubjectKeyIdentifier)
    is_authority = constraints is not None and constraints.ca
    if is_authority and not extensions.get_extension_for_class(x509.BasicConstraints).critical:
        raise wrong("an authority's basic constraints are not critical")
    return Certificate(
        subject=certificate.subject,
        issuer=certificate.issuer,
        key=PublicKey.wrap(certificate.public_key()),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        is_authority=is_authority,
        path_length=constraints.path_length if constraints is not None else None,
        may_sign=usage is not None and usage.digital_signature,
        may_certify=usage is not None and usage.key_cert_sign,
        usages=None if extended is None else frozenset(extended),
        uris=() if names is None else tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
        key_identifier=None if own is None else own.digest,
        authority=_find(extensions, x509.AuthorityKeyIdentifier),
        source=certificate,
    )


def _find(extensions: x509.Extensions, kind: type[_T]) -> _T | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _names(authority: x509.AuthorityKeyIdentifier | None, issuer: Certificate) -> bool:
    """Say whether the authority key identifier, as far as it says anything, means this issuer."""
    if authority is None:
        return True
    if None not in (authority.key_identifier, issuer.key_identifier) and (
        authority.key_identifier != issuer.key_identifier
    ):
        return False
    # the name and number of the issuer's own certificate: given both or not at all (RFC 5280, section 4.2.1.1)
    return authority.authority_cert_issuer is None or (
        authority.authority_cert_serial_number == issuer.source.serial_number
        and x509.DirectoryName(issuer.issuer) in authority.authority_cert_issuer
    )
