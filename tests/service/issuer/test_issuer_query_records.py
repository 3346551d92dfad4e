# SPDX-License-Identifier: EUPL-1.2
"""Queries are entries of the ledger: recorded before the source is asked, promised by the outbox, shown, destroyed."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask, jsonify
from structlog.testing import capture_logs

from issuer.outbox import BATCH, LEASE, LEASE_LIFETIME, LONGEST_WAIT, Outbox
from issuer.recording import build
from issuer.records import Person
from issuer.services import KEY
from issuer.store_queries import SqlQueryRecords
from issuer.tables import LeaseRow, QueryRecordRow, QueryRow
from issuer.worker import _turn, open_outbox, run
from ledger import promise as promises
from ledger import record as records
from ledger import signatures
from ledger.checkpoint import CheckpointSigner
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.evidence import Evidence
from ledger.evidence_audit import audit_evidence
from ledger.findings import ExitStatus, Level, Outcome, overall
from ledger.reconciliation import Count, ExceptionKind
from ledger.record import RecordType
from ledger.trust import TrustFile
from protocol import jws
from protocol.encoding import b64url_encode
from protocol.errors import Check, RequestError, StoreConflictError, UnavailableError, VerificationError
from protocol.keys import PrivateKey
from protocol.runtime.database import open_database
from protocol.runtime.leases import Leases
from protocol.runtime.signer import read_secret_file
from protocol.x509 import Purpose, encode_chain
from tests.conftest import LEDGER_URL, LOG_ORIGIN, NOW, SANDBOX_URL

SINCE, UNTIL = NOW - timedelta(days=20), NOW + timedelta(days=10)
# a name, a number, a birthday and a degree of Marta's
VALUES = ("99990001P", "Marta", "Soler", "Grau en Enginyeria", "1995", "2017")


@pytest.fixture
def checkpoint_key(world, ledger):
    signer = CheckpointSigner.from_pem(LOG_ORIGIN, read_secret_file(world.folder / "checkpoint.key"))
    world.log["checkpoint_key"] = signer.key.text()
    world.write_trust_list(sequence=2)
    return signer.key


@pytest.fixture
def trust(world, checkpoint_key) -> TrustFile:
    members = {
        "schema": "testimoni/trust/1",
        "authority_certificate": world.anchor_file.read_text(),
        "logs": [{**world.log, "chain": None}],
        "administrations": [
            {
                "code": party.data.code,
                "name": dict(party.data.name),
                "access_keys": [party.access_key.public_key.jwk()],
                "issuers": [party.issuer_identifier],
                "issuer_keys": [party.issuer_key.public_key.jwk()],
            }
            for party in world.parties.values()
        ],
    }
    return TrustFile.parse(json.dumps(members).encode())


@pytest.fixture
def database(settings, store):
    return open_database(settings.database_url)


@pytest.fixture
def kept(database, world) -> SqlQueryRecords:
    return SqlQueryRecords(database, Leases(database, LeaseRow, world.clock, lifetime=LEASE_LIFETIME))


@pytest.fixture
def new_outbox(settings, database, world):
    """Another worker's part in the same outbox."""
    return lambda: open_outbox(settings, database, world.clock, world.http)


@pytest.fixture
def outbox(new_outbox) -> Outbox:
    return new_outbox()


@pytest.fixture
def asked(citizen, store, kept):
    """Marta's query at the university, and its record."""
    path = citizen.get("universitat", "university-degree")
    (found,) = all_records(kept, "universitat")
    assert store.find_issuance("universitat", path.rpartition("/")[2]).state == "offered"
    return found


def all_records(kept, administration):
    return list(kept.records_between(administration, since=SINCE, until=UNTIL))


def person_of(kept, record):
    with kept._database.read() as session:
        return Person(session.get_one(QueryRow, record.query_id).person)


def leaves(ledger, world):
    ledger.sequence()
    client = LedgerClient(world.http, LEDGER_URL)
    size = int(client.checkpoint().split("\n")[1])
    return client.all_entries(size)


def calls(world, method, part):
    return [url for each, url in world.http.calls if each == method and part in url]


# what is written down, and when


