# SPDX-License-Identifier: EUPL-1.2
"""Signed tree heads as C2SP tlog-checkpoint, in the signed-note form, with Ed25519.

- The body is three lines: origin, size in decimal, root in base64. No extension lines.
- Our signature has note type 0x01; key identifier and verifier key text are those of C2SP signed-note.
- Signatures of others (witnesses) may follow ours; they are ignored here and read in `ledger.cosignature`.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.merkle import HASH_BYTES
from ledger.note import MAX_NOTE_CHARS, NoteKey, NoteSignature, decode_base64, load_secret
from protocol.errors import Check, ConfigurationError, RequestError, VerificationError

_BODY = re.compile(r"([^\s+]{1,255})\n(0|[1-9][0-9]{0,17})\n([A-Za-z0-9+/]{43}=)\n")


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
class UnverifiedNote:
    """A checkpoint and the signatures under it, none of them checked."""

    checkpoint: Checkpoint
    body: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True)
class CheckpointKey(NoteKey):
    """The public half of a log's checkpoint key; its text form is the verifier key of signed notes."""

    NOTE_TYPE = b"\x01"
    SIGNS = "checkpoint"


class CheckpointSigner:
    """Signs tree heads with one Ed25519 key, used for nothing else."""

    def __init__(self, name: str, secret: Ed25519PrivateKey) -> None:
        self._secret = secret
        self.key = CheckpointKey.of(name, secret)

    @classmethod
    def from_pem(cls, name: str, pem: bytes) -> CheckpointSigner:
        """Load an unencrypted PKCS#8 PEM. Raises `ConfigurationError` when it is no Ed25519 key."""
        return cls(name, load_secret(pem, CheckpointKey))

    def sign(self, checkpoint: Checkpoint) -> str:
        """Return the signed note."""
        body = checkpoint.body()
        if not _BODY.fullmatch(body):
            raise ConfigurationError("configuration_error", "checkpoint cannot be written in its text form")
        line = NoteSignature(self.key.name, self.key.key_id, self._secret.sign(body.encode()))
        return f"{body}\n{line.line()}\n"


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
    public = key.verifier()
    for line in lines:
        signature = NoteSignature.parse(line)
        if not signature.is_by(key):
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
