# SPDX-License-Identifier: EUPL-1.2
"""The ledger asks witnesses for their signatures and serves them: honest, absent, lying and forgetful ones."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError
from sqlmodel import delete, select

from ledger import checkpoint as checkpoints
from ledger import cosignature
from ledger.app import create_app
from ledger.audit import witnessed
from ledger.auditor import Auditor
from ledger.checkpoint import Checkpoint, CheckpointKey, CheckpointSigner
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.cosignature import CLOCK_SKEW, Cosigner
from ledger.findings import Level, Outcome
from ledger.keeper import OTHER_ROOT
from ledger.note import MAX_NOTE_CHARS, NoteSignature
from ledger.reading import read_log
from ledger.settings import MAX_WITNESSES, LedgerSettings, WitnessSettings
from ledger.store import MAX_COSIGNATURES
from ledger.tables import CosignatureRow, LogRow
from ledger.trust import AuditedLog, TrustFile
from ledger.values import END, LogCondition
from ledger.witness import Answer
from ledger.witness_protocol import MAX_ANSWER_BYTES, SIZE
from ledger.worker import Worker
from protocol.errors import Error, RequestError, UnavailableError, VerificationError
from protocol.runtime.database import open_database
from protocol.runtime.signer import read_secret_file
from tests.fakes.witnesses import FakeWitness

URL = "http://localhost:8104"


class Gathering:
    """The world's ledger with two witnesses."""

    def __init__(self, world, settings: LedgerSettings) -> None:
        self.world = world
        self.witnesses = [FakeWitness(number, world.folder, world.clock) for number in (1, 2)]
        update = {"witnesses": tuple(each.settings for each in self.witnesses)}
        self.settings = settings.model_copy(update=update)
        self.database = open_database(settings.database_url)
        self.restart()
        self.worker.sequence()
        (own,) = self.client.logs()
        self.log = AuditedLog.parse(own)
        self.keys = tuple(each.cosigner.key for each in self.witnesses)
        self.trust = TrustFile("", (self.log,), (), self.keys)
        for each in self.witnesses:
            each.trusts(self.trust)
            world.http.apps[each.origin] = each.app

    def restart(self) -> None:
        """Start the worker and the web service anew, when the old one's leases have run out."""
        self.world.clock.advance(timedelta(seconds=self.settings.lease_seconds + 1))
        self.worker = self.another_worker()
        self.world.http.apps[URL] = create_app(self.settings, clock=self.world.clock)
        self.client = LedgerClient(self.world.http, URL)

    def another_worker(self) -> Worker:
        return Worker(self.settings, clock=self.world.clock, http=self.world.http)

    def grow(self) -> None:
        self.client.add_entry(Commitment(secrets.token_bytes(32)))
        assert self.worker.sequence() == 1

    def failure(self) -> Error:
        with pytest.raises(Error) as caught:
            self.worker.gather()
        return caught.value

    def served(self) -> list[str]:
        """Return the names under the head that is served, after every reader of ours accepted it."""
        note = self.client.checkpoint()
        read_log(self.client, self.log.checkpoint_key)
        return [each.name for each in checkpoints.parse_note(note).signatures]

    def cosigned(self) -> list[str]:
        """Return which witnesses' signatures hold under the head that is served."""
        found = cosignature.find_cosignatures(self.client.checkpoint(), self.keys, now=self.world.clock.now())
        return [each.witness.name for each in found]

    def rows(self) -> int:
        with self.database.read() as session:
            return len(session.exec(select(CosignatureRow)).all())


@pytest.fixture
def gathering(world, ledger_settings):
    made = Gathering(world, ledger_settings)
    yield made
    for each in made.witnesses:
        each.state.close()


LOG, W1, W2 = "localhost:8104/2026", "witness.example/w1", "witness.example/w2"


# honest witnesses


def test_head_when_signed_is_cosigned_by_each_witness_and_served_so(gathering):
    gathering.grow()
    assert gathering.served() == [LOG]
    assert gathering.worker.gather() == 2
    assert gathering.served() == [LOG, W1, W2]
    assert gathering.cosigned() == [W1, W2]


def test_cosigned_head_is_accepted_by_audit_wallet_and_trust_on_first_use(gathering):
    commitment = Commitment(secrets.token_bytes(32))
    gathering.client.add_entry(commitment)
    gathering.worker.sequence()
    gathering.worker.gather()
    place = gathering.client.prove(commitment, gathering.log.checkpoint_key)
    assert place is not None
    assert place.note == gathering.client.checkpoint()
    assert gathering.client.prove(commitment, gathering.log.checkpoint_key, note=place.note) == place
    finding = witnessed(place.note, gathering.keys, now=gathering.world.clock.now())
    assert (finding.outcome, finding.detail[:23]) == (Outcome.HOLDS, "2 of 2 known witnesses,")


