# SPDX-License-Identifier: EUPL-1.2
"""The monitor looks at real ledgers: honest, forked, rewritten, set back, silent, and breaking their word."""

from __future__ import annotations

import json
import secrets
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import select

from ledger import cosignature, merkle
from ledger.chain.sealer import FileSealKey
from ledger.checkpoint import Checkpoint, CheckpointSigner, new_key_pem, parse_note, verify
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.cosignature import Cosigner
from ledger.findings import ExitStatus, Level, Outcome, overall
from ledger.monitor_state import MonitorState
from ledger.tables import CosignatureRow, EntryRow, NodeRow
from ledger.trust import AuditedLog, TrustFile, log_id
from ledger.violation import Shown
from protocol.errors import ConfigurationError, UnavailableError
from protocol.runtime.database import open_database
from protocol.runtime.signer import read_secret_file
from tests.fakes.anchor_proof import prove_anchor
from tests.fakes.memory_chain import CONTRACT, MemoryChain
from tests.fakes.watched_logs import MIRROR, URL, Watch

LATE = timedelta(seconds=200)


@pytest.fixture
def watch(world, ledger_settings):
    made = Watch(world, ledger_settings)
    made.log.grow(2)
    yield made
    made.state.close()


def result(reports) -> ExitStatus:
    return overall(each for report in reports for each in report.findings)


def test_honest_log_when_followed_over_growth_and_restarts_then_it_holds(watch):
    for batches, size in ((0, 16), (1, 24), (0, 24), (2, 40)):
        watch.log.grow(batches)
        reports = watch.look()
        assert result(reports) is ExitStatus.HOLDS
        assert [report.size for report in reports] == [size]
        assert watch.state.find(watch.settings.origin).anchored_size == size
        watch.restart()
    assert watch.proofs() == []


def test_fork_shown_instead_of_what_was_seen_is_convicted_and_stays_so(watch):
    watch.look()
    before = watch.state.find(watch.settings.origin)
    watch.serve(watch.fork(2))
    assert watch.violated() == {Level.APPEND_ONLY}
    assert watch.judged() is Outcome.VIOLATED
    # the head that contradicts it never takes its place
    assert watch.state.find(watch.settings.origin) == before
    watch.serve(watch.log)
    watch.restart()
    assert watch.violated() == {Level.APPEND_ONLY}
    assert len(watch.proofs()) == 1


@pytest.mark.parametrize(
    "name", ["copy.json", "copy-of.json", "{proof}-copy.json", "old-{proof}.json", "x-fork-y.json"]
)
def test_foreign_file_among_the_proofs_could_not_tell_and_the_log_is_followed(watch, name):
    watch.look()
    slug = next(watch.folder.glob("*.json")).stem
    foreign = watch.folder / "violations" / f"{slug}-{name.format(proof='fork-0123456789abcdef')}"
    foreign.write_text("{}")
    watch.log.grow(1)
    watch.urls = (URL, MIRROR)
    watch.serve(watch.log, MIRROR)
    reports = watch.look()
    assert result(reports) is ExitStatus.COULD_NOT_TELL
    said = [
        each.detail for report in reports for each in report.findings if each.outcome is Outcome.COULD_NOT_TELL
    ]
    assert said == [f"{foreign}: not the name of a proof that this monitor kept; move it away"]
    assert watch.state.find(watch.settings.origin).checkpoint.size == 24


def test_history_rewritten_after_the_fact_is_convicted(watch):
    watch.with_chain = False
    watch.look()
    watch.serve(watch.fork(4))
    assert watch.violated() == {Level.APPEND_ONLY}
    assert watch.judged() is Outcome.VIOLATED


def test_fork_shown_to_another_address_is_convicted(watch):
    watch.urls = (URL, MIRROR)
    watch.with_chain = False
    # the smaller of the two is the false one: the larger is read where it was shown
    watch.serve(watch.fork(1), MIRROR)
    assert watch.violated() == {Level.APPEND_ONLY}
    assert watch.judged() is Outcome.VIOLATED


