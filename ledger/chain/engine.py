# SPDX-License-Identifier: EUPL-1.2
"""The embedded engine: an EVM over one SQLite file, one transaction per block, blocks only on demand.

Guarantees:

- When `submit` returns, the transaction's block is durable and sealed; when it raises, nothing of it is kept.
- Blocks never change and never go: every block is final at once.
- A new file gets its own first block (random vanity), so two set-ups are never the same chain.
- Every block but the first carries a seal of each key that the node was started with, and the validators named
  in it are these keys' addresses, for good.

Does not guarantee: agreement. One operator seals; whoever has the keys and the file can write another history.

Rules: zero base fee; a block's time is the clock's, and at least one second after its parent's, so a burst of
more than one block a second runs ahead of the clock; no pool, so a transaction with a nonce that is not the
sender's next is refused. The caller holds `lock` over calls that belong together.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eth.exceptions import HeaderNotFound, TransactionNotFound, VMError
from eth.vm.spoof import SpoofTransaction
from eth_utils.exceptions import ValidationError

from ledger.chain import evm
from ledger.chain.evm import Header, State, Transaction, TransactionReceipt
from ledger.chain.kill_points import NodeKillPoint, NodeKillPoints, NoKillPoints
from ledger.chain.qbft import VANITY_BYTES, ExtraData
from ledger.chain.sealer import FileSealKey, open_seal_key
from ledger.chain.store import BlockStore
from protocol.clock import Clock, epoch_seconds
from protocol.errors import ConfigurationError, RequestError

# A full anchor has 33 kB; other clients take at most 128 kB too.
MAX_TRANSACTION_BYTES = 128 * 1024
_CHAIN_ID = "chain_id"
_VALIDATORS = "validators"
_VANITY = b"testimoni".ljust(VANITY_BYTES, b"\0")


class TransactionRefusedError(RequestError):
    """These bytes are not taken; the message is what other Ethereum clients answer."""

    def __init__(self, message: str) -> None:
        super().__init__("transaction_refused", message)


@dataclass(frozen=True)
class CallMessage:
    """A call that is executed and forgotten. `to` is None to try a contract's creation."""

    sender: bytes
    to: bytes | None
    gas: int
    value: int
    data: bytes


