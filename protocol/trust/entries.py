# SPDX-License-Identifier: EUPL-1.2
"""What the trust list says, parsed once and strictly: a list that is not understood whole is refused whole.

- An administration's code, an issuer identifier, a client identifier and a log's name stand for one entry each.
- A right may have a beginning and an end (`valid_from`, `valid_until`, NumericDate, the end itself outside): that
  of an issuer entry, and of each credential type in it. What the list does not say is unlimited.
- An issuer, verifier or auditor entry may name the keys that act for it, each with its validity (`keys`, by RFC
  7638 thumbprint). Then no other key does, whatever certificate it has; a newer list leaves out what was taken
  back.
- Members with other names are ignored, so that a newer authority can say more to newer services.

Signature, chain and expiry are checked by `trust.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeVar

from protocol.clock import from_epoch
from protocol.encoding import JSON, b64url_decode, find_member, get_member
from protocol.errors import RequestError
from protocol.keys import PublicKey

_T = TypeVar("_T")

# Spain has 8,132 municipalities; Catalonia, with its other bodies, about 2,200 administrations
MAX_ADMINISTRATIONS = 10_000
# of each kind: an administration's issuers and request certificates, an issuer's types, a certificate's procedures
MAX_ENTRIES = 1_000
# a log a year, and those of a few operators
MAX_LOGS = 100
# the longest are addresses
MAX_TEXT_CHARS = 1_000
# the languages of the country and of its neighbours
MAX_LANGUAGES = 20
_DIGEST_BYTES = 32
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)


def _wrong(message: str) -> RequestError:
    return RequestError("invalid_request", f"trust list: {message}")


def _text(members: dict[str, JSON], name: str) -> str:
    return _check_text(get_member(members, name, str))


def _check_text(value: JSON) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT_CHARS:
        raise _wrong(f"expected texts of 1 to {MAX_TEXT_CHARS} characters")
    return value


def _list(members: dict[str, JSON], name: str, most: int) -> list[JSON]:
    items = get_member(members, name, list)
    if len(items) > most:
        raise _wrong(f"more than {most} {name}")
    return items


def _objects(members: dict[str, JSON], name: str, most: int) -> list[dict[str, JSON]]:
    items = [item for item in _list(members, name, most) if isinstance(item, dict)]
    if len(items) != len(members[name]):  # type: ignore[arg-type]  # a list: _list has seen it
        raise _wrong(f"expected objects in {name}")
    return items


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a right holds; the end is outside."""

    start: datetime = _BEGINNING
    end: datetime = _END

    @classmethod
    def parse(cls, members: dict[str, JSON]) -> Validity:
        """Return the validity that an entry states. Raises `RequestError` when it ends before it begins."""
        start, end = find_member(members, "valid_from", int), find_member(members, "valid_until", int)
        made = cls(
            _BEGINNING if start is None else from_epoch(start),
            _END if end is None else from_epoch(end),
        )
        if made.start >= made.end:
            raise _wrong("a right ends before it begins")
        return made

    def covers(self, at: datetime) -> bool:
        """Say whether the moment is inside."""
        return self.start <= at < self.end


ALWAYS = Validity()


