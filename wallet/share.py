# SPDX-License-Identifier: EUPL-1.2
"""A share as the citizen keeps it, and how it moves: promise, deliver, settle.

States: `prepared` (nobody saw anything), `promised` (the ledger's promise is kept; sending begins), `delivered`,
`accepted`, `rejected`, `delivery unknown`; and `refused`, the citizen's own note of a no. Each move takes a share
and returns the next one; who calls keeps it before going on, so that a crash in between loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ledger import promise as promises
from ledger import record as records
from ledger.record import Commitment
from protocol.clock import epoch_seconds, from_epoch
from protocol.encoding import JSON, b64url_decode, b64url_encode, get_member
from protocol.errors import Error, RequestError, UnavailableError, VerificationError
from protocol.openid4vp import PresentationRequest, VerifiedRequest
from protocol.registration import LegalBasis
from protocol.trust import TrustList
from wallet import consent, present
from wallet.present import Outcome, SignedShare
from wallet.receive import Document
from wallet.verifiers import Reply

# the ledger answers in milliseconds; clocks may differ by a minute
_PROMISE_MAX_AGE = timedelta(minutes=2)
Texts = Mapping[str, str]


class ShareState(StrEnum):
    """How far a share has come."""

    PREPARED = "prepared"
    PROMISED = "promised"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "delivery unknown"
    REFUSED = "refused"


UNSETTLED = frozenset({ShareState.PROMISED, ShareState.UNKNOWN})
SENT = frozenset(ShareState) - {ShareState.PREPARED, ShareState.REFUSED}


@dataclass(frozen=True)
class SharedDocument:
    """One document of a share: what it is called, and the values that were shown, by label."""

    names: Texts
    issuer_name: Texts
    labels: Mapping[str, Texts]
    values: Mapping[str, JSON] = field(repr=False)

    @classmethod
    def of(cls, document: Document, values: Mapping[str, JSON]) -> SharedDocument:
        """Return what the history keeps of a document shown."""
        labels = {name: document.labels.get(name, {}) for name in values}
        return cls(document.names, document.issuer_name, labels, values)

    def to_json(self) -> dict[str, JSON]:
        """Return what `parse` reads."""
        return {
            "names": dict(self.names),
            "issuer_name": dict(self.issuer_name),
            "labels": {name: dict(texts) for name, texts in self.labels.items()},
            "values": dict(self.values),
        }

    @classmethod
    def parse(cls, value: JSON) -> SharedDocument:
        """Return the shared document that `to_json` wrote."""
        if not isinstance(value, dict):
            raise RequestError("invalid_request", "expected a shared document")
        labels = {name: _texts(texts) for name, texts in get_member(value, "labels", dict).items()}
        return cls(
            _texts(value.get("names")), _texts(value.get("issuer_name")), labels, get_member(value, "values", dict)
        )


@dataclass(frozen=True)
class Share:
    """Everything about one share that the citizen keeps, sealed."""

    state: ShareState
    party_code: str
    party_name: Texts
    title: Texts
    purpose: Texts
    legal_basis: LegalBasis
    legal_reference: Texts
    retention: Texts
    support_uri: str
    privacy_policy: str
    authority_name: str
    authority_uri: str
    documents: tuple[SharedDocument, ...]
    decided_at: datetime
    retry_until: datetime
    response_uri: str
    withdrawal_uri: str | None
    record: bytes = b""
    key: bytes = field(default=b"", repr=False)
    signature: str = field(default="", repr=False)
    bindings: tuple[str, ...] = field(default=(), repr=False)
    # sealed by the citizen's device under the holder-keys key; opaque here
    sealed_consent_key: str = field(default="", repr=False)
    promise: str = field(default="", repr=False)
    body: bytes = field(default=b"", repr=False)
    acceptance: str = field(default="", repr=False)
    outcome: Outcome | None = None
    error: str = ""

    @property
    def commitment(self) -> Commitment:
        """What the ledger holds of this share."""
        return records.commit(self.key, self.record)

    def to_json(self) -> dict[str, JSON]:
        """Return what `parse` reads."""
        return {
            "state": self.state.value,
            "party_code": self.party_code,
            "texts": {name: dict(getattr(self, name)) for name in _TEXTS},
            "legal_basis": self.legal_basis.value,
            "uris": {name: getattr(self, name) for name in _URIS},
            "authority_name": self.authority_name,
            "documents": [each.to_json() for each in self.documents],
            "decided_at": epoch_seconds(self.decided_at),
            "retry_until": epoch_seconds(self.retry_until),
            "withdrawal_uri": self.withdrawal_uri,
            "bytes": {name: b64url_encode(getattr(self, name)) for name in _BYTES},
            "tokens": {name: getattr(self, name) for name in _TOKENS},
            "bindings": [*self.bindings],
            "outcome": self.outcome.to_json() if self.outcome else None,
        }

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> Share:
        """Return the share that `to_json` wrote."""
        texts, uris = get_member(value, "texts", dict), get_member(value, "uris", dict)
        raw, tokens = get_member(value, "bytes", dict), get_member(value, "tokens", dict)
        withdrawal_uri, outcome = value.get("withdrawal_uri"), value.get("outcome")
        return cls(
            state=ShareState(get_member(value, "state", str)),
            party_code=get_member(value, "party_code", str),
            legal_basis=LegalBasis(get_member(value, "legal_basis", str)),
            authority_name=get_member(value, "authority_name", str),
            documents=tuple(SharedDocument.parse(each) for each in get_member(value, "documents", list)),
            decided_at=from_epoch(get_member(value, "decided_at", int)),
            retry_until=from_epoch(get_member(value, "retry_until", int)),
            withdrawal_uri=None if withdrawal_uri is None else str(withdrawal_uri),
            bindings=tuple(str(each) for each in get_member(value, "bindings", list)),
            outcome=None if outcome is None else Outcome.parse(outcome),
            **{name: _texts(texts[name]) for name in _TEXTS},  # type: ignore[arg-type]  # fields of that type
            **{name: str(uris[name]) for name in _URIS},  # type: ignore[arg-type]  # fields of that type
            **{name: b64url_decode(str(raw[name])) for name in _BYTES},  # type: ignore[arg-type]  # same
            **{name: str(tokens[name]) for name in _TOKENS},  # type: ignore[arg-type]  # same
        )


_TEXTS = ("party_name", "title", "purpose", "legal_reference", "retention")
_URIS = ("support_uri", "privacy_policy", "authority_uri", "response_uri")
_BYTES = ("record", "key", "body")
_TOKENS = ("signature", "sealed_consent_key", "promise", "acceptance", "error")


def begin(verified: VerifiedRequest, documents: tuple[SharedDocument, ...], *, now: datetime) -> Share:
    """Return a share before anything was signed."""
    procedure, request = verified.requester.procedure, verified.request
    return Share(
        state=ShareState.PREPARED,
        party_code=procedure.party_code,
        party_name=procedure.party_name,
        title=procedure.title,
        purpose=procedure.purpose,
        legal_basis=procedure.legal_basis,
        legal_reference=procedure.legal_reference,
        retention=procedure.retention,
        support_uri=procedure.support_uri,
        privacy_policy=procedure.privacy_policy,
        authority_name=procedure.supervisory_authority_name,
        authority_uri=procedure.supervisory_authority_uri,
        documents=documents,
        decided_at=now,
        retry_until=request.expires_at,
        response_uri=request.response_uri,
        withdrawal_uri=request.consent.withdrawal_uri if request.consent else None,
    )


def with_signatures(share: Share, signed: SignedShare, *, sealed_consent_key: str) -> Share:
    """Return the share with everything that the citizen's keys signed."""
    return replace(
        share,
        record=signed.record,
        key=signed.key,
        signature=signed.signature,
        bindings=signed.bindings,
        sealed_consent_key=sealed_consent_key,
    )


