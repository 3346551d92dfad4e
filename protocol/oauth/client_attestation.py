# SPDX-License-Identifier: EUPL-1.2
"""Attestation-based client authentication (OpenID4VCI 1.0, appendix E; HAIP 1.0, section 4.4.1).

Two headers: a wallet attestation by whoever makes the wallet, and a proof by the key that it names. `iss` was
required up to draft -07, which OpenID4VCI pins, and is gone since -08: it may be there or not, and must then be
right. That `jti` was not seen before the caller still owes, and the check of `status` if the attestation has one.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from protocol import jws, x5c_jwt
from protocol.clock import epoch_seconds
from protocol.encoding import JSON, find_member, get_member
from protocol.errors import RequestError, VerificationError
from protocol.keys import PublicKey, Signer
from protocol.members import find_text, find_url, get_moment, get_text
from protocol.oauth.errors import TokenError, refuse
from protocol.x5c_jwt import VerifyChain

TYPE = "oauth-client-attestation+jwt"
PROOF_TYPE = "oauth-client-attestation-pop+jwt"
HEADER = "OAuth-Client-Attestation"
PROOF_HEADER = "OAuth-Client-Attestation-PoP"
CHALLENGE_HEADER = "OAuth-Client-Attestation-Challenge"
AUTHENTICATION_METHOD = "attest_jwt_client_auth"
# clocks of phones and servers differ
MAX_PROOF_AGE = timedelta(minutes=5)
# as many as a replay store should keep of one proof
MAX_JTI_CHARS = 128
_JTI_BYTES = 16
_CODE = TokenError.INVALID_CLIENT


@dataclass(frozen=True)
class ClientAttestation:
    """What is attested about a wallet. Parsed, it promises nothing; `verify` returns a `VerifiedClient`."""

    client_id: str
    key: PublicKey
    expires_at: datetime
    issuer: str | None = None
    wallet_name: str | None = None
    wallet_link: str | None = None
    status: dict[str, JSON] | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the claims to sign."""
        optional: dict[str, JSON] = {
            "iss": self.issuer,
            "wallet_name": self.wallet_name,
            "wallet_link": self.wallet_link,
            "status": self.status,
        }
        return {
            "sub": self.client_id,
            "exp": epoch_seconds(self.expires_at),
            "cnf": {"jwk": self.key.jwk()},
            **{name: value for name, value in optional.items() if value},
        }

    @classmethod
    def parse(cls, claims: dict[str, JSON]) -> ClientAttestation:
        """Return the claims' content. Raises `RequestError` (`invalid_client`)."""
        return cls(
            client_id=get_text(claims, "sub", code=_CODE),
            key=PublicKey.parse_jwk(get_member(claims, "cnf", dict, code=_CODE).get("jwk")),
            expires_at=get_moment(claims, "exp", code=_CODE),
            issuer=find_text(claims, "iss", code=_CODE),
            wallet_name=find_text(claims, "wallet_name", code=_CODE),
            wallet_link=find_url(claims, "wallet_link", code=_CODE),
            status=find_member(claims, "status", dict, code=_CODE),
        )


def sign(attestation: ClientAttestation, signer: Signer, *, x5c: list[str]) -> str:
    """Return the signed attestation."""
    return jws.sign(attestation.to_json(), signer, typ=TYPE, x5c=x5c)


def prepare_proof(
    key: PublicKey, *, client_id: str, audience: str, challenge: str | None, now: datetime
) -> jws.SigningInput:
    """Return what the wallet's key must sign for one request to an authorization server, its `audience`."""
    claims: dict[str, JSON] = {
        "iss": client_id,
        "aud": audience,
        "jti": secrets.token_urlsafe(_JTI_BYTES),
        "iat": epoch_seconds(now),
    }
    if challenge is not None:
        claims["challenge"] = challenge
    return jws.prepare(claims, typ=PROOF_TYPE, algorithm=key.algorithm)


@dataclass(frozen=True)
class VerifiedClient:
    """A wallet that its maker attests and that is there. `jti` is for the caller's replay store."""

    attestation: ClientAttestation
    jti: str
    issued_at: datetime

    @property
    def client_id(self) -> str:
        """The client identifier: the same for every copy of that wallet, by intention."""
        return self.attestation.client_id


def get_pair(headers: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """Return attestation and proof of a request's headers. Raises `RequestError` (`invalid_client`, 401)."""
    found = {name.lower(): values for name, values in headers.items()}
    match found.get(HEADER.lower()), found.get(PROOF_HEADER.lower()):
        case [str(attestation)], [str(proof)]:
            return attestation, proof
    raise refuse(_CODE, "expected one client attestation and one proof")


def verify(
    attestation: str,
    proof: str,
    *,
    expected_audience: str,
    expected_client_id: str | None,
    expected_challenge: str | None,
    verify_chain: VerifyChain,
    now: datetime,
) -> VerifiedClient:
    """Return who asks.

    `expected_audience` is the authorization server's identifier; `expected_client_id` the request's `client_id`,
    None when it has none; `expected_challenge` None: none was asked. Raises `RequestError`: `invalid_client`
    (401), or `use_attestation_challenge` when the challenge is missing or not the expected one.
    """
    try:
        # (1) to (3) attestation: issuer, signature and validity of the token
        attested = ClientAttestation.parse(
            x5c_jwt.verify(attestation, typ=TYPE, verify_chain=verify_chain, now=now)
        )
        # (4) proof: by the key attested
        claims = jws.verify_claims(proof, attested.key, typ=PROOF_TYPE)
        x5c_jwt.check_times(claims, now=now)
        issued_at, jti = get_moment(claims, "iat", code=_CODE), get_text(claims, "jti", code=_CODE)
    except (RequestError, VerificationError) as exc:
        raise refuse(_CODE, exc.message) from exc
    # (5) by and for whom, and just now
    if expected_client_id is not None and attested.client_id != expected_client_id:
        raise refuse(_CODE, "the attestation is another client's")
    if claims.get("iss", attested.client_id) != attested.client_id:
        raise refuse(_CODE, "the proof names another client")
    if claims.get("aud") not in (expected_audience, [expected_audience]):
        raise refuse(_CODE, "the proof is for another server")
    if now - issued_at > MAX_PROOF_AGE or len(jti) > MAX_JTI_CHARS:
        raise refuse(_CODE, "the proof is too old, or its name too long")
    # (6) for this occasion
    challenge = claims.get("challenge")
    if expected_challenge is not None and not (
        isinstance(challenge, str) and hmac.compare_digest(challenge.encode(), expected_challenge.encode())
    ):
        raise refuse(TokenError.USE_ATTESTATION_CHALLENGE, "expected our challenge in the proof")
    return VerifiedClient(attestation=attested, jti=jti, issued_at=issued_at)
