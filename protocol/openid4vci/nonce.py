# SPDX-License-Identifier: EUPL-1.2
"""Nonce response (section 7.2), answered with `Cache-Control: no-store`; the request is an empty POST."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.encoding import JSON
from protocol.errors import RequestError
from protocol.members import get_text

# a nonce that carries its own proof is some hundred characters
MAX_NONCE_CHARS = 1024
_CODE = "invalid_credential_response"


@dataclass(frozen=True)
class NonceResponse:
    """A nonce for proofs."""

    c_nonce: str

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return {"c_nonce": self.c_nonce}

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> NonceResponse:
        """Return the nonce. Raises `RequestError` (`invalid_credential_response`)."""
        nonce = get_text(value, "c_nonce", code=_CODE)
        if len(nonce) > MAX_NONCE_CHARS:
            raise RequestError(_CODE, f"expected a nonce of at most {MAX_NONCE_CHARS} characters")
        return cls(nonce)
