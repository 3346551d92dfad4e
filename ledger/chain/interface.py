# SPDX-License-Identifier: EUPL-1.2
"""What the ledger asks of an Ethereum chain, and the values that cross that line.

- Digests, hashes and log identifiers are bytes of length 32; addresses are checksummed hexadecimal text.
- Every method that touches the network raises `UnavailableError` when the node does not answer, or answers
  with something that is no JSON-RPC; nothing is retried inside except reading.
- *Head*, receipts and finality come from one node's word. What a third party can check without that node
  is in `ledger.chain.evidence`.
- Nothing here imports web3; `open_chain` in `ledger.chain.client` does, when it is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Protocol

from ledger.registry import News, Place
from ledger.registry_events import Change


class Mode(IntEnum):
    """How an anchor showed that the new head extends the old one; the number is the contract's."""

    CALLDATA = 0
    """All new commitments are in the calldata; the contract computed the root from them."""
    ROOT_ONLY = 1
    """A consistency proof is in the calldata; the chain carries no commitments, mirrors of the log do."""


class Sent(Enum):
    """What a node said to a raw transaction."""

    ACCEPTED = "accepted"
    """New to the node; it may be in a block already or never come into one."""
    ALREADY_KNOWN = "already known"
    """The node has, or had, these very bytes: look at the receipt."""
    NONCE_TOO_LOW = "nonce too low"
    """The sender's nonce is used up, by this transaction or by another: look at the receipt and the head."""


class Finality(Enum):
    """What the chain says about a block."""

    FINAL = "final"
    """The block is on the chain and the chain promises to keep it."""
    PENDING = "pending"
    """The block is on the chain and the chain does not promise to keep it yet, or cannot say."""
    GONE = "gone"
    """Another block stands at that height: a reorganisation."""


@dataclass(frozen=True)
class Head:
    """What the contract holds about one log; root is RFC 9162's, also for size 0 (the digest of nothing)."""

    size: int
    root: bytes
    is_frozen: bool
    """Whether the contract takes no more anchors for this log, for good."""
    sealer: str
    """The only address whose anchors the contract takes."""


@dataclass(frozen=True)
class SignedTransaction:
    """A transaction ready to be stored and sent. The same arguments always give the same bytes."""

    raw: bytes = field(repr=False)
    hash: bytes
    nonce: int


@dataclass(frozen=True)
class Anchored:
    """The contract's event: this log went from one head to the next."""

    contract: str
    log_id: bytes
    prev_size: int
    size: int
    prev_root: bytes
    root: bytes
    mode: Mode
    log_index: int
    """The event's index; in the whole block when a node told, in its receipt when read from evidence."""


@dataclass(frozen=True)
class AnchorEvent(Anchored):
    """The same, with the block it is in and the commitments of the transaction's calldata."""

    block_number: int
    block_hash: bytes
    block_time: int
    """The block's timestamp, seconds since 1970."""
    transaction_hash: bytes
    commitments: Sequence[bytes] | None = field(repr=False)
    """The 32-byte commitments with indices from prev_size up to size, in order; None for a root-only anchor."""
    header_rlp: bytes | None = field(default=None, repr=False)
    """The block's header, seals and all, whose hash is `block_hash`; None when the node does not give it."""


@dataclass(frozen=True)
class Receipt:
    """A transaction that is in a block. `is_success` is False when the contract reverted."""

    transaction_hash: bytes
    is_success: bool
    block_number: int
    block_hash: bytes
    gas_used: int
    contract_address: str | None
    anchored: Anchored | None
    """This contract's event; None for other transactions, for a failed one, and for a repeat of the head."""


@dataclass(frozen=True)
class AnchorEvidence:
    """What proves offline that a receipt is in a block; check it with `ledger.chain.evidence`."""

    chain_id: int
    transaction_hash: bytes
    transaction_index: int
    block_number: int
    block_hash: bytes
    log_index: int | None
    """The `Anchored` event's index in the block; None when there is no such event."""
    header_rlp: bytes = field(repr=False)
    receipt_rlp: bytes = field(repr=False)
    """As in the receipts trie: type byte first for typed transactions."""
    receipt_proof: tuple[bytes, ...] = field(repr=False)
    """Trie nodes (RLP), root first."""


class SealerKey(Protocol):
    """A secp256k1 key that signs transactions; `ledger.chain.sealer` has one kept in a file."""

    @property
    def address(self) -> str:
        """The key's address."""

    def sign_transaction(self, transaction: dict[str, object]) -> SignedTransaction:
        """Return the signed transaction; deterministic (RFC 6979)."""


