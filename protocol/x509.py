# SPDX-License-Identifier: EUPL-1.2
"""Certificate chains in `x5c` headers (RFC 7515, section 4.1.6; HAIP 1.0, section 6.1.1).

A chain is accepted when its leaf is for the purpose asked, not a CA, not self-signed, and each certificate is
valid now and issued by the next, the last one by an anchor of ours that is itself not in the chain.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from itertools import pairwise
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.encoding import JSON, b64url_encode, sha256
from protocol.errors import Check, VerificationError
from protocol.keys import PublicKey

_T = TypeVar("_T", bound=x509.ExtensionType)
# leaf, one intermediate, and room for one more
MAX_CHAIN = 3


class Purpose(Enum):
    """What a leaf's key may be used for: its extended key usage (identifiers from UUIDs, ITU-T X.667)."""

    ISSUER = "2.25.243070110265283403163410416571062338801"
    ACCESS = "2.25.301867046102213718374926021480213349142"
    REGISTRAR = "2.25.118450937021649207730196430285146710943"


@dataclass(frozen=True)
class VerifiedLeaf:
    """The leaf of an accepted chain."""

    key: PublicKey
    uris: tuple[str, ...]
    # base64url SHA-256 of the DER form: the `x509_hash` client identifier (OpenID4VP 1.0, section 5.9.3)
    digest: str
    certificate: x509.Certificate = field(compare=False, repr=False)


def _wrong(message: str) -> VerificationError:
    return VerificationError(Check.ISSUER, message)


def encode_chain(certificates: Sequence[x509.Certificate]) -> list[str]:
    """Return the `x5c` header value."""
    return [base64.b64encode(c.public_bytes(Encoding.DER)).decode("ascii") for c in certificates]


def certificate_digest(certificate: x509.Certificate) -> str:
    """Return the base64url SHA-256 of the certificate's DER form."""
    return b64url_encode(sha256(certificate.public_bytes(Encoding.DER)))


def parse_chain(x5c: JSON) -> list[x509.Certificate]:
    """Return the certificates of an `x5c` header, leaf first, unverified."""
    if not isinstance(x5c, list) or not 1 <= len(x5c) <= MAX_CHAIN:
        raise _wrong(f"expected an x5c header of 1 to {MAX_CHAIN} certificates")
    try:
        return [x509.load_der_x509_certificate(base64.b64decode(str(item), validate=True)) for item in x5c]
    except (binascii.Error, ValueError) as exc:
        raise _wrong("x5c holds something that is no certificate") from exc


def verify_chain(
    x5c: JSON, anchors: Sequence[x509.Certificate], *, purpose: Purpose, now: datetime
) -> VerifiedLeaf:
    """Return the leaf of a chain that ends at one of our anchors.

    Raises `VerificationError` (`issuer`) with the first thing that is wrong.
    """
    chain = parse_chain(x5c)
    if not anchors:
        raise _wrong("no trust anchor is configured")
    try:
        return _verify(chain, anchors, purpose=purpose, now=now)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as exc:
        # the library reads a certificate's parts only when asked for them
        raise _wrong("a certificate of the chain cannot be read") from exc


def _verify(
    chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], *, purpose: Purpose, now: datetime
) -> VerifiedLeaf:
    if any(certificate in anchors for certificate in chain):
        raise _wrong("the chain contains the trust anchor itself")
    for certificate in chain:
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise _wrong("a certificate of the chain is not valid today")
    for subject, issuer in pairwise(chain):
        _check_issued(subject, issuer)
    if not any(_is_issued(chain[-1], anchor) for anchor in anchors):
        raise _wrong("the chain does not end at a trusted authority")
    return _leaf(chain[0], purpose)


def _leaf(certificate: x509.Certificate, purpose: Purpose) -> VerifiedLeaf:
    if _is_authority(certificate) or certificate.subject == certificate.issuer:
        raise _wrong("the leaf is an authority's or self-signed certificate")
    usages = _extension(certificate, x509.ExtendedKeyUsage)
    if usages is None or x509.ObjectIdentifier(purpose.value) not in list(usages):
        raise _wrong(f"the certificate is not for the purpose {purpose.name.lower()}")
    key_usage = _extension(certificate, x509.KeyUsage)
    if key_usage is None or not key_usage.digital_signature:
        raise _wrong("the certificate's key may not sign")
    point = certificate.public_key()
    if not isinstance(point, ec.EllipticCurvePublicKey):
        raise _wrong("the certificate's key is not on P-256")
    names = _extension(certificate, x509.SubjectAlternativeName)
    uris = tuple(names.get_values_for_type(x509.UniformResourceIdentifier)) if names else ()
    return VerifiedLeaf(
        key=PublicKey.wrap(point), uris=uris, digest=certificate_digest(certificate), certificate=certificate
    )


def _extension(certificate: x509.Certificate, kind: type[_T]) -> _T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _check_issued(subject: x509.Certificate, issuer: x509.Certificate) -> None:
    if not _is_issued(subject, issuer):
        raise _wrong("a certificate of the chain was not issued by the next")


def _is_issued(subject: x509.Certificate, issuer: x509.Certificate) -> bool:
    if not _is_authority(issuer):
        return False
    try:
        subject.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
