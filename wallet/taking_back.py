# SPDX-License-Identifier: EUPL-1.2
"""Taking back: withdrawing a consent or authorisation, objecting, asking erasure; and what becomes of it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ledger.client import LedgerClient
from ledger.record import RecordType, TakeBack
from protocol.clock import Clock
from protocol.encoding import JSON, compact_json, get_member, parse_object
from protocol.errors import RequestError, StoreConflictError
from protocol.trust import TrustList
from wallet import take_back
from wallet.consent import TAKE_BACKS, TakeBackRequest
from wallet.rows import Pending, SealedItem, Store
from wallet.share import SENT, Share
from wallet.sharing import Sharing
from wallet.take_back import TakeBackState, TakenBack
from wallet.vault import Sealer
from wallet.verifiers import VerifierClient

_SIGNING, _TAKE_BACK = "take-back-signing", "take-back"
_SIGNING_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True)
class TakeBackSigning:
    """What the share's consent key is to sign, and where to bring the signature."""

    id: str
    request: TakeBackRequest
    sealed_consent_key: str


class TakingBack:
    """The use cases of taking back."""

    def __init__(
        self,
        store: Store,
        sharing: Sharing,
        verifiers: VerifierClient,
        ledger: LedgerClient,
        trust: TrustList,
        clock: Clock,
        *,
        log_origin: str,
    ) -> None:
        self._store = store
        self._sharing = sharing
        self._verifiers = verifiers
        self._ledger = ledger
        self._trust = trust
        self._clock = clock
        self._log = log_origin

    def choices(self, share: Share, taken: Sequence[TakenBack]) -> tuple[TakeBack, ...]:
        """Return what the person may still ask for, by the legal basis of the share."""
        if share.state not in SENT or share.withdrawal_uri is None:
            return ()
        asked = {each.kind for each in taken}
        erased = any(each.last_answer and each.last_answer.type is RecordType.ERASED for each in taken)
        return () if erased else tuple(kind for kind in TAKE_BACKS[share.legal_basis] if kind not in asked)

    def prepare(self, sealer: Sealer, share_id: str, kind: TakeBack) -> TakeBackSigning:
        """Return what is to be signed. Raises `RequestError` when this cannot be asked for (any more)."""
        share = self._sharing.get(sealer, share_id)
        if kind not in self.choices(share, self.of_share(sealer, share_id)):
            raise RequestError("take_back_impossible", "this was asked for already, or cannot be", status=409)
        request = take_back.prepare(share, kind, log=self._log, now=self._clock.now())
        identifier = secrets.token_urlsafe(12)
        members: dict[str, JSON] = {"share": share_id, "request": request.to_json()}
        sealed = sealer.seal(_SIGNING, identifier, 1, compact_json(members))
        expires_at = self._clock.now() + _SIGNING_LIFETIME
        self._store.put_pending(sealer.actor, Pending(identifier, _SIGNING, sealed, expires_at))
        return TakeBackSigning(identifier, request, share.sealed_consent_key)

    def complete(self, sealer: Sealer, identifier: str, signatures: Sequence[bytes]) -> str:
        """Record it, have it promised, send it; return the identifier of the share.

        Raises `UnavailableError` (`ledger_unavailable`) when there is no promise: then nothing was asked.
        """
        now = self._clock.now()
        found = self._store.take_pending(sealer.actor, identifier, _SIGNING, now=now)
        if found is None:
            raise RequestError("request_gone", "there is nothing to complete any more", status=404)
        members = parse_object(sealer.unseal(_SIGNING, identifier, 1, found.sealed))
        share_id = get_member(members, "share", str)
        taken = take_back.promise(
            TakeBackRequest.parse(get_member(members, "request", dict)),
            signatures,
            add_entry=self._ledger.add_entry,
            trust=self._trust,
            now=now,
        )
        self._store.put_take_back(sealer.actor, share_id, _seal(sealer, identifier, 1, taken))
        self.follow(sealer, share_id)
        return share_id

    def of_share(self, sealer: Sealer, share_id: str) -> list[TakenBack]:
        """Return the take-backs of a share, oldest first."""
        return [_open(sealer, row) for row in self._store.take_backs(sealer.actor, share_id)]

    def follow(self, sealer: Sealer, share_id: str) -> list[TakenBack]:
        """Send what has not arrived, ask what became of the rest; return the take-backs as they are now."""
        share = self._sharing.get(sealer, share_id)
        return [self._follow(sealer, share, row) for row in self._store.take_backs(sealer.actor, share_id)]

    def _follow(self, sealer: Sealer, share: Share, row: SealedItem) -> TakenBack:
        kept = _open(sealer, row)
        moved = kept
        if kept.state is TakeBackState.PROMISED:
            moved = take_back.deliver(kept, share, send=self._verifiers.take_back)
        elif not _is_final(kept):
            moved = take_back.follow(
                kept, share, ask=self._verifiers.take_back_status, trust=self._trust, now=self._clock.now()
            )
        if moved != kept:
            try:
                self._store.update_take_back(sealer.actor, _seal(sealer, row.id, row.version + 1, moved))
            except StoreConflictError:
                # another page followed it in the meantime; the next one shows the same
                return moved
        return moved


def _is_final(taken: TakenBack) -> bool:
    answer = taken.last_answer
    return answer is not None and answer.type in {RecordType.ERASED, RecordType.REFUSAL_TO_ERASE}


def _seal(sealer: Sealer, identifier: str, version: int, content: TakenBack) -> SealedItem:
    sealed = sealer.seal(_TAKE_BACK, identifier, version, compact_json(content.to_json()))
    return SealedItem(identifier, version, sealed, content.requested_at, content.state.value)


def _open(sealer: Sealer, row: SealedItem) -> TakenBack:
    return TakenBack.parse(parse_object(sealer.unseal(_TAKE_BACK, row.id, row.version, row.sealed)))
