# SPDX-License-Identifier: EUPL-1.2
"""Taking a share back, as the citizen keeps it, and how it moves: record, promise, send, follow.

The request and the marker are promised by the ledger before the office hears of it, so the day counts even if the
office does not answer. What the office answers counts only signed and recorded (`wallet.consent.verify_answer`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from ledger import record as records
from ledger.record import Commitment, TakeBack
from protocol.clock import epoch_seconds, from_epoch
from protocol.encoding import JSON, b64url_decode, b64url_encode, get_member
from protocol.errors import Error, RequestError
from protocol.trust import TrustList
from wallet import consent
from wallet.consent import Answer, TakeBackRequest
from wallet.share import Share, ask_promise, check_promise
from wallet.verifiers import TakeBackReply, TakeBackStatus


class TakeBackState(StrEnum):
    """How far a take-back has come."""

    # recorded, and not known to have arrived: sent again until it has
    PROMISED = "promised"
    RECEIVED = "received"
    ANSWERED = "answered"


@dataclass(frozen=True)
class TakenBack:
    """Everything about one take-back that the citizen keeps, sealed."""

    state: TakeBackState
    kind: TakeBack
    requested_at: datetime
    record: bytes
    key: bytes = field(repr=False)
    signature: str = field(repr=False)
    promise: str = field(repr=False)
    marker_promise: str = field(repr=False)
    status_uri: str = ""
    # the legal clock: the day by which the office must answer, YYYY-MM-DD
    due: str = ""
    # verified answers as they came, oldest first
    answers: tuple[Mapping[str, JSON], ...] = field(default=(), repr=False)
    error: str = ""

    @property
    def commitment(self) -> Commitment:
        """What the ledger holds of it."""
        return records.commit(self.key, self.record)

    @property
    def last_answer(self) -> records.ConsentRecord | None:
        """What the office answered last."""
        if not self.answers:
            return None
        return records.parse(b64url_decode(str(self.answers[-1]["record"])))

    def body(self) -> dict[str, JSON]:
        """Return what is posted to the office."""
        return {
            "record": b64url_encode(self.record),
            "key": b64url_encode(self.key),
            "signature": self.signature,
            "promise": self.promise,
            "marker_promise": self.marker_promise,
        }

    def to_json(self) -> dict[str, JSON]:
        """Return what `parse` reads."""
        return {
            **self.body(),
            "state": self.state.value,
            "kind": self.kind.value,
            "requested_at": epoch_seconds(self.requested_at),
            "status_uri": self.status_uri,
            "due": self.due,
            "answers": [dict(each) for each in self.answers],
            "error": self.error,
        }

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> TakenBack:
        """Return the take-back that `to_json` wrote."""
        return cls(
            state=TakeBackState(get_member(value, "state", str)),
            kind=TakeBack(get_member(value, "kind", str)),
            requested_at=from_epoch(get_member(value, "requested_at", int)),
            record=b64url_decode(get_member(value, "record", str)),
            key=b64url_decode(get_member(value, "key", str)),
            signature=get_member(value, "signature", str),
            promise=get_member(value, "promise", str),
            marker_promise=get_member(value, "marker_promise", str),
            status_uri=get_member(value, "status_uri", str),
            due=get_member(value, "due", str),
            answers=tuple(each for each in get_member(value, "answers", list) if isinstance(each, dict)),
            error=get_member(value, "error", str),
        )


def prepare(share: Share, kind: TakeBack, *, log: str, now: datetime) -> TakeBackRequest:
    """Return what the share's consent key must sign. Raises `RequestError` when the law gives no such request."""
    if kind not in consent.TAKE_BACKS[share.legal_basis]:
        raise RequestError("invalid_request", f"expected another request than {kind} under this legal basis")
    return consent.prepare_take_back(share.record, share.key, kind, log=log, now=now)


def promise(
    request: TakeBackRequest,
    signatures: Sequence[bytes],
    *,
    add_entry: Callable[[Commitment], str],
    trust: TrustList,
    now: datetime,
) -> TakenBack:
    """Return the take-back as signed and promised. Raises `UnavailableError` when the ledger gives no promise."""
    signature = request.complete(signatures)
    promised = ask_promise(request.commitment, add_entry)
    marked = ask_promise(request.marker, add_entry)
    check_promise(promised, request.record, request.commitment, trust=trust, now=now)
    check_promise(marked, request.record, request.marker, trust=trust, now=now)
    kind = records.parse(request.record).take_back
    if kind is None:
        raise RequestError("invalid_request", "expected the record of a take-back")
    return TakenBack(
        state=TakeBackState.PROMISED,
        kind=kind,
        requested_at=now,
        record=request.record,
        key=request.key,
        signature=signature,
        promise=promised,
        marker_promise=marked,
    )


def deliver(
    taken: TakenBack, share: Share, *, send: Callable[[str, Mapping[str, JSON]], TakeBackReply]
) -> TakenBack:
    """Send it and return it as received, or as still to be sent; safe to repeat."""
    if share.withdrawal_uri is None:
        return replace(taken, error="no_withdrawal_address")
    try:
        reply = send(share.withdrawal_uri, taken.body())
    except Error as exc:
        return replace(taken, error=exc.code)
    return replace(taken, state=TakeBackState.RECEIVED, status_uri=reply.status_uri, due=reply.due, error="")


def follow(
    taken: TakenBack,
    share: Share,
    *,
    ask: Callable[[str], TakeBackStatus],
    trust: TrustList,
    now: datetime,
) -> TakenBack:
    """Return the take-back with what the office answered by now; an answer that does not verify is an error."""
    try:
        status = ask(taken.status_uri)
        if status.answer is None:
            return replace(taken, due=status.due or taken.due, error="")
        answer: Answer = consent.verify_answer(
            status.answer,
            expected_previous=taken.commitment,
            expected_party=share.party_code,
            trust=trust,
            now=now,
        )
    except Error as exc:
        return replace(taken, error=exc.code)
    answers = taken.answers if answer.evidence in taken.answers else (*taken.answers, answer.evidence)
    return replace(taken, state=TakeBackState.ANSWERED, answers=answers, due=status.due or taken.due, error="")