def test_mirror_that_lags_behind_is_no_violation(watch):
    watch.urls = (URL, MIRROR)
    late = watch.new_log("late")
    watch.serve(late, MIRROR)
    assert watch.violated() == set()
    assert watch.state.find(watch.settings.origin).checkpoint.size == 16


def test_log_set_back_is_violated_without_a_proof(watch):
    watch.with_chain = False
    watch.look()
    watch.log.grow(1)
    bigger = watch.log.app
    watch.look()
    assert watch.state.find(watch.settings.origin).checkpoint.size == 24

    class OlderHead:
        """The same log, an older head of its own."""

        def test_client(self, **_):
            client = bigger.test_client()
            genuine = client.open

            def opened(path, **kwargs):
                if path.endswith("/checkpoint"):
                    path = "/log/v1/anchors/16"
                    answer = genuine(path, **{**kwargs, "method": "GET"})
                    answer.data = answer.get_json()["checkpoint"].encode()
                    return answer
                return genuine(path, **kwargs)

            client.open = opened
            return client

    watch.world.http.apps[URL] = OlderHead()
    assert watch.violated() == {Level.APPEND_ONLY}
    assert watch.proofs() == []
    assert watch.state.find(watch.settings.origin).checkpoint.size == 24


def test_head_signed_by_another_key_is_violated(watch):
    key = replace(watch.trust.logs[0].checkpoint_key, public=bytes(32))
    watch.trust = replace(watch.trust, logs=(replace(watch.trust.logs[0], checkpoint_key=key),))
    assert watch.violated() == {Level.CHECKPOINT}
    assert watch.state.find(watch.settings.origin) is None


def test_key_changed_after_a_first_look_without_trust_file_is_violated(watch):
    watch.is_trusting = False
    assert watch.outcomes()[Level.TRUST] is Outcome.ASSUMED
    from ledger.checkpoint import new_key_pem
    from protocol.runtime.signer import write_secret_file

    write_secret_file(watch.world.folder / "other.key", new_key_pem())
    watch.settings = watch.settings.model_copy(update={"checkpoint_key_file": watch.world.folder / "other.key"})
    other = watch.new_log("other-key")
    watch.serve(other)
    assert watch.violated() == {Level.CHECKPOINT}


def test_ledger_that_is_down_could_not_tell_and_recovers(watch):
    watch.look()
    watch.world.http.down.add(URL)
    reports = watch.look()
    assert result(reports) is ExitStatus.COULD_NOT_TELL
    assert {each.outcome for report in reports for each in report.findings} == {Outcome.COULD_NOT_TELL}
    assert watch.settings.origin in {report.origin for report in reports}
    watch.world.http.down.clear()
    assert result(watch.look()) is ExitStatus.HOLDS


def test_log_that_the_trust_file_does_not_know_could_not_tell(watch):
    watch.trust = TrustFile("", (), ())
    assert watch.outcomes() == {Level.TRUST: Outcome.COULD_NOT_TELL}


def test_file_without_a_promise_is_named_once_with_the_reason(watch):
    (watch.promises / "folder.jwt").mkdir()
    last = watch.look()[-1]
    assert [each.detail for each in last.findings] == [f"{watch.promises}/folder.jwt: cannot be read"]


def test_log_that_is_no_longer_listed_is_still_looked_for(watch):
    watch.look()
    origin = watch.settings.origin
    watch.settings = watch.settings.model_copy(update={"origin": "localhost:8104/2027"})
    successor = watch.new_log("successor", MemoryChain(log_id("localhost:8104/2027")))
    watch.serve(successor)
    assert origin in {report.origin for report in watch.look()}


def test_tile_that_was_changed_is_violated(watch):
    with open_database(watch.log.settings.database_url).write() as session:
        row = session.get_one(NodeRow, ("2026", 0, 5))
        row.digest = bytes(32)
        session.add(row)
    assert watch.violated() == {Level.LEAVES}