def audit(gathering: Gathering, trust: TrustFile):
    auditor = Auditor(URL, "http://unused", trust, log=None, from_size=0, http=gathering.world.http)
    return {each.level: each for each in auditor.run(None).findings}


def test_audit_when_the_trust_file_names_witnesses_says_how_many_cosigned(gathering, monkeypatch):
    gathering.witnesses[1].instead = lambda _: Answer(500, "")
    gathering.grow()
    gathering.failure()
    monkeypatch.setattr("ledger.auditor.SystemClock", lambda: gathering.world.clock)
    found = audit(gathering, gathering.trust)
    assert found[Level.CHECKPOINT].outcome is Outcome.HOLDS
    assert found[Level.WITNESSED].detail.startswith("1 of 2 known witnesses")


def test_each_new_head_is_cosigned_once_from_the_size_that_the_witness_signed_last(gathering):
    for _ in range(3):
        gathering.grow()
        assert gathering.worker.gather() == 2
        assert gathering.worker.gather() == 0
    assert gathering.witnesses[0].olds() == [b"old 0", b"old 8", b"old 16"]
    assert gathering.cosigned() == [W1, W2]
    assert gathering.rows() == 6


def test_heads_between_two_askings_are_skipped(gathering):
    gathering.grow()
    gathering.worker.gather()
    gathering.grow()
    gathering.grow()
    gathering.worker.gather()
    assert gathering.witnesses[0].olds() == [b"old 0", b"old 8"]
    assert gathering.cosigned() == [W1, W2]


def test_empty_log_is_nothing_to_ask_about(gathering):
    assert gathering.worker.gather() == 0
    assert gathering.witnesses[0].asked == []


def test_anchored_head_is_given_with_its_cosignatures(gathering):
    gathering.grow()
    gathering.worker.gather()
    publication = gathering.world.http.apps[URL].extensions["ledger.services"].publication
    gathering.grow()
    old = publication.get_checkpoint(log=None, size=8).note
    assert [each.name for each in checkpoints.parse_note(old).signatures] == [LOG, W1, W2]


def test_ledger_says_whom_it_asks_and_reports_on_itself(gathering):
    never = [{"key": each.text(), "size": 0, "cosigned_at": None} for each in gathering.keys]
    assert gathering.client.logs()[0]["witnesses"] == never
    gathering.grow()
    gathering.worker.gather()
    gathering.world.http.down.add(gathering.witnesses[1].origin)
    gathering.grow()
    gathering.failure()
    (own,) = gathering.client.logs()
    at = gathering.world.clock.now().isoformat()
    assert own["witnesses"] == [
        {"key": gathering.keys[0].text(), "size": 16, "cosigned_at": at},
        {"key": gathering.keys[1].text(), "size": 8, "cosigned_at": at},
    ]
    gathering.world.http.down.clear()
    gathering.worker.gather()
    report = gathering.world.http.apps[URL].test_client().get("/report.json").get_json()
    assert [each["detail"][:22] for each in report["findings"] if each["level"] == Level.WITNESSED] == [
        "2 of 2 known witnesses"
    ]
    page = gathering.world.http.apps[URL].test_client().get("/report", headers={"Accept-Language": "en"}).text
    assert "The head was seen by witnesses" in page


@pytest.mark.parametrize(
    ("language", "none", "one", "both"),
    [
        ("en", "only its own operator vouches", "also by 1 witness that", "also by 2 witnesses that"),
        ("ca", "només en respon qui el gestiona", "també el signa 1 testimoni", "també el signen 2 testimonis"),
        ("es", "están firmadas, pero solo", "también lo firma 1 testigo", "también lo firman 2 testigos"),
    ],
)
def test_site_without_a_chain_says_who_else_signed(gathering, language, none, one, both):
    client = gathering.world.http.apps[URL].test_client()

    def read() -> str:
        pages = [client.get(path, headers={"Accept-Language": language}).text for path in ("/", "/state")]
        return "\n".join(pages)

    gathering.grow()
    assert read().count(none) == 3
    gathering.world.http.down.add(gathering.witnesses[0].origin)
    gathering.failure()
    assert read().count(one) == 3
    gathering.world.http.down.clear()
    gathering.worker.gather()
    page = read()
    assert (page.count(both), page.count(none)) == (3, 0)
    assert {"en": "2 of 2", "ca": "2 de 2", "es": "2 de 2"}[language] in page


