# SPDX-License-Identifier: EUPL-1.2
"""What an issuer signs: claims with some of them put into disclosures (RFC 9901, sections 4.2 and 6).

- Each path that is listed becomes one disclosure. Below another listed path it is in that one's value
  (recursive, section 6.3); below a path that is not listed it stays where it is (structured, section 6.2).
- Digests are sorted, and decoys look like any other digest (section 4.2.5): neither their order nor their
  number says what is behind them.
- One call to the system's random numbers makes all salts of a credential.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from protocol import jws
from protocol.encoding import JSON, b64url_encode, compact_json_each
from protocol.errors import RequestError
from protocol.keys import Signer
from protocol.sd_jwt.disclosures import (
    DEFAULT_HASH,
    HASHES,
    RESERVED,
    SALT_BYTES,
    Path,
    b64url_encode_each,
    digest_each,
)
from protocol.sd_jwt.limits import MAX_DEPTH, MAX_DIGESTS, MAX_DISCLOSURES

_SALT_CHARS = SALT_BYTES // 3 * 4
_DECOY_BYTES = 32
_NO_DECOYS: Mapping[Path, int] = MappingProxyType({})


def issue(
    claims: Mapping[str, JSON],
    selective: Collection[Path],
    signer: Signer,
    *,
    typ: str,
    hash_name: str = DEFAULT_HASH,
    decoys: Mapping[Path, int] = _NO_DECOYS,
    salts: Mapping[Path, str] | None = None,
    **header: object,
) -> str:
    """Return an issued SD-JWT in which the selective paths are disclosures; what is not listed is in the clear.

    `decoys` says how many to add to the object or array at a path; `salts` is for vectors alone. Raises as
    `conceal` does, and `RequestError` when the result is longer than anybody would take.
    """
    payload, disclosures = conceal(claims, selective, hash_name=hash_name, decoys=decoys, salts=salts)
    text = "~".join([jws.sign(payload, signer, typ=typ, **header), *disclosures, ""])
    if len(text) > jws.MAX_TOKEN_CHARS:
        raise RequestError("invalid_request", f"SD-JWT longer than {jws.MAX_TOKEN_CHARS} characters")
    return text


def conceal(
    claims: Mapping[str, JSON],
    selective: Collection[Path],
    *,
    hash_name: str = DEFAULT_HASH,
    decoys: Mapping[Path, int] = _NO_DECOYS,
    salts: Mapping[Path, str] | None = None,
) -> tuple[dict[str, JSON], list[str]]:
    """Return the payload to sign, and the disclosures that belong to it.

    Raises `RequestError` on claims that no SD-JWT can hold (a reserved name, too deep, too many), and
    `ValueError` when a path, a number of decoys or a hash makes no sense: that is the caller's mistake.
    """
    if len(selective) > MAX_DISCLOSURES or len(selective) + sum(decoys.values()) > MAX_DIGESTS:
        raise RequestError("invalid_request", "too many selectively disclosable claims")
    if hash_name not in HASHES or (decoys and min(decoys.values()) < 0):
        raise ValueError("expected a hash that is allowed, and decoys to be counted")
    body = _copy_object(claims, 0)
    places = _by_place(selective, decoys)
    fresh = iter(_fresh_salts(len(selective)) if salts is None else _given_salts(salts, places))
    disclosures: list[str] = []
    for place, steps in places:
        container = _find(body, place)
        encoded = _encode(container, steps, fresh)
        digests = digest_each(encoded, hash_name)
        false = [_decoy(hash_name) for _ in range(decoys.get(place, 0))]
        if isinstance(container, dict):
            _put_members(container, steps, [*digests, *false])
        else:
            _put_elements(container, steps, digests, false)
        disclosures += encoded
    if places:
        body["_sd_alg"] = hash_name
    return body, disclosures


def _by_place(selective: Collection[Path], decoys: Mapping[Path, int]) -> list[tuple[Path, list[str | int]]]:
    """Return what is concealed in each object or array, the deepest first: a parent's value holds its children."""
    places: dict[Path, list[str | int]] = {place: [] for place, number in decoys.items() if number}
    for path in selective:
        if not path:
            raise ValueError("expected a path to a claim")
        place = path[:-1]
        if place in places:
            places[place].append(path[-1])
        else:
            places[place] = [path[-1]]
    return sorted(places.items(), key=lambda item: len(item[0]), reverse=True)


def _fresh_salts(number: int) -> list[str]:
    text = b64url_encode(secrets.token_bytes(SALT_BYTES * number))
    return [text[at : at + _SALT_CHARS] for at in range(0, len(text), _SALT_CHARS)]


def _given_salts(salts: Mapping[Path, str], places: list[tuple[Path, list[str | int]]]) -> list[str]:
    return [salts[(*place, step)] for place, steps in places for step in steps]


def _copy_object(members: Mapping[str, JSON], depth: int) -> dict[str, JSON]:
    """Return a copy that may be changed at any depth, unless it holds what no SD-JWT can."""
    if not RESERVED.isdisjoint(members):
        raise RequestError("invalid_request", "a claim has a name that SD-JWT reserves")
    copy = dict(members)
    for name, value in copy.items():
        if isinstance(value, (dict, list)):
            copy[name] = _copy(value, depth + 1)
    return copy


def _copy(value: JSON, depth: int) -> JSON:
    if not isinstance(value, (dict, list)):
        return value
    if depth > MAX_DEPTH:
        raise RequestError("invalid_request", f"claims nest deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        return _copy_object(value, depth)
    return [_copy(item, depth + 1) for item in value]


def _find(body: dict[str, JSON], place: Path) -> dict[str, JSON] | list[JSON]:
    found: JSON = body
    for step in place:
        found = _get(found, step)
    if isinstance(found, (dict, list)):
        return found
    raise ValueError("a path leads into a claim that is neither object nor array")


def _get(container: JSON, step: str | int) -> JSON:
    if isinstance(container, dict) and step in container:
        return container[str(step)]
    if isinstance(container, list) and type(step) is int and 0 <= step < len(container):
        return container[step]
    raise ValueError("a path leads to no claim")


def _encode(container: dict[str, JSON] | list[JSON], steps: list[str | int], salts: Iterator[str]) -> list[str]:
    """Return the disclosures of these members or elements. Raises `ValueError` unless each is there, once."""
    wanted = set(steps)
    if len(wanted) != len(steps):
        raise ValueError("a path is given twice")
    if isinstance(container, list):
        return b64url_encode_each(compact_json_each([[next(salts), _get(container, step)] for step in steps]))
    if not container.keys() >= wanted:
        raise ValueError("a path leads to no claim")
    return b64url_encode_each(compact_json_each([[next(salts), step, container[str(step)]] for step in steps]))


def _decoy(hash_name: str) -> str:
    return b64url_encode(HASHES[hash_name](secrets.token_bytes(_DECOY_BYTES)).digest())


def _put_members(container: dict[str, JSON], steps: list[str | int], digests: list[str]) -> None:
    for step in steps:
        del container[str(step)]
    container["_sd"] = [*sorted(digests)]


def _put_elements(container: list[JSON], steps: list[str | int], digests: list[str], decoys: list[str]) -> None:
    for step, digest in zip(steps, digests, strict=True):
        container[int(step)] = {"...": digest}
    for decoy in decoys:
        container.insert(secrets.randbelow(len(container) + 1), {"...": decoy})
