# SPDX-License-Identifier: EUPL-1.2
"""A whole wallet in a folder, without served pages: the command line and `testimoni demo` use it.

The same core, checks and order as the web wallet (record, promise, send); documents, shares and take-backs are
files sealed under the folder's storage key.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from ledger.client import LedgerClient
from ledger.record import TakeBack
from protocol.clock import Clock
from protocol.encoding import JSON, compact_json, get_member, parse_object
from protocol.errors import RequestError
from protocol.keys import PublicKey
from protocol.openid4vp import RequestLink, VerifiedRequest, verify_request
from protocol.runtime.fetch import HTTPClient
from protocol.trust import TrustList
from wallet import evidence_file, present, receive, share, signing, take_back
from wallet.file_keys import FileKeys
from wallet.issuers import IssuerClient
from wallet.present import Choice, Held, Match
from wallet.receive import Copy, Document, OfferLink, OpenOffer
from wallet.share import Share, SharedDocument
from wallet.take_back import TakenBack
from wallet.vault import Actor, Sealer
from wallet.verifiers import VerifierClient

_ACTOR = Actor("folder", "folder")


@dataclass(frozen=True)
class Decision:
    """A verified request, and what in the wallet would answer it."""

    verified: VerifiedRequest
    matches: tuple[Match, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The types of the documents that are asked for and not held."""
        return tuple(each.query.vct_values[0] for each in self.matches if not each.candidates)

    def shown(self) -> dict[str, dict[str, JSON]]:
        """Return the values that would be shown, by credential query."""
        return {
            each.query.id: present.shown_values(each.query, each.candidates[0].document)
            for each in self.matches
            if each.candidates
        }


