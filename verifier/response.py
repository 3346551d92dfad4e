# SPDX-License-Identifier: EUPL-1.2
"""Receiving the wallet's response: decrypt, verify, decide, answer (OpenID4VP 1.0, section 8).

- One decision per request. The same bytes again get the same answer; any other second response is refused.
- What cannot be opened with this request's key decides nothing: it may be anybody's.
- After the checks the presentation is destroyed. What stays is the decision, the claims that the procedure asks
  for, and the receipt; of a rejected share the receipt alone, so that its sender can still take it back.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from ledger import record as records
from ledger import signatures
from ledger.commitment import Commitment
from ledger.receipt import ConsentReceipt
from protocol import jwe, jws
from protocol.clock import Clock
from protocol.encoding import JSON, compact_json, sha256
from protocol.errors import Check, Error, RequestError, StoreConflictError, VerificationError
from protocol.keys import PrivateKey, Signer
from protocol.openid4vp import PresentationResponse
from protocol.registration import Procedure
from protocol.runtime.sealing import Sealer
from verifier import report
from verifier.checklist import CheckState, CouldNotCheckError, RefusedError
from verifier.model import Administration, Decision, Presentation, PresentationState, ProcedureEntry
from verifier.report import KeptCase, Translate
from verifier.store import Store
from verifier.verification import Expected, Pipeline, VerifiedPresentation


@dataclass(frozen=True)
class Reply:
    """What the wallet is answered, to the byte."""

    status: int
    body: bytes


@dataclass(frozen=True)
class _Case:
    """One transaction while its response is decided."""

    administration: Administration
    entry: ProcedureEntry
    presentation: Presentation
    expected: Expected
    payload: bytes
    digest: bytes
    now: datetime


class Responses:
    """Takes responses and decides them."""

    def __init__(
        self,
        *,
        store: Store,
        pipeline: Pipeline,
        key_sealer: Sealer,
        case_sealer: Sealer,
        clock: Clock,
        open_signer: Callable[[str], Signer],
        translate: Translate,
    ) -> None:
        self._store = store
        self._pipeline = pipeline
        self._key_sealer = key_sealer
        self._case_sealer = case_sealer
        self._clock = clock
        self._open_signer = open_signer
        self._translate = translate

    def receive(self, administration_id: str, request_id: str, response: str) -> Reply:
        """Return the answer to an encrypted response.

        Raises `RequestError` when the request is unknown, expired, answered otherwise, or the response is not
        encrypted to it; `CouldNotCheckError` when a check could not be made (the request goes on waiting).
        """
        presentation = self._store.get_presentation_by_request(administration_id, request_id)
        digest = sha256(response.encode())
        if presentation.state is not PresentationState.WAITING:
            return _repeat(presentation, digest)
        case = self._open(presentation, response, digest)
        try:
            verified = self._pipeline.verify(case.payload, expected=case.expected, now=case.now)
        except RefusedError as refused:
            return self._reject(case, refused)
        except CouldNotCheckError as trouble:
            self._store.note_trouble(administration_id, presentation.id, check=trouble.check, code=trouble.code)
            raise
        return self._accept(case, verified)

    def decline(self, administration_id: str, request_id: str, *, error: str, state: str) -> Reply:
        """Return the answer to a wallet that says no (section 8.5); nothing is kept but that it did.

        Raises `RequestError` as `receive` does, and `invalid_request` unless it brings the request's state.
        """
        presentation = self._store.get_presentation_by_request(administration_id, request_id)
        digest = sha256(compact_json({"error": error, "state": state}))
        if presentation.state is not PresentationState.WAITING:
            return _repeat(presentation, digest)
        if not hmac.compare_digest(state.encode(), presentation.wallet_state.encode()):
            raise RequestError("invalid_request", "the state is not this request's")
        now = self._clock.now()
        _check_open(presentation, now)
        decision = Decision(
            state=PresentationState.DECLINED,
            answered_at=now,
            response_digest=digest,
            answer_status=HTTPStatus.OK,
            answer=b"{}",
            reference=None,
            commitment=None,
            sealed_case=None,
        )
        return self._write(presentation, decision)

    def _open(self, presentation: Presentation, response: str, digest: bytes) -> _Case:
        now = self._clock.now()
        _check_open(presentation, now)
        if presentation.sealed_key is None:
            raise RequestError("request_expired", "the request's key is destroyed", status=410)
        key = PrivateKey.from_pem(self._key_sealer.open(presentation.sealed_key, about=presentation.about))
        payload = jwe.decrypt(response, key, expected_key_id=presentation.key_id)
        administration_id = presentation.administration_id
        entry = self._store.get_procedure(
            administration_id, presentation.procedure_id, version=presentation.procedure_version
        )
        expected = Expected(
            client_id=presentation.client_id,
            nonce=presentation.nonce,
            state=presentation.wallet_state,
            # verified against the trust list when the request started; policy checks that it is still in force
            procedure=Procedure.parse(jws.parse(entry.statement).claims()),
            document_rules={vct: kind.rule for vct, kind in self._store.document_types(administration_id).items()},
        )
        administration = self._store.get_administration(administration_id)
        return _Case(administration, entry, presentation, expected, payload, digest, now)

    def _acceptance(self, case: _Case, verified: VerifiedPresentation) -> Decision:
        reference = report.new_reference(case.now)
        outcome = report.accepted(case.entry, reference, verified.checklist, now=case.now)
        commitment = verified.receipt.commitment
        answer: dict[str, JSON] = {
            "consent_acceptance": self._countersign(case, commitment, "accepted", reference),
            "outcome": outcome.to_json(),
        }
        return Decision(
            state=PresentationState.ACCEPTED,
            answered_at=case.now,
            response_digest=case.digest,
            answer_status=HTTPStatus.OK,
            answer=compact_json(answer),
            reference=reference,
            commitment=commitment,
            sealed_case=self._seal(case, KeptCase.of(verified.documents, verified.given_receipt)),
        )

    def _rejection(self, case: _Case, refused: RefusedError, receipt: ConsentReceipt | None) -> Decision:
        reference = report.new_reference(case.now)
        outcome = report.rejected(
            case.entry, reference, refused.check, refused.checklist, translate=self._translate
        )
        answer: dict[str, JSON] = {
            "error": refused.code,
            "error_description": refused.message,
            "check": refused.check.value,
            "outcome": outcome.to_json(),
        }
        commitment = None if receipt is None else records.commit(receipt.key, receipt.record)
        if commitment is not None:
            answer["consent_acceptance"] = self._countersign(case, commitment, "rejected", reference)
        return Decision(
            state=PresentationState.REJECTED,
            answered_at=case.now,
            response_digest=case.digest,
            answer_status=refused.status,
            answer=compact_json(answer),
            reference=reference,
            commitment=commitment,
            sealed_case=None if receipt is None else self._seal(case, KeptCase.of((), receipt)),
        )

    def _accept(self, case: _Case, verified: VerifiedPresentation) -> Reply:
        """Write the acceptance; a receipt that is not new turns it into a rejection (receipt check, line 9)."""
        try:
            return self._write(case.presentation, self._acceptance(case, verified))
        except StoreConflictError as conflict:
            if conflict.code != "receipt_replayed":
                raise
            cause = VerificationError(Check.RECEIPT, conflict.message, code=conflict.code)
            checklist = {**verified.checklist, Check.RECEIPT: CheckState.FAILED}
            return self._write(case.presentation, self._rejection(case, RefusedError(cause, checklist), None))

    def _reject(self, case: _Case, refused: RefusedError) -> Reply:
        """Write the rejection; a receipt that is another presentation's is not kept."""
        try:
            return self._write(case.presentation, self._rejection(case, refused, _find_receipt(case)))
        except StoreConflictError as conflict:
            if conflict.code != "receipt_replayed":
                raise
            return self._write(case.presentation, self._rejection(case, refused, None))

    def _write(self, presentation: Presentation, decision: Decision) -> Reply:
        try:
            self._store.decide(presentation.administration_id, presentation.id, decision)
        except StoreConflictError as conflict:
            if conflict.code != "request_already_answered":
                raise
            # somebody was faster: the same response gets the same answer
            now_answered = self._store.get_presentation(presentation.administration_id, presentation.id)
            return _repeat(now_answered, decision.response_digest)
        return Reply(decision.answer_status, decision.answer)

    def _countersign(self, case: _Case, commitment: Commitment, result: signatures.Result, reference: str) -> str:
        return signatures.sign_acceptance(
            self._open_signer(case.administration.signer_url),
            commitment=commitment,
            result=result,
            reference=reference,
            now=case.now,
            x5c=case.administration.x5c,
        )

    def _seal(self, case: _Case, kept: KeptCase) -> bytes:
        return self._case_sealer.seal(kept.to_bytes(), about=case.presentation.about)