def test_chain_that_is_down_or_another_could_not_tell_and_the_log_is_checked(watch):
    watch.chain.is_down = True
    assert (watch.outcomes()[Level.ANCHORED], watch.violated()) == (Outcome.COULD_NOT_TELL, set())
    watch.chain.is_down = False
    log = watch.trust.logs[0]
    watch.trust = replace(watch.trust, logs=(replace(log, chain=replace(log.chain, chain_id=7)),))
    assert (watch.outcomes()[Level.ANCHORED], watch.violated()) == (Outcome.COULD_NOT_TELL, set())


def test_node_that_names_another_sealer_convicts_nobody(watch):
    log = watch.trust.logs[0]
    watch.trust = replace(watch.trust, logs=(replace(log, chain=replace(log.chain, sealer="0x" + "bb" * 20)),))
    assert (watch.outcomes()[Level.ANCHORED], watch.violated()) == (Outcome.COULD_NOT_TELL, set())


def test_trusted_log_that_its_address_does_not_list_is_looked_for(watch):
    log = watch.trust.logs[0]
    host = log.origin.partition("/")[0]
    key = CheckpointSigner.from_pem(f"{host}/2019", new_key_pem()).key
    hidden = replace(log, origin=f"{host}/2019", checkpoint_key=key, chain=None)
    watch.trust = replace(watch.trust, logs=(log, hidden))
    (report,) = [each for each in watch.look() if each.origin == hidden.origin]
    assert {each.outcome for each in report.findings} == {Outcome.COULD_NOT_TELL}


@pytest.mark.parametrize("behind", [1, 2])
def test_node_that_knows_less_than_before_could_not_tell_and_catches_up(watch, behind):
    watch.look()
    blocks = list(watch.chain.blocks)
    watch.chain.reorganise(behind)
    assert (watch.outcomes()[Level.ANCHORED], watch.violated()) == (Outcome.COULD_NOT_TELL, set())
    watch.chain.blocks[:] = blocks
    assert result(watch.look()) is ExitStatus.HOLDS


def test_node_that_does_not_know_the_log_yet_could_not_tell(watch):
    watch.chain.log_id = bytes(32)
    watch.chain.blocks.clear()
    assert (watch.outcomes()[Level.ANCHORED], watch.violated()) == (Outcome.COULD_NOT_TELL, set())


def test_anchor_that_was_not_final_may_go_and_come_back_elsewhere(watch):
    watch.chain.confirmations = 1
    assert [report.anchored_size for report in watch.look()] == [16]
    assert watch.state.find(watch.settings.origin).anchored_size == 8
    # the newest block goes, and the contract knows less
    watch.chain.reorganise(1, keep=True)
    assert result(watch.look()) is ExitStatus.HOLDS
    assert watch.state.find(watch.settings.origin).anchored_size == 8
    watch.chain.mine()
    watch.chain.mine()
    assert result(watch.look()) is ExitStatus.HOLDS
    assert watch.state.find(watch.settings.origin).anchored_size == 16


def test_block_that_was_final_and_is_gone_is_violated(watch):
    watch.look()
    watch.chain.reorganise(1, keep=True)
    watch.chain.mine()
    assert watch.violated() == {Level.ANCHORED}


def test_node_that_contradicts_itself_could_not_tell(watch):
    genuine = watch.chain.anchors
    watch.chain.anchors = lambda *a, **k: [event for event in genuine(*a, **k) if event.size < 16]
    assert (watch.outcomes()[Level.ANCHORED], watch.violated()) == (Outcome.COULD_NOT_TELL, set())


def test_state_of_an_earlier_version_has_its_anchors_compared_again(watch):
    watch.look()
    (path,) = watch.folder.glob("*.json")
    members = json.loads(path.read_text())
    del members["anchored_hash"]
    path.write_text(json.dumps(members))
    assert watch.state.find(watch.settings.origin).anchored_size == 0
    assert result(watch.look()) is ExitStatus.HOLDS
    assert watch.state.find(watch.settings.origin).anchored_size == 16


