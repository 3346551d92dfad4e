# SPDX-License-Identifier: EUPL-1.2
"""`testimoni registry`: who may do what, shown and changed, for members and administrations of a trust registry.

- `show` reads the whole history and checks its running hash before it prints a line.
- `propose` writes a file and sends nothing; members `approve` that file, each with their own key, and the
  administration concerned accepts it with its account's. `accept` and `approve` show every change and ask first.
- Keys stay in files of whoever acts; nothing but signed transactions is sent, to a node of their choice.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.cli import read_file
from ledger.registry import RegistryHistory, administration_id
from ledger.registry_events import NO_END, Action, Kind, Role
from ledger.registry_proposal import CODE, Proposal, ProposedChange
from protocol.clock import Clock, SystemClock, epoch_seconds, from_epoch
from protocol.encoding import parse_object
from protocol.errors import ConfigurationError, RequestError, UnavailableError
from testimoni.cli import DEFAULT_DATA
from testimoni.registry_words import lines, registry_json

if TYPE_CHECKING:
    from ledger.chain.interface import SealerKey, WritableRegistry

Ask = Callable[[str], str]
_ELSEWHERE = ("chain", "chain_id", "registry")
_YES = frozenset({"y", "yes"})


@dataclass(frozen=True)
class Place:
    """Which registry, on which chain, through which node."""

    chain: str
    chain_id: int
    registry: str

    def open(self) -> WritableRegistry:
        """Return the registry. Raises `ConfigurationError` when chain or code are other ones."""
        from ledger.chain.client import open_registry  # noqa: PLC0415 - help must not load web3

        return open_registry(self.chain, contract=self.registry, expected_chain_id=self.chain_id)


def run(argv: Sequence[str], *, ask: Ask = input, clock: Clock | None = None) -> int:
    """Do one sub-command; return 0 when it did what was asked, 1 when the person said no. Raises `Error`."""
    given = _parser().parse_args(argv)
    place = _place(given)
    clock = clock or SystemClock()
    match given.command:
        case "show":
            return _show(place, clock.now(), as_json=given.json)
        case "propose":
            return _propose(given, place, clock.now())
        case _:
            return _decide(given, place, ask)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "testimoni registry", description="Show the trust registry, and change it: propose, approve, accept."
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
        "the digest of a procedure's statement or of a page bundle, or a key's thumbprint",
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
        each.add_argument("--key", type=Path, required=True, metavar="FILE", help="your secp256k1 key, as PEM")
        each.add_argument("--yes", action="store_true", help="do not ask")
    for each in (show, propose, approve, accept):
        each.add_argument(
            "--set-up", type=Path, default=DEFAULT_DATA, metavar="DIR", help="a practice set-up that runs"
        )
        each.add_argument("--chain", metavar="URL", help="elsewhere: JSON-RPC of any node of the chain")
        each.add_argument("--chain-id", type=int, metavar="N", help="elsewhere: the chain's number")
        each.add_argument("--registry", metavar="ADDRESS", help="elsewhere: the TrustRegistry contract")
    return parser


def _moment(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError("expected a time as 2026-11-27T10:00+01:00") from exc
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("expected a time with its zone, as 2026-11-27T10:00+01:00")
    return epoch_seconds(found)


def _place(given: argparse.Namespace) -> Place:
    elsewhere = [getattr(given, name) for name in _ELSEWHERE]
    if any(elsewhere):
        if not all(elsewhere):
            raise ConfigurationError("configuration_error", "expected --chain, --chain-id and --registry together")
        return Place(*elsewhere)
    from testimoni.development.log_keys import CHAIN_ID  # noqa: PLC0415 - it loads the services
    from testimoni.development.registry import PracticeRegistry  # noqa: PLC0415
    from testimoni.running import find  # noqa: PLC0415

    running = find(given.set_up)
    made = None if running is None else PracticeRegistry.read(running.folder.registry_files.state)
    if running is None or made is None:
        raise UnavailableError(
            "not_running",
            f"no set-up runs on {given.set_up}; start it with: testimoni up --data {given.set_up}, or name "
            "another registry with --chain, --chain-id and --registry",
        )
    return Place(running.urls["chain"], CHAIN_ID, made.contract)


def _history(registry: WritableRegistry) -> RegistryHistory:
    news = registry.read(None)
    return RegistryHistory.fold(news.events, news.place)


def _propose(given: argparse.Namespace, place: Place, now: datetime) -> int:
    action, kind, role = Action[given.action.upper()], Kind[given.kind.upper()], Role[given.role.upper()]
    details = parse_object(given.details)
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
    given.file.write_bytes(made.to_bytes())
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
    if not _agrees(given, ask, f"Approve as {key.address}?"):
        return 1
    registry.approve(key, *(each.change for each in proposal.changes))
    threshold = _history(registry).threshold
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
    mine = _concerning(key.address.lower(), proposal, _accounts(_history(registry)))
    if not mine:
        raise RequestError(
            CODE, f"nothing in {given.file} is given to an administration of the account {key.address}"
        )
    _print_changes(mine)
    if not _agrees(given, ask, f"Accept as {key.address}?"):
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


def _agrees(given: argparse.Namespace, ask: Ask, question: str) -> bool:
    if given.yes or ask(f"{question} [y/N] ").strip().lower() in _YES:
        return True
    print("nothing was sent")
    return False


def _print_changes(changes: Sequence[ProposedChange]) -> None:
    for number, each in enumerate(changes, start=1):
        print(f"{number:>3}. {each.describe()}")


def _show(place: Place, now: datetime, *, as_json: bool) -> int:
    shown = registry_json(_history(place.open()), now=now)
    if as_json:
        print(json.dumps(shown, ensure_ascii=False))
    else:
        print("\n".join(lines(shown)))
    return 0
