# SPDX-License-Identifier: EUPL-1.2
"""A chain in memory: pool, blocks, the contract's rules, and every fault that a node can have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ledger import merkle
from ledger.chain.interface import (
    Anchored,
    AnchorEvent,
    AnchorEvidence,
    Finality,
    Head,
    Mode,
    Receipt,
    SealerKey,
    Sent,
    SignedTransaction,
)
from protocol.encoding import compact_json, parse_object, sha256
from protocol.errors import RequestError, UnavailableError

CONTRACT = "0x00000000000000000000000000000000000000C0"
SEALER = "0x00000000000000000000000000000000000000Aa"


class MemorySealer:
    """A sealer that signs by naming itself."""

    address = SEALER

    def sign_transaction(self, transaction: dict[str, object]) -> SignedTransaction:
        raw = compact_json(transaction)
        return SignedTransaction(raw=raw, hash=sha256(raw), nonce=int(str(transaction["nonce"])))


@dataclass
class _Block:
    hash: bytes
    transactions: list[bytes]


@dataclass
class MemoryChain:
    """Blocks hold raw transactions; everything else is worked out from them, as a node would."""

    log_id: bytes
    mines_at_once: bool = True
    confirmations: int = 0
    """How many later blocks make a block final."""
    is_down: bool = False
    loses_answers: bool = False
    """`send` does its work and then does not answer."""
    refuses: bool = False
    """`send` refuses everything for good."""
    is_frozen: bool = False
    blocks: list[_Block] = field(default_factory=list)
    pool: list[bytes] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    """Every raw transaction that was ever handed over."""
    epoch: int = 0

    contract = CONTRACT

    # what a test does to it

    def mine(self) -> None:
        """Put the pool into a block; an empty block when there is nothing."""
        self.epoch += 1
        self.blocks.append(_Block(sha256(f"{self.epoch}".encode()), list(self.pool)))
        self.pool.clear()

    def drop_pool(self) -> None:
        self.pool.clear()

    def reorganise(self, depth: int, *, keep: bool = False) -> None:
        """Take the newest blocks off; their transactions go back to the pool, or are forgotten."""
        gone = self.blocks[-depth:]
        del self.blocks[-depth:]
        if keep:
            self.pool[:0] = [raw for block in gone for raw in block.transactions]

    def anchor_of_another(self, **arguments: object) -> None:
        """Bring a head to the chain behind the outbox's back."""
        self.pool.append(compact_json(arguments))
        self.mine()

    # the interface

    def chain_id(self) -> int:
        self._answer()
        return 1337

    def check(self, *, expected_chain_id: int) -> None:
        self._answer()
        assert expected_chain_id == self.chain_id()

    def head(self, log_id: bytes) -> Head:
        self._answer()
        if log_id != self.log_id:
            raise RequestError("unknown_log", "no such log")
        size, root, _ = self._replay()
        return Head(size, root, self.is_frozen, SEALER)

    def nonce(self, address: str) -> int:
        self._answer()
        assert address == SEALER
        return sum(len(block.transactions) for block in self.blocks)

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
        assert len(commitments) == size - prev_size <= 1000
        return signer.sign_transaction(
            {
                "log_id": log_id.hex(),
                "prev_size": prev_size,
                "size": size,
                "root": root.hex(),
                "frontier": [each.hex() for each in frontier],
                "commitments": [each.hex() for each in commitments],
                "nonce": nonce,
            }
        )

    def send(self, raw: bytes) -> Sent:
        self._answer()
        if self.refuses:
            raise RequestError("transaction_refused", "the node takes nothing")
        self.sent.append(raw)
        nonce = int(str(parse_object(raw)["nonce"]))
        if raw in self.pool:
            return Sent.ALREADY_KNOWN
        if nonce < self.nonce(SEALER):
            return Sent.NONCE_TOO_LOW
        if any(parse_object(each)["nonce"] == nonce for each in self.pool):
            raise RequestError("transaction_refused", "replacement underpriced")
        self.pool.append(raw)
        if self.mines_at_once:
            self.mine()
        if self.loses_answers:
            raise UnavailableError("chain_unavailable", "the answer was lost")
        return Sent.ACCEPTED

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        self._answer()
        _, _, receipts = self._replay()
        return receipts.get(transaction_hash)

    def finality(self, block_number: int, block_hash: bytes) -> Finality:
        self._answer()
        if block_number >= len(self.blocks) or self.blocks[block_number].hash != block_hash:
            return Finality.GONE
        later = len(self.blocks) - 1 - block_number
        return Finality.FINAL if later >= self.confirmations else Finality.PENDING

    def anchors(self, log_id: bytes, *, from_size: int = 0, from_block: int = 0) -> Iterator[AnchorEvent]:
        self._answer()
        assert log_id == self.log_id
        _, _, receipts = self._replay()
        for number, block in enumerate(self.blocks):
            for raw in block.transactions:
                receipt = receipts[sha256(raw)]
                event = receipt.anchored
                if event is not None and event.size > from_size and number >= from_block:
                    members = parse_object(raw)
                    yield AnchorEvent(
                        **vars(event),
                        block_number=number,
                        block_hash=block.hash,
                        block_time=1_800_000_000 + number,
                        transaction_hash=sha256(raw),
                        commitments=tuple(bytes.fromhex(str(each)) for each in members["commitments"]),  # type: ignore[union-attr]
                    )

    def receipt_evidence(self, transaction_hash: bytes) -> AnchorEvidence:
        receipt = self.receipt(transaction_hash)
        if receipt is None:
            raise RequestError("not_found", "no such transaction")
        return AnchorEvidence(
            chain_id=1337,
            transaction_hash=transaction_hash,
            transaction_index=0,
            block_number=receipt.block_number,
            block_hash=receipt.block_hash,
            log_index=0,
            header_rlp=b"header",
            receipt_rlp=b"receipt",
            receipt_proof=(b"node",),
        )

    def deploy_consent_ledger(self, signer: SealerKey, *, owner: str) -> str:
        raise NotImplementedError

    def register_log(self, signer: SealerKey, log_id: bytes, sealer: str) -> None:
        raise NotImplementedError

    # the contract

    def _answer(self) -> None:
        if self.is_down:
            raise UnavailableError("chain_unavailable", "the node does not answer")

    def _replay(self) -> tuple[int, bytes, dict[bytes, Receipt]]:
        size, root = 0, merkle.EMPTY_ROOT
        receipts: dict[bytes, Receipt] = {}
        for number, block in enumerate(self.blocks):
            for raw in block.transactions:
                event, accepted = self._execute(raw, size, root)
                if event is not None:
                    size, root = event.size, event.root
                receipts[sha256(raw)] = Receipt(sha256(raw), accepted, number, block.hash, 21_000, None, event)
        return size, root, receipts

    def _execute(self, raw: bytes, size: int, root: bytes) -> tuple[Anchored | None, bool]:
        members = parse_object(raw)
        new_size, new_root = int(str(members["size"])), bytes.fromhex(str(members["root"]))
        if (size, root) == (new_size, new_root):
            return None, True
        frontier = [bytes.fromhex(str(each)) for each in members["frontier"]]  # type: ignore[union-attr]
        commitments = [bytes.fromhex(str(each)) for each in members["commitments"]]  # type: ignore[union-attr]
        if members["prev_size"] != size or merkle.fold(frontier) != root or not commitments:
            return None, False
        _, peaks = merkle.extend(size, frontier, commitments)
        if merkle.fold(peaks) != new_root or size + len(commitments) != new_size:
            return None, False
        event = Anchored(CONTRACT, self.log_id, size, new_size, root, new_root, Mode.CALLDATA, 0)
        return event, True
