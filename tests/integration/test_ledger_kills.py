# SPDX-License-Identifier: EUPL-1.2
"""Worker, web service and chain node as real processes: the worker is killed at every numbered point.

No promised entry is lost, nothing is anchored twice, the root is right, and the audit command agrees.
"""

from __future__ import annotations

import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ledger import merkle
from ledger.chain.client import open_chain
from ledger.chain.sealer import FileSealerKey
from ledger.kill_points import KillPoint
from ledger.trust import log_id
from tests.integration.ledger_stack import Stack, wait_for

pytestmark = pytest.mark.slow
NORMAL = [point for point in KillPoint if KillPoint.BEFORE_BATCH <= point <= KillPoint.AFTER_SETTLE]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("ledger"))
    try:
        # the log's first moments have kill points of their own
        for point in (KillPoint.BEFORE_OPEN, KillPoint.AFTER_OPEN):
            made.start_worker(point)
            made.wait_killed(point)
        made.start_web()
        made.start_worker()
        wait_for("the log", lambda: made.answers(f"{made.url}/readyz"))
        made.stop("worker")
        yield made
    finally:
        made.stop_all()


@pytest.mark.parametrize("point", NORMAL, ids=lambda point: f"{point.value}-{point.name}")
def test_worker_killed_on_the_way_loses_nothing_and_anchors_nothing_twice(stack, point):
    if point in {KillPoint.BEFORE_COMPARE, KillPoint.AFTER_COMPARE}:
        with sqlite3.connect(stack.ledger_file) as database:
            database.execute("update logs set compared_at = null")
    stack.add()
    stack.start_worker(point)
    stack.wait_killed(point)
    # the web service does not need the worker to promise
    stack.add()
    stack.recover()
    stack.check_whole()


@pytest.mark.parametrize("point", [KillPoint.BEFORE_ADOPT, KillPoint.AFTER_ADOPT], ids=lambda point: point.name)
def test_worker_killed_while_it_adopts_a_forgotten_anchor_loses_nothing(stack, point):
    stack.add()
    stack.recover()
    with sqlite3.connect(stack.ledger_file) as database:
        newest = database.execute("select max(id) from anchors").fetchone()
        database.execute("delete from anchors where id = ?", newest)
    stack.start_worker(point)
    stack.wait_killed(point)
    stack.recover()
    stack.check_whole()


@pytest.mark.parametrize("point", [KillPoint.BEFORE_ABANDON, KillPoint.AFTER_ABANDON], ids=lambda p: p.name)
def test_worker_killed_while_it_gives_up_a_transaction_loses_nothing(stack, point):
    stack.add()
    stack.recover()
    newest = list(stack.chain.anchors(log_id(stack.origin)))[-1]
    stack.add()
    stack.start_worker(KillPoint.AFTER_STORE)
    stack.wait_killed(KillPoint.AFTER_STORE)
    # the sealer's key was used for something else meanwhile: a repeat of the present head takes the nonce
    leaves = stack.client.all_entries(newest.size)
    repeat = stack.chain.build_anchor(
        stack.sealer,
        log_id(stack.origin),
        prev_size=newest.prev_size,
        size=newest.size,
        root=newest.root,
        frontier=merkle.frontier(merkle.Tree(leaves).read, newest.prev_size),
        commitments=newest.commitments,
        nonce=stack.chain.nonce(stack.sealer.address),
    )
    stack.chain.send(repeat.raw)
    stack.start_worker(point)
    stack.wait_killed(point)
    stack.recover()
    stack.check_whole()
    assert "abandoned" in {state for _, state in stack.outbox()}


@pytest.mark.parametrize("point", [KillPoint.BEFORE_REOPEN, KillPoint.AFTER_REOPEN], ids=lambda p: p.name)
def test_worker_killed_while_it_reopens_anchors_that_the_chain_lost_loses_nothing(stack, point):
    stack.add()
    stack.recover()
    copy = stack.folder / "chain-before"
    _copy_chain(stack, copy)
    stack.add()
    stack.recover()
    before = len(list(stack.chain.anchors(log_id(stack.origin))))
    _restore_chain(stack, copy)
    assert len(list(stack.chain.anchors(log_id(stack.origin)))) < before
    # as long as the chain is shorter than it was, the node may only be behind
    _make_blocks(stack, 4)
    stack.start_worker(point)
    stack.wait_killed(point)
    stack.recover()
    stack.check_whole()
    assert len(list(stack.chain.anchors(log_id(stack.origin)))) == before


def test_two_workers_at_once_are_harmless(stack):
    stack.start_worker(name="first")
    stack.start_worker(name="second")
    for _ in range(4):
        stack.add()
        time.sleep(0.6)  # across several batches
    wait_for("everything anchored", stack.is_settled)
    for name in ("first", "second"):
        stack.stop(name, signal.SIGTERM)
    stack.check_whole()


def test_chain_down_promises_go_on_and_anchors_catch_up(stack):
    stack.start_worker()
    stack.stop("chain")
    before = stack.size()
    stack.add()
    wait_for("a batch without the chain", lambda: stack.size() > before)
    assert stack.answers(f"{stack.url}/readyz")
    assert stack.anchored() < stack.size()
    stack.start_chain()
    wait_for("everything anchored", stack.is_settled)
    stack.stop("worker")
    stack.check_whole()


RESTORING = [point for point in KillPoint if KillPoint.BEFORE_CONDITION <= point <= KillPoint.AFTER_REBUILD]


@pytest.mark.parametrize("point", RESTORING, ids=lambda point: point.name)
def test_worker_killed_while_it_restores_a_log_from_an_old_copy_restores_it_all_the_same(stack, point):
    stack.add()
    stack.recover()
    stack.stop("web", signal.SIGTERM)
    copy = stack.folder / "ledger-before"
    _backup(stack.ledger_file, copy)
    stack.start_web()
    stack.add()
    stack.recover()
    stack.stop("web", signal.SIGTERM)
    for file in stack.folder.glob("ledger.sqlite*"):
        file.unlink()
    shutil.copy(copy, stack.ledger_file)
    # much later: whoever promises now would not know what is missing
    with sqlite3.connect(stack.ledger_file) as database:
        database.execute("update logs set attended_at = '2026-01-01 00:00:00.000000'")
    database.close()
    stack.start_web()
    assert requests.get(f"{stack.url}/readyz", timeout=5).json()["error"] == "log_unattended"
    stack.start_worker(point)
    stack.wait_killed(point)
    stack.vouch()
    stack.add()
    stack.recover()
    stack.check_whole()


def _copy_chain(stack: Stack, copy: Path) -> None:
    stack.stop("chain", signal.SIGTERM)
    _backup(stack.chain_file, copy)
    stack.start_chain()


def _make_blocks(stack: Stack, count: int) -> None:
    """Let somebody else use the chain."""
    somebody, chain = FileSealerKey.generate(), open_chain(stack.chain_url, contract=None)
    for _ in range(count):
        chain.deploy_consent_ledger(somebody, owner=somebody.address)


def _restore_chain(stack: Stack, copy: Path) -> None:
    stack.stop("chain", signal.SIGTERM)
    for file in stack.folder.glob("chain.db*"):
        file.unlink()
    shutil.copy(copy, stack.chain_file)
    stack.start_chain()


def _backup(source: Path, target: Path) -> None:
    """Copy a SQLite file with everything committed, log included."""
    target.unlink(missing_ok=True)
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()
