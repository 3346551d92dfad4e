# SPDX-License-Identifier: EUPL-1.2
"""The practice set-up's trust registry: its members and accounts, and how what the set-up needs comes into it.

- Made at the first start, and brought up to date when what the set-up needs has changed (an address, a port, a
  procedure). What somebody else put into it stays, and what somebody took back stays taken back.
- As in production, two of three members approve and the administration concerned accepts. Here one program has all
  the keys; they are files, so that a visitor can play each part with `testimoni registry`.
- All changes go in as few blocks as possible: the embedded chain's clock moves a second a block at least, and the
  log must not find its anchors in the future.
- The list is signed here when the registry changed, so that no service starts without one; later ones are the
  worker's.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.chain.sealer import FileSealerKey
from ledger.registrar import ListSigner, Registrar
from ledger.registry import NOTHING, RegistryHistory
from ledger.registry_events import MAX_CHANGES, Action, Change, Kind, Role
from ledger.registry_store import RegistryWriter
from ledger.tables import LeaseRow
from protocol.clock import Clock, epoch_seconds, from_epoch
from protocol.encoding import JSON, b64url_decode, b64url_encode
from protocol.runtime.database import open_database
from protocol.runtime.leases import Leases
from protocol.runtime.signer import read_secret_file, write_secret_file
from testimoni.development.authority import Authority
from testimoni.development.log_keys import CHAIN_ID

if TYPE_CHECKING:
    from ledger.chain.interface import WritableRegistry

MEMBERS, THRESHOLD = 3, 2
# a set-up that rests for some weeks has a list at once when it starts again
LIST_LIFETIME = timedelta(days=30)
MAXIMUM_BLOCK_AGE = timedelta(days=2)
_LEASE_LIFETIME = timedelta(seconds=30)


@dataclass(frozen=True)
class RegistryFiles:
    """Where the registry's keys are kept, and what was put into it."""

    folder: Path

    def member_key(self, number: int) -> Path:
        """Return the file of a member's key; they count from 1."""
        return self.folder / f"registry-member-{number}.key"

    def account_key(self, name: str) -> Path:
        """Return the file of the key with which an administration accepts."""
        return self.folder / f"registry-account-{name}.key"

    @property
    def state(self) -> Path:
        """The contract's address, and what the set-up has in it."""
        return self.folder / "registry.json"

    @property
    def members(self) -> list[FileSealerKey]:
        """The members' keys, made at first."""
        return [_key(self.member_key(number)) for number in range(1, MEMBERS + 1)]

    def account(self, name: str) -> FileSealerKey:
        """Return an administration's key, made at first."""
        return _key(self.account_key(name))


