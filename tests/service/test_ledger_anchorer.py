# SPDX-License-Identifier: EUPL-1.2
"""The outbox rules, against a chain in memory that can fail in every way a node can."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from flask import Flask
from sqlmodel import select

from ledger import anchorer as anchoring
from ledger import merkle
from ledger.chain.interface import Mode
from ledger.commitment import Commitment
from ledger.kill_points import KillPoint
from ledger.store import SqlStore
from ledger.tables import AnchorRow, LeaseRow
from ledger.trust import log_id
from ledger.values import AnchorState, LogCondition
from ledger.worker import Worker
from protocol.errors import StoreConflictError, UnavailableError
from protocol.runtime.database import open_database
from tests.fakes.ledger_bench import Bench, DiesAt, DiesAtError
from tests.fakes.memory_chain import MemoryChain, MemorySealer


@pytest.fixture
def chain(ledger_settings):
    return MemoryChain(log_id(ledger_settings.origin))


@pytest.fixture
def bench(world, ledger_settings, chain):
    return Bench(ledger_settings, world.clock, chain)


def test_log_when_grown_is_anchored_once(bench):
    for _ in range(3):
        bench.grow()
        bench.worker.anchor()
        bench.worker.anchor()
    assert bench.states() == [(8, "final"), (16, "final"), (24, "final")]
    assert len(bench.chain.sent) == 3
    bench.check_whole()


def test_log_far_ahead_is_anchored_in_steps_of_at_most_a_thousand(bench):
    bench.grow(2300)
    bench.worker.anchor()
    assert [size for size, _ in bench.states()] == [1000, 2000, 2300]
    bench.check_whole()


@pytest.fixture
def volume(world, ledger_settings, chain):
    """A bench whose anchors are root-only."""
    mirrors = frozenset({"https://tiles.example.cat/2026", "https://copy.example.es"})
    update = {"anchor_mode": "root-only", "mirrors": mirrors}
    for mirror in mirrors:
        world.http.apps[mirror.removesuffix("/2026")] = Flask("an empty mirror")
    return Bench(ledger_settings.model_copy(update=update), world.clock, chain, http=world.http)


def test_log_far_ahead_is_anchored_at_once_in_root_only_mode(volume):
    volume.grow(3)
    volume.worker.anchor()
    volume.grow(2300)
    volume.worker.anchor()
    assert volume.states() == [(8, "final"), (2308, "final")]
    assert {event.mode for event in volume.chain.anchors(volume.chain.log_id)} == {Mode.ROOT_ONLY}
    volume.check_whole()


def test_log_may_change_its_mode_between_anchors(bench, world, ledger_settings):
    bench.grow(9)
    bench.worker.anchor()
    bench.settings = bench.settings.model_copy(update={"anchor_mode": "root-only"})
    bench.restart()
    bench.grow(1100)
    bench.worker.anchor()
    bench.settings = bench.settings.model_copy(update={"anchor_mode": "calldata"})
    bench.restart()
    bench.grow(1)
    bench.worker.anchor()
    events = list(bench.chain.anchors(bench.chain.log_id))
    assert [event.mode for event in events] == [Mode.CALLDATA, Mode.ROOT_ONLY, Mode.CALLDATA]
    bench.check_whole()


def test_root_only_anchor_when_its_answer_is_lost_and_the_pool_dropped_is_made_once(volume):
    volume.chain.mines_at_once = False
    volume.chain.loses_answers = True
    volume.grow(1500)
    with pytest.raises(UnavailableError):
        volume.worker.anchor()
    volume.chain.drop_pool()
    volume.chain.loses_answers = False
    volume.restart()
    volume.worker.anchor()
    volume.chain.mine()
    volume.worker.anchor()
    assert (len(volume.chain.sent), len(set(volume.chain.sent))) == (2, 1)
    assert volume.states() == [(1500, "final")]
    volume.check_whole()


def test_chain_when_down_does_not_stop_the_log_and_anchors_catch_up(bench):
    bench.chain.is_down = True
    for _ in range(3):
        bench.grow()
        with pytest.raises(UnavailableError):
            bench.worker.anchor()
    assert bench.store.find_log("2026").size == 24
    bench.chain.is_down = False
    bench.worker.anchor()
    bench.check_whole()


def test_answer_to_sending_when_lost_is_settled_by_the_receipt(bench):
    bench.grow()
    bench.chain.loses_answers = True
    with pytest.raises(UnavailableError):
        bench.worker.anchor()
    bench.chain.loses_answers = False
    bench.worker.anchor()
    assert len(bench.chain.sent) == 1
    bench.check_whole()


def test_pool_when_dropped_gets_the_same_bytes_again(bench):
    bench.chain.mines_at_once = False
    bench.grow()
    for _ in range(5):
        bench.worker.anchor()
        bench.chain.drop_pool()
    bench.grow()
    bench.worker.anchor()
    assert len(set(bench.chain.sent)) == 1
    assert len(bench.chain.sent) == 6
    bench.chain.mines_at_once = True
    bench.chain.mine()
    bench.worker.anchor()
    bench.check_whole()


def test_pool_when_it_knows_the_bytes_already_is_waited_for(bench):
    bench.chain.mines_at_once = False
    bench.grow()
    bench.worker.anchor()
    bench.worker.anchor()
    assert bench.states() == [(8, "pending")]
    bench.chain.mine()
    bench.worker.anchor()
    bench.check_whole()


def test_reorganisation_puts_the_anchor_back_to_pending_and_it_returns(bench):
    bench.chain.confirmations = 2
    bench.grow()
    bench.worker.anchor()
    assert bench.states() == [(8, "included")]
    bench.chain.reorganise(1)
    bench.chain.mines_at_once = False
    bench.worker.anchor()
    assert bench.states() == [(8, "pending")]
    assert bench.anchors()[0].block_hash is None
    for _ in range(3):
        bench.chain.mine()
    bench.worker.anchor()
    assert len(set(bench.chain.sent)) == 1
    bench.check_whole()


def test_reorganisation_into_another_block_is_followed(bench):
    bench.chain.confirmations = 1
    bench.grow()
    bench.worker.anchor()
    before = bench.anchors()[0].block_hash
    bench.chain.reorganise(1, keep=True)
    bench.chain.mine()
    bench.worker.anchor()
    assert bench.anchors()[0].block_hash not in {None, before}
    bench.chain.mine()
    bench.worker.anchor()
    bench.check_whole()


def test_chain_when_set_back_beyond_final_blocks_gets_all_anchors_again_in_order(bench):
    for _ in range(3):
        bench.grow()
        bench.worker.anchor()
    bench.chain.reorganise(3)
    for _ in range(3):
        # fewer blocks than were final: as far as anybody can tell, the node lags
        with pytest.raises(UnavailableError, match="chain_behind"):
            bench.worker.anchor()
        assert bench.states() == [(8, "final"), (16, "final"), (24, "final")]
        bench.chain.mine()
    bench.worker.anchor()
    assert len(set(bench.chain.sent)) == 3
    bench.check_whole()


def test_final_anchors_when_a_node_lags_stay_final_and_nothing_is_sent(bench):
    for _ in range(2):
        bench.grow()
        bench.worker.anchor()
    before = bench.anchors()
    bench.grow()
    for bench.chain.lag in (1, 2):
        with pytest.raises(UnavailableError, match="chain_behind"):
            bench.worker.anchor()
    assert bench.anchors() == before
    assert len(bench.chain.sent) == 2
    bench.chain.lag = 0
    bench.worker.anchor()
    assert bench.states() == [(8, "final"), (16, "final"), (24, "final")]
    bench.check_whole()


def test_final_anchors_when_two_nodes_answer_in_turn_stay_final(bench, monkeypatch):
    bench.grow()
    bench.worker.anchor()
    old = bench.chain.head

    def lagging(log_id):
        bench.chain.lag = 1
        try:
            return old(log_id)
        finally:
            bench.chain.lag = 0

    monkeypatch.setattr(bench.chain, "head", lagging)
    bench.grow()
    with pytest.raises(UnavailableError, match="chain_inconsistent"):
        bench.worker.anchor()
    assert bench.states() == [(8, "final")]
    monkeypatch.undo()
    bench.worker.anchor()
    bench.check_whole()


def test_chain_that_its_operator_set_back_gets_its_anchors_again_on_their_word(bench):
    for _ in range(3):
        bench.grow()
        bench.worker.anchor()
    bench.chain.reorganise(2)
    assert bench.worker.reopen_anchors("2026")
    assert bench.states() == [(8, "final"), (16, "pending"), (24, "pending")]
    bench.worker.anchor()
    assert len(set(bench.chain.sent)) == 3
    bench.check_whole()


def test_reorganisation_while_a_later_anchor_waits_settles_both(bench):
    bench.grow()
    bench.worker.anchor()
    bench.chain.mines_at_once = False
    bench.grow()
    bench.worker.anchor()
    bench.chain.reorganise(1)
    bench.chain.drop_pool()
    bench.chain.mine()
    bench.chain.mines_at_once = True
    bench.worker.anchor()
    bench.check_whole()


def test_nonce_used_by_another_transaction_leads_to_a_new_one_only_after_proof_of_absence(bench):
    bench.chain.mines_at_once = False
    bench.grow()
    bench.worker.anchor()
    bench.chain.drop_pool()
    # the same key did something else with this nonce: a repeat of the present head
    bench.chain.anchor_of_another(
        log_id=bench.chain.log_id.hex(),
        prev_size=0,
        size=0,
        root=merkle.EMPTY_ROOT.hex(),
        frontier=[],
        commitments=[],
        nonce=0,
    )
    bench.chain.mines_at_once = True
    bench.worker.anchor()
    assert bench.states() == [(8, "abandoned"), (8, "final")]
    bench.check_whole()


def test_node_that_refuses_for_good_gets_no_second_transaction_with_the_same_head(bench):
    bench.grow()
    bench.chain.refuses = True
    for _ in range(3):
        bench.worker.anchor()
    assert bench.states() == [(8, "pending")]
    bench.chain.refuses = False
    bench.worker.anchor()
    bench.check_whole()


def test_node_that_refused_may_get_a_later_head_instead(bench):
    bench.grow()
    bench.chain.refuses = True
    bench.worker.anchor()
    bench.grow()
    bench.worker.anchor()
    bench.chain.refuses = False
    bench.worker.anchor()
    assert bench.states()[0] == (8, "abandoned")
    assert bench.states()[-1] == (16, "final")
    bench.check_whole()


def test_replaced_transaction_that_comes_through_after_all_is_adopted(bench):
    bench.grow()
    bench.chain.refuses = True
    bench.worker.anchor()
    old = bench.anchors()[0].raw
    bench.grow()
    bench.worker.anchor()
    assert bench.states() == [(8, "abandoned"), (16, "pending")]
    bench.chain.refuses = False
    bench.chain.send(old)
    bench.worker.anchor()
    assert sorted(bench.states()) == [(8, "final"), (16, "abandoned"), (16, "final")]
    bench.check_whole()


def test_anchor_that_the_outbox_forgot_is_adopted(bench):
    bench.grow()
    bench.worker.anchor()
    with bench.database.write() as session:
        for row in session.exec(select(AnchorRow)):
            session.delete(row)
    bench.grow()
    bench.worker.anchor()
    assert len(bench.chain.sent) == 2
    bench.check_whole()


def test_anchor_refused_by_the_contract_is_tried_again_only_after_a_pause(bench, monkeypatch):
    bench.grow()
    genuine = bench.chain.build_anchor

    def wrong(*args: object, **kwargs: object):
        return genuine(*args, **{**kwargs, "root": bytes(32)})

    monkeypatch.setattr(bench.chain, "build_anchor", wrong)
    for _ in range(3):
        bench.worker.anchor()
    assert bench.states() == [(8, "failed")]
    monkeypatch.setattr(bench.chain, "build_anchor", genuine)
    bench.clock.advance(anchoring.FAILURE_PAUSE)
    bench.worker.anchor()
    bench.check_whole()


def foreign_anchor(chain, size: int) -> None:
    """Bring leaves to the chain that nobody here ever had."""
    entries = [secrets.token_bytes(32) for _ in range(size)]
    chain.anchor_of_another(
        log_id=chain.log_id.hex(),
        prev_size=0,
        size=size,
        root=merkle.Tree(entries).root().hex(),
        frontier=[],
        commitments=[each.hex() for each in entries],
        nonce=0,
    )


def test_chain_ahead_of_the_database_stops_promises_before_anything_is_sent(bench):
    bench.grow()
    foreign_anchor(bench.chain, 9)
    bench.worker.anchor()
    log = bench.store.find_log("2026")
    assert (log.condition, log.reason) == (
        LogCondition.RESTORING,
        "restore needed: the chain is ahead of the database",
    )
    with pytest.raises(UnavailableError, match="log_frozen"):
        bench.store.add_promise("2026", Commitment(bytes(32)), "token", due_at=bench.clock.now())
    bench.worker.anchor()
    assert bench.chain.sent == []
    # and what the chain has is not what was promised here
    assert bench.worker.sequence() == 0
    log = bench.store.find_log("2026")
    assert (log.condition, log.reason) == (
        LogCondition.FROZEN,
        "the database has other leaves than the chain from 0 on",
    )


def test_chain_with_another_root_freezes_the_log(bench):
    bench.grow()
    foreign_anchor(bench.chain, 8)
    bench.worker.anchor()
    log = bench.store.find_log("2026")
    assert (log.condition, log.reason) == (LogCondition.FROZEN, "the chain has another root than the database")


def test_contract_that_froze_the_log_freezes_it_here(bench):
    bench.chain.is_frozen = True
    bench.worker.anchor()
    assert bench.store.find_log("2026").condition is LogCondition.FROZEN


def test_log_that_its_sealer_froze_on_the_chain_is_frozen_here_and_takes_no_more(bench):
    bench.grow()
    bench.worker.anchor()
    bench.chain.freeze_log(MemorySealer(), bench.chain.log_id)
    bench.chain.freeze_log(MemorySealer(), bench.chain.log_id)
    assert bench.chain.nonce(MemorySealer.address) == 2
    bench.grow()
    bench.worker.anchor()
    assert bench.store.find_log("2026").condition is LogCondition.FROZEN
    assert [event.size for event in bench.chain.anchors(bench.chain.log_id)] == [8]


def test_new_log_is_not_opened_before_the_chain_answered(world, ledger_settings, chain):
    chain.is_down = True
    with pytest.raises(UnavailableError):
        Bench(ledger_settings, world.clock, chain)


def test_second_worker_does_nothing_while_the_first_has_the_lease(bench):
    bench.grow()
    second = bench.another_worker()
    second.anchor()
    assert second.sequence() == 0
    bench.worker.anchor()
    second.anchor()
    assert bench.states() == [(8, "final")]
    bench.check_whole()


def test_worker_that_lost_its_lease_can_store_nothing(bench):
    bench.grow()
    genuine = bench.chain.build_anchor

    def slow(*args: object, **kwargs: object):
        # meanwhile another worker took over
        with bench.database.write() as session:
            for row in session.exec(select(LeaseRow)):
                row.holder, row.token = "another", row.token + 1
                session.add(row)
        return genuine(*args, **kwargs)

    bench.chain.build_anchor = slow
    with pytest.raises(StoreConflictError, match="lease_lost"):
        bench.worker.anchor()
    assert bench.states() == []
    assert bench.chain.sent == []


def _scenario(bench) -> None:
    """Growth, a reorganisation, a lost nonce and catching up, so that every kill point is on the way."""
    bench.grow()
    bench.worker.anchor()
    bench.grow()
    bench.worker.anchor()
    bench.chain.reorganise(1)
    bench.chain.mine()
    bench.worker.anchor()
    bench.chain.refuses = True
    bench.grow()
    bench.worker.anchor()
    bench.grow()
    bench.worker.anchor()
    old = next(each for each in bench.anchors() if each.state is AnchorState.PENDING).raw
    bench.grow()
    bench.worker.anchor()
    bench.chain.refuses = False
    bench.chain.send(old)
    bench.worker.anchor()
    bench.grow()
    bench.worker.anchor()


_OPENING = {KillPoint.BEFORE_OPEN, KillPoint.AFTER_OPEN}
_FREEZING = {KillPoint.BEFORE_FREEZE, KillPoint.AFTER_FREEZE}
# test_ledger_restore.py and test_ledger_year.py go past these
_ELSEWHERE = {point for point in KillPoint if point >= KillPoint.BEFORE_CONDITION}


@pytest.mark.parametrize("point", sorted(set(KillPoint) - _OPENING - _FREEZING - _ELSEWHERE))
def test_turn_that_ends_at_any_kill_point_loses_nothing_and_anchors_nothing_twice(bench, point):
    bench.kill.point = point
    steps = 0
    while steps < 10:
        steps += 1
        try:
            _scenario(bench)
            break
        except DiesAtError:
            bench.chain.refuses = False
            bench.restart()
        except StopIteration:
            bench.chain.refuses = False
    assert point in bench.kill.reached
    assert bench.kill.point is None
    bench.restart()
    bench.worker.sequence()
    bench.worker.anchor()
    bench.check_whole()


@pytest.mark.parametrize("point", sorted(_OPENING))
def test_opening_that_ends_at_a_kill_point_is_done_again_once(world, ledger_settings, chain, point):
    kill = DiesAt()
    kill.point = point

    def worker() -> Worker:
        return Worker(ledger_settings, clock=world.clock, kill_points=kill, chain=chain, sealer=MemorySealer())

    with pytest.raises(DiesAtError):
        worker().sequence()
    world.clock.advance(timedelta(seconds=60))
    worker().sequence()
    assert SqlStore(open_database(ledger_settings.database_url)).find_log("2026").size == 0


@pytest.mark.parametrize("point", sorted(_FREEZING))
def test_freezing_that_ends_at_a_kill_point_is_done_again(bench, point):
    bench.chain.is_frozen = True
    bench.kill.point = point
    with pytest.raises(DiesAtError):
        bench.worker.anchor()
    bench.restart()
    bench.worker.anchor()
    assert bench.store.find_log("2026").condition is LogCondition.FROZEN
