# SPDX-License-Identifier: EUPL-1.2
"""Signature keys as JWK, certificate key or PEM, and the `Signer` interface.

- One key, one algorithm (RFC 8725, section 3.1): P-256 signs ES256, P-384 signs ES384, Ed25519 signs EdDSA.
  Whoever chose the key has chosen the algorithm; a token's header never does.
- A public key here is always a valid point on its curve (RFC 7518, section 6.2.1; RFC 8037, section 2).
- A JWK with private members is refused wherever a public one is expected.
- A signature is r‖s of fixed length for ECDSA (RFC 7518, section 3.4), as RFC 8032 says for Ed25519.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from protocol.encoding import JSON, b64url_decode, b64url_encode, canonical_json, get_member, sha256
from protocol.errors import ConfigurationError, RequestError

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_UNCOMPRESSED = b"\x04"


class Algorithm(StrEnum):
    """Signature algorithms by their JOSE name (RFC 7518, section 3.1; RFC 8037, section 3.1)."""

    ES256 = "ES256"
    ES384 = "ES384"
    EDDSA = "EdDSA"


VerifyingKey: TypeAlias = ec.EllipticCurvePublicKey | Ed25519PublicKey
SigningKey: TypeAlias = ec.EllipticCurvePrivateKey | Ed25519PrivateKey


class _Ecdsa:
    """A NIST curve with its hash. Keys handed to it are its own kind: `PublicKey` and `PrivateKey` see to that."""

    kty = "EC"

    def __init__(self, crv: str, curve: ec.EllipticCurve, digest: hashes.HashAlgorithm) -> None:
        self.crv = crv
        self.curve = curve
        self.coordinate_bytes = (curve.key_size + 7) // 8
        # made once: a new ECDSA object for each signature would cost a tenth of a signature
        self._ecdsa = ec.ECDSA(digest)

    def generate(self) -> SigningKey:
        return ec.generate_private_key(self.curve)

    def load(self, x: bytes, y: bytes) -> VerifyingKey:
        return ec.EllipticCurvePublicKey.from_encoded_point(self.curve, _UNCOMPRESSED + x + y)

    def sign(self, secret: Any, message: bytes) -> bytes:  # Any: an EC key of this curve
        r, s = decode_dss_signature(secret.sign(message, self._ecdsa))
        return r.to_bytes(self.coordinate_bytes) + s.to_bytes(self.coordinate_bytes)

    def verify(self, key: Any, signature: bytes, message: bytes) -> None:  # Any: an EC key of this curve
        size = self.coordinate_bytes
        if len(signature) != 2 * size:
            raise InvalidSignature
        r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
        key.verify(encode_dss_signature(r, s), message, self._ecdsa)


class _Eddsa:
    """Ed25519."""

    kty, crv, coordinate_bytes = "OKP", "Ed25519", 32

    def generate(self) -> SigningKey:
        return Ed25519PrivateKey.generate()

    def load(self, x: bytes, _y: bytes) -> VerifyingKey:
        return Ed25519PublicKey.from_public_bytes(x)

    def sign(self, secret: Any, message: bytes) -> bytes:  # Any: an Ed25519 key
        return bytes(secret.sign(message))

    def verify(self, key: Any, signature: bytes, message: bytes) -> None:  # Any: an Ed25519 key
        key.verify(signature, message)


_P256 = _Ecdsa("P-256", ec.SECP256R1(), hashes.SHA256())
_P384 = _Ecdsa("P-384", ec.SECP384R1(), hashes.SHA384())
_SCHEMES: Mapping[Algorithm, _Ecdsa | _Eddsa] = {
    Algorithm.ES256: _P256,
    Algorithm.ES384: _P384,
    Algorithm.EDDSA: _Eddsa(),
}
_BY_NAME = {(scheme.kty, scheme.crv): algorithm for algorithm, scheme in _SCHEMES.items()}
_BY_CURVE = {_P256.curve.name: Algorithm.ES256, _P384.curve.name: Algorithm.ES384}


@dataclass(frozen=True)
class PublicKey:
    """A key that verifies one algorithm. Equality is equality of algorithm and point."""

    algorithm: Algorithm
    x: bytes
    # empty for Ed25519
    y: bytes
    _key: VerifyingKey = field(compare=False, repr=False)

    @classmethod
    def wrap(cls, key: object) -> PublicKey:
        """Wrap a key that the library loaded. Raises `RequestError` when it is on no curve of ours."""
        if isinstance(key, Ed25519PublicKey):
            return cls(Algorithm.EDDSA, key.public_bytes_raw(), b"", key)
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _BY_CURVE:
            raise RequestError("invalid_request", "expected a key on P-256, P-384 or Ed25519")
        algorithm = _BY_CURVE[key.curve.name]
        numbers, size = key.public_numbers(), _SCHEMES[algorithm].coordinate_bytes
        return cls(algorithm, numbers.x.to_bytes(size), numbers.y.to_bytes(size), key)

    @classmethod
    def parse_jwk(cls, jwk: JSON, *, algorithms: Collection[Algorithm] = (Algorithm.ES256,)) -> PublicKey:
        """Return the key of a public JWK for one of these algorithms (RFC 7517; RFC 7518, section 6.2; RFC 8037).

        Raises `RequestError` on another kind of key, a point off the curve, or private members.
        """
        if not isinstance(jwk, dict):
            raise RequestError("invalid_request", "expected a JWK object")
        if not _PRIVATE_MEMBERS.isdisjoint(jwk):
            raise RequestError("invalid_request", "JWK holds private key material")
        algorithm = _BY_NAME.get((str(jwk.get("kty")), str(jwk.get("crv"))))
        if algorithm is None or algorithm not in algorithms:
            raise RequestError("invalid_request", f"expected a JWK for {' or '.join(sorted(algorithms))}")
        scheme = _SCHEMES[algorithm]
        x = _coordinate(jwk, "x", scheme.coordinate_bytes)
        y = b"" if algorithm is Algorithm.EDDSA else _coordinate(jwk, "y", scheme.coordinate_bytes)
        try:
            return cls(algorithm, x, y, scheme.load(x, y))
        except ValueError as exc:
            raise RequestError("invalid_request", f"JWK is not a point on {scheme.crv}") from exc

    @property
    def key(self) -> VerifyingKey:
        """The key as the cryptography library wants it."""
        return self._key

    def jwk(self) -> dict[str, JSON]:
        """Return the public JWK, required members only."""
        scheme = _SCHEMES[self.algorithm]
        members: dict[str, JSON] = {"crv": scheme.crv, "kty": scheme.kty, "x": b64url_encode(self.x)}
        return {**members, "y": b64url_encode(self.y)} if self.y else members

    def thumbprint(self) -> str:
        """Return the base64url SHA-256 thumbprint (RFC 7638; RFC 8037, section 2)."""
        return b64url_encode(sha256(canonical_json(self.jwk())))

    def has_signed(self, signature: bytes, message: bytes) -> bool:
        """Whether this is the key's signature over the message; only `protocol.jws` asks, and raises."""
        try:
            _SCHEMES[self.algorithm].verify(self._key, signature, message)
        except InvalidSignature:
            return False
        return True


