# SPDX-License-Identifier: EUPL-1.2
"""The verifier as wallets meet it: request, response, one decision, and every way to be refused."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from ledger import signatures
from protocol import jwe, jws, registration
from protocol.errors import StoreConflictError
from protocol.keys import PrivateKey
from protocol.openid4vp import REQUEST_MEDIA_TYPE
from tests.fakes.holder import Share
from tests.fakes.presentations import CASES, degree, honest
from verifier.model import PresentationState


def stored(office: Any, started: dict[str, Any], admin: str = "ajuntament") -> Any:
    return office.services.store.get_presentation(admin, started["id"])


def test_request_when_started_then_link_qr_and_expiry_and_four_unlinked_secrets(office):
    started = office.start()
    assert started["request_url"].startswith("http://localhost:8102/present?client_id=x509_hash%3A")
    assert started["openid4vp_url"].startswith("openid4vp://?client_id=")
    assert started["qr"].startswith("data:image/svg+xml;base64,")
    row = stored(office, started)
    secrets = [row.id, row.request_id, row.nonce, row.wallet_state]
    assert len(set(secrets)) == 4
    assert all(len(each) == 32 for each in secrets)
    assert row.expires_at - row.issued_at == timedelta(minutes=15)


@pytest.mark.case("V26")
def test_request_when_fetched_twice_then_served_twice_and_only_a_posted_nonce_comes_back(office):
    started = office.start()
    request = office.fetch(started["request_url"])
    path = urlsplit(request.response_uri).path.replace("/response/", "/request/")
    first, second = office.client.get(path), office.client.get(path)
    assert first.status_code == second.status_code == 200
    assert first.content_type == REQUEST_MEDIA_TYPE
    claims = jws.parse(first.text).claims()
    assert "wallet_nonce" not in claims
    assert claims["nonce"] == request.nonce == jws.parse(second.text).claims()["nonce"]
    assert claims["response_mode"] == "direct_post.jwt"
    assert jws.parse(first.text).header["typ"] == "oauth-authz-req+jwt"


def test_request_when_two_start_then_keys_and_secrets_differ(office):
    one, two = (office.fetch(office.start()["request_url"]) for _ in range(2))
    assert one.encryption_key != two.encryption_key
    assert {one.nonce, one.state} & {two.nonce, two.state} == set()


def test_request_asks_exactly_its_procedure_and_carries_its_statement(office):
    request = office.fetch(office.start()["request_url"])
    assert request.query == office.procedure.query
    assert request.consent is not None
    assert request.consent.withdrawal_uri == "http://localhost:8103/ajuntament/withdrawals"
    assert jws.parse(request.statement).header["typ"] == registration.TYPE


@pytest.mark.parametrize("member", ["dcql_query", "claims", "purpose"])
def test_request_that_asks_more_than_its_procedure_cannot_start(office, member):
    answer = office.api("POST", "/presentations", {"procedure": "borsa-treball", member: ["birth_date"]})
    assert answer.status_code == 400
    assert answer.get_json()["title"] == "invalid_request"
    assert office.services.store.recent_presentations("ajuntament", limit=9) == []


def test_request_when_statement_row_was_widened_then_cannot_start(office, world):
    """Somebody with the database at hand writes a statement that asks more: nobody registered it."""
    entry = office.services.store.get_procedure("ajuntament", "borsa-treball", version=None)
    claims = jws.parse(entry.statement).claims()
    claims["credentials"][0]["claims"].append({"path": ["birth_date"]})
    forged = jws.sign(claims, PrivateKey.generate(), typ=registration.TYPE, x5c=["AA=="])
    office.services.store.put_procedure("ajuntament", forged, next_step={}, due_days=None, remedies={})
    answer = office.api("POST", "/presentations", {"procedure": "borsa-treball"})
    assert answer.status_code == 400
    assert answer.get_json()["check"] == "issuer"
    assert office.services.store.recent_presentations("ajuntament", limit=9) == []


def test_response_when_honest_then_accepted_countersigned_and_presentation_destroyed(office, world):
    started = office.start()
    request = office.fetch(started["request_url"])
    shared, answer = office.answer(request, honest(world, None))
    assert answer.status_code == 200, answer.text
    members = answer.get_json()
    outcome = members["outcome"]
    assert outcome["result"] == "accepted"
    assert outcome["due"] == "2026-12-01"
    assert set(outcome["next_step"]) == {"ca", "es", "en"}
    assert {c["state"] for c in outcome["checks"]} == {"passed"}
    assert len(outcome["checks"]) == 10
    token = members["consent_acceptance"]
    key = world.trust.get_party_key(jws.parse(token).header["x5c"], party_code="L01990015", now=world.clock.now())
    acceptance = signatures.verify_acceptance(token, key, expected_commitment=shared.commitment)
    assert (acceptance.result, acceptance.reference) == ("accepted", outcome["reference"])
    row = stored(office, started)
    assert row.state is PresentationState.ACCEPTED
    assert row.sealed_key is None
    assert row.commitment == shared.commitment
    database = b"".join(path.read_bytes() for path in world.folder.glob("verifier.sqlite*"))
    assert b"Mariona" not in database
    assert b"kb+jwt" not in database


def test_response_when_accepted_then_back_office_reads_checklist_and_asked_claims(office, world):
    started = office.start()
    office.answer(office.fetch(started["request_url"]), honest(world, None))
    found = office.api("GET", f"/presentations/{started['id']}").get_json()
    assert found["state"] == "accepted"
    claims = found["documents"][0]["claims"]
    assert claims["degree_title"] == "Grau en Biologia"
    assert "birth_date" not in claims
    assert found["outcome"]["reference"].startswith("2026-")


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.expect not in {"valid", "could-not-tell"}], ids=lambda case: case.name
)
def test_response_with_one_thing_wrong_is_refused_by_name_with_a_remedy(office, world, case):
    started = office.start(case.procedure, admin=case.party)
    request = office.fetch(started["request_url"])
    shared, answer = office.answer(request, case.make(world, office.asked(request)))
    assert answer.status_code == 400
    members = answer.get_json()
    assert members["check"] == case.expect
    assert members["outcome"]["result"] == "rejected"
    assert members["outcome"]["failed_check"] == case.expect
    assert set(members["outcome"]["remedy"]) == {"ca", "es", "en"}
    assert [c["state"] for c in members["outcome"]["checks"]].count("failed") == 1
    if case.code:
        assert members["error"] == case.code
    row = stored(office, started, case.party)
    assert row.state is PresentationState.REJECTED
    assert row.sealed_key is None
    shown = office.services.cases.get(case.party, started["id"])
    assert shown.kept is None or shown.kept.documents == ()
    if shown.kept is not None:
        assert row.commitment == shared.commitment
    assert (row.commitment is None) == ("consent_acceptance" not in members)


def test_response_when_rejected_after_disclosure_then_receipt_stays_so_that_it_can_be_taken_back(office, world):
    started = office.start()
    request = office.fetch(started["request_url"])
    shared, _ = office.answer(request, Share(held=degree(world, expires_at=world.clock.now())))
    kept = office.services.cases.get("ajuntament", started["id"]).kept
    assert kept.receipt.record == shared.record
    assert kept.documents == ()


def test_response_with_status_that_cannot_be_checked_is_unavailable_and_goes_on_waiting(office, world):
    started = office.start()
    request = office.fetch(started["request_url"])
    how = Share(
        held=degree(world, extra_payload={"status": {"status_list": {"idx": 1, "uri": "https://l.example"}}})
    )
    _, answer = office.answer(request, how)
    assert answer.status_code == 503
    assert answer.get_json()["error"] == "status_unavailable"
    row = stored(office, started)
    assert row.state is PresentationState.WAITING
    assert row.trouble == "status"
    assert office.services.cases.get("ajuntament", started["id"]).state == "trouble"
    _, better = office.answer(request, honest(world, None))
    assert better.status_code == 200


def test_response_repeated_byte_for_byte_gets_the_same_answer_even_after_expiry(office, world):
    request = office.fetch(office.start()["request_url"])
    response = office.encrypt(request, office.share(request, honest(world, None)).payload)
    first = office.post(request, response)
    world.clock.advance(timedelta(hours=1))
    again = office.post(request, response)
    assert (first.status_code, first.data) == (again.status_code, again.data)
    assert first.status_code == 200


def test_rejected_response_repeated_byte_for_byte_gets_the_same_answer(office, world):
    request = office.fetch(office.start()["request_url"])
    wrong = Share(held=degree(world), state="A" * 32)
    response = office.encrypt(request, office.share(request, wrong).payload)
    first, again = office.post(request, response), office.post(request, response)
    assert (first.status_code, first.data) == (again.status_code, again.data)
    assert first.status_code == 400


@pytest.mark.case("V17")
def test_second_different_response_is_refused(office, world):
    request = office.fetch(office.start()["request_url"])
    office.answer(request, honest(world, None))
    _, second = office.answer(request, honest(world, None))
    assert second.status_code == 409
    assert second.get_json()["error"] == "request_already_answered"


@pytest.mark.case("V17")
def test_second_encryption_of_the_same_presentation_is_another_response(office, world):
    request = office.fetch(office.start()["request_url"])
    payload = office.share(request, honest(world, None)).payload
    office.post(request, office.encrypt(request, payload))
    assert office.post(request, office.encrypt(request, payload)).status_code == 409


@pytest.mark.case("V17")
def test_two_different_responses_at_once_then_exactly_one_is_decided(office, world):
    request = office.fetch(office.start()["request_url"])
    responses = [office.encrypt(request, office.share(request, honest(world, None)).payload) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda each: office.post(request, each), responses))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


def test_request_when_answered_then_not_served_any_more(office, world):
    started = office.start()
    request = office.fetch(started["request_url"])
    office.answer(request, honest(world, None))
    path = urlsplit(request.response_uri).path.replace("/response/", "/request/")
    assert office.client.get(path).get_json()["error"] == "request_already_answered"


@pytest.mark.case("V17")
def test_response_after_expiry_is_refused_and_nothing_is_decided(office, world):
    started = office.start()
    request = office.fetch(started["request_url"])
    shared = office.share(request, honest(world, None))
    world.clock.advance(timedelta(minutes=15))
    answer = office.post(request, office.encrypt(request, shared.payload))
    assert (answer.status_code, answer.get_json()["error"]) == (410, "request_expired")
    assert stored(office, started).state is PresentationState.WAITING
    path = urlsplit(request.response_uri).path.replace("/response/", "/request/")
    assert office.client.get(path).get_json()["error"] == "request_expired"


def test_response_one_second_before_expiry_and_prepared_at_start_is_accepted(office, world):
    request = office.fetch(office.start()["request_url"])
    shared = office.share(request, honest(world, None))
    world.clock.advance(timedelta(minutes=14, seconds=59))
    assert office.post(request, office.encrypt(request, shared.payload)).status_code == 200


@pytest.mark.case("V18")
def test_response_encrypted_to_another_sessions_key_is_refused_and_decides_nothing(office, world):
    mine, other = office.start(), office.start()
    request, foreign = office.fetch(mine["request_url"]), office.fetch(other["request_url"])
    payload = office.share(request, honest(world, None)).payload
    for key, key_id in (
        (foreign.encryption_key, foreign.encryption_key_id),
        (foreign.encryption_key, request.encryption_key_id),
    ):
        response = jwe.encrypt(payload, key, key_id=key_id, encryption="A128GCM")
        answer = office.post(request, response)
        assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")
    assert stored(office, mine).state is PresentationState.WAITING


@pytest.mark.case("V18")
def test_response_in_plain_text_is_refused_and_decides_nothing(office, world):
    started = office.start()
    request = office.fetch(started["request_url"])
    members = json.loads(office.share(request, honest(world, None)).payload)
    plain = {"vp_token": json.dumps(members["vp_token"]), "state": request.state}
    path = urlsplit(request.response_uri).path
    assert office.client.post(path, data=plain).get_json()["error"] == "invalid_request"
    assert office.post(request, json.dumps(members)).get_json()["error"] == "invalid_request"
    assert stored(office, started).state is PresentationState.WAITING


@pytest.mark.parametrize("body", ["response=a&response=b", "error=access_denied&state=a&state=b"])
@pytest.mark.case("V28")
def test_response_with_a_parameter_twice_is_refused(office, body):
    request = office.fetch(office.start()["request_url"])
    answer = office.client.post(
        urlsplit(request.response_uri).path, data=body, content_type="application/x-www-form-urlencoded"
    )
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


def test_response_as_json_is_refused(office):
    request = office.fetch(office.start()["request_url"])
    answer = office.client.post(urlsplit(request.response_uri).path, json={"response": "a.b.c.d.e"})
    assert answer.status_code == 400


def test_request_with_an_endless_wallet_nonce_is_refused(office):
    request = office.fetch(office.start()["request_url"])
    path = urlsplit(request.response_uri).path.replace("/response/", "/request/")
    assert office.client.post(path, data={"wallet_nonce": "x" * 513}).status_code == 400


@pytest.mark.case("V27")
def test_refusal_is_answered_without_data_and_looks_like_nothing_sent(office):
    started = office.start()
    request = office.fetch(started["request_url"])
    path = urlsplit(request.response_uri).path
    given = {"error": "access_denied", "state": request.state}
    first, again = office.client.post(path, data=given), office.client.post(path, data=given)
    assert (first.status_code, first.data) == (again.status_code, again.data) == (200, b"{}")
    row = stored(office, started)
    assert row.state is PresentationState.DECLINED
    assert (row.commitment, row.reference, row.sealed_key) == (None, None, None)


def test_refusal_with_another_state_decides_nothing(office):
    started = office.start()
    request = office.fetch(started["request_url"])
    path = urlsplit(request.response_uri).path
    for state in ("A" * 32, ""):
        assert office.client.post(path, data={"error": "access_denied", "state": state}).status_code == 400
    assert stored(office, started).state is PresentationState.WAITING


def test_response_after_refusal_is_refused(office, world):
    request = office.fetch(office.start()["request_url"])
    office.client.post(
        urlsplit(request.response_uri).path, data={"error": "access_denied", "state": request.state}
    )
    _, answer = office.answer(request, honest(world, None))
    assert answer.status_code == 409


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.case("V17")
def test_unknown_request_is_not_found(office, method):
    assert getattr(office.client, method)(f"/ajuntament/request/{'x' * 32}").status_code == 404


@pytest.mark.case("V20")
def test_another_administrations_request_is_not_found(office, world):
    request = office.fetch(office.start()["request_url"])
    path = urlsplit(request.response_uri).path
    crossed = path.replace("/ajuntament/", "/universitat/")
    assert office.client.get(crossed.replace("/response/", "/request/")).status_code == 404
    response = office.encrypt(request, office.share(request, honest(world, None)).payload)
    assert office.client.post(crossed, data={"response": response}).status_code == 404
    assert office.client.post(path, data={"response": response}).status_code == 200


@pytest.mark.case("V21")
def test_presentation_captured_for_one_transaction_is_refused_in_another(office, world):
    first, second = (office.fetch(office.start()["request_url"]) for _ in range(2))
    captured = json.loads(office.share(first, honest(world, None)).payload)
    captured["state"] = second.state
    answer = office.post(second, office.encrypt(second, json.dumps(captured).encode()))
    assert answer.get_json()["check"] == "key-binding"


def test_receipt_whose_commitment_was_presented_before_is_refused(office, world):
    """Line 9 of the receipt check: unique in the database, whatever else holds."""
    first, second = office.start(), office.start()
    request = office.fetch(first["request_url"])
    shared = office.share(request, honest(world, None))
    with office.services.store._database.write() as db:
        db.connection().exec_driver_sql(
            "UPDATE presentations SET commitment = ? WHERE id = ?", (bytes(shared.commitment), second["id"])
        )
    answer = office.post(request, office.encrypt(request, shared.payload))
    assert answer.status_code == 400
    assert (answer.get_json()["error"], answer.get_json()["check"]) == ("receipt_replayed", "receipt")
    checks = {c["check"]: c["state"] for c in answer.get_json()["outcome"]["checks"]}
    assert (checks["policy"], checks["receipt"]) == ("passed", "failed")
    assert stored(office, first).state is PresentationState.REJECTED
    assert office.services.store.find_case("ajuntament", first["id"]) is None


def test_rejected_response_whose_receipt_was_presented_before_keeps_no_receipt(office, world):
    first, second = office.start(), office.start()
    request = office.fetch(first["request_url"])
    shared = office.share(request, Share(held=degree(world, expires_at=world.clock.now())))
    with office.services.store._database.write() as db:
        db.connection().exec_driver_sql(
            "UPDATE presentations SET commitment = ? WHERE id = ?", (bytes(shared.commitment), second["id"])
        )
    answer = office.post(request, office.encrypt(request, shared.payload))
    assert answer.get_json()["check"] == "validity"
    assert stored(office, first).commitment is None


def test_trust_list_when_unreadable_then_could_not_be_checked_and_waits(office, world):
    started = office.start()
    request = office.fetch(started["request_url"])
    shared = office.share(request, honest(world, None))
    world.trust_list_file.unlink()
    answer = office.post(request, office.encrypt(request, shared.payload))
    assert answer.status_code == 503
    assert stored(office, started).trouble == "issuer"
    world.write_trust_list(sequence=2)
    assert office.post(request, office.encrypt(request, shared.payload)).status_code == 200


def test_api_without_or_with_a_wrong_token_is_refused(office):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}):
        answer = office.client.post("/api/v1/presentations", json={"procedure": "borsa-treball"}, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.content_type == "application/problem+json"


@pytest.mark.case("V20")
def test_api_when_another_administration_asks_then_neither_procedure_nor_case_exists(office):
    started = office.start()
    assert office.api("GET", f"/presentations/{started['id']}", admin="universitat").status_code == 404
    foreign = office.api("POST", "/presentations", {"procedure": "borsa-treball"}, admin="universitat")
    assert (foreign.status_code, foreign.get_json()["title"]) == (404, "unknown_procedure")


def test_api_verify_is_technical_and_says_so(office, world):
    held = degree(world)["degree"]
    good = office.api("POST", "/verify", {"presentation": held.text}).get_json()
    assert (good["technical"], good["result"]) == (True, "genuine")
    assert {c["check"] for c in good["checks"] if c["state"] == "not-run"} == {
        "key-binding",
        "query",
        "policy",
        "receipt",
    }
    bad = office.api(
        "POST", "/verify", {"presentation": held.text.replace("~", "~WyJhIiwiYiIsImMiXQ~", 1)}
    ).get_json()
    assert (bad["result"], bad["failed_check"]) == ("rejected", "disclosures")
    assert office.api("POST", "/verify", {"presentation": held.text, "procedure": "x"}).status_code == 400


def test_sealed_case_when_moved_to_another_row_then_does_not_open(office, world):
    one, two = office.start(), office.start()
    for started in (one, two):
        office.answer(office.fetch(started["request_url"]), honest(world, None))
    with office.services.store._database.write() as db:
        db.connection().exec_driver_sql(
            "UPDATE cases SET sealed = (SELECT sealed FROM cases WHERE presentation_id = ?) WHERE presentation_id = ?",
            (one["id"], two["id"]),
        )
    with pytest.raises(StoreConflictError):
        office.services.cases.get("ajuntament", two["id"])


@pytest.mark.parametrize(
    "payload",
    [
        b'{"state":"\\ud800","vp_token":{"degree":["a~"]}}',
        b'{"state":"x","vp_token":{"\\udfff":["a~"]}}',
        b'{"state":"x","vp_token":{"degree":["\\ud83d~"]}}',
        b'{"state":1e999,"vp_token":{}}',
        b"\xff",
        b"[]",
    ],
)
def test_response_that_is_no_interoperable_json_is_refused_and_never_an_error_of_ours(office, payload):
    request = office.fetch(office.start()["request_url"])
    answer = office.post(request, office.encrypt(request, payload))
    assert answer.status_code == 400
    assert answer.get_json()["check"] == "format"


def test_response_while_the_trust_list_is_damaged_decides_nothing_and_counts_once_it_is_whole(office, world):
    """Else whoever can spoil one file has every citizen refused."""
    started = office.start()
    request = office.fetch(started["request_url"])
    response = office.encrypt(request, office.share(request, honest(world, office.asked(request))).payload)
    whole = world.trust_list_file.read_text("ascii")
    world.trust_list_file.write_text("damaged", "ascii")
    assert office.post(request, response).status_code == 503
    assert stored(office, started).state is PresentationState.WAITING
    world.trust_list_file.write_text(whole, "ascii")
    assert office.post(request, response).status_code == 200
