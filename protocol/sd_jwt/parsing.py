# SPDX-License-Identifier: EUPL-1.2
"""The compact form of an SD-JWT (RFC 9901, section 4): `JWT~disclosure~…~`, and a key binding after it."""

from __future__ import annotations

from typing import NamedTuple

from protocol import jws
from protocol.errors import RequestError
from protocol.sd_jwt.disclosures import Disclosure, wrong
from protocol.sd_jwt.limits import MAX_DISCLOSURES


class UnverifiedSDJWT(NamedTuple):
    """A parsed SD-JWT or SD-JWT+KB. It promises nothing."""

    issuer_jwt: jws.UnverifiedJWS
    disclosures: tuple[Disclosure, ...]
    key_binding: jws.UnverifiedJWS | None
    # everything up to and with the last tilde: what `sd_hash` covers
    signed_part: str

    def __repr__(self) -> str:
        return "UnverifiedSDJWT(…)"

    @property
    def key_binding_jwt(self) -> str | None:
        """The key binding as it was sent, or None."""
        return None if self.key_binding is None else self.key_binding.token

    @classmethod
    def parse(cls, text: str) -> UnverifiedSDJWT:
        """Take the compact form apart.

        Raises `RequestError` on another form, a malformed JWT or too many characters, and `VerificationError`
        (`disclosures`) on a malformed disclosure or too many of them.
        """
        if len(text) > jws.MAX_TOKEN_CHARS:
            raise RequestError("invalid_request", f"SD-JWT longer than {jws.MAX_TOKEN_CHARS} characters")
        if text.lstrip(" \t\r\n").startswith("{"):
            raise RequestError(
                "invalid_request", "expected the compact form of an SD-JWT, got a JSON serialization"
            )
        if "~" not in text:
            raise RequestError("invalid_request", "expected a tilde in an SD-JWT")
        first, *middle, last = text.split("~")
        if len(middle) > MAX_DISCLOSURES:
            raise wrong(f"more than {MAX_DISCLOSURES} disclosures")
        return cls(
            issuer_jwt=jws.parse(first),
            disclosures=tuple([Disclosure.parse(part) for part in middle]),
            key_binding=jws.parse(last) if last else None,
            signed_part=text[: len(text) - len(last)],
        )
