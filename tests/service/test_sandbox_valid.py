# SPDX-License-Identifier: EUPL-1.2
"""The practice sign-in: as a browser sees it, and as `ValidClient` sees it over WSGI."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from structlog.testing import capture_logs

from protocol.errors import ConfigurationError, RequestError
from protocol.identity import AssuranceLevel, CertificateType, IdentifierType, Method
from protocol.runtime.database import migrate, open_database
from protocol.runtime.settings import load_settings
from protocol.runtime.valid import ValidClient, take_code
from sandbox.app import create_app
from sandbox.people import load_people
from sandbox.settings import SandboxSettings
from sandbox.tables import Base

URL = "http://localhost:8105"
BACK = "http://localhost:8101/valid/callback"
OTHER_BACK = "http://localhost:8102/valid/callback"
SECRET = "the issuer's application secret"


@pytest.fixture
def given(world):
    return {
        "environment": "development",
        "public_url": URL,
        "database_url": f"sqlite:///{world.folder}/sandbox.db",
        "secret_key": "a secret of the sandbox that is long enough",
        "trust_anchor_file": world.anchor_file,
        "trust_list_file": world.trust_list_file,
        "clients": [
            {
                "client_id": "issuer",
                "client_secret": SECRET,
                "redirect_uris": [BACK],
                "name": "Universitat de Vilaprova",
            },
            {
                "client_id": "wallet",
                "client_secret": "the wallet's application secret",
                "redirect_uris": [OTHER_BACK],
                "name": "Els meus documents",
            },
        ],
        "silence_seconds": 0,
    }


@pytest.fixture
def app(given, world):
    settings = SandboxSettings(**given)
    migrate(open_database(settings.database_url), "sandbox")
    world.http.apps[URL] = create_app(settings, clock=world.clock)
    return world.http.apps[URL]


@pytest.fixture
def browser(app):
    return app.test_client()


@pytest.fixture
def issuer(app, world):
    return ValidClient(
        world.http,
        base_url=URL,
        browser_base_url=URL,
        client_id="issuer",
        client_secret=SECRET,
        redirect_uri=BACK,
    )


def fields(page):
    """The form of the sign-in page as a machine reads it: where it goes, and what it carries along."""
    action = re.search(r'<form method="post" action="(/o/oauth2/auth[^"]*)"', page.text)[1].replace("&amp;", "&")
    return action, re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]


def choose(browser, url, person, way="idcatmobil-substantial"):
    action, token = fields(browser.get(url.removeprefix(URL)))
    return browser.post(action, data={"csrf_token": token, "person": person, "way": way})


def arguments(answer):
    assert answer.status_code == 303, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}


def sign_in(browser, issuer, person, way="idcatmobil-substantial"):
    answer = choose(browser, issuer.authorization_url("s1"), person, way)
    assert answer.location.startswith(BACK + "?")
    return issuer.sign_in(take_code(arguments(answer), expected_state="s1"))


def token_form(issued, **changes: str):
    form = {
        "code": issued,
        "client_id": "issuer",
        "client_secret": SECRET,
        "redirect_uri": BACK,
        "grant_type": "authorization_code",
    }
    return {**form, **changes}


def test_sign_in_page_says_it_is_practice_and_offers_everybody_once(browser, issuer):
    page = browser.get(issuer.authorization_url("s1").removeprefix(URL), headers={"Accept-Language": "en"})
    assert "This is a practice sign-in" in page.text
    assert "Universitat de Vilaprova" in page.text
    for person in load_people().values():
        assert page.text.count(f'value="{person.id}"') == (1 if person.signs_in else 0)
        if person.signs_in:
            assert person.description["en"].replace("'", "&#39;") in page.text


@pytest.mark.parametrize(
    ("language", "words"),
    [("ca", "Qui és avui?"), ("es", "¿Quién es usted hoy?"), ("en", "Who are you today?")],
)
def test_sign_in_page_is_in_three_languages(browser, issuer, language, words):
    page = browser.get(f"{issuer.authorization_url('s1').removeprefix(URL)}&lang={language}")
    assert words in page.text


def test_form_may_end_at_the_application_and_nowhere_else(browser, issuer):
    page = browser.get(issuer.authorization_url("s1").removeprefix(URL))
    assert "form-action 'self' http://localhost:8101;" in page.headers["Content-Security-Policy"]


def test_signing_in_tells_the_application_who_it_is(browser, issuer):
    who = sign_in(browser, issuer, "marta")
    assert (who.identifier, who.full_name) == ("99990001P", "Marta Soler Vidal")
    assert (who.method, who.assurance_level) == (Method.IDCAT_MOBIL, AssuranceLevel.SUBSTANTIAL)
    assert who.certificate_type is None


@pytest.mark.parametrize(
    ("way", "method", "level"),
    [
        ("idcatmobil-low", Method.IDCAT_MOBIL, AssuranceLevel.LOW),
        ("clave-substantial", Method.CLAVE, AssuranceLevel.SUBSTANTIAL),
        ("certificat-substantial", Method.CERTIFICATE, AssuranceLevel.SUBSTANTIAL),
        ("certificat-high", Method.CERTIFICATE, AssuranceLevel.HIGH),
    ],
)
def test_way_of_signing_in_decides_method_and_level(browser, issuer, way, method, level):
    who = sign_in(browser, issuer, "amina", way)
    assert (who.method, who.assurance_level, who.identifier_type) == (method, level, IdentifierType.NIE)


def test_passport_holder_is_told_apart(browser, issuer):
    assert sign_in(browser, issuer, "oliver").identifier_type is IdentifierType.PASSPORT


@pytest.mark.parametrize(("person", "code"), [("anna", "U00000001"), ("joan", "L01990015")])
def test_clerk_signs_in_with_the_certificate_of_their_administration(browser, issuer, person, code):
    who = sign_in(browser, issuer, person)
    assert who.certificate_type is CertificateType.PUBLIC_EMPLOYEE
    assert (who.is_public_employee, who.company_id) == (True, code)
    assert who.method is Method.CERTIFICATE


def test_leaving_returns_session_cancel(browser, issuer):
    page = browser.get(issuer.authorization_url("s1").removeprefix(URL))
    link = re.search(r'href="(http://localhost:8101[^"]+)"', page.text)[1].replace("&amp;", "&")
    back = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    with pytest.raises(RequestError) as refused:
        take_code(back, expected_state="s1")
    assert refused.value.code == "sign_in_cancelled"


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"person": "marta"},
        {"person": "nobody", "way": "clave-substantial"},
        {"person": "aoc-nif", "way": "clave-substantial"},
        {"person": "marta", "way": "magic"},
    ],
)
def test_incomplete_choice_asks_again_and_signs_nobody_in(browser, issuer, form):
    url = issuer.authorization_url("s1").removeprefix(URL)
    action, token = fields(browser.get(url))
    answer = browser.post(action, data={**form, "csrf_token": token}, headers={"Accept-Language": "en"})
    assert answer.status_code == 400
    assert "Choose a person." in answer.text
    assert browser.get(url).status_code == 200


def test_form_without_its_token_is_refused(browser, issuer):
    url = issuer.authorization_url("s1").removeprefix(URL)
    browser.get(url)
    answer = browser.post(url, data={"person": "marta", "way": "clave-substantial"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "nobody"}, "invalid_client"),
        ({"redirect_uri": "https://attacker.example/"}, "invalid_redirect"),
        ({"redirect_uri": OTHER_BACK}, "invalid_redirect"),
        ({"redirect_uri": BACK + "/more"}, "invalid_redirect"),
        ({"response_type": "token"}, "invalid_request"),
        ({"scope": "everything"}, "invalid_request"),
        ({"state": ""}, "invalid_request"),
        ({"state": "s" * 513}, "invalid_request"),
        ({"assurance_level": "enormous"}, "invalid_request"),
    ],
)
def test_bad_authorization_request_never_redirects(browser, issuer, changes, error):
    url = urlsplit(issuer.authorization_url("s1"))
    query = {name: values[0] for name, values in parse_qs(url.query).items()} | changes
    for answer in (
        browser.get(f"/o/oauth2/auth?{urlencode(query)}"),
        choose_anyway(browser, issuer, query),
    ):
        assert answer.status_code == 400
        assert answer.json["error"] == error


def choose_anyway(browser, issuer, query):
    _action, token = fields(browser.get(issuer.authorization_url("s1").removeprefix(URL)))
    form = {"csrf_token": token, "person": "marta", "way": "clave-substantial"}
    return browser.post(f"/o/oauth2/auth?{urlencode(query)}", data=form)


def test_error_page_of_an_unknown_application_has_its_sentence(browser):
    answer = browser.get("/o/oauth2/auth?client_id=x&lang=ca", headers={"Accept": "text/html"})
    assert "no està registrat" in answer.text


# codes and tokens


def test_code_serves_once_and_its_second_use_ends_the_token(browser, app, issuer):
    code = arguments(choose(browser, issuer.authorization_url("s1"), "marta"))["code"]
    machine = app.test_client(use_cookies=False)
    token = machine.post("/o/oauth2/token", data=token_form(code)).json["access_token"]
    assert machine.get(f"/serveis-rest/getUserInfo?AccessToken={token}").json["status"] == "ok"
    again = machine.post("/o/oauth2/token", data=token_form(code))
    assert (again.status_code, again.json["error"]) == (400, "invalid_grant")
    assert machine.get(f"/serveis-rest/getUserInfo?AccessToken={token}").json["status"] == "ko"


def test_code_expires(browser, app, issuer, clock):
    code = arguments(choose(browser, issuer.authorization_url("s1"), "marta"))["code"]
    clock.advance(timedelta(minutes=1))
    with pytest.raises(RequestError) as refused:
        issuer.sign_in(code)
    assert refused.value.code == "sign_in_refused"


def test_token_expires(browser, app, issuer, clock):
    code = arguments(choose(browser, issuer.authorization_url("s1"), "marta"))["code"]
    machine = app.test_client(use_cookies=False)
    answer = machine.post("/o/oauth2/token", data=token_form(code)).json
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    clock.advance(timedelta(hours=1))
    assert machine.get(f"/serveis-rest/getUserInfo?AccessToken={answer['access_token']}").json["status"] == "ko"


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"code": "made up"}, 400, "invalid_grant"),
        ({"redirect_uri": OTHER_BACK}, 400, "invalid_grant"),
        (
            {
                "client_id": "wallet",
                "client_secret": "the wallet's application secret",
                "redirect_uri": OTHER_BACK,
            },
            400,
            "invalid_grant",
        ),
    ],
)
def test_bad_token_request_is_refused(browser, app, issuer, changes, status, error):
    code = arguments(choose(browser, issuer.authorization_url("s1"), "marta"))["code"]
    answer = app.test_client(use_cookies=False).post("/o/oauth2/token", data=token_form(code, **changes))
    assert (answer.status_code, answer.json["error"]) == (status, error)


def test_made_up_token_gets_status_ko(app):
    assert app.test_client().get("/serveis-rest/getUserInfo?AccessToken=x").json == {
        "status": "ko",
        "error": "INVALID_TOKEN",
    }


def test_neither_token_nor_code_nor_secret_is_logged_or_stored(browser, app, issuer, world, caplog):
    with capture_logs() as lines, caplog.at_level(logging.DEBUG):
        code = arguments(choose(browser, issuer.authorization_url("s1"), "marta"))["code"]
        token = app.test_client().post("/o/oauth2/token", data=token_form(code)).json["access_token"]
        app.test_client().get(f"/serveis-rest/getUserInfo?AccessToken={token}")
    logged = f"{lines}{caplog.text}"
    assert "/serveis-rest/getUserInfo" in logged
    kept = b"".join(path.read_bytes() for path in world.folder.glob("sandbox.db*"))
    for secret in (code, token):
        assert secret not in logged
        assert secret.encode() not in kept


# single sign-on


def test_signed_in_browser_is_not_asked_again_by_another_application(browser, issuer, app, world):
    sign_in(browser, issuer, "marta")
    wallet = ValidClient(
        world.http,
        base_url=URL,
        browser_base_url=URL,
        client_id="wallet",
        client_secret="the wallet's application secret",
        redirect_uri=OTHER_BACK,
    )
    answer = browser.get(wallet.authorization_url("s2").removeprefix(URL))
    who = wallet.sign_in(take_code(arguments(answer), expected_state="s2"))
    assert who.identifier == "99990001P"


def test_application_that_insists_is_obeyed_and_may_change_the_person(browser, issuer):
    sign_in(browser, issuer, "marta")
    url = issuer.authorization_url("s1", is_repeat=True)
    assert browser.get(url.removeprefix(URL)).status_code == 200
    answer = choose(browser, url, "jordi")
    assert issuer.sign_in(arguments(answer)["code"]).identifier == "99990002D"
    again = browser.get(issuer.authorization_url("s1").removeprefix(URL))
    assert issuer.sign_in(arguments(again)["code"]).identifier == "99990002D"


def test_higher_level_is_asked_for_only_when_it_is_needed(browser, issuer):
    sign_in(browser, issuer, "marta", "idcatmobil-low")
    low = issuer.authorization_url("s1", minimum=AssuranceLevel.LOW)
    assert browser.get(low.removeprefix(URL)).status_code == 303
    higher = issuer.authorization_url("s1", minimum=AssuranceLevel.SUBSTANTIAL)
    page = browser.get(higher.removeprefix(URL), headers={"Accept-Language": "en"})
    assert "level substantial or high" in page.text


def test_clerk_is_never_remembered(browser, issuer):
    sign_in(browser, issuer, "anna")
    assert browser.get(issuer.authorization_url("s1").removeprefix(URL)).status_code == 200


def test_clerk_who_signs_in_leaves_the_citizen_of_the_browser_alone(browser, issuer):
    sign_in(browser, issuer, "marta")
    choose(browser, issuer.authorization_url("s1", is_repeat=True), "joan")
    again = browser.get(issuer.authorization_url("s1").removeprefix(URL))
    assert issuer.sign_in(arguments(again)["code"]).identifier == "99990001P"


def test_sign_on_expires(browser, issuer, clock):
    sign_in(browser, issuer, "marta")
    clock.advance(timedelta(hours=1))
    assert browser.get(issuer.authorization_url("s1").removeprefix(URL)).status_code == 200


def test_revoking_a_token_keeps_the_sign_on_and_logging_out_ends_it(browser, app, issuer):
    machine = app.test_client(use_cookies=False)
    url = issuer.authorization_url("s1")
    code = arguments(choose(browser, url, "marta"))["code"]
    token = machine.post("/o/oauth2/token", data=token_form(code)).json["access_token"]
    assert machine.get(f"/o/oauth2/revoke?token={token}").status_code == 200
    assert machine.get(f"/o/oauth2/revoke?token={token}").status_code == 400
    assert machine.get(f"/serveis-rest/getUserInfo?AccessToken={token}").json["status"] == "ko"

    code = arguments(browser.get(url.removeprefix(URL)))["code"]
    token = machine.post("/o/oauth2/token", data=token_form(code)).json["access_token"]
    assert machine.get(f"/o/oauth2/logout?token={token}").status_code == 200
    assert machine.get(f"/o/oauth2/logout?token={token}").status_code == 400
    assert browser.get(url.removeprefix(URL)).status_code == 200


def test_signing_out_on_the_page_ends_the_sign_on(browser, issuer):
    sign_in(browser, issuer, "marta")
    home = browser.get("/", headers={"Accept-Language": "en"})
    assert "signed in as Marta Soler Vidal" in home.text
    token = re.search(r'name="csrf_token" value="([^"]+)"', home.text)[1]
    browser.post("/sign-out", data={"csrf_token": token})
    assert "signed in as" not in browser.get("/", headers={"Accept-Language": "en"}).text
    assert browser.get(issuer.authorization_url("s1").removeprefix(URL)).status_code == 200


def test_signing_in_gives_the_browser_a_new_session_identifier(browser, issuer):
    browser.get(issuer.authorization_url("s1").removeprefix(URL))
    before = browser.get_cookie("testimoni_sandbox").value
    sign_in(browser, issuer, "marta")
    assert browser.get_cookie("testimoni_sandbox").value != before


# set-up


def test_migrations_make_the_tables_that_the_code_has(given):
    database = open_database(given["database_url"])
    migrate(database, "sandbox")
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_sandbox_is_ready_only_when_its_tables_are_there(given, clock):
    client = create_app(SandboxSettings(**given), clock=clock).test_client()
    assert client.get("/readyz").status_code == 503
    migrate(open_database(given["database_url"]), "sandbox")
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"environment": "production", "public_url": "https://sandbox.example"}, "never runs in production"),
        ({"silence_seconds": 25}, "SILENCE_SECONDS"),
        ({"clients": [{"client_id": "x"}]}, "CLIENTS"),
    ],
)
def test_settings_that_will_not_do_are_refused_by_name(given, changes, words):
    with pytest.raises(ConfigurationError, match=words):
        load_settings(SandboxSettings, **{**given, **changes})


def test_two_applications_with_one_identifier_are_refused(given):
    given["clients"] = given["clients"][:1] * 2
    with pytest.raises(ConfigurationError, match="differ in client_id"):
        load_settings(SandboxSettings, **given)


def test_secrets_are_not_in_the_settings_text(given):
    assert SECRET not in repr(SandboxSettings(**given))
