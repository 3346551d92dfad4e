# SPDX-License-Identifier: EUPL-1.2
"""A whole wallet in a folder, without served pages: the command line and `testimoni demo` use it.

The same core, checks and order as the web wallet (record, promise, send); `wallet.folder` keeps what it holds.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from ledger.client import LedgerClient
from ledger.record import RecordType, TakeBack
from protocol.clock import Clock
from protocol.encoding import JSON
from protocol.errors import RequestError, StoreConflictError
from protocol.openid4vci.notification import NotificationEvent
from protocol.openid4vci.offer import OfferLink
from protocol.openid4vp import RequestLink, VerifiedRequest, read_parameters, verify_request
from protocol.runtime.fetch import HTTPClient
from protocol.trust import TrustList
from wallet import evidence_file, present, receive, share, signing, take_back
from wallet.folder import WalletFolder
from wallet.issuers import IssuerClient
from wallet.matching import Match, Shown, match, show
from wallet.present import Choice
from wallet.receive import Copy, Document, OpenOffer
from wallet.share import UNSETTLED, Share, SharedDocument
from wallet.take_back import TakeBackState, TakenBack
from wallet.verifiers import VerifierClient

# identifiers are typed by people: no capitals, no leading dash; the folder of one person holds few
_IDENTIFIER_BYTES = 6
# after these the office answers no more
_FINAL = frozenset({RecordType.ERASED, RecordType.REFUSAL_TO_ERASE})


@dataclass(frozen=True)
class Decision:
    """A verified request, and what in the wallet would answer it; of several documents the first of each match."""

    verified: VerifiedRequest
    matches: tuple[Match, ...]
    # what each document would show, by credential query and document
    showing: Mapping[tuple[str, str], Shown]

    @property
    def missing(self) -> tuple[str, ...]:
        """The types of the documents that are asked for and not held."""
        lacking = [each.query for each in self.matches if not each.candidates]
        return tuple(kind for query in lacking for kind in query.vct_values[:1] or (query.format,))

    def shown(self) -> dict[str, dict[str, JSON]]:
        """Return the values that would be shown, by credential query."""
        return {
            each.query.id: dict(self.showing[each.query.id, held.id].values)
            for each in self.matches
            for held in each.candidates[:1]
        }

    def choosing(self, documents: Collection[str]) -> Decision:
        """Return the decision with these documents instead of the newest ones.

        Raises `RequestError` when one of them answers nothing that is asked.
        """
        would_do = {held.id for each in self.matches for held in each.candidates}
        if not set(documents) <= would_do:
            raise RequestError("access_denied", "a chosen document does not hold what is asked")
        matches = tuple(
            replace(each, candidates=tuple(sorted(each.candidates, key=lambda held: held.id not in documents)))
            for each in self.matches
        )
        return replace(self, matches=matches)


class FileWallet(WalletFolder):
    """The wallet of one folder, and whom it speaks to."""

    def __init__(
        self,
        folder: Path,
        *,
        http: HTTPClient,
        trust: TrustList,
        ledger: LedgerClient,
        log_origin: str,
        clock: Clock,
        language: str = "ca",
    ) -> None:
        super().__init__(folder)
        self._issuers, self._verifiers = IssuerClient(http), VerifierClient(http)
        self._trust, self._ledger, self._log = trust, ledger, log_origin
        self._clock, self._language = clock, language

    def open_offer(self, link: str) -> OpenOffer:
        """Return what the link of an offer offers."""
        return self._issuers.open(OfferLink.parse_text(link))

    def receive(self, opened: OpenOffer, *, tx_code: str | None) -> tuple[str, Document]:
        """Fetch, check and keep the document of an offer; return its identifier and content."""
        token = self._issuers.redeem(opened, tx_code)
        keys = [self.keys.new_holder_key() for _ in range(opened.copies)]
        steps = receive.prepare(opened, keys, nonce=self._issuers.nonce(opened), now=self._clock.now())
        proofs = signing.complete(steps, signing.sign_all(self.keys, steps))
        issued = self._issuers.request(opened, token, proofs)
        document, copies = receive.accept(
            opened, issued.credentials, keys=keys, trust=self._trust, now=self._clock.now()
        )
        identifier = secrets.token_hex(_IDENTIFIER_BYTES)
        self.keep_document(identifier, document, [(copy, False) for copy in copies])
        self._issuers.notify(opened, token, issued.notification_id, NotificationEvent.ACCEPTED)
        return identifier, document

    def read_request(self, link: str) -> Decision:
        """Fetch and verify a request, and find what answers it. Nothing is sent."""
        fetched = self._verifiers.fetch_request(RequestLink.parse(read_parameters(link)))
        now = self._clock.now()
        verified = verify_request(
            fetched.token,
            expected_client_id=fetched.client_id,
            expected_wallet_nonce=fetched.wallet_nonce,
            transaction_types=present.TRANSACTION_TYPES,
            trust=self._trust,
            now=now,
        )
        matches = match(verified.request.query, self.documents(), now=now)
        showing = {
            (each.query.id, held.id): show(each.query, each.paths[held.id], self._next_copy(held.id)[2])
            for each in matches
            for held in each.candidates
        }
        return Decision(verified, matches, showing)

    def share(self, decision: Decision) -> tuple[str, Share]:
        """Record, have it promised, send; return the share's identifier and how it was settled.

        Raises `RequestError` (`request_expired`, `access_denied`) or `UnavailableError` before anything was sent.
        """
        now = self._clock.now()
        if now >= decision.verified.request.expires_at:
            raise RequestError("request_expired", "the request expired before it was answered")
        choices, consent_key = self._choose(decision), self.keys.new_consent_key()
        prepared = present.prepare(
            decision.verified,
            choices,
            consent_key=consent_key,
            log=self._log,
            language=self._language,
            now=now,
        )
        signed = present.sign(prepared, signing.sign_all(self.keys, prepared.steps))
        shown = decision.shown()
        documents = tuple(SharedDocument.of(c.document, shown[c.query_id]) for c in choices)
        begun = share.with_signatures(
            share.begin(decision.verified, documents, now=now), signed, sealed_consent_key=""
        )
        identifier = secrets.token_hex(_IDENTIFIER_BYTES)
        request = decision.verified.request
        promised = share.promise(
            begun, request, signed, add_entry=self._ledger.add_entry, trust=self._trust, now=now
        )
        self.keep_share(identifier, promised)
        for choice in choices:
            self._mark_shown(choice.copy_id)
        return identifier, self.retry(identifier)

    def retry(self, identifier: str) -> Share:
        """Send a promised share (again), with the same bytes; return how it was settled."""
        settled = share.deliver(
            self.get_share(identifier), send=self._verifiers.deliver, trust=self._trust, now=self._clock.now()
        )
        self.keep_share(identifier, settled)
        return settled

    def settle(self, identifier: str) -> Share:
        """Return a share; one that is not known to have arrived is sent again first, with the same bytes."""
        kept = self.get_share(identifier)
        return self.retry(identifier) if kept.state in UNSETTLED else kept

    def take_back(self, identifier: str, kind: TakeBack) -> TakenBack:
        """Withdraw, object to or ask erasure of a share; return it as the office received it.

        Raises `RequestError` (`take_back_impossible`) when the same was asked before, or nothing was sent.
        """
        now, kept = self._clock.now(), self.get_share(identifier)
        if kept.state not in share.SENT or kind in {each.kind for each in self.take_backs(identifier)}:
            raise RequestError("take_back_impossible", "this was asked for already, or cannot be", status=409)
        request = take_back.prepare(kept, kind, log=self._log, now=now)
        taken = take_back.promise(
            request,
            signing.sign_all(self.keys, [request.step]),
            add_entry=self._ledger.add_entry,
            trust=self._trust,
            now=now,
        )
        self.keep_take_back(identifier, taken)
        sent = take_back.deliver(taken, kept, send=self._verifiers.take_back)
        self.keep_take_back(identifier, sent)
        return sent

    def follow(self, identifier: str) -> TakenBack:
        """Ask what became of the take-backs of a share; return the last, with the verified answer if there is one.

        One that is not known to have arrived is sent again.
        """
        kept = self.get_share(identifier)
        followed = [self._follow(kept, taken) for taken in self.take_backs(identifier)]
        if not followed:
            raise RequestError("not_found", "this share was not taken back", status=404)
        for each in followed:
            self.keep_take_back(identifier, each)
        return followed[-1]

    def _follow(self, kept: Share, taken: TakenBack) -> TakenBack:
        if taken.state is TakeBackState.PROMISED:
            return take_back.deliver(taken, kept, send=self._verifiers.take_back)
        if taken.last_answer is not None and taken.last_answer.type in _FINAL:
            return taken
        return take_back.follow(
            taken, kept, ask=self._verifiers.take_back_status, trust=self._trust, now=self._clock.now()
        )

    def export_evidence(self, identifier: str) -> bytes:
        """Return the evidence file of a share, with its take-backs and the answers."""
        log = self._trust.get_log(self._log, now=self._clock.now())
        return evidence_file.build(
            self.get_share(identifier),
            self.take_backs(identifier),
            ledger=self._ledger,
            checkpoint_key=log.checkpoint_key,
        )

    def _next_copy(self, identifier: str) -> tuple[Document, str, Copy]:
        """Return a document and its copy to show next, with a name: one not shown yet while there is one."""
        document, copies = self.get_document(identifier)
        number = min(range(len(copies)), key=lambda each: (copies[each][1], each))
        return document, f"{identifier}/{number}", copies[number][0]

    def _choose(self, decision: Decision) -> list[Choice]:
        choices = []
        for each in decision.matches:
            if not each.candidates:
                raise RequestError("access_denied", "a document that is asked for is missing")
            held = each.candidates[0]
            document, copy_id, copy = self._next_copy(held.id)
            paths = each.paths[held.id]
            # copies may differ in what cannot be hidden: what was announced is what is shown
            if show(each.query, paths, copy).values != decision.showing[each.query.id, held.id].values:
                raise StoreConflictError("changed_meanwhile", "another copy would show something else")
            choices.append(Choice(each.query.id, copy_id, document, copy, paths))
        return choices

    def _mark_shown(self, copy_id: str) -> None:
        identifier, _, number = copy_id.rpartition("/")
        document, copies = self.get_document(identifier)
        marked = [(copy, is_shown or n == int(number)) for n, (copy, is_shown) in enumerate(copies)]
        self.keep_document(identifier, document, marked)


def _parameters(link: str) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(link).query, keep_blank_values=True)
    if len(dict(pairs)) != len(pairs):
        raise RequestError("invalid_request", "a parameter of the link is given twice")
    return dict(pairs)
