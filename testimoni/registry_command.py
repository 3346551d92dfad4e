# SPDX-License-Identifier: EUPL-1.2
"""`testimoni registry`: who may do what, shown and changed, for members and administrations of a trust registry.

- `show` reads the whole history and checks its running hash before it prints a line.
- `propose` writes a file and sends nothing; members `approve` that file, each with their own key, and the
  administration concerned accepts it with its account's. `accept` and `approve` show every change and ask first.
- The members themselves are changed in the same three steps: `testimoni.registry_members`.
- The days of an auditor's keys come from it too: `testimoni.registry_keys`.
- Keys stay in files of whoever acts; nothing but signed transactions is sent, to a node of their choice.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.cli import read_file, write_file
from ledger.registry import administration_id
from ledger.registry_events import NO_END, Action, Kind, Role
from ledger.registry_proposal import CODE, Proposal, ProposedChange
from protocol.clock import Clock, SystemClock, epoch_seconds, from_epoch
from protocol.encoding import JSON, parse_object
from protocol.errors import RequestError
from testimoni import registry_keys, registry_members
from testimoni.registry_place import Ask, Place, add_key, add_place, agrees, find_place, read_history
from testimoni.registry_words import lines, registry_json

if TYPE_CHECKING:
    from ledger.chain.interface import SealerKey, WritableRegistry
    from ledger.registry import RegistryHistory


def run(argv: Sequence[str], *, ask: Ask = input, clock: Clock | None = None) -> int:
    """Do one sub-command; return 0 when it did what was asked, 1 when not or in part. Raises `Error`."""
    given = _parser().parse_args(argv)
    place = find_place(given)
    clock = clock or SystemClock()
    match given.command:
        case "show":
            return _show(place, clock.now(), as_json=given.json)
        case "propose":
            return _propose(given, place, clock.now())
        case "approve" | "accept":
            return _decide(given, place, ask)
        case "date-keys":
            return registry_keys.run(given, place)
        case _:
            return registry_members.run(given, place, ask)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "testimoni registry",
        description="Show the trust registry, and change it: propose, approve, accept; its members too.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    show = commands.add_parser(
        "show", help="administrations, rights and keys, ended ones too, and the running hash"
    )
    show.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    propose = commands.add_parser("propose", help="write a change into a file, or add it to one; sends nothing")
    propose.add_argument("file", type=Path, metavar="FILE", help="the proposal")
    propose.add_argument("action", choices=[each.name.lower() for each in Action], help="what to do")
    propose.add_argument("kind", choices=[each.name.lower() for each in Kind], help="with what")
    propose.add_argument("--administration", required=True, metavar="CODE", help="whose it is")
    propose.add_argument(
        "--role", choices=[each.name.lower() for each in Role], default="none", help="of a right or key"
    )
    propose.add_argument(
        "--subject",
        default="",
        metavar="TEXT",
        help="what it is about: an administration's account (0x…), a credential type, a log's name; in base64url "
        "the digest of a procedure's statement or of a page bundle, or a key's thumbprint; of a sealer's key also "
        "the account that anchors (0x…)",
    )
    propose.add_argument(
        "--details", default="{}", metavar="JSON", help="name, identifier, client_id, certificate or log"
    )
    propose.add_argument(
        "--since", type=_moment, metavar="TIME", help="from when on (ISO 8601 with zone; default: now)"
    )
    propose.add_argument("--until", type=_moment, metavar="TIME", help="until when (default: no end; to end: now)")
    approve = commands.add_parser("approve", help="approve a proposal as a member")
    accept = commands.add_parser("accept", help="accept what was approved, as the administration concerned")
    for each in (approve, accept):
        each.add_argument("file", type=Path, metavar="FILE", help="the proposal")
        add_key(each)
    dates = registry_keys.add_command(commands)
    for each in (show, propose, approve, accept, dates, *registry_members.add_commands(commands)):
        add_place(each)
    return parser


def _moment(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError("expected a time as 2026-11-27T10:00+01:00") from exc
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("expected a time with its zone, as 2026-11-27T10:00+01:00")
    return epoch_seconds(found)


def _details(text: str) -> dict[str, JSON]:
    try:
        return parse_object(text)
    except RequestError as exc:
        raise RequestError(exc.code, "--details: expected a JSON object") from exc


def _propose(given: argparse.Namespace, place: Place, now: datetime) -> int:
    action, kind, role = Action[given.action.upper()], Kind[given.kind.upper()], Role[given.role.upper()]
    details = _details(given.details)
    match action, kind, role:
        case Action.ADD, Kind.ADMINISTRATION, _:
            details = {"code": given.administration, **details}
        case Action.ADD, Kind.RIGHT, Role.ISSUER:
            details = {"vct": given.subject, **details}
        case Action.ADD, Kind.RIGHT, Role.SEALER:
            details = {"origin": given.subject, **details}
    moment = epoch_seconds(now)
    until = moment if action is Action.END else NO_END
    change = ProposedChange(
        action=action,
        kind=kind,
        role=role,
        administration=given.administration,
        subject=given.subject,
        # said, so that the same change can be made again another day
        start=moment if given.since is None else given.since,
        end=until if given.until is None else given.until,
        details=details,
    )
    change.check()
    before: tuple[ProposedChange, ...] = ()
    if given.file.exists():
        earlier = Proposal.parse(read_file(given.file))
        earlier.check_is_for(chain_id=place.chain_id, registry=place.registry)
        before = earlier.changes
    made = Proposal(place.chain_id, place.registry, (*before, change))
    Proposal.parse(made.to_bytes())
    write_file(given.file, made.to_bytes())
    _print_changes(made.changes)
    print(f"written to {given.file}; nothing was sent")
    print(f"members approve it: testimoni registry approve {given.file} --key FILE")
    return 0


def _decide(given: argparse.Namespace, place: Place, ask: Ask) -> int:
    proposal = Proposal.parse(read_file(given.file))
    proposal.check_is_for(chain_id=place.chain_id, registry=place.registry)
    from ledger.chain.sealer import open_sealer  # noqa: PLC0415 - help must not load cryptography

    key = open_sealer(f"file:{given.key}")
    registry = place.open()
    if given.command == "approve":
        return _approve(registry, proposal, key, given, ask)
    return _accept(registry, proposal, key, given, ask)


def _approve(
    registry: WritableRegistry, proposal: Proposal, key: SealerKey, given: argparse.Namespace, ask: Ask
) -> int:
    _print_changes(proposal.changes)
    if not agrees(given, ask, f"Approve as {key.address}?"):
        return 1
    registry.approve(key, *(each.change for each in proposal.changes))
    threshold = read_history(registry).threshold
    for each in proposal.changes:
        count = registry.approvals(each.change)
        if count < threshold:
            said = f"approved by {count} of the {threshold} members that are needed"
        elif each.action is Action.ADD:
            said = "approved; it counts when the administration has accepted it"
        else:
            said = "approved, and in effect"
        print(f"{each.administration}: {said}")
    return 0


def _accept(
    registry: WritableRegistry, proposal: Proposal, key: SealerKey, given: argparse.Namespace, ask: Ask
) -> int:
    mine = _concerning(key.address.lower(), proposal, _accounts(read_history(registry)))
    if not mine:
        raise RequestError(
            CODE, f"nothing in {given.file} is given to an administration of the account {key.address}"
        )
    _print_changes(mine)
    if not agrees(given, ask, f"Accept as {key.address}?"):
        return 1
    registry.accept(key, *(each.change for each in mine))
    place = registry.read(None).place
    print(f"accepted, and in effect; newest event {place.sequence}, running hash 0x{place.running_hash.hex()}")
    return 0


def _concerning(account: str, proposal: Proposal, accounts: Mapping[bytes, str]) -> list[ProposedChange]:
    """Return what is given to administrations of this account, also of those that join by the same proposal."""
    joining = {each.administration: each.account for each in proposal.changes if each.account is not None}
    return [
        each
        for each in proposal.changes
        if each.action is Action.ADD
        and account == joining.get(each.administration, accounts.get(administration_id(each.administration)))
    ]


def _accounts(history: RegistryHistory) -> dict[bytes, str]:
    now = from_epoch(history.place.block_time)
    parties = history.entries(Kind.ADMINISTRATION, at=now)
    return {each.administration: f"0x{each.what[12:].hex()}" for each in parties}


def _print_changes(changes: Sequence[ProposedChange]) -> None:
    for number, each in enumerate(changes, start=1):
        print(f"{number:>3}. {each.describe()}")


def _show(place: Place, now: datetime, *, as_json: bool) -> int:
    shown = registry_json(read_history(place.open()), now=now)
    if as_json:
        print(json.dumps(shown, ensure_ascii=False))
    else:
        print("\n".join(lines(shown)))
    return 0
