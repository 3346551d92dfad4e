# SPDX-License-Identifier: EUPL-1.2
"""Disclosures and their digests (RFC 9901, sections 4.2.1 to 4.2.3), and the hashes that are allowed.

- A digest is over the base64url text of a disclosure as it was sent, never over a new encoding of it.
- Hashes go by their name in the IANA registry of named information; those shorter than 256 bits, and those
  that the registry does not have, are refused (section 11.4).
"""

from __future__ import annotations

import binascii
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, Protocol, TypeAlias

from protocol.encoding import JSON, b64url_decode, b64url_encode, compact_json, parse_json
from protocol.errors import Check, RequestError, VerificationError

# where a claim or an array element is: names of members and positions in arrays, from the top
Path: TypeAlias = tuple[str | int, ...]

# 144 bits, over the 128 that section 9.3 recommends; a multiple of three has no base64 remainder
SALT_BYTES = 18
DEFAULT_HASH = "sha-256"
# names that carry digests; no claim may have them (section 4.1)
RESERVED = frozenset({"_sd", "...", "_sd_alg"})


class _Digest(Protocol):
    def digest(self) -> bytes: ...


HashFunction: TypeAlias = Callable[[bytes], _Digest]
HASHES: Mapping[str, HashFunction] = MappingProxyType(
    {
        "sha-256": hashlib.sha256,
        "sha-384": hashlib.sha384,
        "sha-512": hashlib.sha512,
        "sha3-256": hashlib.sha3_256,
        "sha3-384": hashlib.sha3_384,
        "sha3-512": hashlib.sha3_512,
        "blake2s-256": hashlib.blake2s,
        "blake2b-256": partial(hashlib.blake2b, digest_size=32),
        "blake2b-512": hashlib.blake2b,
    }
)
_TO_URL = bytes.maketrans(b"+/", b"-_")
# how many parts the disclosure of a claim has, and that of an array element
_OF_CLAIM, _OF_ELEMENT = 3, 2


def wrong(message: str) -> VerificationError:
    """Return the error of a failed check of the disclosures."""
    return VerificationError(Check.DISCLOSURES, message)


def read_hash_name(payload: Mapping[str, JSON]) -> str:
    """Return the hash that `_sd_alg` names, SHA-256 when it is absent (section 4.1.1).

    Raises `VerificationError` (`disclosures`) unless it is one of `HASHES`.
    """
    name = payload.get("_sd_alg", DEFAULT_HASH)
    if not isinstance(name, str) or name not in HASHES:
        raise wrong("expected an allowed hash in _sd_alg")
    return name


class Disclosure(NamedTuple):
    """One claim that the holder may show: `[salt, name, value]`, or `[salt, value]` for an array element."""

    # base64url text as it was sent
    encoded: str
    salt: str
    # None: an array element
    name: str | None
    value: JSON

    def __repr__(self) -> str:
        return f"Disclosure({self.name!r})"

    def digest_by(self, hash_name: str) -> str:
        """Return the base64url digest by this hash of `HASHES`."""
        return b64url_encode(HASHES[hash_name](self.encoded.encode("ascii")).digest())

    @classmethod
    def make(cls, name: str | None, value: JSON, *, salt: str | None = None) -> Disclosure:
        """Return a disclosure with a fresh salt unless a vector gives one; without a name, of an array element."""
        salt = salt or b64url_encode(secrets.token_bytes(SALT_BYTES))
        parts = [salt, value] if name is None else [salt, name, value]
        return cls(b64url_encode(compact_json(parts)), salt, name, value)

    @classmethod
    def parse(cls, encoded: str) -> Disclosure:
        """Take a disclosure apart. Raises `VerificationError` (`disclosures`) on any other shape."""
        try:
            parts = parse_json(b64url_decode(encoded))
        except RequestError as exc:
            raise wrong("a disclosure is not base64url JSON") from exc
        # as `match` and `cls(…)` would say it, at a third of the price: this runs for each claim that is shown
        if isinstance(parts, list) and parts and isinstance(salt := parts[0], str):
            if len(parts) == _OF_CLAIM and isinstance(name := parts[1], str) and name not in RESERVED:
                return tuple.__new__(cls, (encoded, salt, name, parts[2]))
            if len(parts) == _OF_ELEMENT:
                return tuple.__new__(cls, (encoded, salt, None, parts[1]))
        raise wrong("a disclosure has another shape than salt, name, value")


def b64url_encode_each(data: Sequence[bytes]) -> list[str]:
    """Return the base64url text of each: one translation for all of them costs half of one for each."""
    if not data:
        return []
    joined = b"~".join([binascii.b2a_base64(each, newline=False) for each in data])
    return joined.translate(_TO_URL, b"=").decode("ascii").split("~")


def digest_each(encoded: Sequence[str], hash_name: str) -> list[str]:
    """Return the base64url digest of each disclosure by this hash of `HASHES`."""
    hash_function = HASHES[hash_name]
    return b64url_encode_each([hash_function(each.encode("ascii")).digest() for each in encoded])
