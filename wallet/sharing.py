# SPDX-License-Identifier: EUPL-1.2
"""Sharing: from a request's link to the office's outcome, in two phases; record, promise, send.

The identifier of a request is the identifier of the share that answers it, so opening the same link again leads to
what was decided, and a request is answered once.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from ledger.client import LedgerClient
from protocol.clock import Clock
from protocol.dcql import check_formats
from protocol.encoding import JSON, compact_json, get_member, parse_object
from protocol.errors import Error, RequestError, StoreConflictError
from protocol.keys import PublicKey
from protocol.openid4vp import RequestLink, VerifiedRequest, verify_request
from protocol.trust import TrustList
from wallet import present, share
from wallet.documents import Documents, OpenedCopy
from wallet.matching import Held, Match, Shown, match, show
from wallet.present import Choice, PreparedShare
from wallet.rows import Pending, SealedCopy, SealedItem, Store
from wallet.share import UNSETTLED, Share, SharedDocument, ShareState
from wallet.signing import Step
from wallet.vault import Sealer
from wallet.verifiers import FetchedRequest, VerifierClient

_REQUEST, _SIGNING, _SHARE = "request", "signing", "share"
_SIGNING_LIFETIME = timedelta(minutes=10)
# a key pair in PKCS#8, sealed, as base64url
_MAX_SEALED_KEY_CHARS = 1024


@dataclass(frozen=True)
class Candidate:
    """A document that would do, with exactly what would be shown of it."""

    held: Held
    shown: Shown


@dataclass(frozen=True)
class Asked:
    """One document asked for, and the ones held that would do."""

    match: Match
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Decision:
    """What the person has to decide about."""

    id: str
    verified: VerifiedRequest
    asked: tuple[Asked, ...]

    @property
    def missing(self) -> tuple[Asked, ...]:
        """What is asked for and not held."""
        return tuple(each for each in self.asked if not each.candidates)


@dataclass(frozen=True)
class Signing:
    """What the citizen's keys are to sign, and where to bring the signatures."""

    id: str
    prepared: PreparedShare
    # thumbprint → holder key as the citizen's device sealed it
    sealed_keys: Mapping[str, str]

    @property
    def steps(self) -> tuple[Step, ...]:
        """What is to be signed."""
        return self.prepared.steps