def test_record_says_who_asked_what_and_why_and_nothing_of_the_person(app, asked, world):
    opened = app.extensions[KEY].recording.open(asked)
    record = records.parse(opened.record)
    party = world.parties["universitat"]
    assert records.commit(opened.key, opened.record) == asked.commitment
    assert (record.type, record.recorded_by, record.log) == (RecordType.QUERY, "issuer", LOG_ORIGIN)
    assert (record.party.identifier, record.party.name) == (party.data.code, "University of Vilaprova")
    assert record.party.contact == "http://localhost:8103/universitat/support"
    assert (record.procedure.id, record.procedure.version) == ("university-degree", "1")
    assert record.terms.purpose.startswith("To give you an electronic copy of your degree")
    assert record.terms.legal_basis == "eu-gdpr:A6-1-e"
    assert record.terms.retention.startswith("Three years")
    assert record.terms.privacy_policy == "http://localhost:8103/universitat/privacy"
    assert record.terms.dpa_contact == "https://apdcat.gencat.cat"
    names = {each.claim for each in record.claims_requested}
    assert {each.credential_type for each in record.claims_requested} == {
        "https://testimoni.example/credentials/university-degree/1"
    }
    assert ("degree_title",) in names
    # the name and the number are not asked of the source: the person brings them
    assert not {("given_name",), ("family_name",), ("document_number",)} & names
    for value in VALUES:
        assert value not in opened.record.decode()
    assert asked.query_id not in opened.record.decode()
    signatures.verify_query(opened.signature, opened.record, party.issuer_key.public_key)


def test_record_is_in_the_language_in_which_the_person_read(app, citizen, kept):
    citizen.language = "ca"
    citizen.get("ajuntament", "tax-compliance", authorise="yes")
    (found,) = all_records(kept, "ajuntament")
    record = records.parse(app.extensions[KEY].recording.open(found).record)
    assert record.party.name == "Ajuntament de Vilaprova"
    assert record.terms.purpose.startswith("Per donar-li una prova")
    assert record.terms.legal_basis == "dpv:Permission"
    assert {each.claim[0] for each in record.claims_requested} == {"compliant", "reference", "issued_on"}


def test_record_is_durable_and_sealed_before_the_source_is_asked(app, citizen, world, kept, monkeypatch):
    seen = []
    source = app.extensions[KEY].enquiries._source
    asking = source.query
    monkeypatch.setattr(
        source, "query", lambda query: seen.append(all_records(kept, "universitat")) or asking(query)
    )
    citizen.get("universitat", "university-degree")
    ((found,),) = seen
    assert found.promise is None
    assert b"university-degree" not in found.sealed
    assert len(found.sealed) < records.MAX_RECORD_BYTES


def test_query_that_fails_at_the_source_is_recorded(citizen, world, kept):
    posting = world.http.post

    def post(url, **given):
        if "siri-proxy" in url:
            raise UnavailableError("temporarily_unavailable", "no answer")
        return posting(url, **given)

    world.http.post = post
    citizen.get("universitat", "university-degree")
    assert len(all_records(kept, "universitat")) == 1
    assert "Failed" in citizen.open("/universitat/queries").text


@pytest.mark.parametrize("why", ["objection", "level of the sign-in", "no authorisation"])
def test_nothing_is_recorded_where_nothing_is_asked(citizen, new_citizen, kept, world, why):
    match why:
        case "objection":
            # made in another window while this one is at the sign-in
            leaving = citizen.post("/universitat/get/university-degree")
            other = new_citizen()
            other.sign_in(other.post("/universitat/get/university-degree/object", reason="no"), "marta")
            assert citizen.sign_in(leaving, "marta").status_code == 303
        case "level of the sign-in":
            citizen.get("ajuntament", "tax-compliance", authorise="yes", way="idcatmobil-low")
        case "no authorisation":
            assert citizen.post("/ajuntament/get/tax-compliance").status_code == 400
    assert all_records(kept, "universitat") == all_records(kept, "ajuntament") == []
    assert calls(world, "POST", "siri-proxy") == []


@pytest.mark.parametrize("missing", ["support_url", "privacy_url", "dpa_name", "dpa_contact"])
def test_office_that_has_not_said_what_a_record_needs_asks_nobody(citizen, store, kept, world, missing):
    store.put_administration(replace(store.find_administration("universitat"), **{missing: ""}))
    back = citizen.sign_in(citizen.post("/universitat/get/university-degree"), "marta")
    assert back.status_code == 503
    assert "We asked nobody" in back.text
    assert all_records(kept, "universitat") == []
    assert calls(world, "POST", "siri-proxy") == []


