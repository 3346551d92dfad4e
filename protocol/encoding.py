# SPDX-License-Identifier: EUPL-1.2
"""Base64url, JSON and digests, each in the strict form that signed objects need.

- base64url without padding, canonical trailing bits only (RFC 4648, section 3.5; RFC 7515, section 2);
- JSON without duplicate names, NaN or lone surrogates, bounded in size and depth (RFC 8259, RFC 7493);
- canonical JSON by RFC 8785.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import re
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import orjson
import rfc8785

from protocol.errors import RequestError

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"
_T = TypeVar("_T")

_TO_URL = bytes.maketrans(b"+/", b"-_")
# the other alphabet's characters, and padding, become something that no decoder takes
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"", b"==", b"=")
_LAST_OF_GROUP = ("", "", "AQgw", "AEIMQUYcgkosw048")

# A credential with 200 claims is about 40 kB; a request object with its statements about 10 kB.
MAX_JSON_BYTES = 512 * 1024
# The deepest document of the specifications (issuer metadata) nests 9 levels.
MAX_JSON_DEPTH = 32
# a whole string, or the rest of the text when it does not end, or one bracket; possessive, and matching at every
# quote, so that no character is looked at twice
_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_OPENING, _CLOSING = frozenset({b"[", b"{"}), frozenset({b"]", b"}"})


def b64url_encode(data: bytes) -> str:
    """Return base64url text without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode("ascii")


def b64url_decode(text: str) -> bytes:
    """Return the bytes of canonical, unpadded base64url text.

    Raises `RequestError` (`invalid_request`) on padding, foreign characters or stray trailing bits.
    """
    surplus = len(text) % 4
    # the last character of an incomplete group has bits that belong to no byte: they must be zero; a group of one
    # character holds no byte
    if surplus and text[-1] not in _LAST_OF_GROUP[surplus]:
        raise RequestError("invalid_request", "malformed base64url")
    try:
        return binascii.a2b_base64(text.encode("ascii").translate(_FROM_URL) + _PADDING[surplus], strict_mode=True)
    except ValueError as exc:
        raise RequestError("invalid_request", "malformed base64url") from exc


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 digest."""
    return hashlib.sha256(data).digest()


def _unique(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise RequestError("invalid_request", "duplicate member name in a JSON object")
    return members


# what the other encoder refuses, orjson refuses too
_PLAIN_TYPES = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
# made once: a new one for each text would cost more than a short text
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(object_pairs_hook=_unique)


def _check_depth(data: bytes) -> None:
    """Refuse deep nesting before a parser recurses into it; brackets in strings do not count."""
    if data.count(b"[") + data.count(b"{") <= MAX_JSON_DEPTH:
        return
    depth = 0
    for bracket in _BRACKET.findall(data):
        if bracket in _OPENING:
            depth += 1
            if depth > MAX_JSON_DEPTH:
                raise RequestError("invalid_request", f"JSON nests deeper than {MAX_JSON_DEPTH}")
        elif bracket in _CLOSING:
            depth -= 1


def parse_json(data: bytes | str, *, max_bytes: int = MAX_JSON_BYTES) -> JSON:
    """Return the value of one JSON text.

    Raises `RequestError` (`invalid_request`) on anything that RFC 7493 (I-JSON) forbids.
    """
    try:
        raw = data if isinstance(data, bytes) else data.encode("utf-8")
        if len(raw) > max_bytes:
            raise RequestError("invalid_request", f"JSON longer than {max_bytes} bytes")
        _check_depth(raw)
        # it refuses NaN, numbers that no double holds, half characters and a byte order mark
        value: JSON = orjson.loads(raw)
        # what is the same when it is written again has no name twice, at a quarter of the price; the other decoder
        # looks at every name, and keeps whole numbers of more than 64 bits whole
        return value if orjson.dumps(value) == raw else _DECODER.decode(raw.decode("utf-8"))
    except ValueError as exc:
        raise RequestError("invalid_request", "malformed JSON") from exc


def parse_object(data: bytes | str, *, max_bytes: int = MAX_JSON_BYTES) -> dict[str, JSON]:
    """Return the members of a JSON text that must be an object."""
    value = parse_json(data, max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise RequestError("invalid_request", "expected a JSON object")
    return value


def compact_json(value: object) -> bytes:
    """Return JSON without white space, in the order given. Raises `TypeError` or `ValueError` on anything else."""
    try:
        text = orjson.dumps(value, option=_PLAIN_TYPES)
    except TypeError:
        # a number of more than 64 bits, or what is no JSON
        return _ENCODER.encode(value).encode()
    # orjson writes null for NaN and infinity; the other encoder refuses them
    return _ENCODER.encode(value).encode() if b"null" in text else text


def compact_json_each(values: Sequence[object]) -> list[bytes]:
    """Return what `compact_json` does for each: one look at all of them costs a third of one at each."""
    try:
        texts = [orjson.dumps(value, None, _PLAIN_TYPES) for value in values]
    except TypeError:
        return [compact_json(value) for value in values]
    return [compact_json(value) for value in values] if b"null" in b"".join(texts) else texts


def canonical_json(value: object) -> bytes:
    """Return the canonical form (RFC 8785)."""
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # the library's own recursive alias
    except rfc8785.CanonicalizationError as exc:
        raise RequestError("invalid_request", "value has no canonical JSON form") from exc


def get_member(members: dict[str, JSON], name: str, kind: type[_T], *, code: str = "invalid_request") -> _T:
    """Return a required member of the given JSON type.

    Raises `RequestError` with the given code when it is absent or of another type. A boolean is no integer.
    """
    value = members.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        got = "nothing" if name not in members else type(value).__name__
        raise RequestError(code, f"expected {name} to be {kind.__name__}, got {got}")
    return value


def find_member(
    members: dict[str, JSON], name: str, kind: type[_T], *, code: str = "invalid_request"
) -> _T | None:
    """Return an optional member of the given JSON type, or None when it is absent."""
    return get_member(members, name, kind, code=code) if name in members else None
