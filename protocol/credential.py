# SPDX-License-Identifier: EUPL-1.2
"""SD-JWT VC (`dc+sd-jwt`): what we issue, and steps 2 to 4 and 6 of the verification pipeline.

- `iss`, `nbf`, `exp`, `cnf`, `vct` and `status` are never selectively disclosable (SD-JWT VC, section 2.2.2.3).
- The issuer's key comes from the trust list by the certificate in `x5c`, tied to `iss` and `vct` in one question.
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
from protocol.sd_jwt import Disclosure, UnverifiedSDJWT
from protocol.trust import TrustedIssuer, TrustList

TYPE = "dc+sd-jwt"
_CLEAR = frozenset({"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "iat", "sub"})


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
    if _CLEAR & disclosable.keys():
        raise ValueError("a registered claim may not be selectively disclosable")
    payload: dict[str, JSON] = {
        "iss": issuer,
        "iat": epoch_seconds(issued_at),
        "exp": epoch_seconds(expires_at),
        "vct": vct,
        "cnf": {"jwk": holder_key.jwk()},
    }
    disclosures = [Disclosure.make(name, value) for name, value in disclosable.items()]
    return sd_jwt.issue(payload, disclosures, signer, typ=TYPE, x5c=[*x5c])


def verify(unverified: UnverifiedSDJWT, *, trust: TrustList, now: datetime) -> VerifiedCredential:
    """Return the credential. Raises `VerificationError` with the first check that fails."""
    payload = _read(unverified)
    # (2) issuer: one question for certificate, identifier and type
    identifier, vct = _text(payload, "iss"), _text(payload, "vct")
    issuer = trust.get_issuer(unverified.issuer_jwt.header.get("x5c"), identifier=identifier, vct=vct, now=now)
    # (3) signature: one algorithm, one typ
    jws.verify(unverified.issuer_jwt.token, issuer.key, typ=TYPE)
    # (4) disclosures: each is referenced by exactly one digest; none hides a registered claim
    if any(d.name in _CLEAR for d in unverified.disclosures):
        raise VerificationError(Check.DISCLOSURES, "a registered claim arrives as a disclosure")
    claims = sd_jwt.rebuild(payload, unverified.disclosures)
    # (6) validity
    expires_at = _check_times(payload, now)
    return VerifiedCredential(
        issuer=issuer, vct=vct, claims=claims, holder_key=_holder_key(payload), expires_at=expires_at
    )


def _read(unverified: UnverifiedSDJWT) -> dict[str, JSON]:
    """(1) format: a JSON payload under our `typ`."""
    if unverified.issuer_jwt.header.get("typ") != TYPE:
        raise VerificationError(Check.FORMAT, f"expected a credential of type {TYPE}")
    try:
        return unverified.issuer_jwt.claims()
    except RequestError as exc:
        raise VerificationError(Check.FORMAT, "the credential's payload is no JSON object") from exc


def _text(payload: dict[str, JSON], name: str) -> str:
    try:
        return get_member(payload, name, str)
    except RequestError as exc:
        raise VerificationError(Check.FORMAT, f"the credential has no {name}") from exc


def _check_times(payload: dict[str, JSON], now: datetime) -> datetime:
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


def _holder_key(payload: dict[str, JSON]) -> PublicKey:
    try:
        jwk = get_member(get_member(payload, "cnf", dict), "jwk", dict)
        return PublicKey.parse_jwk({k: jwk[k] for k in ("kty", "crv", "x", "y", "d") if k in jwk})
    except Error as exc:
        raise VerificationError(Check.FORMAT, "the credential is not bound to a usable key") from exc