def test_record_in_a_language_without_a_name_of_the_office_has_the_catalan_one(store, app):
    office = store.find_administration("universitat")
    kind = app.extensions[KEY].types["university-degree"]
    made = build(office, kind, language="da", log=LOG_ORIGIN, now=NOW)
    assert made.party.name == "Universitat de Vilaprova"
    assert made.terms.purpose.startswith("For at give dig")


# the outbox


def test_query_is_promised_once_and_is_in_the_log(asked, ledger, outbox, kept, world):
    assert outbox.run() == 1
    (found,) = all_records(kept, "universitat")
    promises.verify_undated(
        found.promise, world.promise_key.public_key, log=LOG_ORIGIN, commitment=found.commitment
    )
    assert outbox.run() == 0
    assert len(calls(world, "POST", "/log/v1/entries")) == 1
    assert leaves(ledger, world).count(asked.commitment) == 1


def test_ledger_that_is_down_stops_nobody_and_gets_the_entry_when_it_is_back(citizen, outbox, kept, ledger, world):
    world.http.down.add(LEDGER_URL)
    assert "offer" in citizen.get("universitat", "university-degree")
    assert "Waiting to be written in the record book" in citizen.open("/universitat/queries").text
    for attempt in range(12):
        with pytest.raises(UnavailableError):
            outbox.run()
        (waiting,) = all_records(kept, "universitat")
        wait = waiting.due_at - world.clock.now()
        assert (waiting.attempts, waiting.promise) == (attempt + 1, None)
        assert wait == min(timedelta(seconds=2 * 2**attempt), LONGEST_WAIT)
        # before its time nothing is tried
        assert outbox.run() == 0
        world.clock.advance(wait)
    world.http.down.clear()
    assert outbox.run() == 1
    (found,) = all_records(kept, "universitat")
    assert leaves(ledger, world).count(found.commitment) == 1


def test_worker_killed_between_promise_and_keeping_it_loses_nothing_and_enters_nothing_twice(
    asked, ledger, new_outbox, kept, world, monkeypatch
):
    class Killed(BaseException):
        """SIGKILL: nothing after it runs."""

    def killed(*_):
        raise Killed

    first = new_outbox()
    monkeypatch.setattr(first._store, "keep_promise", killed)
    with pytest.raises(Killed):
        first.run()
    (waiting,) = all_records(kept, "universitat")
    assert waiting.promise is None
    second = new_outbox()
    # the dead one's lease has to end first
    assert second.run() == 0
    world.clock.advance(LEASE_LIFETIME)
    assert second.run() == 1
    assert leaves(ledger, world).count(asked.commitment) == 1
    (found,) = all_records(kept, "universitat")
    assert promises.verify_undated(
        found.promise, world.promise_key.public_key, log=LOG_ORIGIN, commitment=asked.commitment
    )


def test_worker_that_lost_its_lease_while_the_ledger_answered_writes_nothing(
    asked, ledger, new_outbox, kept, world
):
    slow, other = new_outbox(), new_outbox()
    opening = slow._open_ledger

    class SlowLedger:
        def __init__(self, client) -> None:
            self._client = client

        def add_entry(self, commitment):
            promise = self._client.add_entry(commitment)
            world.clock.advance(LEASE_LIFETIME)
            assert other.run() == 1
            return promise

    slow._open_ledger = lambda origin: SlowLedger(opening(origin))
    with pytest.raises(StoreConflictError) as lost:
        slow.run()
    assert lost.value.code == "lease_lost"
    (found,) = all_records(kept, "universitat")
    assert (found.promise is None, found.attempts) == (False, 0)
    assert leaves(ledger, world).count(asked.commitment) == 1


def test_second_worker_waits_and_takes_over_at_once_when_the_first_ends(asked, ledger, new_outbox, world):
    first, second = new_outbox(), new_outbox()
    assert first.run() == 1
    assert second.run() == 0
    first.hand_over()
    second.hand_over()
    assert len(calls(world, "POST", "/log/v1/entries")) == 1


