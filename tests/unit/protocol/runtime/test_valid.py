# SPDX-License-Identifier: EUPL-1.2
from __future__ import annotations

import json
import logging
import traceback
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest

from protocol.errors import RequestError, UnavailableError
from protocol.identity import AssuranceLevel, CertificateType, IdentifierType, Method
from protocol.runtime.fetch import Response
from protocol.runtime.logging import configure_logging
from protocol.runtime.valid import IDENTIFIER_TYPES, ValidClient, parse_user_info, take_code

TOKEN = "token-that-must-stay-secret"
PERSON = {
    "status": "ok",
    "identifier": "99990001P",
    "identifierType": "1",
    "name": "Marta",
    "surnames": "Soler Vidal",
    "surname1": "Soler",
    "surname2": "Vidal",
    "method": "idcatmobil",
    "assuranceLevel": "substantial",
}


@dataclass
class CannedHTTP:
    """Answers with what it was given; an exception is raised."""

    token: object = field(default_factory=lambda: (200, {"access_token": TOKEN, "token_type": "Bearer"}))
    info: object = field(default_factory=lambda: (200, PERSON))
    revoke: object = field(default_factory=lambda: (200, {}))
    calls: list = field(default_factory=list)

    def _answer(self, given):
        if isinstance(given, Exception):
            raise given
        status, body = given
        return Response(
            status=status, headers={}, body=body if isinstance(body, bytes) else json.dumps(body).encode()
        )

    def get(self, url, *, headers=None):
        self.calls.append(url)
        return self._answer(self.revoke if "/revoke" in url else self.info)

    def post(self, url, *, body, content_type, headers=None, read_timeout=1.0):
        self.calls.append((url, body.decode()))
        return self._answer(self.token)


def client(http):
    return ValidClient(
        http,
        base_url="http://inside:8105",
        browser_base_url="http://localhost:8105",
        client_id="issuer",
        client_secret="application-secret",
        redirect_uri="http://localhost:8101/back",
    )


def test_authorization_url_has_what_the_documentation_asks_for():
    url = urlsplit(client(CannedHTTP()).authorization_url("s1"))
    assert url._replace(query="").geturl() == "http://localhost:8105/o/oauth2/auth"
    assert parse_qs(url.query) == {
        "response_type": ["code"],
        "client_id": ["issuer"],
        "redirect_uri": ["http://localhost:8101/back"],
        "scope": ["autenticacio_usuari"],
        "state": ["s1"],
        "access_type": ["online"],
        "approval_prompt": ["auto"],
    }


def test_authorization_url_for_a_higher_level_asks_again():
    url = client(CannedHTTP()).authorization_url("s1", minimum=AssuranceLevel.HIGH, is_repeat=True)
    query = parse_qs(urlsplit(url).query)
    assert (query["assurance_level"], query["approval_prompt"]) == (["high"], ["force"])


def test_sign_in_returns_the_person_and_revokes_the_token_without_ending_the_session():
    http = CannedHTTP()
    who = client(http).sign_in("c1")
    assert (who.identifier, who.identifier_type) == ("99990001P", IdentifierType.NIF)
    assert (who.full_name, who.assurance_level) == ("Marta Soler Vidal", AssuranceLevel.SUBSTANTIAL)
    assert who.method is Method.IDCAT_MOBIL
    assert http.calls[0][0] == "http://inside:8105/o/oauth2/token"
    assert http.calls[1:] == [
        f"http://inside:8105/serveis-rest/getUserInfo?AccessToken={TOKEN}",
        f"http://inside:8105/o/oauth2/revoke?token={TOKEN}",
    ]


@pytest.mark.parametrize("failure", [UnavailableError("x", "y"), RequestError("x", "y"), (500, b"")])
def test_sign_in_when_revoking_fails_still_returns_the_person(failure):
    assert client(CannedHTTP(revoke=failure)).sign_in("c1").identifier == "99990001P"


@pytest.mark.parametrize(
    ("http", "kind", "code"),
    [
        (CannedHTTP(token=(400, {"error": "invalid_grant"})), RequestError, "sign_in_refused"),
        (CannedHTTP(token=(401, b"")), RequestError, "sign_in_refused"),
        (CannedHTTP(token=(503, b"")), UnavailableError, "sign_in_unreachable"),
        (CannedHTTP(token=UnavailableError("x", "y")), UnavailableError, "sign_in_unreachable"),
        (CannedHTTP(token=RequestError("x", "redirect")), UnavailableError, "sign_in_malformed"),
        (CannedHTTP(token=(200, b"<html>")), UnavailableError, "sign_in_malformed"),
        (CannedHTTP(token=(200, {"access_token": 7})), UnavailableError, "sign_in_malformed"),
        (CannedHTTP(info=(200, {"status": "ko", "error": "X"})), RequestError, "sign_in_refused"),
        (CannedHTTP(info=(500, b"")), UnavailableError, "sign_in_unreachable"),
        (CannedHTTP(info=UnavailableError("x", "y")), UnavailableError, "sign_in_unreachable"),
        (CannedHTTP(info=RequestError("x", "redirect")), UnavailableError, "sign_in_malformed"),
        (CannedHTTP(info=(200, b"[]")), UnavailableError, "sign_in_malformed"),
        (CannedHTTP(info=(200, {})), UnavailableError, "sign_in_malformed"),
    ],
)
def test_sign_in_when_something_fails_has_its_own_error(http, kind, code):
    with pytest.raises(kind) as refused:
        client(http).sign_in("c1")
    assert refused.value.code == code


