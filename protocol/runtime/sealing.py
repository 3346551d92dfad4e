# SPDX-License-Identifier: EUPL-1.2
"""Sealing what rests in a service's database: AES-256-GCM under a key derived from the service's secret.

- A copied database alone opens nothing; who has the secret as well opens everything. It protects copies and
  backups, not against the running service.
- Each blob is tied to what it is and whose (`about`), so that two blobs cannot be swapped.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol.encoding import canonical_json
from protocol.errors import StoreConflictError

_KEY_BYTES = 32
_NONCE_BYTES = 12


class Sealer:
    """Seals and opens blobs under one key; `purpose` separates the keys of one secret."""

    def __init__(self, secret: bytes, *, purpose: str) -> None:
        key = HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose.encode()).derive(secret)
        self._cipher = AESGCM(key)

    def seal(self, data: bytes, *, about: Mapping[str, str]) -> bytes:
        """Return the sealed bytes, under a fresh random nonce."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, canonical_json(dict(about)))

    def open(self, sealed: bytes, *, about: Mapping[str, str]) -> bytes:
        """Return what was sealed. Raises `StoreConflictError` (`sealed_data`) for other bytes, key or `about`."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], canonical_json(dict(about)))
        except (InvalidTag, ValueError) as exc:
            raise StoreConflictError("sealed_data", "sealed data cannot be opened", status=500) from exc
