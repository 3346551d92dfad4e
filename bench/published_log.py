# SPDX-License-Identifier: EUPL-1.2
"""A log of any size as a static host would have it: files of entries and tiles, a signed head, and its anchors.

Only the service's answers are made here; what an auditor does with them is the product's own code.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from ledger import merkle, tiles
from ledger.chain.interface import AnchorEvent, AnchorEvidence, Finality, Head, Mode
from ledger.checkpoint import Checkpoint, CheckpointSigner, new_key_pem
from ledger.commitment import COMMITMENT_BYTES
from ledger.leaves import PackedLeaves
from ledger.tree_builder import TreeBuilder
from ledger.trust import AuditedLog, TrustedChain, TrustFile, log_id
from protocol.keys import PrivateKey
from protocol.runtime.fetch import MAX_BODY_BYTES, Response
from tests.fakes.anchor_proof import prove_anchor

ORIGIN = "ledger.example/2026"
URL = "https://ledger.example"
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
SEALER = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
CHAIN_ID = 1337
ANCHORED_AT_ONCE = 1000
# an entry in a bundle, its length before it
_BUNDLED_BYTES = 2 + COMMITMENT_BYTES


def write(folder: Path, size: int) -> None:
    """Write a log of random entries, anchored at every thousand."""
    entries = secrets.token_bytes(size * COMMITMENT_BYTES)
    tree = merkle.Tree()
    with TreeBuilder(tree) as builder:
        builder.add(entries)
        deque(builder.finish(), maxlen=0)
    (folder / "entries").write_bytes(entries)
    (folder / "bundles").write_bytes(tiles.encode_entries([*PackedLeaves(entries)]))
    for level in range(tiles.MAX_LEVEL + 1):
        height = level * tiles.TILE_HEIGHT
        (folder / f"level-{level}").write_bytes(
            tree.read_run(height, 0, size >> height) if size >> height else b""
        )
    signer = CheckpointSigner.from_pem(ORIGIN, new_key_pem())
    (folder / "checkpoint").write_text(signer.sign(Checkpoint(ORIGIN, size, tree.root())), "utf-8")
    sizes = [*range(0, size, ANCHORED_AT_ONCE), size]
    (folder / "roots.json").write_text(json.dumps([(each, tree.root(each).hex()) for each in sizes]))
    chain = TrustedChain(CHAIN_ID, CONTRACT, log_id(ORIGIN), SEALER, ())
    promise_key = PrivateKey.generate().public_key
    log = AuditedLog(ORIGIN, signer.key, promise_key, timedelta(seconds=60), chain)
    (folder / "trust.json").write_text(json.dumps(TrustFile("", (log,), ()).to_json()))


class StaticHost:
    """Answers from the files, as an `HTTPClient`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, int] = {}
        size = (folder / "entries").stat().st_size // COMMITMENT_BYTES
        levels = (None, *range(tiles.MAX_LEVEL + 1))
        self._tiles = {each.path(): each for level in levels for each in tiles.addresses(size, level)}

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002 - the interface's
        max_bytes: int = MAX_BODY_BYTES,  # noqa: ARG002 - the same
    ) -> Response:
        """Return a file, or the part of one that is this tile."""
        path = url.removeprefix(URL + "/")
        if path == "checkpoint":
            return Response(200, {}, (self._folder / path).read_bytes())
        if path.startswith("log/"):
            return Response(404, {}, b'{"error": "not_found"}')
        address = self._tiles[path]
        name, width = ("bundles", _BUNDLED_BYTES) if address.level is None else (f"level-{address.level}", 32)
        if name not in self._files:
            self._files[name] = os.open(self._folder / name, os.O_RDONLY)
        at = address.index * tiles.TILE_WIDTH * width
        return Response(200, {}, os.pread(self._files[name], address.width * width, at))

    def post(self, url: str, **_: object) -> Response:
        """Refuse: an auditor writes nothing."""
        raise NotImplementedError(url)


class AnchoredChain:
    """The chain that anchored it: the calls that an audit makes."""

    contract = CONTRACT

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        listed = json.loads((folder / "roots.json").read_text())
        self._roots = [(size, bytes.fromhex(root)) for size, root in listed]
        # only the newest anchor is proved to an auditor; its block is of now, so that it is not stale
        (before, prev_root), (size, root) = self._roots[-2:]
        self._newest = prove_anchor(
            contract=CONTRACT,
            log_id=log_id(ORIGIN),
            prev_size=before,
            size=size,
            prev_root=prev_root,
            root=root,
            chain_id=CHAIN_ID,
            block_number=len(self._roots) - 1,
            timestamp=(now := int(time.time())),
        ).evidence
        self._times = range(now - len(self._roots) + 2, now + 1)

    def chain_id(self) -> int:
        """Return the chain's number."""
        return CHAIN_ID

    def head(self, log: bytes) -> Head:  # noqa: ARG002 - the interface's
        """Return the newest anchor's head."""
        return Head(*self._roots[-1], is_frozen=False, sealer=SEALER)

    def finality(self, block_number: int, block_hash: bytes) -> Finality:  # noqa: ARG002 - the interface's
        """Say that every block is final."""
        return Finality.FINAL

    def anchors(self, log: bytes, *, from_size: int = 0, from_block: int = 0) -> Iterator[AnchorEvent]:  # noqa: ARG002 - the same
        """Yield the anchors, with the commitments that their transactions carried."""
        entries = os.open(self._folder / "entries", os.O_RDONLY)
        for number, ((before, prev_root), (size, root)) in enumerate(pairwise(self._roots), start=1):
            proof = self._newest if number == self._newest.block_number else None
            if size > from_size:
                yield AnchorEvent(
                    contract=CONTRACT,
                    log_id=log,
                    prev_size=before,
                    size=size,
                    prev_root=prev_root,
                    root=root,
                    mode=Mode.CALLDATA,
                    log_index=0,
                    block_number=number,
                    block_hash=proof.block_hash if proof else number.to_bytes(32),
                    block_time=self._times[number - 1],
                    transaction_hash=proof.transaction_hash if proof else number.to_bytes(32),
                    commitments=PackedLeaves(os.pread(entries, 32 * (size - before), 32 * before)),
                )

    def receipt_evidence(self, transaction_hash: bytes) -> AnchorEvidence:
        """Return the evidence of the newest anchor."""
        if transaction_hash != self._newest.transaction_hash:
            raise NotImplementedError(transaction_hash.hex())
        return self._newest
