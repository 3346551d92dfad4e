# SPDX-License-Identifier: EUPL-1.2
"""Taking back: receiving a citizen's withdrawal, its legal clock, and the office's signed answer.

- A withdrawal counts when the share's consent key signed it and a trusted log promised it and its marker.
- The clock is one month from arrival (GDPR, article 12.3), whatever is done with the answer.
- To erase is to block now and destroy later (LOPDGDD, article 32): claims and receipt move, in the transaction of
  the decision, to a table sealed under a key kept apart, out of the desk's reach.
- The answer is a record, signed with the access key; it is given only once the ledger has promised it. When the
  ledger is down the decision (and the blocking) stands and the answer waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger import promise as promises
from ledger import record as records
from ledger import signatures
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.record import ConsentRecord, RecordType
from protocol.clock import Clock
from protocol.deadlines import legal_due
from protocol.encoding import JSON, b64url_decode, b64url_encode, get_member
from protocol.errors import Check, Error, RequestError, StoreConflictError, UnavailableError, VerificationError
from protocol.keys import Signer
from protocol.runtime.sealing import Sealer
from protocol.trust import TrustList
from verifier.legal import GROUND_SENTENCES
from verifier.model import (
    Administration,
    Answer,
    AnswerKind,
    BlockedCase,
    Presentation,
    Withdrawal,
    WithdrawalState,
)
from verifier.report import KeptCase
from verifier.request import new_secret
from verifier.store import Store


@dataclass(frozen=True)
class WithdrawalRequest:
    """A withdrawal as it arrives; promises nothing."""

    record: bytes
    key: bytes
    signature: str
    promise: str
    marker_promise: str

    @classmethod
    def parse(cls, members: dict[str, JSON]) -> WithdrawalRequest:
        """Return the request of its JSON object. Raises `RequestError` on another shape."""
        if unknown := members.keys() - {"record", "key", "signature", "promise", "marker_promise"}:
            raise RequestError("invalid_request", f"unknown member {min(unknown)}")
        return cls(
            record=b64url_decode(get_member(members, "record", str)),
            key=b64url_decode(get_member(members, "key", str)),
            signature=get_member(members, "signature", str),
            promise=get_member(members, "promise", str),
            marker_promise=get_member(members, "marker_promise", str),
        )


class Withdrawals:
    """Receives withdrawals, shows them to clerks, answers them."""

    def __init__(
        self,
        *,
        store: Store,
        trust: TrustList,
        open_ledger: Callable[[str], LedgerClient],
        sealer: Sealer,
        blocking_sealer: Sealer,
        clock: Clock,
        open_signer: Callable[[str], Signer],
        log: str,
        blocked_for: timedelta,
    ) -> None:
        self._store = store
        self._trust = trust
        self._open_ledger = open_ledger
        self._sealer = sealer
        self._blocking_sealer = blocking_sealer
        self._clock = clock
        self._open_signer = open_signer
        # origin of the log that new answers name
        self._log = log
        self._blocked_for = blocked_for

    def receive(self, administration_id: str, request: WithdrawalRequest) -> Withdrawal:
        """Keep a withdrawal and return it; the same again returns the same.

        Raises `RequestError` (`invalid_record`, `unknown_share`), `VerificationError` (`withdrawal_party`,
        `withdrawal_signature`, `withdrawal_promise`) or `StoreConflictError` (`withdrawal_pending`,
        `already_blocked`).
        """
        administration = self._store.get_administration(administration_id)
        # (1) canonical bytes of a withdrawal, by the person's own wallet
        record = records.parse(request.record)
        if record.type is not RecordType.WITHDRAWAL or record.recorded_by != "wallet":
            raise RequestError("invalid_record", "expected the record of a withdrawal by a wallet")
        commitment = records.commit(request.key, request.record)
        known = self._store.find_withdrawal_by_commitment(administration_id, commitment)
        if known is not None:
            return known
        # (2) it is to us
        if record.party.identifier != administration.code:
            raise _wrong("withdrawal_party", "the withdrawal names another administration")
        # (3) the share is one that was presented to us and is not blocked
        presentation, case = self._share(administration_id, record)
        # (4) signed by the consent key of the share
        _check_signature(request, case)
        # (5) promised, and its marker with it, by a log on our trust list
        share = records.commit(case.receipt.key, case.receipt.record)
        marker = records.withdrawal_marker(case.receipt.key, share)
        self._check_promise(record.log, request.promise, commitment)
        self._check_promise(record.log, request.marker_promise, marker)
        now = self._clock.now()
        return self._store.add_withdrawal(
            Withdrawal(
                id=new_secret(),
                administration_id=administration_id,
                presentation_id=presentation.id,
                token=new_secret(),
                commitment=commitment,
                kind=str(record.take_back),
                record=request.record,
                key=request.key,
                signature=request.signature,
                promise=request.promise,
                marker_promise=request.marker_promise,
                received_at=now,
                due_on=legal_due(now),
            )
        )

    def erase(self, administration_id: str, withdrawal_id: str, *, decided_by: str) -> Withdrawal:
        """Block the case now, and answer so. Raises as `_answer`."""
        return self._answer(administration_id, withdrawal_id, AnswerKind.BLOCKED, None, decided_by)

    def refuse(
        self, administration_id: str, withdrawal_id: str, *, legal_ground: str, decided_by: str
    ) -> Withdrawal:
        """Refuse on a legal ground, and answer so. Raises `RequestError` (`unknown_ground`), else as `_answer`."""
        if legal_ground not in GROUND_SENTENCES:
            raise RequestError("unknown_ground", "a refusal needs one of the legal grounds")
        return self._answer(administration_id, withdrawal_id, AnswerKind.REFUSED, legal_ground, decided_by)

    def give_answer(self, administration_id: str, withdrawal_id: str) -> Withdrawal:
        """Have a decided answer promised, and give it; safe to repeat.

        Raises `UnavailableError` when the ledger gives no promise that counts; then the answer goes on waiting.
        """
        withdrawal = self._store.get_withdrawal(administration_id, withdrawal_id)
        answer = withdrawal.answer
        if withdrawal.state is not WithdrawalState.ANSWERING or answer is None:
            return withdrawal
        commitment = records.commit(answer.key, answer.record)
        decided = records.parse(answer.record)
        # the log that the record names, which may be that of the year before
        promise = self._open_ledger(decided.log).add_entry(commitment)
        now = self._clock.now()
        log = self._trust.get_log(decided.log, now=now)
        try:
            promises.verify(
                promise,
                log.promise_key,
                log=log.origin,
                commitment=commitment,
                now=now,
                # the log repeats its first promise, which may be of long ago when nobody lived to keep it
                max_age=max(now - decided.time, timedelta(0)),
            )
        except VerificationError as exc:
            raise UnavailableError("ledger_unavailable", "the ledger's promise does not hold") from exc
        self._store.give_answer(administration_id, withdrawal_id, promise=promise)
        return self._store.get_withdrawal(administration_id, withdrawal_id)

    def destroy_due(self, administration_id: str) -> int:
        """Destroy the blocked cases whose time has come and return how many."""
        return self._store.destroy_blocked(administration_id, now=self._clock.now())

    def _share(self, administration_id: str, record: ConsentRecord) -> tuple[Presentation, KeptCase]:
        if record.previous is None:
            raise RequestError("invalid_record", "the withdrawal names no share")
        presentation = self._store.find_presentation_by_commitment(administration_id, record.previous)
        if presentation is None:
            raise RequestError("unknown_share", "no such share was received here", status=404)
        if self._store.find_blocked(administration_id, presentation.id) is not None:
            raise StoreConflictError("already_blocked", "the data of this share are blocked already")
        sealed = self._store.find_case(administration_id, presentation.id)
        if sealed is None:
            raise RequestError("unknown_share", "nothing of this share is kept here", status=404)
        return presentation, KeptCase.parse(self._sealer.open(sealed, about=presentation.about))

    def _check_promise(self, origin: str, promise: str, commitment: Commitment) -> None:
        try:
            log = self._trust.get_log(origin, now=self._clock.now())
            promises.verify_undated(promise, log.promise_key, log=log.origin, commitment=commitment)
        except VerificationError as exc:
            raise _wrong("withdrawal_promise", "the withdrawal was not promised by a trusted log") from exc

    def _answer(
        self,
        administration_id: str,
        withdrawal_id: str,
        kind: AnswerKind,
        legal_ground: str | None,
        decided_by: str,
    ) -> Withdrawal:
        """Decide, block if so decided, and give the answer.

        Raises `StoreConflictError` (`withdrawal_decided`) when it was decided before, and `UnavailableError` when
        the ledger gave no promise: the decision stands, `give_answer` finishes it.
        """
        withdrawal = self._store.get_withdrawal(administration_id, withdrawal_id)
        administration = self._store.get_administration(administration_id)
        now = self._clock.now()
        answer = self._build_answer(administration, withdrawal, kind, legal_ground, decided_by, now)
        blocked = self._block(withdrawal, now) if kind is AnswerKind.BLOCKED else None
        self._store.decide_withdrawal(administration_id, withdrawal_id, answer, blocked)
        return self.give_answer(administration_id, withdrawal_id)

    def _build_answer(
        self,
        administration: Administration,
        withdrawal: Withdrawal,
        kind: AnswerKind,
        legal_ground: str | None,
        decided_by: str,
        now: datetime,
    ) -> Answer:
        asked = records.parse(withdrawal.record)
        record = records.to_bytes(
            records.build_answer(
                RecordType.BLOCKED if kind is AnswerKind.BLOCKED else RecordType.REFUSAL_TO_ERASE,
                log=self._log,
                time=now,
                transaction_identifier=records.new_transaction_identifier(),
                party=asked.party,
                previous=withdrawal.commitment,
                legal_ground=legal_ground,
            )
        )
        signer = self._open_signer(administration.signer_url)
        signature = signatures.sign_answer(record, signer, x5c=administration.x5c)
        return Answer(kind, record, records.new_key(), signature, None, now, decided_by, legal_ground)

    def _block(self, withdrawal: Withdrawal, now: datetime) -> BlockedCase | None:
        sealed = self._store.find_case(withdrawal.administration_id, withdrawal.presentation_id)
        if sealed is None:
            return None
        presentation = self._store.get_presentation(withdrawal.administration_id, withdrawal.presentation_id)
        case = self._sealer.open(sealed, about=presentation.about)
        apart = self._blocking_sealer.seal(case, about=presentation.about)
        return BlockedCase(apart, blocked_at=now, destroy_after=now + self._blocked_for)


def withdrawal_json(withdrawal: Withdrawal) -> dict[str, JSON]:
    """Return what the wallet reads at the status address; an answer is there only once it is given."""
    answer = withdrawal.answer if withdrawal.state is WithdrawalState.ANSWERED else None
    given: dict[str, JSON] | None = None
    if answer is not None and answer.promise is not None:
        given = {
            "record": b64url_encode(answer.record),
            "key": b64url_encode(answer.key),
            "signature": answer.signature,
            "promise": answer.promise,
        }
    return {
        "state": "received" if given is None else "answered",
        "due": withdrawal.due_on.isoformat(),
        "answer": given,
    }


def _check_signature(request: WithdrawalRequest, case: KeptCase) -> None:
    consent_key = records.parse(case.receipt.record).consent_key
    if consent_key is None:
        raise _wrong("withdrawal_signature", "the share names no consent key")
    try:
        signatures.verify_withdrawal(request.signature, request.record, consent_key)
    except Error as exc:
        raise _wrong("withdrawal_signature", "the withdrawal is not signed by the share's consent key") from exc


def _wrong(code: str, message: str) -> VerificationError:
    return VerificationError(Check.RECEIPT, message, code=code)
