# SPDX-License-Identifier: EUPL-1.2
"""JWS compact serialisation (RFC 7515): the only module that signs or verifies one.

- One algorithm, the key's: ES256, ES384 or EdDSA; one `typ`, fixed by the caller (RFC 8725, sections 3.1, 3.11).
- The key is the caller's, never taken from the token.
- Header `crit` is refused: we understand no critical extension (RFC 7515, section 4.1.11). So is `b64`,
  which means nothing without it (RFC 7797, section 6).
- Signing has two phases, so that the key can be in a browser: `prepare`, then `complete`.
- Signatures are made and checked by `cryptography` itself, not through PyJWT (ADR 0009).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from protocol.encoding import JSON, b64url_decode, b64url_encode, compact_json, parse_object
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import Algorithm, PublicKey, Signer

# The largest we make is a credential: 200 claims, about 40 kB with its certificate.
MAX_TOKEN_CHARS = 256 * 1024
# a chain of three certificates of 2 kB, base64 twice
MAX_HEADER_CHARS = 16 * 1024
# a dozen members, one of them a key or a chain, and as many that we do not know. Parsed headers are kept: one of
# thousands of empty objects would take 25 times the room of its text
MAX_HEADER_PARTS = 64
# an issuer signs all its credentials under one header: some hundred issuers, and the headers of their holders
_HEADERS_KEPT = 512
_PARTS = 3
_SIGNATURE_BYTES = {Algorithm.ES256: 64, Algorithm.ES384: 96, Algorithm.EDDSA: 64}


class UnverifiedJWS(NamedTuple):
    """A parsed token. It promises nothing until `verify` accepted it."""

    token: str
    header: Mapping[str, JSON]
    payload: bytes
    signature: bytes

    def __repr__(self) -> str:
        return "UnverifiedJWS(…)"

    def claims(self) -> dict[str, JSON]:
        """Return the payload as a JSON object, still unverified."""
        return parse_object(self.payload)

    @property
    def signing_input(self) -> bytes:
        """What was signed: header and payload as they arrived (RFC 7515, section 5.2)."""
        return self.token[: self.token.rindex(".")].encode("ascii")


def parse(token: str, *, max_chars: int = MAX_TOKEN_CHARS) -> UnverifiedJWS:
    """Take a compact JWS apart. Raises `RequestError` on any other shape and on a longer one."""
    if len(token) > max_chars:
        raise RequestError("invalid_request", f"JWS longer than {max_chars} characters")
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise RequestError("invalid_request", "expected three parts in a compact JWS")
    header, payload, signature = parts
    if len(header) > MAX_HEADER_CHARS:
        raise RequestError("invalid_request", f"JWS header longer than {MAX_HEADER_CHARS} characters")
    return UnverifiedJWS(token, _parse_header(header), b64url_decode(payload), b64url_decode(signature))


@lru_cache(maxsize=_HEADERS_KEPT)
def _parse_header(encoded: str) -> Mapping[str, JSON]:
    # the same text has the same meaning for ever, so what it says is remembered
    data = b64url_decode(encoded)
    # no more values than these, nested or not; one in a text counts too
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_HEADER_PARTS:
        raise RequestError("invalid_request", f"JWS header of more than {MAX_HEADER_PARTS} parts")
    return MappingProxyType(parse_object(data))


def verify(token: str | UnverifiedJWS, key: PublicKey, *, typ: str) -> bytes:
    """Return the payload of a token signed by this key with this `typ`.

    Raises `RequestError` when it is no compact JWS and `VerificationError` (`signature`) when the
    algorithm, the type or the signature is not the expected one. Times, audience and nonce are the caller's.
    """
    unverified = parse(token) if isinstance(token, str) else token
    header = unverified.header
    if header.get("alg") != key.algorithm:
        raise VerificationError(Check.SIGNATURE, f"expected algorithm {key.algorithm}")
    if header.get("typ") != typ:
        raise VerificationError(Check.SIGNATURE, f"expected type {typ}")
    if "crit" in header or "b64" in header:
        raise VerificationError(Check.SIGNATURE, "header has critical extensions")
    if not key.has_signed(unverified.signature, unverified.signing_input):
        raise VerificationError(Check.SIGNATURE, f"signature of the {typ} does not verify")
    return unverified.payload


def verify_claims(token: str | UnverifiedJWS, key: PublicKey, *, typ: str) -> dict[str, JSON]:
    """Return the claims of a verified token whose payload is a JSON object."""
    return parse_object(verify(token, key, typ=typ))


@dataclass(frozen=True)
class SigningInput:
    """What is to be signed: the ASCII text `header.payload` (RFC 7515, section 5.1)."""

    text: str
    algorithm: Algorithm = Algorithm.ES256

    def complete(self, signature: bytes) -> str:
        """Return the compact JWS. Raises `RequestError` unless the signature has the algorithm's length."""
        size = _SIGNATURE_BYTES[self.algorithm]
        if len(signature) != size:
            raise RequestError("invalid_request", f"expected a signature of {size} bytes")
        return f"{self.text}.{b64url_encode(signature)}"


def prepare(
    payload: bytes | Mapping[str, object],
    *,
    typ: str,
    algorithm: Algorithm = Algorithm.ES256,
    **header: object,
) -> SigningInput:
    """Return what a signer must sign; further header members are given by name."""
    body = payload if isinstance(payload, bytes) else compact_json(payload)
    chain = header.get("x5c")
    # an issuer signs everything under one header; the tuple says that nobody can have changed the chain
    encode = _kept_header if len(header) == 1 and isinstance(chain, tuple) else _encode_header
    return SigningInput(f"{encode(algorithm, typ, **header)}.{b64url_encode(body)}", algorithm)


def _encode_header(algorithm: Algorithm, typ: str, **header: object) -> str:
    return b64url_encode(compact_json({"alg": algorithm, "typ": typ, **header}))


_kept_header = lru_cache(maxsize=_HEADERS_KEPT)(_encode_header)


def sign(payload: bytes | Mapping[str, object], signer: Signer, *, typ: str, **header: object) -> str:
    """Return a compact JWS over the payload, by the algorithm of the signer's key."""
    prepared = prepare(payload, typ=typ, algorithm=signer.public_key.algorithm, **header)
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
