# SPDX-License-Identifier: EUPL-1.2
"""Showing documents to a verifier: the record, and the two phases of signing it; `matching` says what is shown.

OpenID4VP 1.0 with DCQL and `direct_post.jwt`; the request was verified by `protocol.openid4vp.verify_request`.
What is shown is what was asked, no claim more, except claims that the issuer signed in the clear, which the
decision screen lists as well. A query that cannot be satisfied whole is answered with nothing (section 6.4.2).
No I/O here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ledger import record as records
from ledger import signatures
from ledger.receipt import ConsentReceipt
from ledger.record import Commitment
from protocol import dcql, jws, key_binding
from protocol.encoding import JSON, b64url_decode, b64url_encode, find_member, get_member
from protocol.errors import RequestError
from protocol.keys import PublicKey
from protocol.openid4vp import (
    ErrorCode,
    ErrorResponse,
    PresentationRequest,
    PresentationResponse,
    TransactionTypes,
    VerifiedRequest,
)
from protocol.sd_jwt import Path
from wallet.consent import build_share
from wallet.matching import show
from wallet.receive import Copy, Document
from wallet.signing import Purpose, Step, complete

# no transaction data is shown or signed here: a request with any is refused (OpenID4VP 1.0, section 8.4)
TRANSACTION_TYPES: TransactionTypes = {}


@dataclass(frozen=True)
class Choice:
    """The copy that answers one credential query."""

    query_id: str
    copy_id: str
    document: Document
    copy: Copy
    # the places in the document that are asked for
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Presented:
    """One presentation without its key binding."""

    query_id: str
    copy_id: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class PreparedShare:
    """Everything about a share but the signatures and the promise."""

    record: bytes
    key: bytes = field(repr=False)
    presented: tuple[Presented, ...]
    steps: tuple[Step, ...]

    @property
    def commitment(self) -> Commitment:
        """What the ledger is given."""
        return records.commit(self.key, self.record)

    def to_json(self) -> dict[str, JSON]:
        """Return what `parse` reads."""
        return {
            "record": b64url_encode(self.record),
            "key": b64url_encode(self.key),
            "presented": [{"query": p.query_id, "copy": p.copy_id, "text": p.text} for p in self.presented],
            "steps": [step.to_json() for step in self.steps],
        }

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> PreparedShare:
        """Return the prepared share that `to_json` wrote."""
        presented: list[Presented] = []
        for item in get_member(value, "presented", list):
            match item:
                case {"query": str(query), "copy": str(copy), "text": str(text)}:
                    presented.append(Presented(query, copy, text))
                case _:
                    raise RequestError("invalid_request", "expected a prepared presentation")
        return cls(
            record=b64url_decode(get_member(value, "record", str)),
            key=b64url_decode(get_member(value, "key", str)),
            presented=tuple(presented),
            steps=tuple(Step.parse(step) for step in get_member(value, "steps", list)),
        )


def prepare(
    verified: VerifiedRequest,
    choices: Sequence[Choice],
    *,
    consent_key: PublicKey,
    log: str,
    language: str,
    now: datetime,
) -> PreparedShare:
    """Return what is to be signed: the record, and for each copy its binding and key binding, in this order.

    Raises `RequestError` (`access_denied`) unless the choices answer the whole query.
    """
    request = verified.request
    by_id = {choice.query_id: choice for choice in choices}
    if len(by_id) != len(choices) or frozenset(by_id) not in request.query.possible_answers:
        raise RequestError("access_denied", "a document that is asked for is missing")
    showing = {
        wanted.id: show(wanted, by_id[wanted.id].paths, by_id[wanted.id].copy)
        for wanted in request.query.credentials
        if wanted.id in by_id
    }
    try:
        # what the verifier will ask of it, before anything is signed
        dcql.check_answered(request.query, {name: [each.candidate] for name, each in showing.items()})
    except RequestError as exc:
        raise RequestError("access_denied", "a chosen document does not hold what is asked") from exc
    shown = [claim for each in showing.values() for claim in each.claims]
    presented = [Presented(name, by_id[name].copy_id, each.text) for name, each in showing.items()]
    record = build_share(verified, shown, log=log, consent_key=consent_key, language=language, now=now)
    key = records.new_key()
    steps = [Step(consent_key, Purpose.RECORD, signatures.prepare_record(record))]
    for part in presented:
        steps += _copy_steps(by_id[part.query_id].copy.holder_key, part, request, records.commit(key, record), now)
    return PreparedShare(record=record, key=key, presented=tuple(presented), steps=tuple(steps))


def _copy_steps(
    holder_key: PublicKey, part: Presented, request: PresentationRequest, commitment: Commitment, now: datetime
) -> list[Step]:
    binding = signatures.prepare_binding(commitment, nonce=request.nonce, aud=request.client_id)
    key_bound = key_binding.prepare(part.text, nonce=request.nonce, audience=request.client_id, now=now)
    return [
        Step(holder_key, Purpose.BINDING, binding),
        Step(holder_key, Purpose.KEY_BINDING, key_bound, presentation=part.text),
    ]


@dataclass(frozen=True)
class SignedShare:
    """A share with all its signatures, ready for the ledger and then the verifier."""

    record: bytes
    key: bytes = field(repr=False)
    commitment: Commitment
    signature: str = field(repr=False)
    bindings: tuple[str, ...] = field(repr=False)
    vp_token: Mapping[str, tuple[str, ...]] = field(repr=False)


def sign(prepared: PreparedShare, given: Sequence[bytes]) -> SignedShare:
    """Return the signed share. Raises `VerificationError` (`signature`) when a signature is by another key."""
    record_token, *rest = complete(prepared.steps, given)
    bindings, key_bindings = rest[0::2], rest[1::2]
    return SignedShare(
        record=prepared.record,
        key=prepared.key,
        commitment=prepared.commitment,
        signature=jws.detach(record_token),
        bindings=tuple(bindings),
        vp_token={
            part.query_id: (part.text + token,)
            for part, token in zip(prepared.presented, key_bindings, strict=True)
        },
    )


def respond(request: PresentationRequest, signed: SignedShare, promise: str) -> bytes:
    """Return the exact body to post: the encrypted response as a form field (section 8.3.1)."""
    receipt = ConsentReceipt(signed.record, signed.key, signed.signature, promise, signed.bindings)
    response = PresentationResponse(
        state=request.state,
        vp_token=signed.vp_token,
        consent_receipt=receipt.to_json() if request.consent else None,
    )
    return response.encrypt(request).form()


def refuse(request: PresentationRequest) -> bytes:
    """Return the body that says no; the same whether the document is missing or the person declines."""
    return ErrorResponse(ErrorCode.ACCESS_DENIED.value, request.state).form()


@dataclass(frozen=True)
class Outcome:
    """What the office says about a share, in its own words. Not signed; the acceptance is."""

    result: str
    reference: str
    next_step: Mapping[str, str]
    due: str | None
    failed_check: str | None
    remedy: Mapping[str, str]

    @classmethod
    def parse(cls, value: JSON) -> Outcome:
        """Return the outcome. Raises `RequestError` on another shape."""
        if not isinstance(value, dict) or value.get("result") not in ("accepted", "rejected"):
            raise RequestError("invalid_outcome", "expected an outcome, accepted or rejected")
        return cls(
            result=get_member(value, "result", str),
            reference=str(value.get("reference") or ""),
            next_step=_texts(value, "next_step"),
            due=_find_text(value, "due"),
            failed_check=_find_text(value, "failed_check"),
            remedy=_texts(value, "remedy"),
        )

    def to_json(self) -> dict[str, JSON]:
        """Return what `parse` reads."""
        return {
            "result": self.result,
            "reference": self.reference,
            "next_step": dict(self.next_step),
            "due": self.due,
            "failed_check": self.failed_check,
            "remedy": dict(self.remedy),
        }


def _find_text(members: dict[str, JSON], name: str) -> str | None:
    return None if members.get(name) is None else get_member(members, name, str)


def _texts(members: dict[str, JSON], name: str) -> dict[str, str]:
    found = find_member(members, name, dict) if members.get(name) is not None else None
    return {code: str(text) for code, text in (found or {}).items()}
