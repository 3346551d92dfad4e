# SPDX-License-Identifier: EUPL-1.2
"""`testimoni registry propose-members`, `approve-members` and `accept-members`: who decides, and how many must.

- As many present members as the present threshold approve the file; then as many of the new ones as the new
  threshold accept it, each with their own key. With the last acceptance they take over.
- Approvals of anything else that were not used are void then: nobody's voice outlives their membership.
- `--json` prints one object instead of lines, and asks nothing: it needs `--yes`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.cli import read_file, write_file
from ledger.members_proposal import MembersProposal
from protocol.encoding import JSON
from protocol.errors import ConfigurationError
from testimoni.registry_place import Ask, Place, add_key, agrees, read_history

if TYPE_CHECKING:
    from ledger.chain.interface import SealerKey, WritableRegistry
    from ledger.registry import RegistryHistory


def add_commands(commands: Any) -> tuple[argparse.ArgumentParser, ...]:
    """Add the three commands and return their parsers (argparse keeps the type of sub-commands to itself)."""
    propose = commands.add_parser("propose-members", help="write other members into a file; sends nothing")
    approve = commands.add_parser("approve-members", help="approve other members, as a present one")
    accept = commands.add_parser("accept-members", help="accept what was approved, as one of the new members")
    for each in (propose, approve, accept):
        each.add_argument("file", type=Path, metavar="FILE", help="the proposal")
        each.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    propose.add_argument(
        "--member",
        action="append",
        required=True,
        metavar="ADDRESS",
        help="an account (0x…); for each, also who stays",
    )
    propose.add_argument(
        "--threshold",
        type=int,
        required=True,
        metavar="K",
        help="how many must approve from then on, more than half",
    )
    add_key(approve)
    add_key(accept)
    return propose, approve, accept


def run(given: argparse.Namespace, place: Place, ask: Ask) -> int:
    """Do one of the commands; return 0 when it did what was asked, 1 when the person said no. Raises `Error`."""
    if given.command == "propose-members":
        return _propose(given, place)
    if given.json and not given.yes:
        raise ConfigurationError("configuration_error", "--json asks nothing: give --yes too")
    proposal = MembersProposal.parse(read_file(given.file))
    proposal.check_is_for(chain_id=place.chain_id, registry=place.registry)
    from ledger.chain.sealer import open_sealer  # noqa: PLC0415 - help must not load cryptography

    key = open_sealer(f"file:{given.key}")
    registry = place.open()
    history = read_history(registry)
    if not given.json:
        _print_difference(proposal, history)
    if given.command == "approve-members":
        return _approve(registry, history, proposal, key, given, ask)
    return _accept(registry, proposal, key, given, ask)


def _propose(given: argparse.Namespace, place: Place) -> int:
    made = MembersProposal.make(place.chain_id, place.registry, given.member, given.threshold)
    write_file(given.file, made.to_bytes())
    if given.json:
        _print_json(made, sent=False)
        return 0
    print(f"{made.threshold} of {len(made.members)} must approve from then on: {', '.join(made.members)}")
    print(f"written to {given.file}; nothing was sent")
    print(f"present members approve it: testimoni registry approve-members {given.file} --key FILE")
    return 0


def _approve(
    registry: WritableRegistry,
    history: RegistryHistory,
    proposal: MembersProposal,
    key: SealerKey,
    given: argparse.Namespace,
    ask: Ask,
) -> int:
    if not agrees(given, ask, f"Approve as {key.address}?"):
        return 1
    registry.approve_members(key, proposal.members, proposal.threshold)
    count, needed = registry.approvals_of_members(proposal.members, proposal.threshold), history.threshold
    if given.json:
        _print_json(proposal, sent=True, approvals=count, needed=needed)
    elif count < needed:
        print(f"approved by {count} of the {needed} members that are needed")
    else:
        print(f"approved; they take over when {proposal.threshold} of them have accepted it")
        print(f"new members accept it: testimoni registry accept-members {given.file} --key FILE")
    return 0


def _accept(
    registry: WritableRegistry, proposal: MembersProposal, key: SealerKey, given: argparse.Namespace, ask: Ask
) -> int:
    if not agrees(given, ask, f"Accept as {key.address}?"):
        return 1
    before = registry.newest_sequence()
    registry.accept_members(key, proposal.members, proposal.threshold)
    is_in_effect = registry.newest_sequence() != before
    if given.json:
        _print_json(proposal, sent=True, in_effect=is_in_effect)
    elif is_in_effect:
        place = registry.read(None).place
        print(f"accepted, and in effect; newest event {place.sequence}, running hash 0x{place.running_hash.hex()}")
    else:
        print(f"accepted; they take over when {proposal.threshold} of them have")
    return 0


def _print_difference(proposal: MembersProposal, history: RegistryHistory) -> None:
    present = {each.lower() for each in history.members}
    for each in proposal.members:
        print(f"  {each}  {'stays' if each in present else 'joins'}")
    for each in sorted(present - set(proposal.members)):
        print(f"  {each}  leaves")
    print(
        f"{proposal.threshold} of {len(proposal.members)} must approve from then on; "
        f"now {history.threshold} of {len(present)}"
    )


def _print_json(proposal: MembersProposal, **facts: JSON) -> None:
    print(json.dumps({"members": [*proposal.members], "threshold": proposal.threshold, **facts}))
