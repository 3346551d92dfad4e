# SPDX-License-Identifier: EUPL-1.2
"""Deferred credential request (section 9); it is answered as a credential request is.

The response goes to the key of this request, whatever the first one said.
"""

from __future__ import annotations

from dataclasses import dataclass

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


def parse_deferred_response(status: int, value: dict[str, JSON], *, expected_transaction_id: str) -> Answer:
    """Return what the issuer answered; a further promise must be the same transaction's (section 9.2).

    Raises `RequestError` (`invalid_credential_response`).
    """
    answer = parse_response(status, value)
    if isinstance(answer, DeferredResponse) and answer.transaction_id != expected_transaction_id:
        raise RequestError("invalid_credential_response", "the promise is another transaction's")
    return answer