@dataclass(frozen=True)
class PracticeRegistry:
    """The registry as the set-up left it: its newest event then, and what the set-up has in it."""

    contract: str
    sequence: int
    entries: tuple[Change, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return how it is kept."""
        entries: list[JSON] = [
            [int(e.kind), int(e.role), e.administration.hex(), e.what.hex(), b64url_encode(e.details)]
            for e in self.entries
        ]
        return {"contract": self.contract, "sequence": self.sequence, "entries": entries}

    @classmethod
    def read(cls, path: Path) -> PracticeRegistry | None:
        """Return what is kept, or None before the first start."""
        if not path.exists():
            return None
        kept = json.loads(read_secret_file(path))
        entries = (
            _entry(Kind(kind), Role(role), bytes.fromhex(party), bytes.fromhex(what), b64url_decode(details))
            for kind, role, party, what, details in kept["entries"]
        )
        return cls(kept["contract"], kept["sequence"], tuple(entries))


def settle(
    files: RegistryFiles,
    wanted: Mapping[str, Sequence[Change]],
    *,
    chain_url: str,
    wait_for_chain: Callable[[], None],
    sign_list: Callable[[WritableRegistry], None],
    now: datetime,
) -> PracticeRegistry:
    """Return the registry with all that is wanted in it; no chain is asked when nothing changed."""
    whole = tuple(change for given in wanted.values() for change in given)
    kept = PracticeRegistry.read(files.state)
    if kept is not None and kept.entries == whole:
        return kept
    wait_for_chain()
    from ledger.chain.client import deploy_registry, open_registry  # noqa: PLC0415 - web3 costs a second

    if kept is None:
        members = files.members
        addresses = [member.address for member in members]
        contract = deploy_registry(chain_url, members[0], members=addresses, threshold=THRESHOLD)
        kept = PracticeRegistry(contract, 0, ())
        _write(files.state, kept)
    registry = open_registry(chain_url, contract=kept.contract, expected_chain_id=CHAIN_ID)
    sequence = _bring_up_to_date(registry, files, wanted, before=kept.entries, now=now)
    sign_list(registry)
    made = PracticeRegistry(kept.contract, sequence, whole)
    _write(files.state, made)
    return made


def list_signing(*, database_url: str, authority: Authority, clock: Clock) -> Callable[[WritableRegistry], None]:
    """Return what signs the list that follows from a registry, unless a worker still has that job."""

    def sign(registry: WritableRegistry) -> None:
        database = open_database(database_url)
        try:
            leases = Leases(database, LeaseRow, clock, lifetime=_LEASE_LIFETIME)
            lease = leases.find(f"registrar:{registry.contract}", secrets.token_hex(8))
            if lease is None:
                return
            signing = ListSigner(
                authority.registrar_key, [authority.registrar], [authority.root], LIST_LIFETIME, MAXIMUM_BLOCK_AGE
            )
            Registrar(registry, RegistryWriter(database, registry.contract, leases), signing, clock).run(lease)
            leases.release(lease)
        finally:
            database.engine.dispose()

    return sign


def _bring_up_to_date(
    registry: WritableRegistry,
    files: RegistryFiles,
    wanted: Mapping[str, Sequence[Change]],
    *,
    before: Sequence[Change],
    now: datetime,
) -> int:
    """Make the changes that lead from what the set-up had to what it wants; return the newest sequence number."""
    present = _present(registry, now)
    whole = [change for given in wanted.values() for change in given]
    # an administration gets another name by being added again, and never loses its account meanwhile
    staying = {change.administration for change in whole}
    ended = [
        replace(each, action=Action.END, end=epoch_seconds(now))
        for each in before
        if each in present
        and each not in whole
        and not (each.kind is Kind.ADMINISTRATION and each.administration in staying)
    ]
    ended = [replace(each, what=NOTHING) if each.kind is Kind.ADMINISTRATION else each for each in ended]
    # who approves the same once more says when: no change takes effect twice
    added = {
        name: [
            replace(each, start=epoch_seconds(now)) for each in given if each not in before and each not in present
        ]
        for name, given in wanted.items()
    }
    # in lists of their own: what is approved before an end does not count after it
    for changes in (ended, [change for given in added.values() for change in given]):
        for part in _parts(changes, MAX_CHANGES):
            for member in files.members[:THRESHOLD]:
                registry.approve(member, *part)
    for name, given in added.items():
        for part in _parts(given, MAX_CHANGES):
            registry.accept(files.account(name), *part)
    return registry.read(None).place.sequence


def _present(registry: WritableRegistry, now: datetime) -> set[Change]:
    """Return what is in the registry and has not ended, as the set-up would have added it."""
    news = registry.read(None)
    history = RegistryHistory.fold(news.events, news.place)
    at = max(now, from_epoch(news.place.block_time))
    return {
        _entry(each.kind, each.role, each.administration, each.what, each.details)
        for kind in Kind
        for each in history.entries(kind, at=at)
    }


def _entry(kind: Kind, role: Role, administration: bytes, what: bytes, details: bytes) -> Change:
    return Change(Action.ADD, kind, role, administration, what, details=details)


def _parts(changes: Sequence[Change], most: int) -> Iterable[Sequence[Change]]:
    return (changes[first : first + most] for first in range(0, len(changes), most))


def _key(path: Path) -> FileSealerKey:
    if not path.exists():
        write_secret_file(path, FileSealerKey.generate().pem())
    return FileSealerKey.from_pem(read_secret_file(path))


def _write(path: Path, registry: PracticeRegistry) -> None:
    """Replace the file whole, so that a start that was interrupted finds the one before."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    write_secret_file(fresh, json.dumps(registry.to_json()).encode())
    fresh.replace(path)
