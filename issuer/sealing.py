# SPDX-License-Identifier: EUPL-1.2
"""Seals what must be kept for minutes, and names people without keeping their numbers.

- Values are sealed for one purpose and owner, so that no blob opens in another's place.
- Digests are HMAC-SHA-256 under a key of their own: six digits, or an identity number, cannot be searched for
  without the service's secret.
- Both keys come from the service's secret by HKDF-SHA-256. A lost secret loses what is sealed, nothing else.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol.encoding import JSON, canonical_json, compact_json, parse_object
from protocol.runtime.sealing import Sealer

_KEY_BYTES = 32


class Seals:
    """Seals values and makes keyed digests for one service."""

    def __init__(self, secret: str) -> None:
        self._sealer = Sealer(secret.encode(), purpose="testimoni/issuer/seal/1")
        self._digest_key = HKDF(
            algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=None, info=b"testimoni/issuer/digest/1"
        ).derive(secret.encode())

    def seal(self, value: Mapping[str, JSON], *, purpose: str, owner: str) -> bytes:
        """Return the value sealed for one purpose and owner."""
        return self._sealer.seal(compact_json(dict(value)), about={"purpose": purpose, "owner": owner})

    def unseal(self, sealed: bytes, *, purpose: str, owner: str) -> dict[str, JSON]:
        """Return a sealed value. Raises `StoreConflictError` when it was sealed otherwise or elsewhere."""
        return parse_object(self._sealer.open(sealed, about={"purpose": purpose, "owner": owner}))

    def digest(self, purpose: str, *parts: str) -> bytes:
        """Return the keyed digest of some texts under a purpose; no two lists of texts share one."""
        return hmac.digest(self._digest_key, canonical_json([purpose, *parts]), "sha256")
