# SPDX-License-Identifier: EUPL-1.2
"""The trust list that follows from a registry's history (pure functions).

- What an entry's details must say is decided here and nowhere else. An entry that says something else, or whose
  details do not belong to its digest, is left out and named: a mistake of one takes nothing from others.
- The list's sequence number is the registry's, so a list can be newer only when the registry is.
- The list names the registry, the block that it was read at and the running hash there: whoever has a node derives
  the same list.
- It is about now: a key that ended or is compromised is not on it, whatever it signed before. When the block that
  was read is ahead of our clock, its time is now: what the chain says has begun or ended has begun or ended.

Details, JSON objects: of an administration `code` and `name` by language; of an issuer's right `identifier` and
`vct`; of a verifier's key `client_id`; of an auditor's key `certificate`, the base64url SHA-256 of its
certificate; of a sealer's right the log's entry of the list, whose promise key must be a key of the same
administration in this role.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.registry import Entry, Period, RegistryHistory, administration_id
from ledger.registry_events import Kind, Role
from protocol.clock import MAX_EPOCH_SECONDS, epoch_seconds, from_epoch
from protocol.encoding import JSON, b64url_encode, get_member, parse_object, sha256
from protocol.errors import RequestError
from protocol.trust.entries import MAX_TEXT_CHARS, Administration, TrustedLog, get_digest

_CODE = "invalid_request"


@dataclass(frozen=True)
class DerivedList:
    """The claims of a list, and why entries were left out."""

    claims: dict[str, JSON]
    left_out: tuple[str, ...]


def derive_list(history: RegistryHistory, *, at: datetime, lifetime: timedelta) -> DerivedList:
    """Return the list of what the registry says at this moment; it ends after the lifetime."""
    made = _Derivation(history, at)
    place = history.place
    administrations = made.administrations()
    claims: dict[str, JSON] = {
        "sequence": place.sequence,
        "iat": epoch_seconds(at),
        "exp": epoch_seconds(at + lifetime),
        "registry": {
            "chain_id": place.chain_id,
            "contract": place.contract,
            "block": place.block_number,
            "block_hash": "0x" + place.block_hash.hex(),
            "running_hash": "0x" + place.running_hash.hex(),
        },
        "administrations": administrations,
        "logs": made.logs(),
    }
    return DerivedList(claims, tuple(made.left_out))


class _Derivation:
    """One history at one moment. Each name (identifier, client, log) is the first administration's that has it."""

    def __init__(self, history: RegistryHistory, at: datetime) -> None:
        self._now = max(epoch_seconds(at), history.place.block_time)
        at = from_epoch(self._now)
        self._entries: dict[tuple[Kind, Role, bytes], list[Entry]] = {}
        for entry in (*history.entries(Kind.RIGHT, at=at), *history.entries(Kind.KEY, at=at)):
            self._entries.setdefault((entry.kind, entry.role, entry.administration), []).append(entry)
        present = history.entries(Kind.ADMINISTRATION, at=at)
        self._parties = {entry.administration: entry for entry in present if entry.period.start <= self._now}
        self._taken: dict[str, bytes] = {}
        self.left_out: list[str] = []

    def administrations(self) -> list[JSON]:
        found: list[JSON] = []
        for entry in self._parties.values():
            try:
                details = _details(entry)
                party = Administration.parse(details)
                if administration_id(party.code) != entry.administration:
                    raise RequestError(_CODE, "the code is another administration's")
            except RequestError as exc:
                self._leave_out(entry, exc)
                continue
            found.append(
                {
                    "code": party.code,
                    "name": dict(party.name),
                    "issuers": self._issuers(entry.administration),
                    "verifiers": self._verifiers(entry.administration),
                    "auditors": self._auditors(entry.administration),
                }
            )
        return found

    def logs(self) -> list[JSON]:
        found: list[JSON] = []
        for administration in self._parties:
            keys = {entry.what for entry in self._of(Kind.KEY, Role.SEALER, administration, begun=True)}
            for entry in self._of(Kind.RIGHT, Role.SEALER, administration, begun=True):
                try:
                    details = _details(entry)
                    log = TrustedLog.parse(details)
                    _check_digest(entry, log.origin)
                    if log.promise_key.thumbprint() not in map(b64url_encode, keys):
                        raise RequestError(_CODE, "the log's promise key is no key of the administration")
                    self._take(f"log {log.origin}", administration)
                except RequestError as exc:
                    self._leave_out(entry, exc)
                    continue
                found.append(details)
        return found

    def _issuers(self, administration: bytes) -> list[JSON]:
        keys = [self._key(entry) for entry in self._of(Kind.KEY, Role.ISSUER, administration)]
        types: dict[str, list[JSON]] = {}
        for entry in self._of(Kind.RIGHT, Role.ISSUER, administration):
            try:
                details = _details(entry)
                identifier, vct = _text(details, "identifier"), _text(details, "vct")
                _check_digest(entry, vct)
                self._take(f"issuer {identifier}", administration)
            except RequestError as exc:
                self._leave_out(entry, exc)
                continue
            types.setdefault(identifier, []).append({"vct": vct, **self._validity(entry)})
        return [
            {"identifier": identifier, "credential_types": given, "keys": list(keys)}
            for identifier, given in types.items()
        ]

    def _verifiers(self, administration: bytes) -> list[JSON]:
        rights = self._of(Kind.RIGHT, Role.VERIFIER, administration, begun=True)
        procedures: list[JSON] = [b64url_encode(entry.what) for entry in rights]
        found: dict[str, JSON] = {}
        for entry in self._of(Kind.KEY, Role.VERIFIER, administration):
            try:
                client_id = _text(_details(entry), "client_id")
                self._take(f"client {client_id}", administration)
                if client_id in found:
                    raise RequestError(_CODE, "two keys of one client identifier")
            except RequestError as exc:
                self._leave_out(entry, exc)
                continue
            found[client_id] = {"client_id": client_id, "procedures": procedures, "keys": [self._key(entry)]}
        return list(found.values())

    def _auditors(self, administration: bytes) -> list[JSON]:
        found: dict[str, JSON] = {}
        for entry in self._of(Kind.KEY, Role.AUDITOR, administration):
            if not any(self._of(Kind.RIGHT, Role.AUDITOR, administration, begun=True)):
                continue
            try:
                certificate = _text(_details(entry), "certificate")
                given: dict[str, JSON] = {"certificate": certificate, "keys": [self._key(entry)]}
                get_digest(certificate)
                self._take(f"auditor {certificate}", administration)
                if certificate in found:
                    raise RequestError(_CODE, "two keys of one certificate")
            except RequestError as exc:
                self._leave_out(entry, exc)
                continue
            found[certificate] = given
        return list(found.values())

    def _of(self, kind: Kind, role: Role, administration: bytes, *, begun: bool = False) -> Iterator[Entry]:
        last = self._now if begun else MAX_EPOCH_SECONDS
        for entry in self._entries.get((kind, role, administration), ()):
            if entry.period.start <= last:
                yield entry

    def _key(self, entry: Entry) -> JSON:
        return {"thumbprint": b64url_encode(entry.what), **self._validity(entry)}

    def _validity(self, entry: Entry) -> dict[str, JSON]:
        """Return the beginning when it is to come, and the end when there is one."""
        party = self._parties[entry.administration].period
        period = Period(entry.period.start, min(entry.period.end, party.end))
        start: dict[str, JSON] = {"valid_from": period.start} if period.start > self._now else {}
        return start | ({} if period.end > MAX_EPOCH_SECONDS else {"valid_until": period.end})

    def _take(self, name: str, administration: bytes) -> None:
        if self._taken.setdefault(name, administration) != administration:
            raise RequestError(_CODE, f"{name} is another administration's")

    def _leave_out(self, entry: Entry, exc: RequestError) -> None:
        self.left_out.append(f"{entry.kind.name.lower()} {entry.what.hex()}: {exc.message}")


def _details(entry: Entry) -> dict[str, JSON]:
    return parse_object(entry.details)


def _text(details: dict[str, JSON], name: str) -> str:
    text = get_member(details, name, str)
    if not 0 < len(text) <= MAX_TEXT_CHARS:
        raise RequestError(_CODE, f"expected {name} of 1 to {MAX_TEXT_CHARS} characters")
    return text


def _check_digest(entry: Entry, text: str) -> None:
    if sha256(text.encode()) != entry.what:
        raise RequestError(_CODE, "the details do not belong to the digest")
