# SPDX-License-Identifier: EUPL-1.2
"""Commitments: what the log holds instead of a record.

A commitment is an HMAC under a fresh key of 32 random bytes, so it says nothing to whoever lacks the key, and
destroying key and record leaves it meaningless. One record, one key, never reused.
"""

from __future__ import annotations

import hmac
import secrets
from typing import NewType

from protocol.encoding import JSON, b64url_decode
from protocol.errors import RequestError

COMMITMENT_BYTES = 32
KEY_BYTES = 32
_COMMITMENT_LABEL = b"testimoni/record/1\x00"
_WITHDRAWN_LABEL = b"testimoni/withdrawn/1"

Commitment = NewType("Commitment", bytes)


def new_key() -> bytes:
    """Return a fresh commitment key: one record, one key, never reused."""
    return secrets.token_bytes(KEY_BYTES)


def commit(key: bytes, record: bytes) -> Commitment:
    """Return the commitment to the record's bytes. Raises `RequestError` unless the key has 32 bytes."""
    _check_key(key)
    return Commitment(hmac.digest(key, _COMMITMENT_LABEL + record, "sha256"))


def withdrawal_marker(key: bytes, commitment: Commitment) -> Commitment:
    """Return the entry that says, to whoever holds the key, that this share was taken back."""
    _check_key(key)
    return Commitment(hmac.digest(key, _WITHDRAWN_LABEL + commitment, "sha256"))


def parse_commitment(text: JSON) -> Commitment:
    """Return the commitment of its base64url text. Raises `RequestError` unless it has 32 bytes."""
    if not isinstance(text, str):
        raise RequestError("invalid_commitment", "expected a commitment as base64url text")
    try:
        raw = b64url_decode(text)
    except RequestError as exc:
        raise RequestError("invalid_commitment", "commitment is not canonical base64url") from exc
    if len(raw) != COMMITMENT_BYTES:
        raise RequestError("invalid_commitment", f"expected {COMMITMENT_BYTES} bytes, got {len(raw)}")
    return Commitment(raw)


def _check_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise RequestError("invalid_key", f"expected a key of {KEY_BYTES} bytes, got {len(key)}")
