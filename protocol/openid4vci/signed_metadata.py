# SPDX-License-Identifier: EUPL-1.2
"""Signed issuer metadata (section 12.2.3): a JWT with all parameters as claims.

Who may sign for an issuer is the trust framework's question: the caller gives the function that answers it.
"""

from __future__ import annotations

from datetime import datetime

from protocol import jws, x5c_jwt
from protocol.clock import epoch_seconds
from protocol.encoding import JSON
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import Signer
from protocol.members import get_moment
from protocol.openid4vci.configuration import CODE
from protocol.openid4vci.metadata import IssuerMetadata
from protocol.x5c_jwt import VerifyChain

TYPE = "openidvci-issuer-metadata+jwt"
MEDIA_TYPE = "application/jwt"


def sign(
    metadata: IssuerMetadata, signer: Signer, *, x5c: list[str], issued_at: datetime, expires_at: datetime | None
) -> str:
    """Return the signed form, for whoever asks with `Accept: application/jwt`."""
    claims: dict[str, JSON] = {"sub": metadata.issuer, "iat": epoch_seconds(issued_at)}
    if expires_at is not None:
        claims["exp"] = epoch_seconds(expires_at)
    return jws.sign({**metadata.to_json(), **claims}, signer, typ=TYPE, x5c=x5c)


def verify(token: str, *, expected_issuer: str, verify_chain: VerifyChain, now: datetime) -> IssuerMetadata:
    """Return the metadata.

    Raises `VerificationError` (`issuer`, `signature`, `validity`) when whoever signed may not, did not, or not for
    now, and `RequestError` (`invalid_issuer_metadata`) when it is another issuer's or malformed.
    """
    try:
        # (1) to (3) issuer, signature and validity of the token
        claims = x5c_jwt.verify(token.strip(), typ=TYPE, verify_chain=verify_chain, now=now)
    except VerificationError as exc:
        raise VerificationError(exc.check, exc.message, code=CODE) from exc
    except RequestError as exc:
        raise RequestError(CODE, exc.message) from exc
    get_moment(claims, "iat", code=CODE)
    # (4) it speaks of this issuer
    if claims.get("sub") != expected_issuer:
        raise VerificationError(Check.ISSUER, "the signed metadata is of another issuer", code=CODE)
    return IssuerMetadata.parse(claims, expected_issuer=expected_issuer)
