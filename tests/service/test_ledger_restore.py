# SPDX-License-Identifier: EUPL-1.2
"""A ledger whose database is an older copy, or a new one, beside a chain that knows more."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask, Response

from ledger import checkpoint as checkpoints
from ledger import merkle, tiles
from ledger.app import create_app
from ledger.checkpoint import CheckpointSigner
from ledger.commitment import Commitment
from ledger.kill_points import KillPoint
from ledger.operator_commands import restore_command
from ledger.publication import PromisingLog, Publication
from ledger.restorer import HEADS_UNKNOWN
from ledger.store import SqlStore
from ledger.trust import log_id
from ledger.values import LogCondition
from protocol.errors import UnavailableError
from protocol.runtime.database import open_database
from protocol.runtime.signer import open_signer
from tests.fakes.ledger_bench import Bench, DiesAtError
from tests.fakes.memory_chain import MemoryChain

MIRROR = "https://mirror.example"
DELAY = timedelta(seconds=60)


@pytest.fixture
def bench(world, ledger_settings) -> Bench:
    settings = ledger_settings.model_copy(update={"mirrors": frozenset({MIRROR})})
    Mirror(world)
    return Bench(settings, world.clock, MemoryChain(log_id(settings.origin)), http=world.http)


def database_file(bench) -> Path:
    return Path(bench.settings.database_url.removeprefix("sqlite:///"))


def back_up(bench) -> Path:
    copy = database_file(bench).with_suffix(".backup")
    copy.unlink(missing_ok=True)
    with sqlite3.connect(database_file(bench)) as old, sqlite3.connect(copy) as new:
        old.backup(new)
    old.close()
    new.close()
    return copy


def lose(bench, copy: Path | None = None) -> None:
    """Put an older copy in the database's place, or nothing; some time passes. The mirror has the newest head."""
    bench.http.published = bench.store.find_checkpoint("2026").note
    bench.database.engine.dispose()
    bench.worker = None
    for file in database_file(bench).parent.glob(database_file(bench).name + "*"):
        file.unlink()
    if copy is not None:
        shutil.copy(copy, database_file(bench))
    bench.later(3600)
    bench.worker = bench.another_worker()


def publication(bench) -> Publication:
    """Return what the web service would promise with."""
    signer = open_signer(f"file:{bench.settings.promise_key_file}")
    log = PromisingLog(bench.settings.origin, signer, DELAY)
    return Publication(bench.store, bench.clock, [log], is_anchored=True)


def grown(bench, turns: int) -> None:
    for _ in range(turns):
        bench.grow()
        bench.worker.anchor()


class Mirror:
    """A static host with the head that was published last, and these leaves; what it serves can be spoiled."""

    def __init__(self, world, leaves: tuple[Commitment, ...] = (), note: str | None = None) -> None:
        self.leaves = leaves
        self.note = note
        self.http = world.http
        self.app = Flask("mirror")
        self.app.get("/2026/checkpoint")(self.checkpoint)
        self.app.get("/2026/tile/entries/<path:path>")(self.bundle)
        world.http.apps[MIRROR] = self.app

    def checkpoint(self) -> Response:
        note = getattr(self.http, "published", "") if self.note is None else self.note
        return Response(note, status=200 if note else 404)

    def bundle(self, path: str) -> Response:
        address = tiles.parse_path("entries", path)
        if address.width > tiles.width_at(None, address.index, len(self.leaves)):
            return Response(status=404)
        start = address.index * tiles.TILE_WIDTH
        return Response(tiles.encode_entries(self.leaves[start : start + address.width]))


def test_older_copy_is_rebuilt_from_calldata_before_anything_is_promised(bench):
    grown(bench, 2)
    copy = back_up(bench)
    grown(bench, 3)
    leaves, root = bench.leaves(), bench.chain.head(bench.chain.log_id).root
    lose(bench, copy)
    assert bench.log().size == 16
    with pytest.raises(UnavailableError, match="log_unattended"):
        publication(bench).add_entry(Commitment(bytes(32)), log=None)
    bench.worker.sequence()
    assert bench.log().size == 40
    assert bench.leaves() == leaves
    assert merkle.Tree(leaves).root() == root
    assert publication(bench).add_entry(Commitment(bytes(32)), log=None)
    bench.worker.anchor()
    bench.check_whole()
    assert len(bench.chain.sent) == 5


