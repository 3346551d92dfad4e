# SPDX-License-Identifier: EUPL-1.2
"""Signing a request object, and verifying one before anything of it is shown (OpenID4VP 1.0, sections 5 and 5.10).

The steps are those of docs/protocol.md, "The wallet: a request".
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from protocol import jws
from protocol.clock import epoch_seconds
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import Signer
from protocol.openid4vp.client_id import ClientIdentifier, Prefix
from protocol.openid4vp.request import REQUEST_TYPE, PresentationRequest, ResponseMode
from protocol.openid4vp.transaction_data import TransactionTypes
from protocol.trust import TrustedRequester, TrustList
from protocol.x509 import parse_chain

# clocks of phones and servers differ
CLOCK_SKEW = timedelta(minutes=5)


def sign_request(request: PresentationRequest, signer: Signer, *, x5c: list[str], wallet_nonce: str | None) -> str:
    """Return the signed request object, which brings back the wallet's nonce."""
    claims = replace(request, wallet_nonce=wallet_nonce).to_claims()
    return jws.sign(claims, signer, typ=REQUEST_TYPE, x5c=x5c)


@dataclass(frozen=True)
class VerifiedRequest:
    """A request by an administration that may ask it, within its procedure; made by `verify_request`."""

    request: PresentationRequest
    requester: TrustedRequester


def verify_request(
    token: str,
    *,
    expected_client_id: str,
    expected_wallet_nonce: str | None,
    transaction_types: TransactionTypes,
    trust: TrustList,
    now: datetime,
) -> VerifiedRequest:
    """Return the request (docs/protocol.md, wallet steps).

    Raises `RequestError` when it is malformed, expired or another than the link said, `VerificationError`
    (`issuer`, `signature`) when who asks is not who may, (`policy`) when it asks more than its procedure.
    """
    unverified = jws.parse(token.strip())
    claims = unverified.claims()
    # (0) the request that the link announced, well formed, in the profile that our wallets keep
    if claims.get("client_id") != expected_client_id:
        raise RequestError("invalid_request", "the request is another client's than the link said")
    request = PresentationRequest.parse(claims, transaction_types=transaction_types)
    check_profile(request)
    # (1) who asks: certificate, client identifier, trust list and registration statement in one question
    x5c = unverified.header.get("x5c")
    ClientIdentifier.parse(request.client_id).check_certificate(parse_chain(x5c)[0])
    requester = trust.get_requester(x5c, client_id=request.client_id, statement=request.statement, now=now)
    # (2) signature
    jws.verify(unverified, requester.key, typ=REQUEST_TYPE)
    # (3) freshness
    _check_wallet_nonce(request.wallet_nonce, expected_wallet_nonce)
    seconds, skew = epoch_seconds(now), int(CLOCK_SKEW.total_seconds())
    if not epoch_seconds(request.issued_at) - skew <= seconds < epoch_seconds(request.expires_at):
        raise RequestError("request_expired", "the request has expired or is from the future")
    # (4) not more than the procedure registers
    if not request.query.asks_within(requester.procedure.query):
        raise VerificationError(
            Check.POLICY, "the request asks more than its registered procedure", code="over_asking"
        )
    return VerifiedRequest(request=request, requester=requester)


def check_profile(request: PresentationRequest) -> None:
    """Raise `RequestError` (`invalid_request`) unless it names a certificate and wants an encrypted answer."""
    prefix = ClientIdentifier.parse(request.client_id).prefix
    if prefix not in {Prefix.X509_HASH, Prefix.X509_SAN_DNS}:
        raise RequestError("invalid_request", "expected a client identifier that names a certificate")
    if request.response_mode is not ResponseMode.DIRECT_POST_JWT:
        raise RequestError("invalid_request", "expected response mode direct_post.jwt")


def _check_wallet_nonce(given: str | None, expected: str | None) -> None:
    if expected is not None and not hmac.compare_digest((given or "").encode(), expected.encode()):
        raise RequestError("invalid_request", "the request does not bring back our nonce")
