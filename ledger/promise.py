# SPDX-License-Identifier: EUPL-1.2
"""The ledger's promise: this commitment will be in a signed checkpoint within the maximum merge delay.

A compact JWS (`typ: consent-promise+jwt`, ES256) with `log`, `commitment`, `iat` and `maximum_merge_delay`.
The delay covers inclusion in a checkpoint, not anchoring: an outage of the chain is no breach.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ledger.record import Commitment
from protocol import jws
from protocol.clock import epoch_seconds, from_epoch
from protocol.encoding import b64url_encode, get_member
from protocol.errors import Check, Error, VerificationError
from protocol.keys import PublicKey, Signer

TYP = "consent-promise+jwt"
CODE = "receipt_promise"
# Clocks of two public bodies differ by seconds, not minutes.
CLOCK_SKEW = timedelta(seconds=60)
# No log promises more: whoever has to wait longer than a day was promised nothing.
MAX_DELAY_SECONDS = 86_400


@dataclass(frozen=True)
class Promise:
    """A verified promise."""

    log: str
    commitment: Commitment
    promised_at: datetime
    maximum_merge_delay: timedelta
    token: str = field(repr=False)

    @property
    def due_at(self) -> datetime:
        """The latest moment by which a checkpoint must include the commitment."""
        return self.promised_at + self.maximum_merge_delay


def make(
    signer: Signer, *, log: str, commitment: Commitment, now: datetime, maximum_merge_delay: timedelta
) -> str:
    """Return a signed promise."""
    claims = {
        "log": log,
        "commitment": b64url_encode(commitment),
        "iat": epoch_seconds(now),
        "maximum_merge_delay": int(maximum_merge_delay.total_seconds()),
    }
    return jws.sign(claims, signer, typ=TYP)


def verify_undated(token: str, key: PublicKey, *, log: str, commitment: Commitment) -> Promise:
    """Return the promise of this log for this commitment, whenever it was made: for evidence and audits.

    Raises `VerificationError` (`receipt`, code `receipt_promise`).
    """
    try:
        claims = jws.verify_claims(token, key, typ=TYP)
        seconds = get_member(claims, "maximum_merge_delay", int)
        promised_at = from_epoch(get_member(claims, "iat", int))
        from_epoch(epoch_seconds(promised_at) + seconds)
        for name, value in (("log", log), ("commitment", b64url_encode(commitment))):
            if not hmac.compare_digest(get_member(claims, name, str).encode(), value.encode()):
                raise VerificationError(Check.RECEIPT, f"promise names another {name}", code=CODE)
    except Error as exc:
        raise VerificationError(Check.RECEIPT, "promise does not hold", code=CODE) from exc
    if not 0 <= seconds <= MAX_DELAY_SECONDS:
        message = f"expected a delay of 0 to {MAX_DELAY_SECONDS} seconds"
        raise VerificationError(Check.RECEIPT, message, code=CODE)
    return Promise(log, commitment, promised_at, timedelta(seconds=seconds), token)


def verify(
    token: str, key: PublicKey, *, log: str, commitment: Commitment, now: datetime, max_age: timedelta
) -> Promise:
    """Return the promise of this log for this commitment, made just now.

    Raises `VerificationError` (`receipt`, code `receipt_promise`); also when it is older than `max_age`.
    """
    promise = verify_undated(token, key, log=log, commitment=commitment)
    if not now - max_age - CLOCK_SKEW <= promise.promised_at <= now + CLOCK_SKEW:
        raise VerificationError(Check.RECEIPT, "promise is from another time", code=CODE)
    return promise
