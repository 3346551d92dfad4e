# SPDX-License-Identifier: EUPL-1.2
"""Key attestations (OpenID4VCI 1.0, appendix D): somebody whom the issuer trusts says how holder keys are kept.

A verified attestation says nothing about its `status` claim: whoever relies on it still owes that check.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from protocol import jws, x5c_jwt
from protocol.clock import epoch_seconds
from protocol.encoding import JSON, find_member
from protocol.errors import RequestError, VerificationError
from protocol.keys import Algorithm, PublicKey, Signer
from protocol.members import find_moment, find_text, find_texts, find_url, get_moment, get_objects
from protocol.x5c_jwt import VerifyChain

TYPE = "key-attestation+jwt"
# section D.2; others may be agreed on
RESISTANCES = ("iso_18045_high", "iso_18045_moderate", "iso_18045_enhanced-basic", "iso_18045_basic")
_METADATA_CODE = "invalid_issuer_metadata"
_CODE = "invalid_proof"


@dataclass(frozen=True)
class Requirement:
    """What an issuer wants attested (section 12.2.4); an empty list wants nothing in particular."""

    key_storage: tuple[str, ...] = ()
    user_authentication: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {
            "key_storage": [*self.key_storage],
            "user_authentication": [*self.user_authentication],
        }
        return {name: value for name, value in members.items() if value}

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> Requirement:
        """Return the requirement. Raises `RequestError` (`invalid_issuer_metadata`)."""
        return cls(
            key_storage=find_texts(value, "key_storage", code=_METADATA_CODE),
            user_authentication=find_texts(value, "user_authentication", code=_METADATA_CODE),
        )


@dataclass(frozen=True)
class KeyAttestation:
    """What is attested. Parsed, it promises nothing; `verify` returns it verified."""

    keys: tuple[PublicKey, ...]
    issued_at: datetime
    expires_at: datetime | None = None
    nonce: str | None = None
    key_storage: tuple[str, ...] = ()
    user_authentication: tuple[str, ...] = ()
    certification: str | None = None
    status: dict[str, JSON] | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the claims to sign."""
        members: dict[str, JSON] = {
            "exp": None if self.expires_at is None else epoch_seconds(self.expires_at),
            "nonce": self.nonce,
            "key_storage": [*self.key_storage],
            "user_authentication": [*self.user_authentication],
            "certification": self.certification,
            "status": self.status,
        }
        return {
            "iat": epoch_seconds(self.issued_at),
            "attested_keys": [key.jwk() for key in self.keys],
            **{name: value for name, value in members.items() if value},
        }

    @classmethod
    def parse(
        cls, claims: dict[str, JSON], *, algorithms: Collection[Algorithm] = (Algorithm.ES256,)
    ) -> KeyAttestation:
        """Return the claims' content, keys of these algorithms. Raises `RequestError` (`invalid_proof`)."""
        try:
            keys = tuple(
                PublicKey.parse_jwk(jwk, algorithms=algorithms)
                for jwk in get_objects(claims, "attested_keys", code=_CODE)
            )
        except RequestError as exc:
            raise RequestError(_CODE, exc.message) from exc
        if len(set(keys)) != len(keys):
            raise RequestError(_CODE, "a key is attested twice")
        return cls(
            keys=keys,
            issued_at=get_moment(claims, "iat", code=_CODE),
            expires_at=find_moment(claims, "exp", code=_CODE),
            nonce=find_text(claims, "nonce", code=_CODE),
            key_storage=find_texts(claims, "key_storage", code=_CODE),
            user_authentication=find_texts(claims, "user_authentication", code=_CODE),
            certification=find_url(claims, "certification", code=_CODE),
            status=find_member(claims, "status", dict, code=_CODE),
        )


def sign(attestation: KeyAttestation, signer: Signer, *, x5c: list[str]) -> str:
    """Return the signed attestation."""
    return jws.sign(attestation.to_json(), signer, typ=TYPE, x5c=x5c)


def verify(
    token: str,
    *,
    verify_chain: VerifyChain,
    requirement: Requirement,
    expected_nonce: str | None,
    is_expiry_required: bool,
    algorithms: Collection[Algorithm] = (Algorithm.ES256,),
    now: datetime,
) -> KeyAttestation:
    """Return the attestation. Raises `RequestError` (`invalid_proof`).

    `expected_nonce` None: any nonce or none; whether it is ours the caller still owes then.
    """
    try:
        # (1) to (3) issuer, signature and validity of the token
        claims = x5c_jwt.verify(token, typ=TYPE, verify_chain=verify_chain, now=now)
    except (RequestError, VerificationError) as exc:
        raise RequestError(_CODE, f"key attestation: {exc.message}") from exc
    attestation = KeyAttestation.parse(claims, algorithms=algorithms)
    if is_expiry_required and attestation.expires_at is None:
        raise RequestError(_CODE, "expected a key attestation with an expiry")
    # (4) made for this request
    if expected_nonce is not None and not hmac.compare_digest(
        (attestation.nonce or "").encode(), expected_nonce.encode()
    ):
        raise RequestError(_CODE, "the key attestation has another nonce")
    # (5) the keys are kept as the issuer wants
    _check_enough(attestation.key_storage, requirement.key_storage, "key storage")
    _check_enough(attestation.user_authentication, requirement.user_authentication, "user authentication")
    return attestation


def _check_enough(attested: tuple[str, ...], accepted: tuple[str, ...], what: str) -> None:
    if accepted and not set(attested) & set(accepted):
        raise RequestError(_CODE, f"the key attestation promises less {what} than asked")
