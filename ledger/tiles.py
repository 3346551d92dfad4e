# SPDX-License-Identifier: EUPL-1.2
"""The log as static files: C2SP tlog-tiles paths, tiles of hashes, and entry bundles.

- A tile of level L holds up to 256 hashes of tree level 8·L; a partial one is named `.p/W`.
- A log signs whatever size it likes: nothing here takes memory by it, and no tree beyond `MAX_SIZE` is read.
- An entry bundle holds up to 256 entries, each prefixed by its length in two bytes; ours are 32 bytes long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

from ledger.leaves import PackedLeaves
from ledger.merkle import HASH_BYTES, ReadNode, node_hash
from ledger.record import COMMITMENT_BYTES, Commitment
from protocol.errors import RequestError, UnavailableError

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
# 256^8 leaves is the largest size that a 64-bit number can say.
MAX_LEVEL = 7
# Seven centuries of a million shares a year, and more tiles than anybody fetches.
MAX_SIZE = 1 << 32
_ENTRY_PREFIX = COMMITMENT_BYTES.to_bytes(2)
_ENTRY_BYTES = len(_ENTRY_PREFIX) + COMMITMENT_BYTES
# seven groups say every index below 10^21, more than 64-bit sizes have
_PATH = re.compile(r"((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True)
class TileAddress:
    """Which tile: level (None for an entry bundle), index and width."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    def path(self) -> str:
        """Return the path below the log's prefix, as `tile/…`."""
        groups = [f"{self.index % 1000:03d}"]
        rest = self.index // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03d}")
            rest //= 1000
        level = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(groups)}{partial}"


def parse_path(level: str, path: str) -> TileAddress:
    """Return the address in `tile/LEVEL/PATH`. Raises `RequestError` (404) unless it is the one spelling."""
    match = _PATH.fullmatch(path)
    if match and (level == "entries" or (level.isdecimal() and level.isascii() and int(level) <= MAX_LEVEL)):
        address = TileAddress(
            level=None if level == "entries" else int(level),
            index=int(re.sub("[x/]", "", match[1])),
            width=int(match[2]) if match[2] else TILE_WIDTH,
        )
        if address.width <= TILE_WIDTH and address.path() == f"tile/{level}/{path}":
            return address
    raise RequestError("invalid_tile", "there is no such tile", status=404)


def width_at(level: int | None, index: int, size: int) -> int:
    """Return how many hashes or entries of this tile exist in a tree of this size (0 to 256)."""
    available = size >> TILE_HEIGHT * (level or 0)
    return max(0, min(TILE_WIDTH, available - index * TILE_WIDTH))


def check_size(size: int) -> None:
    """Raise `UnavailableError` (`log_too_large`) for a tree of more leaves than anybody here reads."""
    if size > MAX_SIZE:
        raise UnavailableError("log_too_large", f"expected at most {MAX_SIZE} leaves, the log signed for {size}")


class TileAddresses(Sequence[TileAddress]):
    """Consecutive tiles of one level; none is made before it is asked for."""

    def __init__(self, size: int, level: int | None, indices: range) -> None:
        self._size = size
        self._level = level
        self._indices = indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, at: int) -> TileAddress: ...
    @overload
    def __getitem__(self, at: slice) -> TileAddresses: ...
    def __getitem__(self, at: int | slice) -> TileAddress | TileAddresses:
        if isinstance(at, slice):
            return TileAddresses(self._size, self._level, self._indices[at])
        index = self._indices[at]
        return TileAddress(self._level, index, width_at(self._level, index, self._size))


def addresses(size: int, level: int | None) -> TileAddresses:
    """Return every tile of one level (None: entry bundles) of a tree of this size, in order.

    Raises `UnavailableError` (`log_too_large`).
    """
    check_size(size)
    count = -(-(size >> TILE_HEIGHT * (level or 0)) // TILE_WIDTH)
    return TileAddresses(size, level, range(count))


def parse_tile(data: bytes, *, expected_width: int) -> tuple[bytes, ...]:
    """Return a tile's hashes. Raises `RequestError` when their number is not the expected one."""
    check_tile(data, expected_width=expected_width)
    return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


def check_tile(data: bytes, *, expected_width: int) -> None:
    """Raise `RequestError` unless these are so many hashes."""
    if len(data) != expected_width * HASH_BYTES:
        raise RequestError("invalid_tile", f"expected {expected_width} hashes in the tile")


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """Return an entry bundle."""
    return b"".join(_ENTRY_PREFIX + entry for entry in entries)


def parse_entries(data: bytes, *, expected_width: int) -> tuple[Commitment, ...]:
    """Return a bundle's commitments. Raises `RequestError` on another number or length of entries."""
    return tuple(PackedLeaves(pack_entries(data, expected_width=expected_width)))


def pack_entries(data: bytes, *, expected_width: int) -> bytes:
    """Return a bundle's commitments one after another. Raises `RequestError` on another number or length."""
    prefixes = data[::_ENTRY_BYTES] + data[1::_ENTRY_BYTES]
    expected = _ENTRY_PREFIX[:1] * expected_width + _ENTRY_PREFIX[1:] * expected_width
    if len(data) != expected_width * _ENTRY_BYTES or prefixes != expected:
        raise RequestError("invalid_tile", f"expected {expected_width} entries of {COMMITMENT_BYTES} bytes")
    packed = bytearray(data)
    del packed[::_ENTRY_BYTES]
    del packed[:: _ENTRY_BYTES - 1]
    return bytes(packed)


def node_reader(size: int, fetch: Callable[[TileAddress], Sequence[bytes]]) -> ReadNode:
    """Return a reader of complete subtrees that fetches whole tiles of a tree of this size, each once.

    Raises `UnavailableError` (`log_too_large`).
    """
    check_size(size)
    kept: dict[tuple[int, int], Sequence[bytes]] = {}

    def read(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = index << height
        position = (tile_level, first >> TILE_HEIGHT)
        if position not in kept:
            kept[position] = fetch(TileAddress(*position, width_at(*position, size)))
        start = first % TILE_WIDTH
        hashes = list(kept[position][start : start + (1 << height)])
        while len(hashes) > 1:
            hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
        return hashes[0]

    return read