class Chain(Protocol):
    """One chain, through one node, and one `ConsentLedger` on it."""

    @property
    def contract(self) -> str | None:
        """The address of the `ConsentLedger`; None while there is none (before `deploy_consent_ledger`)."""

    def chain_id(self) -> int:
        """Return the chain's number."""

    def check(self, *, expected_chain_id: int) -> None:
        """Return when the node answers, is on this chain and has the contract's code.

        Raises `UnavailableError` when it does not answer and `ConfigurationError` when chain or code are wrong.
        """

    def head(self, log_id: bytes) -> Head:
        """Return the log's head in the latest block. Raises `RequestError` (`unknown_log`)."""

    def nonce(self, address: str) -> int:
        """Return how many transactions of this address are in blocks (the nonce of `latest`, not `pending`)."""

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
        """Return a signed anchor in calldata mode; sends nothing and stores nothing.

        `frontier` holds the peaks of the tree of `prev_size`, largest first, empty for size 0.
        Raises `RequestError` when sizes and counts do not fit each other (at most `MAX_COMMITMENTS`).
        """

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
        """Return a signed anchor in root-only mode; sends nothing and stores nothing.

        `proof` is the consistency proof of RFC 9162, empty from size 0; the new head may be any number of leaves
        larger. Raises `RequestError` when it is not larger, or the proof longer than any can be.
        """

    def send(self, raw: bytes) -> Sent:
        """Hand the bytes to the node. Safe to repeat.

        `UnavailableError` leaves open whether they arrived. Raises `RequestError` (`transaction_refused`)
        when the node will never take these bytes.
        """

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return the transaction's receipt; None while it is in no block of this node's chain."""

    def finality(self, block_number: int, block_hash: bytes) -> Finality:
        """Return what the chain says about this block now.

        Raises `UnavailableError` (`chain_behind`) when the node knows no block of this number: it lags, forgot it,
        or was set back, and cannot say which.
        """

    def anchors(self, log_id: bytes, *, from_size: int = 0, from_block: int = 0) -> Iterator[AnchorEvent]:
        """Yield the log's anchors in the chain's order, from the one that goes beyond `from_size` on.

        `from_block` spares reading older blocks; an anchor in one of them is not found.
        Raises `VerificationError` when an event and the calldata of its transaction do not fit each other.
        """

    def receipt_evidence(self, transaction_hash: bytes) -> AnchorEvidence:
        """Return the evidence for a transaction that is in a block. Raises `RequestError` (`not_found`)."""

    def deploy_consent_ledger(self, signer: SealerKey, *, owner: str) -> str:
        """Deploy a contract whose owner may register logs, wait for its block, return its address.

        The chain uses it from then on. Every call deploys another one.
        """

    def register_log(self, signer: SealerKey, log_id: bytes, sealer: str) -> None:
        """Register a log with its only sealer and wait for the block; `signer` is the contract's owner.

        Silent when it is registered with this sealer; raises `StoreConflictError` when with another.
        """

    def freeze_log(self, signer: SealerKey, log_id: bytes) -> None:
        """Freeze a log for good and wait for the block; `signer` is its sealer or the contract's owner.

        Silent when it is frozen already. A sealer has one row of nonces, so none of its anchors may be in flight.
        Raises `RequestError` (`unknown_log`, `transaction_refused`).
        """


class Registry(Protocol):
    """One `TrustRegistry`, through one node."""

    def read(self, after: Place | None) -> News:
        """Return what was recorded after this place (None: everything), up to the newest final block.

        Raises `VerificationError` (`registry_history`) when the node contradicts itself or what was read before.
        """


class WritableRegistry(Registry, Protocol):
    """One `TrustRegistry`, for those who change it."""

    @property
    def contract(self) -> str:
        """The registry's address."""

    def approve(self, member: SealerKey, *changes: Change) -> int:
        """Approve as this member, all or none; wait for the block, and return the gas used.

        Raises `RequestError` (`transaction_refused`) in the contract's reasons when it refuses them.
        """

    def accept(self, account: SealerKey, *changes: Change) -> int:
        """Accept as the administration, all or none; wait for the block, and return the gas used. Raises too."""

    def approvals(self, change: Change) -> int:
        """Return how many of the present members approved this change."""

    def approve_members(self, member: SealerKey, members: Sequence[str], threshold: int) -> int:
        """Approve other members, in ascending order, as a present one; return the gas used. Raises too."""

    def accept_members(self, member: SealerKey, members: Sequence[str], threshold: int) -> int:
        """Accept as one of these members; with the last acceptance needed they take over. Raises too."""

    def approvals_of_members(self, members: Sequence[str], threshold: int) -> int:
        """Return how many of the present members approved these."""

    def newest_sequence(self) -> int:
        """Return the newest event's number, in the latest block."""


MAX_COMMITMENTS = 1000
"""The most commitments that one anchor in calldata mode takes; the contract enforces it."""
MAX_PROOF = 65
"""The most hashes in a consistency proof between trees of 64-bit sizes; the contract enforces it."""
