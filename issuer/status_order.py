# SPDX-License-Identifier: EUPL-1.2
"""The order in which the entries of a status list are given out: every entry once, none predictable.

Place 0, 1, 2 … of a list is turned into an entry by a secret permutation of the list's entries, so that giving out
an entry is counting up by one:

- no entry twice, because a permutation has no collisions and the counter never goes back: nothing to look up, to
  try again, or to remember about entries whose document is long forgotten;
- the copies of one document do not stand side by side, and who sees some entries cannot tell which come next, or
  how many were given out (draft-ietf-oauth-status-list-20, sections 12.5 and 13.2 to 13.4).

The permutation is a balanced Feistel network with HMAC-SHA-256, ten rounds, as in FF1 (NIST SP 800-38G). Its key
belongs to one list and protects the order alone, no content. Whoever reads the database sees the order anyway
while the copies are kept; when a list is full its key is destroyed.
"""

from __future__ import annotations

import hmac

ROUNDS = 10
KEY_BYTES = 32
# from here on ten rounds are enough (NIST SP 800-38G: a million); smaller ones are for tests
LIST_SIZE = 2**20
_WORD_BYTES = 4


def capacity(size: int) -> int:
    """Return how many places of a list are given out: the other half stays in reserve for ever."""
    return size // 2


def entry_at(place: int, *, key: bytes, size: int) -> int:
    """Return the entry of this place. `size` is a power of four; the place is below it.

    Raises `ValueError` on any other place or size: two places could share an entry.
    """
    half = (size.bit_length() - 1) // 2
    if size != 1 << 2 * half or not 0 <= place < size:
        raise ValueError("expected a place in a list whose size is a power of four")
    mask = (1 << half) - 1
    left, right = place >> half, place & mask
    for number in range(ROUNDS):
        word = hmac.digest(key, bytes([number]) + right.to_bytes(_WORD_BYTES), "sha256")[:_WORD_BYTES]
        left, right = right, left ^ int.from_bytes(word) & mask
    return left << half | right
