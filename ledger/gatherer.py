# SPDX-License-Identifier: EUPL-1.2
"""The gatherer: asks one witness to cosign each new head of the logs kept here (C2SP tlog-witness).

- A witness never holds anything up: it is asked after the head was published, by a loop of its own.
- What it answers is untrusted: only a line that verifies with its configured key, over this very head, and from
  no earlier moment than the head itself, is kept.
- It says which tree it knows (409), and is asked once more from there. A witness that knows more leaves than the
  log has is an error of its own: then this database may be an older copy.
- One worker asks at a time, by a lease, out of courtesy; two that ask at once do no harm.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from ledger import cosignature, merkle
from ledger.checkpoint import parse_note
from ledger.cosignature import CLOCK_SKEW, WitnessKey
from ledger.cosignature_store import CosignatureStore, DueHead
from ledger.values import StoredCheckpoint
from ledger.witness_protocol import TEXT, AddCheckpoint, parse_answer, parse_known_size
from protocol.clock import Clock
from protocol.errors import Check, Error, RequestError, UnavailableError, VerificationError
from protocol.runtime.fetch import HTTPClient, Response
from protocol.runtime.leases import Lease, Leases

# A witness checks one proof and writes one file. Whoever takes longer is asked about the next head.
READ_TIMEOUT_SECONDS = 5.0
_CONFLICT = 409
_log = structlog.get_logger()


class Gatherer:
    """One witness, asked about every log."""

    def __init__(
        self,
        store: CosignatureStore,
        leases: Leases,
        http: HTTPClient,
        clock: Clock,
        *,
        holder: str,
        logs: Sequence[str],
        witness: WitnessKey,
        url: str,
    ) -> None:
        self._store = store
        self._leases = leases
        self._http = http
        self._clock = clock
        self._holder = holder
        self._logs = logs
        self._witness = witness
        self._url = url

    @property
    def name(self) -> str:
        """The witness's name."""
        return self._witness.name

    def run(self) -> int:
        """Ask about each log whose newest head it has not cosigned; return how many cosignatures came.

        Raises what the first log in trouble raised, after the others had their turn: `UnavailableError` when the
        witness does not answer or refuses, `RequestError` or `VerificationError` when what it answered is wrong.
        """
        gathered = 0
        failures: list[Error] = []
        for log in self._logs:
            try:
                gathered += self._gather(log)
            except (UnavailableError, RequestError, VerificationError) as exc:
                failures.append(exc)
        if failures:
            raise failures[0]
        return gathered

    def hand_over(self) -> None:
        """Let other workers ask at once."""
        for log in self._logs:
            lease = self._find_lease(log)
            if lease is not None:
                self._leases.release(lease)

    def _find_lease(self, log: str) -> Lease | None:
        return self._leases.find(f"witness:{log}:{self._witness.key_id.hex()}", self._holder)

    def _gather(self, log: str) -> bool:
        due = self._store.find_due(log, self._witness)
        if due is None or self._find_lease(log) is None:
            return False
        answer = self._ask(log, due.checkpoint, due.cosigned_size)
        if answer.status == _CONFLICT:
            answer = self._ask(log, due.checkpoint, self._known_size(answer, due))
        if not answer.is_success:
            raise UnavailableError("witness_refused", f"the witness {self.name} answered {answer.status}")
        return self._keep(log, due.checkpoint, parse_answer(answer.body))

    def _ask(self, log: str, head: StoredCheckpoint, old: int) -> Response:
        proof = merkle.consistency_proof(self._store.reader(log), old, head.size)
        return self._http.post(
            self._url,
            body=AddCheckpoint(old, proof, head.note).encode(),
            content_type=TEXT,
            read_timeout=READ_TIMEOUT_SECONDS,
        )

    def _known_size(self, answer: Response, due: DueHead) -> int:
        """Return the size from which to ask again. Raises `UnavailableError` when there is nothing to ask."""
        size = parse_known_size(answer.body)
        head = due.checkpoint
        if size > head.size:
            raise UnavailableError(
                "witness_ahead", f"the witness {self.name} knows {size} leaves, the log has {head.size}"
            )
        if size == due.cosigned_size:
            raise UnavailableError(
                "witness_contradicts", f"the witness {self.name} knows another tree of {size} leaves"
            )
        return size

    def _keep(self, log: str, head: StoredCheckpoint, lines: str) -> bool:
        """Verify and keep a cosignature. Raises `RequestError` or `VerificationError` when it does not hold."""
        note = head.note + lines
        found = cosignature.verify(note, self._witness, now=self._clock.now())
        if found.at < head.signed_at - CLOCK_SKEW:
            raise VerificationError(Check.RECEIPT, "cosignature is from before the head", code=cosignature.CODE)
        line = next(each for each in parse_note(note).signatures if each.is_by(self._witness))
        is_new = self._store.add(log, head.size, self._witness, f"{line.line()}\n", at=found.at)
        if is_new:
            _log.info("cosigned", log=log, size=head.size, witness=self.name)
        return is_new