class Engine:
    """One chain in one file."""

    def __init__(
        self,
        path: Path,
        *,
        chain_id: int,
        clock: Clock,
        genesis_accounts: Sequence[bytes] = (),
        seal_keys: Sequence[FileSealKey] = (),
        kill_points: NodeKillPoints | None = None,
    ) -> None:
        """Open the file, or make it with its first block, in which these accounts own something.

        Without seal keys one is kept beside the file, made with it.
        Raises `ConfigurationError` when the file is another chain's, is sealed by other keys, or is in use.
        """
        self.lock = threading.RLock()
        self.chain_id = chain_id
        self._clock = clock
        self._seal_keys = sorted(seal_keys or [open_seal_key(path)], key=lambda each: each.validator)
        self._extra = ExtraData(_VANITY, tuple(each.validator for each in self._seal_keys))
        self._kill_points = kill_points or NoKillPoints()
        self._store = BlockStore(path, kill_points=self._kill_points)
        kind = evm.chain_class(chain_id)
        try:
            self._open_or_begin(kind, genesis_accounts)
        except BaseException:
            self._store.close()
            raise
        self._chain = kind(self._store)

    def close(self) -> None:
        """Release the file."""
        with self.lock:
            self._store.close()

    @property
    def store(self) -> BlockStore:
        """The events' index."""
        return self._store

    def head(self) -> Header:
        """Return the newest block's header."""
        return self._chain.get_canonical_head()

    def find_header(self, place: int | bytes) -> Header | None:
        """Return the header of this number or hash; None when there is no such block."""
        try:
            if isinstance(place, bytes):
                return self._chain.get_block_header_by_hash(place)
            return self._chain.get_canonical_block_header_by_number(place)
        except HeaderNotFound:
            return None

    def block(self, header: Header) -> evm.Block:
        """Return the whole block of a header."""
        return self._chain.get_block_by_header(header)

    def sealed_extra_data(self, header: Header) -> bytes:
        """Return the extra data of a block as other nodes have it: with the seals."""
        return self._store.find_seals(header.block_number) or bytes(header.extra_data)

    def receipts(self, header: Header) -> Sequence[TransactionReceipt]:
        """Return the receipts of a block, in order."""
        return tuple(self.block(header).get_receipts(self._chain.chaindb))

    def find_transaction(self, digest: bytes) -> tuple[Header, int] | None:
        """Return the block and index of a transaction; None when it is in no block."""
        try:
            number, index = self._chain.get_canonical_transaction_index(digest)
        except TransactionNotFound:
            return None
        return self._chain.get_canonical_block_header_by_number(number), index

    def state(self, header: Header) -> State:
        """Return the state after this block; what is written to it is never kept."""
        return self._chain.get_vm(header).state

    def submit(self, raw: bytes) -> bytes:
        """Put this transaction into a block of its own, durably, and return its hash.

        Raises `TransactionRefusedError`; a contract's revert is not refused, it is in the receipt.
        """
        with self.lock:
            transaction = self._check(raw)
            try:
                self._chain.header = self._next_header()
                result, receipts, _ = self._chain.mine_all([transaction], coinbase=self._extra.validators[0])
                block = result.imported_block
                events = evm.events_of(block, receipts)
                seals = {block.number: self._seal(block.hash)}
                self._kill_points.reach(NodeKillPoint.BEFORE_BLOCK)
                self._store.commit(events, seals=seals)
            except ValidationError as exc:
                raise TransactionRefusedError(str(exc)) from exc
            finally:
                self._store.discard()
            self._kill_points.reach(NodeKillPoint.AFTER_BLOCK)
            return bytes(transaction.hash)

    def call(self, message: CallMessage, header: Header) -> bytes:
        """Execute a message on the state after this block, keep nothing, return its output.

        Raises `ExecutionError`, or `TransactionRefusedError` when it cannot even start.
        """
        with self.lock:
            state = self.state(header)
            try:
                computation = state.apply_transaction(self._unsigned(message, state))
            except ValidationError as exc:
                raise TransactionRefusedError(str(exc)) from exc
            finally:
                self._store.discard()
            if computation.is_error:
                raise evm.execution_error(computation.error)
            return bytes(computation.output)

    def estimate_gas(self, message: CallMessage, header: Header) -> int:
        """Return a gas limit that is enough for this message. Raises as `call` does."""
        with self.lock:
            state = self.state(header)
            try:
                return int(self._chain.estimate_gas(self._unsigned(message, state), header))
            except VMError as exc:
                raise evm.execution_error(exc) from exc
            except ValidationError as exc:
                raise TransactionRefusedError(str(exc)) from exc
            finally:
                self._store.discard()

    def _open_or_begin(self, kind: evm.EVMChain, accounts: Sequence[bytes]) -> None:
        found = self._store.find_setting(_CHAIN_ID)
        if found is None:
            self._write_genesis(kind, accounts)
        elif found != str(self.chain_id):
            raise ConfigurationError(
                "configuration_error", f"expected chain {self.chain_id}, the file is chain {found}"
            )
        elif self._store.find_setting(_VALIDATORS) != self._validator_names():
            raise ConfigurationError("configuration_error", "the chain's file is sealed by other keys")

    def _write_genesis(self, kind: evm.EVMChain, accounts: Sequence[bytes]) -> None:
        self._kill_points.reach(NodeKillPoint.BEFORE_GENESIS)
        first = replace(self._extra, vanity=secrets.token_bytes(VANITY_BYTES)).encode()
        time = epoch_seconds(self._clock.now())
        evm.make_genesis(kind, self._store, time=time, extra_data=first, accounts=accounts)
        self._store.commit(settings={_CHAIN_ID: str(self.chain_id), _VALIDATORS: self._validator_names()})
        self._kill_points.reach(NodeKillPoint.AFTER_GENESIS)

    def _validator_names(self) -> str:
        return ",".join(each.address for each in self._seal_keys)

    def _seal(self, block_hash: bytes) -> bytes:
        """Return the extra data with seals. In round 0 what is sealed and the block's hash are the same."""
        seals = tuple(each.seal(block_hash) for each in self._seal_keys)
        return replace(self._extra, seals=seals).encode()

    def _next_header(self) -> Header:
        parent = self.head()
        timestamp = max(epoch_seconds(self._clock.now()), parent.timestamp + 1)
        return self._chain.create_header_from_parent(
            parent, timestamp=timestamp, gas_limit=parent.gas_limit, extra_data=self._extra.encode()
        )

    def _check(self, raw: bytes) -> Transaction:
        """Refuse what could not be in the next block, in the words of other clients."""
        if len(raw) > MAX_TRANSACTION_BYTES:
            raise TransactionRefusedError(f"oversized data: transaction size {len(raw)}")
        try:
            transaction = evm.decode_transaction(raw)
        except evm.MalformedTransactionError as exc:
            raise TransactionRefusedError(str(exc)) from exc
        if transaction.chain_id is None:
            raise TransactionRefusedError("only replay-protected (EIP-155) transactions allowed over RPC")
        if transaction.chain_id != self.chain_id:
            raise TransactionRefusedError(
                f"invalid chain id for signer: have {transaction.chain_id} want {self.chain_id}"
            )
        if self.find_transaction(transaction.hash) is not None:
            raise TransactionRefusedError("already known")
        state = self.state(self.head())
        expected = state.get_nonce(transaction.sender)
        if transaction.nonce != expected:
            word = "low" if transaction.nonce < expected else "high"
            raise TransactionRefusedError(f"nonce too {word}: next nonce {expected}, tx nonce {transaction.nonce}")
        if transaction.gas > evm.BLOCK_GAS_LIMIT:
            raise TransactionRefusedError("exceeds block gas limit")
        if transaction.gas < transaction.intrinsic_gas:
            raise TransactionRefusedError(
                f"intrinsic gas too low: gas {transaction.gas}, minimum needed {transaction.intrinsic_gas}"
            )
        if (
            state.get_balance(transaction.sender)
            < transaction.value + transaction.gas * transaction.max_fee_per_gas
        ):
            raise TransactionRefusedError("insufficient funds for gas * price + value")
        return transaction

    def _unsigned(self, message: CallMessage, state: State) -> Transaction:
        """Return the message as a transaction that needs no signature."""
        unsigned = evm.new_message(
            self.chain_id,
            nonce=state.get_nonce(message.sender),
            gas=message.gas,
            to=message.to or b"",
            value=message.value,
            data=message.data,
        )
        return SpoofTransaction(unsigned, from_=message.sender)
