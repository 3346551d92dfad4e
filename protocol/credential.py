# SPDX-License-Identifier: EUPL-1.2
"""SD-JWT VC (`dc+sd-jwt`): what we issue, and steps 2 to 4 and 6 of the verification pipeline.

- `iss`, `nbf`, `exp`, `cnf`, `vct` and `status` are never selectively disclosable (SD-JWT VC, section 2.2.2.3).
- The issuer's key comes from the trust list by the certificate in `x5c`, tied to `iss` and `vct` in one question.
- `verify` runs its steps over one credential (the wallet, at issuance); the verifier runs each step over all that
  were presented, with its own steps between.
- Not checked here: key binding, status, query, policy, receipt. The caller owes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from protocol import jws, sd_jwt
from protocol.clock import epoch_seconds, from_epoch
from protocol.encoding import JSON, find_member, get_member
from protocol.errors import Check, Error, RequestError, VerificationError
from protocol.keys import PublicKey, Signer
from protocol.sd_jwt import UnverifiedSDJWT
from protocol.trust import TrustedIssuer, TrustList

TYPE = "dc+sd-jwt"
# claims of the format itself, always signed in the clear
REGISTERED = frozenset({"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "iat", "sub"})


@dataclass(frozen=True)
class VerifiedCredential:
    """A credential by an issuer that may issue it, unaltered and valid now. Only `verify` makes one."""

    issuer: TrustedIssuer
    vct: str
    # everything shown: the claims in the clear and the disclosed ones
    claims: Mapping[str, JSON]
    holder_key: PublicKey
    expires_at: datetime


def issue(
    disclosable: Mapping[str, JSON],
    signer: Signer,
    *,
    x5c: Sequence[str],
    issuer: str,
    vct: str,
    holder_key: PublicKey,
    issued_at: datetime,
    expires_at: datetime,
) -> str:
    """Return a credential bound to the holder's key, each claim of it selectively disclosable.

    The caller rounds both times, so that copies cannot be linked by them.
    """
    if REGISTERED & disclosable.keys():
        raise ValueError("a registered claim may not be selectively disclosable")
    claims: dict[str, JSON] = {
        "iss": issuer,
        "iat": epoch_seconds(issued_at),
        "exp": epoch_seconds(expires_at),
        "vct": vct,
        "cnf": {"jwk": holder_key.jwk()},
        **disclosable,
    }
    return sd_jwt.issue(claims, [(name,) for name in disclosable], signer, typ=TYPE, x5c=[*x5c])


def verify(unverified: UnverifiedSDJWT, *, trust: TrustList, now: datetime) -> VerifiedCredential:
    """Return the credential. Raises `VerificationError` with the first check that fails."""
    # (1) format: a payload that names issuer and type and is bound to a key
    payload = read_payload(unverified)
    holder_key = read_holder_key(payload)
    # (2) issuer: one question for certificate, identifier and type
    issuer = get_issuer(unverified, payload, trust=trust, now=now)
    # (3) signature: one algorithm, one typ
    check_signature(unverified, issuer)
    # (4) disclosures: each is referenced by exactly one digest; none hides a registered claim
    claims = rebuild_claims(unverified, payload)
    # (6) validity
    expires_at = check_times(payload, now=now)
    return VerifiedCredential(
        issuer=issuer, vct=read_text(payload, "vct"), claims=claims, holder_key=holder_key, expires_at=expires_at
    )


def read_payload(unverified: UnverifiedSDJWT) -> dict[str, JSON]:
    """(1) Return the payload under our `typ`, which names issuer and type; still unverified."""
    if unverified.issuer_jwt.header.get("typ") != TYPE:
        raise VerificationError(Check.FORMAT, f"expected a credential of type {TYPE}")
    try:
        payload = unverified.issuer_jwt.claims()
    except RequestError as exc:
        raise VerificationError(Check.FORMAT, "the credential's payload is no JSON object") from exc
    for name in ("iss", "vct"):
        read_text(payload, name)
    return payload


def read_holder_key(payload: dict[str, JSON]) -> PublicKey:
    """(1) Return the key that the credential is bound to; still unverified."""
    try:
        jwk = get_member(get_member(payload, "cnf", dict), "jwk", dict)
        return PublicKey.parse_jwk({k: jwk[k] for k in ("kty", "crv", "x", "y", "d") if k in jwk})
    except Error as exc:
        raise VerificationError(Check.FORMAT, "the credential is not bound to a usable key") from exc


def get_issuer(
    unverified: UnverifiedSDJWT, payload: dict[str, JSON], *, trust: TrustList, now: datetime
) -> TrustedIssuer:
    """(2) Return the issuer that certificate, identifier and type together name. The caller owes (3)."""
    identifier, vct = read_text(payload, "iss"), read_text(payload, "vct")
    return trust.get_issuer(unverified.issuer_jwt.header.get("x5c"), identifier=identifier, vct=vct, now=now)


def check_signature(unverified: UnverifiedSDJWT, issuer: TrustedIssuer) -> None:
    """(3) Raise `VerificationError` (`signature`) unless the issuer signed it."""
    jws.verify(unverified.issuer_jwt.token, issuer.key, typ=TYPE)


def rebuild_claims(unverified: UnverifiedSDJWT, payload: dict[str, JSON]) -> dict[str, JSON]:
    """(4) Return everything shown: the claims in the clear and the disclosed ones."""
    if any(d.name in REGISTERED for d in unverified.disclosures):
        raise VerificationError(Check.DISCLOSURES, "a registered claim arrives as a disclosure")
    return sd_jwt.rebuild(payload, unverified.disclosures)


def check_times(payload: dict[str, JSON], *, now: datetime) -> datetime:
    """(6) Return when it expires. Raises `VerificationError` (`validity`) unless it is valid now."""
    try:
        not_before = find_member(payload, "nbf", int)
        expires = get_member(payload, "exp", int)
    except RequestError as exc:
        raise VerificationError(Check.VALIDITY, "the credential has no usable expiry") from exc
    if expires <= epoch_seconds(now):
        raise VerificationError(Check.VALIDITY, "the credential has expired")
    if not_before is not None and not_before > epoch_seconds(now):
        raise VerificationError(Check.VALIDITY, "the credential is not valid yet")
    return from_epoch(expires)


def read_text(payload: dict[str, JSON], name: str) -> str:
    """(1) Return a required text of the payload; still unverified."""
    try:
        return get_member(payload, name, str)
    except RequestError as exc:
        raise VerificationError(Check.FORMAT, f"the credential has no {name}") from exc
