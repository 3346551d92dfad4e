# SPDX-License-Identifier: EUPL-1.2
"""A witness's answer to `add-checkpoint` (C2SP tlog-witness): text in, status and text out, no network.

- Only heads of logs in the trust file, signed by their keys, that extend the largest head this witness knows.
- The new head is durable before it is cosigned; of two callers at once one is told to come again.
- Two signed roots for one size are refused and kept as proof.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ledger import checkpoint as checkpoints
from ledger import merkle
from ledger.checkpoint import MAX_NOTE_CHARS, Checkpoint, decode_base64, parse_unverified
from ledger.cosignature import Cosigner
from ledger.merkle import EMPTY_ROOT
from ledger.monitor_state import MonitorState, Watched
from ledger.trust import TrustFile
from ledger.violation import Fork
from protocol.clock import Clock
from protocol.errors import RequestError, UnavailableError, VerificationError

# tlog-witness allows 63 lines of proof, of 45 characters; the rest is the note.
MAX_PROOF_LINES = 63
MAX_BODY_BYTES = 4 * 1024 + 4 * MAX_NOTE_CHARS
_OLD = re.compile(r"old (0|[1-9][0-9]{0,17})")
_TEXT = "text/plain; charset=utf-8"
_SIZE = "text/x.tlog.size"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: str
    content_type: str = _TEXT


@dataclass(frozen=True)
class _Request:
    old: int
    proof: tuple[bytes, ...]
    note: str


class Witness:
    """Cosigns what it is handed when it fits all it has seen."""

    def __init__(self, state: MonitorState, clock: Clock, *, trust: TrustFile, cosigner: Cosigner) -> None:
        self._state = state
        self._clock = clock
        self._trust = trust
        self._cosigner = cosigner

    def add_checkpoint(self, body: bytes) -> Answer:  # noqa: PLR0911 - one for each answer of the specification
        """Return the answer to one request."""
        try:
            request = _parse(body)
            log = self._trust.find_log(parse_unverified(request.note).origin)
        except RequestError as exc:
            return Answer(400, f"{exc.message}\n")
        if log is None:
            return Answer(404, "this witness does not follow that log\n")
        try:
            head = checkpoints.verify(request.note, log.checkpoint_key)
        except RequestError as exc:
            return Answer(400, f"{exc.message}\n")
        except VerificationError as exc:
            return Answer(403, f"{exc.message}\n")
        seen = self._state.find(log.origin)
        refusal = self._check(request, head, seen)
        if refusal is not None:
            return refusal
        now = self._clock.now()
        old = seen or Watched(log, request.note, now)
        try:
            self._state.replace(seen, replace(old, log=log, note=request.note, verified_at=now, url=""))
            line = self._cosigner.cosign(request.note, now=now)
            self._state.publish(log.origin, request.note + line)
        except UnavailableError as exc:
            return Answer(503, f"{exc.message}\n")
        return Answer(200, line)

    def _check(self, request: _Request, head: Checkpoint, seen: Watched | None) -> Answer | None:
        """Return why this head is not cosigned; None when it may be."""
        if request.old > head.size:
            return Answer(400, "the old size is larger than the checkpoint's\n")
        size, root = (seen.checkpoint.size, seen.checkpoint.root) if seen else (0, EMPTY_ROOT)
        if request.old != size:
            return Answer(409, f"{size}\n", _SIZE)
        if head.size == size and head.root != root:
            if seen is not None:
                now = self._clock.now()
                self._state.keep(Fork(head.origin, now, seen.note, request.note, head.root, ()))
            return Answer(409, f"{size}\n", _SIZE)
        try:
            merkle.verify_consistency(
                first=size, second=head.size, first_root=root, expected_root=head.root, proof=request.proof
            )
        except VerificationError as exc:
            return Answer(422, f"{exc.message}\n")
        return None


def _parse(body: bytes) -> _Request:
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
    return _Request(int(old[1]), hashes, note)