@dataclass(frozen=True, slots=True)
class Administration:
    """A party of the list."""

    code: str
    name: Mapping[str, str]

    @classmethod
    def parse(cls, members: dict[str, JSON]) -> Administration:
        """Return the party. Its name is in one language at least."""
        names = get_member(members, "name", dict)
        if not 1 <= len(names) <= MAX_LANGUAGES:
            raise _wrong(f"expected a name in 1 to {MAX_LANGUAGES} languages")
        name = {_check_text(code): _check_text(text) for code, text in names.items()}
        return cls(code=_text(members, "code"), name=MappingProxyType(name))


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that act for an entry; `None` when the list leaves that to the certificates."""

    by_thumbprint: Mapping[str, Validity] | None = None

    @classmethod
    def parse(cls, members: dict[str, JSON]) -> Keys:
        """Return the keys that an entry names. An empty list means none, and is not the same as no list."""
        if "keys" not in members:
            return cls()
        found = _objects(members, "keys", MAX_ENTRIES)
        return cls(_index("key", ((get_digest(each.get("thumbprint")), Validity.parse(each)) for each in found)))

    def cover(self, key: PublicKey, at: datetime) -> bool:
        """Say whether this key acts for the entry at this moment, as far as the list says."""
        if self.by_thumbprint is None:
            return True
        validity = self.by_thumbprint.get(key.thumbprint())
        return validity is not None and validity.covers(at)


@dataclass(frozen=True, slots=True)
class IssuerEntry:
    """An issuer identifier of an administration, and what it may issue when."""

    identifier: str
    party: Administration
    validity: Validity
    credential_types: Mapping[str, Validity]
    keys: Keys
    # the types again when none of them has a beginning or an end: most entries, and the fast ones
    _unlimited: frozenset[str] | None = field(repr=False)

    @classmethod
    def parse(cls, members: dict[str, JSON], party: Administration) -> IssuerEntry:
        """Return the entry. A credential type is its identifier, or an object with `vct` and a validity."""
        types = _index("credential type", map(_credential_type, _list(members, "credential_types", MAX_ENTRIES)))
        return cls(
            identifier=_text(members, "identifier"),
            party=party,
            validity=Validity.parse(members),
            credential_types=types,
            keys=Keys.parse(members),
            _unlimited=frozenset(types) if all(each == ALWAYS for each in types.values()) else None,
        )

    def find_types(self, at: datetime) -> frozenset[str]:
        """Return the types that it may issue at this moment: none outside its own validity."""
        if not self.validity.covers(at):
            return frozenset()
        if self._unlimited is not None:
            return self._unlimited
        return frozenset(vct for vct, validity in self.credential_types.items() if validity.covers(at))


@dataclass(frozen=True, slots=True)
class VerifierEntry:
    """A client identifier of an administration, and the digests of the statements that it may ask under."""

    identifier: str
    party: Administration
    procedures: frozenset[str]
    keys: Keys

    @classmethod
    def parse(cls, members: dict[str, JSON], party: Administration) -> VerifierEntry:
        """Return the entry."""
        procedures = [get_digest(item) for item in _list(members, "procedures", MAX_ENTRIES)]
        return cls(
            identifier=_text(members, "client_id"),
            party=party,
            procedures=frozenset(procedures),
            keys=Keys.parse(members),
        )


@dataclass(frozen=True, slots=True)
class AuditorEntry:
    """A certificate under which an administration may ask others for their records."""

    # base64url SHA-256 of the certificate
    digest: str
    party: Administration
    validity: Validity
    keys: Keys

    @classmethod
    def parse(cls, members: dict[str, JSON], party: Administration) -> AuditorEntry:
        """Return the entry."""
        return cls(
            digest=get_digest(members.get("certificate")),
            party=party,
            validity=Validity.parse(members),
            keys=Keys.parse(members),
        )


@dataclass(frozen=True)
class TrustedLog:
    """A log whose promises count."""

    origin: str
    promise_key: PublicKey
    # seconds
    maximum_merge_delay: int
    # the text form of the key that signs its checkpoints (C2SP signed-note); empty when the list does not say
    checkpoint_key: str = ""

    @classmethod
    def parse(cls, members: dict[str, JSON]) -> TrustedLog:
        """Return the log of an entry."""
        delay = get_member(members, "maximum_merge_delay", int)
        if delay < 0:
            raise _wrong("a log's delay is negative")
        return cls(
            origin=_text(members, "origin"),
            promise_key=PublicKey.parse_jwk(members.get("promise_key")),
            maximum_merge_delay=delay,
            checkpoint_key=find_member(members, "checkpoint_key", str) or "",
        )


@dataclass(frozen=True, slots=True)
class Entries:
    """The whole list: each kind of entry by the identifier that questions are asked with."""

    sequence: int
    expires_at: datetime
    issuers: Mapping[str, IssuerEntry]
    verifiers: Mapping[str, VerifierEntry]
    auditors: Mapping[str, AuditorEntry]
    logs: Mapping[str, TrustedLog]

    @classmethod
    def parse(cls, claims: dict[str, JSON]) -> Entries:
        """Return the entries of a list's claims. Raises `RequestError` unless every one of them is understood."""
        sequence = get_member(claims, "sequence", int)
        if sequence < 0:
            raise _wrong("the sequence is negative")
        items = _objects(claims, "administrations", MAX_ADMINISTRATIONS)
        parties = [Administration.parse(item) for item in items]
        logs = [TrustedLog.parse(item) for item in _objects(claims, "logs", MAX_LOGS)]
        _index("administration", ((party.code, party) for party in parties))
        issuers = _entries(IssuerEntry.parse, "issuers", items, parties)
        verifiers = _entries(VerifierEntry.parse, "verifiers", items, parties)
        # lists from before there were auditors have none
        asking = [{"auditors": [], **item} for item in items]
        auditors = _entries(AuditorEntry.parse, "auditors", asking, parties)
        return cls(
            sequence=sequence,
            expires_at=from_epoch(get_member(claims, "exp", int)),
            issuers=_index("issuer", ((entry.identifier, entry) for entry in issuers)),
            verifiers=_index("verifier", ((entry.identifier, entry) for entry in verifiers)),
            auditors=_index("auditor", ((entry.digest, entry) for entry in auditors)),
            logs=_index("log", ((log.origin, log) for log in logs)),
        )


def _entries(
    parse: Callable[[dict[str, JSON], Administration], _T],
    name: str,
    items: Sequence[dict[str, JSON]],
    parties: Sequence[Administration],
) -> Iterator[_T]:
    for item, party in zip(items, parties, strict=True):
        for members in _objects(item, name, MAX_ENTRIES):
            yield parse(members, party)


def _index(what: str, found: Iterable[tuple[str, _T]]) -> Mapping[str, _T]:
    """Return the entries by identifier; two of one name would leave open whose the right is."""
    index: dict[str, _T] = {}
    for identifier, entry in found:
        if identifier in index:
            raise _wrong(f"one {what} is named twice")
        index[identifier] = entry
    return MappingProxyType(index)


def _credential_type(item: JSON) -> tuple[str, Validity]:
    if isinstance(item, dict):
        return _text(item, "vct"), Validity.parse(item)
    return _check_text(item), ALWAYS


def get_digest(item: JSON) -> str:
    """Return a base64url SHA-256. Raises `RequestError` on anything else."""
    digest = _check_text(item)
    if len(b64url_decode(digest)) != _DIGEST_BYTES:
        raise _wrong("expected a SHA-256")
    return digest
