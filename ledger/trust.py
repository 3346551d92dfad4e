# SPDX-License-Identifier: EUPL-1.2
"""Whom an auditor or a verifier trusts about a log: keys, chain, contract, administrations.

All of it comes from a file that the reader chose (`testimoni/trust/1`), never from the servers in question.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from urllib.parse import urlsplit

from eth_utils.address import to_checksum_address

from ledger.checkpoint import CheckpointKey
from ledger.cosignature import WitnessKey
from ledger.merkle import HASH_BYTES
from ledger.promise import MAX_DELAY_SECONDS
from ledger.trusted_key import CODE, TrustedKey, parse_keys
from protocol.encoding import JSON, find_member, get_member, parse_object, sha256
from protocol.errors import RequestError
from protocol.keys import PublicKey

SCHEMA = "testimoni/trust/1"
# An administration renews its key every few years; each signature is tried with every key.
MAX_ACCESS_KEYS = 16
MAX_ISSUER_KEYS = 16
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_FROM_BLOCK = re.compile(r"(?:([0-9]{1,18}):)?(0x[0-9a-fA-F]{40})")


def log_id(origin: str) -> bytes:
    """Return the log's identifier in the contract: SHA-256 of its origin."""
    return sha256(origin.encode())


def parse_hex(value: JSON, *, length: int | None = None, code: str = CODE) -> bytes:
    """Return the bytes of `0x…` text. Raises `RequestError` on another form or length."""
    if isinstance(value, str) and re.fullmatch("0x(?:[0-9a-fA-F]{2})*", value):
        raw = bytes.fromhex(value[2:])
        if length in {None, len(raw)}:
            return raw
    raise RequestError(code, f"expected {'' if length is None else f'{length} bytes of '}hexadecimal text with 0x")


def format_hex(raw: bytes) -> str:
    """Return `0x…` text."""
    return "0x" + raw.hex()


@dataclass(frozen=True)
class ValidatorSet:
    """Who seals blocks: from this one on, until the next set does."""

    from_block: int
    addresses: tuple[str, ...]

    @classmethod
    def parse(cls, value: JSON) -> ValidatorSet:
        """Return the set of its JSON object. Raises `RequestError` when it is empty or names somebody twice."""
        if not isinstance(value, dict):
            raise RequestError(CODE, "expected each set of validators to be an object with from_block")
        found = cls(
            from_block=get_member(value, "from_block", int, code=CODE),
            addresses=_distinct(get_member(value, "addresses", list, code=CODE)),
        )
        if found.from_block < 0 or not found.addresses:
            raise RequestError(CODE, "expected a set of validators to name a block and somebody who seals it")
        return found

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON object."""
        return {"from_block": self.from_block, "addresses": list(self.addresses)}


def since_the_start(addresses: Sequence[str]) -> tuple[ValidatorSet, ...]:
    """Return the validators of a chain that never had others; none of none."""
    return (ValidatorSet(0, tuple(addresses)),) if addresses else ()


def validator_sets(named: Iterable[str]) -> tuple[ValidatorSet, ...]:
    """Return the sets that a service's setting names: `0x…` since the start, `BLOCK:0x…` from that block on.

    Raises `RequestError`.
    """
    sets: dict[int, list[JSON]] = {}
    for each in sorted(named):
        match = _FROM_BLOCK.fullmatch(each)
        if match is None:
            raise RequestError(CODE, "expected an address, or BLOCK:ADDRESS from that block on")
        sets.setdefault(int(match[1] or 0), []).append(match[2])
    return tuple(ValidatorSet(block, _distinct(found)) for block, found in sorted(sets.items()))


@dataclass(frozen=True)
class TrustedChain:
    """Where a log is anchored, and who may anchor and seal blocks there."""

    chain_id: int
    contract: str
    log_id: bytes
    sealer: str
    validators: tuple[ValidatorSet, ...]
    """Oldest first, each until the next begins; none when nobody is trusted to make blocks final."""

    @classmethod
    def parse(cls, members: dict[str, JSON]) -> TrustedChain:
        """Return the chain of its JSON members."""
        return cls(
            chain_id=get_member(members, "chain_id", int, code=CODE),
            contract=_checksummed(_address(members.get("contract"))),
            log_id=parse_hex(members.get("log_id"), length=HASH_BYTES),
            sealer=_address(members.get("sealer")),
            validators=_parse_validators(get_member(members, "validators", list, code=CODE)),
        )

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON members."""
        return {
            "chain_id": self.chain_id,
            "contract": self.contract,
            "log_id": format_hex(self.log_id),
            "sealer": self.sealer,
            "validators": _format_validators(self.validators),
        }

    def find_validators(self, block_number: int) -> ValidatorSet | None:
        """Return who seals the block of this number, or None when no set reaches so far back."""
        return next((each for each in reversed(self.validators) if each.from_block <= block_number), None)


