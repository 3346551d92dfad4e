# SPDX-License-Identifier: EUPL-1.2
"""Documents about what is issued here, for whoever reads credentials with them (SD-JWT VC, sections 4 and 5).

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
from protocol.keys import PublicKey
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
