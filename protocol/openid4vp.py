# SPDX-License-Identifier: EUPL-1.2
"""OpenID4VP 1.0 messages: signed request object, encrypted response (`direct_post.jwt`), HAIP profile.

- The request is a JWS by the certificate whose digest is the `client_id` (`x509_hash`), fetched by
  `request_uri`, with the procedure's registration statement and our consent extension in `verifier_info`.
- The response is a JWE to a key made for this request alone.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from protocol import jws, registration
from protocol.clock import epoch_seconds, from_epoch
from protocol.credential import TYPE as FORMAT
from protocol.dcql import Query
from protocol.encoding import JSON, compact_json, find_member, get_member, parse_object
from protocol.errors import Check, RequestError, VerificationError
from protocol.jwe import ALGORITHM as KEY_AGREEMENT
from protocol.jwe import ENCRYPTIONS
from protocol.keys import Algorithm, PublicKey, Signer
from protocol.trust import TrustedRequester, TrustList

REQUEST_TYPE = "oauth-authz-req+jwt"
REQUEST_MEDIA_TYPE = "application/oauth-authz-req+jwt"
AUDIENCE = "https://self-issued.me/v2"
SCHEME = "openid4vp://"
CONSENT_FORMAT = "testimoni-consent"
_NONCE = re.compile(r"[A-Za-z0-9_-]{22,128}")
_PREFIX = "x509_hash:"


@dataclass(frozen=True)
class RequestLink:
    """What a QR or link carries (section 5.10): where the signed request is."""

    client_id: str
    request_uri: str
    uses_post: bool

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> RequestLink:
        """Return the link of query parameters. Raises `RequestError` with the code of section 8.5."""
        method = parameters.get("request_uri_method", "get")
        if method not in {"get", "post"}:
            raise RequestError("invalid_request_uri_method", "expected request_uri_method get or post")
        client_id, request_uri = parameters.get("client_id", ""), parameters.get("request_uri", "")
        if not request_uri or "request" in parameters:
            raise RequestError("invalid_request", "expected the request by reference")
        check_client_id(client_id)
        return cls(client_id=client_id, request_uri=request_uri, uses_post=method == "post")

    def url(self, wallet: str | None = None) -> str:
        """Return the link for one wallet's address, or for any wallet on the device."""
        fields = {"client_id": self.client_id, "request_uri": self.request_uri}
        query = urlencode(fields | ({"request_uri_method": "post"} if self.uses_post else {}))
        return f"{wallet}?{query}" if wallet else f"{SCHEME}?{query}"


def check_client_id(client_id: str) -> None:
    """Raise `RequestError` (`invalid_request`) unless the identifier has the one prefix that we accept."""
    if not client_id.startswith(_PREFIX):
        raise RequestError("invalid_request", "expected a client identifier with prefix x509_hash")


@dataclass(frozen=True)
class ConsentSupport:
    """Our extension in `verifier_info`: the verifier takes consent receipts, and withdrawals at this address."""

    withdrawal_uri: str


@dataclass(frozen=True)
class PresentationRequest:
    """A request object (section 5). Parsed, it promises nothing; `verify_request` returns it verified."""

    client_id: str
    response_uri: str
    nonce: str
    state: str
    query: Query
    encryption_key: PublicKey
    encryption_key_id: str
    statement: str
    # None: the verifier does not know consent receipts
    consent: ConsentSupport | None
    issued_at: datetime
    expires_at: datetime

    def to_claims(self, *, wallet_nonce: str | None) -> dict[str, JSON]:
        """Return the claims to sign."""
        key = {**self.encryption_key.jwk(), "kid": self.encryption_key_id, "use": "enc", "alg": KEY_AGREEMENT}
        info: list[JSON] = [{"format": registration.FORMAT, "data": self.statement}]
        if self.consent:
            info.append({"format": CONSENT_FORMAT, "data": {"withdrawal_uri": self.consent.withdrawal_uri}})
        claims: dict[str, JSON] = {
            "client_id": self.client_id,
            "aud": AUDIENCE,
            "response_type": "vp_token",
            "response_mode": "direct_post.jwt",
            "response_uri": self.response_uri,
            "nonce": self.nonce,
            "state": self.state,
            "dcql_query": self.query.to_json(),
            "client_metadata": {
                "jwks": {"keys": [key]},
                "encrypted_response_enc_values_supported": [*ENCRYPTIONS],
                "vp_formats_supported": {
                    FORMAT: {"sd-jwt_alg_values": [Algorithm.ES256], "kb-jwt_alg_values": [Algorithm.ES256]}
                },
            },
            "verifier_info": info,
            "iat": epoch_seconds(self.issued_at),
            "exp": epoch_seconds(self.expires_at),
        }
        return claims if wallet_nonce is None else {**claims, "wallet_nonce": wallet_nonce}

    @classmethod
    def parse(cls, claims: dict[str, JSON]) -> PresentationRequest:
        """Return the request of its claims. Raises `RequestError` with the code of section 8.5."""
        _check_fixed(claims)
        nonce = get_member(claims, "nonce", str)
        if not _NONCE.fullmatch(nonce):
            raise RequestError("invalid_request", "the nonce is too short or has other characters")
        key, key_id = _encryption_key(get_member(claims, "client_metadata", dict))
        statement, consent = _verifier_info(find_member(claims, "verifier_info", list) or [])
        return cls(
            client_id=get_member(claims, "client_id", str),
            response_uri=get_member(claims, "response_uri", str),
            nonce=nonce,
            state=find_member(claims, "state", str) or "",
            query=Query.parse(claims.get("dcql_query")),
            encryption_key=key,
            encryption_key_id=key_id,
            statement=statement,
            consent=consent,
            issued_at=from_epoch(get_member(claims, "iat", int)),
            expires_at=from_epoch(get_member(claims, "exp", int)),
        )


