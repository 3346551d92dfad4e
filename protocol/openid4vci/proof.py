# SPDX-License-Identifier: EUPL-1.2
"""Proofs of holder keys (appendix F): `jwt`, with or without a key attestation, and `attestation`.

A `jwt` proof names its key itself, in the header member `jwk`; keys by `kid` or `x5c` are refused. Whether a
nonce is ours, and unused, is the caller's question: only it knows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from protocol import jws
from protocol.clock import epoch_seconds
from protocol.encoding import JSON
from protocol.errors import RequestError, VerificationError
from protocol.keys import Algorithm, PublicKey
from protocol.members import get_moment, get_text
from protocol.openid4vci import key_attestation
from protocol.openid4vci.key_attestation import KeyAttestation, Requirement
from protocol.x5c_jwt import VerifyChain

TYPE = "openid4vci-proof+jwt"
# clocks of phones and servers differ
MAX_AGE = timedelta(minutes=5)
_CODE = "invalid_proof"
_KEY_REFERENCES = ("jwk", "kid", "x5c")


class ProofKind(StrEnum):
    """The proof types that we know; `di_vp` belongs to a credential format that we do not have."""

    JWT = "jwt"
    ATTESTATION = "attestation"


@dataclass(frozen=True)
class AttestationPolicy:
    """Whose key attestations count, and what they must promise."""

    verify_chain: VerifyChain
    requirement: Requirement


@dataclass(frozen=True)
class VerifiedProof:
    """Keys that a holder has, for this issuer, just now; made by the two functions below.

    `keys` has one key for a plain `jwt` proof, else all attested ones.
    """

    keys: tuple[PublicKey, ...]
    nonce: str

    @property
    def key(self) -> PublicKey:
        """The key that signed, or the first one attested."""
        return self.keys[0]


def prepare_proof(
    key: PublicKey,
    *,
    audience: str,
    nonce: str | None,
    now: datetime,
    client_id: str | None = None,
    attestation: str | None = None,
) -> jws.SigningInput:
    """Return what the holder key must sign to prove itself to an issuer (appendix F.1).

    `nonce` None: the issuer has no nonce endpoint. `client_id` None: the token was got anonymously, with a
    pre-authorized code.
    """
    claims: dict[str, JSON] = {"aud": audience, "iat": epoch_seconds(now)}
    if nonce is not None:
        claims["nonce"] = nonce
    if client_id is not None:
        claims["iss"] = client_id
    header = {"jwk": key.jwk()} if attestation is None else {"jwk": key.jwk(), "key_attestation": attestation}
    return jws.prepare(claims, typ=TYPE, algorithm=key.algorithm, **header)


def verify_proof(
    token: str,
    *,
    expected_audience: str,
    expected_client_id: str | None,
    attestation_policy: AttestationPolicy | None,
    algorithms: Collection[Algorithm] = (Algorithm.ES256,),
    now: datetime,
) -> VerifiedProof:
    """Return what a `jwt` proof proves. Raises `RequestError` (`invalid_proof`) as appendix F.4 says.

    `expected_client_id` None: an anonymous token, so nobody may be named. `attestation_policy` None: no
    attestation is asked, and one that is there is not looked at.
    """
    try:
        # (1) one key, named by itself
        header = jws.parse(token).header
        if [name for name in _KEY_REFERENCES if name in header] != ["jwk"]:
            raise RequestError(_CODE, "expected exactly one key, as jwk, in the proof")
        key = PublicKey.parse_jwk(header["jwk"], algorithms=algorithms)
        # (2) signature: the algorithm of that key, this type
        claims = jws.verify_claims(token, key, typ=TYPE)
    except (RequestError, VerificationError) as exc:
        raise RequestError(_CODE, exc.message) from exc
    # (3) for this issuer, by this client
    if claims.get("aud") != expected_audience:
        raise RequestError(_CODE, "the proof is for another issuer")
    if "iss" in claims and (expected_client_id is None or claims["iss"] != expected_client_id):
        raise RequestError(_CODE, "the proof names another client than the token's")
    # (4) just now
    if abs(get_moment(claims, "iat", code=_CODE) - now) > MAX_AGE:
        raise RequestError(_CODE, "the proof is too old or from the future")
    nonce = get_text(claims, "nonce", code=_CODE)
    # (5) kept as the issuer wants
    if attestation_policy is None:
        return VerifiedProof(keys=(key,), nonce=nonce)
    attested = _verify_attested(header, key, nonce, attestation_policy, algorithms, now)
    others = tuple(each for each in attested.keys if each != key)
    return VerifiedProof(keys=(key, *others), nonce=nonce)


def _verify_attested(
    header: Mapping[str, JSON],
    key: PublicKey,
    nonce: str,
    policy: AttestationPolicy,
    algorithms: Collection[Algorithm],
    now: datetime,
) -> KeyAttestation:
    attestation = key_attestation.verify(
        get_text(header, "key_attestation", code=_CODE),
        verify_chain=policy.verify_chain,
        requirement=policy.requirement,
        expected_nonce=nonce,
        is_expiry_required=True,
        algorithms=algorithms,
        now=now,
    )
    if key not in attestation.keys:
        raise RequestError(_CODE, "the key of the proof is not attested")
    return attestation


def verify_attestation_proof(
    token: str,
    *,
    policy: AttestationPolicy,
    algorithms: Collection[Algorithm] = (Algorithm.ES256,),
    now: datetime,
) -> VerifiedProof:
    """Return the keys of an `attestation` proof (appendix F.3). Raises `RequestError` (`invalid_proof`)."""
    attestation = key_attestation.verify(
        token,
        verify_chain=policy.verify_chain,
        requirement=policy.requirement,
        expected_nonce=None,
        is_expiry_required=False,
        algorithms=algorithms,
        now=now,
    )
    if attestation.nonce is None:
        raise RequestError(_CODE, "expected a nonce in the key attestation")
    return VerifiedProof(keys=attestation.keys, nonce=attestation.nonce)