def _coordinate(jwk: dict[str, JSON], name: str, size: int) -> bytes:
    value = b64url_decode(get_member(jwk, name, str))
    if len(value) != size:
        raise RequestError("invalid_request", f"JWK coordinates are not {size} bytes")
    return value


class Signer(Protocol):
    """Signs with one key that it need not reveal."""

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what it signs, and so its algorithm."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature over the message, in its JOSE form."""


@dataclass(frozen=True)
class PrivateKey:
    """An in-memory key; a `Signer`."""

    public_key: PublicKey
    _secret: SigningKey = field(compare=False, repr=False)

    @classmethod
    def generate(cls, algorithm: Algorithm = Algorithm.ES256) -> PrivateKey:
        """Make a fresh key."""
        return cls.wrap(_SCHEMES[algorithm].generate())

    @classmethod
    def from_pem(cls, pem: bytes) -> PrivateKey:
        """Load an unencrypted PKCS#8 PEM. Raises `ConfigurationError` when it is no key on a curve of ours."""
        try:
            secret = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as exc:
            raise ConfigurationError("configuration_error", "malformed private key file") from exc
        if not isinstance(secret, ec.EllipticCurvePrivateKey | Ed25519PrivateKey):
            raise ConfigurationError("configuration_error", "expected an EC or Ed25519 private key")
        try:
            return cls.wrap(secret)
        except RequestError as exc:
            raise ConfigurationError("configuration_error", exc.message) from exc

    @classmethod
    def wrap(cls, secret: SigningKey) -> PrivateKey:
        """Wrap a key that the library loaded. Raises `RequestError` when it is on no curve of ours."""
        return cls(public_key=PublicKey.wrap(secret.public_key()), _secret=secret)

    def pem(self) -> bytes:
        """Return the PKCS#8 PEM, unencrypted: for a file that only its owner can read."""
        return self._secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def secret(self) -> SigningKey:
        """The key as the cryptography library wants it: for key agreement and certificate requests."""
        return self._secret

    def sign(self, message: bytes) -> bytes:
        """Return the signature over the message, in its JOSE form."""
        return _SCHEMES[self.public_key.algorithm].sign(self._secret, message)
