# SPDX-License-Identifier: EUPL-1.2
"""The authorization request, as a request object or as plain parameters (OpenID4VP 1.0, section 5).

- Parsed, it promises nothing: `verify_request` does.
- Unknown members are ignored (section 5); those that do not go with the others are refused.
- Modes: `direct_post.jwt` (HAIP) and `direct_post`. Those that answer through the browser are refused, and so are
  those of the Digital Credentials API.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from protocol.clock import epoch_seconds, from_epoch
from protocol.dcql import Query, check_formats
from protocol.encoding import JSON, find_member, get_member, parse_json
from protocol.errors import RequestError
from protocol.keys import PublicKey
from protocol.members import get_url
from protocol.openid4vp.client_id import ClientIdentifier
from protocol.openid4vp.client_metadata import ClientMetadata
from protocol.openid4vp.syntax import check_url_safe
from protocol.openid4vp.transaction_data import (
    AskedCredentials,
    TransactionData,
    TransactionTypes,
    parse_transaction_data,
)
from protocol.openid4vp.verifier_info import (
    ConsentSupport,
    VerifierInfo,
    find_consent,
    find_statement,
    parse_verifier_info,
)

REQUEST_TYPE = "oauth-authz-req+jwt"
REQUEST_MEDIA_TYPE = "application/oauth-authz-req+jwt"
AUDIENCE = "https://self-issued.me/v2"
RESPONSE_TYPE = "vp_token"
# 128 bits in base64url; the specification's editors' text and HAIP's tests ask for no less
MIN_NONCE_CHARS = 22
# copied into every signature and stored; nobody needs 1 kB of randomness
MAX_NONCE_CHARS = 128
MAX_STATE_CHARS = 512
# what an unsigned request, which says no time, gets
UNSIGNED_LIFETIME = timedelta(minutes=10)
# parameters whose values are JSON when the request comes as plain parameters (section 5.1)
_JSON_PARAMETERS = frozenset({"dcql_query", "client_metadata", "transaction_data", "verifier_info"})


class ResponseMode(StrEnum):
    """How the answer is to be sent."""

    DIRECT_POST_JWT = "direct_post.jwt"
    DIRECT_POST = "direct_post"


_DC_API_MODES = frozenset({"dc_api", "dc_api.jwt"})


@dataclass(frozen=True)
class PresentationRequest:
    """A request, parsed."""

    client_id: str
    response_uri: str
    nonce: str
    # empty: the verifier gave none
    state: str
    query: Query
    metadata: ClientMetadata
    issued_at: datetime
    expires_at: datetime
    verifier_info: tuple[VerifierInfo, ...] = ()
    transaction_data: tuple[TransactionData, ...] = ()
    response_mode: ResponseMode = ResponseMode.DIRECT_POST_JWT
    wallet_nonce: str | None = field(default=None, repr=False)

    @property
    def encryption_key(self) -> PublicKey:
        """The key to encrypt the answer to. Raises `RequestError` when the mode is `direct_post` and has none."""
        return self.metadata.choose_key().key

    @property
    def encryption_key_id(self) -> str | None:
        """The name of that key."""
        return self.metadata.choose_key().key_id

    @property
    def statement(self) -> str:
        """The registration statement, unverified; empty when there is none."""
        return find_statement(self.verifier_info)

    @property
    def consent(self) -> ConsentSupport | None:
        """Our extension, or None when the verifier does not know it."""
        return find_consent(self.verifier_info)

    def to_claims(self) -> dict[str, JSON]:
        """Return the claims to sign."""
        claims: dict[str, JSON] = {
            "client_id": self.client_id,
            "aud": AUDIENCE,
            "response_type": RESPONSE_TYPE,
            "response_mode": self.response_mode.value,
            "response_uri": self.response_uri,
            "nonce": self.nonce,
            "dcql_query": self.query.to_json(),
            "client_metadata": self.metadata.to_json(),
            "iat": epoch_seconds(self.issued_at),
            "exp": epoch_seconds(self.expires_at),
        }
        if self.state:
            claims["state"] = self.state
        if self.verifier_info:
            claims["verifier_info"] = [each.to_json() for each in self.verifier_info]
        if self.transaction_data:
            claims["transaction_data"] = [each.to_json() for each in self.transaction_data]
        if self.wallet_nonce is not None:
            claims["wallet_nonce"] = self.wallet_nonce
        return claims

    @classmethod
    def parse(cls, claims: dict[str, JSON], *, transaction_types: TransactionTypes) -> PresentationRequest:
        """Return the request of a request object's claims. Raises `RequestError` with the code of section 8.5."""
        if claims.get("aud") != AUDIENCE:
            raise RequestError("invalid_request", "the request is for another audience")
        issued_at = from_epoch(get_member(claims, "iat", int))
        expires_at = from_epoch(get_member(claims, "exp", int))
        return _parse(claims, is_signed=True, times=(issued_at, expires_at), types=transaction_types)

    @classmethod
    def parse_parameters(
        cls, parameters: dict[str, str], *, transaction_types: TransactionTypes, received_at: datetime
    ) -> PresentationRequest:
        """Return a request that came as plain parameters, unsigned: nobody vouches for anything in it.

        Raises `RequestError` with the code of section 8.5.
        """
        claims: dict[str, JSON] = {
            name: parse_json(value) if name in _JSON_PARAMETERS else value for name, value in parameters.items()
        }
        times = (received_at, received_at + UNSIGNED_LIFETIME)
        return _parse(claims, is_signed=False, times=times, types=transaction_types)


