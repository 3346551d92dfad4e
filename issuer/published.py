# SPDX-License-Identifier: EUPL-1.2
"""Documents about what is issued here, for wallets and for whoever reads credentials.

OpenID4VCI 1.0, section 12; SD-JWT VC, sections 4 and 5.

- The rules for claims are those that issuance follows, read from the same file of the credential type.
- A type's `vct` is an address outside this service. The same document stands here under the same path, so that a
  host with that name can pass requests on to this one.
- The published key is the one in the certificate that goes with every credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from issuer.claim_rules import ClaimRule
from issuer.credential_types import CredentialType
from issuer.records import Administration
from protocol.errors import RequestError
from protocol.jwt_vc_issuer import JWTVCIssuerMetadata
from protocol.keys import Algorithm, PublicKey
from protocol.oauth.metadata import ServerMetadata
from protocol.openid4vci.claims import Claim
from protocol.openid4vci.configuration import JWK_BINDING, CredentialConfiguration, ProofType
from protocol.openid4vci.display import displays_of
from protocol.openid4vci.metadata import IssuerMetadata
from protocol.openid4vci.offer import PRE_AUTHORIZED
from protocol.openid4vci.proof import ProofKind
from protocol.type_metadata.display import TypeDisplay
from protocol.type_metadata.model import ClaimDisplay, ClaimMetadata, SelectiveDisclosure, TypeMetadata
from protocol.x509 import parse_chain


def get_type_metadata(types: Mapping[str, CredentialType], path: str) -> TypeMetadata:
    """Return the metadata of the type whose `vct` has this path. Raises `RequestError` (`not_found`)."""
    for kind in types.values():
        if urlsplit(kind.vct).path == path:
            return describe_type(kind)
    raise RequestError("not_found", "there is no such type of document", status=404)


def describe_type(kind: CredentialType) -> TypeMetadata:
    """Return what a type is called and which claims it has."""
    return TypeMetadata(
        vct=kind.vct,
        name=kind.id,
        description=kind.description["en"],
        display=tuple(
            TypeDisplay(locale=language, name=name, description=kind.description[language])
            for language, name in kind.name.items()
        ),
        claims=tuple(_describe_claim(rule) for rule in kind.claim_rules),
    )


def _describe_claim(rule: ClaimRule) -> ClaimMetadata:
    return ClaimMetadata(
        path=(rule.name,),
        display=tuple(ClaimDisplay(locale=language, label=label) for language, label in rule.label.items()),
        mandatory=rule.required,
        sd=SelectiveDisclosure.ALWAYS if rule.selectively_disclosable else SelectiveDisclosure.NEVER,
    )


def describe_issuer(identifier: str, administration: Administration) -> JWTVCIssuerMetadata:
    """Return the key that an administration signs with, under its thumbprint."""
    key = PublicKey.wrap(parse_chain([*administration.x5c])[0].public_key())
    return JWTVCIssuerMetadata(issuer=identifier, keys={key.thumbprint(): key})


def issuer_metadata(
    identifier: str, administration: Administration, *, types: Mapping[str, CredentialType], batch_size: int
) -> IssuerMetadata:
    """Return what wallets need to know of an administration's issuer (OpenID4VCI 1.0, section 12.2)."""
    return IssuerMetadata(
        issuer=identifier,
        nonce_endpoint=f"{identifier}/nonce",
        credential_endpoint=f"{identifier}/credential",
        notification_endpoint=f"{identifier}/notification",
        batch_size=batch_size,
        display=displays_of(administration.names),
        configurations={name: _configuration(types[name]) for name in administration.credential_types},
    )


def server_metadata(identifier: str, *, status_lists: str) -> ServerMetadata:
    """Return what wallets need to know of its authorization server, which it is itself (RFC 8414)."""
    return ServerMetadata(
        issuer=identifier,
        token_endpoint=f"{identifier}/token",
        grant_types=(PRE_AUTHORIZED,),
        authentication_methods=("none",),
        takes_anonymous=True,
        status_list_aggregation_endpoint=status_lists,
    )


def _configuration(kind: CredentialType) -> CredentialConfiguration:
    return CredentialConfiguration(
        id=kind.id,
        vct=kind.vct,
        scope=kind.id,
        signing_algorithms=(Algorithm.ES256.value,),
        binding_methods=(JWK_BINDING,),
        proof_types={ProofKind.JWT.value: ProofType((Algorithm.ES256.value,))},
        display=displays_of(kind.name),
        claims=tuple(Claim((rule.name,), display=displays_of(rule.label)) for rule in kind.claim_rules),
    )
