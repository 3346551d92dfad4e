# SPDX-License-Identifier: EUPL-1.2
"""Making the proof that `ledger.chain.evidence` checks, on the `trie` library: the two share no mistake."""

from __future__ import annotations

from collections.abc import Sequence

import rlp
from trie import HexaryTrie

_DIGEST_BYTES = 32


def prove_receipt(receipts: Sequence[bytes], index: int) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the root of a block's receipts trie, and the nodes from it to one receipt."""
    trie = HexaryTrie({})
    for position, receipt in enumerate(receipts):
        trie[rlp.encode(position)] = receipt
    nodes = [rlp.encode(node) for node in trie.get_proof(rlp.encode(index))]
    # nodes shorter than a digest stand inside their parent (yellow paper, appendix D); the library lists them too
    return trie.root_hash, tuple(node for at, node in enumerate(nodes) if at == 0 or len(node) >= _DIGEST_BYTES)
