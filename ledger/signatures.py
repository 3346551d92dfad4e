# SPDX-License-Identifier: EUPL-1.2
"""Who said what about a record: the JWS that citizen and administration make over it.

| typ | over | by |
|---|---|---|
| `consent-record+jwt` | the record's bytes, detached | the consent key in the record |
| `consent-withdrawal+jwt` | the withdrawal's bytes, detached | the consent key of the share |
| `consent-answer+jwt` | the answer's bytes, detached | the administration's access key (`x5c`) |
| `consent-query+jwt` | the bytes of a query's record, detached | the administration's issuer key (`x5c`) |
| `consent-binding+jwt` | commitment, nonce, aud | the holder key of one presented copy |
| `consent-acceptance+jwt` | commitment, result, reference, iat | the administration's access key (`x5c`) |

The key is always the caller's: this module never takes one from a header.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ledger.record import Commitment
from protocol import jws
from protocol.clock import epoch_seconds, from_epoch
from protocol.encoding import b64url_encode, find_member, get_member
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PublicKey, Signer

RECORD_TYP = "consent-record+jwt"
WITHDRAWAL_TYP = "consent-withdrawal+jwt"
ANSWER_TYP = "consent-answer+jwt"
QUERY_TYP = "consent-query+jwt"
BINDING_TYP = "consent-binding+jwt"
ACCEPTANCE_TYP = "consent-acceptance+jwt"
Result = Literal["accepted", "rejected"]


@dataclass(frozen=True)
class Acceptance:
    """The administration's countersignature under a share."""

    commitment: Commitment
    result: Result
    reference: str | None
    accepted_at: datetime


def prepare_record(record: bytes) -> jws.SigningInput:
    """Return what the consent key signs for a share; `jws.detach` the completed token."""
    return jws.prepare(record, typ=RECORD_TYP)


def verify_record(signature: str, record: bytes, key: PublicKey) -> None:
    """Check a detached signature over a share's bytes. Raises as `jws.verify`."""
    jws.verify(jws.attach(signature, record), key, typ=RECORD_TYP)


def prepare_withdrawal(record: bytes) -> jws.SigningInput:
    """Return what the consent key of the share signs to take it back; `jws.detach` the completed token."""
    return jws.prepare(record, typ=WITHDRAWAL_TYP)


def verify_withdrawal(signature: str, record: bytes, key: PublicKey) -> None:
    """Check a detached signature over a withdrawal's bytes. Raises as `jws.verify`."""
    jws.verify(jws.attach(signature, record), key, typ=WITHDRAWAL_TYP)


def sign_answer(record: bytes, signer: Signer, *, x5c: Sequence[str]) -> str:
    """Return the administration's detached signature over its answer."""
    return jws.detach(jws.sign(record, signer, typ=ANSWER_TYP, x5c=list(x5c)))


def verify_answer(signature: str, record: bytes, key: PublicKey) -> None:
    """Check a detached signature over an answer's bytes; that the key is the party's is the caller's."""
    jws.verify(jws.attach(signature, record), key, typ=ANSWER_TYP)


def sign_query(record: bytes, signer: Signer, *, x5c: Sequence[str]) -> str:
    """Return the administration's detached signature over the record of its query at a source."""
    return jws.detach(jws.sign(record, signer, typ=QUERY_TYP, x5c=list(x5c)))


def verify_query(signature: str, record: bytes, key: PublicKey) -> None:
    """Check a detached signature over a query's record; that the key is the party's is the caller's."""
    jws.verify(jws.attach(signature, record), key, typ=QUERY_TYP)


def prepare_binding(commitment: Commitment, *, nonce: str, aud: str) -> jws.SigningInput:
    """Return what the holder key of one presented copy signs."""
    claims = {"commitment": b64url_encode(commitment), "nonce": nonce, "aud": aud}
    return jws.prepare(claims, typ=BINDING_TYP)


def verify_binding(
    token: str, key: PublicKey, *, expected_commitment: Commitment, expected_nonce: str, expected_aud: str
) -> None:
    """Check that this holder key bound this commitment to this request."""
    claims = jws.verify_claims(token, key, typ=BINDING_TYP)
    expected = {
        "commitment": b64url_encode(expected_commitment),
        "nonce": expected_nonce,
        "aud": expected_aud,
    }
    for name, value in expected.items():
        if not hmac.compare_digest(get_member(claims, name, str).encode(), value.encode()):
            raise VerificationError(Check.RECEIPT, f"binding names another {name}", code="receipt_binding")


def sign_acceptance(
    signer: Signer,
    *,
    commitment: Commitment,
    result: Result,
    reference: str | None,
    now: datetime,
    x5c: Sequence[str],
) -> str:
    """Return the administration's countersignature: accepted, with its reference number, or rejected."""
    claims: dict[str, object] = {
        "commitment": b64url_encode(commitment),
        "result": result,
        "iat": epoch_seconds(now),
    }
    if reference is not None:
        claims["reference"] = reference
    return jws.sign(claims, signer, typ=ACCEPTANCE_TYP, x5c=list(x5c))


def verify_acceptance(token: str, key: PublicKey, *, expected_commitment: Commitment) -> Acceptance:
    """Return the countersignature; that the key is the receiving administration's is the caller's to know."""
    claims = jws.verify_claims(token, key, typ=ACCEPTANCE_TYP)
    given = get_member(claims, "commitment", str)
    if not hmac.compare_digest(given.encode(), b64url_encode(expected_commitment).encode()):
        raise VerificationError(Check.RECEIPT, "acceptance names another commitment", code="invalid_acceptance")
    return Acceptance(
        commitment=expected_commitment,
        result=_result(get_member(claims, "result", str)),
        reference=find_member(claims, "reference", str),
        accepted_at=from_epoch(get_member(claims, "iat", int)),
    )


def _result(text: str) -> Result:
    match text:
        case "accepted":
            return "accepted"
        case "rejected":
            return "rejected"
    raise RequestError("invalid_acceptance", "expected result accepted or rejected")