def answer(world, token):
    """Put a ledger in place that promises what it likes."""
    app = Flask("a ledger that lies")
    app.post("/log/v1/entries")(lambda: (jsonify(promise=token()), 201))
    world.http.apps[LEDGER_URL] = app


@pytest.mark.parametrize(
    "wrong", ["log", "commitment", "key", "from before", "from the future", "delay", "shape", "member"]
)
def test_promise_that_does_not_hold_is_not_kept_and_the_record_goes_on_waiting(asked, outbox, kept, world, wrong):
    given = {
        "log": LOG_ORIGIN,
        "commitment": asked.commitment,
        "now": world.clock.now(),
        "maximum_merge_delay": timedelta(seconds=60),
    }
    changes = {
        "log": {"log": "localhost:8104/2025"},
        "commitment": {"commitment": Commitment(bytes(32))},
        "from before": {"now": asked.made_at - timedelta(minutes=2)},
        "from the future": {"now": world.clock.now() + timedelta(minutes=2)},
        "delay": {"maximum_merge_delay": timedelta(seconds=61)},
    }
    key = PrivateKey.generate() if wrong == "key" else world.promise_key
    made = promises.make(key, **{**given, **changes.get(wrong, {})})
    answer(world, lambda: {"shape": "no.jws", "member": 7}.get(wrong, made))
    if wrong == "member":
        with pytest.raises(UnavailableError):
            outbox.run()
    else:
        with capture_logs() as logged:
            assert outbox.run() == 0
        assert [(each["event"], each["log_level"]) for each in logged] == [("query not recorded", "error")]
    (found,) = all_records(kept, "universitat")
    assert (found.promise, found.attempts) == (None, 1)
    # the true one is kept when it comes
    world.clock.advance(timedelta(seconds=2))
    answer(world, lambda: promises.make(world.promise_key, **{**given, "now": world.clock.now()}))
    assert outbox.run() == 1


def test_log_that_is_not_on_the_trust_list_gets_no_entry(asked, ledger, outbox, world, kept):
    world.write_trust_list(sequence=3, logs=[])
    assert outbox.run() == 0
    assert calls(world, "POST", "/log/v1/entries") == []
    assert all_records(kept, "universitat")[0].attempts == 1


def test_record_in_trouble_holds_up_no_other(citizen, new_citizen, outbox, ledger, kept, world):
    citizen.get("universitat", "university-degree")
    (first,) = all_records(kept, "universitat")
    with kept._database.write() as session:
        row = session.get_one(QueryRecordRow, first.commitment)
        row.log = "localhost:8104/2025"
        session.add(row)
    assert outbox.run() == 0
    world.clock.advance(timedelta(minutes=1))
    new_citizen().get("universitat", "university-degree", "laia")
    assert outbox.run() == 1
    assert [each.promise is None for each in all_records(kept, "universitat")] == [True, False]


def test_waiting_records_are_given_as_many_as_a_turn_takes(asked, kept, world):
    assert kept.waiting(world.clock.now(), limit=BATCH) == [asked]
    assert kept.waiting(world.clock.now(), limit=0) == []
    assert kept.waiting(world.clock.now() - timedelta(microseconds=1), limit=BATCH) == []


def test_worker_goes_on_after_a_turn_in_trouble_and_hands_over_at_the_end(asked, ledger, outbox, world):
    class Stop(threading.Event):
        """Ends the loop after the second pause."""

        def __init__(self) -> None:
            super().__init__()
            self.pauses = []

        def wait(self, timeout=None):
            self.pauses.append(timeout)
            world.clock.advance(timedelta(seconds=timeout or 0))
            world.http.down.clear()
            if len(self.pauses) == 2:
                self.set()
            return self.is_set()

    world.http.down.add(LEDGER_URL)
    stop = Stop()
    run(outbox, stop)
    assert stop.pauses == [10.0, 1.0]
    assert leaves(ledger, world).count(asked.commitment) == 1
    leases = outbox._leases
    assert leases.find(LEASE, "somebody else") is not None


def test_defect_in_a_turn_is_logged_without_its_words(outbox, monkeypatch):
    def broken():
        raise ValueError("99990001P")

    monkeypatch.setattr(outbox, "run", broken)
    with capture_logs() as logged:
        assert not _turn(outbox)
    assert [each["reason"] for each in logged] == ["ValueError"]
    assert "99990001P" not in str(logged)


# what the person sees and can have checked


