# SPDX-License-Identifier: EUPL-1.2
"""Proposals of other members for a trust registry: a small file that present and new members pass to each other.

As `ledger.registry_proposal`: it says for which registry on which chain it is, and what the contract would refuse
is refused before anybody approves it. Accounts are in lower case and in order, so everybody sends the same.
Pure functions over bytes; `testimoni registry` reads and sends.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.registry_proposal import CODE
from ledger.trust import parse_hex
from protocol.encoding import JSON, get_member, parse_object
from protocol.errors import RequestError

SCHEMA = "testimoni/registry-members/1"
# as the contract
MAX_MEMBERS = 100
_ADDRESS_BYTES = 20


@dataclass(frozen=True)
class MembersProposal:
    """Who is to decide about one registry, and how many of them must approve."""

    chain_id: int
    registry: str
    members: tuple[str, ...]
    threshold: int

    @classmethod
    def make(cls, chain_id: int, registry: str, members: Sequence[str], threshold: int) -> MembersProposal:
        """Return the proposal of these accounts, in whatever order and spelling.

        Raises `RequestError` (`invalid_file`) unless they are 1 to `MAX_MEMBERS` different accounts, with a
        threshold of more than half of them.
        """
        accounts = sorted("0x" + parse_hex(each, length=_ADDRESS_BYTES, code=CODE).hex() for each in members)
        if not 0 < len(accounts) <= MAX_MEMBERS or len(set(accounts)) != len(accounts):
            raise RequestError(CODE, f"expected 1 to {MAX_MEMBERS} members, each once")
        if int(accounts[0], 16) == 0:
            raise RequestError(CODE, "the account zero is nobody's")
        if not len(accounts) // 2 < threshold <= len(accounts):
            raise RequestError(
                CODE, f"expected a threshold of more than half of {len(accounts)} members, and no more"
            )
        return cls(chain_id, registry, tuple(accounts), threshold)

    @classmethod
    def parse(cls, data: bytes) -> MembersProposal:
        """Return the proposal that `to_bytes` wrote. Raises `RequestError` (`invalid_file`) on another form."""
        stated = parse_object(data)
        if stated.get("schema") != SCHEMA:
            raise RequestError(CODE, f"expected schema {SCHEMA}")
        members = get_member(stated, "members", list, code=CODE)
        return cls.make(
            get_member(stated, "chain_id", int, code=CODE),
            get_member(stated, "registry", str, code=CODE),
            [str(each) for each in members],
            get_member(stated, "threshold", int, code=CODE),
        )

    def to_bytes(self) -> bytes:
        """Return the file, for people to read as well."""
        made: dict[str, JSON] = {
            "schema": SCHEMA,
            "chain_id": self.chain_id,
            "registry": self.registry,
            "members": [*self.members],
            "threshold": self.threshold,
        }
        return (json.dumps(made, indent=2) + "\n").encode()

    def check_is_for(self, *, chain_id: int, registry: str) -> None:
        """Raise `RequestError` (`invalid_file`) unless it is for this registry on this chain."""
        if (self.chain_id, self.registry.lower()) != (chain_id, registry.lower()):
            raise RequestError(
                CODE,
                f"the proposal is for the registry {self.registry} on chain {self.chain_id}, not for this one",
            )