# restart


def test_cosignatures_after_a_restart_are_served_and_not_asked_for_again(gathering):
    gathering.grow()
    gathering.worker.gather()
    gathering.restart()
    assert gathering.cosigned() == [W1, W2]
    assert gathering.worker.gather() == 0
    gathering.grow()
    assert gathering.worker.gather() == 2
    assert gathering.witnesses[1].olds() == [b"old 0", b"old 8"]


def test_of_two_workers_one_asks_until_it_hands_over(gathering):
    other = gathering.another_worker()
    gathering.grow()
    gathering.worker.gather()
    gathering.grow()
    assert other.gather() == 0
    for each in gathering.worker._gatherers:
        each.hand_over()
    assert other.gather() == 2
    assert gathering.cosigned() == [W1, W2]


def test_cosignature_that_another_worker_brought_meanwhile_is_kept_once(gathering):
    other = gathering.another_worker()
    gathering.grow()
    witness = gathering.witnesses[0]

    def slow(body: bytes) -> Answer:
        """The lease runs out while this witness thinks, and another worker is quicker."""
        witness.instead = None
        gathering.world.clock.advance(timedelta(seconds=gathering.settings.lease_seconds + 1))
        assert other.gather() == 2
        return witness.honest(body.replace(b"old 0", b"old 8"))

    witness.instead = slow
    assert gathering.worker.gather() == 0
    assert gathering.cosigned() == [W1, W2]
    assert gathering.rows() == 2


# witnesses that are not there


def test_witness_that_is_down_holds_nothing_up_and_is_asked_again(gathering):
    gathering.world.http.down.add(gathering.witnesses[0].origin)
    for size in (8, 16):
        gathering.grow()
        assert isinstance(gathering.failure(), UnavailableError)
        assert gathering.cosigned() == [W2]
        assert checkpoints.parse_unverified(gathering.client.checkpoint()).size == size
    gathering.world.http.down.clear()
    assert gathering.worker.gather() == 1
    assert gathering.witnesses[0].olds() == [b"old 0"]
    assert gathering.cosigned() == [W1, W2]


def test_witness_that_refuses_leaves_the_head_as_it_is(gathering):
    gathering.grow()
    line = gathering.witnesses[0].cosigner.cosign(gathering.client.checkpoint(), now=gathering.world.clock.now())
    for status in (400, 403, 404, 422, 429, 500, 503):
        gathering.witnesses[0].instead = lambda _, status=status: Answer(status, line)
        assert gathering.failure().code == "witness_refused"
        assert gathering.served() == [LOG, W2]


# witnesses that lie


def stranger(name: str) -> Cosigner:
    return Cosigner(name, Ed25519PrivateKey.generate())


class Lie:
    """What a dishonest witness has to work with."""

    def __init__(self, gathering: Gathering) -> None:
        self.note = gathering.client.checkpoint()
        self.now = gathering.world.clock.now()
        self.own, self.other = (each.cosigner for each in gathering.witnesses)
        pem = read_secret_file(gathering.settings.checkpoint_key_file)
        # another head of the same log and size, which the log signed as well
        self.fork = CheckpointSigner.from_pem(LOG, pem).sign(Checkpoint(LOG, 8, bytes(32)))

    def line(self) -> str:
        return self.own.cosign(self.note, now=self.now)


TOO_FAR = CLOCK_SKEW + timedelta(seconds=1)
LIES = {
    "another key under its name": lambda lie: stranger(W1).cosign(lie.note, now=lie.now),
    "another witness's signature": lambda lie: lie.other.cosign(lie.note, now=lie.now),
    "another head's signature": lambda lie: lie.own.cosign(lie.fork, now=lie.now),
    "from the future": lambda lie: lie.own.cosign(lie.note, now=lie.now + TOO_FAR),
    "from before the head": lambda lie: lie.own.cosign(lie.note, now=lie.now - TOO_FAR),
    "its own signature changed": lambda lie: changed(lie.line()),
    "the log's own line": lambda lie: lie.note.splitlines(keepends=True)[-1],
    "nothing": lambda _: "",
    "an empty line": lambda _: "\n",
    "no line end": lambda lie: lie.line().rstrip("\n"),
    "a whole note": lambda lie: lie.note + lie.line(),
    "a page": lambda _: "<html>it works</html>\n",
}


