# SPDX-License-Identifier: EUPL-1.2
"""A log as others see it: signed head, tiles and entries as files, and its anchors as one node of the chain tells them.

Nothing here is a service: the files are served from memory, the node only reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import merkle, tiles
from ledger.audit import LogContents
from ledger.audit_state import AuditState, CheckedAnchor
from ledger.auditor import Auditor, Report
from ledger.chain.evidence import read_header
from ledger.chain.interface import AnchorEvent, AnchorEvidence, Finality, Head, Mode
from ledger.chain.sealer import FileSealKey
from ledger.checkpoint import Checkpoint, CheckpointSigner, new_key_pem
from ledger.commitment import Commitment
from ledger.cosignature import Cosigner
from ledger.trust import AuditedLog, TrustedChain, TrustFile, log_id, since_the_start
from protocol.clock import FixedClock, from_epoch
from protocol.errors import RequestError, UnavailableError
from protocol.keys import PrivateKey
from protocol.runtime.fetch import Response
from tests.fakes.anchor_proof import prove_anchor
from tests.fakes.recorded_share import ORIGIN

URL = "https://ledger.example"
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
SEALER = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
CHAIN_ID = 1337
LEAVES = tuple(Commitment(index.to_bytes(32)) for index in range(1, 31))
SIZES = (0, 8, 16, 24)
# Of the chain's blocks, and of whoever reads it a minute later.
FIRST_SECOND = 1_800_000_000
CLOCK = FixedClock(from_epoch(FIRST_SECOND + 60))


@dataclass(frozen=True)
class Node:
    """What one node of the chain says. `anchors` None: it does not answer."""

    anchors: tuple[AnchorEvent, ...] | None
    size: int
    root: bytes
    chain_id: int = CHAIN_ID
    sealer: str = SEALER
    receipts: Mapping[bytes, AnchorEvidence] = field(default_factory=dict)
    """What proves the anchors, by the hashes of their blocks."""

    contract = CONTRACT

    def head(self, _log_id: bytes) -> Head:
        return Head(self.size, self.root, is_frozen=False, sealer=self.sealer)

    def finality(self, block_number: int, expected_hash: bytes) -> Finality:
        known = {(each.block_number, each.block_hash) for each in self.anchors or ()}
        return Finality.FINAL if (block_number, expected_hash) in known else Finality.GONE


class _Chain:
    """The reading half of `Chain` over what a node says."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def chain_id(self) -> int:
        if self._node.anchors is None:
            raise UnavailableError("chain_unavailable", "the node does not answer")
        return self._node.chain_id

    def head(self, of_log: bytes) -> Head:
        return self._node.head(of_log)

    def finality(self, block_number: int, expected_hash: bytes) -> Finality:
        return self._node.finality(block_number, expected_hash)

    def receipt_evidence(self, transaction_hash: bytes) -> AnchorEvidence:
        for event in self._node.anchors or ():
            if event.transaction_hash == transaction_hash and event.block_hash in self._node.receipts:
                return self._node.receipts[event.block_hash]
        raise RequestError("not_found", "the node has no such receipt", status=404)

    def anchors(self, _log_id: bytes, *, from_size: int = 0, from_block: int = 0) -> Iterator[AnchorEvent]:
        events = self._node.anchors or ()
        return (each for each in events if each.size > from_size and each.block_number >= from_block)


@dataclass(frozen=True)
class PublishedLog:
    """One log as published: paths below its address with their bytes, what a node says, who is trusted."""

    files: Mapping[str, bytes]
    node: Node
    trust: TrustFile
    head: Checkpoint | None = None
    """The head as signed; None for a log that was read from files."""
    leaves: Sequence[Commitment] = ()
    state: AuditState | None = None
    calls: list[str] = field(default_factory=list)
    """The paths that were asked for."""

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Response:
        path = url.removeprefix(f"{URL}/")
        self.calls.append(path)
        if path not in self.files:
            return Response(404, {}, b"{}")
        return Response(200, {}, self.files[path])

    def post(self, url: str, **_rest: Any) -> Response:
        raise UnavailableError("ledger_unavailable", f"{url} takes nothing")

    @property
    def contents(self) -> LogContents:
        """The log as read whole."""
        return LogContents(self.leaves, self.node.anchors)

    def audit(self) -> Report:
        """Return what `testimoni audit` reports."""
        return Auditor(
            URL,
            "http://node.example",
            self.trust,
            log=None,
            from_size=0,
            state=self.state,
            http=self,
            open_chain=self.open_chain,
            clock=CLOCK,
        ).run(None)

    def open_chain(self, _url: str, *, contract: str) -> Any:
        """Return the chain as its node tells it; of another contract it would tell nothing."""
        assert contract == CONTRACT
        return _Chain(self.node)

    def with_file(self, path: str, data: bytes | None) -> PublishedLog:
        """Return the same log with another file; None takes it away."""
        kept = {name: held for name, held in self.files.items() if name != path}
        return replace(self, files=kept if data is None else {**kept, path: data})


