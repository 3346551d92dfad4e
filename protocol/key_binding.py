# SPDX-License-Identifier: EUPL-1.2
"""Key binding of a presentation (RFC 9901, sections 4.3 and 7.3; OpenID4VP 1.0, appendix B.3).

The holder signs, with the key in the credential's `cnf`, whom the presentation is for (`aud`), in which
transaction (`nonce`), when (`iat`) and exactly what is shown (`sd_hash`).

- `sd_hash` is by the hash of the SD-JWT's digests (RFC 9901, section 4.3.1).
- Whether a key binding is needed is the verifier's decision: without one, `verify` raises (section 7.3).
- Transaction data that was sent is signed as digests of the very strings that were sent, by a hash that each of
  them offers (OpenID4VP 1.0, appendix B.3.3); digests of anything else are refused.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from protocol import jws
from protocol.clock import epoch_seconds
from protocol.encoding import JSON, b64url_decode, b64url_encode, find_member, parse_object
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import Algorithm, PublicKey
from protocol.sd_jwt import DEFAULT_HASH, HASHES

TYPE = "kb+jwt"
# clocks of phones and servers differ
CLOCK_SKEW = timedelta(minutes=5)
# a request lives at most fifteen minutes, and until then an unknown delivery is repeated with the same bytes;
# the nonce, not this window, is what stops a replay
MAX_AGE = timedelta(minutes=15)
_YOUNGEST, _OLDEST = -CLOCK_SKEW.total_seconds(), (MAX_AGE + CLOCK_SKEW).total_seconds()
# one payment or one contract a request; each is parsed and hashed once per presentation
MAX_TRANSACTION_DATA = 16
_TRANSACTION_CLAIMS = frozenset({"transaction_data_hashes", "transaction_data_hashes_alg"})


def sd_hash(signed_part: str, hash_name: str = DEFAULT_HASH) -> str:
    """Return the digest over the presentation up to and with its last tilde, by the hash of the SD-JWT."""
    return _digest(signed_part, hash_name)


def _digest(text: str, hash_name: str) -> str:
    return b64url_encode(HASHES[hash_name](text.encode("ascii")).digest())


def prepare(
    signed_part: str,
    *,
    nonce: str,
    audience: str,
    now: datetime,
    hash_name: str = DEFAULT_HASH,
    transaction_data: Sequence[str] = (),
    algorithm: Algorithm = Algorithm.ES256,
) -> jws.SigningInput:
    """Return what the holder key must sign for this presentation.

    `transaction_data` are the strings of the request that this credential authorises, as they were sent. Raises
    `RequestError` (`invalid_transaction_data`) when they offer no hash that we have in common.
    """
    claims: dict[str, JSON] = {
        "iat": epoch_seconds(now),
        "aud": audience,
        "nonce": nonce,
        "sd_hash": sd_hash(signed_part, hash_name),
        **hash_transaction_data(transaction_data),
    }
    return jws.prepare(claims, typ=TYPE, algorithm=algorithm)


def hash_transaction_data(sent: Sequence[str]) -> dict[str, JSON]:
    """Return the claims that authorise this transaction data; none without any.

    Raises `RequestError` (`invalid_transaction_data`) when it is malformed or offers no hash that all can use.
    """
    if not sent:
        return {}
    offered, is_named = _read_offered(sent)
    # the default first, then in the order of our own list
    chosen = next((name for name in HASHES if name in offered), None)
    if chosen is None:
        raise RequestError("invalid_transaction_data", "transaction data offers no hash that is allowed")
    claims: dict[str, JSON] = {"transaction_data_hashes": [_digest(text, chosen) for text in sent]}
    return claims | {"transaction_data_hashes_alg": chosen} if is_named else claims


def _read_offered(sent: Sequence[str]) -> tuple[set[str], bool]:
    """Return the hashes that every object offers, and whether one names any: then the answer names its own."""
    if len(sent) > MAX_TRANSACTION_DATA:
        raise RequestError(
            "invalid_transaction_data", f"more than {MAX_TRANSACTION_DATA} transaction data objects"
        )
    offered, is_named = set(HASHES), False
    for text in sent:
        try:
            members = parse_object(b64url_decode(text))
            names = find_member(members, "transaction_data_hashes_alg", list)
        except RequestError as exc:
            raise RequestError("invalid_transaction_data", "transaction data is not base64url JSON") from exc
        if names is not None and not all(isinstance(name, str) for name in names):
            raise RequestError("invalid_transaction_data", "expected names of hashes in transaction data")
        is_named = is_named or names is not None
        offered &= {DEFAULT_HASH} if names is None else {str(name) for name in names}
    return offered, is_named


def verify(
    token: str | jws.UnverifiedJWS | None,
    key: PublicKey,
    *,
    signed_part: str,
    hash_name: str,
    expected_nonce: str,
    expected_audience: str,
    expected_transaction_data: Sequence[str],
    now: datetime,
) -> None:
    """Raise `VerificationError` (`key-binding`) unless the holder bound exactly this presentation to us, now.

    `hash_name` is the SD-JWT's (`sd_jwt.read_hash_name`); `expected_transaction_data` are the strings that we sent
    for this credential, an empty sequence when none were.
    """
    if token is None:
        raise _wrong("expected a key binding")
    try:
        claims = jws.verify_claims(token, key, typ=TYPE)
    except (RequestError, VerificationError) as exc:
        raise _wrong("key binding signature does not verify") from exc
    if claims.get("aud") != expected_audience:
        raise _wrong("key binding is for another audience")
    if not _is_same(claims.get("nonce"), expected_nonce):
        raise _wrong("key binding has another nonce")
    issued_at = claims.get("iat")
    if isinstance(issued_at, bool) or not isinstance(issued_at, int):
        raise _wrong("key binding has no time")
    age = epoch_seconds(now) - issued_at
    if not _YOUNGEST <= age <= _OLDEST:
        raise _wrong("key binding is too old or from the future")
    if not _is_same(claims.get("sd_hash"), sd_hash(signed_part, hash_name)):
        raise _wrong("key binding covers another presentation")
    _check_transaction_data(claims, expected_transaction_data)


def _check_transaction_data(claims: Mapping[str, JSON], sent: Sequence[str]) -> None:
    if not sent:
        if not _TRANSACTION_CLAIMS.isdisjoint(claims):
            raise _wrong("key binding authorises a transaction that was not asked for")
        return
    hashes, named = claims.get("transaction_data_hashes"), claims.get("transaction_data_hashes_alg")
    offered, must_name = _read_offered(sent)
    if named is None and must_name:
        raise _wrong("key binding does not say how it hashed transaction data")
    hash_name = DEFAULT_HASH if named is None else named
    if not isinstance(hash_name, str) or hash_name not in offered:
        raise _wrong("key binding hashed transaction data in a way that was not offered")
    expected = sorted(_digest(text, hash_name) for text in sent)
    if not isinstance(hashes, list) or sorted(map(str, hashes)) != expected:
        raise _wrong("key binding authorises other transaction data")


def _is_same(value: JSON, expected: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode(), expected.encode())


def _wrong(message: str) -> VerificationError:
    return VerificationError(Check.KEY_BINDING, message)
