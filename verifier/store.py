# SPDX-License-Identifier: EUPL-1.2
"""The verifier's store. Every method that touches what is an administration's asks for the administration.

- What another administration has does not exist: `not_found`, never `forbidden`.
- A decision, what is kept and the end of the request's private key are one transaction; so are a withdrawal's
  decision and the blocking.
- Each method is safe to call from several processes; where two race, exactly one wins and the other is told.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ledger.commitment import Commitment
from protocol.errors import Check
from protocol.runtime.database import Database
from verifier.model import (
    Administration,
    Answer,
    BlockedCase,
    Decision,
    DocumentType,
    Presentation,
    ProcedureEntry,
    Texts,
    Withdrawal,
)
from verifier.store_parties import SqlParties
from verifier.store_presentations import SqlPresentations
from verifier.store_reconciliations import SqlReconciliations
from verifier.store_withdrawals import SqlWithdrawals


class Store(Protocol):
    """All that the verifier remembers. What each method promises stands at its implementation."""

    def put_administration(self, administration: Administration) -> None:
        """Add or replace."""

    def put_procedure(
        self,
        administration_id: str,
        statement: str,
        *,
        next_step: Texts,
        due_days: int | None,
        remedies: dict[str, Texts],
    ) -> None:
        """Add or replace the version of the procedure that the statement registers."""

    def put_document_type(self, administration_id: str, kind: DocumentType) -> None:
        """Add or replace."""

    def administrations(self) -> list[Administration]:
        """Return all, by identifier."""

    def get_administration(self, administration_id: str) -> Administration:
        """Return one. Raises `RequestError` (`not_found`)."""

    def find_administration_by_code(self, code: str) -> Administration | None:
        """Return the administration with this code, or None."""

    def find_administration_by_token(self, token_digest: bytes) -> Administration | None:
        """Return the administration whose back-office token has this digest, or None."""

    def procedures(self, administration_id: str) -> list[ProcedureEntry]:
        """Return the newest version of each procedure."""

    def get_procedure(self, administration_id: str, procedure_id: str, *, version: int | None) -> ProcedureEntry:
        """Return one version, or the newest (None). Raises `RequestError` (`unknown_procedure`)."""

    def document_types(self, administration_id: str) -> dict[str, DocumentType]:
        """Return the types that this administration knows, by `vct`."""

    def add_presentation(self, presentation: Presentation) -> None:
        """Keep a new request."""

    def get_presentation(self, administration_id: str, presentation_id: str) -> Presentation:
        """Return one by the office's identifier. Raises `RequestError` (`not_found`)."""

    def get_presentation_by_request(self, administration_id: str, request_id: str) -> Presentation:
        """Return one by the identifier in the wallet's addresses. Raises `RequestError` (`not_found`)."""

    def find_presentation_by_commitment(
        self, administration_id: str, commitment: Commitment
    ) -> Presentation | None:
        """Return the presentation whose share has this commitment, or None."""

    def recent_presentations(self, administration_id: str, *, limit: int) -> list[Presentation]:
        """Return the newest requests, newest first."""

    def decided_presentations(
        self, administration_id: str, *, since: datetime, until: datetime
    ) -> list[Presentation]:
        """Return those accepted or rejected from `since` on and before `until`, oldest first."""

    def recorded_presentations(
        self, administration_id: str, *, since: datetime, until: datetime
    ) -> list[Presentation]:
        """Return those of `decided_presentations` whose share has a record, oldest first."""

    def count_recorded(self, administration_id: str, *, since: datetime, until: datetime) -> int:
        """Return how many `recorded_presentations` gives, without loading one."""

    def count_not_kept(self, administration_id: str, *, since: datetime, until: datetime) -> int:
        """Return of how many of them neither a case nor a blocked one is kept."""

    def note_trouble(self, administration_id: str, presentation_id: str, *, check: Check, code: str) -> None:
        """Remember that a check could not be made."""

    def destroy_expired_keys(self, administration_id: str, *, now: datetime) -> int:
        """Destroy the private keys of requests that expired unanswered."""

    def decide(self, administration_id: str, presentation_id: str, decision: Decision) -> None:
        """Write the decision. Raises `StoreConflictError`: `request_already_answered`, `receipt_replayed`."""

    def find_case(self, administration_id: str, presentation_id: str) -> bytes | None:
        """Return the sealed claims and receipt, or None."""

    def add_withdrawal(self, withdrawal: Withdrawal) -> Withdrawal:
        """Keep a withdrawal; the first with its commitment wins. Raises `StoreConflictError`."""

    def find_withdrawal_by_commitment(self, administration_id: str, commitment: Commitment) -> Withdrawal | None:
        """Return the withdrawal that arrived under this commitment, or None."""

    def get_withdrawal(self, administration_id: str, withdrawal_id: str) -> Withdrawal:
        """Return one by the office's identifier. Raises `RequestError` (`not_found`)."""

    def get_withdrawal_by_token(self, administration_id: str, token: str) -> Withdrawal:
        """Return one by the secret in the wallet's address. Raises `RequestError` (`not_found`)."""

    def open_withdrawals(self, administration_id: str) -> list[Withdrawal]:
        """Return those without a given answer, the most urgent first."""

    def withdrawals_of(self, administration_id: str, presentation_id: str) -> list[Withdrawal]:
        """Return all withdrawals of one share, oldest first."""

    def decide_withdrawal(
        self, administration_id: str, withdrawal_id: str, answer: Answer, blocked: BlockedCase | None
    ) -> None:
        """Write the decision and block. Raises `StoreConflictError` (`withdrawal_decided`)."""

    def give_answer(self, administration_id: str, withdrawal_id: str, *, promise: str) -> None:
        """Make a decided answer readable for the citizen."""

    def find_blocked(self, administration_id: str, presentation_id: str) -> BlockedCase | None:
        """Return the blocked case, or None."""

    def destroy_blocked(self, administration_id: str, *, now: datetime) -> int:
        """Destroy the blocked cases whose time has come."""

    def add_reconciliation(self, administration_id: str, token: str, *, made_at: datetime) -> None:
        """Keep a signed comparison of the office's books."""

    def reconciliations(self, administration_id: str, *, limit: int) -> list[str]:
        """Return the signed comparisons, newest first."""


class SqlStore(SqlParties, SqlPresentations, SqlWithdrawals, SqlReconciliations):
    """The store over one SQL database."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