class Sharing:
    """The use cases of sharing."""

    def __init__(
        self,
        store: Store,
        documents: Documents,
        verifiers: VerifierClient,
        ledger: LedgerClient,
        trust: TrustList,
        clock: Clock,
        *,
        log_origin: str,
    ) -> None:
        self._store = store
        self._documents = documents
        self._verifiers = verifiers
        self._ledger = ledger
        self._trust = trust
        self._clock = clock
        self._log = log_origin

    def open(self, sealer: Sealer, parameters: Mapping[str, str]) -> str:
        """Fetch and verify the request of a link and keep it; return its identifier.

        Raises `RequestError` or `VerificationError` when it must not even be shown as a choice.
        """
        fetched = self._verifiers.fetch_request(RequestLink.parse(parameters))
        verified = self._verify(fetched)
        request = verified.request
        check_formats(request.query)
        identifier = sealer.identify(_REQUEST, request.client_id, request.nonce)
        sealed = sealer.seal(_REQUEST, identifier, 1, compact_json(fetched.to_json()))
        self._store.put_pending(sealer.actor, Pending(identifier, _REQUEST, sealed, request.expires_at))
        return identifier

    def is_decided(self, sealer: Sealer, identifier: str) -> bool:
        """Whether this request was answered or refused."""
        row = self._store.find_share(sealer.actor, identifier)
        return row is not None and row.state != ShareState.PREPARED

    def get_decision(self, sealer: Sealer, identifier: str) -> Decision:
        """Return what is to be decided. Raises `RequestError` (`request_gone`) when the request has expired."""
        verified = self._verify(self._fetched(sealer, identifier))
        query = verified.request.query
        matches = match(query, self._documents.held(sealer), now=self._clock.now())
        asked = tuple(
            Asked(each, tuple(Candidate(held, self._shown(sealer, each, held)) for held in each.candidates))
            for each in matches
        )
        return Decision(identifier, verified, asked)

    def prepare(
        self,
        sealer: Sealer,
        identifier: str,
        *,
        consent_key: PublicKey,
        chosen: Mapping[str, str],
        language: str,
    ) -> Signing:
        """Return what is to be signed. Raises `RequestError` (`access_denied`) when a document is missing.

        `chosen` says which document answers which part of the request, where several would do.
        """
        decision = self.get_decision(sealer, identifier)
        picked = [self._pick(sealer, asked, chosen) for asked in decision.asked]
        prepared = present.prepare(
            decision.verified,
            [choice for choice, _, _ in picked],
            consent_key=consent_key,
            log=self._log,
            language=language,
            now=self._clock.now(),
        )
        signing_id = secrets.token_urlsafe(12)
        members: dict[str, JSON] = {
            "request": identifier,
            "prepared": prepared.to_json(),
            "documents": [SharedDocument.of(choice.document, values).to_json() for choice, _, values in picked],
            "were_shown": [opened.row.shown_at is not None for _, opened, _ in picked],
        }
        sealed = sealer.seal(_SIGNING, signing_id, 1, compact_json(members))
        expires_at = self._clock.now() + _SIGNING_LIFETIME
        self._store.put_pending(sealer.actor, Pending(signing_id, _SIGNING, sealed, expires_at))
        keys = {opened.copy.holder_key.thumbprint(): opened.sealed_key for _, opened, _ in picked}
        return Signing(signing_id, prepared, keys)

    def complete(
        self, sealer: Sealer, signing_id: str, signatures: Sequence[bytes], *, sealed_consent_key: str
    ) -> str:
        """Record, have it promised, send; return the share's identifier, however it was settled.

        Raises `UnavailableError` (`ledger_unavailable`) when there is no promise: then nothing was sent and the
        request can be decided again.
        """
        now = self._clock.now()
        found = self._store.take_pending(sealer.actor, signing_id, _SIGNING, now=now)
        if found is None or not 0 < len(sealed_consent_key) <= _MAX_SEALED_KEY_CHARS:
            raise RequestError("request_gone", "there is nothing to complete any more", status=404)
        members = parse_object(sealer.unseal(_SIGNING, signing_id, 1, found.sealed))
        identifier = get_member(members, "request", str)
        prepared = PreparedShare.parse(get_member(members, "prepared", dict))
        verified = self._verify(self._fetched(sealer, identifier))
        signed = present.sign(prepared, signatures)
        copies = self._copies(sealer, prepared, get_member(members, "were_shown", list))
        documents = tuple(SharedDocument.parse(each) for each in get_member(members, "documents", list))
        begun = share.with_signatures(
            share.begin(verified, documents, now=now), signed, sealed_consent_key=sealed_consent_key
        )
        self._store.put_share(sealer.actor, _seal(sealer, identifier, 1, begun))
        try:
            promised = share.promise(
                begun,
                verified.request,
                signed,
                add_entry=self._ledger.add_entry,
                trust=self._trust,
                now=self._clock.now(),
            )
            self._store.promise_share(sealer.actor, _seal(sealer, identifier, 2, promised), copies, now=now)
        except Error:
            # nothing was sent: the note that it was about to be goes, the request stays open
            self._store.delete_share(sealer.actor, identifier, state=ShareState.PREPARED)
            raise
        self.settle(sealer, identifier)
        return identifier

    def refuse(self, sealer: Sealer, identifier: str) -> None:
        """Say no: to the verifier as if the document were not held; only this wallet keeps a note."""
        verified = self._verify(self._fetched(sealer, identifier))
        said_no = replace(share.begin(verified, (), now=self._clock.now()), state=ShareState.REFUSED)
        self._store.put_share(sealer.actor, _seal(sealer, identifier, 1, said_no))
        self._verifiers.decline(verified.request)

    def get(self, sealer: Sealer, identifier: str) -> Share:
        """Return a share or a refusal. Raises `RequestError` (`not_found`)."""
        return _open(sealer, self._row(sealer, identifier))

    def history(self, sealer: Sealer) -> list[tuple[str, Share]]:
        """Return shares and refusals, newest first."""
        rows = self._store.shares(sealer.actor)
        return [(row.id, _open(sealer, row)) for row in rows if row.state != ShareState.PREPARED]

    def settle(self, sealer: Sealer, identifier: str) -> Share:
        """Send an unsettled share again, with the same bytes, while its request lives; return it as it is now."""
        row = self._row(sealer, identifier)
        kept = _open(sealer, row)
        if kept.state not in UNSETTLED:
            return kept
        settled = share.deliver(kept, send=self._verifiers.deliver, trust=self._trust, now=self._clock.now())
        if settled == kept:
            return kept
        try:
            self._store.update_share(sealer.actor, _seal(sealer, identifier, row.version + 1, settled))
        except StoreConflictError:
            # another page settled it in the meantime
            return self.get(sealer, identifier)
        return settled

    def forget_refusal(self, sealer: Sealer, identifier: str) -> None:
        """Delete the note of a refusal."""
        self._store.delete_share(sealer.actor, identifier, state=ShareState.REFUSED)

    def _row(self, sealer: Sealer, identifier: str) -> SealedItem:
        row = self._store.find_share(sealer.actor, identifier)
        if row is None or row.state == ShareState.PREPARED:
            raise RequestError("not_found", "there is no such share", status=404)
        return row

    def _fetched(self, sealer: Sealer, identifier: str) -> FetchedRequest:
        found = self._store.find_pending(sealer.actor, identifier, _REQUEST, now=self._clock.now())
        if found is None:
            raise RequestError("request_gone", "there is no such request any more", status=404)
        return FetchedRequest.parse(parse_object(sealer.unseal(_REQUEST, identifier, 1, found.sealed)))

    def _verify(self, fetched: FetchedRequest) -> VerifiedRequest:
        return verify_request(
            fetched.token,
            expected_client_id=fetched.client_id,
            expected_wallet_nonce=fetched.wallet_nonce,
            transaction_types=present.TRANSACTION_TYPES,
            trust=self._trust,
            now=self._clock.now(),
        )

    def _shown(self, sealer: Sealer, asked: Match, held: Held) -> Shown:
        return show(asked.query, asked.paths[held.id], self._documents.next_copy(sealer, held.id).copy)

    def _pick(
        self, sealer: Sealer, asked: Asked, chosen: Mapping[str, str]
    ) -> tuple[Choice, OpenedCopy, Mapping[str, JSON]]:
        query_id = asked.match.query.id
        wanted = chosen.get(query_id)
        found = next((each for each in asked.candidates if wanted in {None, each.held.id}), None)
        if found is None:
            raise RequestError("access_denied", "a document that is asked for is missing")
        opened = self._documents.next_copy(sealer, found.held.id)
        paths = asked.match.paths[found.held.id]
        choice = Choice(query_id, opened.row.id, found.held.document, opened.copy, paths)
        return choice, opened, found.shown.values

    def _copies(self, sealer: Sealer, prepared: PreparedShare, were_shown: Sequence[JSON]) -> list[SealedCopy]:
        rows = [self._documents.find_copy(sealer, part.copy_id).row for part in prepared.presented]
        for row, was_shown in zip(rows, were_shown, strict=True):
            if row.shown_at is not None and was_shown is not True:
                raise StoreConflictError("changed_meanwhile", "a copy was shown elsewhere in the meantime")
        return rows


def _seal(sealer: Sealer, identifier: str, version: int, content: Share) -> SealedItem:
    sealed = sealer.seal(_SHARE, identifier, version, compact_json(content.to_json()))
    return SealedItem(identifier, version, sealed, content.decided_at, content.state.value)


def _open(sealer: Sealer, row: SealedItem) -> Share:
    return Share.parse(parse_object(sealer.unseal(_SHARE, row.id, row.version, row.sealed)))