def test_log_that_shows_less_than_is_anchored_is_violated(watch):
    # a monitor that never saw the log before: only the chain remembers
    watch.serve(watch.fork(0))
    assert watch.violated() == {Level.ANCHORED}


def test_history_that_contradicts_its_anchors_is_convicted_at_first_sight(watch):
    liar = watch.fork(3)
    watch.serve(liar)
    assert watch.violated() == {Level.ANCHORED}
    (path,) = watch.proofs()
    assert "-anchor-" in path.name
    assert watch.judged() is Outcome.VIOLATED


def test_node_whose_block_nobody_known_sealed_convicts_no_log(watch):
    """The node makes up a block that contradicts an honest log: nobody would believe that proof, so neither does who made it."""
    watch.serve(watch.fork(3))
    made_up = tuple(FileSealKey.generate() for _ in range(4))

    def evidence(transaction_hash):
        (event,) = (
            each for each in watch.chain.anchors(watch.chain.log_id) if each.transaction_hash == transaction_hash
        )
        return prove_anchor(
            contract=CONTRACT,
            log_id=event.log_id,
            prev_size=event.prev_size,
            size=event.size,
            prev_root=event.prev_root,
            root=event.root,
            chain_id=1337,
            validators=made_up,
            seals=made_up,
        ).evidence

    watch.chain.receipt_evidence = evidence
    assert watch.outcomes()[Level.ANCHORED] is Outcome.COULD_NOT_TELL
    assert watch.proofs() == []


def test_promise_that_was_kept_is_found_once_and_remembered(watch):
    watch.world.clock.advance(timedelta(microseconds=5))
    token = watch.log.add()
    (watch.promises / "mine.jwt").write_text(f"{token}\n")
    (watch.promises / "same.json").write_text(json.dumps({"promise": token}))
    assert watch.outcomes().get(Level.PROMISED) is Outcome.COULD_NOT_TELL
    assert result(watch.look()) is ExitStatus.HOLDS  # not due yet decides nothing
    watch.log.worker.sequence()
    assert watch.outcomes()[Level.PROMISED] is Outcome.HOLDS
    assert len(watch.state.find(watch.settings.origin).kept) == 1
    before = len(watch.world.http.calls)
    assert watch.outcomes()[Level.PROMISED] is Outcome.HOLDS
    assert not [url for _, url in watch.world.http.calls[before:] if "entries" in url]


def test_promise_that_is_broken_is_found_out_at_the_log_itself(watch):
    watch.become_witness()
    watch.broken_promise()
    watch.world.clock.advance(timedelta(seconds=120))
    assert watch.violated() == set()  # two clocks may differ by a minute
    watch.world.clock.advance(timedelta(seconds=1))
    assert watch.violated() == {Level.PROMISED}
    # to others the log has to show it itself
    assert watch.judged() is Outcome.COULD_NOT_TELL
    assert watch.judged(shown=Shown(LedgerClient(watch.world.http, URL).all_entries(16))) is Outcome.VIOLATED
    assert watch.violated() == {Level.PROMISED}
    assert len(watch.proofs()) == 1


@pytest.fixture
def stale(watch):
    """A mirror that stands still, and a promise that the log keeps after that."""
    folder = Path(watch.log.settings.database_url.removeprefix("sqlite:///")).parent
    with (
        closing(sqlite3.connect(folder / "honest.sqlite")) as source,
        closing(sqlite3.connect(folder / "stale.sqlite")) as copy,
    ):
        source.backup(copy)
    watch.serve(watch.new_log("stale"), MIRROR)
    (watch.promises / "kept.jwt").write_text(watch.log.add())
    watch.log.worker.sequence()
    watch.world.clock.advance(LATE)
    return watch


