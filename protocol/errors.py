# SPDX-License-Identifier: EUPL-1.2
"""The one error tree, and the one list of checks.

- `Error.code` is the protocol's own error code; `Error.status` the HTTP status it is answered with.
- *Wrong* (`RequestError`, `VerificationError`) and *could not tell* (`UnavailableError`) are different
  errors, and both refuse.
- A message never holds a token, a key, a claim value or a personal datum.
"""

from __future__ import annotations

from enum import StrEnum


class Check(StrEnum):
    """The checks of the verification pipeline, in its order (docs/protocol.md)."""

    FORMAT = "format"
    ISSUER = "issuer"
    SIGNATURE = "signature"
    DISCLOSURES = "disclosures"
    KEY_BINDING = "key-binding"
    VALIDITY = "validity"
    STATUS = "status"
    QUERY = "query"
    POLICY = "policy"
    RECEIPT = "receipt"


class Error(Exception):
    """Base of everything we raise on purpose."""

    status = 500

    def __init__(self, code: str, message: str, *, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        if status is not None:
            self.status = status


class RequestError(Error):
    """Their message is unacceptable; sending it again unchanged will not help."""

    status = 400


class VerificationError(Error):
    """A signed object failed one named check."""

    status = 400

    def __init__(self, check: Check, message: str, *, code: str = "invalid_request") -> None:
        super().__init__(code, message)
        self.check = check


class UnavailableError(Error):
    """It could not be checked or done now; the same call may succeed later."""

    status = 503


class QuotaError(Error):
    """They asked more often than they may; the same call may succeed after `retry_after` seconds."""

    status = 429

    def __init__(self, code: str, message: str, *, retry_after: int) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


class StoreConflictError(Error):
    """Somebody else changed or made this first."""

    status = 409


class ConfigurationError(Error):
    """The program must not start like this."""
