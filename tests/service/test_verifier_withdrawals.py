# SPDX-License-Identifier: EUPL-1.2
"""Taking back at the verifier: what is taken, the legal clock, blocking, and the signed answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from ledger import promise as promises
from ledger import record as records
from ledger import signatures
from ledger.client import LedgerClient
from ledger.record import RecordType, TakeBack
from protocol import jws
from protocol.encoding import b64url_decode, b64url_encode
from protocol.errors import RequestError, StoreConflictError
from protocol.keys import PrivateKey
from tests.conftest import LEDGER_URL, LOG_ORIGIN
from tests.fakes.holder import Share, Shared
from tests.fakes.presentations import degree, honest
from verifier.model import WithdrawalState

PARTY = records.Party("L01990015", "Ajuntament de Vilaprova", "http://localhost:8103/ajuntament/support")


@dataclass(frozen=True)
class TakenBack:
    body: dict[str, str]
    record: bytes
    key: bytes

    @property
    def commitment(self) -> records.Commitment:
        return records.commit(self.key, self.record)


def promise(world: Any, commitment: records.Commitment, *, log: str = LOG_ORIGIN) -> str:
    return promises.make(
        world.promise_key,
        log=log,
        commitment=commitment,
        now=world.clock.now(),
        maximum_merge_delay=timedelta(seconds=60),
    )


def take_back(
    world: Any,
    shared: Shared,
    *,
    kind: TakeBack = TakeBack.WITHDRAW,
    signer: PrivateKey | None = None,
    party: records.Party = PARTY,
    previous: records.Commitment | None = None,
    recorded_by: Any = "wallet",
    log: str = LOG_ORIGIN,
    marker_of: bytes | None = None,
) -> TakenBack:
    record = records.to_bytes(
        records.build_withdrawal(
            log=log,
            time=world.clock.now(),
            transaction_identifier=records.new_transaction_identifier(),
            party=party,
            take_back=kind,
            previous=previous or shared.commitment,
            recorded_by=recorded_by,
        )
    )
    key = records.new_key()
    signing = signatures.prepare_withdrawal(record)
    signature = jws.detach(signing.complete((signer or shared.consent_key).sign(signing.text.encode())))
    marker = records.withdrawal_marker(marker_of or shared.key, shared.commitment)
    body = {
        "record": b64url_encode(record),
        "key": b64url_encode(key),
        "signature": signature,
        "promise": promise(world, records.commit(key, record), log=log),
        "marker_promise": promise(world, marker, log=log),
    }
    return TakenBack(body, record, key)


@pytest.fixture
def accepted(office, world):
    started = office.start()
    shared, answer = office.answer(office.fetch(started["request_url"]), honest(world, None))
    assert answer.status_code == 200
    return started["id"], shared


def receive(office: Any, taken: TakenBack, admin: str = "ajuntament") -> Any:
    return office.client.post(f"/{admin}/withdrawals", json=taken.body)


def only(office: Any) -> Any:
    (found,) = office.services.store.open_withdrawals("ajuntament")
    return found


def test_withdrawal_when_received_then_due_in_a_month_and_repeat_gives_the_same(office, world, accepted):
    taken = take_back(world, accepted[1])
    first = receive(office, taken)
    world.clock.advance(timedelta(days=3))
    again = receive(office, taken)
    assert (first.status_code, first.get_json()) == (202, again.get_json())
    assert first.get_json()["due"] == "2026-12-21"
    status = office.client.get(first.get_json()["status_uri"].removeprefix("http://localhost:8103")).get_json()
    assert status == {"state": "received", "due": "2026-12-21", "answer": None}


@pytest.mark.parametrize(
    ("code", "status", "change"),
    [
        ("withdrawal_signature", 400, {"signer": PrivateKey.generate()}),
        ("withdrawal_party", 400, {"party": records.Party("U00000001", "Other", "https://o.example")}),
        ("unknown_share", 404, {"previous": records.Commitment(b"x" * 32)}),
        ("withdrawal_promise", 400, {"log": "other.example/1"}),
        ("withdrawal_promise", 400, {"marker_of": b"m" * 32}),
        ("invalid_record", 400, {"recorded_by": "verifier"}),
    ],
)
def test_withdrawal_with_one_thing_wrong_is_refused_by_name(office, world, accepted, code, status, change):
    answer = receive(office, take_back(world, accepted[1], **change))
    assert (answer.status_code, answer.get_json()["error"]) == (status, code)
    assert office.services.store.open_withdrawals("ajuntament") == []


def test_withdrawal_that_is_a_shares_own_record_is_refused(office, world, accepted):
    shared = accepted[1]
    taken = take_back(world, shared)
    body = {**taken.body, "record": b64url_encode(shared.record), "key": b64url_encode(shared.key)}
    assert receive(office, replace(taken, body=body)).get_json()["error"] == "invalid_record"


def test_withdrawal_with_a_missing_or_unknown_member_is_refused(office, world, accepted):
    taken = take_back(world, accepted[1])
    less = {name: value for name, value in taken.body.items() if name != "marker_promise"}
    for body in (less, {**taken.body, "more": "x"}):
        assert receive(office, replace(taken, body=body)).status_code == 400


def test_withdrawal_sent_to_another_administration_is_refused(office, world, accepted):
    assert receive(office, take_back(world, accepted[1]), "universitat").get_json()["error"] == "withdrawal_party"
    taken = take_back(world, accepted[1], party=records.Party("U00000001", "University", "https://u.example"))
    assert receive(office, taken, "universitat").get_json()["error"] == "unknown_share"


def test_second_withdrawal_while_one_is_open_is_refused(office, world, accepted):
    receive(office, take_back(world, accepted[1]))
    answer = receive(office, take_back(world, accepted[1], kind=TakeBack.ERASE))
    assert (answer.status_code, answer.get_json()["error"]) == (409, "withdrawal_pending")


def test_rejected_share_can_be_taken_back_too(office, world, ledger):
    started = office.start()
    request = office.fetch(started["request_url"])
    shared, _ = office.answer(request, Share(held=degree(world, expires_at=world.clock.now())))
    assert receive(office, take_back(world, shared)).status_code == 202
    office.services.withdrawals.erase("ajuntament", only(office).id, decided_by="Clara")
    assert office.services.store.find_case("ajuntament", started["id"]) is None


def answered(office: Any, world: Any, taken: TakenBack, uri: str) -> records.ConsentRecord:
    """Return the answer as the wallet checks it: promised, signed by the administration, about this request."""
    members = office.client.get(uri.removeprefix("http://localhost:8103")).get_json()
    assert members["state"] == "answered"
    answer = members["answer"]
    data, key = b64url_decode(answer["record"]), b64url_decode(answer["key"])
    header = jws.parse(jws.attach(answer["signature"], data)).header
    signer = world.trust.get_party_key(header["x5c"], party_code="L01990015", now=world.clock.now())
    signatures.verify_answer(answer["signature"], data, signer)
    promises.verify_undated(
        answer["promise"], world.promise_key.public_key, log=LOG_ORIGIN, commitment=records.commit(key, data)
    )
    record = records.parse(data)
    assert record.previous == taken.commitment
    return record


def test_erase_blocks_now_and_answer_is_signed_and_promised(office, world, ledger, accepted):
    presentation_id, shared = accepted
    taken = take_back(world, shared)
    uri = receive(office, taken).get_json()["status_uri"]
    store = office.services.store
    before = store.find_case("ajuntament", presentation_id)
    office.services.withdrawals.erase("ajuntament", only(office).id, decided_by="Clara")
    assert answered(office, world, taken, uri).type is RecordType.BLOCKED
    assert store.find_case("ajuntament", presentation_id) is None
    blocked = store.find_blocked("ajuntament", presentation_id)
    assert blocked is not None
    assert before not in (blocked.sealed, None)
    assert blocked.destroy_after == world.clock.now() + timedelta(days=1095)
    shown = office.services.cases.get("ajuntament", presentation_id)
    assert (shown.kept, shown.blocked) == (None, blocked)
    about = shown.presentation.about
    with pytest.raises(StoreConflictError):
        office.services.cases._sealer.open(blocked.sealed, about=about)
    assert b"Mariona" in office.services.withdrawals._blocking_sealer.open(blocked.sealed, about=about)


def test_blocked_case_is_destroyed_when_its_time_has_come_and_not_before(office, world, ledger, accepted):
    receive(office, take_back(world, accepted[1]))
    office.services.withdrawals.erase("ajuntament", only(office).id, decided_by="Clara")
    world.clock.advance(timedelta(days=1094))
    assert office.services.withdrawals.destroy_due("ajuntament") == 0
    world.clock.advance(timedelta(days=1))
    assert office.services.withdrawals.destroy_due("universitat") == 0
    assert office.services.withdrawals.destroy_due("ajuntament") == 1
    assert office.services.store.find_blocked("ajuntament", accepted[0]) is None


def test_purge_destroys_expired_keys_blocked_cases_and_sessions_when_due_and_not_before(
    office, world, ledger, accepted
):
    """A response captured on its way to a request that nobody answered must not be readable for ever."""
    receive(office, take_back(world, accepted[1]))
    office.services.withdrawals.erase("ajuntament", only(office).id, decided_by="Clara")
    waiting = office.start()["id"]
    office.desk()

    def purge() -> str:
        return office.app.test_cli_runner().invoke(args=["verifier", "purge"]).output

    no_answers = "0 answers to auditors held a record that is destroyed\n"
    assert purge() == f"0 request keys, 0 blocked cases and 0 sessions were due; {no_answers}"
    assert office.services.store.get_presentation("ajuntament", waiting).sealed_key is not None
    world.clock.advance(timedelta(minutes=15))
    assert purge().startswith("1 request keys, 0 blocked cases and 0 sessions")
    assert office.services.store.get_presentation("ajuntament", waiting).sealed_key is None
    world.clock.advance(timedelta(days=1095))
    assert purge() == f"0 request keys, 1 blocked cases and 1 sessions were due; {no_answers}"


def test_withdrawal_after_blocking_is_refused(office, world, ledger, accepted):
    receive(office, take_back(world, accepted[1]))
    office.services.withdrawals.erase("ajuntament", only(office).id, decided_by="Clara")
    answer = receive(office, take_back(world, accepted[1]))
    assert (answer.status_code, answer.get_json()["error"]) == (409, "already_blocked")


def test_refusal_names_its_ground_and_keeps_the_case_and_another_request_may_follow(
    office, world, ledger, accepted
):
    taken = take_back(world, accepted[1])
    uri = receive(office, taken).get_json()["status_uri"]
    use = office.services.withdrawals
    use.refuse("ajuntament", only(office).id, legal_ground="eu-gdpr:A17-3-b", decided_by="Clara")
    record = answered(office, world, taken, uri)
    assert (record.type, record.legal_ground) == (RecordType.REFUSAL_TO_ERASE, "eu-gdpr:A17-3-b")
    assert office.services.store.find_case("ajuntament", accepted[0]) is not None
    assert receive(office, take_back(world, accepted[1], kind=TakeBack.ERASE)).status_code == 202


def test_refusal_without_a_known_ground_is_refused(office, world, accepted):
    receive(office, take_back(world, accepted[1]))
    with pytest.raises(RequestError, match="unknown_ground"):
        office.services.withdrawals.refuse(
            "ajuntament", only(office).id, legal_ground="because", decided_by="Clara"
        )
    assert only(office).state is WithdrawalState.RECEIVED


def test_second_decision_is_refused(office, world, ledger, accepted):
    receive(office, take_back(world, accepted[1]))
    found = only(office)
    office.services.withdrawals.erase("ajuntament", found.id, decided_by="Clara")
    with pytest.raises(StoreConflictError, match="withdrawal_decided"):
        office.services.withdrawals.refuse(
            "ajuntament", found.id, legal_ground="eu-gdpr:A17-3-b", decided_by="Clara"
        )


def test_ledger_down_at_the_answer_then_blocked_but_not_given_until_it_is_promised(
    office, world, ledger, accepted
):
    taken = take_back(world, accepted[1])
    uri = receive(office, taken).get_json()["status_uri"]
    found = only(office)
    world.http.down.add(LEDGER_URL)
    with pytest.raises(Exception, match="temporarily_unavailable"):
        office.services.withdrawals.erase("ajuntament", found.id, decided_by="Clara")
    assert office.services.store.find_case("ajuntament", accepted[0]) is None
    status = office.client.get(uri.removeprefix("http://localhost:8103")).get_json()
    assert (status["state"], status["answer"]) == ("received", None)
    decided = office.services.store.get_withdrawal("ajuntament", found.id)
    assert decided.state is WithdrawalState.ANSWERING
    world.http.down.clear()
    world.clock.advance(timedelta(hours=2))
    office.services.withdrawals.give_answer("ajuntament", found.id)
    assert answered(office, world, taken, uri).type is RecordType.BLOCKED
    given = office.services.store.get_withdrawal("ajuntament", found.id)
    assert given.answer.record == decided.answer.record
    assert office.services.withdrawals.give_answer("ajuntament", found.id) == given


def test_killed_between_the_promise_of_an_answer_and_keeping_it_then_it_is_given_hours_later(
    office, world, ledger, accepted
):
    receive(office, take_back(world, accepted[1]))
    found = only(office)
    world.http.down.add(LEDGER_URL)
    with pytest.raises(Exception, match="temporarily_unavailable"):
        office.services.withdrawals.erase("ajuntament", found.id, decided_by="Clara")
    world.http.down.clear()
    answer = office.services.store.get_withdrawal("ajuntament", found.id).answer
    lost = LedgerClient(world.http, LEDGER_URL).add_entry(records.commit(answer.key, answer.record))
    world.clock.advance(timedelta(hours=2))
    given = office.services.withdrawals.give_answer("ajuntament", found.id)
    assert (given.state, given.answer.promise) == (WithdrawalState.ANSWERED, lost)


def test_new_log_since_the_decision_then_the_one_that_the_answer_names_promises_it(
    office, world, ledger, accepted
):
    receive(office, take_back(world, accepted[1]))
    found = only(office)
    world.http.down.add(LEDGER_URL)
    with pytest.raises(Exception, match="temporarily_unavailable"):
        office.services.withdrawals.erase("ajuntament", found.id, decided_by="Clara")
    world.http.down.clear()
    office.services.withdrawals._log = "ledger.example/2027"
    given = office.services.withdrawals.give_answer("ajuntament", found.id)
    answer = given.answer
    assert records.parse(answer.record).log == LOG_ORIGIN
    commitment = records.commit(answer.key, answer.record)
    key = world.promise_key.public_key
    promises.verify_undated(answer.promise, key, log=LOG_ORIGIN, commitment=commitment)


def test_ledger_that_promises_with_another_key_then_answer_is_not_given(office, world, ledger, accepted):
    receive(office, take_back(world, accepted[1]))
    found = only(office)
    world.log["promise_key"] = PrivateKey.generate().public_key.jwk()
    world.write_trust_list(sequence=2)
    with pytest.raises(Exception, match="ledger_unavailable"):
        office.services.withdrawals.erase("ajuntament", found.id, decided_by="Clara")
    assert office.services.store.get_withdrawal("ajuntament", found.id).state is WithdrawalState.ANSWERING


@pytest.mark.parametrize("admin", ["universitat", "nobody"])
def test_status_of_another_administration_or_unknown_token_is_not_found(office, world, accepted, admin):
    uri = receive(office, take_back(world, accepted[1])).get_json()["status_uri"]
    token = uri.rpartition("/")[2]
    assert office.client.get(f"/{admin}/withdrawals/{token}").status_code == 404
    assert office.client.get(f"/ajuntament/withdrawals/{'x' * 32}").status_code == 404
