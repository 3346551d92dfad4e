# SPDX-License-Identifier: EUPL-1.2
"""The office compares its books with the log: what fits, what does not, and what an auditor reads of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger import record as records
from ledger.checkpoint import CheckpointSigner
from ledger.client import LedgerClient
from ledger.reconciliation import CODE, Count, ExceptionKind, Role
from ledger.trust import TrustFile
from protocol import jws
from protocol.errors import Check, RequestError, UnavailableError, VerificationError
from protocol.keys import PrivateKey
from protocol.runtime.signer import read_secret_file
from testimoni.development.setup import TRUST_FILE_SCHEMA
from testimoni.verify_reconciliation import run, verify_stated
from tests.conftest import LEDGER_URL, LOG_ORIGIN, NOW
from tests.fakes.presentations import honest
from tests.service.test_verifier_withdrawals import only, receive, take_back

SINCE, UNTIL = NOW - timedelta(days=20), NOW + timedelta(days=10)


@pytest.fixture
def checkpoint_key(world, ledger):
    signer = CheckpointSigner.from_pem(LOG_ORIGIN, read_secret_file(world.folder / "checkpoint.key"))
    world.log["checkpoint_key"] = signer.key.text()
    world.write_trust_list(sequence=2)
    return signer.key


@pytest.fixture
def trust(world, checkpoint_key) -> TrustFile:
    members = {
        "schema": TRUST_FILE_SCHEMA,
        "authority_certificate": world.anchor_file.read_text(),
        "logs": [
            {**world.log, "chain": None},
        ],
        "administrations": [
            {
                "code": party.data.code,
                "name": dict(party.data.name),
                "access_keys": [party.access_key.public_key.jwk()],
                "issuers": [party.issuer_identifier],
            }
            for party in world.parties.values()
        ],
    }
    (world.folder / "trust.json").write_text(json.dumps(members))
    return TrustFile.parse(json.dumps(members).encode())


@pytest.fixture
def shared(office, world, checkpoint_key):
    """A share that was accepted; its promise was given, the entry is not in the log yet."""
    started = office.start()
    found, answer = office.answer(office.fetch(started["request_url"]), honest(world, None))
    assert answer.status_code == 200
    return found


def record(world, ledger, *commitments):
    for each in commitments:
        LedgerClient(world.http, LEDGER_URL).add_entry(each)
    ledger.sequence()


def reconcile(office):
    return office.services.reconciliations.run("ajuntament", since=SINCE, until=UNTIL)


def kinds(stated):
    return [(each.kind, each.reference) for each in stated.exceptions]


def published(office):
    return office.client.get("/ajuntament/reconciliations").get_json()["reconciliations"]


def test_books_when_everything_is_in_the_log_fit(office, world, ledger, shared):
    record(world, ledger, shared.commitment)
    stated = reconcile(office)
    assert stated.exceptions == ()
    assert (stated.role, stated.party) == (Role.VERIFIER, "L01990015")
    assert [stated.counts[name] for name in (Count.DECISIONS, Count.ACCEPTED, Count.RECEIPTS, Count.IN_LOG)] == [
        1
    ] * 4
    assert [(head.log, head.size) for head in stated.heads] == [(LOG_ORIGIN, 8)]


def test_books_when_the_ledger_does_not_show_a_log_of_its_own_are_not_checkable(office, world, ledger, shared):
    record(world, ledger, shared.commitment)
    elsewhere = {**world.log, "origin": "other.example/2026"}
    world.write_trust_list(sequence=3, logs=[world.log, elsewhere])
    assert reconcile(office).exceptions == ()
    hidden = {**world.log, "origin": LOG_ORIGIN.replace("2026", "2025")}
    world.write_trust_list(sequence=4, logs=[world.log, elsewhere, hidden])
    with pytest.raises(UnavailableError, match="does not show its log") as refused:
        reconcile(office)
    assert refused.value.code == "not_checkable"


def test_books_when_the_delay_has_not_passed_wait_and_then_are_an_exception(office, world, shared):
    waiting = reconcile(office)
    assert (waiting.counts[Count.WAITING], waiting.counts[Count.IN_LOG], waiting.exceptions) == (1, 0, ())
    world.clock.advance(timedelta(seconds=60))
    assert reconcile(office).exceptions == ()
    world.clock.advance(timedelta(seconds=1))
    assert kinds(reconcile(office)) == [(ExceptionKind.NOT_IN_LOG, shared.commitment)]


def test_books_outside_the_period_or_of_another_office_are_not_counted(office, world, shared):
    run_for = office.services.reconciliations.run
    at = world.clock.now()
    assert run_for("ajuntament", since=at, until=UNTIL).counts[Count.DECISIONS] == 1
    assert run_for("ajuntament", since=SINCE, until=at).counts[Count.DECISIONS] == 0
    assert run_for("universitat", since=SINCE, until=UNTIL).counts[Count.DECISIONS] == 0
    assert office.client.get("/universitat/reconciliations").get_json() != {"reconciliations": published(office)}
    with pytest.raises(RequestError) as refused:
        run_for("nobody", since=SINCE, until=UNTIL)
    assert refused.value.code == "not_found"
    assert office.client.get("/nobody/reconciliations").status_code == 404


def test_withdrawal_that_is_not_answered_within_the_month_is_an_exception(office, world, ledger, shared):
    taken = take_back(world, shared)
    assert receive(office, taken).status_code == 202
    record(world, ledger, shared.commitment, taken.commitment)
    due = only(office).due_on
    world.clock.advance(timedelta(days=(due - world.clock.now().date()).days))
    world.write_trust_list(sequence=3)
    on_the_day = reconcile(office)
    assert (on_the_day.counts[Count.OPEN], on_the_day.exceptions) == (1, ())
    world.clock.advance(timedelta(days=1))
    late = reconcile(office)
    assert kinds(late) == [(ExceptionKind.NOT_ANSWERED, taken.commitment)]
    assert late.counts[Count.OPEN] == 0
    office.services.withdrawals.erase("ajuntament", only(office).id, decided_by="Clara")
    ledger.sequence()
    answered = reconcile(office)
    assert kinds(answered) == [(ExceptionKind.ANSWERED_LATE, taken.commitment)]
    assert (answered.counts[Count.WITHDRAWALS], answered.counts[Count.ANSWERED]) == (1, 1)


def test_withdrawal_answered_in_time_fits_and_an_answer_that_the_log_lost_does_not(office, world, ledger, shared):
    taken = take_back(world, shared)
    receive(office, taken)
    record(world, ledger, shared.commitment, taken.commitment)
    withdrawal = only(office)
    office.services.withdrawals.erase("ajuntament", withdrawal.id, decided_by="Clara")
    # promised, and not in the log: the worker does not come
    assert reconcile(office).exceptions == ()
    world.clock.advance(timedelta(seconds=61))
    answer = office.services.store.get_withdrawal("ajuntament", withdrawal.id).answer
    assert kinds(reconcile(office)) == [(ExceptionKind.NOT_IN_LOG, records.commit(answer.key, answer.record))]
    ledger.sequence()
    assert reconcile(office).exceptions == ()


def test_marker_in_the_log_without_a_request_is_an_exception(office, world, ledger, shared):
    marker = records.withdrawal_marker(shared.key, shared.commitment)
    record(world, ledger, shared.commitment, marker)
    assert kinds(reconcile(office)) == [(ExceptionKind.UNKNOWN_MARKER, shared.commitment)]
    taken = take_back(world, shared)
    receive(office, taken)
    assert reconcile(office).exceptions == ()


@pytest.mark.parametrize("change", ["down", "untrusted", "other_key"])
def test_books_when_the_log_cannot_be_relied_on_state_nothing(office, world, shared, change):
    if change == "down":
        world.http.down.add(LEDGER_URL)
    elif change == "untrusted":
        world.write_trust_list(sequence=3, logs=[])
    else:
        key = CheckpointSigner.from_pem(LOG_ORIGIN, _new_key()).key
        world.write_trust_list(sequence=3, logs=[{**world.log, "checkpoint_key": key.text()}])
    with pytest.raises(UnavailableError):
        reconcile(office)
    assert published(office) == []


def _new_key():
    from ledger.checkpoint import new_key_pem

    return new_key_pem()


def test_statement_holds_counts_and_commitments_and_nothing_about_people(office, world, shared):
    world.clock.advance(timedelta(seconds=61))
    reconcile(office)
    (token,) = published(office)
    claims = jws.parse(token).claims()
    assert claims.keys() == {
        "schema", "party", "role", "iat", "since", "until", "heads", "counts", "exceptions",
    }  # fmt: skip
    text = json.dumps(claims)
    for hidden in ("Mariona", "12345678Z", "borsa-treball", shared.key.hex()):
        assert hidden not in text


def test_published_statement_is_verified_by_whoever_has_a_trust_file(office, world, ledger, shared, trust):
    record(world, ledger, shared.commitment)
    reconcile(office)
    stated = verify_stated(published(office)[0], trust, now=world.clock.now())
    assert stated.counts[Count.IN_LOG] == 1


def test_statement_signed_by_another_office_or_from_the_future_is_refused(office, world, ledger, shared, trust):
    record(world, ledger, shared.commitment)
    stated = reconcile(office)
    other = world.parties["universitat"]
    forged = stated.sign(other.access_key, x5c=office.services.store.get_administration("universitat").x5c)
    with pytest.raises(VerificationError) as refused:
        verify_stated(forged, trust, now=world.clock.now())
    assert refused.value.check is Check.ISSUER
    own = office.services.store.get_administration("ajuntament").x5c
    with pytest.raises(VerificationError) as refused:
        verify_stated(stated.sign(PrivateKey.generate(), x5c=own), trust, now=world.clock.now())
    assert refused.value.check is Check.SIGNATURE
    with pytest.raises(VerificationError) as refused:
        verify_stated(published(office)[0], trust, now=world.clock.now() - timedelta(seconds=61))
    assert refused.value.check is Check.VALIDITY


def test_statement_with_a_key_outside_of_its_days_is_refused_and_with_a_stolen_one_not_believed(
    office, world, ledger, shared, trust
):
    record(world, ledger, shared.commitment)
    stated, token = reconcile(office), published(office)[0]

    def verified(**days):
        parties = tuple(
            replace(each, access_keys=tuple(replace(key, **days) for key in each.access_keys))
            for each in trust.administrations
        )
        return verify_stated(token, replace(trust, administrations=parties), now=world.clock.now())

    made_at = stated.made_at.replace(microsecond=0)
    second = timedelta(seconds=1)
    assert verified(valid_from=made_at, valid_until=made_at + second).party == stated.party
    for days in (
        {"valid_from": made_at + second},
        {"valid_until": made_at},
        {"compromised_since": made_at},
    ):
        with pytest.raises(VerificationError) as refused:
            verified(**days)
        assert refused.value.check is Check.ISSUER
    # what it says of its own time is worth nothing
    with pytest.raises(UnavailableError) as untold:
        verified(compromised_since=made_at + second)
    assert untold.value.code == "key_compromised"


def _command(world, tmp_path, tokens, *arguments):
    file = tmp_path / "statements.json"
    file.write_text(json.dumps({"reconciliations": tokens}))
    given = [str(file), "--trust", str(world.folder / "trust.json"), *arguments]
    return run(given, clock=world.clock, http=world.http)


def test_command_tells_fitting_books_from_exceptions_and_from_what_it_cannot_tell(
    office, world, ledger, shared, trust, tmp_path, capsys
):
    record(world, ledger, shared.commitment)
    reconcile(office)
    assert _command(world, tmp_path, published(office), "--ledger", LEDGER_URL) == 0
    assert "no exceptions" in capsys.readouterr().out
    world.http.down.add(LEDGER_URL)
    assert _command(world, tmp_path, published(office), "--ledger", LEDGER_URL) == 2
    assert _command(world, tmp_path, published(office), "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["result"] == "holds"
    assert _command(world, tmp_path, []) == 2
    token = published(office)[0]
    assert _command(world, tmp_path, [token[:-4] + "AAAA"]) == 1


def test_command_finds_a_statement_that_the_log_contradicts(
    office, world, ledger, shared, trust, tmp_path, capsys
):
    world.clock.advance(timedelta(seconds=61))
    assert kinds(reconcile(office)) == [(ExceptionKind.NOT_IN_LOG, shared.commitment)]
    assert _command(world, tmp_path, published(office), "--ledger", LEDGER_URL) == 1
    assert "it is now" not in capsys.readouterr().out
    record(world, ledger, shared.commitment)
    assert _command(world, tmp_path, published(office), "--ledger", LEDGER_URL) == 1
    assert "it is now" in capsys.readouterr().out


def test_command_finds_a_comparison_with_another_log(office, world, ledger, shared, trust, tmp_path, capsys):
    record(world, ledger, shared.commitment)
    stated = reconcile(office)
    other = replace(stated, heads=tuple(replace(head, root=b"\x01" * 32) for head in stated.heads))
    administration = office.services.store.get_administration("ajuntament")
    forged = other.sign(world.parties["ajuntament"].access_key, x5c=administration.x5c)
    assert _command(world, tmp_path, [forged], "--ledger", LEDGER_URL) == 1
    assert "another" in capsys.readouterr().out
    ahead = replace(stated, heads=tuple(replace(head, size=head.size + 1) for head in stated.heads))
    forged = ahead.sign(world.parties["ajuntament"].access_key, x5c=administration.x5c)
    assert _command(world, tmp_path, [forged], "--ledger", LEDGER_URL) == 1


def test_operator_command_compares_a_month_and_ends_with_1_on_an_exception(office, world, ledger, shared):
    run_cli = office.app.test_cli_runner().invoke
    done = run_cli(args=["verifier", "reconcile", "--month", "2026-11"])
    assert (done.exit_code, "1 promised, not yet due" in done.output) == (0, True), done.output
    world.clock.advance(timedelta(seconds=61))
    done = run_cli(args=["verifier", "reconcile", "--month", "2026-11", "--administration", "ajuntament"])
    assert (done.exit_code, "EXCEPTION not in the log although due" in done.output) == (1, True)
    assert run_cli(args=["verifier", "reconcile", "--month", "2026-13"]).exit_code == 2
    assert len(published(office)) == 2


def test_statement_with_too_many_exceptions_is_refused(office, world, shared):
    from ledger.reconciliation import MAX_EXCEPTIONS, Mismatch

    stated = reconcile(office)
    one = Mismatch(ExceptionKind.NOT_IN_LOG, bytes(32))
    administration = office.services.store.get_administration("ajuntament")
    key = world.parties["ajuntament"].access_key
    with pytest.raises(RequestError) as refused:
        replace(stated, exceptions=(one,) * (MAX_EXCEPTIONS + 1)).sign(key, x5c=administration.x5c)
    assert refused.value.code == CODE