def changed(line: str) -> str:
    parsed = NoteSignature.parse(line.rstrip("\n"))
    raw = parsed.signature[:-1] + bytes([parsed.signature[-1] ^ 1])
    return NoteSignature(parsed.name, parsed.key_id, raw).line() + "\n"


@pytest.mark.parametrize("lie", LIES)
def test_answer_that_is_no_cosignature_of_this_witness_is_refused(gathering, lie):
    gathering.grow()
    answer = LIES[lie](Lie(gathering))
    gathering.witnesses[0].instead = lambda _: Answer(200, answer)
    assert isinstance(gathering.failure(), RequestError | VerificationError)
    assert gathering.served() == [LOG, W2]
    assert gathering.rows() == 1
    gathering.witnesses[0].instead = None
    assert gathering.worker.gather() == 1
    assert gathering.cosigned() == [W1, W2]


@pytest.mark.parametrize("distance", [CLOCK_SKEW, -CLOCK_SKEW])
def test_cosignature_by_a_clock_that_is_a_little_off_is_taken(gathering, distance):
    gathering.grow()
    note, now = gathering.client.checkpoint(), gathering.world.clock.now()
    line = gathering.witnesses[0].cosigner.cosign(note, now=now + distance)
    gathering.witnesses[0].instead = lambda _: Answer(200, line)
    assert gathering.worker.gather() == 2


def test_of_several_lines_only_that_of_the_known_key_is_kept(gathering):
    gathering.grow()
    note, now = gathering.client.checkpoint(), gathering.world.clock.now()
    both = stranger("witness.example/new").cosign(note, now=now)
    both += gathering.witnesses[0].cosigner.cosign(note, now=now)
    gathering.witnesses[0].instead = lambda _: Answer(200, both)
    assert gathering.worker.gather() == 2
    assert sorted(gathering.served()) == [LOG, W1, W2]


def test_answer_at_its_bound_is_read_and_over_it_refused(gathering):
    gathering.grow()
    note, now = gathering.client.checkpoint(), gathering.world.clock.now()
    line = gathering.witnesses[0].cosigner.cosign(note, now=now)
    # a line of a stranger fills the rest: three bytes of dash, two spaces, and the end of the line
    rest = MAX_ANSWER_BYTES - len(line.encode())
    filler = "\u2014 {} {}\n".format("x" * (rest - 18), "A" * 12)
    assert len((filler + line).encode()) == MAX_ANSWER_BYTES
    gathering.witnesses[0].instead = lambda _: Answer(200, "x" + filler + line)
    assert "more than" in gathering.failure().message
    gathering.witnesses[0].instead = lambda _: Answer(200, filler + line)
    assert gathering.worker.gather() == 1
    assert sorted(gathering.served()) == [LOG, W1, W2]


# witnesses that know another size


def forget(gathering: Gathering) -> None:
    """Lose what this database knows about cosignatures."""
    with gathering.database.write() as session:
        session.exec(delete(CosignatureRow))


def test_stale_size_is_corrected_by_the_witness_and_asked_once_more(gathering):
    gathering.grow()
    gathering.worker.gather()
    forget(gathering)
    gathering.grow()
    assert gathering.worker.gather() == 2
    assert gathering.witnesses[0].olds() == [b"old 0", b"old 0", b"old 8"]
    assert gathering.cosigned() == [W1, W2]


def test_witness_that_was_set_back_is_asked_from_where_it_is(gathering):
    gathering.grow()
    gathering.worker.gather()
    gathering.grow()
    # it knows less than it signed: an operator restored it
    witness = gathering.witnesses[0]
    path = witness.state._path(LOG)
    path.unlink()
    assert gathering.worker.gather() == 2
    assert witness.olds() == [b"old 0", b"old 8", b"old 0"]


def test_head_that_a_witness_signed_and_this_database_forgot_is_signed_again(gathering):
    gathering.grow()
    gathering.worker.gather()
    forget(gathering)
    assert gathering.worker.gather() == 2
    assert gathering.witnesses[0].olds() == [b"old 0", b"old 0", b"old 8"]


def test_witness_that_knows_more_than_the_log_is_an_error_of_its_own(gathering):
    gathering.grow()
    gathering.witnesses[0].instead = lambda _: Answer(409, "16\n", SIZE)
    failure = gathering.failure()
    assert failure.code == "witness_ahead"
    assert failure.message == f"the witness {W1} knows 16 leaves, the log has 8"
    assert len(gathering.witnesses[0].asked) == 1
    assert gathering.served() == [LOG, W2]
    gathering.grow()
    assert checkpoints.parse_unverified(gathering.client.checkpoint()).size == 16


