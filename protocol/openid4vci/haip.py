# SPDX-License-Identifier: EUPL-1.2
"""What HAIP 1.0 (section 4) asks of an issuer beyond OpenID4VCI 1.0, checked over its two metadata documents.

Our own issuer has the pre-authorized code flow alone so far, which HAIP does not cover: it does not claim the
profile.
"""

from __future__ import annotations

from protocol.errors import RequestError
from protocol.oauth_metadata import ServerMetadata
from protocol.openid4vci.configuration import CODE, CredentialConfiguration
from protocol.openid4vci.metadata import IssuerMetadata
from protocol.openid4vci.offer import AUTHORIZATION_CODE

_ALGORITHM = "ES256"


def check_issuer(metadata: IssuerMetadata) -> None:
    """Raise `RequestError` (`invalid_issuer_metadata`) at the first thing that the profile wants otherwise."""
    if metadata.nonce_endpoint is None and any(each.is_bound for each in metadata.configurations.values()):
        raise RequestError(CODE, "expected a nonce endpoint for credentials bound to keys")
    for configuration in metadata.configurations.values():
        _check_configuration(configuration)


def _check_configuration(configuration: CredentialConfiguration) -> None:
    if configuration.scope is None:
        raise RequestError(CODE, "expected a scope for each credential")
    if configuration.signing_algorithms and _ALGORITHM not in configuration.signing_algorithms:
        raise RequestError(CODE, f"expected credentials signed by {_ALGORITHM}")
    for proof_type in configuration.proof_types.values():
        if _ALGORITHM not in proof_type.signing_algorithms:
            raise RequestError(CODE, f"expected proofs signed by {_ALGORITHM}")


def check_server(metadata: ServerMetadata) -> None:
    """Raise `RequestError` (`invalid_issuer_metadata`) at the first thing that the profile wants otherwise."""
    wanted = {
        "the authorization code grant": AUTHORIZATION_CODE in metadata.grant_types,
        "an authorization endpoint": metadata.authorization_endpoint is not None,
        "a token endpoint": metadata.token_endpoint is not None,
        "pushed authorization requests": metadata.pushed_endpoint is not None,
        "code challenges by S256": "S256" in metadata.challenge_methods,
        "its name in authorization responses": metadata.names_itself,
        f"DPoP proofs by {_ALGORITHM}": _ALGORITHM in metadata.dpop_algorithms,
        "client authentication": metadata.authentication_methods != ("none",),
    }
    missing = [what for what, is_there in wanted.items() if not is_there]
    if missing:
        raise RequestError(CODE, f"expected {', '.join(missing)}")
