# SPDX-License-Identifier: EUPL-1.2
"""The consent receipt that travels with a presentation, and the numbered check of it.

The check answers: the person who sent this presentation recorded exactly this share, for exactly this request
of mine, and the log promised to publish it. It leaves to the verifier's store that `(client_id, nonce)` and the
commitment are unique, and to the pipeline that the presentation itself is genuine.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from ledger import promise as promises
from ledger import record as records
from ledger import signatures
from ledger.commitment import Commitment
from ledger.record import ClaimReference, ConsentRecord, ProcedureReference, RecordType
from protocol import jws
from protocol.encoding import JSON, b64url_decode, b64url_encode, get_member
from protocol.errors import Check, Error, RequestError, VerificationError
from protocol.keys import PublicKey
from protocol.trust import TrustedLog

_T = TypeVar("_T")
MAX_BINDINGS = 16
# A record is promised just before it is sent; a lost answer is retried until the request expires.
PROMISE_MAX_AGE = timedelta(minutes=15)
NOT_CANONICAL = "receipt_not_canonical"
COMMITMENT = "receipt_commitment"
PROMISE = "receipt_promise"
REQUEST = "receipt_request"
PARTY = "receipt_party"
CLAIMS = "receipt_claims"
SIGNATURE = "receipt_signature"
BINDING = "receipt_binding"


@dataclass(frozen=True)
class ConsentReceipt:
    """Record, key, consent-key signature, promise and bindings, as they arrived; promises nothing."""

    record: bytes
    key: bytes = field(repr=False)
    signature: str = field(repr=False)
    promise: str = field(repr=False)
    bindings: tuple[str, ...] = field(repr=False)

    @classmethod
    def parse(cls, value: JSON) -> ConsentReceipt:
        """Return the receipt of its JSON object. Raises `RequestError` (`invalid_receipt`) on another shape."""
        match value:
            case {
                "record": str(record),
                "key": str(key),
                "signature": str(signature),
                "promise": str(promise),
                "bindings": list(bindings),
                **rest,
            } if not rest and len(bindings) <= MAX_BINDINGS:
                texts = tuple(each for each in bindings if isinstance(each, str))
                if len(texts) == len(bindings):
                    return cls(b64url_decode(record), b64url_decode(key), signature, promise, texts)
        raise RequestError("invalid_receipt", "expected record, key, signature, promise and bindings")

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON object; record and key as base64url."""
        return {
            "record": b64url_encode(self.record),
            "key": b64url_encode(self.key),
            "signature": self.signature,
            "promise": self.promise,
            "bindings": list(self.bindings),
        }


@dataclass(frozen=True)
class CheckedReceipt:
    """What a receipt says once every line of the check held. Only `check_receipt` makes one."""

    record: ConsentRecord
    commitment: Commitment
    promise: promises.Promise


def check_receipt(
    receipt: ConsentReceipt,
    *,
    trusted_log: TrustedLog,
    expected_client_id: str,
    expected_nonce: str,
    expected_party: str,
    expected_procedure: ProcedureReference,
    expected_claims: Collection[ClaimReference],
    copy_keys: Sequence[PublicKey],
    expected_aud: str,
    now: datetime,
) -> CheckedReceipt:
    """Return the checked receipt; `copy_keys` are the holder keys of the presented copies.

    Raises `VerificationError` (`receipt`) with the code of the first line that fails. Still owed by the caller:
    line 9, `(client_id, nonce)` and commitment are new to the store.
    """
    if not copy_keys or not expected_claims:
        raise RequestError("invalid_request", "nothing was presented")
    # (1) the record is in canonical form, and a share
    record = _line(NOT_CANONICAL, lambda: records.parse(receipt.record))
    _check(record.type is RecordType.SHARE, NOT_CANONICAL, "expected the record of a share")
    # (2) the key opens the commitment that was promised
    commitment = _line(COMMITMENT, lambda: records.commit(receipt.key, receipt.record))
    promised = _line(COMMITMENT, lambda: get_member(jws.parse(receipt.promise).claims(), "commitment", str))
    _check(_equal(promised, b64url_encode(commitment)), COMMITMENT, "the key opens another commitment")
    # (3) promise by the trusted log, same log in the record, made just now, within the log's delay
    _check(record.log == trusted_log.origin, PROMISE, "record names another log")
    promise = promises.verify(
        receipt.promise,
        trusted_log.promise_key,
        log=trusted_log.origin,
        commitment=commitment,
        now=now,
        max_age=PROMISE_MAX_AGE,
    )
    _check(_seconds(promise) <= trusted_log.maximum_merge_delay, PROMISE, "promise is too slow")
    # (4) the request is this transaction's
    request = record.request
    _check(
        request is not None
        and _equal(request.client_id, expected_client_id)
        and _equal(request.nonce, expected_nonce),
        REQUEST,
        "record answers another request",
    )
    # (5) party and procedure version are mine
    _check(record.party.identifier == expected_party, PARTY, "record names another administration")
    _check(record.procedure == expected_procedure, PARTY, "record names another procedure or version")
    # (6) what was recorded is what arrived
    _check(set(record.claims_presented or ()) == set(expected_claims), CLAIMS, "record lists other claims")
    # (7) signed by the consent key in the record
    consent_key = record.consent_key
    if consent_key is None:
        raise VerificationError(Check.RECEIPT, "record names no consent key", code=SIGNATURE)
    _line(SIGNATURE, lambda: signatures.verify_record(receipt.signature, receipt.record, consent_key))
    # (8) one binding per presented copy
    _check_bindings(receipt.bindings, copy_keys, commitment, nonce=expected_nonce, aud=expected_aud)
    return CheckedReceipt(record=record, commitment=commitment, promise=promise)


def _check_bindings(
    bindings: Sequence[str], copy_keys: Sequence[PublicKey], commitment: Commitment, *, nonce: str, aud: str
) -> None:
    _check(len(bindings) == len(copy_keys), BINDING, "expected one binding per presented copy")
    left = list(bindings)
    for key in copy_keys:
        bound = next((each for each in left if _is_bound(each, key, commitment, nonce=nonce, aud=aud)), None)
        if bound is None:
            raise VerificationError(Check.RECEIPT, "a presented copy is not bound to the record", code=BINDING)
        left.remove(bound)


def _is_bound(token: str, key: PublicKey, commitment: Commitment, *, nonce: str, aud: str) -> bool:
    try:
        signatures.verify_binding(
            token, key, expected_commitment=commitment, expected_nonce=nonce, expected_aud=aud
        )
    except (RequestError, VerificationError):
        return False
    return True


def _seconds(promise: promises.Promise) -> float:
    return promise.maximum_merge_delay.total_seconds()


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _check(holds: bool, code: str, message: str) -> None:
    if not holds:
        raise VerificationError(Check.RECEIPT, message, code=code)


def _line(code: str, run: Callable[[], _T]) -> _T:
    try:
        return run()
    except Error as exc:
        raise VerificationError(Check.RECEIPT, exc.message, code=code) from exc