def test_witness_that_knows_another_tree_of_the_size_is_an_error_of_its_own(gathering):
    gathering.grow()
    witness = gathering.witnesses[0]
    witness.instead = lambda _: Answer(409, "0\n", SIZE)
    assert gathering.failure().code == "witness_contradicts"
    assert len(witness.asked) == 1


def test_witness_that_says_another_size_each_time_is_asked_twice_and_no_more(gathering):
    gathering.grow()
    witness = gathering.witnesses[0]
    witness.instead = lambda _: Answer(409, f"{len(witness.asked)}\n", SIZE)
    assert gathering.failure().code == "witness_refused"
    assert len(witness.asked) == 2


def test_conflict_without_a_size_is_refused(gathering):
    gathering.grow()
    for number, body in enumerate(
        ("", "8", "08\n", "-1\n", "8\n8\n", "8 \n", "1" * 19 + "\n", "\u0661\n"), start=1
    ):
        gathering.witnesses[0].instead = lambda _, body=body: Answer(409, body, SIZE)
        assert gathering.failure().code == "invalid_cosignature"
        assert len(gathering.witnesses[0].asked) == number


# logs that are not asked about


def set_state(gathering: Gathering, condition: LogCondition, reason: str) -> None:
    with gathering.database.write() as session:
        row = session.get_one(LogRow, "2026")
        row.state, row.reason = condition, reason
        session.add(row)


def test_log_that_contradicts_its_chain_is_not_shown_to_witnesses_and_one_that_ended_is(gathering):
    gathering.grow()
    for condition, reason in ((LogCondition.RESTORING, "behind"), (LogCondition.FROZEN, OTHER_ROOT)):
        set_state(gathering, condition, reason)
        assert gathering.worker.gather() == 0
    assert gathering.witnesses[0].asked == []
    set_state(gathering, LogCondition.CLOSED, END)
    assert gathering.worker.gather() == 2


# bounds and settings


def test_served_note_when_many_witnesses_came_and_went_stays_readable(gathering):
    gathering.grow()
    note, now = gathering.client.checkpoint(), gathering.world.clock.now()
    with gathering.database.write() as session:
        for number in range(MAX_COSIGNATURES + 1):
            peer = stranger(f"{number:0255}")
            line = peer.cosign(note, now=now)
            row = CosignatureRow(log="2026", witness=peer.key.text(), size=8, line=line, cosigned_at=now)
            session.add(row)
    assert len(gathering.served()) == 1 + MAX_COSIGNATURES
    # with room for a log's name of any length, which stands there twice
    assert len(gathering.client.checkpoint()) + 2 * 255 < MAX_NOTE_CHARS


def test_settings_when_a_witness_is_not_usable_then_refused(gathering):
    key = gathering.keys[0].text()
    url = "https://witness.example/w1/add-checkpoint"
    assert WitnessSettings(key=key, url=url).verifier == gathering.keys[0]
    for wrong in (
        {"key": key[:-4]},
        {"key": CheckpointKey(W1, bytes(32)).text()},
        {"url": "https://witness.example/w1"},
        {"url": f"{url}?a=b"},
        {"url": f"{url}#a"},
        {"url": "/add-checkpoint"},
        {"url": "https://me@witness.example/add-checkpoint"},
        {"name": "w1"},
    ):
        with pytest.raises(ValidationError):
            WitnessSettings(**{"key": key, "url": url, **wrong})


def test_settings_when_witnesses_are_too_many_twice_the_same_or_without_tls_then_refused(gathering):
    given = {**gathering.settings.model_dump(), "secret_key": "s" * 32}
    keys = [stranger(f"witness.example/{number}").key.text() for number in range(MAX_WITNESSES + 1)]
    https = [{"key": key, "url": "https://witness.example/add-checkpoint"} for key in keys]
    http = {"key": keys[0], "url": "http://localhost:9104/add-checkpoint"}
    assert len(LedgerSettings(**{**given, "witnesses": https[:-1]}).witnesses) == MAX_WITNESSES
    private = frozenset({"http://localhost:9104"})
    assert LedgerSettings(**{**given, "witnesses": [http], "allowed_private_origins": private}).witnesses
    for wrong in (https, [https[0], https[0]], [http], [{**http, "url": "ftp://localhost/add-checkpoint"}]):
        with pytest.raises(ValidationError):
            LedgerSettings(**{**given, "witnesses": wrong})
