# SPDX-License-Identifier: EUPL-1.2
"""Histories of a registry without a chain: what the contract would have emitted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ledger.registry import NOTHING, Place, RegistryHistory, administration_id
from ledger.registry_events import (
    NO_END,
    Action,
    Kind,
    MembersChanged,
    Recorded,
    RegistryEvent,
    Role,
    first_hash,
    next_hash,
)

CHAIN_ID, CONTRACT = 20261121, "0x" + "5a" * 20
MEMBERS = ("0x" + "0a" * 20, "0x" + "0b" * 20)


@dataclass
class RegistryScribe:
    """Writes events as the contract does: numbered, hashed, and none before its block."""

    now: int
    events: list[RegistryEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._append(MembersChanged(1, self.now, b"", MEMBERS, 2))

    def record(self, action: Action, kind: Kind, role: Role, party: str, what: bytes, **more: Any) -> None:
        start, end = max(more.get("start", 0), self.now), more.get("end", NO_END)
        if action is Action.END:
            start, end = 0, max(end, self.now)
        if action is Action.COMPROMISE:
            start = more["start"]
        self._append(
            Recorded(
                len(self.events) + 1,
                self.now,
                b"",
                action,
                kind,
                role,
                administration_id(party),
                what,
                start,
                end,
                more.get("details", b""),
            )
        )

    def join(self, party: str, **more: Any) -> None:
        account = administration_id(party)[:20].rjust(32, b"\0")
        self.record(Action.ADD, Kind.ADMINISTRATION, Role.NONE, party, account, **more)

    def leave(self, party: str) -> None:
        self.record(Action.END, Kind.ADMINISTRATION, Role.NONE, party, NOTHING, end=0)

    def give(self, kind: Kind, role: Role, party: str, what: bytes, **more: Any) -> None:
        self.record(Action.ADD, kind, role, party, what, **more)

    def end(self, kind: Kind, role: Role, party: str, what: bytes, *, end: int = 0) -> None:
        self.record(Action.END, kind, role, party, what, end=end)

    def compromise(self, role: Role, party: str, key: bytes, *, start: int) -> None:
        self.record(Action.COMPROMISE, Kind.KEY, role, party, key, start=start)

    def _append(self, event: RegistryEvent) -> None:
        before = self.events[-1].running_hash if self.events else first_hash(CHAIN_ID, CONTRACT)
        self.events.append(replace(event, running_hash=next_hash(before, event)))

    @property
    def place(self) -> Place:
        last = self.events[-1]
        return Place(
            CHAIN_ID, CONTRACT, 7 + len(self.events), bytes([7]) * 32, self.now, last.sequence, last.running_hash
        )

    @property
    def history(self) -> RegistryHistory:
        return RegistryHistory.fold(self.events, self.place)
