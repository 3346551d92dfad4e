# SPDX-License-Identifier: EUPL-1.2
"""Certificates of every kind, good and bad: an authority of any shape, and what it may have issued."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from protocol.x509 import Purpose

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
IDENTIFIER = "https://issuer.example/tenant"
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def make_key(kind: str = "P-256") -> Any:
    """Return a private key of this kind, straight from the library."""
    match kind:
        case "P-256":
            return ec.generate_private_key(ec.SECP256R1())
        case "P-384":
            return ec.generate_private_key(ec.SECP384R1())
        case "P-521":
            return ec.generate_private_key(ec.SECP521R1())
        case "secp256k1":
            return ec.generate_private_key(ec.SECP256K1())
        case "Ed25519":
            return Ed25519PrivateKey.generate()
        case "RSA":
            return rsa.generate_private_key(65537, 2048)
    raise ValueError(kind)


def make_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def key_usage(**uses: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    rest = ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: uses.get(name, False) for name in (*names, *rest)})


@dataclass
class Holder:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def name(self) -> x509.Name:
        return self.certificate.subject


def build(
    subject: str | x509.Name,
    issuer: Holder | None,
    key: Any,
    extensions: Iterable[tuple[x509.ExtensionType, bool]],
    *,
    issuer_name: x509.Name | None = None,
    not_before: datetime = NOW - timedelta(days=1),
    not_after: datetime = NOW + timedelta(days=365),
    digest: Any = None,
    serial: int | None = None,
) -> Holder:
    """Return a certificate; signed with its own key when it has no issuer."""
    name = make_name(subject) if isinstance(subject, str) else subject
    signer = key if issuer is None else issuer.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer_name if issuer_name is not None else name if issuer is None else issuer.name)
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    algorithm = None if isinstance(signer, Ed25519PrivateKey) else digest or hashes.SHA256()
    return Holder(builder.sign(signer, algorithm), key)


def authority(
    name: str = "authority",
    issuer: Holder | None = None,
    *,
    kind: str = "P-256",
    key: Any = None,
    path_length: int | None = None,
    constraints: tuple[x509.BasicConstraints, bool] | None = None,
    usage: x509.KeyUsage | None = None,
    extra: Iterable[tuple[x509.ExtensionType, bool]] = (),
    without_usage: bool = False,
    **options: Any,
) -> Holder:
    """Return an authority: a root without issuer, otherwise one below it."""
    key = key or make_key(kind)
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        constraints or (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        *extra,
    ]
    if not without_usage:
        extensions.append((usage or key_usage(key_cert_sign=True), True))
    return build(name, issuer, key, extensions, **options)


def leaf(
    issuer: Holder | None,
    name: str = "leaf",
    *,
    kind: str = "P-256",
    key: Any = None,
    usages: Iterable[str] | None = (Purpose.ISSUER.value,),
    usage: x509.KeyUsage | None = None,
    uris: Iterable[str] = (IDENTIFIER,),
    constraints: x509.BasicConstraints | None = None,
    identifier: x509.AuthorityKeyIdentifier | None = None,
    extra: Iterable[tuple[x509.ExtensionType, bool]] = (),
    **options: Any,
) -> Holder:
    """Return an issuer's certificate, or whatever the arguments make of it."""
    key = key or make_key(kind)
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (usage or key_usage(digital_signature=True), True),
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris]), False),
        *extra,
    ]
    if usages is not None:
        extensions.append((x509.ExtendedKeyUsage([ObjectIdentifier(usage) for usage in usages]), False))
    if constraints is not None:
        extensions.append((constraints, True))
    if identifier is None and issuer is not None:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    if identifier is not None:
        extensions.append((identifier, False))
    return build(name, issuer, key, extensions, **options)


def signed_anew(holder: Holder) -> Holder:
    """Return the same certificate with the other signature that ECDSA has for it, which anybody can compute."""
    der = holder.certificate.public_bytes(Encoding.DER)
    r, s = decode_dss_signature(holder.certificate.signature)
    old = holder.certificate.signature
    new = encode_dss_signature(r, _P256_ORDER - s)
    # the signature is the last element; a DER length of one byte each, adjusted where it grew or shrank
    body = der[: -len(old) - 3]
    bits = b"\x03" + bytes([len(new) + 1]) + b"\x00" + new
    content = body[4:] + bits
    return Holder(
        x509.load_der_x509_certificate(b"\x30\x82" + len(content).to_bytes(2, "big") + content), holder.key
    )
