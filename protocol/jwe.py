# SPDX-License-Identifier: EUPL-1.2
"""JWE compact serialisation (RFC 7516) as OpenID4VP 1.0 section 8.3 uses it: ECDH-ES on P-256, AES-GCM.

- The key agreement is ECDH-ES, the content encryption one of two; both fixed here, never by the message.
- No compression: a `zip` header is refused (RFC 8725, section 3.6).
"""

from __future__ import annotations

import json

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


def encrypt(payload: bytes, recipient: PublicKey, *, key_id: str, encryption: str) -> str:
    """Return the payload encrypted to the recipient. `key_id` is copied into the header.

    Raises `RequestError` when the content encryption is none of ours.
    """
    if encryption not in ENCRYPTIONS:
        raise RequestError("invalid_request", "no common content encryption")
    token = jwe.JWE(
        payload,
        protected=compact_json({"alg": ALGORITHM, "enc": encryption, "kid": key_id}).decode(),
        algs=[ALGORITHM, *ENCRYPTIONS],
    )
    token.add_recipient(jwk.JWK.from_json(json.dumps(recipient.jwk())))
    return str(token.serialize(compact=True))


def decrypt(token: str, key: PrivateKey, *, expected_key_id: str) -> bytes:
    """Return the payload. Raises `RequestError` on anything but a JWE of our kind to this key."""
    header = _header(token)
    if header.get("alg") != ALGORITHM or header.get("enc") not in ENCRYPTIONS:
        raise RequestError("invalid_request", "encrypted response uses another algorithm than offered")
    if header.get("kid") != expected_key_id:
        raise RequestError("invalid_request", "encrypted response is for another key")
    if "zip" in header or "crit" in header:
        raise RequestError("invalid_request", "encrypted response is compressed or has critical extensions")
    try:
        opened = jwe.JWE(algs=[ALGORITHM, *ENCRYPTIONS])
        opened.deserialize(token, key=jwk.JWK.from_pyca(key.secret))
    except (JWException, ValueError, TypeError) as exc:
        raise RequestError("invalid_request", "encrypted response cannot be opened") from exc
    return bytes(opened.payload)


def _header(token: str) -> dict[str, JSON]:
    if len(token) > MAX_TOKEN_CHARS:
        raise RequestError("invalid_request", f"JWE longer than {MAX_TOKEN_CHARS} characters")
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise RequestError("invalid_request", "expected five parts in a compact JWE")
    return parse_object(b64url_decode(parts[0]))
