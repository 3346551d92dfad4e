# SPDX-License-Identifier: EUPL-1.2
"""The chain interface over web3.py; with `provider.py` the only place that talks to a node.

- Explicit gas, zero fees, nonces from `latest`; transactions are built and signed here, never by the node. A chain
  without base fees is older than London and gets transactions as they were before EIP-1559.
- A block is final when the node says so or, where nodes do not know that word (all QBFT nodes), when two thirds of
  the validators that it names sealed it.
- Event queries are paged. Everything that a node says is compared with itself: events with the calldata of
  their transaction, blocks and receipts with their hashes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from eth_typing import ChecksumAddress
from eth_utils.address import is_checksum_address, to_checksum_address
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import BlockNotFound, TransactionNotFound, Web3RPCError

from contracts.artifact import load_artifact
from ledger.chain.blocks import find_header, has_base_fee, is_final, zero_fees
from ledger.chain.calldata import encode_anchor, encode_root_anchor, read_commitments
from ledger.chain.evidence import ANCHORED_TOPIC, read_event, read_header
from ledger.chain.interface import (
    Anchored,
    AnchorEvent,
    AnchorEvidence,
    Finality,
    Head,
    Receipt,
    SealerKey,
    Sent,
    SignedTransaction,
)
from ledger.chain.provider import answers, read_refusal
from ledger.chain.receipt_trie import prove_receipt
from ledger.chain.rpc_encoding import encode_receipt
from protocol.errors import (
    Check,
    ConfigurationError,
    RequestError,
    StoreConflictError,
    UnavailableError,
    VerificationError,
)

# Besu's usual limit for one query.
BLOCKS_PER_QUERY = 5_000
# A full anchor takes 1,310 for a commitment, one of a single commitment 53,000; a hash of a consistency proof
# takes less than a commitment (contracts/README.md).
ANCHOR_GAS = 200_000
ANCHOR_GAS_PER_COMMITMENT = 2_600
DEPLOY_GAS = 3_000_000
REGISTER_GAS = 300_000
FREEZE_GAS = 100_000
# Several block periods of a production network.
WAIT_SECONDS = 60.0
POLL_SECONDS = 0.1
_WORD_BYTES = 32
_ZERO_ADDRESS = "0x" + "00" * 20
_LEDGER = load_artifact("ConsentLedger")


class Web3Chain:
    """A `Chain` behind one node. Usable from several threads, not across a fork."""

    def __init__(self, web3: Web3, *, contract: str | None) -> None:
        if contract is not None and not is_checksum_address(contract):
            raise ConfigurationError("configuration_error", "expected a checksummed contract address")
        self._web3 = web3
        self._address = None if contract is None else to_checksum_address(contract)
        self._ledger = self._web3.eth.contract(abi=_LEDGER.abi, bytecode=HexBytes(_LEDGER.bytecode))
        self._chain_id: int | None = None
        self._has_base_fee = False

    @property
    def contract(self) -> str | None:
        """The address of the `ConsentLedger`."""
        return self._address

    def chain_id(self) -> int:
        """Return the chain's number, as the node said at the first call."""
        if self._chain_id is None:
            with answers():
                self._chain_id = int(self._web3.eth.chain_id)
        return self._chain_id

    def check(self, *, expected_chain_id: int) -> None:
        """Return when the node answers, is on this chain and has the contract's code."""
        with answers():
            found = int(self._web3.eth.chain_id)
            code = bytes(self._web3.eth.get_code(self._contract()))
        if found != expected_chain_id:
            raise ConfigurationError("wrong_chain", f"expected chain {expected_chain_id}, the node is on {found}")
        if code != _LEDGER.deployed_bytecode:
            raise ConfigurationError("wrong_contract", f"no ConsentLedger of this version at {self._address}")

    def head(self, log_id: bytes) -> Head:
        """Return the log's head in the latest block."""
        if len(log_id) != _WORD_BYTES:
            raise RequestError(
                "unknown_log", f"expected a log identifier of {_WORD_BYTES} bytes, got {len(log_id)}"
            )
        with answers():
            sealer, size, is_frozen, root = self._ledger(self._contract()).functions.head(log_id).call()
        if sealer == _ZERO_ADDRESS:
            raise RequestError("unknown_log", f"log {log_id.hex()} is not registered at {self._address}")
        return Head(size=size, root=bytes(root), is_frozen=is_frozen, sealer=sealer)

    def nonce(self, address: str) -> int:
        """Return how many transactions of this address are in blocks."""
        with answers():
            return int(self._web3.eth.get_transaction_count(self._web3.to_checksum_address(address), "latest"))

    def build_anchor(
        self,
        signer: SealerKey,
        log_id: bytes,
        *,
        prev_size: int,
        size: int,
        root: bytes,
        frontier: Sequence[bytes],
        commitments: Sequence[bytes],
        nonce: int,
    ) -> SignedTransaction:
        """Return a signed anchor in calldata mode."""
        data = HexBytes(encode_anchor(log_id, prev_size, size, root, frontier, commitments)).to_0x_hex()
        gas = ANCHOR_GAS + ANCHOR_GAS_PER_COMMITMENT * len(commitments)
        return self._sign(signer, to=self._contract(), data=data, gas=gas, nonce=nonce)

    def build_root_anchor(
        self,
        signer: SealerKey,
        log_id: bytes,
        *,
        prev_size: int,
        size: int,
        root: bytes,
        proof: Sequence[bytes],
        nonce: int,
    ) -> SignedTransaction:
        """Return a signed anchor in root-only mode."""
        data = HexBytes(encode_root_anchor(log_id, prev_size, size, root, proof)).to_0x_hex()
        gas = ANCHOR_GAS + ANCHOR_GAS_PER_COMMITMENT * len(proof)
        return self._sign(signer, to=self._contract(), data=data, gas=gas, nonce=nonce)

    def send(self, raw: bytes) -> Sent:
        """Hand the bytes to the node."""
        with answers():
            try:
                self._web3.eth.send_raw_transaction(HexBytes(raw))
            except Web3RPCError as exc:
                return read_refusal(exc)
        return Sent.ACCEPTED

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return the transaction's receipt; None while it is in no block of this node's chain."""
        with answers():
            try:
                found = self._web3.eth.get_transaction_receipt(HexBytes(transaction_hash))
            except TransactionNotFound:
                return None
            events = [self._event(entry) for entry in found["logs"]]
            return Receipt(
                transaction_hash=transaction_hash,
                is_success=found["status"] == 1,
                block_number=int(found["blockNumber"]),
                block_hash=bytes(found["blockHash"]),
                gas_used=int(found["gasUsed"]),
                contract_address=found["contractAddress"],
                anchored=next((event for event in events if event), None),
            )

    def finality(self, block_number: int, block_hash: bytes) -> Finality:
        """Return what the chain says about this block now."""
        with answers():
            try:
                here = self._web3.eth.get_block(block_number)
            except BlockNotFound as exc:
                raise UnavailableError("chain_behind", f"the node does not know block {block_number}") from exc
            if bytes(here["hash"]) != block_hash:
                return Finality.GONE
            found = is_final(self._web3, here)
        return Finality.FINAL if found else Finality.PENDING

    def anchors(self, log_id: bytes, *, from_size: int = 0, from_block: int = 0) -> Iterator[AnchorEvent]:
        """Yield the log's anchors in the chain's order, from the one that goes beyond `from_size` on."""
        with answers():
            newest = int(self._web3.eth.block_number)
        for first in range(from_block, newest + 1, BLOCKS_PER_QUERY):
            last = min(first + BLOCKS_PER_QUERY - 1, newest)
            wanted: Any = {  # web3's filter is a TypedDict with optional members only
                "fromBlock": first,
                "toBlock": last,
                "address": self._contract(),
                "topics": [HexBytes(ANCHORED_TOPIC), HexBytes(log_id)],
            }
            with answers():
                entries = [(self._event(entry), entry) for entry in self._web3.eth.get_logs(wanted)]
            for event, entry in entries:
                if event is not None and event.size > from_size:
                    yield self._with_calldata(event, entry)

    def receipt_evidence(self, transaction_hash: bytes) -> AnchorEvidence:
        """Return the evidence for a transaction that is in a block."""
        with answers():
            try:
                found = self._web3.eth.get_transaction_receipt(HexBytes(transaction_hash))
            except TransactionNotFound as exc:
                raise RequestError("not_found", "the transaction is in no block") from exc
            number, index = int(found["blockNumber"]), int(found["transactionIndex"])
            here = self._web3.eth.get_block(number)
            header = find_header(self._web3, here, expected_hash=bytes(found["blockHash"]))
            receipts = [encode_receipt(self._web3.eth.get_transaction_receipt(each)) for each in _hashes(here)]
            events = [self._event(entry) for entry in found["logs"]]
        if header is None:
            raise UnavailableError("temporarily_unavailable", "the chain's node gives another block's header")
        if not 0 <= index < len(receipts):
            raise UnavailableError("temporarily_unavailable", "the chain's node gives another block's receipts")
        block = read_header(header)
        root, proof = prove_receipt(receipts, index)
        if root != block.receipts_root:
            raise UnavailableError("temporarily_unavailable", "the chain's node gives another block's receipts")
        return AnchorEvidence(
            chain_id=self.chain_id(),
            transaction_hash=transaction_hash,
            transaction_index=index,
            block_number=number,
            block_hash=block.hash,
            log_index=next((event.log_index for event in events if event), None),
            header_rlp=header,
            receipt_rlp=receipts[index],
            receipt_proof=proof,
        )

    def deploy_consent_ledger(self, signer: SealerKey, *, owner: str) -> str:
        """Deploy a contract whose owner may register logs, wait for its block, return its address."""
        with answers():
            data = self._ledger.constructor(self._web3.to_checksum_address(owner)).data_in_transaction
        receipt = self._send_and_wait(signer, to=None, data=str(data), gas=DEPLOY_GAS)
        if receipt.contract_address is None:
            raise RequestError("transaction_refused", "the contract was not created")
        self._address = to_checksum_address(receipt.contract_address)
        return self._address

    def register_log(self, signer: SealerKey, log_id: bytes, sealer: str) -> None:
        """Register a log with its only sealer and wait for the block."""
        if not self._is_registered(log_id, sealer):
            data = self._ledger.encode_abi("registerLog", [log_id, sealer])
            self._send_and_wait(signer, to=self._contract(), data=data, gas=REGISTER_GAS)

    def freeze_log(self, signer: SealerKey, log_id: bytes) -> None:
        """Freeze a log for good and wait for the block."""
        if not self.head(log_id).is_frozen:
            data = self._ledger.encode_abi("freezeLog", [log_id])
            self._send_and_wait(signer, to=self._contract(), data=data, gas=FREEZE_GAS)

    def _is_registered(self, log_id: bytes, sealer: str) -> bool:
        try:
            found = self.head(log_id).sealer
        except RequestError:
            return False
        if found != sealer:
            raise StoreConflictError("log_registered", f"expected sealer {sealer}, the log has {found}")
        return True

    def _send_and_wait(self, signer: SealerKey, *, to: str | None, data: str, gas: int) -> Receipt:
        """Send a transaction with the next nonce and return its receipt once it succeeded."""
        signed = self._sign(signer, to=to, data=data, gas=gas, nonce=self.nonce(signer.address))
        self.send(signed.raw)
        with answers():
            self._web3.eth.wait_for_transaction_receipt(HexBytes(signed.hash), WAIT_SECONDS, POLL_SECONDS)
        receipt = self.receipt(signed.hash)
        if receipt is None or not receipt.is_success:
            raise RequestError("transaction_refused", "the contract refused the transaction")
        return receipt

    def _sign(self, signer: SealerKey, *, to: str | None, data: str, gas: int, nonce: int) -> SignedTransaction:
        fees = zero_fees(is_london=self._is_london())
        target = {} if to is None else {"to": to}
        return signer.sign_transaction(
            {"chainId": self.chain_id(), "nonce": nonce, "gas": gas, "value": 0, "data": data, **fees, **target}
        )

    def _is_london(self) -> bool:
        if not self._has_base_fee:
            self._has_base_fee = has_base_fee(self._web3)
        return self._has_base_fee

    def _contract(self) -> ChecksumAddress:
        if self._address is None:
            raise ConfigurationError("configuration_error", "no contract address is set")
        return self._address

    def _event(self, entry: Any) -> Anchored | None:
        """Return this contract's event of a log entry (web3's entries are dictionaries of mixed values)."""
        if entry["address"] != self._address:
            return None
        topics = [bytes(topic) for topic in entry["topics"]]
        return read_event(entry["address"], topics, bytes(entry["data"]), int(entry["logIndex"]))

    def _with_calldata(self, event: Anchored, entry: Any) -> AnchorEvent:
        """Return the event with its block and the commitments of its transaction, compared with each other."""
        with answers():
            block = self._web3.eth.get_block(entry["blockNumber"], full_transactions=True)
            if block["hash"] != entry["blockHash"]:
                raise UnavailableError("temporarily_unavailable", "the chain changed while it was read")
            listed: Any = block["transactions"]  # web3 types both kinds of list as one
            sent = next((found for found in listed if found["hash"] == entry["transactionHash"]), None)
            if sent is None or sent["to"] != self._address:
                raise VerificationError(
                    Check.RECEIPT, "the event's transaction is not in its block", code="anchor_event"
                )
            return AnchorEvent(
                **vars(event),
                block_number=int(block["number"]),
                block_hash=bytes(block["hash"]),
                block_time=int(block["timestamp"]),
                transaction_hash=bytes(sent["hash"]),
                commitments=read_commitments(event, bytes(sent["input"])),
                header_rlp=find_header(self._web3, block, expected_hash=bytes(block["hash"])),
            )


def _hashes(block: Any) -> list[HexBytes]:
    """Return the hashes of a block's transactions (web3 types both kinds of list as one)."""
    return list(block["transactions"])
