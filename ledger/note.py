# SPDX-License-Identifier: EUPL-1.2
"""Signed notes (C2SP signed-note), as far as a log's and a witness's signatures share them: keys and lines.

- The text of a key is `name+keyid+base64`; its identifier is of its name, its type and its bytes, so a key of one
  type is never taken for one of another.
- Base64 is the canonical one only: one signature, one text.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import ClassVar, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol.encoding import sha256
from protocol.errors import ConfigurationError, RequestError

KEY_ID_BYTES = 4
PUBLIC_KEY_BYTES = 32
# Three short lines and the signatures of up to a hundred witnesses.
MAX_NOTE_CHARS = 16 * 1024
NAME = re.compile(r"[^\s+]{1,255}")
_SIGNATURE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True)
class NoteKey:
    """The public half of an Ed25519 key that signs notes; a subclass says for what, and with which type."""

    NOTE_TYPE: ClassVar[bytes]
    SIGNS: ClassVar[str]

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name ‖ newline ‖ type ‖ public key)."""
        return sha256(self.name.encode() + b"\n" + self.NOTE_TYPE + self.public)[:KEY_ID_BYTES]

    def text(self) -> str:
        """Return `name+keyid+base64`."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self.NOTE_TYPE + self.public).decode()}"

    @classmethod
    def of(cls, name: str, secret: Ed25519PrivateKey) -> Self:
        """Return the public half of a secret key under this name."""
        return cls(
            name,
            secret.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw),
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the key of its text form. Raises `RequestError` when anything in it disagrees."""
        match text.split("+", 2):
            case [name, key_id, encoded] if NAME.fullmatch(name):
                raw = decode_base64(encoded)
                key = cls(name, raw[1:])
                if raw[:1] == cls.NOTE_TYPE and len(key.public) == PUBLIC_KEY_BYTES and key.key_id.hex() == key_id:
                    return key
        raise RequestError("invalid_key", f"malformed verifier key of a {cls.SIGNS}")

    def verifier(self) -> Ed25519PublicKey:
        """Return the key as the library has it."""
        return Ed25519PublicKey.from_public_bytes(self.public)


@dataclass(frozen=True)
class NoteSignature:
    """One signature line of a note, as it stands there; it promises nothing."""

    name: str
    key_id: bytes
    signature: bytes

    @classmethod
    def parse(cls, line: str) -> NoteSignature:
        """Return the parts of a signature line. Raises `RequestError` (`invalid_checkpoint`)."""
        match = _SIGNATURE.fullmatch(line)
        if match is None:
            raise RequestError("invalid_checkpoint", "malformed signature line")
        raw = decode_base64(match[2])
        return cls(match[1], raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])

    def is_by(self, key: NoteKey) -> bool:
        """Whether it says that this key made it."""
        return (self.name, self.key_id) == (key.name, key.key_id)

    def line(self) -> str:
        """Return the line, without its end."""
        return f"\u2014 {self.name} {base64.b64encode(self.key_id + self.signature).decode()}"


def load_secret(pem: bytes, kind: type[NoteKey]) -> Ed25519PrivateKey:
    """Return the key of an unencrypted PKCS#8 PEM. Raises `ConfigurationError` when it is no Ed25519 key."""
    try:
        secret = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as exc:
        raise ConfigurationError("configuration_error", f"malformed key file of a {kind.SIGNS}") from exc
    if not isinstance(secret, Ed25519PrivateKey):
        raise ConfigurationError("configuration_error", f"expected an Ed25519 key of a {kind.SIGNS}")
    return secret


def decode_base64(text: str) -> bytes:
    """Return the bytes of canonical base64. Raises `RequestError` (`invalid_checkpoint`)."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise RequestError("invalid_checkpoint", "malformed base64") from exc
    if base64.b64encode(raw).decode() != text:
        raise RequestError("invalid_checkpoint", "base64 is not canonical")
    return raw
