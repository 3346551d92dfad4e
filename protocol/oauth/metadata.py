# SPDX-License-Identifier: EUPL-1.2
"""Authorization server metadata (RFC 8414) with what OpenID4VCI 1.0 (section 12.3) and HAIP 1.0 (section 4) add.

Further members are from RFC 9126 (pushed requests), RFC 9207 (`iss`), RFC 9449 (DPoP), RFC 9396 (authorization
details), attestation-based client authentication and the Token Status List (section 9.1).
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.encoding import JSON
from protocol.errors import RequestError
from protocol.members import check_identifier, find_texts, find_url, get_flag

WELL_KNOWN = "oauth-authorization-server"
CODE = "invalid_issuer_metadata"
# RFC 8414, section 2: what its absence means
DEFAULT_GRANT_TYPES = ("authorization_code", "implicit")
DEFAULT_AUTHENTICATION = ("client_secret_basic",)


@dataclass(frozen=True)
class ServerMetadata:
    """An authorization server's metadata. An empty list says that nothing is supported."""

    issuer: str
    token_endpoint: str | None = None
    authorization_endpoint: str | None = None
    pushed_endpoint: str | None = None
    is_pushing_required: bool = False
    jwks_uri: str | None = None
    grant_types: tuple[str, ...] = DEFAULT_GRANT_TYPES
    # one that takes pre-authorized codes alone has none (OpenID4VCI 1.0, section 12.2.4)
    response_types: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    details_types: tuple[str, ...] = ()
    challenge_methods: tuple[str, ...] = ()
    authentication_methods: tuple[str, ...] = DEFAULT_AUTHENTICATION
    attestation_algorithms: tuple[str, ...] = ()
    attestation_pop_algorithms: tuple[str, ...] = ()
    challenge_endpoint: str | None = None
    dpop_algorithms: tuple[str, ...] = ()
    # it names itself in authorization responses (RFC 9207)
    names_itself: bool = False
    # a pre-authorized code is enough, without a client identifier
    takes_anonymous: bool = False
    # where status list tokens are listed, to fetch them ahead
    status_list_aggregation_endpoint: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        optional: dict[str, JSON] = {
            "authorization_endpoint": self.authorization_endpoint,
            "token_endpoint": self.token_endpoint,
            "pushed_authorization_request_endpoint": self.pushed_endpoint,
            "require_pushed_authorization_requests": self.is_pushing_required,
            "jwks_uri": self.jwks_uri,
            "scopes_supported": [*self.scopes],
            "authorization_details_types_supported": [*self.details_types],
            "code_challenge_methods_supported": [*self.challenge_methods],
            "client_attestation_signing_alg_values_supported": [*self.attestation_algorithms],
            "client_attestation_pop_signing_alg_values_supported": [*self.attestation_pop_algorithms],
            "challenge_endpoint": self.challenge_endpoint,
            "dpop_signing_alg_values_supported": [*self.dpop_algorithms],
            "authorization_response_iss_parameter_supported": self.names_itself,
            "pre-authorized_grant_anonymous_access_supported": self.takes_anonymous,
            "status_list_aggregation_endpoint": self.status_list_aggregation_endpoint,
        }
        return {
            "issuer": self.issuer,
            # these three are written even when empty: their absence would mean something
            "response_types_supported": [*self.response_types],
            "grant_types_supported": [*self.grant_types],
            "token_endpoint_auth_methods_supported": [*self.authentication_methods],
            **{name: value for name, value in optional.items() if value},
        }

    @classmethod
    def parse(cls, document: dict[str, JSON], *, expected_issuer: str) -> ServerMetadata:
        """Return the metadata. Raises `RequestError` (`invalid_issuer_metadata`) unless it is this server's."""
        if document.get("issuer") != expected_issuer:
            raise RequestError(CODE, "the metadata is another authorization server's")
        check_identifier(expected_issuer, "issuer", code=CODE)
        return cls(
            issuer=expected_issuer,
            token_endpoint=find_url(document, "token_endpoint", code=CODE),
            authorization_endpoint=find_url(document, "authorization_endpoint", code=CODE),
            pushed_endpoint=find_url(document, "pushed_authorization_request_endpoint", code=CODE),
            is_pushing_required=_flag(document, "require_pushed_authorization_requests"),
            jwks_uri=find_url(document, "jwks_uri", code=CODE),
            grant_types=_texts(document, "grant_types_supported", DEFAULT_GRANT_TYPES),
            response_types=_texts(document, "response_types_supported", ()),
            scopes=_texts(document, "scopes_supported", ()),
            details_types=_texts(document, "authorization_details_types_supported", ()),
            challenge_methods=_texts(document, "code_challenge_methods_supported", ()),
            authentication_methods=_texts(
                document, "token_endpoint_auth_methods_supported", DEFAULT_AUTHENTICATION
            ),
            attestation_algorithms=_texts(document, "client_attestation_signing_alg_values_supported", ()),
            attestation_pop_algorithms=_texts(document, "client_attestation_pop_signing_alg_values_supported", ()),
            challenge_endpoint=find_url(document, "challenge_endpoint", code=CODE),
            dpop_algorithms=_texts(document, "dpop_signing_alg_values_supported", ()),
            names_itself=_flag(document, "authorization_response_iss_parameter_supported"),
            takes_anonymous=_flag(document, "pre-authorized_grant_anonymous_access_supported"),
            status_list_aggregation_endpoint=find_url(document, "status_list_aggregation_endpoint", code=CODE),
        )

    def get_token_endpoint(self) -> str:
        """Return where tokens are had. Raises `RequestError` when there is no such place."""
        if self.token_endpoint is None:
            raise RequestError(CODE, "the authorization server has no token endpoint")
        return self.token_endpoint


def _flag(document: dict[str, JSON], name: str) -> bool:
    return get_flag(document, name, code=CODE, default=False)


def _texts(document: dict[str, JSON], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return a list that may be empty; absent, it means `default`."""
    if name not in document:
        return default
    return () if document[name] == [] else find_texts(document, name, code=CODE)
