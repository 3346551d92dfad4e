# SPDX-License-Identifier: EUPL-1.2
"""Credential response (section 8.3): the copies now (200), or a promise of them (202); never both.

What arrives is unverified. A credential that is no SD-JWT is in a format that we do not have (appendix A).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias

from protocol.encoding import JSON
from protocol.errors import RequestError
from protocol.members import find_text, get_number, get_objects, get_text

# half a year: who must wait longer asks again
MAX_INTERVAL_SECONDS = 15_768_000
_CODE = "invalid_credential_response"


@dataclass(frozen=True)
class CredentialResponse:
    """Copies of one credential."""

    credentials: tuple[str, ...] = field(repr=False)
    notification_id: str | None = None
    status = HTTPStatus.OK

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {"credentials": [{"credential": each} for each in self.credentials]}
        return members if self.notification_id is None else {**members, "notification_id": self.notification_id}


@dataclass(frozen=True)
class DeferredResponse:
    """A promise of a credential, to be asked for again (section 9)."""

    transaction_id: str
    # seconds to wait before that
    interval: int
    status = HTTPStatus.ACCEPTED

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return {"transaction_id": self.transaction_id, "interval": self.interval}


Answer: TypeAlias = CredentialResponse | DeferredResponse


def parse_response(status: int, value: dict[str, JSON]) -> Answer:
    """Return what an issuer answered with this status.

    Raises `RequestError`: `unsupported_credential_format` for credentials that are no SD-JWTs, else
    `invalid_credential_response`.
    """
    match status, "credentials" in value, "transaction_id" in value:
        case HTTPStatus.OK, True, False:
            if "interval" in value:
                raise RequestError(_CODE, "an interval does not go with credentials")
            items = get_objects(value, "credentials", code=_CODE)
            credentials = tuple(_credential(item) for item in items)
            return CredentialResponse(credentials, find_text(value, "notification_id", code=_CODE))
        case HTTPStatus.ACCEPTED, False, True:
            if "notification_id" in value:
                raise RequestError(_CODE, "nothing was issued that could be reported on")
            interval = get_number(value, "interval", low=1, high=MAX_INTERVAL_SECONDS, code=_CODE)
            return DeferredResponse(get_text(value, "transaction_id", code=_CODE), interval)
    raise RequestError(_CODE, "expected credentials with status 200, or a transaction with 202")


def _credential(item: dict[str, JSON]) -> str:
    credential = item.get("credential")
    if isinstance(credential, dict) or (isinstance(credential, str) and "~" not in credential):
        raise RequestError("unsupported_credential_format", "the credential is in a format that we cannot read")
    return get_text(item, "credential", code=_CODE)