def evidence_of(citizen, found, administration="universitat"):
    return citizen.open(f"/{administration}/queries/{found.query_id}/evidence")


def findings(answer, trust):
    (found,) = audit_evidence(Evidence.parse(answer.data), trust, {}, now=NOW)
    return {each.level: each.outcome for each in found}, overall(found)


def test_proof_of_a_query_holds_as_far_as_it_can_be_checked(citizen, asked, outbox, ledger, world, trust):
    assert evidence_of(citizen, asked).status_code == 409
    outbox.run()
    page = citizen.open("/universitat/queries").text
    assert "Written in the record book" in page
    assert f"/universitat/queries/{asked.query_id}/evidence" in page
    early, _ = findings(evidence_of(citizen, asked), trust)
    assert early[Level.IN_LOG] is Outcome.COULD_NOT_TELL
    ledger.sequence()
    given = evidence_of(citizen, asked)
    assert given.headers["Content-Disposition"].startswith("attachment; filename=")
    assert given.headers["Cache-Control"] == "no-store"
    levels, status = findings(given, trust)
    held = (Level.OPENS, Level.SIGNED, Level.PROMISED, Level.CHECKPOINT, Level.IN_LOG)
    assert {each: levels[each] for each in held} == dict.fromkeys(held, Outcome.HOLDS)
    # nothing is anchored in this world
    assert levels[Level.ANCHORED] is Outcome.COULD_NOT_TELL
    assert status is ExitStatus.COULD_NOT_TELL
    assert Level.NOT_TAKEN_BACK not in levels
    for value in VALUES:
        assert value not in given.text


def test_proof_of_a_query_that_was_changed_is_violated(citizen, asked, outbox, ledger, world, trust):
    outbox.run()
    whole = json.loads(evidence_of(citizen, asked).data)
    (item,) = whole["records"]
    record = Evidence.parse(json.dumps(whole).encode()).records[0].record
    changed = record.replace(b"Three", b"Seven")
    assert changed != record
    unsigned = {name: value for name, value in item.items() if name != "signature"}
    stranger = signatures.sign_query(record, PrivateKey.generate(), x5c=["x"])
    access = world.parties["universitat"].access_key
    for bent, level in (
        ({**item, "record": b64url_encode(changed)}, Level.OPENS),
        (unsigned, Level.SIGNED),
        ({**item, "signature": stranger}, Level.SIGNED),
        # signed with the key with which the office answers, as an answer and as a query
        ({**item, "signature": signatures.sign_answer(record, access, x5c=["x"])}, Level.SIGNED),
        ({**item, "signature": signatures.sign_query(record, access, x5c=["x"])}, Level.SIGNED),
        (
            {
                **item,
                "signature": signatures.sign_answer(record, world.parties["universitat"].issuer_key, x5c=["x"]),
            },
            Level.SIGNED,
        ),
    ):
        evidence = Evidence.parse(json.dumps({**whole, "records": [bent]}).encode())
        (found,) = audit_evidence(evidence, trust, {}, now=NOW)
        assert [each.level for each in found if each.outcome is Outcome.VIOLATED] == [level]
        assert overall(found) is ExitStatus.VIOLATED


def test_proof_without_a_known_key_of_the_office_could_not_be_told(citizen, asked, outbox, ledger, trust):
    outbox.run()
    nobody = replace(trust, administrations=tuple(replace(each, issuer_keys=()) for each in trust.administrations))
    for known in (nobody, replace(trust, administrations=())):
        levels, status = findings(evidence_of(citizen, asked), known)
        assert (levels[Level.SIGNED], status) == (Outcome.COULD_NOT_TELL, ExitStatus.COULD_NOT_TELL)


@pytest.mark.parametrize("trouble", ["ledger down", "log not on the list"])
def test_proof_is_given_without_its_place_when_nobody_can_show_that(
    citizen, asked, outbox, ledger, world, trust, trouble
):
    outbox.run()
    ledger.sequence()
    if trouble == "ledger down":
        world.http.down.add(LEDGER_URL)
    else:
        world.write_trust_list(sequence=3, logs=[])
    levels, _ = findings(evidence_of(citizen, asked), trust)
    assert (levels[Level.SIGNED], levels[Level.IN_LOG]) == (Outcome.HOLDS, Outcome.COULD_NOT_TELL)


