# SPDX-License-Identifier: EUPL-1.2
"""The monitor's folder under two threads, and after a kill."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.checkpoint import Checkpoint, CheckpointSigner, parse_unverified
from ledger.monitor_state import MonitorState
from ledger.violation import Fork

ORIGIN = "log.example/2026"
SIGNER = CheckpointSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))


def note(size: int) -> str:
    return SIGNER.sign(Checkpoint(ORIGIN, size, size.to_bytes(32)))


@pytest.fixture
def state(tmp_path):
    made = MonitorState(tmp_path)
    yield made
    made.close()


def test_published_head_is_never_replaced_by_an_older_one(state):
    path = state.publish(ORIGIN, note(8))
    for size, published in ((16, 16), (8, 16), (16, 16), (24, 24)):
        assert state.publish(ORIGIN, note(size)) == path
        assert parse_unverified(path.read_text()).size == published
    path.write_bytes(b"\xff damaged")
    state.publish(ORIGIN, note(8))
    assert path.read_text() == note(8)


def test_heads_and_proofs_written_by_threads_at_once_are_whole_and_the_largest_stays(state, tmp_path):
    fork = Fork(ORIGIN, datetime(2026, 11, 21, tzinfo=UTC), note(8), note(8), bytes(32), ())
    with ThreadPoolExecutor(8) as threads:
        written = [threads.submit(state.publish, ORIGIN, note(size)) for size in range(1, 65)]
        written += [threads.submit(state.keep, fork) for _ in range(16)]
        paths = {each.result() for each in written}
    assert len(paths) == 2
    assert (tmp_path / "checkpoints").joinpath(state.publish(ORIGIN, note(1)).name).read_text() == note(64)
    assert not list(tmp_path.rglob(".*.new"))


def test_what_a_killed_process_left_unfinished_is_removed(tmp_path):
    before = MonitorState(tmp_path)
    kept = before.publish(ORIGIN, note(8))
    before.close()
    left = [tmp_path / ".x.json.new", tmp_path / "checkpoints" / ".x.0123456789abcdef.new"]
    for each in left:
        each.write_text("half")
    MonitorState(tmp_path).close()
    assert not any(each.exists() for each in left)
    assert kept.read_text() == note(8)
