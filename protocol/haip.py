# SPDX-License-Identifier: EUPL-1.2
"""HAIP 1.0 (OpenID4VC High Assurance Interoperability Profile, December 2025), requirement by requirement.

Each function reads parsed messages and returns the requirements that they break, none when they keep them all. So
we can say honestly what we keep; it verifies nothing. Signatures, chains and trust are other modules'.

Kept by the parsers already, and therefore not here: response type `vp_token`, DCQL as the only query language,
`direct_post` without `redirect_uri`, compact SD-JWT. About a wallet's or a verifier's behaviour, and therefore in
their own tests: following the redirect, one session from request to result, support for `aki`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from protocol.encoding import JSON
from protocol.errors import VerificationError
from protocol.jwe import ENCRYPTIONS
from protocol.jws import UnverifiedJWS
from protocol.keys import Algorithm
from protocol.oauth.metadata import ServerMetadata
from protocol.openid4vci.metadata import IssuerMetadata
from protocol.openid4vci.offer import AUTHORIZATION_CODE, CredentialOffer
from protocol.openid4vp import (
    ClientIdentifier,
    ClientMetadata,
    EndpointAnswer,
    Link,
    Prefix,
    PresentationRequest,
    RequestLink,
    ResponseMode,
)
from protocol.x509 import parse_chain

_ES256 = Algorithm.ES256.value
_FORMATS = frozenset({"dc+sd-jwt", "mso_mdoc"})


@dataclass(frozen=True)
class Requirement:
    """One sentence of the profile: its section, and what it asks in our words."""

    section: str
    explanation: str


class Rule(Enum):
    """The requirements that can be told from messages; the name is the identifier."""

    # presentation
    BY_REFERENCE = Requirement("5.1", "the request comes by request_uri, not inside the link")
    SIGNED_BY_HASH = Requirement("5", "the client identifier is the digest of a certificate: x509_hash")
    REQUEST_CHAIN = Requirement("5", "the request's x5c has no trust anchor and its leaf is not self-signed")
    REQUEST_ALGORITHM = Requirement("7", "the request is signed by ES256, which every wallet can verify")
    ENCRYPTED_RESPONSE = Requirement("5.1", "the response is encrypted: response mode direct_post.jwt")
    ENCRYPTION_KEY = Requirement("5", "the request brings a key on P-256 for ECDH-ES")
    BOTH_ENCRYPTIONS = Requirement("5", "the verifier takes A128GCM and A256GCM, and lists both")
    FRESH_KEY = Requirement("5", "each request has an encryption key of its own")
    FORMAT = Requirement("5.3", "every credential asked for is dc+sd-jwt or mso_mdoc")
    VERIFIER_ALGORITHMS = Requirement("7", "the verifier verifies ES256")
    REDIRECT = Requirement("5.1", "on the same device the response endpoint answers with a redirect_uri")
    # issuance
    AUTHORIZATION_CODE = Requirement("4", "the authorization code flow is offered")
    PUSHED_REQUESTS = Requirement("4", "authorization requests are pushed (RFC 9126)")
    PKCE = Requirement("4", "code challenges are S256 (RFC 7636)")
    ISSUER_IN_RESPONSE = Requirement("4", "authorization responses name the server (RFC 9207)")
    DPOP = Requirement("4", "access tokens are bound to a key by DPoP (RFC 9449), by ES256 at least")
    CLIENT_AUTHENTICATION = Requirement("4.4.1", "wallets must authenticate where OAuth clients can")
    SCOPE = Requirement("4.1", "every credential configuration has a scope")
    NONCE_ENDPOINT = Requirement("4.1", "an issuer of key-bound credentials has a nonce endpoint")
    PROOF_ALGORITHM = Requirement("7", "proofs of possession by ES256 are taken")
    OFFERED_GRANT = Requirement("4.2", "an offer has the grant authorization_code")
    # credential
    CREDENTIAL_CHAIN = Requirement("6.1.1", "the credential's x5c has no trust anchor and no self-signed leaf")
    KEY_MEMBER = Requirement("6.1", "the holder's key stands in cnf as a jwk")
    STATUS_LIST = Requirement("6.1", "a status, if any, is a status_list")
    STATUS_CHAIN = Requirement("6.1", "the status list's x5c has no trust anchor and its leaf is not self-signed")

    @property
    def section(self) -> str:
        """The section of HAIP 1.0."""
        return self.value.section

    @property
    def explanation(self) -> str:
        """What it asks."""
        return self.value.explanation


def _broken(kept: Mapping[Rule, bool]) -> tuple[Rule, ...]:
    return tuple(rule for rule, is_kept in kept.items() if not is_kept)


def _is_good_chain(x5c: JSON) -> bool:
    """Whether the header has a chain without a self-signed certificate: neither leaf nor anchor."""
    try:
        return all(each.subject != each.issuer for each in parse_chain(x5c))
    except VerificationError:
        return False


def check_link(link: Link) -> tuple[Rule, ...]:
    """Return what the link of a request breaks."""
    return _broken({Rule.BY_REFERENCE: isinstance(link, RequestLink)})


def check_request(header: Mapping[str, JSON], request: PresentationRequest) -> tuple[Rule, ...]:
    """Return what a request object breaks; `header` is its JWS header."""
    return _broken(
        {
            Rule.SIGNED_BY_HASH: ClientIdentifier.parse(request.client_id).prefix is Prefix.X509_HASH,
            Rule.REQUEST_CHAIN: _is_good_chain(header.get("x5c")),
            Rule.REQUEST_ALGORITHM: header.get("alg") == _ES256,
            Rule.ENCRYPTED_RESPONSE: request.response_mode is ResponseMode.DIRECT_POST_JWT,
            Rule.FORMAT: all(asked.format in _FORMATS for asked in request.query.credentials),
        }
    ) + check_client_metadata(request.metadata)


def check_client_metadata(metadata: ClientMetadata) -> tuple[Rule, ...]:
    """Return what the metadata of a verifier breaks."""
    stated = (metadata.algorithms.issuer, metadata.algorithms.key_binding)
    return _broken(
        {
            Rule.ENCRYPTION_KEY: bool(metadata.keys),
            Rule.BOTH_ENCRYPTIONS: set(ENCRYPTIONS) <= set(metadata.encryptions),
            Rule.VERIFIER_ALGORITHMS: all(_ES256 in names for names in stated if names),
        }
    )


def check_fresh_keys(one: PresentationRequest, other: PresentationRequest) -> tuple[Rule, ...]:
    """Return what two requests of one verifier break together."""
    used = {each.key for each in one.metadata.keys}
    return _broken({Rule.FRESH_KEY: all(each.key not in used for each in other.metadata.keys)})


def check_same_device_answer(answer: EndpointAnswer) -> tuple[Rule, ...]:
    """Return what the response endpoint's answer breaks when request and wallet are on one device."""
    return _broken({Rule.REDIRECT: answer.redirect_uri is not None})


