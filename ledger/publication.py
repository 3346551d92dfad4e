# SPDX-License-Identifier: EUPL-1.2
"""The use cases of the ledger's web service: promise, publish, prove.

Nothing here knows who asks. Reading happens at a size that a signed checkpoint names.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ledger import merkle, promise, tiles
from ledger.commitment import Commitment
from ledger.cosignature import WitnessKey
from ledger.store import MAX_ANCHORS, SHOWN, Store
from ledger.values import (
    AnchorState,
    LastCosigned,
    LogCondition,
    LogState,
    ShownAnchor,
    StoredAnchor,
    StoredCheckpoint,
    is_attended,
)
from protocol.clock import Clock
from protocol.errors import RequestError, UnavailableError
from protocol.keys import Signer


@dataclass(frozen=True)
class ProvedInclusion:
    """An entry's place in the tree of one size."""

    leaf_index: int
    tree_size: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True)
class PromisingLog:
    """A log for which this service promises, and the key that does."""

    origin: str
    signer: Signer
    delay: timedelta

    @property
    def name(self) -> str:
        """The log's short name."""
        return self.origin.rpartition("/")[2]


class Publication:
    """Reads all logs of the store and promises for some; the current one is the first that takes entries.

    `is_anchored` says that a log must be known to be the newest copy before it promises (`ledger.keeper`).
    """

    def __init__(self, store: Store, clock: Clock, logs: Sequence[PromisingLog], *, is_anchored: bool) -> None:
        self._store = store
        self._clock = clock
        self._logs = {log.name: log for log in logs}
        self._first = logs[0].name
        self._is_anchored = is_anchored

    def logs(self) -> tuple[LogState, ...]:
        """Return all logs, by name."""
        return self._store.logs()

    def get_log(self, log: str | None) -> LogState:
        """Return a log; the current one without a name.

        Raises `RequestError` (`unknown_log`, 404), and `UnavailableError` while the current one is not open.
        """
        state = self._current() if log is None else self._store.find_log(log)
        if state is None and log in {None, *self._logs}:
            raise UnavailableError("log_not_open", "the log has not been opened yet")
        if state is None:
            raise RequestError("unknown_log", "there is no such log", status=404)
        return state

    def find_current(self) -> str | None:
        """Return the name of the log that takes entries now; None before any is open."""
        state = self._current()
        return None if state is None else state.name

    def check_promising(self) -> None:
        """Return when the current log may promise. Raises an `Error` that says why not."""
        self._check_promising(self.get_log(None))

    def add_entry(self, commitment: Commitment, *, log: str | None) -> str:
        """Return the promise for this commitment; the same one each time, durable before it is returned.

        Raises `UnavailableError` when the log may not promise, `RequestError` when it takes no more entries.
        """
        state = self.get_log(log)
        known = self._store.find_promise(state.name, commitment)
        if known is not None:
            return known
        self._check_promising(state)
        keeping, now = self._logs[state.name], self._clock.now()
        token = promise.make(
            keeping.signer,
            log=keeping.origin,
            commitment=commitment,
            now=now,
            maximum_merge_delay=keeping.delay,
        )
        return self._store.add_promise(state.name, commitment, token, due_at=now + keeping.delay)

    def _current(self) -> LogState | None:
        """Return the first log that takes entries; the first of all when none does."""
        now = self._clock.now()
        for name in self._logs:
            state = self._store.find_log(name)
            if state is not None and state.condition is LogCondition.OPEN and not self._is_over(state, now):
                return state
        return self._store.find_log(self._first)

    def _is_over(self, state: LogState, now: datetime) -> bool:
        """Whether the log promises nothing more: one merge delay before its end, or somebody else keeps it."""
        keeping = self._logs.get(state.name)
        if keeping is None:
            return True
        return state.freezes_at is not None and now > state.freezes_at - keeping.delay

    def _check_promising(self, state: LogState) -> None:
        now = self._clock.now()
        if self._is_over(state, now):
            raise RequestError(
                "log_closed", "this log takes no more entries; name none for the current", status=409
            )
        if state.condition is LogCondition.RESTORING:
            raise UnavailableError("log_restoring", f"the log is being restored: {state.reason}")
        if state.condition is not LogCondition.OPEN:
            raise UnavailableError("log_frozen", f"the log is frozen: {state.reason}")
        if self._is_anchored and not is_attended(state, now, self._logs[state.name].delay):
            raise UnavailableError("log_unattended", "no worker has compared the log with its chain lately")
        if self._store.has_overdue(state.name, now=now):
            raise UnavailableError(
                "log_behind", "an earlier promise is overdue; no more are given until it is kept"
            )

    def prove_inclusion(self, commitment: Commitment, *, log: str | None, size: int | None) -> ProvedInclusion:
        """Return the entry's proof at a size; the newest without one. Raises `RequestError` (`not_found`, 404)."""
        state = self.get_log(log)
        at = self._size(state, size)
        index = self._store.find_index(state.name, commitment)
        if index is None or index >= at:
            raise RequestError("not_found", "no such entry in a tree of this size", status=404)
        return ProvedInclusion(index, at, merkle.inclusion_proof(self._reader(state.name), index, at))

    def prove_consistency(self, first: int, second: int, *, log: str | None) -> tuple[bytes, ...]:
        """Return the proof between two sizes. Raises `RequestError` when they are not in order, or too large."""
        state = self.get_log(log)
        return merkle.consistency_proof(self._reader(state.name), first, self._size(state, second))

    def get_checkpoint(self, *, log: str | None, size: int | None = None) -> StoredCheckpoint:
        """Return the checkpoint of a size, the newest without one, with the signatures of witnesses so far.

        Raises `RequestError` (`not_found`, 404).
        """
        state = self.get_log(log)
        found = self._store.find_checkpoint(state.name, size)
        if found is None:
            raise RequestError("not_found", "there is no checkpoint of this size", status=404)
        return replace(found, note=found.note + "".join(self._store.cosignatures(state.name, found.size)))

    def last_cosigned(self, log: str, witnesses: Sequence[WitnessKey]) -> dict[WitnessKey, LastCosigned | None]:
        """Return the largest head of a log that each witness cosigned; None before its first."""
        return {key: self._store.find_last_cosigned(log, key.text()) for key in witnesses}

    def get_tile(self, address: tiles.TileAddress, *, log: str | None) -> bytes:
        """Return a tile's or entry bundle's bytes.

        Raises `RequestError` (`invalid_tile`, 404) when the log does not have so many leaves.
        """
        state = self.get_log(log)
        if address.width > tiles.width_at(address.level, address.index, state.size):
            raise RequestError("invalid_tile", "the log does not have this tile yet", status=404)
        start = address.index * tiles.TILE_WIDTH
        if address.level is None:
            return tiles.encode_entries(self._store.entries(state.name, start, address.width))
        level = tiles.TILE_HEIGHT * address.level
        return b"".join(self._store.nodes(state.name, level, start, address.width))

    def anchors(
        self,
        *,
        log: str | None,
        before: int | None = None,
        limit: int = MAX_ANCHORS,
        states: Collection[AnchorState] = SHOWN,
    ) -> tuple[LogState, tuple[ShownAnchor, ...]]:
        """Return a log and one page of its anchors, those of a smaller size than `before`; newest first."""
        state = self.get_log(log)
        return state, self._store.anchors(state.name, before=before, limit=limit, states=states)

    def find_final_anchor(self, *, log: str | None) -> ShownAnchor | None:
        """Return the newest anchor that the chain holds for good, or None."""
        _, found = self.anchors(log=log, limit=1, states={AnchorState.FINAL})
        return found[0] if found else None

    def get_anchor(self, size: int, *, log: str | None) -> tuple[LogState, StoredAnchor]:
        """Return a log and its anchor of this size. Raises `RequestError` (`not_found`, 404)."""
        state = self.get_log(log)
        found = self._store.find_anchor(state.name, size)
        if found is None:
            raise RequestError("not_found", "no anchor has this size", status=404)
        return state, found

    def neighbours(self, log: str, size: int) -> tuple[int | None, int | None]:
        """Return the sizes of the anchors before and after that of this size."""
        earlier = self._store.anchors(log, before=size, limit=1)
        return (earlier[0].size if earlier else None), self._store.find_next_anchor(log, size)

    def find_signed_after(self, log: str, size: int) -> datetime | None:
        """Return when the first head of more leaves than this was signed; None when there is none."""
        return self._store.find_signed_after(log, size)

    def find_first_settled(self, log: str) -> datetime | None:
        """Return when the log's first anchor was settled; None while none is."""
        return self._store.find_first_settled(log)

    def anchored_before(self, log: str, moment: datetime) -> int:
        """Return how many leaves were anchored before a moment."""
        return self._store.anchored_before(log, moment)

    def count_waiting(self, *, log: str | None) -> int:
        """Return how many promised entries wait for their batch."""
        return self._store.count_waiting(self.get_log(log).name)

    def _size(self, state: LogState, size: int | None) -> int:
        if size is not None and size > state.size:
            raise RequestError("size_beyond", f"the log has {state.size} leaves, fewer than {size}")
        return state.size if size is None else size

    def _reader(self, log: str) -> merkle.ReadNode:
        return lambda level, index: self._store.nodes(log, level, index, 1)[0]
