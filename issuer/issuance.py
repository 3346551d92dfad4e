# SPDX-License-Identifier: EUPL-1.2
"""OpenID4VCI 1.0, issuer's side: offer, token, nonce, credential, notification (pre-authorized code flow).

- A code is redeemed once; of two parallel redemptions one wins. Every try of a transaction code is counted before
  it is compared, and after `TX_CODE_TRIES` the code is dead even with the right one (section 13.6.3).
- Codes, tokens and nonces are found within one administration only: another's are unknown.
- A proof names its key itself, is for this issuer, is fresh and carries a nonce of ours, which serves once.
- Each copy has its own key and salts; times are whole days, so that copies cannot be linked by them.
- With the credentials made, the claims are erased in the same transaction that records the copies.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from issuer.credential_types import CredentialType
from issuer.offers import TX_CODE_DIGITS, Offers, not_found
from issuer.records import Administration, Copy, Issuance, State, Store
from protocol import sd_jwt_vc
from protocol.clock import Clock
from protocol.errors import RequestError
from protocol.keys import PublicKey, Signer
from protocol.openid4vci import (
    CredentialConfiguration,
    CredentialOffer,
    CredentialRequest,
    IssuerMetadata,
    TokenRequest,
    verify_proof,
)

TX_CODE_TRIES = 5
# longer access tokens would have to be bound to a key (section 13.10)
MAX_TOKEN_LIFETIME = timedelta(minutes=5)
EVENTS = frozenset({"credential_accepted", "credential_failure", "credential_deleted"})
_TOKEN_BYTES = 32


@dataclass(frozen=True)
class Rules:
    """How long things live, and how many copies a wallet may have."""

    batch_size: int
    token_lifetime: timedelta
    nonce_lifetime: timedelta


@dataclass(frozen=True)
class AccessToken:
    """A bearer token for one document."""

    value: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True)
class Issued:
    """The copies of one document, and what the wallet reports on them by."""

    credentials: tuple[str, ...] = field(repr=False)
    notification_id: str


def invalid_token(message: str) -> RequestError:
    """Return the error of a token that opens nothing here (RFC 6750, section 3.1)."""
    return RequestError("invalid_token", message, status=401)


def proven_keys(
    proofs: Sequence[str], *, expected_audience: str, batch_size: int, now: datetime
) -> tuple[tuple[PublicKey, ...], str]:
    """Return the keys of the proofs and the nonce they share; whether that nonce is ours the caller still owes.

    Raises `RequestError` (`invalid_proof`).
    """
    if len(proofs) > batch_size:
        raise RequestError("invalid_proof", f"expected at most {batch_size} proofs, got {len(proofs)}")
    verified = [verify_proof(proof, expected_audience=expected_audience, now=now) for proof in proofs]
    keys = tuple(proof.key for proof in verified)
    nonces = {proof.nonce for proof in verified}
    if len({key.thumbprint() for key in keys}) != len(keys):
        raise RequestError("invalid_proof", "two proofs are for the same key")
    if len(nonces) != 1:
        raise RequestError("invalid_proof", "expected one nonce in all proofs")
    return keys, nonces.pop()


def whole_day(moment: datetime) -> datetime:
    """Return the beginning of the day."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