def test_database_when_lost_wholly_is_rebuilt_from_calldata(bench):
    grown(bench, 3)
    leaves = bench.leaves()
    lose(bench)
    bench.worker.sequence()
    assert bench.leaves() == leaves
    note = bench.store.find_checkpoint("2026").note
    assert checkpoints.parse_unverified(note).size == 24
    bench.worker.anchor()
    bench.grow()
    bench.worker.anchor()
    bench.check_whole()


def test_copy_that_ends_inside_an_anchor_is_completed(bench):
    grown(bench, 1)
    bench.grow()
    copy = back_up(bench)
    bench.grow()
    bench.worker.anchor()
    assert [size for size, _ in bench.states()] == [8, 24]
    lose(bench, copy)
    assert bench.log().size == 16
    bench.worker.sequence()
    bench.worker.anchor()
    bench.check_whole()


def test_promise_that_waits_in_the_copy_and_is_on_the_chain_is_kept(bench):
    commitment = Commitment(b"\x07" * 32)
    bench.store.add_promise("2026", commitment, "its promise", due_at=bench.clock.now() + DELAY)
    copy = back_up(bench)
    bench.added.append(commitment)
    bench.worker.sequence()
    bench.worker.anchor()
    lose(bench, copy)
    bench.worker.sequence()
    assert bench.store.find_promise("2026", commitment) == "its promise"
    assert bench.store.find_index("2026", commitment) is not None
    assert bench.store.count_waiting("2026") == 0
    bench.worker.anchor()
    bench.check_whole()


def test_promise_that_was_lost_with_the_database_is_given_again_for_its_leaf(bench):
    grown(bench, 1)
    (commitment,) = bench.added
    lose(bench)
    bench.worker.sequence()
    assert bench.store.find_promise("2026", commitment) is None
    promised = publication(bench).add_entry(commitment, log=None)
    assert publication(bench).add_entry(commitment, log=None) == promised
    assert bench.store.count_waiting("2026") == 0


def test_chain_when_down_after_a_gap_stops_promises_and_sequencing_until_it_answers(bench):
    grown(bench, 2)
    copy = back_up(bench)
    grown(bench, 1)
    lose(bench, copy)
    bench.chain.is_down = True
    with pytest.raises(UnavailableError):
        bench.worker.sequence()
    assert bench.log().size == 16
    with pytest.raises(UnavailableError, match="log_unattended"):
        publication(bench).check_promising()
    bench.chain.is_down = False
    bench.worker.sequence()
    assert bench.log().size == 24


def test_chain_when_down_while_the_log_is_attended_stops_nothing(bench):
    bench.chain.is_down = True
    for _ in range(8):
        bench.later(15)
        bench.worker.sequence()
        assert publication(bench).add_entry(Commitment(bytes([_] * 32)), log=None)
    assert bench.log().size == 56


def test_worker_when_away_for_longer_than_the_delay_stops_promises(bench):
    bench.later(60)
    publication(bench).check_promising()
    bench.later(1)
    with pytest.raises(UnavailableError, match="log_unattended"):
        publication(bench).check_promising()
    bench.worker.sequence()
    publication(bench).check_promising()


def test_clock_set_back_or_forward_stops_promises_until_the_next_comparison(bench):
    grown(bench, 1)
    for jump in (-3600, 7200):
        bench.later(jump)
        with pytest.raises(UnavailableError, match="log_unattended"):
            publication(bench).check_promising()
        bench.restart()
        bench.worker.sequence()
        publication(bench).check_promising()
    grown(bench, 1)
    bench.check_whole()


def test_chain_with_another_root_freezes_an_older_copy_for_good(bench):
    grown(bench, 1)
    copy = back_up(bench)
    grown(bench, 1)
    lose(bench, copy)
    # whoever holds the copy goes on with it where the chain had gone on already
    with sqlite3.connect(database_file(bench)) as database:
        moment = bench.clock.now()
        database.execute("update logs set attended_at = ?", (moment.strftime("%Y-%m-%d %H:%M:%S.%f"),))
    database.close()
    bench.grow()
    assert bench.log().size == 16
    bench.worker.anchor()
    assert bench.log().condition is LogCondition.FROZEN
    assert "another root" in bench.log().reason
    bench.later(3600)
    assert bench.worker.sequence() == 0
    assert len(bench.chain.sent) == 2


