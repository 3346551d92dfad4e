# SPDX-License-Identifier: EUPL-1.2
"""Proofs of holder keys that come with a credential request (OpenID4VCI 1.0, appendix F)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from protocol.errors import RequestError
from protocol.keys import PublicKey
from protocol.openid4vci.credential_request import Proofs
from protocol.openid4vci.proof import ProofKind, verify_proof


def read_tokens(proofs: Proofs) -> tuple[str, ...]:
    """Return the proofs of the one type that our metadata offers."""
    if proofs.kind is not ProofKind.JWT:
        raise RequestError("invalid_proof", "expected proofs of type jwt")
    return proofs.tokens


def proven_keys(
    proofs: Sequence[str], *, expected_audience: str, batch_size: int, now: datetime
) -> tuple[tuple[PublicKey, ...], str]:
    """Return the keys of the proofs and the nonce they share; whether that nonce is ours the caller still owes.

    Raises `RequestError` (`invalid_proof`).
    """
    if len(proofs) > batch_size:
        raise RequestError("invalid_proof", f"expected at most {batch_size} proofs, got {len(proofs)}")
    verified = [
        verify_proof(
            proof, expected_audience=expected_audience, expected_client_id=None, attestation_policy=None, now=now
        )
        for proof in proofs
    ]
    keys = tuple(proof.key for proof in verified)
    nonces = {proof.nonce for proof in verified}
    if len({key.thumbprint() for key in keys}) != len(keys):
        raise RequestError("invalid_proof", "two proofs are for the same key")
    if len(nonces) != 1:
        raise RequestError("invalid_proof", "expected one nonce in all proofs")
    return keys, nonces.pop()
