# SPDX-License-Identifier: EUPL-1.2
"""JWTs of somebody whom we know by a certificate chain in `x5c`: attestations, signed metadata.

The caller says what a chain must be for, by the function that it gives; the key is that function's, never the
token's own. Times are checked here, everything else that such a token says is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from protocol import jws
from protocol.encoding import JSON
from protocol.errors import Check, VerificationError
from protocol.keys import PublicKey
from protocol.members import find_moment

# from an `x5c` header to the key that its leaf certifies; raises unless the chain is valid, now, for its purpose
VerifyChain: TypeAlias = Callable[[JSON], PublicKey]
# clocks of phones and servers differ
MAX_CLOCK_DIFFERENCE = timedelta(minutes=5)


def verify(token: str, *, typ: str, verify_chain: VerifyChain, now: datetime) -> dict[str, JSON]:
    """Return the claims of a token of this type by whom the chain names, within `nbf`, `iat` and `exp` if given.

    Raises `RequestError` when it is no such token, and `VerificationError` (`issuer`, `signature`, `validity`)
    when its chain, its signature or its time is wrong.
    """
    unverified = jws.parse(token)
    # (1) issuer: who the chain says, if we take that chain
    key = verify_chain(unverified.header.get("x5c"))
    # (2) signature: the algorithm of that key, this type
    claims = jws.verify_claims(token, key, typ=typ)
    # (3) validity
    check_times(claims, now=now)
    return claims


def check_times(claims: dict[str, JSON], *, now: datetime) -> None:
    """Refuse claims that are not yet, or no longer, valid (RFC 7519, section 4.1)."""
    for name in ("iat", "nbf"):
        begins = find_moment(claims, name, code="invalid_request")
        if begins is not None and begins > now + MAX_CLOCK_DIFFERENCE:
            raise VerificationError(Check.VALIDITY, f"{name} is in the future")
    expires = find_moment(claims, "exp", code="invalid_request")
    if expires is not None and expires <= now:
        raise VerificationError(Check.VALIDITY, "it has expired")
