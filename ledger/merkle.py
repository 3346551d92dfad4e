# SPDX-License-Identifier: EUPL-1.2
"""Merkle tree hashing, inclusion and consistency proofs (RFC 9162, section 2.1) over 32-byte commitments.

- Only complete subtrees are ever stored, under (level, index): node (L, i) covers the leaves [i·2^L, (i+1)·2^L).
  They are written once and never change, so a reader of old sizes and a writer never disagree.
- Extending needs the *frontier* alone: the roots of the complete subtrees of a tree, largest first.
- A whole `Tree` keeps each level as one run of bytes and hashes it in one go: a million entries take 64 MB.
- `verify_…` raise `VerificationError` (code `invalid_proof`) and return nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from protocol.errors import Check, RequestError, VerificationError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
# Reads the root of a complete subtree by level and index.
ReadNode = Callable[[int, int], bytes]
# Entries that are hashed in one go, so that little stands beside the tree meanwhile.
_BATCH = 1 << 12
_ENTRY = struct.Struct(f"{HASH_BYTES}s")
_PAIR = struct.Struct(f"{2 * HASH_BYTES}s")


@dataclass(frozen=True)
class Node:
    """The root of one complete subtree."""

    level: int
    index: int
    digest: bytes


def leaf_hash(entry: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(frontier: Sequence[bytes]) -> bytes:
    """Return the root of the tree with this frontier (largest subtree first)."""
    if not frontier:
        return EMPTY_ROOT
    digest = frontier[-1]
    for peak in reversed(frontier[:-1]):
        digest = node_hash(peak, digest)
    return digest


def extend(
    size: int, frontier: Sequence[bytes], entries: Iterable[bytes]
) -> tuple[tuple[Node, ...], tuple[bytes, ...]]:
    """Append entries to a tree of this size and frontier; return the new complete nodes and the new frontier.

    Raises `RequestError` when the frontier is not one of a tree of this size.
    """
    if len(frontier) != size.bit_count():
        raise RequestError("invalid_request", f"expected {size.bit_count()} peaks, got {len(frontier)}")
    peaks = list(frontier)
    nodes: list[Node] = []
    for index, entry in enumerate(entries, start=size):
        digest, level, position = leaf_hash(entry), 0, index
        nodes.append(Node(level, position, digest))
        while position & 1:
            digest, level, position = node_hash(peaks.pop(), digest), level + 1, position >> 1
            nodes.append(Node(level, position, digest))
        peaks.append(digest)
    return tuple(nodes), tuple(peaks)


def peak_levels(size: int) -> list[int]:
    """Return the levels of the peaks of a tree of this size, largest first."""
    return [level for level in reversed(range(size.bit_length())) if size >> level & 1]


def frontier(read: ReadNode, size: int) -> tuple[bytes, ...]:
    """Return the peaks of the tree of this size, largest first."""
    # the peak of a level is its last node with an even index
    return tuple(read(level, (size >> level) - 1) for level in peak_levels(size))


def root(read: ReadNode, size: int) -> bytes:
    """Return the root of the tree of this size."""
    return fold(frontier(read, size))


def _range_root(read: ReadNode, start: int, end: int) -> bytes:
    """Return the root over the leaves [start, end), as RFC 9162 splits them."""
    size = end - start
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return read(level, start >> level)
    split = 1 << (size - 1).bit_length() - 1
    return node_hash(_range_root(read, start, start + split), _range_root(read, start + split, end))


def inclusion_proof(read: ReadNode, index: int, size: int) -> tuple[bytes, ...]:
    """Return the audit path of one leaf in the tree of this size (section 2.1.3.1)."""
    if not 0 <= index < size:
        raise RequestError("invalid_request", f"no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if index < split:
            path.append(_range_root(read, split, end))
            end = split
        else:
            path.append(_range_root(read, start, split))
            start = split
    return tuple(reversed(path))


def consistency_proof(read: ReadNode, first: int, second: int) -> tuple[bytes, ...]:
    """Return the proof that the tree of size `first` is a prefix of that of size `second` (section 2.1.4.1)."""
    if not 0 <= first <= second:
        raise RequestError("invalid_request", f"no consistency from {first} to {second}")
    if first in {0, second}:
        return ()
    path: list[bytes] = []
    start, end, whole = 0, second, True
    while first != end:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if first <= split:
            path.append(_range_root(read, split, end))
            end = split
        else:
            path.append(_range_root(read, start, split))
            start, whole = split, False
    if not whole:
        path.append(_range_root(read, start, end))
    return tuple(reversed(path))


def _fail(message: str) -> VerificationError:
    return VerificationError(Check.RECEIPT, message, code="invalid_proof")


def _check_proof(proof: Sequence[bytes], expected_root: bytes) -> None:
    if set(map(len, proof)) - {HASH_BYTES} or len(expected_root) != HASH_BYTES:
        raise _fail(f"expected hashes of {HASH_BYTES} bytes")


def _is_left(position: int, last: int, proof: Sequence[bytes]) -> list[int]:
    """Walk up from a node and say of each step of the proof whether it stands to the left (section 2.1.3.2).

    As long as the node and the last one are under different parents the bits of its position say it; from there on
    it is itself the last of its level, and has a sibling only where it is on the right.
    """
    inner = (position ^ last).bit_length()
    border = (position >> inner).bit_count()
    if len(proof) != inner + border:
        raise _fail(f"expected a proof of {inner + border} hashes, got {len(proof)}")
    return [position >> level & 1 for level in range(inner)] + [1] * border


def verify_inclusion(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> None:
    """Check that the leaf hash is at this index of the tree with this size and root (section 2.1.3.2)."""
    _check_proof(proof, expected_root)
    if not 0 <= index < size:
        raise _fail("leaf index is outside the tree")
    digest, begin = leaf, hashlib.sha256(b"\x01").copy
    for step, is_left in zip(proof, _is_left(index, size - 1, proof), strict=True):
        state = begin()
        state.update(step + digest if is_left else digest + step)
        digest = state.digest()
    if not hmac.compare_digest(digest, expected_root):
        raise _fail("inclusion proof does not lead to the root")


def verify_consistency(
    *, first: int, second: int, first_root: bytes, expected_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree `first` is a prefix of the tree `second` (section 2.1.4.2)."""
    _check_proof(proof, expected_root)
    if not 0 <= first <= second:
        raise _fail("sizes are not in order")
    if first in {0, second}:
        expected_first = EMPTY_ROOT if first == 0 else expected_root
        if proof or not hmac.compare_digest(first_root, expected_first):
            raise _fail("trees differ although nothing was added")
        return
    steps = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not steps:
        raise _fail("consistency proof is too short")
    # both walks begin at the largest complete subtree at the end of the old tree
    trailing = (first ^ (first - 1)).bit_length() - 1
    old = new = steps[0]
    turns = _is_left((first - 1) >> trailing, (second - 1) >> trailing, steps[1:])
    for step, is_left in zip(steps[1:], turns, strict=True):
        old = node_hash(step, old) if is_left else old
        new = node_hash(step, new) if is_left else node_hash(new, step)
    if not (hmac.compare_digest(old, first_root) and hmac.compare_digest(new, expected_root)):
        raise _fail("consistency proof does not lead to both roots")


