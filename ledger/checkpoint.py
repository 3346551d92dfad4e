# SPDX-License-Identifier: EUPL-1.2
"""Signed tree heads as C2SP tlog-checkpoint, in the signed-note form, with Ed25519.

- The body is three lines: origin, size in decimal, root in base64. No extension lines.
- Our signature has note type 0x01; key identifier and verifier key text are those of C2SP signed-note.
- Signatures of others (witnesses) may follow ours; they are ignored here and read in `ledger.cosignature`.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.merkle import HASH_BYTES
from protocol.encoding import sha256
from protocol.errors import Check, ConfigurationError, RequestError, VerificationError

NOTE_TYPE = b"\x01"
KEY_ID_BYTES = 4
PUBLIC_KEY_BYTES = 32
# Three short lines and the signatures of up to a hundred witnesses.
MAX_NOTE_CHARS = 16 * 1024
NAME = re.compile(r"[^\s+]{1,255}")
_BODY = re.compile(r"([^\s+]{1,255})\n(0|[1-9][0-9]{0,17})\n([A-Za-z0-9+/]{43}=)\n")
_SIGNATURE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: this log has this many leaves and this root."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


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

    def line(self) -> str:
        """Return the line, without its end."""
        return f"\u2014 {self.name} {base64.b64encode(self.key_id + self.signature).decode()}"


@dataclass(frozen=True)
class UnverifiedNote:
    """A checkpoint and the signatures under it, none of them checked."""

    checkpoint: Checkpoint
    body: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True)
class CheckpointKey:
    """The public half of a log's checkpoint key; its text form is the verifier key of signed notes."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name ‖ newline ‖ 0x01 ‖ public key)."""
        return sha256(self.name.encode() + b"\n" + NOTE_TYPE + self.public)[:KEY_ID_BYTES]

    def text(self) -> str:
        """Return `name+keyid+base64`."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(NOTE_TYPE + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> CheckpointKey:
        """Return the key of its text form. Raises `RequestError` when anything in it disagrees."""
        match text.split("+", 2):
            case [name, key_id, encoded] if NAME.fullmatch(name):
                raw = decode_base64(encoded)
                key = cls(name, raw[1:])
                if raw[:1] == NOTE_TYPE and len(key.public) == PUBLIC_KEY_BYTES and key.key_id.hex() == key_id:
                    return key
        raise RequestError("invalid_key", "malformed verifier key of a checkpoint")


class CheckpointSigner:
    """Signs tree heads with one Ed25519 key, used for nothing else."""

    def __init__(self, name: str, secret: Ed25519PrivateKey) -> None:
        self._secret = secret
        public = secret.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.key = CheckpointKey(name, public)

    @classmethod
    def from_pem(cls, name: str, pem: bytes) -> CheckpointSigner:
        """Load an unencrypted PKCS#8 PEM. Raises `ConfigurationError` when it is no Ed25519 key."""
        try:
            secret = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as exc:
            raise ConfigurationError("configuration_error", "malformed checkpoint key file") from exc
        if not isinstance(secret, Ed25519PrivateKey):
            raise ConfigurationError("configuration_error", "expected an Ed25519 key for checkpoints")
        return cls(name, secret)

    def sign(self, checkpoint: Checkpoint) -> str:
        """Return the signed note."""
        body = checkpoint.body()
        if not _BODY.fullmatch(body):
            raise ConfigurationError("configuration_error", "checkpoint cannot be written in its text form")
        signature = self.key.key_id + self._secret.sign(body.encode())
        return f"{body}\n\u2014 {self.key.name} {base64.b64encode(signature).decode()}\n"


def new_key_pem() -> bytes:
    """Return a fresh Ed25519 key as PKCS#8 PEM, for a file that only its owner can read."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def parse_unverified(note: str) -> Checkpoint:
    """Return the tree head that a note claims; it promises nothing."""
    return _split(note)[0]


def parse_note(note: str) -> UnverifiedNote:
    """Return a note with its signatures, none of them checked. Raises `RequestError` (`invalid_checkpoint`)."""
    checkpoint, body, lines = _split(note)
    return UnverifiedNote(checkpoint, body, tuple(NoteSignature.parse(line) for line in lines))


def verify(note: str, key: CheckpointKey) -> Checkpoint:
    """Return the tree head of this log, signed by its key.

    Raises `RequestError` when it is no checkpoint and `VerificationError` (`receipt`, code
    `invalid_checkpoint`) when its origin is another or no signature by the key holds.
    """
    checkpoint, body, lines = _split(note)
    if checkpoint.origin != key.name:
        raise VerificationError(Check.RECEIPT, "checkpoint is of another log", code="invalid_checkpoint")
    public = Ed25519PublicKey.from_public_bytes(key.public)
    for line in lines:
        signature = NoteSignature.parse(line)
        if signature.name != key.name or signature.key_id != key.key_id:
            continue
        try:
            public.verify(signature.signature, body.encode())
        except InvalidSignature as exc:
            raise VerificationError(
                Check.RECEIPT, "signature of the checkpoint does not verify", code="invalid_checkpoint"
            ) from exc
        return checkpoint
    raise VerificationError(Check.RECEIPT, "checkpoint is not signed by the log's key", code="invalid_checkpoint")


def _split(note: str) -> tuple[Checkpoint, str, list[str]]:
    if len(note) > MAX_NOTE_CHARS:
        raise RequestError("invalid_checkpoint", f"checkpoint longer than {MAX_NOTE_CHARS} characters")
    body, separator, signatures = note.partition("\n\n")
    body += "\n"
    match = _BODY.fullmatch(body)
    if match is None or not separator or not signatures.endswith("\n"):
        raise RequestError("invalid_checkpoint", "malformed checkpoint")
    root = decode_base64(match[3])
    if len(root) != HASH_BYTES:
        raise RequestError("invalid_checkpoint", "root is not 32 bytes")
    return Checkpoint(match[1], int(match[2]), root), body, signatures[:-1].split("\n")


def decode_base64(text: str) -> bytes:
    """Return the bytes of canonical base64. Raises `RequestError` (`invalid_checkpoint`)."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise RequestError("invalid_checkpoint", "malformed base64") from exc
    if base64.b64encode(raw).decode() != text:
        raise RequestError("invalid_checkpoint", "base64 is not canonical")
    return raw
