# SPDX-License-Identifier: EUPL-1.2
"""The end of a log, and the one that follows it: several logs in one service."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest

from ledger import promise
from ledger.app import create_app
from ledger.checkpoint import new_key_pem
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.kill_points import KillPoint
from ledger.settings import LogSettings
from ledger.store import SqlStore
from ledger.tables import LogRow
from ledger.trust import log_id
from ledger.values import LogCondition
from ledger.worker import Worker
from protocol.encoding import b64url_encode
from protocol.errors import UnavailableError
from protocol.keys import PrivateKey, PublicKey
from protocol.runtime.database import open_database
from protocol.runtime.signer import write_secret_file
from tests.conftest import LEDGER_URL
from tests.fakes.ledger_bench import Bench, DiesAtError
from tests.fakes.memory_chain import MemoryChain

ORIGIN_2027 = "localhost:8104/2027"
DELAY = timedelta(seconds=60)
LIFE = timedelta(hours=1)
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def settings(world, ledger_settings):
    """A log that ends in an hour, and the one after it."""
    write_secret_file(world.folder / "promise-2027.key", PrivateKey.generate().pem())
    write_secret_file(world.folder / "checkpoint-2027.key", new_key_pem())
    following = LogSettings(
        origin=ORIGIN_2027,
        promise_key_file=world.folder / "promise-2027.key",
        checkpoint_key_file=world.folder / "checkpoint-2027.key",
        sealer_key_file=world.folder / "unused.key",
    )
    return ledger_settings.model_copy(update={"freezes_at": world.clock.now() + LIFE, "other_logs": (following,)})


@pytest.fixture
def store(settings) -> SqlStore:
    return SqlStore(open_database(settings.database_url))


@pytest.fixture
def service(world, settings):
    """Worker and web service of both logs, without a chain."""
    worker = Worker(settings, clock=world.clock)
    worker.sequence()
    world.http.apps[LEDGER_URL] = create_app(settings, clock=world.clock)
    return worker


@pytest.fixture
def post(world, service):
    flask = world.http.apps[LEDGER_URL].test_client()

    def run(log: str | None = None, commitment: bytes | None = None):
        body = {"commitment": b64url_encode(commitment or secrets.token_bytes(32))}
        answer = flask.post("/log/v1/entries", json=body if log is None else {**body, "log": log})
        return answer.status_code, answer.json

    return run


def promised_by(world, settings, token: str, commitment: bytes) -> str:
    """Return the name of the log whose key signed a promise."""
    for log in settings.logs:
        key = PrivateKey.from_pem(log.promise_key_file.read_bytes()).public_key
        try:
            promise.verify_undated(token, key, log=log.origin, commitment=Commitment(commitment))
        except Exception:  # noqa: BLE001, S112 - the other log's
            continue
        return log.name
    return ""


def test_log_stops_promising_one_merge_delay_before_its_end_and_the_next_takes_over(
    world, settings, service, post
):
    commitment = secrets.token_bytes(32)
    assert promised_by(world, settings, post(None, commitment)[1]["promise"], commitment) == "2026"
    service.sequence()
    world.clock.advance(LIFE - DELAY)
    commitment = secrets.token_bytes(32)
    assert promised_by(world, settings, post(None, commitment)[1]["promise"], commitment) == "2026"
    world.clock.advance(timedelta(seconds=1))
    commitment = secrets.token_bytes(32)
    assert promised_by(world, settings, post(None, commitment)[1]["promise"], commitment) == "2027"


def test_log_after_the_next_can_be_named_before_its_turn(world, settings, post):
    commitment = secrets.token_bytes(32)
    status, body = post("2027", commitment)
    assert status == 201
    assert promised_by(world, settings, body["promise"], commitment) == "2027"


def test_last_promise_is_kept_before_the_log_closes(world, settings, service, store, post):
    world.clock.advance(LIFE - DELAY)
    commitment = secrets.token_bytes(32)
    assert post("2026", commitment)[0] == 201
    world.clock.advance(DELAY)
    # the worker comes late, and takes it in all the same before it closes the log
    service.sequence()
    assert store.find_index("2026", Commitment(commitment)) is not None
    assert store.find_log("2026").condition is LogCondition.CLOSED
    assert store.find_log("2027").condition is LogCondition.OPEN
    size = store.find_log("2026").size
    world.clock.advance(timedelta(days=3))
    service.sequence()
    assert store.find_log("2026").size == size


def test_promise_that_would_be_due_after_the_end_is_refused_by_the_store_too(world, settings, service, store):
    end = world.clock.now() + LIFE
    assert store.add_promise("2026", Commitment(bytes(32)), "token", due_at=end) == "token"
    with pytest.raises(UnavailableError, match="log_frozen"):
        store.add_promise("2026", Commitment(b"\x01" * 32), "token", due_at=end + timedelta(microseconds=1))
    assert store.find_promise("2026", Commitment(b"\x01" * 32)) is None


@pytest.mark.parametrize("wait", [LIFE - DELAY + timedelta(seconds=1), LIFE, LIFE * 100])
def test_client_that_names_an_ended_log_gets_a_clear_error(world, settings, service, post, wait):
    known = secrets.token_bytes(32)
    token = post("2026", known)[1]["promise"]
    service.sequence()
    world.clock.advance(wait)
    service.sequence()
    assert (post("2026")[0], post("2026")[1]["error"]) == (409, "log_closed")
    with pytest.raises(UnavailableError, match="409, log_closed"):
        LedgerClient(world.http, LEDGER_URL, log="2026").add_entry(Commitment(bytes(32)))
    # what was promised stays promised
    assert post("2026", known) == (201, {"promise": token})


def test_logs_are_listed_with_their_states_and_old_ones_stay_readable(world, settings, service, post):
    for _ in range(3):
        post("2026")
    service.sequence()
    world.clock.advance(LIFE)
    service.sequence()
    post()
    service.sequence()
    client = LedgerClient(world.http, LEDGER_URL)
    listed = {each["name"]: (each["state"], each["current"]) for each in client.logs()}
    assert listed == {"2026": ("closed", False), "2027": ("open", True)}
    assert [each["freezes_at"] is None for each in client.logs()] == [False, True]
    assert "localhost:8104/2027\n" in client.checkpoint()
    old = LedgerClient(world.http, LEDGER_URL, log="2026")
    assert "localhost:8104/2026\n" in old.checkpoint()
    assert len(old.all_entries(8)) == 8
    (entry, *_) = old.all_entries(8)
    flask = world.http.apps[LEDGER_URL].test_client()
    proof = flask.get(f"/log/v1/proof/inclusion?commitment={b64url_encode(entry)}&log=2026")
    assert proof.status_code == 200
    assert flask.get("/log/v1/anchors?log=2026").json["log"] == settings.origin


def test_log_that_this_service_no_longer_keeps_is_read_only(world, settings, service, post):
    post("2026")
    service.sequence()
    following = settings.other_logs[0]
    later = settings.model_copy(
        update={
            "origin": following.origin,
            "promise_key_file": following.promise_key_file,
            "checkpoint_key_file": following.checkpoint_key_file,
            "other_logs": (),
            "freezes_at": None,
        }
    )
    flask = create_app(later, clock=world.clock).test_client()
    answer = flask.post("/log/v1/entries", json={"commitment": "A" * 43, "log": "2026"})
    assert (answer.status_code, answer.json["error"]) == (409, "log_closed")
    assert flask.get("/2026/checkpoint").status_code == 200


def test_standby_log_takes_over_from_one_that_is_frozen(world, settings, service, store, post):
    database = open_database(settings.database_url)
    with database.write() as session:
        row = session.get_one(LogRow, "2026")
        row.state, row.reason = "frozen", "the chain has another root than the database"
        session.add(row)
    commitment = secrets.token_bytes(32)
    assert promised_by(world, settings, post(None, commitment)[1]["promise"], commitment) == "2027"
    assert (post("2026")[0], post("2026")[1]["error"]) == (503, "log_frozen")


def test_trouble_with_one_log_does_not_hold_up_the_other(world, settings, service, store, post):
    post("2026")
    post("2027")
    (world.folder / "checkpoint.key").unlink()
    write_secret_file(world.folder / "checkpoint.key", new_key_pem())
    chain = MemoryChain(log_id(ORIGIN_2027))
    anchored = Worker(
        settings.model_copy(update={"chain_url": "http://127.0.0.1:1"}), clock=world.clock, chain=chain
    )
    world.clock.advance(timedelta(seconds=61))
    # the contract does not know the first log
    with pytest.raises(Exception, match="unknown_log"):
        anchored.sequence()
    assert store.count_waiting("2027") == 0
    assert store.count_waiting("2026") == 1


class Ending(Bench):
    """A bench whose log ends in an hour."""

    def __init__(self, settings, clock) -> None:
        ends = settings.model_copy(update={"other_logs": ()})
        super().__init__(ends, clock, MemoryChain(log_id(settings.origin)))

    def turns(self, count: int) -> None:
        for _ in range(count):
            self.worker.sequence()
            self.worker.anchor()

    def end(self) -> None:
        self.clock.advance(LIFE)
        self.restart()
        self.worker.sequence()


@pytest.fixture
def ending(world, settings) -> Ending:
    return Ending(settings, world.clock)


def test_last_head_is_final_on_the_chain_before_the_log_is_frozen_there(ending):
    ending.chain.confirmations = 2
    ending.grow()
    ending.worker.anchor()
    ending.grow()
    ending.end()
    assert ending.log().condition is LogCondition.CLOSED
    for _ in range(3):
        ending.worker.anchor()
        assert not ending.chain.head(ending.chain.log_id).is_frozen
        ending.chain.mine()
    for _ in range(4):
        ending.worker.anchor()
        ending.chain.mine()
    assert ending.chain.head(ending.chain.log_id).is_frozen
    assert (ending.log().condition, ending.log().reason) == (LogCondition.FROZEN, "its end was reached")
    assert ending.chain.head(ending.chain.log_id).size == ending.log().size
    assert sum(b"freeze" in raw for block in ending.chain.blocks for raw in block.transactions) == 1
    assert {state for _, state in ending.states()} == {"final"}


def test_chain_that_is_down_at_the_end_freezes_the_log_later(ending):
    ending.grow()
    ending.chain.is_down = True
    ending.later(59)
    ending.worker.sequence()
    ending.clock.advance(LIFE)
    with pytest.raises(UnavailableError):
        ending.worker.anchor()
    ending.chain.is_down = False
    ending.restart()
    ending.worker.sequence()
    ending.worker.anchor()
    assert ending.log().condition is LogCondition.FROZEN
    assert ending.chain.head(ending.chain.log_id).is_frozen


def test_contract_that_froze_a_log_too_early_is_told_apart_from_its_end(ending):
    ending.grow()
    ending.chain.is_frozen = True
    ending.end()
    ending.worker.anchor()
    assert ending.log().condition is LogCondition.FROZEN
    assert ending.log().reason == "the contract takes no more anchors for this log"


@pytest.mark.parametrize(
    "point",
    [
        KillPoint.BEFORE_CONDITION,
        KillPoint.AFTER_CONDITION,
        KillPoint.BEFORE_FREEZE,
        KillPoint.AFTER_FREEZE,
    ],
    ids=lambda point: point.name,
)
def test_end_that_is_cut_short_at_a_kill_point_is_reached_all_the_same(ending, point):
    ending.grow()
    ending.clock.advance(LIFE)
    ending.restart()
    ending.kill.point = point
    with pytest.raises(DiesAtError):
        ending.turns(2)
    for _ in range(2):
        ending.restart()
        ending.worker.sequence()
        ending.worker.anchor()
    assert ending.log().condition is LogCondition.FROZEN
    assert ending.chain.head(ending.chain.log_id).is_frozen
    assert set(ending.added) <= set(ending.leaves())


def test_end_can_be_moved_while_the_log_is_open(world, settings, service, store):
    moved = world.clock.now() + 2 * LIFE
    Worker(settings.model_copy(update={"freezes_at": moved}), clock=world.clock)
    world.clock.advance(timedelta(seconds=61))
    Worker(settings.model_copy(update={"freezes_at": moved}), clock=world.clock).sequence()
    assert store.find_log("2026").freezes_at == moved


@pytest.mark.parametrize(
    "change",
    [
        {"other_logs": [{"origin": "localhost:8104/2026", "promise_key_file": "a", "checkpoint_key_file": "b"}]},
        {"other_logs": [{"origin": "NO", "promise_key_file": "a", "checkpoint_key_file": "b"}]},
        {"other_logs": [{"origin": "localhost/2027", "promise_key_file": "a"}]},
        {"freezes_at": "2027-01-01T00:00:00"},
        {
            "other_logs": [{"origin": "x/2027", "promise_key_file": "a", "checkpoint_key_file": "b"}],
            "chain_url": "http://127.0.0.1:1",
            "chain_id": 1,
            "contract": "0x",
            "sealer_key_file": "c",
        },
    ],
    ids=["same name twice", "no origin", "no checkpoint key", "no time zone", "no sealer"],
)
def test_settings_of_logs_when_unusable_are_refused(ledger_settings, change):
    given = ledger_settings.model_dump() | {"secret_key": "s" * 32} | change
    with pytest.raises(ValueError, match="validation error"):
        type(ledger_settings)(**given)


def test_public_key_of_each_log_is_its_own(world, settings, service):
    keys = {each["name"]: each["promise_key"] for each in LedgerClient(world.http, LEDGER_URL).logs()}
    assert PublicKey.parse_jwk(keys["2026"]) != PublicKey.parse_jwk(keys["2027"])


def test_page_of_a_log_says_whether_it_ended_is_restored_or_is_frozen(world, settings, service, post):
    alone = settings.model_copy(update={"other_logs": ()})
    world.http.apps[LEDGER_URL] = create_app(alone, clock=world.clock)
    world.clock.advance(LIFE)
    service.sequence()
    flask = world.http.apps[LEDGER_URL].test_client()
    assert "Closed at its end" in flask.get("/", headers=ENGLISH).text
    database = open_database(settings.database_url)
    for condition, reason, shown in (
        ("frozen", "its end was reached", "Closed at its end"),
        ("frozen", "the chain has another root at 8", "Frozen: no new entries"),
        ("restoring", "restore needed", "Being restored: no new entries"),
    ):
        with database.write() as session:
            row = session.get_one(LogRow, "2026")
            row.state, row.reason = condition, reason
            session.add(row)
        assert shown in flask.get("/", headers=ENGLISH).text