def test_query_of_another_person_or_administration_is_not_found(citizen, new_citizen, asked, outbox, ledger):
    outbox.run()
    nobody, other, same = new_citizen(), new_citizen(), new_citizen()
    assert evidence_of(nobody, asked).status_code == 401
    other.get("universitat", "university-degree", "laia")
    assert evidence_of(other, asked).status_code == 404
    # the same person at another administration is another to it
    same.get("ajuntament", "census-registration")
    assert evidence_of(same, asked, "ajuntament").status_code == 404
    assert evidence_of(same, asked).status_code == 401
    assert evidence_of(citizen, asked).status_code == 200
    assert citizen.open("/universitat/queries/unknown/evidence").status_code == 404


def test_records_are_not_reached_through_another_administration_or_person(asked, kept):
    person = person_of(kept, asked)
    assert kept.find_record("universitat", person, asked.query_id) == asked
    assert kept.records_about("universitat", person) == {asked.query_id: asked}
    for administration, other in (("ajuntament", person), ("universitat", Person(b"x"))):
        assert kept.find_record(administration, other, asked.query_id) is None
        assert kept.records_about(administration, other) == {}
    assert all_records(kept, "ajuntament") == []
    assert kept.destroy_due("ajuntament", asked.keep_until) == 0
    assert all_records(kept, "universitat") == [asked]


@pytest.mark.parametrize(
    ("language", "waiting", "written"),
    [
        ("ca", "Pendent d\u2019anotar al llibre de registre", "Anotada al llibre de registre"),
        ("es", "Pendiente de anotar en el libro de registro", "Anotada en el libro de registro"),
    ],
)
def test_states_are_said_in_the_language_of_the_page(citizen, outbox, ledger, language, waiting, written):
    citizen.language = language
    citizen.get("universitat", "university-degree")
    assert waiting in citizen.open("/universitat/queries").text
    outbox.run()
    assert written in citizen.open("/universitat/queries").text


def test_query_from_before_there_were_records_says_so_and_has_no_proof(
    citizen, store, add_earlier_query, asked, kept
):
    (query,) = store.queries_about("universitat", person_of(kept, asked))
    add_earlier_query(replace(query, id="earlier"))
    page = citizen.open("/universitat/queries").text
    assert "Older than the record book of queries" in page
    assert citizen.open("/universitat/queries/earlier/evidence").status_code == 404


# the end


def test_purge_after_the_retention_leaves_nothing_that_opens_the_commitment(
    app, citizen, asked, outbox, ledger, world, store, kept
):
    outbox.run()
    opened = app.extensions[KEY].recording.open(asked)
    purge = app.test_cli_runner().invoke
    stored = lambda: b"".join(path.read_bytes() for path in sorted(world.folder.glob("issuer.db*")))  # noqa: E731
    traces = (asked.commitment, asked.sealed, asked.query_id.encode(), opened.key, opened.record)
    # only sealed from the beginning
    assert [trace in stored() for trace in traces] == [True, True, True, False, False]
    world.clock.advance(asked.keep_until - world.clock.now() - timedelta(seconds=1))
    assert "0 queries and their records" in purge(args=["issuer", "purge"]).output
    assert all_records(kept, "universitat")[0].commitment == asked.commitment
    world.clock.advance(timedelta(seconds=1))
    assert "1 queries and their records" in purge(args=["issuer", "purge"]).output
    assert [trace in stored() for trace in traces] == [False] * 5
    assert all_records(kept, "universitat") == []
    # the log keeps 32 bytes that nothing opens
    assert asked.commitment in leaves(ledger, world)


def test_record_destroyed_while_the_ledger_answered_does_not_come_back(asked, outbox, ledger, kept, world):
    opening = outbox._open_ledger

    class Late:
        def __init__(self, client) -> None:
            self._client = client

        def add_entry(self, commitment):
            assert kept.destroy_due("universitat", asked.keep_until) == 1
            return self._client.add_entry(commitment)

    outbox._open_ledger = lambda origin: Late(opening(origin))
    assert outbox.run() == 0
    assert all_records(kept, "universitat") == []


# the books


def reconcile(app):
    return app.extensions[KEY].reconciliations.run("universitat", since=SINCE, until=UNTIL)


