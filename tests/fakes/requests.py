# SPDX-License-Identifier: EUPL-1.2
"""The parts of a presentation request that tests make by hand."""

from __future__ import annotations

from protocol.jwe import ENCRYPTIONS, RecipientKey
from protocol.keys import PublicKey
from protocol.openid4vp import ClientMetadata, ConsentSupport, FormatAlgorithms, VerifierInfo


def client_metadata(key: PublicKey, key_id: str) -> ClientMetadata:
    """Return what our verifier says of itself, with this encryption key."""
    algorithms = FormatAlgorithms(issuer=("ES256",), key_binding=("ES256",))
    return ClientMetadata(keys=(RecipientKey(key, key_id),), algorithms=algorithms, encryptions=ENCRYPTIONS)


def verifier_info(statement: str, withdrawal_uri: str) -> tuple[VerifierInfo, ...]:
    """Return a registration statement and our consent extension."""
    return VerifierInfo.of_statement(statement), VerifierInfo.of_consent(ConsentSupport(withdrawal_uri))
