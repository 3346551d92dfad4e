# SPDX-License-Identifier: EUPL-1.2
"""The commitments of a log as one run of bytes: 32 MB for a million, where a tuple takes 88."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import overload

from ledger.commitment import COMMITMENT_BYTES, Commitment
from protocol.errors import RequestError

_ENTRY = struct.Struct(f"{COMMITMENT_BYTES}s")


class PackedLeaves(Sequence[Commitment]):
    """Commitments one after another. `len` and indices count those held, from the first of them.

    A `bytearray` is taken over, not copied: nobody may change it any more. Equals a tuple of the same commitments.
    """

    def __init__(self, packed: bytes | bytearray) -> None:
        if len(packed) % COMMITMENT_BYTES:
            raise RequestError("invalid_commitment", f"expected whole entries of {COMMITMENT_BYTES} bytes")
        self._packed = packed

    def __len__(self) -> int:
        return len(self._packed) // COMMITMENT_BYTES

    def __iter__(self) -> Iterator[Commitment]:
        return chain.from_iterable(_ENTRY.iter_unpack(self._packed))

    @overload
    def __getitem__(self, index: int) -> Commitment: ...

    @overload
    def __getitem__(self, index: slice) -> PackedLeaves: ...

    def __getitem__(self, index: int | slice) -> Commitment | PackedLeaves:
        if isinstance(index, slice):
            start, end, step = index.indices(len(self))
            if step != 1:
                raise ValueError("expected a step of 1")
            return PackedLeaves(self._packed[start * COMMITMENT_BYTES : max(start, end) * COMMITMENT_BYTES])
        at = range(len(self))[index]
        return Commitment(bytes(self._packed[at * COMMITMENT_BYTES : (at + 1) * COMMITMENT_BYTES]))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PackedLeaves):
            return self._packed == other._packed
        return tuple(self) == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __contains__(self, value: object) -> bool:
        return isinstance(value, bytes) and self._find(value) >= 0

    def index(self, value: object, start: int = 0, stop: int | None = None) -> int:
        """Return the index of a commitment; raises `ValueError` when it is not held."""
        found = self._find(value) if isinstance(value, bytes) else -1
        if not start <= found < (len(self) if stop is None else stop):
            raise ValueError("no such commitment")
        return found

    def _find(self, value: bytes) -> int:
        """Return the index of the first entry that equals this one, or -1; never a part of two."""
        at = self._packed.find(value) if len(value) == COMMITMENT_BYTES else -1
        while at % COMMITMENT_BYTES and at >= 0:
            at = self._packed.find(value, at + 1)
        return at // COMMITMENT_BYTES
