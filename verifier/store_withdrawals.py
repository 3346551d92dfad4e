# SPDX-License-Identifier: EUPL-1.2
"""Withdrawals with their answers, and the cases that were blocked for them."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import col, delete, select, update

from ledger.commitment import Commitment
from protocol.errors import RequestError, StoreConflictError
from protocol.runtime.database import Database
from verifier.model import Answer, AnswerKind, BlockedCase, Withdrawal, WithdrawalState
from verifier.tables import BlockedCaseRow, CaseRow, PresentationRow, WithdrawalRow


class SqlWithdrawals:
    """The withdrawals' half of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_withdrawal(self, withdrawal: Withdrawal) -> Withdrawal:
        """Keep a withdrawal and return it; safe to repeat: the one with the same commitment wins.

        Raises `StoreConflictError` (`withdrawal_pending`) while another one of the same share is open.
        """
        with self._database.write() as db:
            # another one of the same share that arrives at the same moment waits here
            share = select(PresentationRow.id).where(
                PresentationRow.administration_id == withdrawal.administration_id,
                PresentationRow.id == withdrawal.presentation_id,
            )
            db.exec(share.with_for_update()).all()
            rows = db.exec(
                select(WithdrawalRow).where(
                    WithdrawalRow.administration_id == withdrawal.administration_id,
                    WithdrawalRow.presentation_id == withdrawal.presentation_id,
                )
            ).all()
            for row in rows:
                if row.commitment == withdrawal.commitment:
                    return _withdrawal(row)
            if any(row.state != WithdrawalState.ANSWERED.value for row in rows):
                raise StoreConflictError("withdrawal_pending", "another withdrawal of this share is open")
            db.add(
                WithdrawalRow(
                    id=withdrawal.id,
                    administration_id=withdrawal.administration_id,
                    presentation_id=withdrawal.presentation_id,
                    token=withdrawal.token,
                    commitment=withdrawal.commitment,
                    kind=withdrawal.kind,
                    record=withdrawal.record,
                    key=withdrawal.key,
                    signature=withdrawal.signature,
                    promise=withdrawal.promise,
                    marker_promise=withdrawal.marker_promise,
                    received_at=withdrawal.received_at,
                    due_on=withdrawal.due_on,
                    state=withdrawal.state.value,
                )
            )
        return withdrawal

    def find_withdrawal_by_commitment(self, administration_id: str, commitment: Commitment) -> Withdrawal | None:
        """Return the withdrawal that arrived under this commitment, or None."""
        with self._database.read() as db:
            row = db.exec(
                select(WithdrawalRow).where(
                    WithdrawalRow.administration_id == administration_id, WithdrawalRow.commitment == commitment
                )
            ).first()
            return None if row is None else _withdrawal(row)

    def get_withdrawal(self, administration_id: str, withdrawal_id: str) -> Withdrawal:
        """Return one by the office's identifier. Raises `RequestError` (`not_found`)."""
        return self._get_withdrawal(
            WithdrawalRow.administration_id == administration_id, WithdrawalRow.id == withdrawal_id
        )

    def get_withdrawal_by_token(self, administration_id: str, token: str) -> Withdrawal:
        """Return one by the secret in the wallet's address. Raises `RequestError` (`not_found`)."""
        return self._get_withdrawal(
            WithdrawalRow.administration_id == administration_id, WithdrawalRow.token == token
        )

    def open_withdrawals(self, administration_id: str) -> list[Withdrawal]:
        """Return those without a given answer, the most urgent first."""
        with self._database.read() as db:
            rows = db.exec(
                select(WithdrawalRow)
                .where(
                    WithdrawalRow.administration_id == administration_id,
                    WithdrawalRow.state != WithdrawalState.ANSWERED.value,
                )
                .order_by(col(WithdrawalRow.due_on), col(WithdrawalRow.received_at))
            ).all()
            return [_withdrawal(row) for row in rows]

    def withdrawals_of(self, administration_id: str, presentation_id: str) -> list[Withdrawal]:
        """Return all withdrawals of one share, oldest first."""
        with self._database.read() as db:
            rows = db.exec(
                select(WithdrawalRow)
                .where(
                    WithdrawalRow.administration_id == administration_id,
                    WithdrawalRow.presentation_id == presentation_id,
                )
                .order_by(col(WithdrawalRow.received_at))
            ).all()
            return [_withdrawal(row) for row in rows]

    def decide_withdrawal(
        self, administration_id: str, withdrawal_id: str, answer: Answer, blocked: BlockedCase | None
    ) -> None:
        """Write the decision; with `blocked`, the case moves out of reach in the same transaction.

        Raises `StoreConflictError` (`withdrawal_decided`) when there is a decision already.
        """
        with self._database.write() as db:
            changed = db.exec(
                update(WithdrawalRow)
                .where(
                    col(WithdrawalRow.administration_id) == administration_id,
                    col(WithdrawalRow.id) == withdrawal_id,
                    col(WithdrawalRow.state) == WithdrawalState.RECEIVED.value,
                )
                .values(
                    state=WithdrawalState.ANSWERING.value,
                    answer_kind=answer.kind.value,
                    answer_record=answer.record,
                    answer_key=answer.key,
                    answer_signature=answer.signature,
                    decided_at=answer.decided_at,
                    decided_by=answer.decided_by,
                    legal_ground=answer.legal_ground,
                )
            )
            if changed.rowcount != 1:
                raise StoreConflictError("withdrawal_decided", "the withdrawal was decided before")
            if blocked is None:
                return
            row = db.get_one(WithdrawalRow, withdrawal_id)
            db.exec(
                delete(CaseRow).where(
                    col(CaseRow.administration_id) == administration_id,
                    col(CaseRow.presentation_id) == row.presentation_id,
                )
            )
            db.add(
                BlockedCaseRow(
                    administration_id=administration_id,
                    presentation_id=row.presentation_id,
                    sealed=blocked.sealed,
                    blocked_at=blocked.blocked_at,
                    destroy_after=blocked.destroy_after,
                )
            )

    def give_answer(self, administration_id: str, withdrawal_id: str, *, promise: str) -> None:
        """Make a decided answer readable for the citizen; safe to repeat."""
        with self._database.write() as db:
            db.exec(
                update(WithdrawalRow)
                .where(
                    col(WithdrawalRow.administration_id) == administration_id,
                    col(WithdrawalRow.id) == withdrawal_id,
                    col(WithdrawalRow.state) == WithdrawalState.ANSWERING.value,
                )
                .values(state=WithdrawalState.ANSWERED.value, answer_promise=promise)
            )

    def find_blocked(self, administration_id: str, presentation_id: str) -> BlockedCase | None:
        """Return the blocked case, or None when there is none (any more)."""
        with self._database.read() as db:
            row = db.get(BlockedCaseRow, (administration_id, presentation_id))
            return None if row is None else BlockedCase(row.sealed, row.blocked_at, row.destroy_after)

    def destroy_blocked(self, administration_id: str, *, now: datetime) -> int:
        """Destroy the blocked cases whose time has come and return how many there were."""
        with self._database.write() as db:
            gone = db.exec(
                delete(BlockedCaseRow).where(
                    col(BlockedCaseRow.administration_id) == administration_id,
                    col(BlockedCaseRow.destroy_after) <= now,
                )
            )
            return int(gone.rowcount)

    def _get_withdrawal(self, *conditions: bool) -> Withdrawal:
        with self._database.read() as db:
            row = db.exec(select(WithdrawalRow).where(*conditions)).first()
            if row is None:
                raise RequestError("not_found", "there is no such withdrawal", status=404)
            return _withdrawal(row)


def _withdrawal(row: WithdrawalRow) -> Withdrawal:
    return Withdrawal(
        id=row.id,
        administration_id=row.administration_id,
        presentation_id=row.presentation_id,
        token=row.token,
        commitment=Commitment(row.commitment),
        kind=row.kind,
        record=row.record,
        key=row.key,
        signature=row.signature,
        promise=row.promise,
        marker_promise=row.marker_promise,
        received_at=row.received_at,
        due_on=row.due_on,
        state=WithdrawalState(row.state),
        answer=_answer(row),
    )


def _answer(row: WithdrawalRow) -> Answer | None:
    match row.answer_kind, row.answer_record, row.answer_key, row.answer_signature, row.decided_at, row.decided_by:
        case str(kind), bytes(record), bytes(key), str(signature), datetime() as at, str(by):
            return Answer(AnswerKind(kind), record, key, signature, row.answer_promise, at, by, row.legal_ground)
    return None
