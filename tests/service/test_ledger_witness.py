# SPDX-License-Identifier: EUPL-1.2
"""The witness's protocol (C2SP tlog-witness), answer by answer, over the tiles of a real log."""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta

import pytest

from ledger import checkpoint as checkpoints
from ledger import cosignature, merkle, tiles
from ledger.checkpoint import Checkpoint, CheckpointSigner
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.findings import Outcome
from ledger.violation import BrokenPromise, Shown, judge
from ledger.witness import Witness
from ledger.witness_protocol import MAX_BODY_BYTES, MAX_PROOF_LINES
from protocol.runtime.signer import read_secret_file
from tests.fakes.watched_logs import URL, Watch


class Asking:
    """A log that asks a witness."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        watch.become_witness()
        self.witness = Witness(watch.state, watch.world.clock, trust=watch.trust, cosigner=watch.cosigner)
        self.client = LedgerClient(watch.world.http, URL)
        key = read_secret_file(watch.settings.checkpoint_key_file)
        self.signer = CheckpointSigner.from_pem(watch.settings.origin, key)

    def ask(self, old: int, *, note: str | None = None, proof: list[bytes] | None = None):
        signed = note or self.client.checkpoint()
        size = checkpoints.parse_unverified(signed).size
        if proof is None:
            read = tiles.node_reader(size, self.client.tile)
            proof = list(merkle.consistency_proof(read, old, size)) if old <= size else []
        lines = "".join(f"{base64.b64encode(each).decode()}\n" for each in proof)
        return self.witness.add_checkpoint(f"old {old}\n{lines}\n{signed}".encode())

    @property
    def seen(self) -> int:
        found = self.watch.state.find(self.watch.settings.origin)
        return found.checkpoint.size if found else 0


@pytest.fixture
def asking(world, ledger_settings):
    watch = Watch(world, ledger_settings)
    watch.log.grow(2)
    yield Asking(watch)
    watch.state.close()


def test_head_that_extends_what_was_seen_is_cosigned_and_remembered(asking):
    for old, size in ((0, 16), (16, 24), (24, 40)):
        asking.watch.log.grow((size - max(old, 16)) // 8)
        note = asking.client.checkpoint()
        answer = asking.ask(old)
        assert answer.status == 200
        found = cosignature.verify(
            note + answer.body, asking.watch.cosigner.key, now=asking.watch.world.clock.now()
        )
        assert found.at == asking.watch.world.clock.now()
        assert asking.seen == size


@pytest.mark.parametrize(("size", "status"), [(tiles.MAX_SIZE, 200), (tiles.MAX_SIZE + 1, 503), (10**15, 503)])
def test_head_of_more_leaves_than_anybody_reads_is_not_remembered(asking, size, status):
    note = asking.signer.sign(Checkpoint(asking.watch.settings.origin, size, secrets.token_bytes(32)))
    answer = asking.ask(0, note=note, proof=[])
    assert answer.status == status
    assert asking.seen == (size if status == 200 else 0)
    if status != 200:
        # the log goes on with heads that can be read
        assert asking.ask(0).status == 200


def test_same_head_again_is_cosigned_again(asking):
    assert [asking.ask(0).status, asking.ask(16).status] == [200, 200]


def test_honest_log_is_not_convicted_by_an_old_head_that_is_cosigned_again(asking):
    asking.ask(0)
    old, watch = asking.client.checkpoint(), asking.watch
    leaves = asking.client.all_entries(16)
    commitment = Commitment(secrets.token_bytes(32))
    promise = watch.log.add(commitment)
    watch.log.worker.sequence()
    watch.world.clock.advance(timedelta(hours=1))
    # the witness was not shown the next head, and dates the one that it knows
    now, line = watch.world.clock.now(), asking.ask(16, note=old, proof=[]).body
    accusation = BrokenPromise(watch.settings.origin, now, promise, old + line, leaves)
    for shown in (None, Shown(asking.client.all_entries(24))):
        assert judge(accusation, watch.trust, now=now, shown=shown).outcome is Outcome.COULD_NOT_TELL


def test_wrong_old_size_is_answered_with_the_right_one(asking):
    answer = asking.ask(8)
    assert (answer.status, answer.body, answer.content_type) == (409, "0\n", "text/x.tlog.size")
    asking.ask(0)
    assert (asking.ask(0).status, asking.ask(0).body) == (409, "16\n")


def test_old_size_beyond_the_checkpoint_is_a_bad_request(asking):
    assert asking.ask(17).status == 400


def test_unknown_log_and_unknown_key_have_answers_of_their_own(asking):
    other = CheckpointSigner("other.example/1", asking.signer._secret)
    assert asking.ask(0, note=other.sign(Checkpoint("other.example/1", 16, bytes(32))), proof=[]).status == 404
    stranger = CheckpointSigner.from_pem(asking.watch.settings.origin, checkpoints.new_key_pem())
    note = stranger.sign(Checkpoint(asking.watch.settings.origin, 16, bytes(32)))
    assert asking.ask(0, note=note, proof=[]).status == 403
    assert asking.seen == 0


def test_two_roots_for_one_size_are_refused_and_kept_as_proof(asking):
    asking.ask(0)
    lie = asking.signer.sign(Checkpoint(asking.watch.settings.origin, 16, bytes(32)))
    answer = asking.ask(16, note=lie, proof=[])
    assert (answer.status, answer.body) == (409, "16\n")
    assert asking.watch.judged() is Outcome.VIOLATED
    assert asking.seen == 16


def test_proof_that_does_not_lead_to_the_root_is_refused(asking):
    asking.ask(0)
    asking.watch.log.grow(1)
    assert asking.ask(16, proof=[bytes(32)] * 3).status == 422
    assert asking.ask(16, proof=[]).status == 422
    assert asking.seen == 16


def test_proof_from_nothing_must_be_empty(asking):
    assert asking.ask(0, proof=[bytes(32)]).status == 422


def test_rewritten_history_is_refused(asking):
    asking.ask(0)
    asking.watch.serve(asking.watch.fork(4))
    assert asking.ask(16).status == 422
    assert asking.seen == 16


MALFORMED = (
    b"",
    b"old 0\n",
    b"old 00\n\nNOTE",
    b"old -1\n\nNOTE",
    b"new 0\n\nNOTE",
    b"old 0\nAAAA\n\nNOTE",
    b"old 0\n!\n\nNOTE",
    b"old 0\n\n\xff",
    b"old 0\n\nnothing",
    b"old 0\n\nNOTEx",
)


def test_malformed_request_is_a_bad_request(asking):
    note = asking.client.checkpoint().encode()
    assert {asking.witness.add_checkpoint(body.replace(b"NOTE", note)).status for body in MALFORMED} == {400}
    assert asking.seen == 0


def test_request_at_its_bounds_is_read_and_over_them_refused(asking):
    hashes = [bytes(32)] * MAX_PROOF_LINES
    assert asking.ask(0, proof=hashes).status == 422
    assert asking.ask(0, proof=[*hashes, bytes(32)]).status == 400
    assert asking.witness.add_checkpoint(b"x" * (MAX_BODY_BYTES + 1)).status == 400


def test_of_two_requests_at_once_one_is_told_to_come_again(asking):
    asking.ask(0)
    asking.watch.log.grow(1)
    genuine = asking.watch.state.find

    def raced(origin):
        """Another request gets between looking and writing."""
        found = genuine(origin)
        asking.watch.state.find = genuine
        assert asking.ask(16).status == 200
        return found

    asking.watch.state.find = raced
    assert asking.ask(16).status == 503
    assert asking.seen == 24


def test_monitor_and_witness_share_what_they_saw(asking):
    asking.watch.look()
    assert asking.ask(0).body == "16\n"
    asking.watch.log.grow(1)
    assert asking.ask(16).status == 200
    assert asking.watch.violated() == set()
