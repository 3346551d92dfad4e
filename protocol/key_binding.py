# SPDX-License-Identifier: EUPL-1.2
"""Key binding of a presentation (RFC 9901, sections 4.3 and 7.3; OpenID4VP 1.0, appendix B.3).

The holder signs, with the key in the credential's `cnf`, whom the presentation is for (`aud`), in which
transaction (`nonce`), when (`iat`) and exactly what is shown (`sd_hash`).
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from protocol import jws
from protocol.clock import epoch_seconds
from protocol.encoding import b64url_encode, sha256
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PublicKey

TYPE = "kb+jwt"
# clocks of phones and servers differ
CLOCK_SKEW = timedelta(minutes=5)
# a request lives at most fifteen minutes, and until then an unknown delivery is repeated with the same bytes;
# the nonce, not this window, is what stops a replay
MAX_AGE = timedelta(minutes=15)


def sd_hash(signed_part: str) -> str:
    """Return the digest over the presentation up to and with its last tilde."""
    return b64url_encode(sha256(signed_part.encode("ascii")))


def prepare(signed_part: str, *, nonce: str, audience: str, now: datetime) -> jws.SigningInput:
    """Return what the holder key must sign for this presentation."""
    claims = {"iat": epoch_seconds(now), "aud": audience, "nonce": nonce, "sd_hash": sd_hash(signed_part)}
    return jws.prepare(claims, typ=TYPE)


def verify(
    token: str,
    key: PublicKey,
    *,
    signed_part: str,
    expected_nonce: str,
    expected_audience: str,
    now: datetime,
) -> None:
    """Raise `VerificationError` (`key-binding`) unless the holder bound exactly this presentation to us, now."""
    try:
        claims = jws.verify_claims(token, key, typ=TYPE)
    except (RequestError, VerificationError) as exc:
        raise VerificationError(Check.KEY_BINDING, "key binding signature does not verify") from exc
    if claims.get("aud") != expected_audience:
        raise VerificationError(Check.KEY_BINDING, "key binding is for another audience")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected_nonce.encode()):
        raise VerificationError(Check.KEY_BINDING, "key binding has another nonce")
    issued_at = claims.get("iat")
    if isinstance(issued_at, bool) or not isinstance(issued_at, int):
        raise VerificationError(Check.KEY_BINDING, "key binding has no time")
    age = epoch_seconds(now) - issued_at
    if not -CLOCK_SKEW.total_seconds() <= age <= (MAX_AGE + CLOCK_SKEW).total_seconds():
        raise VerificationError(Check.KEY_BINDING, "key binding is too old or from the future")
    if claims.get("sd_hash") != sd_hash(signed_part):
        raise VerificationError(Check.KEY_BINDING, "key binding covers another presentation")
