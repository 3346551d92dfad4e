# SPDX-License-Identifier: EUPL-1.2
"""The anchorer against anvil: pending transactions, emptied pools, reorganisations, one-second blocks.

Whatever the chain does, what was promised is anchored, once, and the chain's root is the log's.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from ledger import merkle
from ledger.anchor_evidence import AnchorProof
from ledger.chain.client import open_chain
from ledger.chain.evidence import verify_anchor
from ledger.chain.interface import Chain
from ledger.chain.sealer import FileSealerKey
from ledger.commitment import Commitment
from ledger.settings import LedgerSettings
from ledger.store import SqlStore, stored_anchor
from ledger.tables import AnchorRow
from ledger.trust import log_id
from ledger.values import AnchorState
from ledger.worker import Worker
from protocol.encoding import parse_object
from protocol.errors import UnavailableError
from protocol.runtime.database import open_database
from tests.integration.foundry import CHAIN_ID, Anvil

pytestmark = pytest.mark.node
LOG = "2026"
DEADLINE_SECONDS = 60.0


class Bench:
    """A log whose worker anchors on anvil, turn by turn."""

    def __init__(self, anvil: Anvil, settings: LedgerSettings, clock) -> None:
        self.anvil, self.clock = anvil, clock
        owner, sealer = FileSealerKey.generate(), FileSealerKey.generate()
        self.chain: Chain = open_chain(anvil.url, contract=None)
        contract = self.chain.deploy_consent_ledger(owner, owner=owner.address)
        self.log_id = log_id(settings.origin)
        self.chain.register_log(owner, self.log_id, sealer.address)
        self.settings = settings.model_copy(
            update={
                "chain_url": anvil.url,
                "chain_id": CHAIN_ID,
                "contract": contract,
                "sealer_key_file": "unused.key",
            }
        )
        self.worker = Worker(self.settings, clock=clock, chain=self.chain, sealer=sealer)
        self.worker.sequence()
        self.store = SqlStore(open_database(settings.database_url))
        self.database = open_database(settings.database_url)
        self.added: list[Commitment] = []

    def grow(self) -> None:
        """Promise an entry and close its batch."""
        commitment = Commitment(secrets.token_bytes(32))
        self.added.append(commitment)
        self.store.add_promise(LOG, commitment, "token", due_at=self.clock.now() + timedelta(seconds=60))
        self.worker.sequence()

    def anchor(self, blocks: int = 0) -> None:
        """Let the anchorer take a turn, then make so many blocks, and a turn after each."""
        self.worker.anchor()
        for _ in range(blocks):
            self.anvil.mine()
            self.worker.anchor()

    def rows(self) -> list[AnchorRow]:
        with self.database.read() as session:
            return list(session.exec(select(AnchorRow).order_by(AnchorRow.id)).all())

    def states(self) -> list[AnchorState]:
        return [AnchorState(row.state) for row in self.rows()]

    def pending(self) -> int:
        return int(self.anvil.result("txpool_status")["pending"], 16)

    def is_settled(self) -> bool:
        log = self.store.find_log(LOG)
        assert log is not None
        final = [each.size for each in self.store.anchors(LOG) if each.state is AnchorState.FINAL]
        return max(final, default=0) == log.size

    def check_whole(self) -> None:
        """See that the chain holds exactly this log, each anchor once, and that the evidence kept proves it."""
        log = self.store.find_log(LOG)
        assert log is not None
        leaves = self.store.entries(LOG, 0, log.size)
        assert set(self.added) <= set(leaves)
        events = list(self.chain.anchors(self.log_id))
        assert tuple(each for event in events for each in event.commitments) == leaves
        head = self.chain.head(self.log_id)
        assert (head.size, head.root) == (log.size, merkle.Tree(leaves).root())
        final = [stored_anchor(row) for row in self.rows() if row.state == AnchorState.FINAL]
        assert [(each.size, each.block_hash) for each in final] == [
            (each.size, each.block_hash) for each in events
        ]
        for each in final:
            proof = AnchorProof.parse(parse_object(each.evidence.encode()))
            verified = verify_anchor(
                proof.evidence, expected_contract=self.chain.contract or "", expected_log_id=self.log_id
            )
            assert (verified.anchored.size, verified.block.hash) == (each.size, each.block_hash)


def start(folder: Path, ledger_settings, world, *arguments: str) -> Bench:
    anvil = Anvil(folder, *arguments)
    try:
        return Bench(anvil, ledger_settings, world.clock)
    except BaseException:
        anvil.stop()
        raise


@pytest.fixture
def bench(tmp_path, ledger_settings, world) -> Iterator[Bench]:
    """A chain that makes no block until it is told to."""
    made = start(tmp_path, ledger_settings, world)
    made.anvil.result("evm_setAutomine", False)
    yield made
    made.anvil.stop()


def test_a_pending_anchor_is_sent_as_the_same_bytes_until_it_is_final(bench):
    bench.grow()
    for _ in range(3):
        bench.anchor()
        assert (bench.states(), bench.pending()) == ([AnchorState.PENDING], 1)
    (raw,) = {row.raw for row in bench.rows()}
    bench.anchor(blocks=1)
    assert bench.states() == [AnchorState.INCLUDED]
    bench.anchor(blocks=3)
    assert (bench.states(), [row.raw for row in bench.rows()]) == ([AnchorState.FINAL], [raw])
    bench.check_whole()


def test_an_anchor_whose_pool_was_emptied_is_sent_again_and_anchored_once(bench):
    bench.grow()
    for _ in range(3):
        bench.anchor()
        assert bench.pending() == 1
        bench.anvil.result("anvil_dropAllTransactions")
        assert bench.pending() == 0
    bench.grow()
    bench.anchor(blocks=4)
    bench.anchor(blocks=4)
    assert bench.states() == [AnchorState.FINAL] * 2
    bench.check_whole()


@pytest.mark.parametrize("depth", [1, 2])
def test_an_anchor_whose_block_is_reorganised_away_is_pending_again_and_anchored_once(bench, depth):
    bench.grow()
    bench.anchor(blocks=5)
    bench.grow()
    bench.anchor(blocks=depth)
    assert bench.states() == [AnchorState.FINAL, AnchorState.INCLUDED]
    lost = bench.rows()[1].block_hash
    bench.anvil.result("anvil_reorg", depth, [])
    assert bench.chain.head(bench.log_id).size == 8
    bench.anchor()
    assert bench.states() == [AnchorState.FINAL, AnchorState.PENDING]
    bench.anchor(blocks=4)
    assert bench.states() == [AnchorState.FINAL] * 2
    assert bench.rows()[1].block_hash != lost
    bench.check_whole()


def test_a_reorganisation_that_moves_the_anchor_to_another_block_is_followed(bench):
    bench.grow()
    bench.anchor(blocks=1)
    (row,) = bench.rows()
    bench.anvil.mine()
    bench.anvil.result("anvil_reorg", 2, [["0x" + row.raw.hex(), 1]])
    bench.anchor()
    (moved,) = bench.rows()
    assert (AnchorState(moved.state), moved.transaction_hash) == (AnchorState.INCLUDED, row.transaction_hash)
    assert (moved.block_number, moved.block_hash != row.block_hash) == (row.block_number + 1, True)
    bench.anchor(blocks=3)
    assert bench.states() == [AnchorState.FINAL]
    bench.check_whole()


def test_a_chain_set_back_before_final_anchors_gets_them_again_once_each(bench):
    bench.grow()
    bench.anchor(blocks=5)
    snapshot = bench.anvil.result("evm_snapshot")
    for _ in range(3):
        bench.grow()
        bench.anchor(blocks=4)
    assert bench.states() == [AnchorState.FINAL] * 4
    assert bench.anvil.result("evm_revert", snapshot) is True
    bench.anvil.result("evm_setAutomine", False)
    assert bench.chain.head(bench.log_id).size == 8
    # as long as the chain is shorter than it was, the node may only be behind
    with pytest.raises(UnavailableError, match="chain_behind"):
        bench.anchor()
    assert bench.states() == [AnchorState.FINAL] * 4
    bench.anvil.mine(16)
    for _ in range(4):
        bench.anchor(blocks=4)
    assert bench.is_settled()
    bench.check_whole()


def test_blocks_every_second_take_every_anchor_once(tmp_path, ledger_settings, world):
    bench = start(tmp_path, ledger_settings, world, "--block-time", "1")
    try:
        deadline = time.monotonic() + DEADLINE_SECONDS
        for _ in range(4):
            bench.grow()
            seen = bench.chain.head(bench.log_id).size
            while bench.chain.head(bench.log_id).size == seen:
                assert time.monotonic() < deadline
                bench.anchor()
                time.sleep(0.1)
        while not bench.is_settled():
            assert time.monotonic() < deadline
            bench.anchor()
            time.sleep(0.1)
        bench.check_whole()
    finally:
        bench.anvil.stop()