def test_copy_with_other_leaves_than_the_chain_is_frozen(bench):
    grown(bench, 1)
    copy = back_up(bench)
    grown(bench, 1)
    bench.grow()
    bench.worker.anchor()
    lose(bench, copy)
    # a leaf of the copy was changed, together with the tree above it
    changed = merkle.Tree([bytes([each]) * 32 for each in range(8)])
    with sqlite3.connect(database_file(bench)) as database:
        for level, position in database.execute("select level, position from nodes").fetchall():
            digest = changed.read(level, position)
            database.execute(
                "update nodes set digest = ? where level = ? and position = ?", (digest, level, position)
            )
    database.close()
    bench.worker.sequence()
    assert (bench.log().condition, bench.log().reason) == (
        LogCondition.FROZEN,
        "the chain has another root at 8",
    )


def test_leaves_that_calldata_do_not_hold_come_from_a_mirror(bench, world):
    grown(bench, 3)
    leaves = bench.leaves()
    Mirror(world, leaves)
    bench.chain.has_no_calldata = True
    lose(bench)
    bench.worker.sequence()
    assert (bench.log().condition, bench.leaves()) == (LogCondition.OPEN, leaves)


def test_mirror_that_grew_beyond_the_anchor_has_whole_bundles_only(bench, world):
    bench.grow(300)
    bench.worker.anchor()
    leaves = bench.leaves()
    mirror = Mirror(world, (*leaves, *(Commitment(bytes([each] * 32)) for each in range(250))))
    genuine = mirror.bundle
    mirror.app.view_functions["bundle"] = lambda path: (
        Response(status=404) if path.endswith(".p/44") else genuine(path)
    )
    bench.chain.has_no_calldata = True
    lose(bench)
    bench.worker.sequence()
    assert bench.leaves() == leaves


@pytest.mark.parametrize(
    "spoil",
    [
        lambda leaves: (*leaves[:-1], Commitment(bytes(32))),
        lambda leaves: (*leaves[:-2], leaves[-1], leaves[-2]),
        lambda leaves: leaves[:-1],
        lambda leaves: leaves[:0],
    ],
    ids=["another leaf", "another order", "one missing", "nothing"],
)
def test_mirror_that_lies_is_not_believed_and_the_log_is_frozen(bench, world, spoil):
    grown(bench, 1)
    copy = back_up(bench)
    grown(bench, 2)
    leaves = bench.leaves()
    Mirror(world, spoil(leaves))
    bench.chain.has_no_calldata = True
    lose(bench, copy)
    bench.worker.sequence()
    assert bench.log().condition is LogCondition.FROZEN
    assert bench.log().reason.startswith("restore impossible: no source has the leaves from")
    # what was rebuilt before that is true
    assert bench.log().size < 24
    assert bench.leaves() == leaves[: bench.log().size]


def test_second_mirror_helps_where_the_first_lies(bench, world):
    grown(bench, 2)
    leaves = bench.leaves()
    Mirror(world, (Commitment(bytes(32)), *leaves[1:]))
    honest = Mirror(world, leaves)
    world.http.apps["https://other.example"] = honest.app
    Mirror(world, (Commitment(bytes(32)), *leaves[1:]))
    bench.settings = bench.settings.model_copy(update={"mirrors": frozenset({MIRROR, "https://other.example"})})
    bench.chain.has_no_calldata = True
    lose(bench)
    bench.worker.sequence()
    assert bench.leaves() == leaves


def test_mirror_that_does_not_answer_is_waited_for(bench, world):
    grown(bench, 2)
    leaves = bench.leaves()
    bench.chain.has_no_calldata = True
    lose(bench)
    world.http.down.add(MIRROR)
    with pytest.raises(UnavailableError, match="restore_source_unavailable"):
        bench.worker.sequence()
    assert bench.log().condition is LogCondition.RESTORING
    with pytest.raises(UnavailableError, match="log_restoring"):
        publication(bench).check_promising()
    Mirror(world, leaves)
    world.http.down.clear()
    bench.worker.sequence()
    assert bench.leaves() == leaves
    publication(bench).check_promising()