@dataclass(frozen=True)
class AuditedLog:
    """One log: the keys that speak for it, its longest delay, and its chain (None: not anchored)."""

    origin: str
    checkpoint_key: CheckpointKey
    promise_key: PublicKey
    maximum_merge_delay: timedelta
    chain: TrustedChain | None
    mirrors: tuple[str, ...] = ()
    """Where the auditor knows copies of its tiles to be, on hosts of their own: root-only anchors need them."""

    @classmethod
    def parse(cls, value: JSON) -> AuditedLog:
        """Return the log of its JSON object. Raises `RequestError` when anything is missing or malformed."""
        if not isinstance(value, dict):
            raise RequestError(CODE, "expected a log to be an object")
        chain = find_member(value, "chain", dict, code=CODE) if value.get("chain") is not None else None
        log = cls(
            origin=get_member(value, "origin", str, code=CODE),
            checkpoint_key=CheckpointKey.parse(get_member(value, "checkpoint_key", str, code=CODE)),
            promise_key=PublicKey.parse_jwk(value.get("promise_key")),
            maximum_merge_delay=_delay(value),
            chain=None if chain is None else TrustedChain.parse(chain),
            mirrors=_parse_mirrors(find_member(value, "mirrors", list, code=CODE) or []),
        )
        if log.checkpoint_key.name != log.origin:
            raise RequestError(CODE, "checkpoint key has another name than the log")
        if log.chain is not None and log.chain.log_id != log_id(log.origin):
            raise RequestError(CODE, "log_id is not the digest of the origin")
        return log

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON object, as in the trust file and in `GET /log/v1/logs`."""
        members: dict[str, JSON] = {
            "origin": self.origin,
            "checkpoint_key": self.checkpoint_key.text(),
            "promise_key": self.promise_key.jwk(),
            "maximum_merge_delay": int(self.maximum_merge_delay.total_seconds()),
            "chain": None if self.chain is None else self.chain.to_json(),
        }
        if self.mirrors:
            members["mirrors"] = list(self.mirrors)
        return members


@dataclass(frozen=True)
class TrustedAdministration:
    """An administration, the keys with which it countersigns and answers, and those with which it issues."""

    code: str
    name: Mapping[str, str]
    access_keys: tuple[TrustedKey, ...]
    issuers: tuple[str, ...]
    issuer_keys: tuple[TrustedKey, ...] = ()
    """With which it signs what it asks of sources; a member that a file may leave out."""

    @classmethod
    def parse(cls, value: JSON) -> TrustedAdministration:
        """Return the administration of its JSON object."""
        if not isinstance(value, dict):
            raise RequestError(CODE, "expected an administration to be an object")
        return cls(
            code=get_member(value, "code", str, code=CODE),
            name={key: str(text) for key, text in get_member(value, "name", dict, code=CODE).items()},
            access_keys=parse_keys(
                get_member(value, "access_keys", list, code=CODE), most=MAX_ACCESS_KEYS, what="access"
            ),
            issuers=tuple(str(each) for each in get_member(value, "issuers", list, code=CODE)),
            issuer_keys=parse_keys(
                find_member(value, "issuer_keys", list, code=CODE) or [], most=MAX_ISSUER_KEYS, what="issuer"
            ),
        )

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON object."""
        members: dict[str, JSON] = {
            "code": self.code,
            "name": dict(self.name),
            "access_keys": [key.to_json() for key in self.access_keys],
            "issuers": list(self.issuers),
        }
        if self.issuer_keys:
            members["issuer_keys"] = [key.to_json() for key in self.issuer_keys]
        return members


