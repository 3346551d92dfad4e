# SPDX-License-Identifier: EUPL-1.2
"""The entries of a Token Status List, packed and compressed (draft-ietf-oauth-status-list-20, section 4).

- An entry has 1, 2, 4 or 8 bits; inside a byte the first entry has the lowest bits.
- What is inflated is bounded before it is inflated.
- What is wrong with a list is wrong with the status of the document that names it: `Check.STATUS`.
"""

from __future__ import annotations

import zlib
from enum import IntEnum

from protocol.encoding import b64url_decode, b64url_encode
from protocol.errors import Check, Error, VerificationError

BITS = (1, 2, 4, 8)
# 2^24 entries of 1 bit, 2^21 of 8: more than any administration issues, and quick to inflate
MAX_LIST_BYTES = 2 * 1024 * 1024

INVALID_LIST = "status_list_invalid"


class Status(IntEnum):
    """Values with a meaning in every list (section 7.1); others belong to applications and are refused."""

    VALID = 0
    INVALID = 1
    SUSPENDED = 2


def wrong(message: str, *, code: str = INVALID_LIST) -> VerificationError:
    """Return the error of a status, or of a list, that does not count."""
    return VerificationError(Check.STATUS, message, code=code)


class StatusList:
    """Statuses of equal width, packed. Size is counted in entries; the last byte is always full."""

    __slots__ = ("_data", "_mask", "bits")
    _data: bytes | bytearray

    def __init__(self, bits: int, data: bytes) -> None:
        """Take packed entries. Raises `VerificationError` on a width or length that is not allowed."""
        if bits not in BITS:
            raise wrong("expected 1, 2, 4 or 8 bits in a status")
        if not 1 <= len(data) <= MAX_LIST_BYTES:
            raise wrong(f"expected a status list of 1 to {MAX_LIST_BYTES} bytes")
        self.bits = bits
        self._data = data
        self._mask = (1 << bits) - 1

    @property
    def size(self) -> int:
        """Number of entries."""
        return len(self._data) * 8 // self.bits

    @property
    def packed(self) -> bytes:
        """The entries as they are stored."""
        return bytes(self._data)

    def get(self, index: int) -> int:
        """Return one entry. Raises `VerificationError` (`status_index_out_of_range`)."""
        place = index * self.bits
        if index >= 0 and place >> 3 < len(self._data):
            return self._data[place >> 3] >> (place & 7) & self._mask
        raise wrong("the index is outside the status list", code="status_index_out_of_range")

    def encode(self) -> str:
        """Return the `lst` member (section 4.2).

        Runs are nearly all there is to find in a list of few revocations: looking for nothing else is a hundred
        times faster than level 9 and about as small.
        """
        deflate = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
        return b64url_encode(deflate.compress(self._data) + deflate.flush())


class MutableStatusList(StatusList):
    """A list as its issuer changes it. Not for two threads at once."""

    __slots__ = ()
    _data: bytearray

    def __init__(self, bits: int, data: bytes) -> None:
        """Copy packed entries. Raises as `StatusList` does."""
        super().__init__(bits, data)
        self._data = bytearray(data)

    @classmethod
    def make(cls, bits: int, size: int) -> MutableStatusList:
        """Return a list of at least `size` valid entries: what fills the last byte is valid too."""
        return cls(bits, bytes((size * bits + 7) // 8))

    def set(self, index: int, status: int) -> None:
        """Change one entry. Raises as `get` does, and `ValueError` when the status needs more bits."""
        if not 0 <= status <= self._mask:
            raise ValueError(f"the status does not fit into {self.bits} bits")
        changed = self.get(index) ^ status
        place = index * self.bits
        self._data[place >> 3] ^= changed << (place & 7)


def decode(lst: str, bits: int) -> StatusList:
    """Return the list of a `lst` member (sections 4.1 and 4.2).

    Raises `VerificationError` (`status_list_invalid`): not zlib, cut short, something behind it, or too large.
    """
    inflate = zlib.decompressobj()
    try:
        # one byte more than allowed, so that the end of the longest one is still read
        data = inflate.decompress(b64url_decode(lst), MAX_LIST_BYTES + 1)
    except (Error, zlib.error) as exc:
        raise wrong("the status list is not base64url of zlib data") from exc
    if len(data) > MAX_LIST_BYTES:
        raise wrong(f"the status list is longer than {MAX_LIST_BYTES} bytes")
    if not inflate.eof or inflate.unused_data:
        raise wrong("the status list ends too early or too late")
    return StatusList(bits, data)
