# SPDX-License-Identifier: EUPL-1.2
"""`--lan`: a certificate authority of this set-up, a certificate for its name, and a QR for the phone."""

from __future__ import annotations

import ipaddress
import sys
from datetime import datetime, timedelta
from pathlib import Path

import qrcode
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocol.keys import PrivateKey
from protocol.runtime.signer import write_secret_file

# browsers refuse server certificates that live longer than 398 days
_LIFETIME = timedelta(days=397)
_BACKDATE = timedelta(hours=1)


def make_tls(folder: Path, host: str, now: datetime) -> tuple[Path, Path, Path]:
    """Return the files of authority, certificate and key for this host, made at first."""
    ca_file, certificate_file, key_file = (folder / f"{host}{ending}" for ending in ("-ca.pem", ".pem", ".key"))
    if not certificate_file.exists():
        ca_key, key = PrivateKey.generate(), PrivateKey.generate()
        authority = _build_authority(ca_key, now)
        certificate = _build_certificate(authority, ca_key, key, host, now)
        write_secret_file(key_file, key.pem())
        ca_file.write_bytes(authority.public_bytes(Encoding.PEM))
        certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return ca_file, certificate_file, key_file


def print_phone_qr(url: str, ca_file: Path) -> None:
    """Print a QR of the address, and how the phone learns to trust this set-up."""
    code = qrcode.QRCode(border=2)
    code.add_data(url)
    code.print_ascii(out=sys.stderr, invert=True)
    print(
        f"  On a phone: open {url}\n  To spare the warning, install {ca_file} on it as an authority.",
        file=sys.stderr,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: x509.Name, issuer: x509.Name, key: PrivateKey, now: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key.key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + _LIFETIME)
    )


def _build_authority(key: PrivateKey, now: datetime) -> x509.Certificate:
    name = _name("Testimoni local authority")
    return (
        _builder(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key.key), critical=False)
        .sign(key.secret, hashes.SHA256())
    )


def _build_certificate(
    authority: x509.Certificate, ca_key: PrivateKey, key: PrivateKey, host: str, now: datetime
) -> x509.Certificate:
    return (
        _builder(_name(host), authority.subject, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key.key), critical=False)
        .sign(ca_key.secret, hashes.SHA256())
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
