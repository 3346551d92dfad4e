# SPDX-License-Identifier: EUPL-1.2
"""Proposals to change a trust registry: a small file that members and administrations pass to each other.

- A proposal says for which registry on which chain it is, so that nobody approves it at another one.
- The file says everything that is approved, in words where the contract has digests: whoever approves reads what
  the contract will be told, and the same file gives everybody the same change, byte for byte.
- What the trust list would not understand is refused here, before anybody approves it.

Pure functions over bytes; `testimoni registry` reads and sends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ledger.registry import NOTHING, administration_id
from ledger.registry_events import MAX_CHANGES, NO_END, WORD_BYTES, Action, Change, Kind, Role
from ledger.trust import parse_hex
from protocol.encoding import JSON, b64url_decode, canonical_json, find_member, get_member, parse_object, sha256
from protocol.errors import RequestError
from protocol.trust.entries import Administration, TrustedLog, get_digest

SCHEMA = "testimoni/registry-proposal/1"
CODE = "invalid_file"
# as the contract
MAX_DETAILS_BYTES = 4096
_ADDRESS_BYTES = 20
_N = TypeVar("_N", Action, Kind, Role)


@dataclass(frozen=True)
class ProposedChange:
    """One change, with the administration's code and the subject as people write them."""

    action: Action
    kind: Kind
    role: Role
    administration: str
    subject: str
    start: int
    end: int
    details: Mapping[str, JSON]

    @property
    def change(self) -> Change:
        """What is approved and accepted."""
        return Change(
            self.action,
            self.kind,
            self.role,
            administration_id(self.administration),
            _subject_word(self.action, self.kind, self.role, self.subject),
            self.start,
            self.end,
            canonical_json(dict(self.details)) if self.details else b"",
        )

    @property
    def account(self) -> str | None:
        """The account that this change gives to the administration, in lower case; None when it gives none."""
        is_account = self.kind is Kind.ADMINISTRATION and self.action is Action.ADD
        return self.subject.lower() if is_account else None

    def describe(self) -> str:
        """Return the change in words, on one line."""
        role = "" if self.role is Role.NONE else f" as {self.role.name.lower()}"
        kind = self.kind.name.lower().replace("_", " ")
        match self.action:
            case Action.ADD:
                verb, when = f"add {kind}{role}", ""
            case Action.END:
                verb, when = f"end {kind}{role}", ""
            case Action.COMPROMISE:
                verb, when = f"report {kind}{role} as compromised", f" since {self.start}"
        details = f" {json.dumps(dict(self.details), ensure_ascii=False)}" if self.details else ""
        return f"{self.administration}: {verb} {self.subject}".rstrip() + f"{when}{details}"

    def to_json(self) -> dict[str, JSON]:
        """Return the change as it stands in the file."""
        return {
            "action": self.action.name.lower(),
            "kind": self.kind.name.lower(),
            "role": self.role.name.lower(),
            "administration": self.administration,
            "subject": self.subject,
            "start": self.start,
            "end": None if self.end == NO_END else self.end,
            "details": dict(self.details),
        }

    @classmethod
    def parse(cls, members: dict[str, JSON]) -> ProposedChange:
        """Return a change of the file. Raises `RequestError` unless registry and list would understand it."""
        end = find_member(members, "end", int, code=CODE) if members.get("end") is not None else NO_END
        made = cls(
            action=_named(Action, members, "action"),
            kind=_named(Kind, members, "kind"),
            role=_named(Role, members, "role"),
            administration=get_member(members, "administration", str, code=CODE),
            subject=get_member(members, "subject", str, code=CODE),
            start=get_member(members, "start", int, code=CODE),
            end=NO_END if end is None else end,
            details=get_member(members, "details", dict, code=CODE),
        )
        made.check()
        return made

    def check(self) -> None:
        """Raise `RequestError` unless registry and trust list would understand the change."""
        if not self.administration:
            raise _wrong("expected the administration's code")
        if (self.role is Role.NONE) == (self.kind in {Kind.RIGHT, Kind.KEY}):
            raise _wrong("a right and a key have a role; an administration and a page bundle have none")
        if self.action is Action.COMPROMISE and self.kind is not Kind.KEY:
            raise _wrong("only a key can be compromised")
        for moment in (self.start, self.end):
            if not 0 <= moment <= NO_END:
                raise _wrong("expected times as seconds since 1970")
        if self.action is Action.ADD:
            if self.end <= self.start:
                raise _wrong("expected an end after the start")
            _check_details(self)
        change = self.change
        if len(change.details) > MAX_DETAILS_BYTES:
            raise _wrong(f"the details have {len(change.details)} bytes; at most {MAX_DETAILS_BYTES} are taken")