def test_log_frozen_for_want_of_leaves_is_restored_when_a_mirror_turns_up(bench, world):
    grown(bench, 2)
    leaves = bench.leaves()
    bench.settings = bench.settings.model_copy(update={"mirrors": frozenset()})
    bench.chain.has_no_calldata = True
    lose(bench)
    bench.worker.sequence()
    assert bench.log().condition is LogCondition.FROZEN
    bench.later(3600)
    assert bench.worker.sequence() == 0
    Mirror(world, leaves)
    state = bench.worker.restore("2026", [MIRROR], is_vouched=False)
    assert (state.condition, state.size) == (LogCondition.OPEN, 16)
    assert bench.leaves() == leaves


def test_log_frozen_for_a_contradiction_stays_frozen(bench):
    grown(bench, 1)
    copy = back_up(bench)
    grown(bench, 1)
    lose(bench, copy)
    moment = bench.clock.now().strftime("%Y-%m-%d %H:%M:%S.%f")
    with sqlite3.connect(database_file(bench)) as database:
        database.execute("update logs set attended_at = ?", (moment,))
    database.close()
    bench.grow()
    bench.worker.anchor()
    assert bench.log().condition is LogCondition.FROZEN
    state = bench.worker.restore("2026", [], is_vouched=False)
    assert (state.condition, state.reason) == (LogCondition.FROZEN, "the chain has another root at 16")


def test_command_says_what_became_of_the_log(bench, monkeypatch, capsys):
    grown(bench, 2)
    copy = back_up(bench)
    grown(bench, 1)
    lose(bench, copy)
    monkeypatch.setattr("ledger.operator_commands.load_settings", lambda _: bench.settings)
    monkeypatch.setattr("ledger.worker.Worker", lambda *_, **__: bench.worker)
    bench.chain.is_down = True
    assert restore_command([]) == 2
    assert "could not tell" in capsys.readouterr().out
    bench.chain.is_down = False
    assert restore_command(["--log", "2026"]) == 0
    assert capsys.readouterr().out.endswith("2026: open, 24 leaves\n")
    assert restore_command(["--log", "2031"]) == 2
    assert "unknown_log" in capsys.readouterr().err
    bench.worker.sequence()
    bench.worker = bench.another_worker()
    assert restore_command([]) == 2
    assert "stop it first" in capsys.readouterr().out


def test_command_takes_the_operators_word_that_the_chain_was_set_back(bench, monkeypatch, capsys):
    grown(bench, 3)
    monkeypatch.setattr("ledger.operator_commands.load_settings", lambda _: bench.settings)
    monkeypatch.setattr("ledger.worker.Worker", lambda *_, **__: bench.worker)
    bench.chain.reorganise(2)
    other, bench.worker = bench.worker, bench.another_worker()
    assert restore_command(["--chain-set-back"]) == 2
    assert "stop it first" in capsys.readouterr().out
    bench.worker = other
    assert restore_command(["--chain-set-back"]) == 0
    assert "made again by the worker" in capsys.readouterr().out
    # the database is not taken to be an older one
    assert bench.log().condition is LogCondition.OPEN
    assert bench.states() == [(8, "final"), (16, "pending"), (24, "pending")]
    bench.worker.anchor()
    bench.check_whole()


def test_command_for_a_log_that_cannot_be_restored_says_so(bench, monkeypatch, capsys):
    grown(bench, 1)
    bench.settings = bench.settings.model_copy(update={"mirrors": frozenset()})
    bench.chain.has_no_calldata = True
    lose(bench)
    monkeypatch.setattr("ledger.operator_commands.load_settings", lambda _: bench.settings)
    monkeypatch.setattr("ledger.worker.Worker", lambda *_, **__: bench.worker)
    assert restore_command([]) == 1
    said = capsys.readouterr().out
    assert "frozen, 0 leaves, restore impossible" in said
    last = said.splitlines()[-1]
    assert last.startswith(
        "Frozen because: restore impossible: no source has the leaves from 0 to 8. The log takes no"
    )
    assert "docs/operations.md, section *A ledger that was restored*" in last


@pytest.mark.parametrize(
    "mirror",
    [
        "foo",
        "https://",
        "ftp://mirror.example",
        "https://a@mirror.example",
        "http://mirror.example",
        "https://m.example:8",
    ],
)
def test_command_with_a_mistyped_mirror_touches_nothing(bench, mirror, monkeypatch, capsys):
    grown(bench, 1)
    monkeypatch.setattr("ledger.operator_commands.load_settings", lambda _: bench.settings)
    monkeypatch.setattr("ledger.worker.Worker", lambda *_, **__: bench.worker)
    assert restore_command(["--mirror", MIRROR, "--mirror", mirror]) == 2
    assert capsys.readouterr().err.startswith(f"testimoni restore: --mirror {mirror}: expected")
    assert bench.store.find_log("2026").condition is LogCondition.OPEN


