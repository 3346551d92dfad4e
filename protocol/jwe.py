# SPDX-License-Identifier: EUPL-1.2
"""JWE compact serialisation (RFC 7516) as OpenID4VCI 1.0 (section 10) and OpenID4VP 1.0 (section 8.3) use it.

- The key agreement is ECDH-ES on P-256, the content encryption AES-GCM of one of two sizes; both fixed here, never
  by the message (RFC 8725, section 3.1).
- A recipient's key says its own algorithm (`alg`), and its `kid` is copied into the message.
- No compression: we offer none, and a message that has some is refused (RFC 8725, section 3.6).
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from jwcrypto import jwe, jwk
from jwcrypto.common import JWException

from protocol.encoding import JSON, b64url_decode, compact_json, parse_object
from protocol.errors import RequestError
from protocol.keys import PrivateKey, PublicKey

ALGORITHM = "ECDH-ES"
ENCRYPTIONS = ("A128GCM", "A256GCM")
# an answer with three documents of 40 kB, twice base64
MAX_TOKEN_CHARS = 512 * 1024
_PARTS = 5


@dataclass(frozen=True)
class RecipientKey:
    """A public key to encrypt to, with the name that the recipient gave it."""

    key: PublicKey
    key_id: str | None

    @classmethod
    def parse(cls, value: JSON) -> RecipientKey:
        """Return the key of a JWK. Raises `RequestError` unless it is for ECDH-ES on P-256 and says so."""
        if not isinstance(value, dict):
            raise RequestError("invalid_request", "expected a JWK object")
        if value.get("alg") != ALGORITHM or value.get("use", "enc") != "enc":
            raise RequestError("invalid_request", f"expected a JWK to encrypt with, alg {ALGORITHM}")
        key_id = value.get("kid")
        if key_id is not None and (not isinstance(key_id, str) or not key_id):
            raise RequestError("invalid_request", "expected kid to be a string")
        return cls(key=PublicKey.parse_jwk(value), key_id=key_id)

    def jwk(self) -> dict[str, JSON]:
        """Return the JWK to publish."""
        members: dict[str, JSON] = {**self.key.jwk(), "alg": ALGORITHM, "use": "enc"}
        return members if self.key_id is None else {**members, "kid": self.key_id}


def encrypt(payload: bytes, recipient: PublicKey, *, key_id: str | None, encryption: str) -> str:
    """Return the payload encrypted to the recipient. `key_id` is copied into the header, unless the key has none.

    Raises `RequestError` when the content encryption is none of ours.
    """
    if encryption not in ENCRYPTIONS:
        raise RequestError("invalid_request", "no common content encryption")
    header = {"alg": ALGORITHM, "enc": encryption}
    if key_id is not None:
        header["kid"] = key_id
    token = jwe.JWE(payload, protected=compact_json(header).decode(), algs=[ALGORITHM, *ENCRYPTIONS])
    token.add_recipient(jwk.JWK.from_json(json.dumps(recipient.jwk())))
    return str(token.serialize(compact=True))


def decrypt(
    token: str, key: PrivateKey, *, expected_key_id: str | None, encryptions: Collection[str] = ENCRYPTIONS
) -> bytes:
    """Return the payload. Raises `RequestError` on anything but a JWE of our kind to this key."""
    header = parse_header(token)
    encryption = header.get("enc")
    if header.get("alg") != ALGORITHM or not isinstance(encryption, str) or encryption not in encryptions:
        raise RequestError("invalid_request", "the encrypted message uses another algorithm than offered")
    if header.get("kid") != expected_key_id:
        raise RequestError("invalid_request", "the encrypted message is for another key")
    if "zip" in header or "crit" in header:
        raise RequestError("invalid_request", "the encrypted message is compressed or has critical extensions")
    try:
        opened = jwe.JWE(algs=[ALGORITHM, *ENCRYPTIONS])
        opened.deserialize(token, key=jwk.JWK.from_pyca(key.secret))
    except (JWException, ValueError, TypeError) as exc:
        raise RequestError("invalid_request", "the encrypted message cannot be opened") from exc
    return bytes(opened.payload)


def parse_header(token: str) -> dict[str, JSON]:
    """Return the protected header of a compact JWE, unverified: which key it names. Raises `RequestError`."""
    if len(token) > MAX_TOKEN_CHARS:
        raise RequestError("invalid_request", f"JWE longer than {MAX_TOKEN_CHARS} characters")
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise RequestError("invalid_request", "expected five parts in a compact JWE")
    return parse_object(b64url_decode(parts[0]))