@dataclass(frozen=True)
class Proposal:
    """Changes for one registry, which are approved together."""

    chain_id: int
    registry: str
    changes: tuple[ProposedChange, ...]

    @classmethod
    def parse(cls, data: bytes) -> Proposal:
        """Return the proposal of a file. Raises `RequestError` (`invalid_file`) when it is none."""
        try:
            members = parse_object(data)
        except RequestError as exc:
            raise _wrong("the file is no proposal: no JSON object") from exc
        if members.get("schema") != SCHEMA:
            raise _wrong(f"expected a proposal of schema {SCHEMA}")
        given = get_member(members, "changes", list, code=CODE)
        if not 0 < len(given) <= MAX_CHANGES:
            raise _wrong(f"expected 1 to {MAX_CHANGES} changes, got {len(given)}")
        changes: list[ProposedChange] = []
        for number, each in enumerate(given, start=1):
            if not isinstance(each, dict):
                raise _wrong(f"change {number} is no object")
            try:
                changes.append(ProposedChange.parse(each))
            except RequestError as exc:
                raise _wrong(f"change {number}: {exc.message}") from exc
        _check_order(changes)
        return cls(
            chain_id=get_member(members, "chain_id", int, code=CODE),
            registry=get_member(members, "registry", str, code=CODE),
            changes=tuple(changes),
        )

    def to_bytes(self) -> bytes:
        """Return the file."""
        members: dict[str, JSON] = {
            "schema": SCHEMA,
            "chain_id": self.chain_id,
            "registry": self.registry,
            "changes": [each.to_json() for each in self.changes],
        }
        return json.dumps(members, ensure_ascii=False, indent=1).encode() + b"\n"

    def check_is_for(self, *, chain_id: int, registry: str) -> None:
        """Raise `RequestError` when the proposal is for another registry."""
        if (self.chain_id, self.registry) != (chain_id, registry):
            raise _wrong(
                f"the proposal is for the registry {self.registry} on chain {self.chain_id}, not for this one"
            )


def _check_order(changes: Sequence[ProposedChange]) -> None:
    """Raise `RequestError` when a later change would find the approvals of an earlier moment void.

    Who approves first approves what is added after an end before that end; and of an administration's two accounts
    the second is approved before the first is accepted.
    """
    joining: set[bytes] = set()
    ended: set[tuple[Kind, Role, bytes, bytes]] = set()
    for number, each in enumerate(changes, start=1):
        made = each.change
        party = (Kind.ADMINISTRATION, Role.NONE, made.administration, NOTHING)
        entry = (made.kind, made.role, made.administration, made.what)
        entry = party if made.kind is Kind.ADMINISTRATION else entry
        if made.action is Action.END:
            ended.add(entry)
        elif made.action is Action.ADD and not ended.isdisjoint({entry, party}):
            raise _wrong(f"change {number}: what a proposal ends is added anew by another, after the end")
        elif made.kind is Kind.ADMINISTRATION and made.action is Action.ADD:
            if made.administration in joining:
                raise _wrong(
                    f"change {number}: a proposal gives an administration one account, or one name, at most"
                )
            joining.add(made.administration)


def _subject_word(action: Action, kind: Kind, role: Role, subject: str) -> bytes:
    """Return what the contract calls `what`."""
    match kind, role:
        case Kind.ADMINISTRATION, _ if action is Action.ADD:
            return parse_hex(subject, length=_ADDRESS_BYTES, code=CODE).rjust(WORD_BYTES, b"\0")
        case (Kind.ADMINISTRATION, _) | (Kind.RIGHT, Role.AUDITOR):
            if subject:
                raise _wrong("expected no subject")
            return NOTHING
        case Kind.RIGHT, Role.ISSUER | Role.SEALER:
            if not subject:
                raise _wrong("expected a credential type or a log's name as the subject")
            return sha256(subject.encode())
        case Kind.KEY, Role.SEALER if subject.startswith("0x"):
            # the account that anchors: `LogOwner` registers a log for it
            return parse_hex(subject, length=_ADDRESS_BYTES, code=CODE).rjust(WORD_BYTES, b"\0")
        case _:
            try:
                return b64url_decode(get_digest(subject))
            except RequestError as exc:
                raise _wrong("expected a SHA-256 in base64url as the subject") from exc


def _check_details(proposed: ProposedChange) -> None:
    """Raise `RequestError` unless the details say what a trust list needs of such an entry."""
    details = dict(proposed.details)
    match proposed.kind, proposed.role:
        case Kind.ADMINISTRATION, _:
            if Administration.parse(details).code != proposed.administration:
                raise _wrong("the details are another administration's")
        case Kind.RIGHT, Role.ISSUER:
            get_member(details, "identifier", str, code=CODE)
            if details.get("vct") != proposed.subject:
                raise _wrong("the details are about another credential type")
        case Kind.RIGHT, Role.SEALER:
            if TrustedLog.parse(details).origin != proposed.subject:
                raise _wrong("the details are about another log")
        case Kind.KEY, Role.VERIFIER:
            get_member(details, "client_id", str, code=CODE)
        case Kind.KEY, Role.AUDITOR:
            get_digest(details.get("certificate"))


def _named(kind: type[_N], members: dict[str, JSON], name: str) -> _N:
    text = get_member(members, name, str, code=CODE)
    if text.upper() not in kind.__members__:
        raise _wrong(f"unknown {name}")
    return kind[text.upper()]


def _wrong(message: str) -> RequestError:
    return RequestError(CODE, message)