def test_sign_in_when_the_person_cannot_be_read_still_revokes_the_token():
    http = CannedHTTP(info=(500, b""))
    with pytest.raises(UnavailableError):
        client(http).sign_in("c1")
    assert "/o/oauth2/revoke" in http.calls[-1]


def test_no_error_shows_the_token_that_is_in_an_address():
    cause = ConnectionError(f"Max retries exceeded with url: /serveis-rest/getUserInfo?AccessToken={TOKEN}")
    failure = UnavailableError("temporarily_unavailable", "no answer")
    failure.__cause__ = cause
    with pytest.raises(UnavailableError) as refused:
        client(CannedHTTP(info=failure)).sign_in("c1")
    assert TOKEN not in "".join(traceback.format_exception(refused.value))


def test_a_low_level_library_never_logs_addresses(caplog):
    configure_logging("test")
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("urllib3.connectionpool").debug("GET /serveis-rest/getUserInfo?AccessToken=%s", TOKEN)
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, "sign_in_state"),
        ({"code": "c", "state": "other"}, "sign_in_state"),
        ({"error": "SESSION_CANCEL"}, "sign_in_state"),
        ({"error": "SESSION_CANCEL", "state": "s"}, "sign_in_cancelled"),
        ({"error": "OTHER", "state": "s"}, "sign_in_refused"),
        ({"error": "OTHER", "code": "c", "state": "s"}, "sign_in_refused"),
        ({"state": "s"}, "sign_in_refused"),
    ],
)
def test_take_code_of_anything_but_a_code_with_our_state_is_refused(arguments, code):
    with pytest.raises(RequestError) as refused:
        take_code(arguments, expected_state="s")
    assert refused.value.code == code


def test_take_code_when_no_state_is_expected_is_refused():
    with pytest.raises(RequestError):
        take_code({"code": "c", "state": ""}, expected_state="")


def test_take_code_returns_the_code():
    assert take_code({"code": "c", "state": "s"}, expected_state="s") == "c"


def test_identifier_types_are_valids_own_numbers():
    assert IDENTIFIER_TYPES == {
        "1": IdentifierType.NIF,
        "2": IdentifierType.NIE,
        "3": IdentifierType.PASSPORT,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"identifierType": "2", "identifier": "Z9999001D"}, IdentifierType.NIE),
        ({"identifierType": 2, "identifier": "Z9999001D"}, IdentifierType.NIE),
        ({"identifierType": None, "documentType": "3", "identifier": "XQ1"}, IdentifierType.PASSPORT),
        ({"identifierType": None}, IdentifierType.NIF),
        ({"identifierType": None, "identifier": "k1234567l"}, IdentifierType.NIF),
        ({"identifierType": None, "identifier": "Z9999001D"}, IdentifierType.NIE),
        # the platform's own test document has a wrong letter
        ({"identifierType": None, "identifier": "Z2757735Z"}, IdentifierType.NIE),
    ],
)
def test_parse_user_info_reads_the_document_type_under_both_names_or_from_the_form(changes, expected):
    assert parse_user_info({**PERSON, **changes}).identifier_type is expected


@pytest.mark.parametrize(
    "changes",
    [
        {"identifierType": "4"},
        {"identifierType": None, "identifier": "RA12345678"},
        {"identifier": ""},
        {"identifier": 5.5},
        {"identifier": True},
        {"identifier": ["99990001P"]},
        {"name": ""},
        {"name": "x" * 300},
        {"surname1": "", "surnames": ""},
        {"assuranceLevel": "enormous"},
        {"assuranceLevel": None},
        {"method": "carrier pigeon"},
        {"certificateType": "7"},
        {"certificateType": "five"},
        {"status": "OK"},
    ],
)
def test_parse_user_info_of_what_does_not_fit_is_malformed(changes):
    with pytest.raises(UnavailableError) as refused:
        parse_user_info({**PERSON, **changes})
    assert refused.value.code == "sign_in_malformed"
    assert "99990001P" not in "".join(traceback.format_exception(refused.value))


def test_parse_user_info_without_separate_surnames_keeps_both_in_the_first():
    who = parse_user_info({**PERSON, "surname1": None, "surname2": None})
    assert (who.surname1, who.surname2, who.surnames) == ("Soler Vidal", "", "Soler Vidal")


def test_parse_user_info_of_a_public_employee_names_the_organisation():
    who = parse_user_info(
        {
            **PERSON,
            "method": "certificat",
            "identifierType": None,
            "certificateType": 5,
            "companyId": "U00000001",
            "companyName": "Universitat de Vilaprova",
        }
    )
    assert who.certificate_type is CertificateType.PUBLIC_EMPLOYEE
    assert (who.company_id, who.is_public_employee) == ("U00000001", True)