def test_mirror_that_is_old_convicts_nobody_of_a_broken_promise(stale):
    stale.become_witness()
    stale.with_chain = False
    stale.urls = (MIRROR,)
    assert stale.outcomes()[Level.PROMISED] is Outcome.COULD_NOT_TELL
    assert (stale.violated(), stale.proofs()) == (set(), [])
    # the log's own address is the one that decides
    stale.urls = (MIRROR, URL)
    assert result(stale.look()) is ExitStatus.HOLDS
    assert len(stale.state.find(stale.settings.origin).kept) == 1


def test_mirror_that_is_older_than_the_chain_is_no_violation(stale):
    stale.log.worker.anchor()
    stale.urls = (MIRROR,)
    assert (stale.outcomes()[Level.ANCHORED], stale.violated()) == (Outcome.COULD_NOT_TELL, set())


def test_mirror_that_was_set_back_could_not_tell(stale):
    mirror = stale.world.http.apps[MIRROR]
    stale.urls = (MIRROR,)
    stale.with_chain = False
    stale.serve(stale.log, MIRROR)
    stale.look()
    stale.world.http.apps[MIRROR] = mirror
    assert (stale.outcomes()[Level.APPEND_ONLY], stale.violated()) == (Outcome.COULD_NOT_TELL, set())


class Altered:
    """A ledger whose answers to some paths are exchanged; it counts what it was asked for."""

    def __init__(self, app, answers: dict[str, bytes]) -> None:
        self._app = app
        self._answers = answers
        self.asked: list[str] = []

    def test_client(self, **_):
        client = self._app.test_client()
        genuine = client.open

        def opened(path, **kwargs):
            self.asked.append(path)
            answer = genuine(path, **{**kwargs, "method": "GET"})
            for end, body in self._answers.items():
                if path.endswith(end):
                    answer.data, answer.status_code = body, 200
            return answer

        client.open = opened
        return client


@pytest.mark.parametrize("exponent", [33, 50])
def test_head_of_a_size_that_nobody_reads_could_not_tell_and_is_not_remembered(watch, exponent):
    watch.broken_promise()
    watch.look()
    before = watch.state.find(watch.settings.origin)
    watch.world.clock.advance(LATE)
    key = read_secret_file(watch.settings.checkpoint_key_file)
    # one tile of a few hashes is enough for any size
    level, height = divmod(exponent, 8)
    hashes = [secrets.token_bytes(32) for _ in range(1 << height)]
    head = Checkpoint(watch.settings.origin, 1 << exponent, _fold(hashes))
    note = CheckpointSigner.from_pem(watch.settings.origin, key).sign(head)
    tile = b"".join(hashes)
    hostile = Altered(watch.log.app, {"/checkpoint": note.encode(), f"/tile/{level}/000.p/{len(hashes)}": tile})
    watch.world.http.apps[URL] = hostile
    assert watch.outcomes()[Level.LEAVES] is Outcome.COULD_NOT_TELL
    assert watch.state.find(watch.settings.origin) == before
    assert not [path for path in hostile.asked if "/tile/" in path]
    watch.serve(watch.log)
    assert watch.outcomes()[Level.LEAVES] is Outcome.HOLDS


