# SPDX-License-Identifier: EUPL-1.2
"""The clerks' pages: who gets in, one action to a verdict, what is shown, and nothing of another office."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import html

from protocol.identity import CertificateType
from tests.conftest import LEDGER_URL
from tests.fakes.holder import Share
from tests.fakes.presentations import CASES, degree, degree_and_census, honest

HTML = {"Accept": "text/html"}


def page(answer: Any) -> html.HtmlElement:
    assert answer.status_code == 200, answer.text
    return html.fromstring(answer.text)


def text_of(element: html.HtmlElement, path: str) -> str:
    return " ".join(element.xpath(f"string({path})").split())


def token_of(text: str) -> str:
    return html.fromstring(text).xpath("string(//input[@name='csrf_token']/@value)")


def start(desk: Any, procedure: str = "borsa-treball") -> str:
    token = token_of(desk.get("/desk/?lang=en").text)
    answer = desk.post("/desk/presentations", data={"procedure": procedure, "csrf_token": token})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def request_of(office: Any, address: str, admin: str = "ajuntament") -> Any:
    presentation = office.services.store.get_presentation(admin, address.rpartition("/")[2])
    return office.fetch(office.services.requests.wallet_link(presentation))


@pytest.mark.parametrize("lang", ["ca", "es", "en"])
def test_pages_for_everybody_when_opened_then_one_heading_and_no_jargon(office, lang):
    for path in ("/", "/ajuntament/support", "/ajuntament/privacy", "/universitat/support", "/desk/"):
        answer = office.client.get(f"{path}?lang={lang}", headers=HTML)
        found = page(answer)
        assert len(found.xpath("//h1")) == 1
        for word in ("blockchain", "hash", "credential", "SD-JWT", "presentation"):
            assert word.lower() not in found.xpath("string(//main)").lower()


def test_pages_of_an_unknown_administration_are_not_found(office):
    for path in ("/nobody/support", "/nobody/privacy"):
        assert office.client.get(path).status_code == 404


def test_sign_in_when_public_employee_then_desk_of_their_administration(office):
    desk = office.desk()
    found = page(desk.get("/desk/?lang=en"))
    assert "Vilaprova Town Council" in text_of(found, "//*[contains(@class,'tm-capacity')]")
    assert {"Job pool of the public library", "Grant for neighbourhood shops"} <= {
        button.text_content().strip() for button in found.xpath("//main//button")
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"certificate_type": None}, "desk_needs_employee"),
        ({"certificate_type": CertificateType.NATURAL_PERSON}, "desk_needs_employee"),
        ({"certificate_type": CertificateType.ENTITY_REPRESENTATIVE}, "desk_needs_employee"),
        ({"company_id": ""}, "desk_needs_employee"),
        ({"company_id": "A00000000"}, "desk_unknown_body"),
    ],
)
def test_sign_in_when_not_an_employee_of_an_office_here_then_refused_with_a_sentence(office, changes, code):
    from tests.service.conftest import clerk_of

    browser = office.app.test_client()
    answer = office.sign_in_as(browser, clerk_of("L01990015", **changes))
    assert answer.status_code == 403
    sentence = {"desk_needs_employee": "empleats públics", "desk_unknown_body": "no té taulell"}[code]
    assert sentence in answer.text
    assert "Roca" not in answer.text
    assert "Clara" not in browser.get("/desk/?lang=en").text


def test_sign_in_when_state_is_foreign_missing_or_used_then_refused(office):
    from tests.service.conftest import clerk_of, csrf_token

    browser = office.app.test_client()
    assert browser.get("/valid/callback?code=x&state=y").get_json()["error"] == "sign_in_state"
    away = browser.post("/desk/sign-in", data={"csrf_token": csrf_token(browser.get("/desk/").text)})
    state = parse_qs(urlsplit(away.headers["Location"]).query)["state"][0]
    office.sign_in.people["c"] = clerk_of("L01990015")
    assert browser.get("/valid/callback?code=c&state=other").get_json()["error"] == "sign_in_state"
    assert browser.get(f"/valid/callback?code=c&state={state}").get_json()["error"] == "sign_in_state"


def test_sign_in_when_it_succeeds_then_the_session_is_new(office):
    from tests.service.conftest import clerk_of

    browser = office.app.test_client()
    browser.get("/desk/")
    before = browser.get_cookie("testimoni_verifier").value
    office.sign_in_as(browser, clerk_of("L01990015"))
    assert browser.get_cookie("testimoni_verifier").value != before


def test_sign_in_when_a_working_day_has_passed_then_again(office, world):
    desk = office.desk()
    world.clock.advance(timedelta(hours=8))
    assert "Sign in with VÀLid" in desk.get("/desk/?lang=en").text


def test_sign_out_when_pressed_then_the_desk_is_closed(office):
    desk = office.desk()
    desk.post("/desk/sign-out", data={"csrf_token": token_of(desk.get("/desk/").text)})
    assert "Sign in with VÀLid" in desk.get("/desk/?lang=en").text
    assert desk.get("/desk/cases").status_code == 401


def test_desk_without_sign_in_then_every_page_and_form_is_refused(office):
    for path in ("/desk/cases", "/desk/withdrawals", "/desk/presentations/x", "/desk/withdrawals/x"):
        assert office.client.get(path, headers=HTML).status_code == 401
    browser = office.app.test_client()
    token = token_of(browser.get("/desk/").text)
    for path in ("/desk/presentations", "/desk/withdrawals/x"):
        assert browser.post(path, data={"csrf_token": token}).status_code == 401


def test_forms_without_the_sessions_token_are_refused(office):
    desk = office.desk()
    for path in ("/desk/presentations", "/desk/withdrawals/x", "/desk/sign-out", "/desk/sign-in"):
        assert desk.post(path, data={"procedure": "borsa-treball"}).status_code == 403


def test_one_action_to_the_code_then_code_link_and_expiry(office):
    desk = office.desk()
    found = page(desk.get(start(desk) + "?lang=en"))
    assert found.xpath("//main//img[starts-with(@src,'data:image/svg+xml;base64,')]")
    assert found.xpath("//*[@data-live='2'][@id='case']")
    assert "http://localhost:8102/present?client_id=x509_hash" in found.xpath("string(//main)")
    assert found.xpath("//a[normalize-space()='Check now']")


@pytest.mark.parametrize(("lang", "word"), [("ca", "Acceptat"), ("es", "Aceptado"), ("en", "Accepted")])
def test_case_when_accepted_then_verdict_reference_checks_and_what_is_kept(office, world, lang, word):
    desk = office.desk()
    address = start(desk)
    office.answer(request_of(office, address), honest(world, None))
    found = page(desk.get(f"{address}?lang={lang}"))
    assert text_of(found, "//h1") == word
    reference = office.services.store.get_presentation("ajuntament", address.rpartition("/")[2]).reference
    main = text_of(found, "//main")
    assert reference in main
    assert "Grau en Biologia" in main
    assert "1998" not in main
    outcomes = found.xpath("//li[@data-outcome]/@data-outcome")
    assert outcomes == ["holds"] * 10
    assert found.xpath("//*[@data-live-reload]")
    assert not found.xpath("//*[@data-live]")


@pytest.mark.parametrize("case", [c for c in CASES if c.expect == "validity"], ids=lambda c: c.name)
def test_case_when_refused_then_one_sentence_the_failed_line_and_a_way_on(office, world, case):
    desk = office.desk()
    address = start(desk)
    office.answer(request_of(office, address), case.make(world, None))
    found = page(desk.get(f"{address}?lang=en"))
    assert text_of(found, "//h1") == "Not accepted"
    assert "A document has expired or is not valid yet" in text_of(found, "//main")
    outcomes = found.xpath("//li[@data-outcome]/@data-outcome")
    assert outcomes == ["holds"] * 5 + ["violated"] + ["not-checked"] * 4
    assert "Only this decision and the receipt. Nothing that the documents say is kept" in text_of(found, "//main")
    assert found.xpath("//form[@action='/desk/presentations']//button[normalize-space()='Start again']")
    assert "Grau en Biologia" not in text_of(found, "//main")


def test_case_when_documents_are_of_two_people_then_says_so(office, world):
    desk = office.desk("U00000001")
    address = start(desk, "beca-estudis")
    two = Share(held=degree_and_census(world, changes={"document_number": "87654321X"}))
    office.answer(request_of(office, address, "universitat"), two)
    assert "different people" in desk.get(f"{address}?lang=en").text


def test_case_when_a_check_could_not_be_made_then_nothing_is_decided_and_the_code_stays(office, world):
    desk = office.desk()
    address = start(desk)
    how = Share(
        held=degree(world, extra_payload={"status": {"status_list": {"idx": 1, "uri": "https://l.example"}}})
    )
    office.answer(request_of(office, address), how)
    found = page(desk.get(f"{address}?lang=en"))
    assert "Could not be checked" in text_of(found, "//main")
    assert found.xpath("//*[@data-live]")


def test_case_when_declined_or_expired_then_a_way_on(office, world):
    desk = office.desk()
    declined, expired = start(desk), start(desk)
    request = request_of(office, declined)
    office.client.post(
        urlsplit(request.response_uri).path, data={"error": "access_denied", "state": request.state}
    )
    world.clock.advance(timedelta(minutes=16))
    assert text_of(page(desk.get(f"{declined}?lang=en")), "//h1") == "Not sent"
    found = page(desk.get(f"{expired}?lang=en"))
    assert text_of(found, "//h1") == "Nobody answered"
    assert not found.xpath("//main//img")


def test_cases_when_listed_then_newest_first_with_state(office, world):
    desk = office.desk()
    office.answer(request_of(office, start(desk)), honest(world, None))
    world.clock.advance(timedelta(minutes=1))
    start(desk, "subvencio-comerc")
    found = page(desk.get("/desk/cases?lang=en"))
    assert [title.text_content().strip() for title in found.xpath("//main//h2")] == [
        "Grant for neighbourhood shops",
        "Job pool of the public library",
    ]


def test_desk_of_another_administration_then_neither_case_procedure_nor_withdrawal_exists(office, world, ledger):
    own, other = office.desk(), office.desk("U00000001")
    address = start(own)
    assert other.get(address, headers=HTML).status_code == 404
    token = token_of(other.get("/desk/").text)
    foreign = other.post("/desk/presentations", data={"procedure": "borsa-treball", "csrf_token": token})
    assert foreign.status_code == 404
    withdrawal = _withdrawn(office, world)
    path = f"/desk/withdrawals/{withdrawal.id}"
    assert other.get(path, headers=HTML).status_code == 404
    answer = other.post(path, data={"decision": "erase", "csrf_token": token})
    assert answer.status_code == 404
    assert office.services.store.get_withdrawal("ajuntament", withdrawal.id).answer is None
    assert "Nobody is waiting" in other.get("/desk/withdrawals?lang=en").text


def _withdrawn(office: Any, world: Any) -> Any:
    from tests.service.test_verifier_withdrawals import receive, take_back

    shared, _ = office.answer(office.fetch(office.start()["request_url"]), honest(world, None))
    assert receive(office, take_back(world, shared)).status_code == 202
    return office.services.store.open_withdrawals("ajuntament")[0]


def test_withdrawal_when_it_waits_then_the_desk_shows_the_legal_clock(office, world):
    desk = office.desk()
    withdrawal = _withdrawn(office, world)
    assert "30 days left" in desk.get("/desk/?lang=en").text
    found = page(desk.get("/desk/withdrawals?lang=en"))
    assert found.xpath(f"//a[@href='/desk/withdrawals/{withdrawal.id}']")
    assert "21 December 2026" in text_of(found, "//main")
    world.clock.advance(timedelta(days=31))
    assert "The term has passed" in office.desk().get("/desk/withdrawals?lang=en").text


def test_withdrawal_when_erased_at_the_desk_then_blocked_and_told(office, world, ledger):
    desk = office.desk()
    withdrawal = _withdrawn(office, world)
    path = f"/desk/withdrawals/{withdrawal.id}"
    token = token_of(desk.get(path).text)
    answer = desk.post(path, data={"decision": "erase", "csrf_token": token})
    assert answer.status_code == 303
    assert "The data were blocked and the person was told." in desk.get(f"{path}?lang=en").text
    case = desk.get(f"/desk/presentations/{withdrawal.presentation_id}?lang=en").text
    assert "The data were blocked on 21 November 2026" in case
    assert "Grau en Biologia" not in case


def test_withdrawal_when_refused_at_the_desk_then_with_a_ground_only(office, world, ledger):
    desk = office.desk()
    withdrawal = _withdrawn(office, world)
    path = f"/desk/withdrawals/{withdrawal.id}"
    token = token_of(desk.get(path).text)
    missing = desk.post(f"{path}?lang=en", data={"csrf_token": token})
    assert missing.status_code == 400
    assert "Choose what to answer" in missing.text
    assert desk.post(path, data={"decision": "burn", "csrf_token": token}).status_code == 400
    desk.post(path, data={"decision": "eu-gdpr:A17-3-e", "csrf_token": token})
    assert "legal claims" in desk.get(f"{path}?lang=en").text


def test_withdrawal_when_ledger_is_down_then_decided_and_sent_later(office, world, ledger):
    desk = office.desk()
    withdrawal = _withdrawn(office, world)
    path = f"/desk/withdrawals/{withdrawal.id}"
    token = token_of(desk.get(path).text)
    world.http.down.add(LEDGER_URL)
    answer = desk.post(path, data={"decision": "erase", "csrf_token": token}, headers=HTML)
    assert answer.status_code == 503
    assert "Decided, not sent yet" in desk.get(f"{path}?lang=en").text
    world.http.down.clear()
    desk.post(path, data={"decision": "send", "csrf_token": token})
    assert "Answered" in desk.get(f"{path}?lang=en").text


def test_service_when_asked_whether_it_is_ready_then_yes(office):
    assert office.client.get("/readyz").status_code == 200
