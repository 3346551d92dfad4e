# SPDX-License-Identifier: EUPL-1.2
"""Blocks, transactions, receipts and events as the objects of Ethereum JSON-RPC (execution-apis)."""

from __future__ import annotations

from collections.abc import Sequence

import rlp
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from ledger.chain.evm import Block, Header, Transaction, TransactionReceipt
from ledger.chain.store import StoredEvent
from protocol.encoding import JSON

Object = dict[str, JSON]
_BLOOM_BYTES = 256
_LEGACY_FIRST_BYTE = 0xC0
_SET_CODE = 4


def hex_data(value: bytes) -> str:
    """Return data: two digits a byte."""
    return "0x" + value.hex()


def _word(value: int) -> str:
    return hex_data(value.to_bytes(32))


def _kind(transaction: Transaction) -> int:
    first = transaction.encode()[0]
    return 0 if first >= _LEGACY_FIRST_BYTE else int(first)


def block_object(block: Block, extra_data: bytes, *, is_full: bool) -> Object:
    """Return a block with its transactions' hashes, or with the whole transactions.

    `extra_data` is the header's with the seals, which the block itself does not have.
    """
    header = block.header
    transactions = [
        transaction_object(header, index, transaction) if is_full else hex_data(transaction.hash)
        for index, transaction in enumerate(block.transactions)
    ]
    return {
        **_header_object(header, extra_data),
        "size": hex(len(rlp.encode(block.copy(header=header.copy(extra_data=extra_data))))),
        "transactions": list[JSON](transactions),
        "uncles": [],
        "withdrawals": [],
    }


def _header_object(header: Header, extra_data: bytes) -> Object:
    return {
        "number": hex(header.block_number),
        "hash": hex_data(header.hash),
        "parentHash": hex_data(header.parent_hash),
        "sha3Uncles": hex_data(header.uncles_hash),
        "miner": to_checksum_address(header.coinbase),
        "stateRoot": hex_data(header.state_root),
        "transactionsRoot": hex_data(header.transaction_root),
        "receiptsRoot": hex_data(header.receipt_root),
        "logsBloom": hex_data(header.bloom.to_bytes(_BLOOM_BYTES)),
        "difficulty": hex(header.difficulty),
        "totalDifficulty": "0x0",
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "timestamp": hex(header.timestamp),
        "extraData": hex_data(extra_data),
        "mixHash": hex_data(header.mix_hash),
        "nonce": hex_data(header.nonce),
        "baseFeePerGas": hex(header.base_fee_per_gas),
        "withdrawalsRoot": hex_data(header.withdrawals_root),
        "blobGasUsed": hex(header.blob_gas_used),
        "excessBlobGas": hex(header.excess_blob_gas),
        "parentBeaconBlockRoot": hex_data(header.parent_beacon_block_root),
        "requestsHash": hex_data(header.requests_hash),
    }


def transaction_object(header: Header, index: int, transaction: Transaction) -> Object:
    """Return a transaction that is in this block."""
    kind = _kind(transaction)
    found: Object = {
        "type": hex(kind),
        "hash": hex_data(transaction.hash),
        "blockHash": hex_data(header.hash),
        "blockNumber": hex(header.block_number),
        "transactionIndex": hex(index),
        "from": to_checksum_address(transaction.sender),
        "to": to_checksum_address(transaction.to) if transaction.to else None,
        "nonce": hex(transaction.nonce),
        "gas": hex(transaction.gas),
        "gasPrice": hex(min(transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas)),
        "value": hex(transaction.value),
        "input": hex_data(transaction.data),
        "chainId": hex(transaction.chain_id),
        "v": hex(transaction.y_parity) if kind else hex(35 + 2 * transaction.chain_id + transaction.y_parity),
        "r": hex(transaction.r),
        "s": hex(transaction.s),
    }
    if kind:
        found["yParity"] = hex(transaction.y_parity)
        found["accessList"] = [
            {"address": to_checksum_address(account), "storageKeys": [_word(slot) for slot in slots]}
            for account, slots in transaction.access_list
        ]
    if kind > 1:
        found["maxFeePerGas"] = hex(transaction.max_fee_per_gas)
        found["maxPriorityFeePerGas"] = hex(transaction.max_priority_fee_per_gas)
    if kind == _SET_CODE:
        found["authorizationList"] = [
            {
                "chainId": hex(each.chain_id),
                "address": to_checksum_address(each.address),
                "nonce": hex(each.nonce),
                "yParity": hex(each.y_parity),
                "r": hex(each.r),
                "s": hex(each.s),
            }
            for each in transaction.authorization_list
        ]
    return found


def receipt_object(block: Block, receipts: Sequence[TransactionReceipt], index: int) -> Object:
    """Return the receipt of this block's transaction."""
    header, transaction, receipt = block.header, block.transactions[index], receipts[index]
    used_before = receipts[index - 1].gas_used if index else 0
    first_log = sum(len(earlier.logs) for earlier in receipts[:index])
    place: Object = {
        "blockHash": hex_data(header.hash),
        "blockNumber": hex(header.block_number),
        "transactionHash": hex_data(transaction.hash),
        "transactionIndex": hex(index),
    }
    logs: list[JSON] = [
        {
            **place,
            "address": to_checksum_address(log.address),
            "topics": [_word(topic) for topic in log.topics],
            "data": hex_data(log.data),
            "logIndex": hex(first_log + offset),
            "removed": False,
        }
        for offset, log in enumerate(receipt.logs)
    ]
    return {
        **place,
        "type": hex(_kind(transaction)),
        "status": hex(int.from_bytes(receipt.state_root)),
        "from": to_checksum_address(transaction.sender),
        "to": to_checksum_address(transaction.to) if transaction.to else None,
        "contractAddress": None if transaction.to else created_address(transaction),
        "gasUsed": hex(receipt.gas_used - used_before),
        "cumulativeGasUsed": hex(receipt.gas_used),
        "effectiveGasPrice": hex(min(transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas)),
        "logsBloom": hex_data(receipt.bloom.to_bytes(_BLOOM_BYTES)),
        "logs": logs,
    }


def created_address(transaction: Transaction) -> str:
    """Return the address of the contract that this transaction creates."""
    digest: bytes = keccak(rlp.encode([transaction.sender, transaction.nonce]))
    return str(to_checksum_address(digest[-20:]))


def event_object(event: StoredEvent) -> Object:
    """Return an event of the index."""
    return {
        "address": to_checksum_address(event.address),
        "topics": [hex_data(topic) for topic in event.topics],
        "data": hex_data(event.data),
        "blockHash": hex_data(event.block_hash),
        "blockNumber": hex(event.block),
        "transactionHash": hex_data(event.transaction_hash),
        "transactionIndex": hex(event.transaction_index),
        "logIndex": hex(event.log_index),
        "removed": False,
    }
