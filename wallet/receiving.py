# SPDX-License-Identifier: EUPL-1.2
"""Receiving documents: from an offer's link to a sealed document with its copies, in two phases."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from protocol.clock import Clock
from protocol.encoding import JSON, compact_json, get_member, parse_object
from protocol.errors import Check, Error, RequestError, VerificationError
from protocol.keys import PublicKey
from protocol.openid4vci.notification import NotificationEvent
from protocol.openid4vci.offer import OfferLink
from protocol.trust import TrustList
from wallet import receive, signing
from wallet.issuers import Issued, IssuerClient
from wallet.receive import Copy, Document, OpenOffer
from wallet.rows import Pending, SealedCopy, SealedItem, Store
from wallet.signing import Step
from wallet.vault import Sealer

# an offer at a counter lives minutes; the page may wait for the person to find their words
_OFFER_LIFETIME = timedelta(hours=1)
_PROOFS_LIFETIME = timedelta(minutes=10)
_OFFER, _PROOFS = "offer", "proofs"
# a key pair in PKCS#8, sealed, as base64url
_MAX_SEALED_KEY_CHARS = 1024


@dataclass(frozen=True)
class HolderKey:
    """A holder key's public part, and its private part as the citizen's device sealed it."""

    public: PublicKey
    sealed: str

    @classmethod
    def parse(cls, value: JSON) -> HolderKey:
        """Return the key of its JSON object."""
        match value:
            case {"jwk": jwk, "sealed": str(sealed)} if 0 < len(sealed) <= _MAX_SEALED_KEY_CHARS:
                return cls(PublicKey.parse_jwk(jwk), sealed)
        raise RequestError("invalid_request", "expected a holder key with its sealed private part")

    def to_json(self) -> dict[str, JSON]:
        """Return what `parse` reads."""
        return {"jwk": self.public.jwk(), "sealed": self.sealed}


@dataclass(frozen=True)
class Proofs:
    """What the holder keys are to sign, and where to bring the signatures."""

    id: str
    opened: OpenOffer
    access_token: str
    keys: tuple[HolderKey, ...]
    steps: tuple[Step, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return what `parse` reads."""
        return {
            "opened": self.opened.to_json(),
            "access_token": self.access_token,
            "keys": [key.to_json() for key in self.keys],
            "steps": [step.to_json() for step in self.steps],
        }

    @classmethod
    def parse(cls, identifier: str, value: dict[str, JSON]) -> Proofs:
        """Return the proofs that `to_json` wrote."""
        return cls(
            identifier,
            OpenOffer.parse(get_member(value, "opened", dict)),
            get_member(value, "access_token", str),
            tuple(HolderKey.parse(key) for key in get_member(value, "keys", list)),
            tuple(Step.parse(step) for step in get_member(value, "steps", list)),
        )


@dataclass(frozen=True)
class Received:
    """A document that was kept."""

    id: str
    document: Document


