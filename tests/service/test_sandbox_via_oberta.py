# SPDX-License-Identifier: EUPL-1.2
"""Issuer's adapter against the sandbox over WSGI: each fixture person, each product, each failure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree
from structlog.testing import capture_logs

from issuer.credential_types import load_types
from issuer.interop import (
    Authorisation,
    Consent,
    Found,
    Municipality,
    Negative,
    NotFound,
    Officer,
    Reason,
    SourceError,
)
from issuer.via_oberta import ViaOberta
from protocol.identity import AssuranceLevel, Identity, Method
from protocol.runtime.database import migrate, open_database
from sandbox.app import create_app
from sandbox.people import load_people
from sandbox.settings import SandboxSettings

URL = "http://localhost:8105"
ENDPOINT = f"{URL}/siri-proxy/services/Sincron"
DEGREE, CENSUS, TAX = "university-degree", "census-registration", "tax-compliance"
REQUESTERS = {DEGREE: "9900000001", CENSUS: "9900150003", TAX: "9900150003"}


@pytest.fixture
def settings(world):
    return SandboxSettings(
        environment="development",
        public_url=URL,
        database_url=f"sqlite:///{world.folder}/sandbox.db",
        secret_key="a secret of the sandbox that is long enough",
        trust_anchor_file=world.anchor_file,
        trust_list_file=world.trust_list_file,
        clients=(),
        silence_seconds=0,
    )


@pytest.fixture
def app(settings, world):
    migrate(open_database(settings.database_url), "sandbox")
    made = create_app(settings, clock=world.clock)
    world.http.apps[URL] = made
    return made


@pytest.fixture
def source(app, world):
    return ViaOberta(world.http, endpoint=ENDPOINT, clock=world.clock)


def identity(person_id):
    person = load_people()[person_id]
    return Identity(
        identifier=person.identifier,
        identifier_type=person.identifier_type,
        given_name=person.given_name,
        surname1=person.surname1,
        surname2=person.surname2,
        assurance_level=AssuranceLevel.SUBSTANTIAL,
        method=Method.IDCAT_MOBIL,
    )


def question(type_id, person_id):
    authorisation = Authorisation(
        requester_code=REQUESTERS[type_id],
        requester_name="Prova",
        finality="PROVES",
        officer=Officer("Joan Pla Ribes", "99990013C"),
        municipality=Municipality("001", "99", "Vilaprova"),
    )
    return load_types()[type_id].request(identity(person_id), authorisation)


@pytest.mark.parametrize("type_id", [DEGREE, CENSUS, TAX])
def test_person_who_has_everything_gets_claims_of_each_type(source, clock, type_id):
    answer = source.query(question(type_id, "marta"))
    assert isinstance(answer, Found)
    (claims,) = load_types()[type_id].claims(identity("marta"), answer, clock.now().date())
    assert set(claims) == {rule.name for rule in load_types()[type_id].claim_rules}
    assert claims["family_name"] == "Soler Vidal"


def test_person_with_several_degrees_gets_several_sets_of_claims(source, clock):
    made = load_types()[DEGREE].claims(
        identity("laia"), source.query(question(DEGREE, "laia")), clock.now().date()
    )
    assert [claims["completion_date"] for claims in made] == ["2013-06", "2015-02", "2020-11-12"]


@pytest.mark.parametrize(
    ("type_id", "person"), [(DEGREE, "amina"), (CENSUS, "amina"), (TAX, "amina"), (CENSUS, "oliver")]
)
def test_foreigners_number_and_passport_are_answered(source, type_id, person):
    assert isinstance(source.query(question(type_id, person)), Found)


@pytest.mark.parametrize(
    ("type_id", "person", "reason"),
    [
        (DEGREE, "jordi", Reason.NO_DATA),
        (CENSUS, "nuria", Reason.NOT_REGISTERED),
        (CENSUS, "rosa", Reason.MUNICIPALITY_NOT_ADHERED),
        (DEGREE, "albert", Reason.NOT_IDENTIFIED),
        (TAX, "albert", Reason.NOT_IDENTIFIED),
    ],
)
def test_person_without_the_document_gets_a_reason(source, type_id, person, reason):
    answer = source.query(question(type_id, person))
    assert isinstance(answer, NotFound)
    assert answer.reason is reason


def test_negative_verdict_never_becomes_claims(source):
    assert isinstance(source.query(question(TAX, "pere")), Negative)


@pytest.mark.parametrize("type_id", [DEGREE, CENSUS, TAX])
@pytest.mark.parametrize(
    ("person", "code", "source_code"),
    [
        ("ramon", "source_fault", "1013"),
        ("clara", "source_failed", "0502"),
        ("teresa", "source_refused", "403"),
        ("miquel", "source_timeout", "504"),
    ],
)
def test_each_failing_person_has_their_own_error(source, type_id, person, code, source_code):
    with pytest.raises(SourceError) as refused:
        source.query(question(type_id, person))
    assert (refused.value.code, refused.value.source_code, refused.value.status) == (code, source_code, 503)


def test_platform_that_is_down_is_unreachable(source, world):
    world.http.down.add(URL)
    with pytest.raises(SourceError) as refused:
        source.query(question(DEGREE, "marta"))
    assert refused.value.code == "source_unreachable"


def test_repeated_idsolicitud_fails_and_a_fresh_one_succeeds(source):
    asked = question(DEGREE, "marta")
    source.query(asked)
    with pytest.raises(SourceError) as refused:
        source.query(asked)
    assert (refused.value.code, refused.value.source_code) == ("source_failed", "0502")
    assert isinstance(source.query(question(DEGREE, "marta")), Found)


def test_idsolicitud_of_a_lost_answer_stays_used_after_a_restart(source, settings, world):
    asked = question(DEGREE, "miquel")
    with pytest.raises(SourceError):
        source.query(asked)
    world.http.apps[URL] = create_app(settings, clock=world.clock)
    marta = replace(question(DEGREE, "marta"), identifier=asked.identifier)
    with pytest.raises(SourceError) as refused:
        source.query(marta)
    assert refused.value.source_code == "0502"


def test_tax_question_without_authorisation_is_refused_by_the_platform(source):
    with pytest.raises(SourceError) as refused:
        source.query(replace(question(TAX, "marta"), consent=Consent.NOT_OBJECTED))
    assert refused.value.code == "source_failed"


def test_other_requesters_are_not_authorised(source):
    asked = question(TAX, "marta")
    other = replace(asked, authorisation=replace(asked.authorisation, requester_code="9900000001"))
    with pytest.raises(SourceError) as refused:
        source.query(other)
    assert refused.value.code == "source_failed"


def test_any_soapaction_is_accepted_and_the_answer_is_xml(app, world):
    message = ViaOberta(world.http, endpoint=ENDPOINT, clock=world.clock).build_request(question(DEGREE, "marta"))
    answer = app.test_client().post(
        "/siri-proxy/services/Sincron",
        data=message,
        headers={"SOAPAction": "whatever", "Content-Type": "text/xml;charset=UTF-8"},
    )
    assert (answer.status_code, answer.content_type) == (200, "text/xml; charset=utf-8")


def test_fault_comes_with_status_500_as_soap_says(app):
    answer = app.test_client().post("/siri-proxy/services/Sincron", data=b"nonsense")
    assert answer.status_code == 500
    assert b"Fault" in answer.data


def test_refusal_looks_like_a_web_servers_page(app, world):
    message = ViaOberta(world.http, endpoint=ENDPOINT, clock=world.clock).build_request(question(DEGREE, "teresa"))
    answer = app.test_client().post("/siri-proxy/services/Sincron", data=message)
    assert (answer.status_code, answer.mimetype) == (403, "text/html")
    assert b"<h1>Forbidden</h1>" in answer.data


def test_wsdl_is_well_formed_and_names_this_address(app):
    answer = app.test_client().get("/siri-proxy/services/Sincron?wsdl")
    root = etree.fromstring(answer.data)
    soap = "{http://schemas.xmlsoap.org/wsdl/soap/}"
    assert root.find(f".//{soap}address").get("location") == ENDPOINT
    assert root.find(f".//{soap}operation").get("soapAction") == "http://www.openuri.org/procesa"


def test_nothing_personal_is_logged_when_people_are_asked_about(source, caplog):
    with capture_logs() as lines:
        source.query(question(DEGREE, "marta"))
        with pytest.raises(SourceError):
            source.query(question(DEGREE, "clara"))
    logged = f"{lines}{caplog.text}"
    assert "/siri-proxy/services/Sincron" in logged
    assert not any(text in logged for text in ("99990001P", "99990008S", "Soler", "Vives"))
