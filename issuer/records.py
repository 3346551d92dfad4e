# SPDX-License-Identifier: EUPL-1.2
"""What the issuer remembers, as frozen values, and the interface of the store that keeps it.

- Everything belongs to one administration; every method that touches it takes the administration's identifier.
- A person is a keyed digest (`issuer.sealing`), never an identity number.
- `Issuance.sealed` holds the claims only until they are issued, refused or expired; then it is None for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol

from issuer.interop import Authorisation, Consent
from ledger.commitment import Commitment

Person = NewType("Person", bytes)


@dataclass(frozen=True)
class Administration:
    """A body that issues documents: its own issuer identifier, key, types and right to ask the sources."""

    # the path segment of its issuer identifier
    id: str
    # DIR3 code
    code: str
    names: Mapping[str, str]
    authorisation: Authorisation
    # `file:PATH`; see `protocol.runtime.signer`
    signer_url: str
    x5c: tuple[str, ...]
    credential_types: tuple[str, ...]
    # where people reach the office, what it says about their data, and whom they can complain to
    support_url: str = ""
    privacy_url: str = ""
    dpa_name: str = ""
    dpa_contact: str = ""


class State(StrEnum):
    """Where one issuance stands.

    choosing → offered → redeemed → issued; from the first three also expired, from offered also locked.
    `refused` is a beginning and an end: nothing could be offered.
    """

    CHOOSING = "choosing"
    OFFERED = "offered"
    REDEEMED = "redeemed"
    ISSUED = "issued"
    REFUSED = "refused"
    LOCKED = "locked"
    EXPIRED = "expired"


# only these hold claims
OPEN_STATES = frozenset({State.CHOOSING, State.OFFERED, State.REDEEMED})


@dataclass(frozen=True)
class OfferDigests:
    """What an offer is found by, and what its code is compared with."""

    offer: bytes
    code: bytes
    tx_code: bytes


@dataclass(frozen=True)
class Issuance:
    """One document on its way to a wallet."""

    id: str
    administration_id: str
    type_id: str
    person: Person = field(repr=False)
    state: State
    created_at: datetime
    # end of the present state; the sealed claims do not outlive it
    expires_at: datetime
    sealed: bytes | None = field(repr=False, default=None)
    digests: OfferDigests | None = field(repr=False, default=None)
    attempts: int = 0
    token_digest: bytes | None = field(repr=False, default=None)
    notification_digest: bytes | None = field(repr=False, default=None)
    # what the wallet said about it afterwards
    event: str = ""
    # code of the reason, when refused
    reason: str = ""
    # page of our wallet that waits for it
    return_url: str = ""
    # correlation identifier of the work that began it, for the support desk
    reference: str = ""

    def is_expired(self, now: datetime) -> bool:
        """Whether its time has passed."""
        return now >= self.expires_at


@dataclass(frozen=True)
class Copy:
    """One credential that was issued: a copy with a key of its own. No key, claim or person is kept."""

    id: str
    administration_id: str
    issuance_id: str
    type_id: str
    issued_at: datetime
    expires_at: datetime
    # its entry in a status list; forgotten once it has expired
    status_list_id: str | None = None
    status_index: int | None = None
    revoked_at: datetime | None = None
    revocation_reason: str | None = None


# outcome of a query that was sent and has no answer yet
ASKED = "asked"


@dataclass(frozen=True)
class SourceQuery:
    """One question to a source: who asked what about whom, why, when, and how it ended (RD 203/2021, art. 61)."""

    id: str
    administration_id: str
    person: Person = field(repr=False)
    type_id: str
    requester_code: str
    requester_name: str
    product: str
    modality: str
    finality: str
    consent: Consent
    # when the person ticked the authorisation, where one is needed
    authorised_at: datetime | None
    asked_at: datetime
    outcome: str
    source_code: str
    correlation_id: str


@dataclass(frozen=True)
class QueryRecord:
    """The record of one question as it is kept: sealed, with its commitment, and promised once a log has it."""

    commitment: Commitment
    administration_id: str
    query_id: str
    # origin of the log that the record names
    log: str
    # record, opening key and signature; see `issuer.recording`
    sealed: bytes = field(repr=False)
    made_at: datetime
    # then all of it is destroyed
    keep_until: datetime
    # when the ledger is asked, and how often it was in vain
    due_at: datetime
    attempts: int = 0
    promise: str | None = field(repr=False, default=None)


@dataclass(frozen=True)
class Objection:
    """A person's reasoned objection to a query; while it stands nothing is fetched."""

    id: str
    administration_id: str
    person: Person = field(repr=False)
    type_id: str
    # the reason in the person's words, sealed
    sealed_reason: bytes = field(repr=False)
    made_at: datetime
    withdrawn_at: datetime | None = None