def promise(
    share: Share,
    request: PresentationRequest,
    signed: SignedShare,
    *,
    add_entry: Callable[[Commitment], str],
    trust: TrustList,
    now: datetime,
) -> Share:
    """Return the share with the ledger's promise and the exact bytes to send; nothing is sent.

    Raises `UnavailableError` (`ledger_unavailable`) when there is no promise that counts: then nothing is shared.
    """
    token = ask_promise(signed.commitment, add_entry)
    check_promise(token, share.record, signed.commitment, trust=trust, now=now)
    body = present.respond(request, signed, token)
    return replace(share, state=ShareState.PROMISED, promise=token, body=body)


def ask_promise(commitment: Commitment, add_entry: Callable[[Commitment], str]) -> str:
    """Return the ledger's promise, unverified, or raise `UnavailableError` (`ledger_unavailable`)."""
    try:
        return add_entry(commitment)
    except UnavailableError as exc:
        raise UnavailableError("ledger_unavailable", "the ledger gave no promise") from exc


def check_promise(token: str, record: bytes, commitment: Commitment, *, trust: TrustList, now: datetime) -> None:
    """Raise `UnavailableError` unless a trusted log promised this commitment just now, within its delay."""
    try:
        log = trust.get_log(records.parse(record).log, now=now)
        made = promises.verify(
            token, log.promise_key, log=log.origin, commitment=commitment, now=now, max_age=_PROMISE_MAX_AGE
        )
    except (RequestError, VerificationError) as exc:
        raise UnavailableError("ledger_unavailable", "the ledger's promise does not hold") from exc
    if made.maximum_merge_delay > timedelta(seconds=log.maximum_merge_delay):
        raise UnavailableError("ledger_unavailable", "the ledger promises a longer delay than it may")


def deliver(share: Share, *, send: Callable[[str, bytes], Reply], trust: TrustList, now: datetime) -> Share:
    """Send the kept bytes and return the share as the verifier's answer settles it; safe to repeat.

    Never raises for what the verifier does: no or an unreadable answer is `delivery unknown`.
    """
    if share.state not in UNSETTLED:
        raise RequestError("already_settled", "the share has been answered already", status=409)
    if now >= share.retry_until:
        return replace(share, state=ShareState.UNKNOWN, error="request_expired")
    try:
        reply = send(share.response_uri, share.body)
        return _settle(share, reply, trust, now)
    except Error as exc:
        return replace(share, state=ShareState.UNKNOWN, error=exc.code)


def _settle(share: Share, reply: Reply, trust: TrustList, now: datetime) -> Share:
    if reply.acceptance is not None:
        accepted = consent.verify_acceptance(
            reply.acceptance,
            expected_commitment=share.commitment,
            expected_party=share.party_code,
            trust=trust,
            now=now,
        )
        state = ShareState.ACCEPTED if accepted.result == "accepted" else ShareState.REJECTED
        share = replace(share, acceptance=reply.acceptance)
    elif reply.error is not None:
        state = ShareState.REJECTED
    else:
        state = ShareState.DELIVERED
    return replace(share, state=state, outcome=reply.outcome, error=reply.error or "", body=b"")


def _texts(value: JSON) -> dict[str, str]:
    if not isinstance(value, dict):
        raise RequestError("invalid_request", "expected texts by language")
    return {code: str(text) for code, text in value.items()}