class Issuer:
    """The use cases that wallets call."""

    def __init__(
        self,
        store: Store,
        offers: Offers,
        clock: Clock,
        *,
        types: Mapping[str, CredentialType],
        public_url: str,
        open_signer: Callable[[str], Signer],
        rules: Rules,
    ) -> None:
        self._store = store
        self._offers = offers
        self._clock = clock
        self._types = types
        self._public_url = public_url
        self._open_signer = open_signer
        self._rules = rules

    def identifier(self, administration_id: str) -> str:
        """Return the credential issuer identifier."""
        return f"{self._public_url}/{administration_id}"

    def get_administration(self, administration_id: str) -> Administration:
        """Return the administration. Raises `RequestError` (`not_found`)."""
        found = self._store.find_administration(administration_id)
        if found is None:
            raise not_found()
        return found

    def metadata(self, administration_id: str) -> IssuerMetadata:
        """Return what wallets need to know of this issuer (section 12.2)."""
        administration = self.get_administration(administration_id)
        identifier = self.identifier(administration_id)
        return IssuerMetadata(
            issuer=identifier,
            token_endpoint=f"{identifier}/token",
            nonce_endpoint=f"{identifier}/nonce",
            credential_endpoint=f"{identifier}/credential",
            notification_endpoint=f"{identifier}/notification",
            batch_size=self._rules.batch_size,
            names=administration.names,
            configurations={name: _configuration(self._types[name]) for name in administration.credential_types},
        )

    def get_offer(self, administration_id: str, offer_token: str) -> CredentialOffer:
        """Return an offer by reference, as often as asked while it can be redeemed (section 4.1.3)."""
        self.get_administration(administration_id)
        digest = self._offers.digest("offer", administration_id, offer_token)
        issuance = self._store.find_offer(administration_id, digest)
        if issuance is None or self._offers.expire_if_over(issuance, self._clock.now()):
            raise not_found()
        if issuance.state is not State.OFFERED:
            raise not_found()
        return CredentialOffer(
            issuer=self.identifier(administration_id),
            configuration_ids=(issuance.type_id,),
            pre_authorized_code=self._offers.unseal(issuance).code,
            tx_code_length=TX_CODE_DIGITS,
        )

    def redeem(self, administration_id: str, wanted: TokenRequest) -> AccessToken:
        """Return an access token for a code and its transaction code (section 6).

        Raises `RequestError`: `invalid_request` without transaction code, else `invalid_grant`.
        """
        self.get_administration(administration_id)
        now = self._clock.now()
        # (1) the code is one of this administration's, open and in time
        digest = self._offers.digest("code", administration_id, wanted.pre_authorized_code)
        issuance = self._store.find_code(administration_id, digest)
        if issuance is None or issuance.digests is None:
            raise _invalid_grant("the code is unknown")
        if issuance.state is not State.OFFERED or self._offers.expire_if_over(issuance, now):
            raise _invalid_grant("the code was used, closed or has expired")
        # (2) the transaction code: each try is counted before it is compared
        if wanted.tx_code is None:
            raise RequestError("invalid_request", "tx_code is missing")
        if not self._store.charge_attempt(administration_id, issuance.id, limit=TX_CODE_TRIES):
            raise self._spent(issuance)
        given = self._offers.tx_digest(issuance.id, wanted.tx_code)
        if not hmac.compare_digest(given, issuance.digests.tx_code):
            raise self._spent(issuance)
        # (3) take the code: one redemption wins
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        taken = self._store.redeem(
            administration_id,
            issuance.id,
            token_digest=self._offers.digest("token", administration_id, token),
            until=now + self._rules.token_lifetime,
        )
        if not taken:
            raise _invalid_grant("the code was used")
        return AccessToken(token, expires_in=int(self._rules.token_lifetime.total_seconds()))

    def new_nonce(self, administration_id: str) -> str:
        """Return a fresh nonce (section 7)."""
        self.get_administration(administration_id)
        now = self._clock.now()
        self._store.erase_expired(administration_id, now)
        nonce = secrets.token_urlsafe(_TOKEN_BYTES)
        self._store.add_nonce(
            administration_id,
            self._offers.digest("nonce", administration_id, nonce),
            now + self._rules.nonce_lifetime,
        )
        return nonce

    def check_token(self, administration_id: str, token: str) -> Issuance:
        """Return the issuance of a living token. Raises `RequestError` (`invalid_token`, 401)."""
        self.get_administration(administration_id)
        digest = self._offers.digest("token", administration_id, token)
        issuance = self._store.find_token(administration_id, digest)
        if issuance is None:
            raise invalid_token("the access token is unknown")
        if self._offers.expire_if_over(issuance, self._clock.now()):
            raise invalid_token("the access token has expired")
        return issuance

    def issue(self, administration_id: str, issuance: Issuance, wanted: CredentialRequest) -> Issued:
        """Return one credential per proven key (section 8) and forget the claims.

        `issuance` comes from `check_token`. Raises `RequestError` with the codes of section 8.3.1.2.
        """
        administration = self.get_administration(administration_id)
        now = self._clock.now()
        # (1) what is wanted is what was offered
        if wanted.configuration_id not in administration.credential_types:
            raise RequestError("unknown_credential_configuration", "this issuer has no such configuration")
        if wanted.configuration_id != issuance.type_id:
            raise RequestError("credential_request_denied", "the token is for another document")
        if issuance.state is not State.REDEEMED:
            raise RequestError("credential_request_denied", "the document was collected already")
        # (2) every key is proven, for us and now
        keys, nonce = proven_keys(
            wanted.proofs,
            expected_audience=self.identifier(administration_id),
            batch_size=self._rules.batch_size,
            now=now,
        )
        # (3) the nonce is ours and serves once
        if not self._store.take_nonce(
            administration_id, self._offers.digest("nonce", administration_id, nonce), now
        ):
            raise RequestError("invalid_nonce", "the nonce is unknown, used or has expired")
        # (4) sign; then record the copies and erase the claims in one step
        copies = self._make_copies(issuance, len(keys), now)
        credentials = self._sign(administration, issuance, keys, copies[0])
        notification_id = secrets.token_urlsafe(16)
        digest = self._offers.digest("notification", issuance.id, notification_id)
        if not self._store.finish(administration_id, issuance.id, copies=copies, notification_digest=digest):
            raise RequestError("credential_request_denied", "the document was collected already")
        return Issued(credentials, notification_id)

    def notify(self, administration_id: str, issuance: Issuance, notification_id: str, event: str) -> None:
        """Take the wallet's word on what became of the copies; repeating it changes nothing (section 11)."""
        given = self._offers.digest("notification", issuance.id, notification_id)
        if issuance.notification_digest is None or not hmac.compare_digest(given, issuance.notification_digest):
            raise RequestError("invalid_notification_id", "the notification identifier is unknown")
        if event not in EVENTS:
            raise RequestError("invalid_notification_request", f"expected one of {', '.join(sorted(EVENTS))}")
        self._store.note_event(administration_id, issuance.id, event)

    def _spent(self, issuance: Issuance) -> RequestError:
        """Kill the code if that was its last try, and return the error: it tells nobody how many are left."""
        self._store.lock(issuance.administration_id, issuance.id, limit=TX_CODE_TRIES)
        return _invalid_grant("the code or the transaction code is wrong")

    def _make_copies(self, issuance: Issuance, count: int, now: datetime) -> tuple[Copy, ...]:
        issued_at = whole_day(now)
        expires_at = issued_at + self._types[issuance.type_id].validity
        return tuple(
            Copy(
                id=secrets.token_hex(16),
                administration_id=issuance.administration_id,
                issuance_id=issuance.id,
                type_id=issuance.type_id,
                issued_at=issued_at,
                expires_at=expires_at,
            )
            for _ in range(count)
        )

    def _sign(
        self, administration: Administration, issuance: Issuance, keys: Sequence[PublicKey], times: Copy
    ) -> tuple[str, ...]:
        signer = self._open_signer(administration.signer_url)
        claims = self._offers.unseal(issuance).claims
        return tuple(
            sd_jwt_vc.issue(
                claims,
                signer,
                selective=[(name,) for name in claims],
                x5c=administration.x5c,
                issuer=self.identifier(administration.id),
                vct=self._types[issuance.type_id].vct,
                holder_key=key,
                status=None,
                issued_at=times.issued_at,
                expires_at=times.expires_at,
            )
            for key in keys
        )


def _invalid_grant(message: str) -> RequestError:
    return RequestError("invalid_grant", message)


def _configuration(kind: CredentialType) -> CredentialConfiguration:
    labels = {rule.name: rule.label for rule in kind.claim_rules}
    return CredentialConfiguration(id=kind.id, vct=kind.vct, names=kind.name, labels=labels)