def test_books_when_every_query_is_in_the_log_fit(app, asked, outbox, ledger, checkpoint_key):
    outbox.run()
    ledger.sequence()
    stated = reconcile(app)
    assert stated.exceptions == ()
    assert [stated.counts[each] for each in (Count.QUERIES, Count.RECORDED, Count.IN_LOG)] == [1, 1, 1]
    assert (stated.counts[Count.UNPROMISED], stated.counts[Count.WAITING]) == (0, 0)
    assert [(head.log, head.size) for head in stated.heads] == [(LOG_ORIGIN, 8)]


def test_record_without_promise_waits_and_then_is_an_exception_by_its_commitment(
    app, asked, ledger, checkpoint_key, world
):
    world.clock.advance(timedelta(seconds=60))
    stated = reconcile(app)
    assert (stated.exceptions, stated.counts[Count.UNPROMISED]) == ((), 1)
    world.clock.advance(timedelta(seconds=1))
    stated = reconcile(app)
    assert [(each.kind, each.reference) for each in stated.exceptions] == [
        (ExceptionKind.NOT_PROMISED, asked.commitment)
    ]
    assert stated.counts[Count.UNPROMISED] == 0


def test_promised_record_that_is_not_in_the_log_when_due_is_an_exception_by_its_commitment(
    app, asked, outbox, ledger, checkpoint_key, world
):
    promise = promises.make(
        world.promise_key,
        log=LOG_ORIGIN,
        commitment=asked.commitment,
        now=world.clock.now(),
        maximum_merge_delay=timedelta(seconds=60),
    )
    honest = world.http.apps[LEDGER_URL]
    answer(world, lambda: promise)
    outbox.run()
    world.http.apps[LEDGER_URL] = honest
    world.clock.advance(timedelta(seconds=60))
    stated = reconcile(app)
    assert (stated.exceptions, stated.counts[Count.WAITING]) == ((), 1)
    world.clock.advance(timedelta(seconds=1))
    stated = reconcile(app)
    assert [(each.kind, each.reference) for each in stated.exceptions] == [
        (ExceptionKind.NOT_IN_LOG, asked.commitment)
    ]
    assert stated.counts[Count.WAITING] == 0


def test_books_state_nothing_when_the_log_cannot_be_read(app, asked, ledger, checkpoint_key, world):
    world.http.down.add(LEDGER_URL)
    with pytest.raises(UnavailableError):
        reconcile(app)
    client = app.test_client()
    assert client.get("/universitat/reconciliations").get_json() == {"reconciliations": []}


# who may have signed: the trust list's word


def test_trust_list_names_the_key_with_which_an_office_issues_and_no_other(world):
    trust, now = world.trust, world.clock.now()
    university, town = world.parties["universitat"], world.parties["ajuntament"]
    code = university.data.code
    found = trust.get_issuer_key(university.issuer_chain, party_code=code, now=now)
    assert found == university.issuer_key.public_key
    for chain in (university.access_chain, town.issuer_chain, [], None):
        with pytest.raises(VerificationError) as refused:
            trust.get_issuer_key(chain, party_code=code, now=now)
        assert refused.value.check is Check.ISSUER
    stranger = PrivateKey.generate()
    certificate = world.authority.issue_certificate(
        stranger.public_key, purpose=Purpose.ISSUER, name="x", uris=["https://elsewhere.example"], now=now
    )
    with pytest.raises(VerificationError, match="none with which"):
        trust.get_issuer_key(encode_chain([certificate]), party_code=code, now=now)


def test_signature_names_the_certificate_of_the_office(app, asked, world):
    opened = app.extensions[KEY].recording.open(asked)
    header = jws.parse(jws.attach(opened.signature, opened.record)).header
    assert header["typ"] == "consent-query+jwt"
    assert header["x5c"] == world.parties["universitat"].issuer_chain


def test_sealed_record_opens_for_its_own_query_only(app, asked):
    recording = app.extensions[KEY].recording
    with pytest.raises(StoreConflictError):
        recording.open(replace(asked, query_id="another"))
    with pytest.raises(RequestError):
        recording.evidence("universitat", Person(b"x"), asked.query_id, now=NOW)


def test_source_is_asked_over_the_sandbox(asked, world):
    assert [url for url in calls(world, "POST", "siri-proxy") if url.startswith(SANDBOX_URL)]
