# SPDX-License-Identifier: EUPL-1.2
"""What the embedded engine takes from the EVM library (py-evm, Prague), in one place.

- zero base fee, as on a permissioned network; fixed gas limit; no proof of work;
- headers in QBFT form (`ledger.chain.qbft`): the library hashes them as they are without seals, which is the
  block's hash; the seals are the engine's business;
- the library is untyped to mypy, so its values are `Any` by the names below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import eth_keys.exceptions
import rlp
from eth.chains.base import MiningChain
from eth.consensus import ConsensusApplier, NoProofConsensus
from eth.exceptions import PyEVMError, Revert, VMError
from eth.rlp.accounts import Account as _StoredAccount
from eth.vm.forks import PragueVM
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError
from trie import HexaryTrie

from ledger.chain.qbft import ISTANBUL_MIX_HASH, MAX_VALIDATORS
from ledger.chain.store import BlockStore, StoredEvent

# Twenty times what a full anchor takes.
BLOCK_GAS_LIMIT = 30_000_000
GENESIS_BALANCE = 10**27
ZERO_ADDRESS = b"\0" * 20
# A legacy transaction is an RLP list; its first byte is at least this (EIP-2718).
_FIRST_LEGACY_BYTE = 0xC0
_TAKEN_TYPES = frozenset({1, 2, 4})  # access list, fee market, set code; no blobs

EVMChain = Any
Header = Any
Block = Any
State = Any
Transaction = Any
TransactionReceipt = Any
Account = Any


class ExecutionError(Exception):
    """A call failed; `output` is what a revert returned, None when it ended otherwise (out of gas…)."""

    def __init__(self, reason: str, output: bytes | None) -> None:
        super().__init__(reason)
        self.output = output


class MalformedTransactionError(Exception):
    """These bytes are no signed transaction of a kind that is taken."""


class _ZeroFeeVM(PragueVM):  # type: ignore[misc]  # the EVM library is untyped to mypy
    """Prague, with a base fee that stays zero and room for validators in the extra data."""

    extra_data_max_bytes = 64 + 22 * MAX_VALIDATORS

    @staticmethod
    def create_header_from_parent(parent: Header, **fields: Any) -> Header:
        """Return the next block's header before execution."""
        marked = {"base_fee_per_gas": 0, "mix_hash": ISTANBUL_MIX_HASH}
        return PragueVM.create_header_from_parent(parent, **{**marked, **fields})


def chain_class(chain_id: int) -> EVMChain:
    """Return the library's chain for this number; call it with a store that has a first block."""
    configuration = ConsensusApplier(NoProofConsensus).amend_vm_configuration(((0, _ZeroFeeVM),))
    return MiningChain.configure("EmbeddedChain", chain_id=chain_id, vm_configuration=configuration)


def make_genesis(
    kind: EVMChain, store: BlockStore, *, time: int, extra_data: bytes, accounts: Sequence[bytes]
) -> None:
    """Write block 0 to the store's pending writes."""
    owned = {"balance": GENESIS_BALANCE, "nonce": 0, "code": b"", "storage": {}}
    header = {
        "difficulty": 0,
        "coinbase": ZERO_ADDRESS,
        "gas_limit": BLOCK_GAS_LIMIT,
        "timestamp": time,
        "extra_data": extra_data,
        "nonce": b"\0" * 8,
        "mix_hash": ISTANBUL_MIX_HASH,
        "base_fee_per_gas": 0,
    }
    kind.from_genesis(store, header, dict.fromkeys(accounts, owned))


def decode_transaction(raw: bytes) -> Transaction:
    """Return the transaction of these bytes, whose signature gives its sender.

    Raises `MalformedTransactionError`.
    """
    if not raw or (raw[0] < _FIRST_LEGACY_BYTE and raw[0] not in _TAKEN_TYPES):
        raise MalformedTransactionError("transaction type not supported")
    try:
        transaction = _ZeroFeeVM.get_transaction_builder().decode(raw)
        transaction.validate()
        transaction.check_signature_validity()
    except (
        rlp.exceptions.RLPException,
        ValidationError,
        PyEVMError,
        eth_keys.exceptions.BadSignature,
        TypeError,
        ValueError,
    ) as exc:
        raise MalformedTransactionError(f"invalid transaction: {type(exc).__name__}") from exc
    return transaction


def new_message(chain_id: int, **fields: Any) -> Any:
    """Return a fee-free transaction without a signature."""
    return _ZeroFeeVM.get_transaction_builder().new_unsigned_dynamic_fee_transaction(
        chain_id=chain_id, max_priority_fee_per_gas=0, max_fee_per_gas=0, access_list=(), **fields
    )


def account_of(store: BlockStore, state_root: bytes, owner: bytes) -> Account:
    """Return an account as the state's trie holds it: nonce, balance, storage root, code hash."""
    encoded = HexaryTrie(store, state_root)[keccak(owner)]
    return rlp.decode(encoded, sedes=_StoredAccount) if encoded else _StoredAccount()


def events_of(block: Block, receipts: Sequence[TransactionReceipt]) -> list[StoredEvent]:
    """Return the block's events in order."""
    logs = [(index, log) for index, receipt in enumerate(receipts) for log in receipt.logs]
    return [
        StoredEvent(
            block=block.number,
            log_index=log_index,
            block_hash=block.hash,
            transaction_hash=block.transactions[index].hash,
            transaction_index=index,
            address=log.address,
            data=log.data,
            topics=tuple(topic.to_bytes(32) for topic in log.topics),
        )
        for log_index, (index, log) in enumerate(logs)
    ]


def execution_error(error: VMError) -> ExecutionError:
    """Return our error for the library's."""
    if isinstance(error, Revert):
        output = error.args[0] if error.args and isinstance(error.args[0], bytes) else b""
        return ExecutionError("execution reverted", output)
    return ExecutionError(f"execution failed: {type(error).__name__}", None)