def _check_open(presentation: Presentation, now: datetime) -> None:
    if presentation.has_expired(now):
        raise RequestError("request_expired", "the request has expired", status=410)


def _repeat(presentation: Presentation, digest: bytes) -> Reply:
    """Return the answer that was given, to the same response only."""
    given, status, answer = presentation.response_digest, presentation.answer_status, presentation.answer
    if given is None or status is None or answer is None or not hmac.compare_digest(given, digest):
        raise RequestError("request_already_answered", "the request was answered before", status=409)
    return Reply(status, answer)


def _find_receipt(case: _Case) -> ConsentReceipt | None:
    """Return the response's receipt when it opens the share that was promised, and that answers this request.

    Whatever else is wrong with the response or the receipt: its sender can take back what it says.
    """
    try:
        response = PresentationResponse.parse(case.payload)
        if response.consent_receipt is None:
            return None
        receipt = ConsentReceipt.parse(response.consent_receipt)
        record = records.parse(receipt.record)
        promised = records.parse_commitment(jws.parse(receipt.promise).claims().get("commitment"))
        is_opened = hmac.compare_digest(records.commit(receipt.key, receipt.record), promised)
    except Error:
        return None
    asked = records.RequestReference(case.expected.client_id, case.expected.nonce)
    return receipt if is_opened and record.request == asked else None