def _fold(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [merkle.node_hash(*hashes[at : at + 2]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def test_outcome_of_a_promise_that_is_no_longer_handed_in_is_forgotten(watch):
    for name in ("one.jwt", "two.jwt"):
        (watch.promises / name).write_text(watch.log.add())
    watch.log.worker.sequence()
    watch.look()
    assert len(watch.state.find(watch.settings.origin).kept) == 2
    (watch.promises / "one.jwt").unlink()
    assert result(watch.look()) is ExitStatus.HOLDS
    assert len(watch.state.find(watch.settings.origin).kept) == 1


def test_promise_kept_only_after_it_was_found_broken_stays_convicted(watch):
    watch.become_witness()
    commitment = watch.broken_promise()
    watch.world.clock.advance(LATE)
    watch.look()
    watch.log.worker.sequence()
    watch.log.add(commitment)
    watch.log.worker.sequence()
    assert watch.violated() == {Level.PROMISED}
    # since when the entry is there, nobody can prove to others
    assert watch.judged(shown=Shown(LedgerClient(watch.world.http, URL).all_entries(24))) is Outcome.COULD_NOT_TELL


def test_broken_promise_without_a_known_witness_is_convicted_by_the_log_itself(watch):
    commitment = watch.broken_promise()
    watch.world.clock.advance(LATE)
    assert watch.violated() == {Level.PROMISED}
    client = LedgerClient(watch.world.http, URL)
    assert watch.judged() is Outcome.COULD_NOT_TELL
    assert watch.judged(shown=Shown(client.all_entries(16))) is Outcome.VIOLATED
    watch.log.worker.sequence()
    watch.log.add(commitment)
    watch.log.worker.sequence()
    assert watch.judged(shown=Shown(client.all_entries(24))) is Outcome.COULD_NOT_TELL


def test_promise_that_somebody_made_up_or_that_cannot_be_read_could_not_tell(watch):
    token = watch.log.add()
    (watch.promises / "altered.jwt").write_text(token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"))
    (watch.promises / "noise.bin").write_bytes(secrets.token_bytes(50))
    reports = watch.look()
    assert result(reports) is ExitStatus.COULD_NOT_TELL
    details = [each.detail for report in reports for each in report.findings if each.level is Level.PROMISED]
    assert len(details) == 2
    assert watch.proofs() == []


def test_promise_of_a_log_that_is_not_followed_could_not_tell(watch):
    watch.broken_promise()
    watch.trust = TrustFile("", (replace(watch.described(), origin="x/y"),), ())
    assert watch.outcomes()[Level.PROMISED] is Outcome.COULD_NOT_TELL


def test_entries_that_hide_what_the_tiles_show_prove_nothing_against_a_promise(watch):
    commitment = Commitment(secrets.token_bytes(32))
    token = watch.log.add(commitment)
    watch.log.worker.sequence()
    with open_database(watch.log.settings.database_url).write() as session:
        row = session.exec(select(EntryRow).where(EntryRow.commitment == commitment)).one()
        leaf = session.get_one(NodeRow, ("2026", 0, row.leaf_index))
        leaf.digest = bytes(32)
        session.add(leaf)
    (watch.promises / "mine.jwt").write_text(token)
    watch.world.clock.advance(LATE)
    assert Level.PROMISED not in watch.violated() or watch.proofs() == []


def test_witness_cosigns_what_holds_and_nothing_else(watch):
    watch.become_witness()
    watch.look()
    (path,) = (watch.folder / "checkpoints").iterdir()
    note = path.read_text()
    assert verify(note, watch.trust.logs[0].checkpoint_key).size == 16
    assert cosignature.verify(note, watch.cosigner.key, now=watch.world.clock.now()).at == watch.world.clock.now()
    watch.serve(watch.fork(4))
    watch.look()
    assert path.read_text() == note


def cosign(watch, *cosigners):
    """Put signatures under the newest head of the log, as it serves it."""
    now, size = watch.world.clock.now(), watch.log.app.extensions["ledger.services"].publication.get_log(None).size
    note = LedgerClient(watch.world.http, URL).checkpoint()
    with open_database(watch.log.settings.database_url).write() as session:
        for each in cosigners:
            line = each.cosign(note, now=now)
            row = CosignatureRow(log="2026", witness=each.key.text(), size=size, line=line, cosigned_at=now)
            session.add(row)


def test_monitor_when_the_head_is_cosigned_counts_known_witnesses_and_keeps_no_other_line(watch):
    one, other, stranger = (Cosigner(f"witness.example/{n}", Ed25519PrivateKey.generate()) for n in range(3))
    watch.trust = TrustFile("", watch.trust.logs, (), (one.key, other.key))
    assert watch.outcomes()[Level.WITNESSED] is Outcome.COULD_NOT_TELL
    assert result(watch.look()) is ExitStatus.HOLDS
    cosign(watch, one, stranger)
    (report,) = watch.look()
    (finding,) = (each for each in report.findings if each.level is Level.WITNESSED)
    assert finding.detail.startswith("1 of 2 known witnesses")
    note = watch.state.find(watch.settings.origin).note
    assert [each.name for each in parse_note(note).signatures] == [watch.settings.origin, one.key.name]


def test_witness_that_finds_its_own_older_line_signs_with_a_new_one(watch):
    watch.become_witness()
    cosign(watch, watch.cosigner)
    watch.world.clock.advance(timedelta(minutes=5))
    assert watch.outcomes()[Level.WITNESSED] is Outcome.HOLDS
    (path,) = (watch.folder / "checkpoints").iterdir()
    found = cosignature.verify(path.read_text(), watch.cosigner.key, now=watch.world.clock.now())
    assert found.at == watch.world.clock.now()


def test_broken_promise_is_convicted_by_the_cosignature_that_the_log_served(watch):
    witness = Cosigner("witness.example/w1", Ed25519PrivateKey.generate())
    watch.trust = TrustFile("", watch.trust.logs, (), (witness.key,))
    watch.broken_promise()
    watch.world.clock.advance(LATE)
    cosign(watch, witness)
    assert watch.violated() == {Level.PROMISED}
    # a witness dates an old head anew: what the log shows now decides
    assert watch.judged() is Outcome.COULD_NOT_TELL
    assert watch.judged(shown=Shown(LedgerClient(watch.world.http, URL).all_entries(16))) is Outcome.VIOLATED


def test_state_that_cannot_be_read_is_neither_replaced_nor_forgotten(watch):
    watch.look()
    (path,) = watch.folder.glob("*.json")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ConfigurationError, match="restore"):
        watch.look()
    assert path.read_bytes()


def test_state_whose_note_was_exchanged_is_refused(watch):
    watch.look()
    (path,) = watch.folder.glob("*.json")
    members = json.loads(path.read_text())
    members["note"] = members["note"].replace("\n16\n", "\n8\n")
    path.write_text(json.dumps(members))
    with pytest.raises(ConfigurationError):
        watch.look()


def test_folder_in_use_is_refused(watch):
    with pytest.raises(ConfigurationError, match="another monitor"):
        MonitorState(watch.folder)


def test_state_that_changed_meanwhile_is_not_overwritten(watch):
    watch.look()
    old = watch.state.find(watch.settings.origin)
    watch.state.replace(old, replace(old, anchored_block=9))
    with pytest.raises(UnavailableError):
        watch.state.replace(old, replace(old, anchored_block=1))
    assert watch.state.find(watch.settings.origin).anchored_block == 9


def test_state_at_its_bound_is_written_and_over_it_the_old_one_stays(watch, monkeypatch):
    watch.look()
    old = watch.state.find(watch.settings.origin)
    new = replace(old, kept={"0" * 64: 1})
    monkeypatch.setattr("ledger.monitor_state.MAX_STATE_BYTES", len(new.to_bytes()))
    watch.state.replace(old, new)
    assert watch.state.find(watch.settings.origin) == new
    with pytest.raises(UnavailableError, match="longer"):
        watch.state.replace(new, replace(new, kept={"0" * 64: 10}))
    assert watch.state.find(watch.settings.origin) == new


def test_disk_that_is_full_leaves_the_old_state(watch, monkeypatch):
    watch.look()
    before = watch.state.find(watch.settings.origin)
    watch.log.grow(1)

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        assert result(watch.look()) is ExitStatus.COULD_NOT_TELL
    assert watch.state.find(watch.settings.origin) == before
    assert result(watch.look()) is ExitStatus.HOLDS


def test_mirror_of_plain_files_is_followed_by_its_prefix(watch):
    watch.look()
    watch.urls = (f"{URL}/2026",)
    assert result(watch.look()) is ExitStatus.HOLDS
    assert AuditedLog.parse(watch.described().to_json()).origin in {report.origin for report in watch.look()}