def test_command_on_what_is_no_database_is_one_line(bench, tmp_path, monkeypatch, capsys):
    settings = bench.settings.model_copy(update={"database_url": f"sqlite:///{tmp_path}/no/folder.sqlite"})
    monkeypatch.setattr("ledger.operator_commands.load_settings", lambda _: settings)
    assert restore_command([]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "TESTIMONI_LEDGER_DATABASE_URL (temporarily_unavailable)" in said.err


def test_log_without_a_chain_stays_as_it_is(world, ledger, ledger_settings):
    with pytest.raises(UnavailableError, match="no chain to restore from"):
        ledger.restore("2026", [], is_vouched=False)
    assert SqlStore(open_database(ledger_settings.database_url)).find_log("2026").condition is LogCondition.OPEN


_POINTS = [point for point in KillPoint if point >= KillPoint.BEFORE_CONDITION]


@pytest.mark.parametrize("point", _POINTS, ids=lambda point: point.name)
def test_restore_that_ends_at_any_kill_point_is_done_again(bench, point):
    grown(bench, 1)
    copy = back_up(bench)
    grown(bench, 3)
    leaves = bench.leaves()
    lose(bench, copy)
    bench.kill.point = point
    with pytest.raises(DiesAtError):
        bench.worker.sequence()
    bench.restart()
    bench.worker.sequence()
    assert bench.leaves() == leaves
    bench.worker.anchor()
    bench.check_whole()


def test_node_that_contradicts_itself_restores_nothing(bench, monkeypatch):
    grown(bench, 3)
    lose(bench)
    genuine = bench.chain.anchors
    monkeypatch.setattr(
        bench.chain, "anchors", lambda log_id, **k: (e for e in genuine(log_id, **k) if e.size != 16)
    )
    with pytest.raises(UnavailableError, match="chain_inconsistent"):
        bench.worker.sequence()
    monkeypatch.setattr(bench.chain, "anchors", lambda log_id, **k: iter(list(genuine(log_id, **k))[:-1]))
    with pytest.raises(UnavailableError, match="chain_inconsistent"):
        bench.worker.sequence()
    assert bench.log().condition is LogCondition.RESTORING
    monkeypatch.undo()
    bench.worker.sequence()
    assert (bench.log().condition, bench.log().size) == (LogCondition.OPEN, 24)


def signed(bench) -> checkpoints.Checkpoint:
    return checkpoints.parse_unverified(bench.store.find_checkpoint("2026").note)


def test_copy_beside_a_chain_that_lags_signs_no_second_head(bench, world):
    grown(bench, 2)
    copy = back_up(bench)
    # signed and published while the chain was down
    bench.grow()
    before, leaves = signed(bench), bench.leaves()
    Mirror(world, leaves)
    lose(bench, copy)
    bench.worker.sequence()
    assert (signed(bench), bench.leaves()) == (before, leaves)
    assert bench.log().condition is LogCondition.OPEN
    grown(bench, 1)
    assert bench.leaves()[:24] == leaves
    bench.check_whole()


def test_head_of_a_mirror_whose_leaves_nobody_has_freezes_the_log(bench):
    grown(bench, 2)
    copy = back_up(bench)
    bench.grow()
    lose(bench, copy)
    bench.worker.sequence()
    assert (bench.log().condition, bench.log().size) == (LogCondition.FROZEN, 16)
    assert bench.log().reason == "restore impossible: no source has the leaves from 16 to 24"


def test_head_of_a_mirror_with_another_root_freezes_the_log(bench, world):
    grown(bench, 2)
    signer = CheckpointSigner.from_pem(bench.settings.origin, bench.settings.checkpoint_key_file.read_bytes())
    Mirror(world, note=signer.sign(checkpoints.Checkpoint(bench.settings.origin, 16, bytes(32))))
    lose(bench, back_up(bench))
    bench.worker.sequence()
    assert bench.log().condition is LogCondition.FROZEN
    assert bench.log().reason == "a mirror has a head of 16 leaves with another root, signed by this log"


def test_head_of_a_mirror_that_another_key_signed_says_nothing(bench, world):
    grown(bench, 2)
    stranger = CheckpointSigner.from_pem(bench.settings.origin, checkpoints.new_key_pem())
    Mirror(world, note=stranger.sign(checkpoints.Checkpoint(bench.settings.origin, 99, bytes(32))))
    lose(bench, back_up(bench))
    bench.worker.sequence()
    assert bench.log().condition is LogCondition.OPEN


def test_mirror_that_does_not_answer_after_a_gap_is_waited_for(bench, world):
    grown(bench, 2)
    lose(bench, back_up(bench))
    world.http.down.add(MIRROR)
    with pytest.raises(UnavailableError, match="restore_source_unavailable"):
        bench.worker.sequence()
    with pytest.raises(UnavailableError, match="log_unattended"):
        publication(bench).check_promising()
    world.http.down.clear()
    bench.worker.sequence()
    publication(bench).check_promising()


def test_mirror_when_down_while_the_log_is_attended_stops_nothing(bench, world):
    grown(bench, 1)
    world.http.down.add(MIRROR)
    bench.restart()
    bench.grow()
    assert bench.log().size == 16


def test_more_leaves_of_a_mirror_than_an_anchor_takes_are_anchored_all_the_same(bench, world, monkeypatch):
    for user in ("anchorer", "restorer"):
        monkeypatch.setattr(f"ledger.{user}.MAX_COMMITMENTS", 10)
    grown(bench, 1)
    copy = back_up(bench)
    for _ in range(3):
        bench.grow()
    Mirror(world, bench.leaves())
    lose(bench, copy)
    bench.worker.sequence()
    assert bench.log().size == 32
    bench.worker.anchor()
    bench.check_whole()


@pytest.mark.parametrize("lag", [0, 1], ids=["the chain agrees", "the chain is ahead"])
def test_restored_copy_without_a_mirror_is_not_opened_unless_an_operator_vouches(bench, lag):
    bench.settings = bench.settings.model_copy(update={"mirrors": frozenset()})
    grown(bench, 2)
    copy = back_up(bench)
    grown(bench, lag)
    bench.grow()
    lose(bench, copy)
    state = bench.worker.restore("2026", [], is_vouched=False)
    assert (state.condition, state.reason) == (LogCondition.FROZEN, HEADS_UNKNOWN)
    assert state.size == 16 + 8 * lag
    assert bench.worker.restore("2026", [], is_vouched=True).condition is LogCondition.OPEN


def test_copy_that_lacked_leaves_is_not_opened_without_a_mirror_even_after_a_crash(bench):
    bench.settings = bench.settings.model_copy(update={"mirrors": frozenset()})
    grown(bench, 1)
    copy = back_up(bench)
    grown(bench, 1)
    lose(bench, copy)
    bench.kill.point = KillPoint.AFTER_REBUILD
    with pytest.raises(DiesAtError):
        bench.worker.sequence()
    bench.restart()
    bench.worker.sequence()
    assert (bench.log().condition, bench.log().reason) == (LogCondition.FROZEN, HEADS_UNKNOWN)
    assert bench.log().size == 16


def test_operators_word_that_a_database_is_a_backup_outlives_an_outage_of_the_chain(bench):
    bench.settings = bench.settings.model_copy(update={"mirrors": frozenset()})
    grown(bench, 1)
    lose(bench, back_up(bench))
    bench.chain.is_down = True
    with pytest.raises(UnavailableError):
        bench.worker.restore("2026", [], is_vouched=False)
    bench.chain.is_down = False
    bench.worker.sequence()
    assert (bench.log().condition, bench.log().reason) == (LogCondition.FROZEN, HEADS_UNKNOWN)


def test_web_service_says_that_it_waits_for_the_comparison(bench):
    client = create_app(bench.settings, clock=bench.clock).test_client()
    assert client.get("/readyz").status_code == 200
    bench.later(3600)
    answer = client.post("/log/v1/entries", json={"commitment": "A" * 43})
    assert (answer.status_code, answer.json["error"]) == (503, "log_unattended")
    assert int(answer.headers["Retry-After"]) > 0
    # reading is not affected
    assert client.get("/checkpoint").status_code == 200
