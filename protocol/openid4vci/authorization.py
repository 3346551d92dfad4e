# SPDX-License-Identifier: EUPL-1.2
"""Authorization request (section 5): authorization details or scopes, pushed (RFC 9126), with PKCE by S256.

`issuer_state` may have been planted by somebody else (section 5.1.3): it never says who is asking.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlencode

from protocol.encoding import JSON, compact_json, parse_json
from protocol.errors import RequestError
from protocol.members import (
    MAX_ITEMS,
    check_url,
    find_objects,
    find_texts,
    get_objects,
    get_single,
    get_text,
    get_texts,
)
from protocol.oauth.authorization import CHALLENGE_METHOD, check_challenge
from protocol.oauth.errors import AuthorizationError, refuse
from protocol.openid4vci.claims import Claim, parse_claims
from protocol.openid4vci.metadata import IssuerMetadata

DETAILS_TYPE = "openid_credential"
CODE = AuthorizationError.INVALID_AUTHORIZATION_DETAILS
Form: TypeAlias = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class AuthorizationDetail:
    """One credential asked for (section 5.1.1)."""

    configuration_id: str
    claims: tuple[Claim, ...] = ()
    # the issuer's identifier when it relies on other authorization servers
    locations: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {"type": DETAILS_TYPE, "credential_configuration_id": self.configuration_id}
        if self.claims:
            members["claims"] = [claim.to_json() for claim in self.claims]
        if self.locations:
            members["locations"] = [*self.locations]
        return members

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> AuthorizationDetail:
        """Return the detail. Raises `RequestError` (`invalid_authorization_details`)."""
        if value.get("type") != DETAILS_TYPE:
            raise RequestError(CODE, f"expected authorization details of type {DETAILS_TYPE}")
        return cls(
            configuration_id=get_text(value, "credential_configuration_id", code=CODE),
            claims=parse_claims(find_objects(value, "claims", code=CODE), code=CODE),
            locations=find_texts(value, "locations", code=CODE),
        )


def parse_details(value: JSON) -> tuple[AuthorizationDetail, ...]:
    """Return the details of a request; another type is refused (RFC 9396, section 5).

    Raises `RequestError` (`invalid_authorization_details`).
    """
    items = get_objects({"authorization_details": value}, "authorization_details", code=CODE)
    return tuple(AuthorizationDetail.parse(item) for item in items)


def parse_details_text(text: str | None) -> tuple[AuthorizationDetail, ...]:
    """Return the details of a form field, none when it is absent."""
    if text is None:
        return ()
    try:
        return parse_details(parse_json(text))
    except RequestError as exc:
        raise RequestError(CODE, exc.message) from exc


def details_text(details: Sequence[AuthorizationDetail]) -> str:
    """Return the form field."""
    return compact_json([detail.to_json() for detail in details]).decode()


def check_locations(details: Sequence[AuthorizationDetail], *, metadata: IssuerMetadata) -> None:
    """Refuse details that do not say which issuer they mean, where a server has several (section 5.1.1).

    Raises `RequestError` (`invalid_authorization_details`).
    """
    if metadata.authorization_servers and any(each.locations != (metadata.issuer,) for each in details):
        raise RequestError(CODE, "expected the issuer in locations")


@dataclass(frozen=True)
class GrantedDetail:
    """One credential that a token is good for (section 6.2): which data sets of it may be had, by identifier."""

    configuration_id: str
    identifiers: tuple[str, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return {
            "type": DETAILS_TYPE,
            "credential_configuration_id": self.configuration_id,
            "credential_identifiers": [*self.identifiers],
        }

    @classmethod
    def parse_all(cls, value: dict[str, JSON], *, code: str) -> tuple[GrantedDetail, ...]:
        """Return the details of a token response; those of other types are ignored. Raises `RequestError`."""
        items = find_objects(value, "authorization_details", code=code)
        return tuple(
            cls(
                configuration_id=get_text(item, "credential_configuration_id", code=code),
                identifiers=get_texts(item, "credential_identifiers", code=code),
            )
            for item in items
            if item.get("type") == DETAILS_TYPE
        )


@dataclass(frozen=True)
class AuthorizationRequest:
    """An authorization request, to be pushed."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    scopes: tuple[str, ...] = ()
    details: tuple[AuthorizationDetail, ...] = ()
    state: str | None = None
    issuer_state: str | None = None
    # the issuer meant, where a server has several (RFC 8707)
    resource: str | None = None
    # the key that the token shall be bound to (RFC 9449, section 10)
    dpop_thumbprint: str | None = None

    def form(self) -> bytes:
        """Return the form body of the pushed request."""
        optional = {
            "scope": " ".join(self.scopes),
            "authorization_details": details_text(self.details) if self.details else None,
            "state": self.state,
            "issuer_state": self.issuer_state,
            "resource": self.resource,
            "dpop_jkt": self.dpop_thumbprint,
        }
        fields = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_challenge": self.code_challenge,
            "code_challenge_method": CHALLENGE_METHOD,
            **{name: value for name, value in optional.items() if value},
        }
        return urlencode(fields).encode("ascii")

    @classmethod
    def parse(cls, form: Form) -> AuthorizationRequest:
        """Return the request of a pushed form. Whether its address is the client's the caller still owes.

        Raises `RequestError` with the code of RFC 6749, section 4.1.2.1, or `invalid_authorization_details`.
        """
        code = AuthorizationError.INVALID_REQUEST
        given = get_single(form, code=code)
        if "request_uri" in given:
            # RFC 9126, section 2.1
            raise RequestError(code, "a pushed request must not refer to another")
        if given.get("response_type") != "code":
            raise refuse(AuthorizationError.UNSUPPORTED_RESPONSE_TYPE, "expected response type code")
        check_challenge(given.get("code_challenge"), given.get("code_challenge_method"))
        redirect_uri = given.get("redirect_uri", "")
        check_url(redirect_uri, "redirect_uri", code=code)
        scopes = tuple(dict.fromkeys(given.get("scope", "").split()))
        details = parse_details_text(given.get("authorization_details"))
        if not scopes and not details:
            raise refuse(AuthorizationError.INVALID_SCOPE, "expected a scope or authorization details")
        if len(scopes) > MAX_ITEMS:
            raise refuse(AuthorizationError.INVALID_SCOPE, f"expected at most {MAX_ITEMS} scopes")
        return cls(
            client_id=get_text({**given}, "client_id", code=code),
            redirect_uri=redirect_uri,
            code_challenge=given["code_challenge"],
            scopes=scopes,
            details=details,
            state=given.get("state"),
            issuer_state=given.get("issuer_state"),
            resource=given.get("resource"),
            dpop_thumbprint=given.get("dpop_jkt"),
        )

    def check_redirect_uri(self, *, registered: Collection[str]) -> None:
        """Refuse an address that is not the client's, letter by letter (RFC 9700, section 4.1.3).

        Raises `RequestError` (`invalid_request`): nobody may then be sent there.
        """
        if self.redirect_uri not in registered:
            raise refuse(AuthorizationError.INVALID_REQUEST, "the address to return to is not the client's")

    def wanted(self, metadata: IssuerMetadata) -> tuple[str, ...]:
        """Return the identifiers of the credentials asked for; a scope that nobody knows asks for nothing (5.1.2).

        Raises `RequestError`: `invalid_authorization_details` for an unknown credential, `invalid_scope` when
        nothing is asked for.
        """
        named = [detail.configuration_id for detail in self.details]
        if any(identifier not in metadata.configurations for identifier in named):
            raise RequestError(CODE, "the issuer has no credential of that name")
        scoped = [name for name, each in metadata.configurations.items() if each.scope in self.scopes]
        if not named and not scoped:
            raise refuse(AuthorizationError.INVALID_SCOPE, "no scope asks for a credential of this issuer")
        return tuple(dict.fromkeys([*named, *scoped]))