def _hash_each(prefix: bytes, parts: Iterable[tuple[bytes]]) -> bytes:
    """Return SHA-256(prefix ‖ part) of each, one after the other. Copying a state is faster than beginning one."""
    begin, hashes = hashlib.sha256(prefix).copy, []
    for (part,) in parts:
        state = begin()
        state.update(part)
        hashes.append(state.digest())
    return b"".join(hashes)


def hash_leaves(entries: Iterable[bytes]) -> bytes:
    """Return the leaf hashes of the entries, one after the other."""
    return _hash_each(b"\x00", zip(entries))


def hash_pairs(nodes: bytes | bytearray | memoryview) -> bytes:
    """Return the hashes of each two nodes that follow one another; their number is even."""
    return _hash_each(b"\x01", _PAIR.iter_unpack(nodes))


class Tree:
    """A tree in memory: for auditors, clients and tests. The service keeps its nodes in its store.

    With `size` and `frontier` it begins behind the tree that they say: it knows its peaks and what comes after.
    """

    def __init__(self, entries: Iterable[bytes] = (), *, size: int = 0, frontier: Sequence[bytes] = ()) -> None:
        if len(frontier) != size.bit_count():
            raise RequestError("invalid_request", f"expected {size.bit_count()} peaks, got {len(frontier)}")
        self._start = self.size = size
        # level L begins with the last even index up to size >> L, so that whole pairs follow
        self._levels = [bytearray() for _ in range(size.bit_length() or 1)]
        for level, peak in zip(peak_levels(size), frontier, strict=True):
            self._levels[level] += peak
        self.append(entries)

    def append(self, entries: Iterable[bytes]) -> None:
        """Add entries at the end."""
        rest = iter(entries)
        while batch := hash_leaves(islice(rest, _BATCH)):
            self._levels[0] += batch
            self._complete()

    def append_packed(self, entries: bytes) -> None:
        """Add entries of 32 bytes each, one after another, at the end."""
        for at in range(0, len(entries), _BATCH * HASH_BYTES):
            self._levels[0] += _hash_each(b"\x00", _ENTRY.iter_unpack(entries[at : at + _BATCH * HASH_BYTES]))
            self._complete()

    def append_subtree(self, levels: Sequence[bytes | memoryview]) -> None:
        """Add a complete subtree at the end, given all its nodes: its leaf hashes, and so on up to its root.

        That they belong together is the caller's to know. Raises `RequestError` when they are no complete subtree,
        or one that does not begin where this tree ends.
        """
        height = len(levels) - 1
        counts = [len(nodes) for nodes in levels]
        if height < 0 or counts != [HASH_BYTES << level for level in range(height, -1, -1)]:
            raise RequestError("invalid_request", "expected all the nodes of a complete subtree")
        if self.size & ((1 << height) - 1):
            raise RequestError("invalid_request", f"no subtree of {1 << height} leaves can follow {self.size}")
        self._grow(len(levels))
        for level, added in enumerate(levels):
            self._levels[level] += added
        self._complete()

    def read(self, level: int, index: int) -> bytes:
        """Return the root of a complete subtree."""
        return self.read_run(level, index, 1)

    def read_run(self, level: int, index: int, count: int) -> bytes:
        """Return so many nodes of a level that follow one another, as one run of bytes.

        Raises `RequestError` when this tree does not hold them.
        """
        nodes = self._levels[level] if level < len(self._levels) else b""
        at = (index - self._first(level)) * HASH_BYTES
        run = bytes(nodes[at : at + count * HASH_BYTES]) if at >= 0 else b""
        if len(run) != count * HASH_BYTES:
            raise RequestError("invalid_request", f"the tree does not hold node {index} of level {level}")
        return run

    def root(self, size: int | None = None) -> bytes:
        """Return the root at a size; the present one by default."""
        return root(self.read, self.size if size is None else size)

    def frontier(self, size: int | None = None) -> tuple[bytes, ...]:
        """Return the peaks at a size; the present ones by default."""
        return frontier(self.read, self.size if size is None else size)

    def _first(self, level: int) -> int:
        """Return the index of the first node that is held at this level."""
        return (self._start >> level) & ~1

    def _grow(self, height: int) -> None:
        self._levels.extend(bytearray() for _ in range(height - len(self._levels)))

    def _complete(self) -> None:
        """Hash what the levels below allow and is not there yet."""
        self.size = self._first(0) + len(self._levels[0]) // HASH_BYTES
        self._grow(self.size.bit_length())
        for height in range(1, len(self._levels)):
            level, below = self._levels[height], self._levels[height - 1]
            first = self._first(height) + len(level) // HASH_BYTES
            at, end = (2 * each - self._first(height - 1) for each in (first, self.size >> height))
            level += hash_pairs(below[at * HASH_BYTES : end * HASH_BYTES])