class FileWallet:
    """The wallet of one folder."""

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
        self.keys = FileKeys(folder)
        self._folder = folder
        self._sealer = Sealer(_ACTOR, self.keys.storage_key)
        self._issuers, self._verifiers = IssuerClient(http), VerifierClient(http)
        self._trust, self._ledger, self._log = trust, ledger, log_origin
        self._clock, self._language = clock, language

    def open_offer(self, link: str) -> OpenOffer:
        """Return what the link of an offer offers."""
        return self._issuers.open(OfferLink.parse(_parameters(link)))

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
        identifier = secrets.token_urlsafe(12)
        self._keep_document(identifier, document, [(copy, False) for copy in copies])
        self._issuers.notify(opened, token, issued.notification_id, "credential_accepted")
        return identifier, document

    def documents(self) -> list[Held]:
        """Return the documents held."""
        found = []
        for identifier in self._identifiers("document"):
            document, copies = self._document(identifier)
            found.append(Held(identifier, document, sum(not is_shown for _, is_shown in copies)))
        return found

    def read_request(self, link: str) -> Decision:
        """Fetch and verify a request, and find what answers it. Nothing is sent."""
        fetched = self._verifiers.fetch_request(RequestLink.parse(_parameters(link)))
        now = self._clock.now()
        verified = verify_request(
            fetched.token,
            expected_client_id=fetched.client_id,
            expected_wallet_nonce=fetched.wallet_nonce,
            trust=self._trust,
            now=now,
        )
        return Decision(verified, present.match(verified.request.query, self.documents(), now=now))

    def share(self, decision: Decision) -> tuple[str, Share]:
        """Record, have it promised, send; return the share's identifier and how it was settled."""
        now, consent_key = self._clock.now(), self.keys.new_consent_key()
        choices = self._choose(decision)
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
        identifier = secrets.token_urlsafe(12)
        request = decision.verified.request
        promised = share.promise(
            begun, request, signed, add_entry=self._ledger.add_entry, trust=self._trust, now=now
        )
        self._keep("share", identifier, promised.to_json())
        for choice in choices:
            self._mark_shown(choice.copy_id)
        return identifier, self.retry(identifier)

    def get_share(self, identifier: str) -> Share:
        """Return a share as it was kept last."""
        return Share.parse(self._read("share", identifier))

    def retry(self, identifier: str) -> Share:
        """Send a promised share (again), with the same bytes; return how it was settled."""
        settled = share.deliver(
            self.get_share(identifier), send=self._verifiers.deliver, trust=self._trust, now=self._clock.now()
        )
        self._keep("share", identifier, settled.to_json())
        return settled

    def take_back(self, identifier: str, kind: TakeBack) -> TakenBack:
        """Withdraw, object to or ask erasure of a share; return it as the office received it."""
        now, kept = self._clock.now(), self.get_share(identifier)
        request = take_back.prepare(kept, kind, now=now)
        taken = take_back.promise(
            request,
            signing.sign_all(self.keys, [request.step]),
            add_entry=self._ledger.add_entry,
            trust=self._trust,
            now=now,
        )
        self._keep("take-back", identifier, taken.to_json())
        sent = take_back.deliver(taken, kept, send=self._verifiers.take_back)
        self._keep("take-back", identifier, sent.to_json())
        return sent

    def follow(self, identifier: str) -> TakenBack:
        """Ask what became of a take-back; return it with the office's verified answer, if there is one."""
        followed = take_back.follow(
            TakenBack.parse(self._read("take-back", identifier)),
            self.get_share(identifier),
            ask=self._verifiers.take_back_status,
            trust=self._trust,
            now=self._clock.now(),
        )
        self._keep("take-back", identifier, followed.to_json())
        return followed

    def export_evidence(self, identifier: str) -> bytes:
        """Return the evidence file of a share, with its take-back and the answers."""
        taken = (
            [TakenBack.parse(self._read("take-back", identifier))] if self._has("take-back", identifier) else []
        )
        log = self._trust.get_log(self._log, now=self._clock.now())
        return evidence_file.build(
            self.get_share(identifier), taken, ledger=self._ledger, checkpoint_key=log.checkpoint_key
        )

    def _choose(self, decision: Decision) -> list[Choice]:
        choices = []
        for each in decision.matches:
            if not each.candidates:
                raise RequestError("access_denied", "a document that is asked for is missing")
            held = each.candidates[0]
            document, copies = self._document(held.id)
            # a copy that was not shown yet while there is one
            number, copy = min(
                ((n, copy) for n, (copy, _) in enumerate(copies)),
                key=lambda found: (copies[found[0]][1], found[0]),
            )
            choices.append(Choice(each.query.id, f"{held.id}/{number}", document, copy))
        return choices

    def _mark_shown(self, copy_id: str) -> None:
        identifier, _, number = copy_id.rpartition("/")
        document, copies = self._document(identifier)
        marked = [(copy, is_shown or n == int(number)) for n, (copy, is_shown) in enumerate(copies)]
        self._keep_document(identifier, document, marked)

    def _document(self, identifier: str) -> tuple[Document, list[tuple[Copy, bool]]]:
        members = self._read("document", identifier)
        copies: list[tuple[Copy, bool]] = []
        for item in get_member(members, "copies", list):
            match item:
                case {"credential": str(text), "key": jwk, "shown": bool(is_shown)}:
                    copies.append((Copy(text, PublicKey.parse_jwk(jwk)), is_shown))
                case _:
                    raise RequestError("invalid_request", "expected a kept copy")
        return Document.parse(get_member(members, "document", dict)), copies

    def _keep_document(self, identifier: str, document: Document, copies: Sequence[tuple[Copy, bool]]) -> None:
        members: dict[str, JSON] = {
            "document": document.to_json(),
            "copies": [
                {"credential": copy.credential, "key": copy.holder_key.jwk(), "shown": is_shown}
                for copy, is_shown in copies
            ],
        }
        self._keep("document", identifier, members)

    def _identifiers(self, kind: str) -> list[str]:
        return sorted(file.stem for file in (self._folder / kind).glob("*.sealed"))

    def _has(self, kind: str, identifier: str) -> bool:
        return (self._folder / kind / f"{identifier}.sealed").exists()

    def _read(self, kind: str, identifier: str) -> dict[str, JSON]:
        file = self._folder / kind / f"{identifier}.sealed"
        if not file.exists():
            raise RequestError("not_found", f"there is no {kind} of this identifier", status=404)
        return parse_object(self._sealer.unseal(kind, identifier, 1, file.read_bytes()))

    def _keep(self, kind: str, identifier: str, members: Mapping[str, JSON]) -> None:
        file = self._folder / kind / f"{identifier}.sealed"
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_bytes(self._sealer.seal(kind, identifier, 1, compact_json(dict(members))))
        draft.replace(file)


def _parameters(link: str) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(link).query, keep_blank_values=True)
    if len(dict(pairs)) != len(pairs):
        raise RequestError("invalid_request", "a parameter of the link is given twice")
    return dict(pairs)
