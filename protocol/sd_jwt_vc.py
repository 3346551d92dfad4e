# SPDX-License-Identifier: EUPL-1.2
"""SD-JWT VC (`dc+sd-jwt`): the one credential format that we speak, isolated here.

- The draft still moves: what a revision fixes is in `Profile`, and the profile in use is a named constant.
- The claims of the format itself are never selectively disclosable (SD-JWT VC, section 2.2.2.3), nor is anything
  inside them.
- The issuer's key comes from the trust list by the certificate in `x5c`, tied to `iss` and `vct` in one question.
- `verify` takes the steps over one credential (the wallet, at issuance); the verifier takes each step over all
  that were presented, with its own steps between.
- Not checked here: status, query, policy, receipt. The caller owes them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from protocol import jws, key_binding, sd_jwt
from protocol.clock import epoch_seconds, from_epoch
from protocol.credential import BindingExpectation
from protocol.encoding import JSON, find_member, get_member
from protocol.errors import Check, Error, RequestError, VerificationError
from protocol.keys import PublicKey, Signer
from protocol.sd_jwt import Path, Rebuilt, UnverifiedSDJWT
from protocol.status_list import StatusReference
from protocol.trust import TrustedIssuer, TrustList

TYPE = "dc+sd-jwt"
# claims of the format itself, not about the person. `sub` is: whoever names the subject says who it is
REGISTERED = frozenset({"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status", "iat"})
# clocks of issuers and verifiers differ
CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Profile:
    """What one revision of the drafts fixes, so that a move to the next is one visible change."""

    name: str
    sd_jwt_vc: str
    status_list: str
    typs: frozenset[str]
    never_disclosable: frozenset[str]


# HAIP 1.0 pins these revisions (section 9.4). `vc+sd-jwt`, the name before 2024-11, is not among its types.
HAIP_1_0 = Profile(
    name="HAIP 1.0",
    sd_jwt_vc="draft-ietf-oauth-sd-jwt-vc-13",
    status_list="draft-ietf-oauth-status-list-14",
    typs=frozenset({TYPE}),
    never_disclosable=frozenset({"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status"}),
)
# the same with the older media type, for whoever must read credentials issued before the change
HAIP_1_0_LEGACY_TYP = Profile(
    name="HAIP 1.0, and vc+sd-jwt",
    sd_jwt_vc=HAIP_1_0.sd_jwt_vc,
    status_list=HAIP_1_0.status_list,
    typs=frozenset({TYPE, "vc+sd-jwt"}),
    never_disclosable=HAIP_1_0.never_disclosable,
)


@dataclass(frozen=True)
class SDJWTVC:
    """The format under one profile; a `CredentialFormat`."""

    profile: Profile
    identifier: str = TYPE

    def parse(self, text: str) -> UnverifiedSDJWTVC:
        """(1) Take one apart. Raises `VerificationError` (`format`), or `disclosures` for a malformed one."""
        try:
            unverified = UnverifiedSDJWT.parse(text)
            payload = unverified.issuer_jwt.claims()
        except RequestError as exc:
            raise VerificationError(Check.FORMAT, exc.message) from exc
        typ = unverified.issuer_jwt.header.get("typ")
        if not isinstance(typ, str) or typ not in self.profile.typs:
            raise VerificationError(
                Check.FORMAT, f"expected a credential of type {' or '.join(self.profile.typs)}"
            )
        _check_other_types(payload)
        return UnverifiedSDJWTVC(
            profile=self.profile,
            sd_jwt=unverified,
            payload=payload,
            identifier=_read_text(payload, "iss"),
            credential_type=_read_text(payload, "vct"),
            holder_key=_read_holder_key(payload),
        )


FORMAT = SDJWTVC(HAIP_1_0)


@dataclass(frozen=True, slots=True)
class UnverifiedSDJWTVC:
    """A parsed SD-JWT VC; an `UnverifiedCredential`, whose steps are described there."""

    profile: Profile
    sd_jwt: UnverifiedSDJWT = field(repr=False)
    payload: dict[str, JSON] = field(repr=False)
    identifier: str
    credential_type: str
    holder_key: PublicKey

    @property
    def chain(self) -> JSON:
        """The `x5c` header."""
        return self.sd_jwt.issuer_jwt.header.get("x5c")

    @property
    def has_key_binding(self) -> bool:
        """Whether a key binding JWT ends it."""
        return self.sd_jwt.key_binding is not None

    def get_issuer(self, *, trust: TrustList, now: datetime) -> TrustedIssuer:
        """(2) One question for certificate, identifier and type."""
        return trust.get_issuer(self.chain, identifier=self.identifier, vct=self.credential_type, now=now)

    def check_signature(self, issuer: TrustedIssuer) -> None:
        """(3) One algorithm, one typ."""
        token = self.sd_jwt.issuer_jwt
        jws.verify(token, issuer.key, typ=str(token.header["typ"]))

    def rebuild_claims(self) -> Rebuilt:
        """(4) Each disclosure is referenced by exactly one digest; none hides a claim of the format itself."""
        rebuilt = sd_jwt.rebuild_with_paths(self.payload, self.sd_jwt.disclosures)
        never = self.profile.never_disclosable
        if not never.isdisjoint(rebuilt.concealing):
            raise VerificationError(
                Check.DISCLOSURES, "something inside a registered claim is selectively disclosable"
            )
        if not never.isdisjoint([path[0] for path in rebuilt.disclosed]):
            raise VerificationError(Check.DISCLOSURES, "a registered claim arrives as a disclosure")
        return rebuilt

    def check_key_binding(self, expected: BindingExpectation, *, now: datetime) -> None:
        """(5) The holder showed exactly this, to us, in this transaction, now."""
        key_binding.verify(
            self.sd_jwt.key_binding,
            self.holder_key,
            signed_part=self.sd_jwt.signed_part,
            hash_name=sd_jwt.read_hash_name(self.payload),
            expected_nonce=expected.nonce,
            expected_audience=expected.audience,
            expected_transaction_data=expected.transaction_data,
            now=now,
        )

    def check_times(self, *, now: datetime) -> datetime:
        """(6) It has an expiry, has not expired, and is not from the future."""
        try:
            not_before, issued = find_member(self.payload, "nbf", int), find_member(self.payload, "iat", int)
            expires_at = from_epoch(get_member(self.payload, "exp", int))
        except RequestError as exc:
            raise VerificationError(Check.VALIDITY, "the credential has no usable times") from exc
        seconds = epoch_seconds(now)
        if expires_at <= now:
            raise VerificationError(Check.VALIDITY, "the credential has expired")
        if not_before is not None and not_before > seconds:
            raise VerificationError(Check.VALIDITY, "the credential is not valid yet")
        if issued is not None and issued > seconds + CLOCK_SKEW.total_seconds():
            raise VerificationError(Check.VALIDITY, "the credential was issued in the future")
        return expires_at

    def find_status(self) -> JSON:
        """(7) The `status` claim."""
        return self.payload.get("status")


@dataclass(frozen=True)
class VerifiedCredential:
    """A credential by an issuer that may issue it, unaltered and valid now. Only `verify` makes one."""

    issuer: TrustedIssuer
    vct: str
    # everything shown: the claims in the clear and the disclosed ones
    claims: Mapping[str, JSON]
    holder_key: PublicKey
    expires_at: datetime


def verify(unverified: UnverifiedSDJWTVC, *, trust: TrustList, now: datetime) -> VerifiedCredential:
    """Return the credential after steps 2 to 4 and 6; `SDJWTVC.parse` took step 1.

    Raises `VerificationError` with the first check that fails.
    """
    # (2) issuer: one question for certificate, identifier and type
    issuer = unverified.get_issuer(trust=trust, now=now)
    # (3) signature: one algorithm, one typ
    unverified.check_signature(issuer)
    # (4) disclosures: each is referenced by exactly one digest; none hides a registered claim
    shown = unverified.rebuild_claims()
    # (6) validity
    expires_at = unverified.check_times(now=now)
    return VerifiedCredential(
        issuer=issuer,
        vct=unverified.credential_type,
        claims=shown.claims,
        holder_key=unverified.holder_key,
        expires_at=expires_at,
    )


def issue(
    claims: Mapping[str, JSON],
    signer: Signer,
    *,
    selective: Collection[Path],
    x5c: Sequence[str],
    issuer: str,
    vct: str,
    holder_key: PublicKey,
    status: StatusReference | None,
    issued_at: datetime,
    expires_at: datetime,
) -> str:
    """Return a credential bound to the holder's key; the claims at the paths in `selective` can be withheld.

    The caller rounds both times, so that copies cannot be linked by them. `status` is None only for a type whose
    credentials expire before anybody would revoke them. Raises `ValueError` when a claim of the format itself is
    given as a claim about the person.
    """
    if not REGISTERED.isdisjoint(claims):
        raise ValueError("a claim of the format itself is not a claim about the person")
    payload: dict[str, JSON] = {
        "iss": issuer,
        "iat": epoch_seconds(issued_at),
        "exp": epoch_seconds(expires_at),
        "vct": vct,
        "cnf": {"jwk": holder_key.jwk()},
    }
    if status is not None:
        payload["status"] = status.to_claim()
    return sd_jwt.issue({**payload, **claims}, selective, signer, typ=TYPE, x5c=(*x5c,))


def _read_text(payload: dict[str, JSON], name: str) -> str:
    try:
        return get_member(payload, name, str)
    except RequestError as exc:
        raise VerificationError(Check.FORMAT, f"the credential has no {name}") from exc


def _read_holder_key(payload: dict[str, JSON]) -> PublicKey:
    """Return the key of `cnf` (RFC 7800, section 3.2); `kid`, `use` and the like say nothing that we need."""
    try:
        return PublicKey.parse_jwk(get_member(get_member(payload, "cnf", dict), "jwk", dict))
    except Error as exc:
        raise VerificationError(Check.FORMAT, "the credential is not bound to a usable key") from exc


def _check_other_types(payload: dict[str, JSON]) -> None:
    """Refuse a malformed `aka_vcts`: other names of the type, which prove nothing and are not read further."""
    if "aka_vcts" not in payload:
        return
    others = payload["aka_vcts"]
    if not isinstance(others, list) or not others or payload.get("vct") in others:
        raise VerificationError(Check.FORMAT, "aka_vcts is empty, no array, or names the type itself")