class LogWorld:
    """The keys of one log, its witness and its chain's four validators; publishes it, honestly or not."""

    def __init__(self) -> None:
        self.signer = CheckpointSigner.from_pem(ORIGIN, new_key_pem())
        self.witness = Cosigner("witness.example/w1", Ed25519PrivateKey.generate())
        self.validators = tuple(FileSealKey.generate() for _ in range(4))
        addresses = since_the_start([key.address for key in self.validators])
        self.chain = TrustedChain(CHAIN_ID, CONTRACT, log_id(ORIGIN), SEALER, addresses)
        self.log = AuditedLog(
            ORIGIN, self.signer.key, PrivateKey.generate().public_key, timedelta(seconds=60), self.chain
        )
        self.trust = TrustFile("PEM", (self.log,), (), (self.witness.key,))
        self.leaves = LEAVES
        self.head = self.head_of(LEAVES)
        self.receipts: dict[bytes, AnchorEvidence] = {}
        self.anchors = tuple(self.anchor(a, b) for a, b in pairwise(SIZES))

    def head_of(self, leaves: Sequence[Commitment]) -> Checkpoint:
        """Return the head of a log of these leaves."""
        return Checkpoint(ORIGIN, len(leaves), merkle.Tree(leaves).root())

    def anchor(
        self, prev_size: int, size: int, leaves: Sequence[Commitment] = LEAVES, **changes: Any
    ) -> AnchorEvent:
        """Return an anchor in the block whose number is its size; changes are of what the node tells."""
        tree = merkle.Tree(leaves)
        event = AnchorEvent(
            contract=CONTRACT,
            log_id=self.chain.log_id,
            prev_size=prev_size,
            size=size,
            prev_root=tree.root(prev_size),
            root=tree.root(size),
            mode=Mode.CALLDATA,
            log_index=0,
            block_number=size,
            block_hash=bytes(32),
            block_time=FIRST_SECOND,
            transaction_hash=bytes(32),
            commitments=leaves[prev_size:size],
        )
        return self.mine(replace(event, **changes), *self.validators)

    def mine(self, event: AnchorEvent, *keys: FileSealKey, seals: int | None = 3, later: int = 0) -> AnchorEvent:
        """Return the anchor in a block that names these validators, so many of whom sealed it, with its receipt kept."""
        proof = prove_anchor(
            contract=event.contract,
            log_id=event.log_id,
            prev_size=event.prev_size,
            size=event.size,
            prev_root=event.prev_root,
            root=event.root,
            mode=event.mode,
            chain_id=CHAIN_ID,
            block_number=event.block_number,
            timestamp=FIRST_SECOND + later,
            validators=keys,
            seals=keys[:seals],
        ).evidence
        self.receipts[proof.block_hash] = proof
        return replace(
            event,
            block_hash=proof.block_hash,
            block_time=read_header(proof.header_rlp).timestamp,
            transaction_hash=proof.transaction_hash,
            header_rlp=proof.header_rlp,
        )

    def publish(
        self,
        leaves: Sequence[Commitment] | None = None,
        *,
        head: Checkpoint | None = None,
        anchors: tuple[AnchorEvent, ...] | None = None,
        signer: CheckpointSigner | None = None,
    ) -> PublishedLog:
        """Return a log of these leaves; its head is over them unless another is given."""
        leaves = self.leaves if leaves is None else leaves
        head = head or self.head_of(leaves)
        anchors = self.anchors if anchors is None else anchors
        note = (signer or self.signer).sign(head)
        last = anchors[-1] if anchors else None
        node = Node(
            anchors,
            last.size if last else 0,
            last.root if last else merkle.EMPTY_ROOT,
            receipts={last.block_hash: self.receipts[last.block_hash]} if last else {},
        )
        files = {"checkpoint": note.encode(), **_tiles(leaves, head.size)}
        return PublishedLog(files, node, self.trust, head, leaves)

    def state(self, size: int = 24) -> AuditState:
        """Return where an audit of the honest log ended whose head was that of this size, anchored."""
        anchor = next(each for each in self.anchors if each.size == size)
        tree = merkle.Tree(self.leaves[:size])
        checked = CheckedAnchor(CHAIN_ID, CONTRACT, anchor.block_number, anchor.block_hash, is_final=True)
        note = self.signer.sign(self.head_of(self.leaves[:size]))
        return AuditState(note, size, tree.frontier(), checked)


def _tiles(leaves: Sequence[Commitment], size: int) -> dict[str, bytes]:
    """Return the files of a tree of these leaves under the names that one of this size has."""
    tree = merkle.Tree(leaves)
    files = {}
    for level in (None, *range(tiles.MAX_LEVEL + 1)):
        for address in tiles.addresses(size, level):
            first = address.index * tiles.TILE_WIDTH
            count = min(address.width, (len(leaves) >> tiles.TILE_HEIGHT * (level or 0)) - first)
            if level is None:
                files[address.path()] = tiles.encode_entries(leaves[first : first + count])
            else:
                files[address.path()] = tree.read_run(tiles.TILE_HEIGHT * level, first, count)
    return files
