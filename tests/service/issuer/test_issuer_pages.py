# SPDX-License-Identifier: EUPL-1.2
"""What citizens meet: legal words, failures of sources with a way on, objections, who asked about them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlmodel import select

from issuer.credential_types import load_types
from issuer.tables import QueryRow
from protocol.errors import UnavailableError
from protocol.runtime.fetch import TimedOutError
from protocol.runtime.i18n import LANGUAGES

SANDBOX_URL = "http://localhost:8105"


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", "", page.partition("<main")[2].partition("</main")[0]))


def buttons_of(page: str) -> list[str]:
    main = page.partition("<main")[2].partition("</main")[0]
    return re.findall(r'class="govuk-button"', main)


def outcomes(store, app, administration="universitat"):
    with store._database.read() as session:
        rows = session.exec(select(QueryRow).where(QueryRow.administration_id == administration))
        return [(row.outcome, row.source_code) for row in rows]


@pytest.mark.parametrize(
    ("person", "administration", "kind", "said", "way_on", "outcome"),
    [
        ("ramon", "universitat", "university-degree", "did not accept our question", "Contact the office", ("source_fault", "1013")),
        ("clara", "universitat", "university-degree", "reports an error on its side", "Try again", ("source_failed", "0502")),
        ("albert", "universitat", "university-degree", "does not find you", "See other documents", ("not_identified", "0233")),
        ("teresa", "universitat", "university-degree", "did not let us in", "Contact the office", ("source_refused", "403")),
        ("miquel", "universitat", "university-degree", "did not answer in time", "Try again", ("source_timeout", "504")),
        ("jordi", "universitat", "university-degree", "no such document in your name", "See other documents", ("no_data", "0238")),
        ("pere", "ajuntament", "tax-compliance", "answer today is negative", "Go to the Tax Agency", ("negative_verdict", "NEGATIVO")),
        ("nuria", "ajuntament", "census-registration", "do not appear in the municipal register", "See other documents", ("not_registered", "2")),
        ("rosa", "ajuntament", "census-registration", "does not answer electronic questions", "See other documents", ("municipality_not_adhered", "4")),
    ],
    ids=["fault 1013", "state 0502", "result 0233", "HTML 403", "timeout", "no degree", "negative verdict", "not registered", "not adhered"],
)  # fmt: skip
def test_source_that_fails_becomes_a_sentence_with_a_way_on(
    citizen, store, app, person, administration, kind, said, way_on, outcome
):
    given = {"authorise": "yes"} if kind == "tax-compliance" else {}
    path = citizen.get(administration, kind, person, **given)
    page = citizen.open(path)
    assert page.status_code == 200
    text = text_of(page.text)
    assert said in text
    assert way_on in text
    assert len(buttons_of(page.text)) == 1
    assert "tx-code" not in page.text
    assert outcomes(store, app, administration) == [outcome]
    is_failure = outcome[0].startswith("source_")
    assert bool(re.search(r"reference to the support desk: [0-9a-f]{16}", text)) is is_failure


@pytest.mark.parametrize(
    ("error", "said", "outcome"),
    [
        (TimedOutError("temporarily_unavailable", "x"), "did not answer in time", "source_timeout"),
        (UnavailableError("temporarily_unavailable", "x"), "cannot be reached right now", "source_unreachable"),
    ],
)
def test_source_that_gives_no_answer_at_all_becomes_a_sentence(
    citizen, world, store, app, monkeypatch, error, said, outcome
):
    real = world.http.post

    def post(url, **given):
        if "Sincron" in url:
            raise error
        return real(url, **given)

    monkeypatch.setattr(world.http, "post", post)
    page = citizen.open(citizen.get("universitat", "university-degree")).text
    assert said in text_of(page)
    assert "Try again" in text_of(page)
    assert outcomes(store, app) == [(outcome, "")]


def test_trace_of_a_query_is_there_before_the_source_answers(citizen, world, store, app, monkeypatch):
    seen = []
    real = world.http.post

    def post(url, **given):
        if "Sincron" in url:
            seen.extend(outcomes(store, app))
        return real(url, **given)

    monkeypatch.setattr(world.http, "post", post)
    citizen.get("universitat", "university-degree")
    assert seen == [("asked", "")]
    assert outcomes(store, app) == [("found", "")]


def test_level_of_assurance_too_low_is_told_in_plain_words_and_asks_nobody(citizen, store, app, world):
    path = citizen.get("ajuntament", "tax-compliance", way="idcatmobil-low", authorise="yes")
    text = text_of(citizen.open(path).text)
    assert "A safer sign-in is needed" in text
    assert "registered in person" in text
    assert outcomes(store, app, "ajuntament") == []
    assert not [url for _, url in world.http.calls if "Sincron" in url]
    again = citizen.open("/ajuntament/get/tax-compliance?again=1").text
    assert 'name="again" value="yes"' in again
    leaving = citizen.post("/ajuntament/get/tax-compliance", again="yes", authorise="yes")
    assert "approval_prompt=force" in leaving.location
    assert "assurance_level=substantial" in leaving.location


def test_document_that_needs_another_kind_of_identity_document_is_refused_in_words(citizen, store, app):
    path = citizen.get("universitat", "university-degree", "oliver")
    assert "the kind of identity document" in text_of(citizen.open(path).text)
    assert outcomes(store, app) == []


def test_tax_data_without_authorisation_ask_nobody(citizen, world, store, app):
    page = citizen.post("/ajuntament/get/tax-compliance")
    assert page.status_code == 400
    assert "There is a problem" in page.text
    assert 'href="#authorise"' in page.text
    assert outcomes(store, app, "ajuntament") == []


def test_tax_data_with_authorisation_keep_when_it_was_given(citizen, store, app):
    citizen.get("ajuntament", "tax-compliance", authorise="yes")
    page = citizen.open("/ajuntament/queries").text
    assert "Because you authorised it." in text_of(page)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("path", "has_object"),
    [
        ("/universitat/get/university-degree", True),
        ("/ajuntament/get/census-registration", True),
        ("/ajuntament/get/tax-compliance", False),
    ],
)
def test_legal_page_says_the_law_and_offers_one_button(citizen, app, language, path, has_object):
    citizen.language = language
    page = citizen.open(path).text
    kind = load_types()[path.rpartition("/")[2]]
    for words in (kind.legal.why, kind.legal.law, kind.legal.fetched, kind.legal.choice):
        assert words[language].split(":")[0].split("'")[0] in page
    assert len(buttons_of(page)) == 1
    assert (f"{path}/object" in page) is has_object
    assert ('type="checkbox"' in page) is not has_object


def test_legal_page_lets_its_form_end_at_valid_and_nowhere_else(citizen):
    policy = citizen.open("/universitat/get/university-degree").headers["Content-Security-Policy"]
    assert f"form-action 'self' {SANDBOX_URL};" in policy


def test_objection_without_reason_is_asked_again(citizen):
    page = citizen.post("/universitat/get/university-degree/object", reason="  ")
    assert page.status_code == 400
    assert "Please say why you object" in page.text


def test_objection_blocks_the_query_until_it_is_taken_back(citizen, store, app, world):
    leaving = citizen.post("/universitat/get/university-degree/object", reason="I will bring the <b>paper</b>")
    page_path = citizen.sign_in(leaving, "marta").location
    page = citizen.open(page_path).text
    assert "Your objection is recorded" in page
    assert "I will bring the &lt;b&gt;paper&lt;/b&gt;" in page
    assert "Continue with VÀLid" not in citizen.open("/universitat/get/university-degree").text
    # from another browser, where the page does not know the person yet
    assert not [url for _, url in world.http.calls if "Sincron" in url]


def test_objection_when_the_person_comes_with_another_browser_then_still_asks_nobody(
    citizen, new_citizen, store, app
):
    leaving = citizen.post("/universitat/get/university-degree/object", reason="no")
    objected = citizen.sign_in(leaving, "marta").location
    other = new_citizen()
    path = other.get("universitat", "university-degree")
    assert "You objected to this query" in other.open(path).text
    assert outcomes(store, app) == []
    # somebody else is not concerned, and taking it back ends it
    third = new_citizen()
    assert "tx-code" in third.open(third.get("universitat", "university-degree", "amina")).text
    back = citizen.post(objected)
    assert back.location == "/universitat/get/university-degree"
    assert "You took your objection back" in citizen.open(objected).text
    assert "tx-code" in citizen.open(citizen.get("universitat", "university-degree")).text


def test_objection_to_a_query_that_needs_authorisation_does_not_exist(citizen):
    assert citizen.open("/ajuntament/get/tax-compliance/object").status_code == 404


def test_objection_of_somebody_else_is_not_found(citizen, new_citizen):
    leaving = citizen.post("/universitat/get/university-degree/object", reason="no")
    path = citizen.sign_in(leaving, "marta").location
    other = new_citizen()
    assert other.open(path).status_code == 401
    other.get("universitat", "university-degree", "jordi")
    assert other.open(path).status_code == 404


def test_queries_when_signed_in_then_show_own_queries_of_this_administration_only(citizen, new_citizen):
    assert "Continue with VÀLid" in citizen.open("/universitat/queries").text
    other = new_citizen()
    other.get("universitat", "university-degree", "amina")
    citizen.get("universitat", "university-degree", "marta")
    page = text_of(citizen.open("/universitat/queries").text)
    assert page.count("Reference") == 1
    assert "Asked on 21 Nov 2026, 11:00" in page
    assert "did not object" in page
    back = citizen.sign_in(citizen.post("/ajuntament/queries"), "marta")
    assert back.location == "/ajuntament/queries"
    assert "has asked nobody about you" in citizen.open("/ajuntament/queries").text


def test_sign_in_at_one_administration_is_none_at_another(citizen):
    path = citizen.get("universitat", "university-degree")
    issuance = path.rpartition("/")[2]
    assert citizen.open(f"/ajuntament/offer/{issuance}").status_code == 401
    citizen.get("ajuntament", "census-registration")
    assert citizen.open(f"/ajuntament/offer/{issuance}").status_code == 404
    assert citizen.open(path).status_code == 200


def test_page_of_an_issuance_is_for_its_person_only_and_for_a_while(citizen, new_citizen, world):
    path = citizen.get("universitat", "university-degree")
    other = new_citizen()
    assert other.open(path).status_code == 401
    other.get("universitat", "university-degree", "amina")
    assert other.open(path).status_code == 404
    world.clock.advance(timedelta(minutes=30))
    assert citizen.open(path).status_code == 401


def test_sign_out_ends_the_session(citizen):
    path = citizen.get("universitat", "university-degree")
    page = citizen.open(path).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    out = citizen.issuer.post("/universitat/sign-out", data={"csrf_token": token})
    assert out.status_code == 303
    assert citizen.open(path).status_code == 401


def test_form_without_its_token_is_refused(citizen, app):
    citizen.open("/universitat/get/university-degree")
    answer = citizen.issuer.post("/universitat/get/university-degree", data={"csrf_token": "x"})
    assert answer.status_code == 403


@pytest.mark.parametrize("bent", ["foreign state", "no session", "second time", "cancelled"])
def test_return_from_sign_in_that_does_not_fit_is_refused(citizen, new_citizen, world, bent):
    leaving = citizen.post("/universitat/get/university-degree")
    browser = new_citizen() if bent == "no session" else citizen
    state = re.search("state=([^&]+)", leaving.location)[1]
    path = {
        "foreign state": "/valid/callback?code=x&state=other",
        "no session": f"/valid/callback?code=x&state={state}",
        "second time": f"/valid/callback?code=x&state={state}",
        "cancelled": f"/valid/callback?error=SESSION_CANCEL&state={state}",
    }[bent]
    if bent == "second time":
        citizen.open("/valid/callback?code=x&state=other")
    answer = browser.open(path)
    assert answer.status_code == 400
    expected = "You left the sign-in" if bent == "cancelled" else "started elsewhere or too long ago"
    assert expected in answer.text
    assert not [url for _, url in world.http.calls if "token" in url]


def test_session_when_signing_in_then_renewed(citizen):
    citizen.open("/universitat/get/university-degree")
    before = citizen.issuer.get_cookie("testimoni_issuer").value
    citizen.get("universitat", "university-degree")
    assert citizen.issuer.get_cookie("testimoni_issuer").value != before


@pytest.mark.parametrize("path", ["/nobody/", "/nobody/queries", "/nobody/get/university-degree", "/universitat/get/tax-compliance"])  # fmt: skip
def test_page_of_what_an_administration_does_not_have_is_not_found(citizen, path):
    assert citizen.open(path).status_code == 404


def test_start_page_lists_every_document_and_keeps_the_way_back(citizen):
    page = citizen.open("/?return=http://localhost:8102/catalogue").text
    for path in ("/universitat/get/university-degree", "/ajuntament/get/census-registration"):
        assert f"{path}?return=http%3A%2F%2Flocalhost%3A8102%2Fcatalogue" in page
