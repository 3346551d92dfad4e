# SPDX-License-Identifier: EUPL-1.2
"""From claims to an offer that a wallet can collect, and what its page shows.

- The pre-authorized code and the offer's address are 256-bit random texts; the transaction code has six digits
  and counts its tries (OpenID4VCI 1.0, section 13.6).
- Claims and codes are sealed together in the issuance until it ends.
- Only the person whom it is about sees an issuance's page: the session's digest must be the issuance's.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from issuer.claim_rules import Claim
from issuer.records import Issuance, OfferDigests, Person, State, Store
from issuer.sealing import Seals
from protocol.clock import Clock
from protocol.encoding import JSON, get_member
from protocol.errors import RequestError

TX_CODE_DIGITS = 6
_PURPOSE = "issuance"
_TOKEN_BYTES = 32


@dataclass(frozen=True)
class Secrets:
    """What an `offered` issuance holds sealed."""

    claims: Mapping[str, JSON] = field(repr=False)
    offer_token: str = field(repr=False)
    code: str = field(repr=False)
    tx_code: str = field(repr=False)

    @classmethod
    def make(cls, claims: Mapping[str, JSON]) -> Secrets:
        """Return the claims with fresh codes."""
        return cls(
            claims=claims,
            offer_token=secrets.token_urlsafe(_TOKEN_BYTES),
            code=secrets.token_urlsafe(_TOKEN_BYTES),
            tx_code=f"{secrets.randbelow(10**TX_CODE_DIGITS):0{TX_CODE_DIGITS}}",
        )


@dataclass(frozen=True)
class View:
    """What the page of an issuance shows: the codes while it is offered, the candidates while one is chosen."""

    issuance: Issuance
    secrets: Secrets | None = None
    choices: tuple[Mapping[str, JSON], ...] = field(default=(), repr=False)


def not_found() -> RequestError:
    """Return the error of something that is not there, or is another's."""
    return RequestError("not_found", "nothing here", status=404)


class Offers:
    """Makes offers and shows them to whom they are for."""

    def __init__(self, store: Store, seals: Seals, clock: Clock, *, lifetime: timedelta) -> None:
        self._store = store
        self._seals = seals
        self._clock = clock
        self._lifetime = lifetime

    def add(
        self,
        administration_id: str,
        type_id: str,
        person: Person,
        documents: Sequence[Mapping[str, Claim]],
        *,
        return_url: str,
        reference: str,
    ) -> str:
        """Keep the documents and return the issuance: offered when it is one, else to be chosen first."""
        now = self._clock.now()
        self._store.erase_expired(administration_id, now)
        issuance_id = secrets.token_urlsafe(16)
        digests: OfferDigests | None = None
        if len(documents) == 1:
            state = State.OFFERED
            sealed, digests = self._seal_offer(administration_id, issuance_id, dict(documents[0]))
        else:
            state = State.CHOOSING
            choices: list[JSON] = [dict(document) for document in documents]
            sealed = self._seals.seal({"choices": choices}, purpose=_PURPOSE, owner=issuance_id)
        self._store.add_issuance(
            Issuance(
                id=issuance_id,
                administration_id=administration_id,
                type_id=type_id,
                person=person,
                state=state,
                created_at=now,
                expires_at=now + self._lifetime,
                sealed=sealed,
                digests=digests,
                return_url=return_url,
                reference=reference,
            )
        )
        return issuance_id

    def add_refused(
        self,
        administration_id: str,
        type_id: str,
        person: Person,
        *,
        reason: str,
        return_url: str,
        reference: str,
    ) -> str:
        """Keep that nothing could be offered, and why, and return the issuance."""
        now = self._clock.now()
        issuance_id = secrets.token_urlsafe(16)
        self._store.add_issuance(
            Issuance(
                id=issuance_id,
                administration_id=administration_id,
                type_id=type_id,
                person=person,
                state=State.REFUSED,
                created_at=now,
                expires_at=now + self._lifetime,
                reason=reason,
                return_url=return_url,
                reference=reference,
            )
        )
        return issuance_id

    def choose(self, administration_id: str, issuance_id: str, person: Person, index: int) -> None:
        """Offer one of several documents; the others are forgotten. Raises `RequestError` when it is not there."""
        view = self.view(administration_id, issuance_id, person)
        if view.issuance.state is not State.CHOOSING:
            return
        if not 0 <= index < len(view.choices):
            raise RequestError("invalid_request", "there is no such document to choose")
        sealed, digests = self._seal_offer(administration_id, issuance_id, view.choices[index])
        until = self._clock.now() + self._lifetime
        self._store.offer(administration_id, issuance_id, sealed=sealed, digests=digests, until=until)

    def view(self, administration_id: str, issuance_id: str, person: Person) -> View:
        """Return what the person's page shows. Raises `RequestError` (`not_found`) for anybody else."""
        now = self._clock.now()
        self._store.erase_expired(administration_id, now)
        issuance = self._store.find_issuance(administration_id, issuance_id)
        if issuance is None or not hmac.compare_digest(issuance.person, person):
            raise not_found()
        if issuance.sealed is None:
            return View(issuance)
        if issuance.state is State.CHOOSING:
            opened = self._seals.unseal(issuance.sealed, purpose=_PURPOSE, owner=issuance_id)
            found = get_member(opened, "choices", list)
            return View(issuance, choices=tuple(item for item in found if isinstance(item, dict)))
        return View(issuance, secrets=self.unseal(issuance))

    def unseal(self, issuance: Issuance) -> Secrets:
        """Return what an offered or redeemed issuance holds."""
        if issuance.sealed is None:
            raise not_found()
        opened = self._seals.unseal(issuance.sealed, purpose=_PURPOSE, owner=issuance.id)
        return Secrets(
            claims=get_member(opened, "claims", dict),
            offer_token=get_member(opened, "offer_token", str),
            code=get_member(opened, "code", str),
            tx_code=get_member(opened, "tx_code", str),
        )

    def tx_digest(self, issuance_id: str, tx_code: str) -> bytes:
        """Return the digest that a transaction code is compared by."""
        return self._seals.digest("tx_code", issuance_id, tx_code)

    def digest(self, kind: str, administration_id: str, value: str) -> bytes:
        """Return the digest that a code, token or nonce of one administration is found by."""
        return self._seals.digest(kind, administration_id, value)

    def expire_if_over(self, issuance: Issuance, now: datetime) -> bool:
        """Return whether the issuance's time has passed; if so it is ended and its claims erased at once."""
        if issuance.is_expired(now):
            self._store.erase_expired(issuance.administration_id, now)
            return True
        return False

    def _seal_offer(
        self, administration_id: str, issuance_id: str, claims: Mapping[str, JSON]
    ) -> tuple[bytes, OfferDigests]:
        made = Secrets.make(claims)
        value: dict[str, JSON] = {
            "claims": dict(made.claims),
            "offer_token": made.offer_token,
            "code": made.code,
            "tx_code": made.tx_code,
        }
        return self._seals.seal(value, purpose=_PURPOSE, owner=issuance_id), OfferDigests(
            offer=self.digest("offer", administration_id, made.offer_token),
            code=self.digest("code", administration_id, made.code),
            tx_code=self.tx_digest(issuance_id, made.tx_code),
        )