class Store(Protocol):
    """Keeps it all. Each method is one transaction, durable when it returns.

    Methods that answer a bool are conditional changes: of parallel callers exactly one gets True, and False means
    that nothing changed.
    """

    def put_administration(self, administration: Administration) -> None:
        """Make the administration, or replace what is known of it."""

    def find_administration(self, administration_id: str) -> Administration | None:
        """Return the administration, or None."""

    def administrations(self) -> Sequence[Administration]:
        """Return all, by identifier."""

    def add_issuance(self, issuance: Issuance) -> None:
        """Keep a new issuance."""

    def find_issuance(self, administration_id: str, issuance_id: str) -> Issuance | None:
        """Return the issuance of this administration, or None."""

    def find_offer(self, administration_id: str, offer_digest: bytes) -> Issuance | None:
        """Return the issuance whose offer has this digest, or None."""

    def find_code(self, administration_id: str, code_digest: bytes) -> Issuance | None:
        """Return the issuance whose pre-authorized code has this digest, or None."""

    def find_token(self, administration_id: str, token_digest: bytes) -> Issuance | None:
        """Return the issuance whose access token has this digest, or None."""

    def offer(
        self, administration_id: str, issuance_id: str, *, sealed: bytes, digests: OfferDigests, until: datetime
    ) -> bool:
        """Turn `choosing` into `offered`."""

    def charge_attempt(self, administration_id: str, issuance_id: str, *, limit: int) -> bool:
        """Count one try of the transaction code of an `offered` issuance; False from the limit on."""

    def redeem(self, administration_id: str, issuance_id: str, *, token_digest: bytes, until: datetime) -> bool:
        """Turn `offered` into `redeemed`."""

    def finish(
        self, administration_id: str, issuance_id: str, *, copies: Sequence[Copy], notification_digest: bytes
    ) -> bool:
        """Turn `redeemed` into `issued`, keep the copies and erase the claims."""

    def lock(self, administration_id: str, issuance_id: str, *, limit: int) -> bool:
        """Turn `offered` into `locked` if its tries have reached the limit, and erase the claims."""

    def note_event(self, administration_id: str, issuance_id: str, event: str) -> None:
        """Keep what the wallet said about an issued document; the first word stays."""

    def erase_expired(self, administration_id: str, now: datetime) -> int:
        """End every open issuance whose time has passed, erase its claims, and forget expired nonces."""

    def copies(self, administration_id: str, issuance_id: str) -> Sequence[Copy]:
        """Return the copies of one issuance."""

    def add_nonce(self, administration_id: str, digest: bytes, expires_at: datetime) -> None:
        """Keep a fresh nonce."""

    def take_nonce(self, administration_id: str, digest: bytes, now: datetime) -> bool:
        """Consume a nonce that has not expired."""

    def add_query(self, query: SourceQuery, record: QueryRecord) -> None:
        """Keep a question and its record, both or neither, before it is asked."""

    def end_query(self, administration_id: str, query_id: str, *, outcome: str, source_code: str) -> None:
        """Keep how a question ended."""

    def queries_about(self, administration_id: str, person: Person) -> Sequence[SourceQuery]:
        """Return the questions about a person, newest first."""

    def add_objection(self, objection: Objection) -> None:
        """Keep an objection."""

    def find_objection(self, administration_id: str, objection_id: str) -> Objection | None:
        """Return the objection, or None."""

    def standing_objection(self, administration_id: str, person: Person, type_id: str) -> Objection | None:
        """Return the person's objection to this type that was not withdrawn, or None."""

    def withdraw_objection(self, administration_id: str, objection_id: str, now: datetime) -> None:
        """End an objection; silent when it has ended already."""