def _check_fixed(claims: dict[str, JSON]) -> None:
    if claims.get("response_type") != "vp_token" or claims.get("response_mode") != "direct_post.jwt":
        raise RequestError("invalid_request", "expected response type vp_token in mode direct_post.jwt")
    if "redirect_uri" in claims:
        raise RequestError("invalid_request", "redirect_uri does not go with direct_post.jwt")
    if "scope" in claims:
        raise RequestError("invalid_scope", "expected a dcql_query, not a scope")
    if "transaction_data" in claims:
        raise RequestError("invalid_transaction_data", "no type of transaction data is supported")
    if claims.get("aud") != AUDIENCE:
        raise RequestError("invalid_request", "the request is for another audience")


def _encryption_key(metadata: dict[str, JSON]) -> tuple[PublicKey, str]:
    offered = find_member(metadata, "encrypted_response_enc_values_supported", list) or [ENCRYPTIONS[0]]
    if ENCRYPTIONS[0] not in offered:
        raise RequestError("invalid_request", "no common content encryption")
    for jwk in get_member(get_member(metadata, "jwks", dict), "keys", list):
        match jwk:
            case {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": str(key_id), "alg": "ECDH-ES", **rest}:
                if rest.get("use", "enc") == "enc":
                    return PublicKey.parse_jwk({"kty": "EC", "crv": "P-256", "x": x, "y": y}), key_id
            case _:
                continue  # a key that we cannot use is skipped (section 8.3)
    raise RequestError("invalid_request", "no usable encryption key in the request")


def _verifier_info(items: list[JSON]) -> tuple[str, ConsentSupport | None]:
    statement, consent = "", None
    for item in items:
        match item:
            case {"format": registration.FORMAT, "data": str(data)}:
                statement = data
            case {"format": "testimoni-consent", "data": {"withdrawal_uri": str(uri)}}:
                consent = ConsentSupport(withdrawal_uri=uri)
            case _:
                continue
    return statement, consent


def sign_request(request: PresentationRequest, signer: Signer, *, x5c: list[str], wallet_nonce: str | None) -> str:
    """Return the signed request object."""
    return jws.sign(request.to_claims(wallet_nonce=wallet_nonce), signer, typ=REQUEST_TYPE, x5c=x5c)


@dataclass(frozen=True)
class VerifiedRequest:
    """A request by an administration that may ask it, within its procedure; made by `verify_request`."""

    request: PresentationRequest
    requester: TrustedRequester


def verify_request(
    token: str, *, expected_client_id: str, expected_wallet_nonce: str | None, trust: TrustList, now: datetime
) -> VerifiedRequest:
    """Return the request (docs/protocol.md, wallet steps).

    Raises `RequestError` when it is malformed, expired or another than the link said, `VerificationError`
    (`issuer`, `signature`) when who asks is not who may, (`policy`) when it asks more than its procedure.
    """
    unverified = jws.parse(token.strip())
    claims = unverified.claims()
    if claims.get("client_id") != expected_client_id:
        raise RequestError("invalid_request", "the request is another client's than the link said")
    check_client_id(expected_client_id)
    request = PresentationRequest.parse(claims)
    # (1) who asks: certificate, client identifier, trust list and registration statement in one question
    requester = trust.get_requester(
        unverified.header.get("x5c"), client_id=request.client_id, statement=request.statement, now=now
    )
    # (2) signature
    jws.verify(token.strip(), requester.key, typ=REQUEST_TYPE)
    # (3) freshness
    wallet_nonce = claims.get("wallet_nonce")
    if expected_wallet_nonce is not None and not (
        isinstance(wallet_nonce, str)
        and hmac.compare_digest(wallet_nonce.encode(), expected_wallet_nonce.encode())
    ):
        raise RequestError("invalid_request", "the request does not bring back our nonce")
    if not epoch_seconds(request.issued_at) - 300 <= epoch_seconds(now) < epoch_seconds(request.expires_at):
        raise RequestError("request_expired", "the request has expired or is from the future")
    # (4) not more than the procedure registers
    if not request.query.asks_within(requester.procedure.query):
        raise VerificationError(
            Check.POLICY, "the request asks more than its registered procedure", code="over_asking"
        )
    return VerifiedRequest(request=request, requester=requester)


@dataclass(frozen=True)
class PresentationResponse:
    """What the wallet answers, before encryption (section 8.1). Unverified on the verifier's side."""

    state: str
    # credential query identifier → presentations
    vp_token: Mapping[str, tuple[str, ...]]
    consent_receipt: dict[str, JSON] | None

    def payload(self) -> bytes:
        """Return the JSON to encrypt."""
        members: dict[str, JSON] = {
            "state": self.state,
            "vp_token": {name: [*given] for name, given in self.vp_token.items()},
        }
        if self.consent_receipt is not None:
            members["consent_receipt"] = self.consent_receipt
        return compact_json(members)

    @classmethod
    def parse(cls, payload: bytes) -> PresentationResponse:
        """Return the response. Raises `VerificationError` (`format`) on any other shape."""
        try:
            members = parse_object(payload)
            token = get_member(members, "vp_token", dict)
            presentations: dict[str, tuple[str, ...]] = {}
            for name, given in token.items():
                if not isinstance(given, list) or not given or any(not isinstance(p, str) for p in given):
                    raise RequestError("invalid_request", "expected arrays of presentations in vp_token")
                presentations[name] = tuple(str(p) for p in given)
            return cls(
                state=find_member(members, "state", str) or "",
                vp_token=presentations,
                consent_receipt=find_member(members, "consent_receipt", dict),
            )
        except RequestError as exc:
            raise VerificationError(Check.FORMAT, exc.message) from exc
