# SPDX-License-Identifier: EUPL-1.2
"""Consent records as values, and how each type is made; `ledger.record` writes and reads their bytes."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from ledger.commitment import Commitment
from protocol.keys import PublicKey

RecordedBy = Literal["wallet", "verifier", "issuer"]


class RecordType(StrEnum):
    """What a record says happened."""

    QUERY = "query"
    SHARE = "share"
    WITHDRAWAL = "withdrawal"
    BLOCKED = "blocked"
    ERASED = "erased"
    REFUSAL_TO_ERASE = "refusal-to-erase"


class TakeBack(StrEnum):
    """What a withdrawal asks for; the words follow the legal basis of the share."""

    WITHDRAW = "withdraw"
    ERASE = "erase"
    OBJECT = "object"


@dataclass(frozen=True)
class Party:
    """The administration that receives, asks or answers: TS10 `interactingParty…`."""

    identifier: str
    name: str
    contact: str


@dataclass(frozen=True)
class ProcedureReference:
    """A registered procedure in one version; of a query, the type of document that the office asks for."""

    id: str
    version: str


@dataclass(frozen=True)
class Terms:
    """What the person is told: why, under which law, how long, and where to complain."""

    purpose: str
    legal_basis: str
    retention: str
    privacy_policy: str
    dpa_name: str
    dpa_contact: str


@dataclass(frozen=True, order=True)
class ClaimReference:
    """One claim of one credential type, by its path."""

    credential_type: str
    claim: tuple[str, ...]

    @classmethod
    def of(cls, credential_type: str, path: Iterable[str | int | None]) -> ClaimReference:
        """Return the reference of a DCQL claims path: null (every element) is `*`, a position its digits."""
        return cls(credential_type, tuple("*" if part is None else str(part) for part in path))


@dataclass(frozen=True)
class RequestReference:
    """The presentation request that a share answers."""

    client_id: str
    nonce: str


@dataclass(frozen=True)
class ConsentRecord:
    """One record. Which members are present depends on its type; `ledger.record` sees to that."""

    type: RecordType
    log: str
    transaction_identifier: str
    time: datetime
    party: Party
    recorded_by: RecordedBy
    procedure: ProcedureReference | None = None
    terms: Terms | None = None
    claims_requested: tuple[ClaimReference, ...] | None = None
    claims_presented: tuple[ClaimReference, ...] | None = None
    request: RequestReference | None = None
    consent_key: PublicKey | None = None
    take_back: TakeBack | None = None
    previous: Commitment | None = None
    legal_ground: str | None = None


def new_transaction_identifier() -> str:
    """Return a random transaction identifier."""
    return secrets.token_urlsafe(16)


def build_share(
    *,
    log: str,
    time: datetime,
    transaction_identifier: str,
    party: Party,
    procedure: ProcedureReference,
    terms: Terms,
    claims_requested: Iterable[ClaimReference],
    claims_presented: Iterable[ClaimReference],
    request: RequestReference,
    consent_key: PublicKey | None,
    recorded_by: RecordedBy = "wallet",
) -> ConsentRecord:
    """Return the record of a share; without a consent key when the verifier records for a foreign wallet."""
    return ConsentRecord(
        type=RecordType.SHARE,
        log=log,
        time=_whole_seconds(time),
        transaction_identifier=transaction_identifier,
        party=party,
        recorded_by=recorded_by,
        procedure=procedure,
        terms=terms,
        claims_requested=tuple(sorted(set(claims_requested))),
        claims_presented=tuple(sorted(set(claims_presented))),
        request=request,
        consent_key=consent_key,
    )


def build_query(
    *,
    log: str,
    time: datetime,
    transaction_identifier: str,
    party: Party,
    procedure: ProcedureReference,
    terms: Terms,
    claims_requested: Iterable[ClaimReference],
) -> ConsentRecord:
    """Return the record of a query at a source, made by an issuer."""
    return ConsentRecord(
        type=RecordType.QUERY,
        log=log,
        time=_whole_seconds(time),
        transaction_identifier=transaction_identifier,
        party=party,
        recorded_by="issuer",
        procedure=procedure,
        terms=terms,
        claims_requested=tuple(sorted(set(claims_requested))),
    )


def build_withdrawal(
    *,
    log: str,
    time: datetime,
    transaction_identifier: str,
    party: Party,
    take_back: TakeBack,
    previous: Commitment,
    recorded_by: RecordedBy = "wallet",
) -> ConsentRecord:
    """Return the record of a withdrawal, an erasure request or an objection to the share `previous`."""
    return ConsentRecord(
        type=RecordType.WITHDRAWAL,
        log=log,
        time=_whole_seconds(time),
        transaction_identifier=transaction_identifier,
        party=party,
        recorded_by=recorded_by,
        take_back=take_back,
        previous=previous,
    )


def build_answer(
    answer: Literal[RecordType.BLOCKED, RecordType.ERASED, RecordType.REFUSAL_TO_ERASE],
    *,
    log: str,
    time: datetime,
    transaction_identifier: str,
    party: Party,
    previous: Commitment,
    legal_ground: str | None = None,
) -> ConsentRecord:
    """Return the administration's answer to the withdrawal `previous`; a refusal names its legal ground."""
    return ConsentRecord(
        type=answer,
        log=log,
        time=_whole_seconds(time),
        transaction_identifier=transaction_identifier,
        party=party,
        recorded_by="verifier",
        previous=previous,
        legal_ground=legal_ground,
    )


def _whole_seconds(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(microsecond=0)
