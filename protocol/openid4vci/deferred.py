# SPDX-License-Identifier: EUPL-1.2
"""Deferred credential request (section 9); it is answered as a credential request is.

The response goes to the key of this request, whatever the first one said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from protocol.encoding import JSON
from protocol.errors import RequestError
from protocol.members import get_text
from protocol.openid4vci.credential_response import Answer, DeferredResponse, parse_response
from protocol.openid4vci.encryption import ResponseKey
from protocol.openid4vci.errors import CredentialError


@dataclass(frozen=True)
class DeferredRequest:
    """The question whether a promised credential is there."""

    transaction_id: str
    response_key: ResponseKey | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {"transaction_id": self.transaction_id}
        if self.response_key is not None:
            members["credential_response_encryption"] = self.response_key.to_json()
        return members

    @classmethod
    def parse(cls, value: dict[str, JSON], *, is_encrypted: bool) -> DeferredRequest:
        """Return the request; `is_encrypted`: it came encrypted. Raises `RequestError` as a credential request."""
        return cls(
            transaction_id=get_text(value, "transaction_id", code=CredentialError.INVALID_CREDENTIAL_REQUEST),
            response_key=ResponseKey.find(value, is_encrypted=is_encrypted),
        )


@dataclass(frozen=True)
class Transaction:
    """A promised credential as its issuer keeps it."""

    id: str
    # by what the issuer knows the tokens that may ask for it
    owner: str
    due_at: datetime
    is_used: bool


def find_promise(transaction: Transaction | None, *, owner: str, now: datetime) -> DeferredResponse | None:
    """Return the further promise to make, or None when the credential may be issued now.

    Raises `RequestError` (`invalid_transaction_id`) for a transaction that is unknown, another's or used up.
    """
    if transaction is None or transaction.owner != owner or transaction.is_used:
        raise RequestError(CredentialError.INVALID_TRANSACTION_ID, "there is no such transaction")
    left = math.ceil((transaction.due_at - now).total_seconds())
    return DeferredResponse(transaction.id, left) if left > 0 else None


def parse_deferred_response(status: int, value: dict[str, JSON], *, expected_transaction_id: str) -> Answer:
    """Return what the issuer answered; a further promise must be the same transaction's (section 9.2).

    Raises `RequestError` (`invalid_credential_response`).
    """
    answer = parse_response(status, value)
    if isinstance(answer, DeferredResponse) and answer.transaction_id != expected_transaction_id:
        raise RequestError("invalid_credential_response", "the promise is another transaction's")
    return answer
