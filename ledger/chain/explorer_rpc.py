# SPDX-License-Identifier: EUPL-1.2
"""The embedded node's JSON-RPC methods that block explorers and `cast` call beside those of web3.py.

- Transactions by their place in a block, counts, raw bytes, account proofs (EIP-1186), the network's state.
- There is no pool, no uncle and no peer: those methods answer zero, empty or null, as other clients do then.
- Traces, filters that a node remembers, and access lists are not offered: "the method does not exist".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import rlp
from eth_utils.crypto import keccak
from trie import HexaryTrie

from ledger.chain import params
from ledger.chain.engine import Engine
from ledger.chain.evm import Header, account_of
from ledger.chain.objects import hex_data, transaction_object
from ledger.chain.params import RPCError
from protocol.encoding import JSON

# What other clients take at once.
MAX_PROOF_SLOTS = 1024

Method: TypeAlias = Callable[..., JSON]


def constant(value: JSON) -> Method:
    """Return a method without parameters that always answers this."""
    return partial(_same, value)


class Blocks:
    """The blocks of one engine, by the parameters of JSON-RPC."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, place: JSON) -> Header | None:
        """Return the header at this place, or None."""
        return self._engine.find_header(params.block_place(place, self._engine.head().block_number))

    def get(self, place: JSON) -> Header:
        """Return the header at this place. Raises `RPCError`."""
        header = self.find(place)
        if header is None:
            raise RPCError(params.SERVER_ERROR, "header not found")
        return header

    def number(self, place: JSON) -> int:
        """Return the number of a block that need not be there yet; at most one beyond the newest."""
        newest = self._engine.head().block_number
        found = params.block_place(place, newest)
        if isinstance(found, bytes):
            raise params.invalid("expected a block number")
        return min(found, int(newest) + 1)


class ExplorerMethods:
    """These methods by name."""

    def __init__(self, engine: Engine, blocks: Blocks) -> None:
        self._engine = engine
        self._blocks = blocks

    def methods(self) -> dict[str, Method]:
        """Return the methods by name."""
        return {
            "net_listening": constant(True),
            "net_peerCount": constant("0x0"),
            "eth_mining": constant(False),
            "eth_hashrate": constant("0x0"),
            "eth_blobBaseFee": constant("0x0"),
            "txpool_status": constant({"pending": "0x0", "queued": "0x0"}),
            "txpool_content": constant({"pending": {}, "queued": {}}),
            "web3_sha3": _sha3,
            "eth_getBlockTransactionCountByNumber": self._count,
            "eth_getBlockTransactionCountByHash": self._count_by_hash,
            "eth_getTransactionByBlockNumberAndIndex": self._transaction,
            "eth_getTransactionByBlockHashAndIndex": self._transaction_by_hash,
            "eth_getUncleCountByBlockNumber": self._uncles,
            "eth_getUncleCountByBlockHash": self._uncles_by_hash,
            "eth_getUncleByBlockNumberAndIndex": _no_uncle,
            "eth_getUncleByBlockHashAndIndex": _no_uncle,
            "eth_getRawTransactionByHash": self._raw_transaction,
            "eth_getProof": self._proof,
            "debug_getRawTransaction": self._raw_transaction,
            "debug_getRawHeader": self._raw_header,
            "debug_getRawBlock": self._raw_block,
            "debug_getRawReceipts": self._raw_receipts,
        }

    def _count(self, place: JSON) -> JSON:
        header = self._blocks.find(place)
        return None if header is None else hex(len(self._engine.block(header).transactions))

    def _count_by_hash(self, digest: JSON) -> JSON:
        return self._count({"blockHash": digest})

    def _uncles(self, place: JSON) -> JSON:
        return None if self._blocks.find(place) is None else "0x0"

    def _uncles_by_hash(self, digest: JSON) -> JSON:
        return self._uncles({"blockHash": digest})

    def _transaction(self, place: JSON, index: JSON) -> JSON:
        header, wanted = self._blocks.find(place), params.quantity(index)
        transactions = () if header is None else self._engine.block(header).transactions
        if wanted >= len(transactions):
            return None
        return transaction_object(header, wanted, transactions[wanted])

    def _transaction_by_hash(self, digest: JSON, index: JSON) -> JSON:
        return self._transaction({"blockHash": digest}, index)

    def _raw_transaction(self, digest: JSON) -> JSON:
        found = self._engine.find_transaction(params.word(digest))
        if found is None:
            return None
        header, index = found
        return hex_data(self._engine.block(header).transactions[index].encode())

    def _sealed(self, header: Header) -> Header:
        return header.copy(extra_data=self._engine.sealed_extra_data(header))

    def _raw_header(self, place: JSON) -> JSON:
        return hex_data(rlp.encode(self._sealed(self._blocks.get(place))))

    def _raw_block(self, place: JSON) -> JSON:
        header = self._blocks.get(place)
        return hex_data(rlp.encode(self._engine.block(header).copy(header=self._sealed(header))))

    def _raw_receipts(self, place: JSON) -> JSON:
        return [hex_data(receipt.encode()) for receipt in self._engine.receipts(self._blocks.get(place))]

    def _proof(self, account: JSON, slots: JSON, place: JSON = None) -> JSON:
        owner = params.address(account)
        if not isinstance(slots, list) or len(slots) > MAX_PROOF_SLOTS:
            raise params.invalid(f"expected a list of at most {MAX_PROOF_SLOTS} slots")
        wanted = [params.storage_slot(slot) for slot in slots]
        header = self._blocks.get(place)
        state = self._engine.state(header)
        found = account_of(self._engine.store, header.state_root, owner)
        proofs: list[JSON] = [
            {
                "key": slots[at],
                "value": hex(state.get_storage(owner, slot)),
                "proof": self._nodes(found.storage_root, slot.to_bytes(params.WORD_BYTES)),
            }
            for at, slot in enumerate(wanted)
        ]
        return {
            "address": hex_data(owner),
            "accountProof": self._nodes(header.state_root, owner),
            "balance": hex(found.balance),
            "nonce": hex(found.nonce),
            "codeHash": hex_data(found.code_hash),
            "storageHash": hex_data(found.storage_root),
            "storageProof": proofs,
        }

    def _nodes(self, root: bytes, key: bytes) -> JSON:
        """Return the trie nodes from this root towards the key, root first."""
        nodes = HexaryTrie(self._engine.store, root).get_proof(keccak(key))
        encoded = [rlp.encode(node) for node in nodes]
        # nodes shorter than a digest stand inside their parent
        return [hex_data(node) for at, node in enumerate(encoded) if at == 0 or len(node) >= params.WORD_BYTES]


def _same(value: JSON) -> JSON:
    return value


def _sha3(data: JSON) -> JSON:
    return hex_data(keccak(params.data(data)))


def _no_uncle(place: JSON, index: JSON) -> JSON:
    del place, index
    return None
