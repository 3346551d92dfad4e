# SPDX-License-Identifier: EUPL-1.2
"""What the verifier remembers, as values: parties, presentations, what is kept of them, withdrawals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from ledger.commitment import Commitment
from protocol.errors import Check
from verifier.policy import DocumentRule

Texts = Mapping[str, str]
# first parts of addresses that are not administrations
RESERVED_IDS = frozenset({"api", "base", "desk", "healthz", "metrics", "readyz", "static", "valid"})


@dataclass(frozen=True)
class Administration:
    """One administration that verifies: its code, how to sign for it, and the digest of its back-office token."""

    id: str
    code: str
    name: Texts
    # `open_signer` URL of the access key, its certificate chain, and the client identifier they give
    signer_url: str = field(repr=False)
    x5c: tuple[str, ...] = field(repr=False)
    client_id: str
    # SHA-256 of the token that back-office programs send; None: the administration has none
    api_token_digest: bytes | None = field(repr=False)


@dataclass(frozen=True)
class ProcedureEntry:
    """A procedure of one administration: the statement that registers it, and words about what comes next."""

    administration_id: str
    id: str
    version: int
    statement: str = field(repr=False)
    next_step: Texts
    # days until the citizen hears; None: no date is promised
    due_days: int | None
    # own words on what to do when a check fails, by check; others have general ones
    remedies: Mapping[str, Texts]


@dataclass(frozen=True)
class DocumentType:
    """What an administration knows about a type of document: what it and its claims are called, and its status."""

    vct: str
    name: Texts
    claim_labels: Mapping[str, Texts]
    carries_status: bool
    longest_validity_days: int

    @property
    def rule(self) -> DocumentRule:
        """The rule that the pipeline applies."""
        return DocumentRule(self.vct, self.carries_status, timedelta(days=self.longest_validity_days))


class PresentationState(StrEnum):
    """Where a presentation request stands; whether it has expired is a question of the clock."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    # the wallet said no, or held nothing that fits: the office cannot tell which, on purpose
    DECLINED = "declined"


@dataclass(frozen=True)
class Presentation:
    """One presentation request and what became of it.

    Four secrets that say nothing about each other: `id` is the office's, `request_id` is in the wallet's
    addresses, `nonce` and `wallet_state` are inside the request.
    """

    id: str
    administration_id: str
    request_id: str = field(repr=False)
    nonce: str = field(repr=False)
    wallet_state: str = field(repr=False)
    client_id: str
    procedure_id: str
    procedure_version: int
    # JWK thumbprint, public key as JSON, and the sealed private key, which is destroyed with the answer
    key_id: str
    public_key: str = field(repr=False)
    sealed_key: bytes | None = field(repr=False)
    started_by: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime
    state: PresentationState = PresentationState.WAITING
    answered_at: datetime | None = None
    response_digest: bytes | None = field(default=None, repr=False)
    answer_status: int | None = None
    # the exact bytes that the wallet was answered
    answer: bytes | None = field(default=None, repr=False)
    reference: str | None = None
    commitment: Commitment | None = None
    # a check that could not be made at the last try
    trouble: Check | None = None
    trouble_code: str | None = None

    def has_expired(self, now: datetime) -> bool:
        """Whether nobody answered in time."""
        return self.state is PresentationState.WAITING and now >= self.expires_at

    @property
    def about(self) -> dict[str, str]:
        """What a sealed part of it is tied to."""
        return {"administration": self.administration_id, "presentation": self.id}


@dataclass(frozen=True)
class Decision:
    """How a presentation ended: everything that is written at once."""

    state: PresentationState
    answered_at: datetime
    response_digest: bytes
    answer_status: int
    answer: bytes
    reference: str | None
    commitment: Commitment | None
    # claims and receipt, sealed; None when nothing was disclosed or can be taken back
    sealed_case: bytes | None


class WithdrawalState(StrEnum):
    """Where a withdrawal stands."""

    RECEIVED = "received"
    # decided (and blocked, if that was the decision); the answer waits for the ledger's promise
    ANSWERING = "answering"
    ANSWERED = "answered"


class AnswerKind(StrEnum):
    """How the office answered."""

    BLOCKED = "blocked"
    REFUSED = "refusal-to-erase"


@dataclass(frozen=True)
class Answer:
    """The office's answer to a withdrawal; without a promise it is not given yet."""

    kind: AnswerKind
    record: bytes
    key: bytes = field(repr=False)
    signature: str = field(repr=False)
    promise: str | None = field(repr=False)
    decided_at: datetime
    decided_by: str = field(repr=False)
    legal_ground: str | None


@dataclass(frozen=True)
class Withdrawal:
    """A citizen's signed withdrawal, objection or request to erase, as it arrived."""

    id: str
    administration_id: str
    presentation_id: str
    # the secret in the address at which the wallet asks for the answer
    token: str = field(repr=False)
    commitment: Commitment
    kind: str
    record: bytes
    key: bytes = field(repr=False)
    signature: str = field(repr=False)
    promise: str = field(repr=False)
    marker_promise: str = field(repr=False)
    received_at: datetime
    due_on: date
    state: WithdrawalState = WithdrawalState.RECEIVED
    answer: Answer | None = None


@dataclass(frozen=True)
class BlockedCase:
    """What was blocked: sealed under a key kept apart, until it is destroyed."""

    sealed: bytes = field(repr=False)
    blocked_at: datetime
    destroy_after: datetime