class Receiving:
    """The use cases of receiving."""

    def __init__(self, store: Store, issuers: IssuerClient, trust: TrustList, clock: Clock) -> None:
        self._store = store
        self._issuers = issuers
        self._trust = trust
        self._clock = clock

    def open(self, sealer: Sealer, parameters: Mapping[str, Sequence[str]]) -> str:
        """Read the offer of a link and keep it; return its identifier."""
        opened = self._issuers.open(OfferLink.parse(parameters))
        identifier = secrets.token_urlsafe(12)
        self._put(sealer, identifier, _OFFER, opened.to_json(), _OFFER_LIFETIME)
        return identifier

    def get_offer(self, sealer: Sealer, identifier: str) -> OpenOffer:
        """Return an offer. Raises `RequestError` (`not_found`)."""
        found = self._store.find_pending(sealer.actor, identifier, _OFFER, now=self._clock.now())
        if found is None:
            raise RequestError("offer_gone", "there is no such offer any more", status=404)
        return OpenOffer.parse(parse_object(sealer.unseal(_OFFER, identifier, 1, found.sealed)))

    def prepare(
        self, sealer: Sealer, identifier: str, *, tx_code: str | None, keys: Sequence[HolderKey]
    ) -> Proofs:
        """Redeem the offer's code and return what each holder key is to sign.

        Raises `RequestError` (`offer_code_wrong`) as the issuer decides; the offer stays for another try.
        """
        opened = self.get_offer(sealer, identifier)
        if not 1 <= len(keys) <= opened.copies or len({key.public for key in keys}) != len(keys):
            raise RequestError("invalid_request", f"expected 1 to {opened.copies} distinct holder keys")
        token = self._issuers.redeem(opened, tx_code)
        return self._prepare(sealer, opened, token, keys)

    def complete(self, sealer: Sealer, identifier: str, signatures: Sequence[bytes]) -> Received | Proofs:
        """Fetch, check and keep the document; or return new proofs to sign when the issuer wants a fresh nonce."""
        now = self._clock.now()
        found = self._store.take_pending(sealer.actor, identifier, _PROOFS, now=now)
        if found is None:
            raise RequestError("offer_gone", "there is nothing to complete any more", status=404)
        proofs = Proofs.parse(identifier, parse_object(sealer.unseal(_PROOFS, identifier, 1, found.sealed)))
        tokens = signing.complete(proofs.steps, signatures)
        try:
            issued = self._issuers.request(proofs.opened, proofs.access_token, tokens)
        except RequestError as exc:
            if exc.code != "invalid_nonce":
                raise
            return self._prepare(sealer, proofs.opened, proofs.access_token, proofs.keys)
        return self._accept(sealer, proofs, issued)

    def _prepare(self, sealer: Sealer, opened: OpenOffer, token: str, keys: Sequence[HolderKey]) -> Proofs:
        nonce = self._issuers.nonce(opened)
        steps = receive.prepare(opened, [key.public for key in keys], nonce=nonce, now=self._clock.now())
        proofs = Proofs(secrets.token_urlsafe(12), opened, token, tuple(keys), steps)
        self._put(sealer, proofs.id, _PROOFS, proofs.to_json(), _PROOFS_LIFETIME)
        return proofs

    def _accept(self, sealer: Sealer, proofs: Proofs, issued: Issued) -> Received:
        try:
            document, copies = receive.accept(
                proofs.opened,
                issued.credentials,
                keys=[key.public for key in proofs.keys],
                trust=self._trust,
                now=self._clock.now(),
            )
        except (VerificationError, RequestError) as exc:
            self._notify(proofs, issued, NotificationEvent.FAILURE)
            raise VerificationError(_check(exc), exc.message, code="credential_refused") from exc
        identifier = secrets.token_urlsafe(12)
        self._store.put_document(
            sealer.actor,
            SealedItem(
                identifier,
                1,
                sealer.seal("document", identifier, 1, compact_json(document.to_json())),
                document.received_at,
            ),
            [_seal_copy(sealer, identifier, copy, proofs.keys) for copy in copies],
        )
        self._notify(proofs, issued, NotificationEvent.ACCEPTED)
        return Received(identifier, document)

    def _notify(self, proofs: Proofs, issued: Issued, event: NotificationEvent) -> None:
        self._issuers.notify(proofs.opened, proofs.access_token, issued.notification_id, event)

    def _put(
        self, sealer: Sealer, identifier: str, kind: str, members: dict[str, JSON], lifetime: timedelta
    ) -> None:
        sealed = sealer.seal(kind, identifier, 1, compact_json(members))
        self._store.put_pending(sealer.actor, Pending(identifier, kind, sealed, self._clock.now() + lifetime))


def _check(error: Error) -> Check:
    return error.check if isinstance(error, VerificationError) else Check.FORMAT


def _seal_copy(sealer: Sealer, document_id: str, copy: Copy, keys: Sequence[HolderKey]) -> SealedCopy:
    sealed_key = next(key.sealed for key in keys if key.public == copy.holder_key)
    identifier = secrets.token_urlsafe(12)
    members = {**copy.to_json(), "sealed_key": sealed_key}
    return SealedCopy(identifier, document_id, 1, sealer.seal("copy", identifier, 1, compact_json(members)), None)
