# SPDX-License-Identifier: EUPL-1.2
"""An auditor asks an office for its records; a clerk hands them over; every access is on the record."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger import record as records
from ledger import records_request as messages
from ledger.reconciliation import Role
from ledger.record import RecordType
from ledger.records_request import RecordsRequest
from protocol.encoding import b64url_encode
from protocol.keys import PrivateKey
from testimoni.development.auditor import CODE, DevelopmentAuditor, make_auditor
from testimoni.development.parties import MemoryKeep, sign_trust_list
from testimoni.records_command import run
from tests.conftest import NOW, VERIFIER_URL
from tests.fakes import auditors
from tests.fakes.auditors import identity_files, impostors, other_auditor, other_form, rests_in, write_list
from tests.fakes.presentations import honest
from tests.service.conftest import csrf_token
from tests.service.test_verifier_reconciliation import checkpoint_key, trust  # noqa: F401 - fixtures
from tests.service.test_verifier_withdrawals import only, receive, take_back
from verifier.tables import RecordsRequestRow

ASKED = RecordsRequest(
    "L01990015",
    "GDPR, article 58.1.a",
    (NOW + timedelta(days=10)).date(),
    NOW,
    NOW - timedelta(days=1),
    NOW,
    role=Role.VERIFIER,
)


@pytest.fixture
def auditor(world) -> DevelopmentAuditor:
    made = make_auditor(world.authority, MemoryKeep(), now=NOW)
    write_list(world, made, 5)
    return made


@pytest.fixture
def shared(office, world):
    started = office.start()
    found, answer = office.answer(office.fetch(started["request_url"]), honest(world, None))
    assert answer.status_code == 200
    # the period that is asked for is over
    world.clock.advance(timedelta(seconds=1))
    return found


def asking(world, **changes):
    now = world.clock.now()
    return replace(ASKED, issued_at=now, until=now, **changes)


def ask(office, auditor, asked, **given):
    return auditors.ask(office.client, auditor, asked, **given)


def fetch(office, auditor, token, *, now=NOW, **given):
    return auditors.fetch(office.client, auditor, token, now=now, **given)


def english(desk, path):
    return desk.get(path, headers={"Accept-Language": "en"}).text


def hand_over(office, token):
    desk = office.desk()
    place = f"/desk/records/{messages.digest_of(token).hex()}"
    page = desk.get(place)
    return page, desk.post(place, data={"csrf_token": csrf_token(page.text)}), desk


def read(office, world, data, token):
    key = world.parties["ajuntament"].access_key.public_key
    return messages.RecordsAnswer.verify(data, request=token, find_key=lambda *_: key)


def test_records_when_asked_are_handed_over_by_a_clerk_and_each_access_is_shown(office, world, auditor, shared):
    token, kept = ask(office, auditor, asking(world))
    assert (kept.status_code, kept.get_json()["due"]) == (202, ASKED.due_on.isoformat())
    assert fetch(office, auditor, token).status_code == 202
    page, done, desk = hand_over(office, token)
    assert "GDPR, article 58.1.a" in page.text
    assert done.status_code == 303
    answer = read(office, world, fetch(office, auditor, token).data, token)
    (record,) = answer.records
    assert records.commit(record.key, record.record) == shared.commitment
    assert (record.acceptance is not None, answer.not_kept) == (True, 0)
    shown = english(desk, done.headers["Location"])
    assert "Handed over" in shown
    assert "Nobody yet" not in shown
    assert len(office.services.records_store.accesses("ajuntament", messages.digest_of(token).hex())) == 1
    assert fetch(office, auditor, token).data == fetch(office, auditor, token).data
    assert len(office.services.records_store.accesses("ajuntament", messages.digest_of(token).hex())) == 3


def test_access_when_used_again_is_refused_whatever_form_its_signature_has(office, world, auditor, shared):
    token, _ = ask(office, auditor, asking(world))
    hand_over(office, token)
    access = messages.sign_access(token, auditor.key, x5c=auditor.chain, now=NOW)
    place = f"/ajuntament/records-requests/{messages.digest_of(token).hex()}/access"
    assert office.client.post(place, json={"access": access}).status_code == 200
    for again in (access, other_form(access)):
        answer = office.client.post(place, json={"access": again})
        assert (answer.status_code, answer.get_json()["error"]) == (409, "access_used")
    assert len(office.services.records_store.accesses("ajuntament", messages.digest_of(token).hex())) == 1


def test_records_hold_no_value_and_nobodys_name(office, world, auditor, shared):
    token, _ = ask(office, auditor, asking(world))
    hand_over(office, token)
    data = fetch(office, auditor, token).data
    opened = data + b"".join(each.record for each in read(office, world, data, token).records)
    for hidden in (b"Mariona", b"12345678Z", b"Grau en Biologia"):
        assert hidden not in opened


def test_records_of_a_blocked_case_its_withdrawal_and_the_answer_are_there(office, world, auditor, ledger, shared):
    receive(office, take_back(world, shared))
    office.services.withdrawals.erase("ajuntament", only(office).id, decided_by="Clara")
    token, _ = ask(office, auditor, RecordsRequest(
        "L01990015", "law", ASKED.due_on, world.clock.now(), commitment=shared.commitment, role=Role.VERIFIER
    ))  # fmt: skip
    hand_over(office, token)
    found = read(office, world, fetch(office, auditor, token).data, token).records
    assert [records.parse(each.record).type for each in found] == [
        RecordType.SHARE, RecordType.WITHDRAWAL, RecordType.BLOCKED,
    ]  # fmt: skip


def test_records_that_were_destroyed_are_counted_as_not_kept(office, world, auditor, ledger, shared):
    receive(office, take_back(world, shared))
    office.services.withdrawals.erase("ajuntament", only(office).id, decided_by="Clara")
    world.clock.advance(timedelta(days=1096))
    write_list(world, auditor, 6)
    assert office.services.withdrawals.destroy_due("ajuntament") == 1
    # the auditor's certificate has expired by then: another is on the list
    renewed = make_auditor(world.authority, MemoryKeep(), now=world.clock.now())
    _renew_authority_list(world, renewed)
    today = world.clock.now()
    asked = RecordsRequest(
        "L01990015", "law", today.date(), today, commitment=shared.commitment, role=Role.VERIFIER
    )
    found = office.services.records_requests
    kept = found._requests.add_records_request(_received(asked, renewed, world))
    found.hand_over("ajuntament", kept.id, by="Clara")
    answer = office.services.records_store.find_answer("ajuntament", kept.id)
    stated = read(office, world, answer, kept.token)
    assert stated.not_kept == 1
    assert [records.parse(each.record).type for each in stated.records] == [
        RecordType.WITHDRAWAL, RecordType.BLOCKED,
    ]  # fmt: skip


def _id(token):
    return messages.digest_of(token).hex()


def test_answer_from_before_they_were_sealed_is_given_as_it_is(office, world, auditor, shared):
    token, _ = ask(office, auditor, asking(world))
    hand_over(office, token)
    given = fetch(office, auditor, token).data
    with office.services.store._database.write() as db:
        db.get_one(RecordsRequestRow, ("ajuntament", _id(token))).answer = given
    assert fetch(office, auditor, token).data == given


def test_answer_is_destroyed_with_the_first_of_its_records_and_with_no_other(
    office, world, auditor, ledger, shared
):
    def kept():
        with office.services.store._database.read() as db:
            return [
                db.get_one(RecordsRequestRow, ("ajuntament", _id(each))).answer for each in (token, one, without)
            ]

    def stored():
        return b"".join(path.read_bytes() for path in sorted(world.folder.glob("verifier.*")))

    purge = office.app.test_cli_runner().invoke
    token, _ = ask(office, auditor, asking(world))
    of_share = RecordsRequest(
        "L01990015", "law", ASKED.due_on, world.clock.now(), commitment=shared.commitment, role=Role.VERIFIER
    )
    one, _ = ask(office, auditor, of_share)
    before = replace(asking(world), until=NOW - timedelta(hours=1))
    without, _ = ask(office, auditor, before)
    for each in (token, one, without):
        hand_over(office, each)
    receive(office, take_back(world, shared))
    office.services.withdrawals.erase("ajuntament", only(office).id, decided_by="Clara")
    assert "0 answers to auditors" in purge(args=["verifier", "purge"]).output
    answers = kept()
    assert [rests_in(each, stored()) for each in answers] == [True] * 3
    assert b64url_encode(shared.key).encode() not in stored()
    # no certificate lives as long as blocked data, so the term is over and the clock stays
    assert office.services.store.destroy_blocked("ajuntament", now=NOW + timedelta(days=1096)) == 1
    assert "2 answers to auditors" in purge(args=["verifier", "purge"]).output
    assert [rests_in(each, stored()) for each in answers] == [False, False, True]
    assert kept() == [None, None, answers[2]]
    for each, status in ((token, 410), (one, 410), (without, 200)):
        assert fetch(office, auditor, each).status_code == status
    place = f"/desk/records/{messages.digest_of(token).hex()}"
    desk = office.desk()
    assert "was destroyed since" in english(desk, place)
    assert desk.post(place, data={"csrf_token": csrf_token(desk.get("/desk/").text)}).status_code == 409


def _renew_authority_list(world, auditor):
    write_list(world, auditor, 7)


def _received(asked, auditor, world):
    from ledger.office_records import ReceivedRequest

    token = asked.sign(auditor.key, x5c=auditor.chain)
    return ReceivedRequest(
        messages.digest_of(token).hex(), "ajuntament", token, CODE, {"ca": "x"}, asked, world.clock.now()
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"party": "U00000001"}, messages.CODE),
        ({"role": Role.ISSUER}, messages.CODE),
        ({"due_on": (NOW - timedelta(days=1)).date()}, messages.CODE),
    ],
)
def test_request_to_another_office_or_due_in_the_past_is_refused(office, world, auditor, shared, changes, code):
    _, answer = ask(office, auditor, asking(world, **changes))
    assert (answer.status_code, answer.get_json()["error"]) == (400, code)
    assert office.services.records_store.records_requests("ajuntament") == []


def test_request_for_a_period_that_is_not_over_is_refused(office, world, auditor):
    asked = replace(asking(world), until=world.clock.now() + timedelta(seconds=1))
    assert ask(office, auditor, asked)[1].get_json()["error"] == messages.CODE


@pytest.mark.parametrize(("over", "status"), [(0, 303), (1, 400)])
def test_period_with_more_shares_than_one_answer_holds_is_refused_before_any_is_loaded(
    office, world, auditor, shared, over, status
):
    from verifier.tables import PresentationRow

    store = office.services.store
    (one,) = store.decided_presentations("ajuntament", since=NOW - timedelta(days=1), until=world.clock.now())
    with store._database.write() as db:
        # one share is there; others without a record, of another office, or of another time do not count
        for at in range(messages.MAX_RECORDS - 1 + over):
            db.add(PresentationRow(**vars(_another(one, at))))
        for at, changes in enumerate(
            [{"commitment": None}, {"administration_id": "universitat"}, {"answered_at": world.clock.now()}]
        ):
            db.add(PresentationRow(**vars(replace(_another(one, 10_000 + at), **changes))))
    token, _ = ask(office, auditor, asking(world))
    loaded, load = [], store.recorded_presentations

    def watched(*args, **options):
        found = load(*args, **options)
        loaded.extend(found)
        # all were loaded to be handed over; opening each of them is not what this test is about
        return found[:2]

    store.recorded_presentations = watched
    page, done, _ = hand_over(office, token)
    assert f"{messages.MAX_RECORDS + over}" in page.text
    assert done.status_code == status
    assert len(loaded) == (0 if over else messages.MAX_RECORDS)
    answer = office.services.records_store.get_records_request("ajuntament", messages.digest_of(token).hex())
    assert answer.is_kept != bool(over)


def _another(presentation, at):
    name = f"{at:032d}"
    unique = dict.fromkeys(("id", "request_id", "wallet_state", "nonce", "reference"), name)
    return replace(presentation, **unique, commitment=name.encode())


@pytest.mark.parametrize("who", ["office", "stranger", "unlisted", "other key"])
def test_request_by_anybody_but_an_auditor_of_the_list_is_refused(office, world, auditor, who):
    key, chain = impostors(world, auditor, world.parties["universitat"])[who]
    _, answer = ask(office, auditor, asking(world), key=key, chain=chain)
    assert answer.status_code == 400
    assert office.services.records_store.records_requests("ajuntament") == []


def test_answer_is_given_to_nobody_else_and_for_no_old_signature(office, world, auditor, shared):
    token, _ = ask(office, auditor, asking(world))
    hand_over(office, token)
    assert fetch(office, auditor, token, key=PrivateKey.generate()).status_code == 400
    assert fetch(office, auditor, token, now=NOW - timedelta(minutes=6)).status_code == 400
    other, _ = ask(office, auditor, asking(world, reason="another"))
    place = f"/ajuntament/records-requests/{messages.digest_of(token).hex()}/access"
    access = messages.sign_access(other, auditor.key, x5c=auditor.chain, now=NOW)
    assert office.client.post(place, json={"access": access}).status_code == 400
    access = messages.sign_access(token, auditor.key, x5c=auditor.chain, now=NOW)
    elsewhere = place.replace("ajuntament", "universitat")
    assert office.client.post(elsewhere, json={"access": access}).status_code == 404
    assert office.services.records_store.accesses("ajuntament", messages.digest_of(token).hex()) == []


def test_answer_to_one_auditor_is_not_found_by_another(office, world, auditor, shared):
    token, _ = ask(office, auditor, asking(world))
    hand_over(office, token)
    other, entry = other_auditor(world)
    entries = [auditor.trust_entry(), entry]
    world.trust_list_file.write_text(
        sign_trust_list(world.authority, world.parties, [world.log], sequence=9, now=NOW, others=entries)
    )
    assert fetch(office, other, token).status_code == 404
    assert fetch(office, auditor, token).status_code == 200


def test_records_are_handed_over_once_and_by_the_offices_own_clerk(office, world, auditor, shared):
    token, _ = ask(office, auditor, asking(world))
    assert ask(office, auditor, asking(world))[1].status_code == 202
    place = f"/desk/records/{messages.digest_of(token).hex()}"
    assert office.desk("U00000001").get(place).status_code in {404, 403}
    assert office.app.test_client().get(place).status_code == 401
    assert hand_over(office, token)[1].status_code == 303
    desk = office.desk()
    again = desk.post(place, data={"csrf_token": csrf_token(desk.get("/desk/").text)})
    assert again.status_code == 409


def test_desk_lists_requests_in_the_order_of_their_terms_and_says_when_one_has_passed(office, world, auditor):
    desk = office.desk()
    assert "Auditors" not in english(desk, "/desk/")
    assert "Nobody has asked for anything." in english(desk, "/desk/records")
    ask(office, auditor, asking(world))
    ask(office, auditor, asking(world, due_on=(NOW + timedelta(days=2)).date()))
    world.clock.advance(timedelta(days=3))
    desk = office.desk()
    text = english(desk, "/desk/records")
    assert "Auditors (2)" in text
    assert text.index("The term has passed") < text.index("7 days left")


def test_command_asks_waits_fetches_and_checks(office, world, auditor, shared, tmp_path, capsys, request):
    request.getfixturevalue("trust")
    write_list(world, auditor, 8)
    given = identity_files(world, auditor)
    kept, out = tmp_path / "request.json", tmp_path / "records.json"
    asked = ["ask", "--office", f"{VERIFIER_URL}/ajuntament", "--party", "L01990015", "--reason", "law"]
    period = ["--since", "2026-11-01", "--until", "2026-11-21", "--due", "2026-12-01", "--output", str(kept)]

    def command(*arguments):
        return run([*arguments, *given], clock=world.clock, http=world.http)

    assert command(*asked, *period) == 0
    fetching = ["fetch", str(kept), "--trust", str(world.folder / "trust.json"), "--output", str(out)]
    assert command(*fetching) == 2
    assert "has not handed anything over yet" in capsys.readouterr().err
    hand_over(office, json.loads(kept.read_text())["request"])
    assert command(*fetching) == 0
    assert "signed by L01990015" in capsys.readouterr().out
    assert json.loads(out.read_text())["schema"] == messages.SCHEMA
    members = json.loads((world.folder / "trust.json").read_text())
    # a key that may be another's by now could have signed any of it
    key = world.parties["ajuntament"].access_key.public_key.jwk()
    at = int(world.clock.now().timestamp())
    for since, status in ((at + 1, 2), (at, 1)):
        for each in members["administrations"]:
            each["access_keys"] = [{"jwk": key, "compromised_since": since}]
        (world.folder / "trust.json").write_text(json.dumps(members))
        assert command(*fetching) == status
        assert "reported as compromised since" in capsys.readouterr().err
    members["administrations"] = []
    (world.folder / "trust.json").write_text(json.dumps(members))
    assert command(*fetching) == 1
    assert command(*asked, "--due", "2026-12-01", "--output", str(kept)) == 2


def test_command_that_cannot_keep_the_request_or_means_no_period_asks_nobody(world, auditor, tmp_path, capsys):
    asked = ["ask", "--office", f"{VERIFIER_URL}/ajuntament", "--party", "L01990015", "--reason", "law"]
    asked += ["--due", "2026-12-20", *identity_files(world, auditor)]
    place = ["--output", str(tmp_path / "request.json")]

    class Nobody:
        """Nobody is asked."""

    for arguments, said in (
        (
            ["--since", "2026-11-01", "--until", "2026-11-21", "--output", str(tmp_path / "no" / "x")],
            "no/x cannot be",
        ),
        (
            ["--since", "2026-12-01", "--until", "2026-01-01", *place],
            "expected a period that ends after it begins",
        ),
    ):
        assert run([*asked, *arguments], clock=world.clock, http=Nobody()) == 2
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        run([*asked, "--since", "hoy", *place], clock=world.clock, http=Nobody())
    assert "--since: expected a day as YYYY-MM-DD" in capsys.readouterr().err
    assert not (tmp_path / "request.json").exists()


def test_request_whose_answer_was_lost_is_kept(world, auditor, tmp_path, capsys):
    kept = tmp_path / "request.json"
    asked = ["ask", "--office", f"{VERIFIER_URL}/ajuntament", "--party", "L01990015", "--reason", "law"]
    period = ["--since", "2026-11-01", "--until", "2026-11-21", "--due", "2026-12-01", "--output", str(kept)]
    world.http.down.add(VERIFIER_URL)
    assert run([*asked, *period, *identity_files(world, auditor)], clock=world.clock, http=world.http) == 2
    assert f"may have arrived, and is kept in {kept}" in capsys.readouterr().err
    assert "request" in json.loads(kept.read_text())
