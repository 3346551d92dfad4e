# SPDX-License-Identifier: EUPL-1.2
"""JWS compact serialisation (RFC 7515): the only module that signs or verifies one.

- One algorithm, ES256; one `typ`, fixed by the caller (RFC 8725, sections 3.1 and 3.11).
- The key is the caller's, never taken from the token.
- Header `crit` is refused: we understand no critical extension (RFC 7515, section 4.1.11).
- Signing has two phases, so that the key can be in a browser: `prepare`, then `complete`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jwt
from jwt.api_jws import PyJWS

from protocol.encoding import JSON, b64url_decode, b64url_encode, compact_json, parse_object
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PublicKey, Signer

ALGORITHM = "ES256"
SIGNATURE_BYTES = 64
# The largest we make is a credential: 200 claims, about 40 kB with its certificate.
MAX_TOKEN_CHARS = 256 * 1024
_PARTS = 3
_JWS = PyJWS(algorithms=[ALGORITHM])


@dataclass(frozen=True)
class UnverifiedJWS:
    """A parsed token. It promises nothing until `verify` accepted it."""

    token: str
    header: dict[str, JSON]
    payload: bytes

    def claims(self) -> dict[str, JSON]:
        """Return the payload as a JSON object, still unverified."""
        return parse_object(self.payload)


def parse(token: str) -> UnverifiedJWS:
    """Take a compact JWS apart. Raises `RequestError` on any other shape."""
    if len(token) > MAX_TOKEN_CHARS:
        raise RequestError("invalid_request", f"JWS longer than {MAX_TOKEN_CHARS} characters")
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise RequestError("invalid_request", "expected three parts in a compact JWS")
    header = parse_object(b64url_decode(parts[0]))
    b64url_decode(parts[2])
    return UnverifiedJWS(token=token, header=header, payload=b64url_decode(parts[1]))


def verify(token: str, key: PublicKey, *, typ: str) -> bytes:
    """Return the payload of a token signed by this key with this `typ`.

    Raises `RequestError` when it is no compact JWS and `VerificationError` (`signature`) when the
    algorithm, the type or the signature is not the expected one. Times, audience and nonce are the caller's.
    """
    unverified = parse(token)
    _check_header(unverified.header, typ)
    try:
        _JWS.decode(token, key.point, algorithms=[ALGORITHM])
    except jwt.InvalidTokenError as exc:
        raise VerificationError(Check.SIGNATURE, f"signature of the {typ} does not verify") from exc
    return unverified.payload


def verify_claims(token: str, key: PublicKey, *, typ: str) -> dict[str, JSON]:
    """Return the claims of a verified token whose payload is a JSON object."""
    return parse_object(verify(token, key, typ=typ))


def _check_header(header: dict[str, JSON], typ: str) -> None:
    if header.get("alg") != ALGORITHM:
        raise VerificationError(Check.SIGNATURE, f"expected algorithm {ALGORITHM}")
    if header.get("typ") != typ:
        raise VerificationError(Check.SIGNATURE, f"expected type {typ}")
    if "crit" in header:
        raise VerificationError(Check.SIGNATURE, "header has critical extensions")


@dataclass(frozen=True)
class SigningInput:
    """What is to be signed: the ASCII text `header.payload` (RFC 7515, section 5.1)."""

    text: str

    def complete(self, signature: bytes) -> str:
        """Return the compact JWS. Raises `RequestError` unless the signature has 64 bytes."""
        if len(signature) != SIGNATURE_BYTES:
            raise RequestError("invalid_request", f"expected a signature of {SIGNATURE_BYTES} bytes")
        return f"{self.text}.{b64url_encode(signature)}"


def prepare(payload: bytes | Mapping[str, object], *, typ: str, **header: object) -> SigningInput:
    """Return what a signer must sign; further header members are given by name."""
    body = payload if isinstance(payload, bytes) else compact_json(payload)
    protected = compact_json({"alg": ALGORITHM, "typ": typ, **header})
    return SigningInput(f"{b64url_encode(protected)}.{b64url_encode(body)}")


def sign(payload: bytes | Mapping[str, object], signer: Signer, *, typ: str, **header: object) -> str:
    """Return a compact JWS over the payload."""
    prepared = prepare(payload, typ=typ, **header)
    return prepared.complete(signer.sign(prepared.text.encode("ascii")))


def detach(token: str) -> str:
    """Return the token with its payload left out (RFC 7515, appendix F)."""
    header, _, signature = token.split(".")
    return f"{header}..{signature}"


def attach(detached: str, payload: bytes) -> str:
    """Return the whole token of a detached one. Raises `RequestError` when it is not detached."""
    match detached.split("."):
        case [header, "", signature]:
            return f"{header}.{b64url_encode(payload)}.{signature}"
    raise RequestError("invalid_request", "expected a JWS with detached payload")
