# SPDX-License-Identifier: EUPL-1.2
"""The registry's events, places and answers as JSON: how they are kept, and how programs get them.

Digests are `0x…` text, times seconds since 1970; an `end` of null stands for no end.
"""

from __future__ import annotations

from typing import TypeVar

from ledger.registry import Answer, Place
from ledger.registry_events import NO_END, Action, Kind, MembersChanged, Recorded, RegistryEvent, Role
from ledger.trust import format_hex, parse_hex
from protocol.encoding import JSON, b64url_decode, b64url_encode, find_member, get_member
from protocol.errors import RequestError

CODE = "registry_history"
_DIGEST_BYTES = 32
_N = TypeVar("_N", Action, Kind, Role)


def event_json(event: RegistryEvent) -> dict[str, JSON]:
    """Return an event's JSON object."""
    common: dict[str, JSON] = {
        "sequence": event.sequence,
        "recorded_at": event.recorded_at,
        "running_hash": format_hex(event.running_hash),
    }
    if isinstance(event, MembersChanged):
        return {**common, "members": list(event.members), "threshold": event.threshold}
    return {
        **common,
        "action": event.action.name.lower(),
        "kind": event.kind.name.lower(),
        "role": event.role.name.lower(),
        "administration": format_hex(event.administration),
        "what": format_hex(event.what),
        "start": event.start,
        "end": None if event.end == NO_END else event.end,
        "details": b64url_encode(event.details),
    }


def parse_event(members: dict[str, JSON]) -> RegistryEvent:
    """Return the event of its JSON object. Raises `RequestError` (`registry_history`) on any other."""
    sequence = get_member(members, "sequence", int, code=CODE)
    recorded_at = get_member(members, "recorded_at", int, code=CODE)
    running_hash = _digest(members, "running_hash")
    if "members" in members:
        accounts = get_member(members, "members", list, code=CODE)
        if not all(isinstance(each, str) for each in accounts):
            raise RequestError(CODE, "expected members as texts")
        threshold = get_member(members, "threshold", int, code=CODE)
        return MembersChanged(sequence, recorded_at, running_hash, tuple(map(str, accounts)), threshold)
    end = find_member(members, "end", int, code=CODE) if members.get("end") is not None else NO_END
    return Recorded(
        sequence=sequence,
        recorded_at=recorded_at,
        running_hash=running_hash,
        action=_named(Action, members, "action"),
        kind=_named(Kind, members, "kind"),
        role=_named(Role, members, "role"),
        administration=_digest(members, "administration"),
        what=_digest(members, "what"),
        start=get_member(members, "start", int, code=CODE),
        end=NO_END if end is None else end,
        details=b64url_decode(get_member(members, "details", str, code=CODE)),
    )


def place_json(place: Place) -> dict[str, JSON]:
    """Return where the registry was read."""
    return {
        "chain_id": place.chain_id,
        "contract": place.contract,
        "block": place.block_number,
        "block_hash": format_hex(place.block_hash),
        "block_time": place.block_time,
        "sequence": place.sequence,
        "running_hash": format_hex(place.running_hash),
    }


def answer_json(answer: Answer) -> dict[str, JSON]:
    """Return an answer's JSON object."""
    return {
        "standing": answer.standing.value,
        "reason": None if answer.reason is None else answer.reason.value,
        "administration": None if answer.administration is None else format_hex(answer.administration),
        "periods": [{"start": period.start, "end": period.end} for period in answer.periods],
    }


def _digest(members: dict[str, JSON], name: str) -> bytes:
    return parse_hex(members.get(name), length=_DIGEST_BYTES, code=CODE)


def _named(kind: type[_N], members: dict[str, JSON], name: str) -> _N:
    text = get_member(members, name, str, code=CODE)
    if text.upper() not in kind.__members__:
        raise RequestError(CODE, f"unknown {name}")
    return kind[text.upper()]