@dataclass(frozen=True)
class TrustFile:
    """Everything that an auditor takes as given."""

    authority_certificate: str
    logs: tuple[AuditedLog, ...]
    administrations: tuple[TrustedAdministration, ...]
    witnesses: tuple[WitnessKey, ...] = ()
    """Who may say which tree they saw, and when; a member that a file may leave out."""

    @classmethod
    def parse(cls, data: bytes) -> TrustFile:
        """Return the trust file. Raises `RequestError` (`invalid_trust_file`)."""
        try:
            return cls._parse(parse_object(data))
        except RequestError as exc:
            # whatever in it has another form
            raise RequestError(CODE, exc.message) from exc

    @classmethod
    def _parse(cls, members: dict[str, JSON]) -> TrustFile:
        if members.get("schema") != SCHEMA:
            raise RequestError(CODE, f"expected schema {SCHEMA}")
        return cls(
            authority_certificate=get_member(members, "authority_certificate", str, code=CODE),
            logs=tuple(AuditedLog.parse(each) for each in get_member(members, "logs", list, code=CODE)),
            administrations=tuple(
                TrustedAdministration.parse(each)
                for each in get_member(members, "administrations", list, code=CODE)
            ),
            witnesses=tuple(
                WitnessKey.parse(str(each)) for each in find_member(members, "witnesses", list, code=CODE) or ()
            ),
        )

    def to_json(self) -> dict[str, JSON]:
        """Return the file's JSON object."""
        members: dict[str, JSON] = {
            "schema": SCHEMA,
            "authority_certificate": self.authority_certificate,
            "logs": [log.to_json() for log in self.logs],
            "administrations": [each.to_json() for each in self.administrations],
        }
        if self.witnesses:
            members["witnesses"] = [key.text() for key in self.witnesses]
        return members

    def find_log(self, origin: str) -> AuditedLog | None:
        """Return the log with this origin, or None."""
        return next((log for log in self.logs if log.origin == origin), None)

    def find_administration(self, code: str) -> TrustedAdministration | None:
        """Return the administration with this code, or None."""
        return next((each for each in self.administrations if each.code == code), None)


def _parse_mirrors(listed: Sequence[JSON]) -> tuple[str, ...]:
    """Return the mirrors. Raises `RequestError` unless each is an https URL on a host of its own."""
    urls = tuple(str(each) for each in listed)
    hosts = {url_host(each) for each in urls}
    if "" in hosts or len(hosts) < len(urls):
        raise RequestError(CODE, "mirrors must be https URLs on different hosts")
    return urls


def url_host(url: str) -> str:
    """Return the host of an https URL without user, query or fragment; empty for anything else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    is_plain = parts.scheme == "https" and not (parts.username or parts.query or parts.fragment)
    return (parts.hostname or "").rstrip(".") if is_plain else ""


def _delay(value: dict[str, JSON]) -> timedelta:
    seconds = get_member(value, "maximum_merge_delay", int, code=CODE)
    if not 0 < seconds <= MAX_DELAY_SECONDS:
        raise RequestError(CODE, f"expected a maximum_merge_delay of 1 to {MAX_DELAY_SECONDS} seconds")
    return timedelta(seconds=seconds)


def _parse_validators(values: Sequence[JSON]) -> tuple[ValidatorSet, ...]:
    """Return the sets: a list of addresses is one that always held; else each says from which block it does."""
    if not any(isinstance(each, dict) for each in values):
        return since_the_start(_distinct(values))
    sets = tuple(ValidatorSet.parse(each) for each in values)
    if any(later.from_block <= earlier.from_block for earlier, later in pairwise(sets)):
        raise RequestError(CODE, "expected the sets of validators in the order of their blocks, one from each")
    return sets


def _format_validators(sets: Sequence[ValidatorSet]) -> list[JSON]:
    match sets:
        case [ValidatorSet(from_block=0, addresses=addresses)]:
            return list(addresses)
        case _:
            return [each.to_json() for each in sets]


def _distinct(values: Sequence[JSON]) -> tuple[str, ...]:
    addresses = tuple(_address(each) for each in values)
    if len({each.lower() for each in addresses}) != len(addresses):
        raise RequestError(CODE, "expected each validator once")
    return addresses


def _address(value: JSON) -> str:
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        return value
    raise RequestError(CODE, "expected an address")


def _checksummed(address: str) -> str:
    """Return the address as nodes write it: one case is no checksum, mixed case is one and must be right."""
    spelled = str(to_checksum_address(address))
    digits = address[2:]
    if digits not in {digits.lower(), digits.upper()} and address != spelled:
        raise RequestError(CODE, "expected the contract's address with a right checksum, or in lower case")
    return spelled
