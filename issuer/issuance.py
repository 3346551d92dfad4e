# SPDX-License-Identifier: EUPL-1.2
"""OpenID4VCI 1.0, issuer's side: offer, token, nonce, credential, notification (pre-authorized code flow).

- A code is redeemed once; of two parallel redemptions one wins. Every try of a transaction code is counted before
  it is compared, and after `TX_CODE_TRIES` the code is dead even with the right one (section 13.6.3).
- Codes, tokens and nonces are found within one administration only: another's are unknown.
- A proof names its key itself, is for this issuer, is fresh and carries a nonce of ours, which serves once.
- Each copy has its own key, salts and entry in a status list; times are whole days, so that copies cannot be
  linked by them.
- With the credentials made, the claims are erased in the same transaction that records the copies.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from issuer import published
from issuer.credential_types import CredentialType
from issuer.offers import TX_CODE_DIGITS, Offers, not_found
from issuer.proofs import proven_keys, read_tokens
from issuer.records import Administration, Copy, Issuance, State, Store
from issuer.status import Entry, Statuses
from protocol import sd_jwt_vc
from protocol.clock import Clock
from protocol.errors import RequestError
from protocol.keys import PublicKey, Signer
from protocol.oauth.metadata import ServerMetadata
from protocol.openid4vci.credential_request import CredentialRequest
from protocol.openid4vci.credential_response import CredentialResponse
from protocol.openid4vci.metadata import IssuerMetadata
from protocol.openid4vci.notification import NotificationRequest
from protocol.openid4vci.offer import CredentialOffer, PreAuthorizedGrant, TxCode
from protocol.openid4vci.token import PreAuthorizedRequest, TokenResponse

TX_CODE_TRIES = 5
# longer access tokens would have to be bound to a key (section 13.10)
MAX_TOKEN_LIFETIME = timedelta(minutes=5)
_TOKEN_BYTES = 32


@dataclass(frozen=True)
class Rules:
    """How long things live, and how many copies a wallet may have."""

    batch_size: int
    token_lifetime: timedelta
    nonce_lifetime: timedelta


def invalid_token(message: str) -> RequestError:
    """Return the error of a token that opens nothing here (RFC 6750, section 3.1)."""
    return RequestError("invalid_token", message, status=401)


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
        statuses: Statuses,
        rules: Rules,
    ) -> None:
        self._store = store
        self._offers = offers
        self._clock = clock
        self._types = types
        self._public_url = public_url
        self._open_signer = open_signer
        self._statuses = statuses
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
        return published.issuer_metadata(
            self.identifier(administration_id),
            self.get_administration(administration_id),
            types=self._types,
            batch_size=self._rules.batch_size,
        )

    def server_metadata(self, administration_id: str) -> ServerMetadata:
        """Return what wallets need to know of its authorization server, which it is itself (RFC 8414)."""
        self.get_administration(administration_id)
        return published.server_metadata(
            self.identifier(administration_id), status_lists=self._statuses.aggregation_uri(administration_id)
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
            pre_authorized=PreAuthorizedGrant(
                self._offers.unseal(issuance).code, TxCode(input_mode="numeric", length=TX_CODE_DIGITS)
            ),
        )

    def redeem(self, administration_id: str, wanted: PreAuthorizedRequest) -> TokenResponse:
        """Return an access token for a code and its transaction code (section 6).

        Raises `RequestError`: `invalid_request` without transaction code, else `invalid_grant`.
        """
        self.get_administration(administration_id)
        now = self._clock.now()
        # (1) the code is one of this administration's, open and in time
        digest = self._offers.digest("code", administration_id, wanted.code)
        issuance = self._store.find_code(administration_id, digest)
        if issuance is None or issuance.digests is None:
            raise _invalid_grant("the code is unknown")
        if issuance.state is not State.OFFERED or self._offers.expire_if_over(issuance, now):
            raise _invalid_grant("the code was used, closed or has expired")
        # (2) the transaction code: each try is counted before it is compared
        wanted.check_tx_code(is_expected=True)
        if not self._store.charge_attempt(administration_id, issuance.id, limit=TX_CODE_TRIES):
            raise self._spent(issuance)
        given = self._offers.tx_digest(issuance.id, wanted.tx_code or "")
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
        return TokenResponse(
            access_token=token,
            token_type="Bearer",  # noqa: S106 - the type of token, not one
            expires_in=int(self._rules.token_lifetime.total_seconds()),
        )

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

    def issue(self, administration_id: str, issuance: Issuance, wanted: CredentialRequest) -> CredentialResponse:
        """Return one credential per proven key (section 8) and forget the claims.

        `issuance` comes from `check_token`. Raises `RequestError` with the codes of section 8.3.1.2.
        """
        administration = self.get_administration(administration_id)
        now = self._clock.now()
        # (1) what is wanted is what was offered
        configuration_id = wanted.get_configuration(granted=())
        if configuration_id not in administration.credential_types:
            raise RequestError("unknown_credential_configuration", "this issuer has no such configuration")
        if configuration_id != issuance.type_id:
            raise RequestError("credential_request_denied", "the token is for another document")
        if issuance.state is not State.REDEEMED:
            raise RequestError("credential_request_denied", "the document was collected already")
        # (2) every key is proven, for us and now
        keys, nonce = proven_keys(
            read_tokens(wanted.get_proofs()),
            expected_audience=self.identifier(administration_id),
            batch_size=self._rules.batch_size,
            now=now,
        )
        # (3) the nonce is ours and serves once
        if not self._store.take_nonce(
            administration_id, self._offers.digest("nonce", administration_id, nonce), now
        ):
            raise RequestError("invalid_nonce", "the nonce is unknown, used or has expired")
        # (4) take an entry for each copy and sign; then record the copies and erase the claims in one step
        entries = self._take_entries(issuance, len(keys))
        copies = self._make_copies(issuance, entries, now)
        credentials = self._sign(administration, issuance, keys, entries, copies[0])
        notification_id = secrets.token_urlsafe(16)
        digest = self._offers.digest("notification", issuance.id, notification_id)
        if not self._store.finish(administration_id, issuance.id, copies=copies, notification_digest=digest):
            raise RequestError("credential_request_denied", "the document was collected already")
        return CredentialResponse(credentials, notification_id)

    def notify(self, administration_id: str, issuance: Issuance, told: NotificationRequest) -> None:
        """Take the wallet's word on what became of the copies; repeating it changes nothing (section 11)."""
        given = self._offers.digest("notification", issuance.id, told.notification_id)
        if issuance.notification_digest is None or not hmac.compare_digest(given, issuance.notification_digest):
            raise RequestError("invalid_notification_id", "the notification identifier is unknown")
        self._store.note_event(administration_id, issuance.id, told.event.value)

    def _spent(self, issuance: Issuance) -> RequestError:
        """Kill the code if that was its last try, and return the error: it tells nobody how many are left."""
        self._store.lock(issuance.administration_id, issuance.id, limit=TX_CODE_TRIES)
        return _invalid_grant("the code or the transaction code is wrong")

    def _take_entries(self, issuance: Issuance, count: int) -> Sequence[Entry | None]:
        """Return an entry for each copy, or as many Nones. Entries of copies that are not signed are lost."""
        if not self._types[issuance.type_id].carries_status:
            return [None] * count
        return self._statuses.take(issuance.administration_id, count)

    def _make_copies(self, issuance: Issuance, entries: Sequence[Entry | None], now: datetime) -> tuple[Copy, ...]:
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
                status_list_id=entry.list_id if entry else None,
                status_index=entry.index if entry else None,
            )
            for entry in entries
        )

    def _sign(
        self,
        administration: Administration,
        issuance: Issuance,
        keys: Sequence[PublicKey],
        entries: Sequence[Entry | None],
        times: Copy,
    ) -> tuple[str, ...]:
        signer = self._open_signer(administration.signer_url)
        kind = self._types[issuance.type_id]
        claims = self._offers.unseal(issuance).claims
        return tuple(
            sd_jwt_vc.issue(
                claims,
                signer,
                selective=[(name,) for name in claims if name in kind.disclosable],
                x5c=administration.x5c,
                issuer=self.identifier(administration.id),
                vct=kind.vct,
                holder_key=key,
                status=entry.reference if entry else None,
                issued_at=times.issued_at,
                expires_at=times.expires_at,
            )
            for key, entry in zip(keys, entries, strict=True)
        )


def _invalid_grant(message: str) -> RequestError:
    return RequestError("invalid_grant", message)
