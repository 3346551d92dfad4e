# SPDX-License-Identifier: EUPL-1.2
"""What a trust registry holds, as people and programs read it (pure functions over its history)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ledger.registry import Entry, Period, RegistryHistory
from ledger.registry_events import Kind, Role
from ledger.registry_json import place_json
from ledger.registry_list import derive_list
from protocol.clock import MAX_EPOCH_SECONDS, epoch_seconds, from_epoch
from protocol.encoding import JSON, b64url_encode, parse_object
from protocol.errors import RequestError

_ADDRESS_BYTES = 20
# members of details that say in words what the contract has as a digest
_NAMING = ("vct", "origin", "procedure", "client_id", "certificate")


def registry_json(history: RegistryHistory, *, now: datetime) -> dict[str, JSON]:
    """Return all that the registry holds, ended and compromised entries too, oldest administration first."""
    at = max(epoch_seconds(now), history.place.block_time)
    everything = history.everything()
    parties: dict[bytes, list[tuple[Entry, int | None]]] = {each.administration: [] for each, _ in everything}
    for each, compromised in everything:
        parties[each.administration].append((each, compromised))
    return {
        "registry": place_json(history.place),
        "members": list(history.members),
        "threshold": history.threshold,
        "administrations": [_party(entries, at) for entries in parties.values()],
        "left_out": list(derive_list(history, at=now, lifetime=timedelta(seconds=1)).left_out),
    }


def lines(shown: dict[str, JSON]) -> Iterator[str]:
    """Give the same for people, line by line."""
    match shown:
        case {
            "registry": {"contract": str(contract), "chain_id": int(chain), "block": int(block), **place},
            "members": [*members],
            "threshold": int(threshold),
            "administrations": [*parties],
            "left_out": [*left_out],
        }:
            yield f"Registry {contract} on chain {chain}, read up to block {block}"
            yield f"Newest event {place['sequence']}, running hash {place['running_hash']}: the history is whole"
            yield f"Members, {threshold} of {len(members)} must approve: {', '.join(map(str, members))}"
            for party in parties:
                yield from _party_lines(party)
            for entry in left_out:
                yield f"\nNot on the trust list, because it is not understood: {entry}"


def _party_lines(party: JSON) -> Iterator[str]:
    match party:
        case {"code": code, "name": name, "account": account, "state": state, "entries": [*entries]}:
            yield f"\n{code or 'unknown code'}  {name or ''}\n  accepts as {account}: {state}"
            for entry in entries:
                match entry:
                    case {"kind": kind, "role": role, "subject": subject, "state": held}:
                        yield f"  {role or '':<9} {kind:<12} {subject}: {held}"


def _party(entries: list[tuple[Entry, int | None]], at: int) -> JSON:
    joined = [each for each, _ in entries if each.kind is Kind.ADMINISTRATION]
    newest = joined[-1] if joined else None
    details = {} if newest is None else _details(newest)
    name = details.get("name")
    takes_part = newest is not None and newest.period.start <= at < newest.period.end
    found: list[JSON] = []
    for each, compromised in entries:
        if each.kind is Kind.ADMINISTRATION:
            continue
        state = _state(each.period, compromised, at)
        if not takes_part and at < each.period.end:
            state = "rests, because the administration does not take part"
        found.append(
            {
                "kind": each.kind.name.lower().replace("_", " "),
                "role": None if each.role is Role.NONE else each.role.name.lower(),
                "subject": _subject(each),
                "what": f"0x{each.what.hex()}",
                "start": each.period.start,
                "end": None if each.period.end > MAX_EPOCH_SECONDS else each.period.end,
                "compromised_since": compromised,
                "state": state,
            }
        )
    return {
        "code": details.get("code"),
        "digest": f"0x{entries[0][0].administration.hex()}",
        "name": name.get("ca", next(iter(name.values()), None)) if isinstance(name, dict) else None,
        "account": None if newest is None else f"0x{newest.what[-_ADDRESS_BYTES:].hex()}",
        "state": "never joined" if newest is None else _state(newest.period, None, at),
        "entries": found,
    }


def _subject(entry: Entry) -> str:
    if entry.kind is Kind.RIGHT and entry.role is Role.AUDITOR:
        return "may ask for records"
    details = _details(entry)
    said = next((str(details[name]) for name in _NAMING if name in details), "")
    digest = b64url_encode(entry.what)
    return (
        said
        if entry.kind is Kind.RIGHT and entry.role in {Role.ISSUER, Role.SEALER}
        else f"{digest} {said}".strip()
    )


def _state(period: Period, compromised: int | None, at: int) -> str:
    if compromised is not None and compromised <= at:
        return f"compromised since {_moment(compromised)}"
    if period.end <= at:
        return f"ended {_moment(period.end)}"
    until = "" if period.end > MAX_EPOCH_SECONDS else f" until {_moment(period.end)}"
    return f"{'counts since' if period.start <= at else 'begins'} {_moment(period.start)}{until}"


def _moment(seconds: int) -> str:
    return f"{from_epoch(min(seconds, MAX_EPOCH_SECONDS)):%Y-%m-%d %H:%M:%S} UTC"


def _details(entry: Entry) -> dict[str, JSON]:
    """Return what an entry says of itself; nothing when that is no JSON object."""
    try:
        return parse_object(entry.details)
    except RequestError:
        return {}
