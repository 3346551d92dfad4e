# SPDX-License-Identifier: EUPL-1.2
"""A chain in memory: pool, blocks, the contract's rules, and every fault that a node can have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import rlp
from cryptography.hazmat.primitives.asymmetric import ec

from ledger import merkle
from ledger.chain.evidence import ANCHORED_TOPIC
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
from ledger.chain.qbft import ISTANBUL_MIX_HASH, ExtraData, block_hash
from ledger.chain.receipt_trie import prove_receipt
from ledger.chain.sealer import FileSealKey
from protocol.encoding import JSON, compact_json, parse_object, sha256
from protocol.errors import RequestError, UnavailableError, VerificationError

CONTRACT = "0x00000000000000000000000000000000000000C0"
# it seals the blocks too, which no real set-up's would
SEAL_KEY = FileSealKey._wrap(ec.derive_private_key(0xAA, ec.SECP256K1()))
SEALER = SEAL_KEY.address
FIRST_SECOND = 1_800_000_000
"""When block 0 was made; each later one a second after."""


class MemorySealer:
    """A sealer that signs by naming itself."""

    address = SEALER

    def sign_transaction(self, transaction: dict[str, object]) -> SignedTransaction:
        raw = compact_json(transaction)
        return SignedTransaction(raw=raw, hash=sha256(raw), nonce=int(str(transaction["nonce"])))


_hash_of = lru_cache(maxsize=4096)(block_hash)


@dataclass
class _Block:
    header: bytes
    transactions: list[bytes]

    @property
    def hash(self) -> bytes:
        return _hash_of(self.header)


def seal_header(
    number: int,
    parent: bytes,
    *keys: FileSealKey,
    seals: int | None = None,
    receipts_root: bytes = bytes(32),
    timestamp: int = FIRST_SECOND,
) -> bytes:
    """Return a header of these validators, sealed by the first so many, over these receipts."""
    extra = ExtraData(bytes(32), tuple(key.validator for key in keys))
    head = [parent, *[bytes(32)] * 4, receipts_root, bytes(256), 1, number, 0, 0, timestamp]
    items: list[object] = [*head]

    def header(data: ExtraData) -> bytes:
        return bytes(rlp.encode([*items, data.encode(), ISTANBUL_MIX_HASH, bytes(8)]))

    digest = block_hash(header(extra))
    return header(replace(extra, seals=tuple(key.seal(digest) for key in keys[:seals])))


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
    """Somebody else froze the log."""
    has_no_calldata: bool = False
    """Anchors show their roots only, as in root-only mode."""
    other_log_ids: frozenset[bytes] = frozenset()
    """Further logs that are registered."""
    lag: int = 0
    """How many of the newest blocks the node that answers does not know yet; `reorganise` and `mine` are the chain's."""
    pruned: frozenset[int] = frozenset()
    """Blocks that the node does not tell about any more."""
    number: int = 1337
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
        number, parent = len(self.blocks), sha256(f"{self.epoch}".encode())
        made = _Block(seal_header(number, parent, SEAL_KEY), list(self.pool))
        self.pool.clear()
        self.blocks.append(made)
        receipts = self._encoded_receipts(made)
        root = prove_receipt(receipts, 0)[0] if receipts else bytes(32)
        at = FIRST_SECOND + number
        made.header = seal_header(number, parent, SEAL_KEY, receipts_root=root, timestamp=at)

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
        return self.number

    def check(self, *, expected_chain_id: int) -> None:
        self._answer()
        assert expected_chain_id == self.chain_id()

    def head(self, log_id: bytes) -> Head:
        self._answer()
        if log_id not in {self.log_id, *self.other_log_ids}:
            raise RequestError("unknown_log", "no such log")
        states, _ = self._replay()
        state, is_frozen = states[log_id], self.is_frozen and log_id == self.log_id
        return Head(state.size, state.root, is_frozen or state.is_frozen, SEALER)

    def nonce(self, address: str) -> int:
        self._answer()
        assert address == SEALER
        return sum(len(block.transactions) for block in self._known())

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
        return signer.sign_transaction(
            {
                "log_id": log_id.hex(),
                "prev_size": prev_size,
                "size": size,
                "root": root.hex(),
                "proof": [each.hex() for each in proof],
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
        _, receipts = self._replay()
        return receipts.get(transaction_hash)

    def finality(self, block_number: int, block_hash: bytes) -> Finality:
        self._answer()
        if block_number >= len(self._known()) or block_number in self.pruned:
            raise UnavailableError("chain_behind", f"the node does not know block {block_number}")
        if self.blocks[block_number].hash != block_hash:
            return Finality.GONE
        later = len(self._known()) - 1 - block_number
        return Finality.FINAL if later >= self.confirmations else Finality.PENDING

    def anchors(self, log_id: bytes, *, from_size: int = 0, from_block: int = 0) -> Iterator[AnchorEvent]:
        self._answer()
        _, receipts = self._replay()
        for number, block in enumerate(self._known()):
            for raw in block.transactions:
                receipt = receipts[sha256(raw)]
                event = receipt.anchored
                is_asked = event is not None and event.log_id == log_id and number >= from_block
                if is_asked and event is not None and event.size > from_size:
                    members = parse_object(raw)
                    yield AnchorEvent(
                        **vars(event),
                        block_number=number,
                        block_hash=block.hash,
                        block_time=FIRST_SECOND + number,
                        transaction_hash=sha256(raw),
                        commitments=None
                        if "proof" in members or self.has_no_calldata
                        else _words(members["commitments"]),
                        header_rlp=block.header,
                    )

    def receipt_evidence(self, transaction_hash: bytes) -> AnchorEvidence:
        receipt = self.receipt(transaction_hash)
        if receipt is None:
            raise RequestError("not_found", "no such transaction")
        block = self.blocks[receipt.block_number]
        index = [sha256(raw) for raw in block.transactions].index(transaction_hash)
        receipts = self._encoded_receipts(block)
        return AnchorEvidence(
            chain_id=self.number,
            transaction_hash=transaction_hash,
            transaction_index=index,
            block_number=receipt.block_number,
            block_hash=receipt.block_hash,
            log_index=None if receipt.anchored is None else 0,
            header_rlp=block.header,
            receipt_rlp=receipts[index],
            receipt_proof=prove_receipt(receipts, index)[1],
        )

    def deploy_consent_ledger(self, signer: SealerKey, *, owner: str) -> str:
        raise NotImplementedError

    def register_log(self, signer: SealerKey, log_id: bytes, sealer: str) -> None:
        raise NotImplementedError

    def freeze_log(self, signer: SealerKey, log_id: bytes) -> None:
        if not self.head(log_id).is_frozen:
            members = {"freeze": True, "log_id": log_id.hex(), "nonce": self.nonce(SEALER)}
            self.pool.append(signer.sign_transaction(members).raw)
            self.mine()

    # the contract

    def _answer(self) -> None:
        if self.is_down:
            raise UnavailableError("chain_unavailable", "the node does not answer")

    def _known(self) -> list[_Block]:
        return self.blocks[: len(self.blocks) - self.lag]

    def _encoded_receipts(self, block: _Block) -> list[bytes]:
        _, receipts = self._replay()
        return [_encode_receipt(receipts[sha256(raw)]) for raw in block.transactions]

    def _replay(self) -> tuple[dict[bytes, _State], dict[bytes, Receipt]]:
        states = {log_id: _State() for log_id in (self.log_id, *self.other_log_ids)}
        receipts: dict[bytes, Receipt] = {}
        for number, block in enumerate(self._known()):
            for raw in block.transactions:
                event, accepted = self._execute(raw, states)
                if event is not None:
                    states[event.log_id].size, states[event.log_id].root = event.size, event.root
                receipts[sha256(raw)] = Receipt(sha256(raw), accepted, number, block.hash, 21_000, None, event)
        return states, receipts

    def _execute(self, raw: bytes, states: dict[bytes, _State]) -> tuple[Anchored | None, bool]:
        members = parse_object(raw)
        log_id = bytes.fromhex(str(members["log_id"]))
        state = states[log_id]
        if "freeze" in members:
            state.is_frozen = True
            return None, True
        prev_size, size = int(str(members["prev_size"])), int(str(members["size"]))
        root = bytes.fromhex(str(members["root"]))
        if (state.size, state.root) == (size, root):
            return None, True
        if state.is_frozen or prev_size != state.size:
            return None, False
        if "proof" in members:
            mode, is_valid = Mode.ROOT_ONLY, _is_consistent(state, size, root, _words(members["proof"]))
        else:
            mode, is_valid = Mode.CALLDATA, _is_sum(state, size, root, members)
        if not is_valid:
            return None, False
        return Anchored(CONTRACT, log_id, prev_size, size, state.root, root, mode, 0), True


def _encode_receipt(receipt: Receipt) -> bytes:
    logs: list[object] = []
    if (event := receipt.anchored) is not None:
        topics = [ANCHORED_TOPIC, event.log_id, event.size.to_bytes(32)]
        data = event.prev_size.to_bytes(32) + event.prev_root + event.root + event.mode.to_bytes(32)
        logs = [[bytes.fromhex(event.contract[2:]), topics, data]]
    return b"\x02" + bytes(rlp.encode([b"\x01" if receipt.is_success else b"", b"\x52\x08", bytes(256), logs]))


@dataclass
class _State:
    """What the contract holds."""

    size: int = 0
    root: bytes = merkle.EMPTY_ROOT
    is_frozen: bool = False


def _is_consistent(state: _State, size: int, root: bytes, proof: tuple[bytes, ...]) -> bool:
    if state.size == 0:
        return size > 0 and not proof
    try:
        merkle.verify_consistency(
            first=state.size, second=size, first_root=state.root, expected_root=root, proof=proof
        )
    except VerificationError:
        return False
    return size > state.size


def _is_sum(state: _State, size: int, root: bytes, members: dict[str, JSON]) -> bool:
    frontier, commitments = _words(members["frontier"]), _words(members["commitments"])
    if merkle.fold(frontier) != state.root or not commitments:
        return False
    _, peaks = merkle.extend(state.size, frontier, commitments)
    return merkle.fold(peaks) == root and state.size + len(commitments) == size


def _words(value: JSON) -> tuple[bytes, ...]:
    assert isinstance(value, list)
    return tuple(bytes.fromhex(str(each)) for each in value)
