# SPDX-License-Identifier: EUPL-1.2
"""An auditor asks an office that issues for the records of its queries; every access is on the record."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from issuer.services import KEY
from issuer.tables import DestroyedRecordRow, QueryRecordRow, QueryRow, RecordsRequestRow
from ledger import record as records
from ledger import records_request as messages
from ledger import signatures
from ledger.commitment import Commitment
from ledger.reconciliation import Role
from ledger.record import RecordType
from ledger.records_request import RecordsRequest
from protocol import jws
from protocol.encoding import b64url_encode
from testimoni.development.auditor import CODE, DevelopmentAuditor, make_auditor
from testimoni.development.parties import MemoryKeep, sign_trust_list
from testimoni.records_command import run
from tests.conftest import ISSUER_URL, NOW
from tests.fakes import auditors
from tests.fakes.auditors import (
    identity_files,
    impostors,
    other_auditor,
    other_form,
    place_of,
    rests_in,
    write_list,
)
from tests.fakes.query_records import VALUES

HERE = "universitat"


@pytest.fixture
def auditor(world, checkpoint_key) -> DevelopmentAuditor:
    made = make_auditor(world.authority, MemoryKeep(), now=NOW)
    write_list(world, made, 5)
    return made


@pytest.fixture
def services(app):
    return app.extensions[KEY]


@pytest.fixture
def recorded(asked, auditor, ledger, outbox, world):
    """A query that the ledger has promised, in a period that is over."""
    assert outbox.run() == 1
    world.clock.advance(timedelta(seconds=1))
    return asked


@pytest.fixture
def asking(world):
    """Make a request to the university, for everything until now."""
    now = world.clock.now()
    whole = RecordsRequest(
        world.parties[HERE].data.code,
        "GDPR, article 58.1.e",
        (NOW + timedelta(days=10)).date(),
        now,
        NOW - timedelta(days=1),
        now,
        role=Role.ISSUER,
    )
    return lambda **changes: replace(whole, until=world.clock.now(), **changes)


def of_record(asked, commitment):
    return replace(asked, since=None, until=None, commitment=commitment)


def ask(app, auditor, asked, **given):
    return auditors.ask(app.test_client(), auditor, asked, **{"admin": HERE, **given})


def fetch(app, auditor, token, *, now=None, **given):
    now = now or app.extensions[KEY].clock.now()
    return auditors.fetch(app.test_client(), auditor, token, now=now, **{"admin": HERE, **given})


def identifier(token):
    return messages.digest_of(token).hex()


def command(app, *arguments):
    return app.test_cli_runner().invoke(args=["issuer", *arguments])


def hand_over(app, token, admin=HERE):
    return command(app, "hand-over-records", admin, identifier(token), "--by", "Clara Roca")


def answered(app, auditor, world, asked):
    """Return what the auditor reads after asking, handing over and fetching."""
    token, kept = ask(app, auditor, asked)
    assert kept.status_code == 202, kept.text
    assert hand_over(app, token).exit_code == 0
    return read(fetch(app, auditor, token).data, token, world)


def read(data, token, world):
    key = world.parties[HERE].issuer_key.public_key
    return messages.RecordsAnswer.verify(data, request=token, find_key=lambda *_: key)


def test_records_when_asked_are_handed_over_by_somebody_and_each_access_is_listed(
    app, services, auditor, recorded, asking, world
):
    token, kept = ask(app, auditor, asking())
    assert (kept.status_code, kept.get_json()["id"]) == (202, identifier(token))
    assert fetch(app, auditor, token).status_code == 202
    waiting = command(app, "records-requests").output
    for said in (
        identifier(token),
        CODE,
        "1 records; answer by 2026-",
        "GDPR, article 58.1.e",
        "not handed over yet",
    ):
        assert said in waiting
    assert "handed over; the auditor" in hand_over(app, token).output
    first, second = fetch(app, auditor, token), fetch(app, auditor, token)
    assert first.data == second.data
    answer = read(first.data, token, world)
    (record,) = answer.records
    assert (answer.not_kept, answer.unpromised) == (0, 0)
    assert records.commit(record.key, record.record) == recorded.commitment
    assert records.parse(record.record).type is RecordType.QUERY
    signatures.verify_query(record.signature, record.record, world.parties[HERE].issuer_key.public_key)
    assert len(services.records_store.accesses(HERE, identifier(token))) == 2
    shown = command(app, "records-requests", "--administration", HERE).output
    assert shown.count("fetched on") == 2
    assert "by Clara Roca" in shown
    assert command(app, "records-requests", "--administration", "ajuntament").output == ""


def test_records_hold_no_value_and_nobodys_name(app, auditor, recorded, asking, world):
    answer = answered(app, auditor, world, asking())
    opened = b"".join(each.record for each in answer.records)
    for hidden in (*VALUES, recorded.query_id):
        assert hidden.encode() not in opened


def test_one_record_is_found_by_its_commitment_and_by_no_other_office(app, auditor, recorded, asking, world):
    answer = answered(app, auditor, world, of_record(asking(), recorded.commitment))
    assert [records.commit(each.key, each.record) for each in answer.records] == [recorded.commitment]
    assert answer.not_kept == 0
    unknown = answered(app, auditor, world, of_record(asking(), Commitment(b"u" * 32)))
    assert (unknown.records, unknown.not_kept, unknown.unpromised) == ((), 0, 0)
    # the town hall is asked for the university's record: it has none
    elsewhere = replace(of_record(asking(), recorded.commitment), party=world.parties["ajuntament"].data.code)
    token, kept = ask(app, auditor, elsewhere, admin="ajuntament")
    assert kept.status_code == 202
    assert hand_over(app, token, "ajuntament").exit_code == 0
    found = json.loads(fetch(app, auditor, token, admin="ajuntament").data)
    assert found["records"] == []


def test_period_takes_its_beginning_and_leaves_its_end(app, services, auditor, recorded, asking, world):
    with services.query_records._database.read() as session:
        asked_at = session.get_one(QueryRow, recorded.query_id).asked_at
    for since, until, count in (
        (asked_at, asked_at + timedelta(seconds=1), 1),
        (asked_at - timedelta(seconds=1), asked_at, 0),
    ):
        found = answered(app, auditor, world, replace(asking(), since=since, until=until))
        assert len(found.records) == count


def test_record_that_no_log_has_promised_is_counted_and_not_handed_over(app, auditor, asked, asking, world):
    world.clock.advance(timedelta(seconds=1))
    answer = answered(app, auditor, world, asking())
    assert (answer.records, answer.not_kept, answer.unpromised) == ((), 0, 1)


def test_destroyed_record_is_answered_as_destroyed(app, auditor, recorded, asking, world, services):
    assert services.query_records.destroy_due(HERE, recorded.keep_until) == 1
    for asked in (asking(), of_record(asking(), recorded.commitment)):
        answer = answered(app, auditor, world, asked)
        assert (answer.records, answer.not_kept, answer.unpromised) == ((), 1, 0)
    assert not services.query_records.is_destroyed("ajuntament", recorded.commitment)
    # of destroyed ones only the day is known, in UTC
    midnight = NOW.replace(hour=0, minute=0)
    for since, until, not_kept in (
        (midnight - timedelta(days=2), midnight, 0),
        (midnight - timedelta(days=2), midnight + timedelta(seconds=1), 1),
        (NOW - timedelta(hours=1), NOW - timedelta(minutes=1), 1),
        (midnight + timedelta(days=1), midnight + timedelta(days=2), 0),
    ):
        world.clock.advance(max(until - world.clock.now(), timedelta(0)))
        found = answered(app, auditor, world, replace(asking(), since=since, until=until))
        assert found.not_kept == not_kept


def test_answer_is_destroyed_with_its_records(app, auditor, recorded, asking, world, services):
    def stored():
        return b"".join(path.read_bytes() for path in sorted(world.folder.glob("issuer.db*")))

    token, _ = ask(app, auditor, asking())
    hand_over(app, token)
    assert fetch(app, auditor, token).status_code == 200
    opened = services.recording.open(recorded)
    # it rests sealed: nothing of it can be read in the database
    for part in (opened.key, opened.record, b64url_encode(opened.key).encode(), b"consent-records+jwt"):
        assert part not in stored()
    with services.query_records._database.read() as session:
        sealed = session.get_one(RecordsRequestRow, (HERE, identifier(token))).answer
    assert "0 answers to auditors" in command(app, "purge").output
    assert rests_in(sealed, stored())
    # what a crash between the two left is found by the next
    assert services.query_records.destroy_due(HERE, recorded.keep_until) == 1
    assert "1 answers to auditors" in command(app, "purge").output
    assert not rests_in(sealed, stored())
    gone = fetch(app, auditor, token)
    assert (gone.status_code, gone.get_json()["error"]) == (410, "records_destroyed")
    shown = command(app, "records-requests").output
    assert "destroyed since, because one of its records was" in shown
    assert shown.count("fetched on") == 1
    again = hand_over(app, token)
    assert (again.exit_code, "records_answered" in again.output) == (1, True)


def test_request_by_anybody_but_an_auditor_of_the_list_is_refused(app, services, auditor, asking, world):
    for who, (key, chain) in impostors(world, auditor, world.parties[HERE]).items():
        _, answer = ask(app, auditor, asking(), key=key, chain=chain)
        assert answer.status_code == 400, who
    assert services.records_store.records_requests(HERE) == []


def test_request_without_a_signature_is_refused(app, services, auditor, asking):
    token = asking().sign(auditor.key, x5c=auditor.chain)
    for bare in (token.rpartition(".")[0] + ".", "e30.e30.", ""):
        answer = app.test_client().post(f"/{HERE}/records-requests", json={"request": bare})
        assert answer.status_code == 400
    assert app.test_client().post(f"/{HERE}/records-requests", json={}).status_code == 400
    assert services.records_store.records_requests(HERE) == []


def test_request_to_another_office_or_role_or_late_or_for_the_future_is_refused(app, services, auditor, asking):
    for changes in (
        {"party": "L01990015"},
        {"role": Role.VERIFIER},
        {"due_on": (NOW - timedelta(days=1)).date()},
        {"until": NOW + timedelta(days=5)},
    ):
        _, answer = ask(app, auditor, replace(asking(), **changes))
        assert (answer.status_code, answer.get_json()["error"]) == (400, messages.CODE), changes
    assert services.records_store.records_requests(HERE) == []


def test_request_that_was_signed_before_roles_is_not_for_an_issuer(app, services, auditor, asking):
    token = asking().sign(auditor.key, x5c=auditor.chain)
    claims = jws.parse(token).claims()
    del claims["role"]
    bare = jws.sign(claims, auditor.key, typ=messages.REQUEST_TYP, x5c=auditor.chain)
    answer = app.test_client().post(f"/{HERE}/records-requests", json={"request": bare})
    assert (answer.status_code, answer.get_json()["error"]) == (400, messages.CODE)


def test_access_is_for_who_asked_just_now_and_once(app, services, auditor, recorded, asking, world):
    token, _ = ask(app, auditor, asking())
    hand_over(app, token)
    now = world.clock.now()
    other, entry = other_auditor(world)
    world.trust_list_file.write_text(
        sign_trust_list(
            world.authority, world.parties, [world.log], sequence=9, now=now,
            others=[auditor.trust_entry(), entry],
        )
    )  # fmt: skip
    assert fetch(app, other, token).status_code == 404
    assert fetch(app, auditor, token, key=other.key).status_code == 400
    assert fetch(app, auditor, token, now=now - timedelta(minutes=6)).status_code == 400
    another, _ = ask(app, auditor, asking(reason="another"))
    access = messages.sign_access(another, auditor.key, x5c=auditor.chain, now=now)
    assert app.test_client().post(place_of(token, HERE), json={"access": access}).status_code == 400
    access = messages.sign_access(token, auditor.key, x5c=auditor.chain, now=now)
    assert app.test_client().post(place_of(token, "ajuntament"), json={"access": access}).status_code == 404
    assert services.records_store.accesses(HERE, identifier(token)) == []
    assert app.test_client().post(place_of(token, HERE), json={"access": access}).status_code == 200
    for again in (access, other_form(access)):
        answer = app.test_client().post(place_of(token, HERE), json={"access": again})
        assert (answer.status_code, answer.get_json()["error"]) == (409, "access_used")
    assert len(services.records_store.accesses(HERE, identifier(token))) == 1


@pytest.mark.parametrize(("over", "status"), [(0, 0), (1, 1)])
def test_period_with_more_records_than_one_answer_holds_is_refused_before_any_is_loaded(
    app, services, auditor, recorded, asking, monkeypatch, over, status
):
    monkeypatch.setattr(messages, "MAX_RECORDS", 9)
    store = services.query_records
    with store._database.write() as session:
        query = session.get_one(QueryRow, recorded.query_id).model_dump()
        record = session.get_one(QueryRecordRow, recorded.commitment).model_dump()
        names = [f"{at:032d}" for at in range(messages.MAX_RECORDS - 1 + over)]
        session.add_all(QueryRow(**{**query, "id": name}) for name in names)
        session.flush()
        session.add_all(
            QueryRecordRow(**{**record, "query_id": name, "commitment": name.encode()}) for name in names
        )
        # destroyed ones are only counted, so they do not make an answer longer
        session.add(DestroyedRecordRow(commitment=b"d" * 32, administration_id=HERE, asked_on=NOW.date()))
    loaded, load = [], store.records_between

    def watched(*args, **options):
        found = load(*args, **options)
        loaded.extend(found)
        # opening each of them is not what this test is about
        return [each for each in found if each.commitment == recorded.commitment]

    monkeypatch.setattr(store, "records_between", watched)
    token, _ = ask(app, auditor, asking())
    assert f"{messages.MAX_RECORDS + over} records" in command(app, "records-requests").output
    done = hand_over(app, token)
    assert (done.exit_code, "too_many_records" in done.output) == (status, bool(over))
    assert len(loaded) == (0 if over else messages.MAX_RECORDS)
    kept = services.records_store.get_records_request(HERE, identifier(token))
    assert kept.is_kept != bool(over)


def test_request_that_nobody_made_cannot_be_handed_over_and_a_late_one_says_so(
    app, auditor, recorded, asking, world
):
    nobody = command(app, "hand-over-records", HERE, "0" * 64, "--by", "Clara")
    assert (nobody.exit_code, "not_found" in nobody.output) == (1, True)
    assert "Missing option '--by'" in command(app, "hand-over-records", HERE, "0" * 64).output
    ask(app, auditor, of_record(asking(), recorded.commitment))
    world.clock.advance(timedelta(days=11))
    shown = command(app, "records-requests").output
    assert "the term has passed" in shown
    assert "the record with one commitment" in shown


def test_reason_of_an_auditor_moves_no_cursor_of_whoever_lists_it(app, auditor, recorded, asking):
    ask(app, auditor, asking(reason="law\x1b[2K\r\u202e"))
    shown = command(app, "records-requests").output
    assert r"reason: law\u001b[2K\u000d\u202e" in shown
    assert "".join(shown.split("\n")).isprintable()


def test_command_asks_fetches_and_the_records_pass_their_own_audit(
    app, auditor, recorded, trust, world, tmp_path, capsys
):
    trust_file = tmp_path / "trust.json"
    trust_file.write_text(json.dumps(trust.to_json()))
    kept, out = tmp_path / "request.json", tmp_path / "records.json"
    world.clock.advance(timedelta(days=1))
    given = identity_files(world, auditor)
    today = world.clock.now().date()
    asked = [
        "ask", "--office", f"{ISSUER_URL}/{HERE}", "--role", "issuer", "--party", world.parties[HERE].data.code,
        "--reason", "law", "--since", str(today - timedelta(days=7)), "--until", str(today),
        "--due", str(today + timedelta(days=9)), "--output", str(kept),
    ]  # fmt: skip
    assert run([*asked, *given], clock=world.clock, http=world.http) == 0
    hand_over(app, json.loads(kept.read_text())["request"])
    fetching = ["fetch", str(kept), "--trust", str(trust_file), "--output", str(out), *given]
    assert run(fetching, clock=world.clock, http=world.http) == 0
    said = capsys.readouterr().out
    assert f"1 records, signed by {world.parties[HERE].data.code}" in said
    assert "0 records that no log has promised yet" in said
    # whom the trust file does not know as issuer cannot have signed
    members = trust.to_json()
    for each in members["administrations"]:
        each["issuers"] = []
    trust_file.write_text(json.dumps(members))
    assert run(fetching, clock=world.clock, http=world.http) == 1