def check_server(server: ServerMetadata) -> tuple[Rule, ...]:
    """Return what an authorization server's metadata breaks."""
    return _broken(
        {
            Rule.AUTHORIZATION_CODE: AUTHORIZATION_CODE in server.grant_types
            and server.authorization_endpoint is not None
            and server.token_endpoint is not None,
            Rule.PUSHED_REQUESTS: server.pushed_endpoint is not None,
            Rule.PKCE: "S256" in server.challenge_methods,
            Rule.ISSUER_IN_RESPONSE: server.names_itself,
            Rule.DPOP: _ES256 in server.dpop_algorithms,
            Rule.CLIENT_AUTHENTICATION: "none" not in server.authentication_methods,
        }
    )


def check_issuer(metadata: IssuerMetadata) -> tuple[Rule, ...]:
    """Return what an issuer's metadata breaks."""
    configurations = metadata.configurations.values()
    proof_types = [proof for each in configurations for proof in each.proof_types.values()]
    is_bound = any(each.is_bound for each in configurations)
    return _broken(
        {
            Rule.SCOPE: all(each.scope is not None for each in configurations),
            Rule.NONCE_ENDPOINT: metadata.nonce_endpoint is not None or not is_bound,
            Rule.PROOF_ALGORITHM: all(_ES256 in proof.signing_algorithms for proof in proof_types),
        }
    )


def check_offer(offer: CredentialOffer) -> tuple[Rule, ...]:
    """Return what a credential offer breaks."""
    return _broken({Rule.OFFERED_GRANT: offer.authorization_code is not None})


def check_credential(issuer_jwt: UnverifiedJWS, *, is_bound: bool) -> tuple[Rule, ...]:
    """Return what an SD-JWT VC breaks; `is_bound` says whether its configuration requires holder binding."""
    claims = issuer_jwt.claims()
    confirmation, status = claims.get("cnf"), claims.get("status", {"status_list": {}})
    return _broken(
        {
            Rule.CREDENTIAL_CHAIN: _is_good_chain(issuer_jwt.header.get("x5c")),
            Rule.KEY_MEMBER: not is_bound or (isinstance(confirmation, dict) and "jwk" in confirmation),
            Rule.STATUS_LIST: isinstance(status, dict) and "status_list" in status,
        }
    )


def check_status_list_token(token: UnverifiedJWS) -> tuple[Rule, ...]:
    """Return what a status list token breaks."""
    return _broken({Rule.STATUS_CHAIN: _is_good_chain(token.header.get("x5c"))})
