# SPDX-License-Identifier: EUPL-1.2
"""What a log and a witness say to each other (C2SP tlog-witness, `add-checkpoint`): no network.

- Asked: `old SIZE`, the hashes of a consistency proof one a line, an empty line, the signed checkpoint.
- Answered: signature lines (200), or the size that the witness knows (409). Nothing here is verified.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from ledger import merkle
from ledger.note import MAX_NOTE_CHARS, decode_base64
from protocol.errors import RequestError

# tlog-witness allows 63 lines of proof, of 45 characters; the rest is the note.
MAX_PROOF_LINES = 63
MAX_BODY_BYTES = 4 * 1024 + 4 * MAX_NOTE_CHARS
# A witness signs with one key, or with a few while it changes them.
MAX_ANSWER_BYTES = 4 * 1024
TEXT = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,17})")
_SIZE_LINE = re.compile(r"(0|[1-9][0-9]{0,17})\n")


@dataclass(frozen=True)
class AddCheckpoint:
    """A request: cosign this note, whose tree extends the one of the old size as the proof says."""

    old: int
    proof: tuple[bytes, ...]
    note: str

    @classmethod
    def parse(cls, body: bytes) -> AddCheckpoint:
        """Return the parts of a request. Raises `RequestError` when it has another form."""
        if len(body) > MAX_BODY_BYTES:
            raise RequestError("invalid_request", f"request longer than {MAX_BODY_BYTES} bytes")
        try:
            lines, separator, note = body.decode().partition("\n\n")
        except UnicodeDecodeError as exc:
            raise RequestError("invalid_request", "request is not text") from exc
        first, *proof = lines.split("\n")
        old = _OLD.fullmatch(first)
        if old is None or not separator or len(proof) > MAX_PROOF_LINES:
            raise RequestError(
                "invalid_request", f"expected the old size, up to {MAX_PROOF_LINES} hashes, a checkpoint"
            )
        hashes = tuple(decode_base64(line) for line in proof)
        if any(len(each) != merkle.HASH_BYTES for each in hashes):
            raise RequestError("invalid_request", f"expected hashes of {merkle.HASH_BYTES} bytes")
        return cls(int(old[1]), hashes, note)

    def encode(self) -> bytes:
        """Return the request's bytes."""
        hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in self.proof)
        return f"old {self.old}\n{hashes}\n{self.note}".encode()


def parse_known_size(body: bytes) -> int:
    """Return the size in a witness's 409. Raises `RequestError` (`invalid_cosignature`)."""
    match = _SIZE_LINE.fullmatch(parse_answer(body))
    if match is None:
        raise RequestError("invalid_cosignature", "expected the size that the witness knows")
    return int(match[1])


def parse_answer(body: bytes) -> str:
    """Return an answer as text. Raises `RequestError` (`invalid_cosignature`) when it is none, or too long."""
    if len(body) > MAX_ANSWER_BYTES:
        raise RequestError("invalid_cosignature", f"the witness answered more than {MAX_ANSWER_BYTES} bytes")
    try:
        return body.decode()
    except UnicodeDecodeError as exc:
        raise RequestError("invalid_cosignature", "the witness's answer is not text") from exc
