# SPDX-License-Identifier: EUPL-1.2
"""The use cases of the trust registry's copy: the list, the history, the events.

What was folded is remembered by this process for the sequence number that it belongs to; the database decides.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from ledger.registry import Answer, Place, RegistryHistory
from ledger.registry_events import RegistryEvent, Role
from ledger.registry_store import SqlRegistryStore
from protocol.errors import RequestError, UnavailableError, VerificationError


class TrustHistory:
    """Answers from one registry's copy; `store` is None for a ledger that follows no registry."""

    def __init__(self, store: SqlRegistryStore | None) -> None:
        self._store = store
        self._folded: RegistryHistory | None = None

    def get_list(self) -> str:
        """Return the newest signed list. Raises as the others do."""
        found = self._open().find_list()
        if found is None:
            raise _not_read()
        return found.token

    def answer(self, key: bytes, role: Role, what: bytes, *, on: date | datetime) -> tuple[Place, Answer]:
        """Return the answer, and the place that it rests on."""
        history = self._history()
        return history.place, history.trusted(key, role, what, on=on)

    def events(self) -> tuple[Place, tuple[RegistryEvent, ...]]:
        """Return all events and the place that they lead to."""
        found = self._open().find_events()
        if found is None:
            raise _not_read()
        return found

    def _history(self) -> RegistryHistory:
        """Return the history up to the newest place; events are folded when there are new ones.

        Raises `RequestError` (`no_registry`, 404), and `UnavailableError` while the registry has not been read.
        """
        place, known = self._open().find_place(), self._folded
        if place is None:
            raise _not_read()
        if known is not None and known.place.running_hash == place.running_hash:
            return replace(known, place=place)
        newest, events = self.events()
        try:
            self._folded = RegistryHistory.fold(events, newest)
        except VerificationError as exc:
            # our copy is damaged: nobody's message is wrong
            raise UnavailableError(exc.code, exc.message) from exc
        return self._folded

    def _open(self) -> SqlRegistryStore:
        if self._store is None:
            raise RequestError("no_registry", "this ledger follows no trust registry", status=404)
        return self._store


def _not_read() -> UnavailableError:
    return UnavailableError("registry_not_known", "the trust registry has not been read yet")
