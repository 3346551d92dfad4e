# SPDX-License-Identifier: EUPL-1.2
"""Merkle tree hashing, inclusion and consistency proofs (RFC 9162, section 2.1) over 32-byte commitments.

- Only complete subtrees are ever stored, under (level, index): node (L, i) covers the leaves [i·2^L, (i+1)·2^L).
  They are written once and never change, so a reader of old sizes and a writer never disagree.
- Extending needs the *frontier* alone: the roots of the complete subtrees of a tree, largest first.
- `verify_…` raise `VerificationError` (code `invalid_proof`) and return nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from protocol.errors import Check, RequestError, VerificationError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
# Reads the root of a complete subtree by level and index.
ReadNode = Callable[[int, int], bytes]


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


def frontier(read: ReadNode, size: int) -> tuple[bytes, ...]:
    """Return the peaks of the tree of this size, largest first."""
    peaks = []
    start = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            peaks.append(read(level, start >> level))
            start += 1 << level
    return tuple(peaks)


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
    if any(len(each) != HASH_BYTES for each in (*proof, expected_root)):
        raise _fail(f"expected hashes of {HASH_BYTES} bytes")


def _turns(position: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Walk up from a node: each step of the proof, and whether it stands to the left (section 2.1.3.2)."""
    for step in proof:
        if last == 0:
            raise _fail("proof is too long")
        is_left = bool(position & 1) or position == last
        while is_left and not position & 1 and position:
            position >>= 1
            last >>= 1
        yield step, is_left
        position >>= 1
        last >>= 1
    if last != 0:
        raise _fail("proof is too short")


def verify_inclusion(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> None:
    """Check that the leaf hash is at this index of the tree with this size and root (section 2.1.3.2)."""
    _check_proof(proof, expected_root)
    if not 0 <= index < size:
        raise _fail("leaf index is outside the tree")
    digest = leaf
    for step, is_left in _turns(index, size - 1, proof):
        digest = node_hash(step, digest) if is_left else node_hash(digest, step)
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
    for step, is_left in _turns((first - 1) >> trailing, (second - 1) >> trailing, steps[1:]):
        old = node_hash(step, old) if is_left else old
        new = node_hash(step, new) if is_left else node_hash(new, step)
    if not (hmac.compare_digest(old, first_root) and hmac.compare_digest(new, expected_root)):
        raise _fail("consistency proof does not lead to both roots")


class Tree:
    """A whole tree in memory: for auditors, clients and tests. The service keeps its nodes in its store."""

    def __init__(self, entries: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = []
        self._frontier: tuple[bytes, ...] = ()
        self.size = 0
        self.append(entries)

    def append(self, entries: Iterable[bytes]) -> None:
        """Add entries at the end."""
        nodes, self._frontier = extend(self.size, self._frontier, entries)
        for node in nodes:
            if node.level == len(self._levels):
                self._levels.append([])
            self._levels[node.level].append(node.digest)
        self.size = len(self._levels[0]) if self._levels else 0

    def read(self, level: int, index: int) -> bytes:
        """Return the root of a complete subtree."""
        return self._levels[level][index]

    def root(self, size: int | None = None) -> bytes:
        """Return the root at a size; the present one by default."""
        return root(self.read, self.size if size is None else size)
