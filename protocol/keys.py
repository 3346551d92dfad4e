# SPDX-License-Identifier: EUPL-1.2
"""P-256 keys as JWK, certificate key or PEM, and the `Signer` interface.

A public key here is always a valid point on P-256 (RFC 7518, section 6.2.1); a JWK with private members
is refused wherever a public one is expected.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from protocol.encoding import JSON, b64url_decode, b64url_encode, canonical_json, get_member, sha256
from protocol.errors import ConfigurationError, RequestError

_COORDINATE_BYTES = 32
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_ES256 = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True)
class PublicKey:
    """A point on P-256. Equality is equality of the point."""

    x: bytes
    y: bytes
    _point: ec.EllipticCurvePublicKey = field(compare=False, repr=False)

    @classmethod
    def from_point(cls, point: ec.EllipticCurvePublicKey) -> PublicKey:
        """Wrap a loaded key. Raises `RequestError` when it is on another curve."""
        if not isinstance(point.curve, ec.SECP256R1):
            raise RequestError("invalid_request", "expected a key on P-256")
        numbers = point.public_numbers()
        return cls(x=numbers.x.to_bytes(_COORDINATE_BYTES), y=numbers.y.to_bytes(_COORDINATE_BYTES), _point=point)

    @classmethod
    def parse_jwk(cls, jwk: JSON) -> PublicKey:
        """Return the key of a public EC JWK (RFC 7517; RFC 7518, section 6.2).

        Raises `RequestError` on another kind of key, a point off the curve, or private members.
        """
        if not isinstance(jwk, dict):
            raise RequestError("invalid_request", "expected a JWK object")
        if _PRIVATE_MEMBERS & jwk.keys():
            raise RequestError("invalid_request", "JWK holds private key material")
        if (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256"):
            raise RequestError("invalid_request", "expected an EC key on P-256")
        x, y = b64url_decode(get_member(jwk, "x", str)), b64url_decode(get_member(jwk, "y", str))
        if (len(x), len(y)) != (_COORDINATE_BYTES, _COORDINATE_BYTES):
            raise RequestError("invalid_request", "JWK coordinates are not 32 bytes")
        try:
            point = ec.EllipticCurvePublicNumbers(
                int.from_bytes(x), int.from_bytes(y), ec.SECP256R1()
            ).public_key()
        except ValueError as exc:
            raise RequestError("invalid_request", "JWK is not a point on P-256") from exc
        return cls(x=x, y=y, _point=point)

    @property
    def point(self) -> ec.EllipticCurvePublicKey:
        """The key as the cryptography library wants it."""
        return self._point

    def jwk(self) -> dict[str, JSON]:
        """Return the public JWK, required members only."""
        return {"crv": "P-256", "kty": "EC", "x": b64url_encode(self.x), "y": b64url_encode(self.y)}

    def thumbprint(self) -> str:
        """Return the base64url SHA-256 thumbprint (RFC 7638)."""
        return b64url_encode(sha256(canonical_json(self.jwk())))


class Signer(Protocol):
    """Signs with one ES256 key that it need not reveal."""

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what it signs."""

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte r‖s signature over the message (RFC 7518, section 3.4)."""


@dataclass(frozen=True)
class PrivateKey:
    """An in-memory P-256 key; a `Signer`."""

    public_key: PublicKey
    _secret: ec.EllipticCurvePrivateKey = field(compare=False, repr=False)

    @classmethod
    def generate(cls) -> PrivateKey:
        """Make a fresh key."""
        return cls._wrap(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes) -> PrivateKey:
        """Load an unencrypted PKCS#8 PEM. Raises `ConfigurationError` when it is no P-256 key."""
        try:
            secret = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as exc:
            raise ConfigurationError("configuration_error", "malformed private key file") from exc
        if not isinstance(secret, ec.EllipticCurvePrivateKey):
            raise ConfigurationError("configuration_error", "expected an EC private key")
        return cls._wrap(secret)

    @classmethod
    def _wrap(cls, secret: ec.EllipticCurvePrivateKey) -> PrivateKey:
        return cls(public_key=PublicKey.from_point(secret.public_key()), _secret=secret)

    def pem(self) -> bytes:
        """Return the PKCS#8 PEM, unencrypted: for a file that only its owner can read."""
        return self._secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def secret(self) -> ec.EllipticCurvePrivateKey:
        """The key as the cryptography library wants it: for key agreement and certificate requests."""
        return self._secret

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte r‖s signature (RFC 7518, section 3.4)."""
        r, s = decode_dss_signature(self._secret.sign(message, _ES256))
        return r.to_bytes(_COORDINATE_BYTES) + s.to_bytes(_COORDINATE_BYTES)
