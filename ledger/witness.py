# SPDX-License-Identifier: EUPL-1.2
"""A witness's answer to `add-checkpoint` (C2SP tlog-witness): text in, status and text out, no network.

- Only heads of logs in the trust file, signed by their keys, that extend the largest head this witness knows.
- The new head is durable before it is cosigned; of two callers at once one is told to come again.
- A head of more leaves than anybody here reads (`tiles.MAX_SIZE`) is not remembered: nobody could audit past it.
- Two signed roots for one size are refused and kept as proof.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ledger import checkpoint as checkpoints
from ledger import merkle, tiles
from ledger.checkpoint import Checkpoint, parse_unverified
from ledger.cosignature import Cosigner
from ledger.merkle import EMPTY_ROOT
from ledger.monitor_state import MonitorState, Watched
from ledger.trust import TrustFile
from ledger.violation import Fork
from ledger.witness_protocol import SIZE, TEXT, AddCheckpoint
from protocol.clock import Clock
from protocol.errors import RequestError, UnavailableError, VerificationError


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: str
    content_type: str = TEXT


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
            request = AddCheckpoint.parse(body)
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
        refusal = _check_readable(head) or self._check(request, head, seen)
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

    def _check(self, request: AddCheckpoint, head: Checkpoint, seen: Watched | None) -> Answer | None:
        """Return why this head is not cosigned; None when it may be."""
        if request.old > head.size:
            return Answer(400, "the old size is larger than the checkpoint's\n")
        size, root = (seen.checkpoint.size, seen.checkpoint.root) if seen else (0, EMPTY_ROOT)
        if request.old != size:
            return Answer(409, f"{size}\n", SIZE)
        if head.size == size and head.root != root:
            if seen is not None:
                now = self._clock.now()
                self._state.keep(Fork(head.origin, now, seen.note, request.note, head.root, ()))
            return Answer(409, f"{size}\n", SIZE)
        try:
            merkle.verify_consistency(
                first=size, second=head.size, first_root=root, expected_root=head.root, proof=request.proof
            )
        except VerificationError as exc:
            return Answer(422, f"{exc.message}\n")
        return None


def _check_readable(head: Checkpoint) -> Answer | None:
    try:
        tiles.check_size(head.size)
    except UnavailableError as exc:
        return Answer(503, f"{exc.message}\n")
    return None