def _parse(
    claims: dict[str, JSON], *, is_signed: bool, times: tuple[datetime, datetime], types: TransactionTypes
) -> PresentationRequest:
    client_id = get_member(claims, "client_id", str)
    identifier = ClientIdentifier.parse(client_id)
    identifier.check_signed(is_signed=is_signed)
    mode = _parse_mode(claims)
    response_uri = get_url(claims, "response_uri", code="invalid_request")
    identifier.check_response_uri(response_uri)
    query = _parse_query(claims)
    asked = {each.id: each.requires_holder_binding for each in query.credentials}
    metadata = ClientMetadata.parse(claims.get("client_metadata"))
    if mode is ResponseMode.DIRECT_POST_JWT:
        metadata.choose_key()
        metadata.choose_encryption()
    info = find_member(claims, "verifier_info", list)
    transactions = find_member(claims, "transaction_data", list, code="invalid_transaction_data")
    nonce = get_member(claims, "nonce", str)
    return PresentationRequest(
        client_id=client_id,
        response_uri=response_uri,
        nonce=check_url_safe(nonce, "nonce", minimum=MIN_NONCE_CHARS, maximum=MAX_NONCE_CHARS),
        state=_parse_state(claims, asked),
        query=query,
        metadata=metadata,
        issued_at=times[0],
        expires_at=times[1],
        verifier_info=() if info is None else parse_verifier_info(info, asked=asked),
        transaction_data=(
            () if transactions is None else parse_transaction_data(transactions, types=types, asked=asked)
        ),
        response_mode=mode,
        wallet_nonce=find_member(claims, "wallet_nonce", str),
    )


def _parse_mode(claims: dict[str, JSON]) -> ResponseMode:
    if claims.get("response_type") != RESPONSE_TYPE:
        raise RequestError("unsupported_response_type", f"expected response type {RESPONSE_TYPE}")
    mode = get_member(claims, "response_mode", str)
    if mode in _DC_API_MODES:
        raise RequestError("invalid_request", "the Digital Credentials API is not supported")
    if mode not in set(ResponseMode):
        raise RequestError("invalid_request", "expected response mode direct_post.jwt or direct_post")
    if "redirect_uri" in claims:
        raise RequestError("invalid_request", "redirect_uri does not go with an answer by direct_post")
    return ResponseMode(mode)


def _parse_query(claims: dict[str, JSON]) -> Query:
    if "scope" in claims:
        if "dcql_query" in claims:
            raise RequestError("invalid_request", "expected dcql_query or scope, not both")
        raise RequestError("invalid_scope", "no scope is known: expected a dcql_query")
    query = Query.parse(claims.get("dcql_query"))
    check_formats(query)
    return query


def _parse_state(claims: dict[str, JSON], asked: AskedCredentials) -> str:
    """Return the state; without holder binding nothing else ties the answer to the request (section 5.3)."""
    state = find_member(claims, "state", str)
    if state is None and all(asked.values()):
        return ""
    minimum = 1 if all(asked.values()) else MIN_NONCE_CHARS
    return check_url_safe(state or "", "state", minimum=minimum, maximum=MAX_STATE_CHARS)
