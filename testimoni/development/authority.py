# SPDX-License-Identifier: EUPL-1.2
"""A development authority: it certifies administrations, registers procedures and signs the trust list.

In production a public body does this. Here one key pair is the root (the trust anchor) and another the
registrar that signs lists and statements; both are made once and kept with the development data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from protocol import jws, registration
from protocol.clock import epoch_seconds
from protocol.encoding import JSON
from protocol.keys import PrivateKey, PublicKey
from protocol.registration import Procedure
from protocol.runtime.signer import read_secret_file, write_secret_file
from protocol.trust import TYPE as TRUST_LIST_TYPE
from protocol.x509 import Purpose, encode_chain

_ROOT_LIFETIME = timedelta(days=3650)
_LEAF_LIFETIME = timedelta(days=730)
_TRUST_LIST_LIFETIME = timedelta(days=30)
# clocks of two machines differ
_BACKDATE = timedelta(hours=1)


@dataclass(frozen=True)
class Authority:
    """The keys and certificates of the development authority."""

    root_key: PrivateKey
    root: x509.Certificate
    registrar_key: PrivateKey
    registrar: x509.Certificate

    @classmethod
    def create(cls, now: datetime) -> Authority:
        """Make a new authority."""
        root_key, registrar_key = PrivateKey.generate(), PrivateKey.generate()
        root = _build_root(root_key, now)
        registrar = _build_leaf(
            root_key, root, registrar_key.public_key, Purpose.REGISTRAR, "Testimoni development registrar", (), now
        )
        return cls(root_key, root, registrar_key, registrar)

    @classmethod
    def open(cls, folder: Path, now: datetime) -> Authority:
        """Return the authority kept in this folder; make it at first."""
        if not (folder / "root.pem").exists():
            made = cls.create(now)
            write_secret_file(folder / "root.key", made.root_key.pem())
            write_secret_file(folder / "registrar.key", made.registrar_key.pem())
            (folder / "registrar.pem").write_bytes(made.registrar.public_bytes(Encoding.PEM))
            (folder / "root.pem").write_bytes(made.root.public_bytes(Encoding.PEM))
        return cls(
            PrivateKey.from_pem(read_secret_file(folder / "root.key")),
            x509.load_pem_x509_certificate((folder / "root.pem").read_bytes()),
            PrivateKey.from_pem(read_secret_file(folder / "registrar.key")),
            x509.load_pem_x509_certificate((folder / "registrar.pem").read_bytes()),
        )

    def issue_certificate(
        self, key: PublicKey, *, purpose: Purpose, name: str, uris: Sequence[str] = (), now: datetime
    ) -> x509.Certificate:
        """Certify a key for one purpose; the URIs go into the subject alternative name."""
        return _build_leaf(self.root_key, self.root, key, purpose, name, uris, now)

    def sign_statement(self, procedure: Procedure, *, now: datetime) -> str:
        """Register a procedure: return its signed statement."""
        return jws.sign(
            procedure.to_claims(issued_at=now), self.registrar_key, typ=registration.TYPE, x5c=self._chain
        )

    def sign_trust_list(
        self,
        *,
        sequence: int,
        administrations: Sequence[Mapping[str, JSON]],
        logs: Sequence[Mapping[str, JSON]],
        now: datetime,
    ) -> str:
        """Return the signed trust list."""
        claims = {
            "sequence": sequence,
            "iat": epoch_seconds(now),
            "exp": epoch_seconds(now + _TRUST_LIST_LIFETIME),
            "administrations": [dict(a) for a in administrations],
            "logs": [dict(entry) for entry in logs],
        }
        return jws.sign(claims, self.registrar_key, typ=TRUST_LIST_TYPE, x5c=self._chain)

    @property
    def _chain(self) -> list[str]:
        return encode_chain([self.registrar])


def _name(text: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COUNTRY_NAME, "ES"), x509.NameAttribute(NameOID.COMMON_NAME, text[:64])]
    )


def _key_usage(*, certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certifies,
        key_cert_sign=certifies,
        crl_sign=certifies,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _build_root(key: PrivateKey, now: datetime) -> x509.Certificate:
    name = _name("Testimoni development authority")
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key.key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + _ROOT_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_key_usage(certifies=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key.key), critical=False)
        .sign(key.secret, hashes.SHA256())
    )


def _build_leaf(
    root_key: PrivateKey,
    root: x509.Certificate,
    key: PublicKey,
    purpose: Purpose,
    name: str,
    uris: Sequence[str],
    now: datetime,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(root.subject)
        .public_key(key.key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + _LEAF_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(certifies=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(purpose.value)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key.key), critical=False)
    )
    if uris:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(root_key.secret, hashes.SHA256())
