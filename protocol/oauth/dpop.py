# SPDX-License-Identifier: EUPL-1.2
"""DPoP proofs (RFC 9449): a token is used by whoever holds the key that it was given to.

A proof is for one method and address, now. That it was not seen before the caller still owes: it keeps `jti` for
`MAX_AGE` and refuses a second use (section 11.1).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from protocol import jws
from protocol.clock import epoch_seconds
from protocol.encoding import JSON, b64url_encode, sha256
from protocol.errors import RequestError, VerificationError
from protocol.keys import Algorithm, PublicKey
from protocol.members import get_moment, get_text
from protocol.oauth.errors import ResourceError, TokenError, refuse

TYPE = "dpop+jwt"
HEADER = "DPoP"
NONCE_HEADER = "DPoP-Nonce"
# clocks of phones and servers differ
MAX_AGE = timedelta(minutes=5)
# as many as a replay store should keep of one proof
MAX_JTI_CHARS = 128
_JTI_BYTES = 16
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class VerifiedDPoP:
    """Who holds the key. `jti` is for the caller's replay store."""

    key: PublicKey
    jti: str
    issued_at: datetime


def prepare(
    key: PublicKey, *, method: str, url: str, access_token: str | None, nonce: str | None, now: datetime
) -> jws.SigningInput:
    """Return what the key must sign for one request; `access_token` None: at the token endpoint."""
    claims: dict[str, JSON] = {
        "jti": secrets.token_urlsafe(_JTI_BYTES),
        "htm": method,
        "htu": url.partition("?")[0].partition("#")[0],
        "iat": epoch_seconds(now),
    }
    if access_token is not None:
        claims["ath"] = _token_hash(access_token)
    if nonce is not None:
        claims["nonce"] = nonce
    return jws.prepare(claims, typ=TYPE, algorithm=key.algorithm, jwk=key.jwk())


def get_proof(headers: Sequence[str]) -> str:
    """Return the proof of a request's DPoP headers, of which there is one (section 4.3).

    Raises `RequestError` (`invalid_dpop_proof`).
    """
    if len(headers) != 1:
        raise refuse(TokenError.INVALID_DPOP_PROOF, "expected one DPoP header")
    return headers[0]


def verify(
    proof: str,
    *,
    method: str,
    url: str,
    access_token: str | None,
    expected_nonces: Collection[str] | None,
    expected_thumbprint: str | None,
    algorithms: Collection[Algorithm] = (Algorithm.ES256,),
    now: datetime,
) -> VerifiedDPoP:
    """Return who made the proof (section 4.3).

    `access_token` None: at the authorization server, which also gives another status. `expected_nonces` None: no
    nonce is asked; else these are ours that still count. `expected_thumbprint`: the key that token or code is
    bound to, None before it is bound to any.

    Raises `RequestError`: `invalid_dpop_proof`, `use_dpop_nonce` (tell a fresh one in `DPoP-Nonce`) or, for
    another key than the token's or the code's, `invalid_token` or `invalid_grant`.
    """
    errors: type[TokenError | ResourceError] = TokenError if access_token is None else ResourceError
    try:
        # (1) a key that names itself, its algorithm, this type
        key = PublicKey.parse_jwk(jws.parse(proof).header.get("jwk"), algorithms=algorithms)
        claims = jws.verify_claims(proof, key, typ=TYPE)
        code = errors.INVALID_DPOP_PROOF
        jti, issued_at = get_text(claims, "jti", code=code), get_moment(claims, "iat", code=code)
        # (2) for this request
        if claims.get("htm") != method or not _is_same_address(get_text(claims, "htu", code=code), url):
            raise RequestError(code, "the proof is for another request")
    except (RequestError, VerificationError) as exc:
        raise refuse(errors.INVALID_DPOP_PROOF, exc.message) from exc
    # (3) just now
    if abs(issued_at - now) > MAX_AGE or len(jti) > MAX_JTI_CHARS:
        raise refuse(errors.INVALID_DPOP_PROOF, "the proof is too old, from the future, or its name too long")
    nonce = claims.get("nonce")
    if expected_nonces is not None and not (isinstance(nonce, str) and nonce in expected_nonces):
        raise refuse(errors.USE_DPOP_NONCE, "expected one of our nonces in the proof")
    # (4) with this token and its key
    if access_token is not None and not hmac.compare_digest(
        str(claims.get("ath")).encode(), _token_hash(access_token).encode()
    ):
        raise refuse(errors.INVALID_DPOP_PROOF, "the proof is for another token")
    if expected_thumbprint is not None and not hmac.compare_digest(
        key.thumbprint().encode(), expected_thumbprint.encode()
    ):
        wrong = TokenError.INVALID_GRANT if access_token is None else ResourceError.INVALID_TOKEN
        raise refuse(wrong, "the proof is made with another key")
    return VerifiedDPoP(key=key, jti=jti, issued_at=issued_at)


def _token_hash(access_token: str) -> str:
    return b64url_encode(sha256(access_token.encode()))


def _is_same_address(given: str, url: str) -> bool:
    """Whether two addresses are one, without query and fragment (RFC 3986, sections 6.2.2.1 and 6.2.3)."""
    return _address(given) == _address(url)


def _address(url: str) -> tuple[str, str, int | None, str]:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError as exc:
        raise RequestError(TokenError.INVALID_DPOP_PROOF, "malformed address in the proof") from exc
    return parts.scheme, parts.hostname or "", port, parts.path or "/"
