# SPDX-License-Identifier: EUPL-1.2
"""What every service's application does with errors, headers, forms and correlation identifiers."""

import logging

import pytest
from flask import Blueprint
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from protocol.errors import Check, RequestError, UnavailableError, VerificationError
from protocol.runtime.database import open_database
from protocol.runtime.sessions import Sessions, sessions
from protocol.runtime.settings import ServiceSettings
from protocol.runtime.tables import SessionColumns
from protocol.runtime.web import create_service_app, machine


class Base(SQLModel, registry=registry()):
    pass


class SessionRow(SessionColumns, Base, table=True):
    __tablename__ = "sessions"


def _raise(error):
    raise error


@pytest.fixture
def app(tmp_path, clock):
    logging.getLogger("werkzeug").disabled = True
    settings = ServiceSettings(
        environment="development",
        public_url="http://localhost:1",
        database_url="sqlite:///unused",
        secret_key="s" * 32,
        trust_anchor_file="a",
        trust_list_file="b",
    )
    database = open_database(f"sqlite:///{tmp_path}/x.sqlite3")
    Base.metadata.create_all(database.engine)
    made = create_service_app("protocol.runtime", settings, ready=lambda: None)
    Sessions(database, SessionRow, clock, cookie="testimoni_test", secure=False).install(made)
    pages, program = Blueprint("pages", __name__), Blueprint("program", __name__)
    pages.add_url_rule("/form", view_func=lambda: sessions(made).get().csrf_token, endpoint="form")
    pages.add_url_rule("/do", view_func=lambda: "done", methods=["POST"], endpoint="do")
    program.add_url_rule("/token", view_func=lambda: "token", methods=["POST"], endpoint="token")
    errors = {
        "wrong": RequestError("invalid_grant", "expected this, got that"),
        "failed": VerificationError(Check.VALIDITY, "the credential has expired"),
        "later": UnavailableError("temporarily_unavailable", "no answer"),
    }
    for name, error in errors.items():
        pages.add_url_rule(f"/{name}", view_func=lambda error=error: _raise(error), endpoint=name)
        pages.add_url_rule(f"/api/{name}", view_func=lambda error=error: _raise(error), endpoint=f"api-{name}")
    made.register_blueprint(pages)
    machine(made, program)
    yield made
    database.engine.dispose()


def test_protocol_error_is_oauth_json(app):
    answer = app.test_client().get("/wrong")
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_grant"
    assert answer.json["error_description"] == "expected this, got that"


def test_verification_error_names_its_check(app):
    assert app.test_client().get("/failed").json["check"] == "validity"


def test_api_error_is_a_problem_with_code_and_correlation_identifier(app):
    answer = app.test_client().get("/api/failed", headers={"X-Correlation-Id": "abcdef0123"})
    assert answer.content_type == "application/problem+json"
    assert answer.json["title"] == "invalid_request"
    assert answer.json["check"] == "validity"
    assert answer.json["correlation_id"] == answer.headers["X-Correlation-Id"] == "abcdef0123"


def test_browser_gets_a_page_in_its_language(app):
    answer = app.test_client().get("/later", headers={"Accept": "text/html", "Accept-Language": "es"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert '<html lang="es"' in answer.text
    assert "temporarily_unavailable" not in answer.text.partition("<main")[2].partition("</h1>")[0]


def test_malformed_correlation_identifier_is_replaced(app):
    given = "x\r\n<script>"
    assert (
        app.test_client().get("/healthz", headers={"X-Correlation-Id": "no"}).headers["X-Correlation-Id"] != given
    )


def test_headers_forbid_inline_scripts_frames_and_foreign_origins(app):
    policy = app.test_client().get("/healthz").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_nonce_differs_in_each_response(app):
    first, second = (app.test_client().get("/healthz").headers["Content-Security-Policy"] for _ in range(2))
    assert first != second


def test_post_of_a_browser_without_token_is_refused_and_with_it_passes(app):
    client = app.test_client()
    assert client.post("/do").status_code == 403
    token = client.get("/form").text
    assert client.post("/do").status_code == 403
    assert client.post("/do", data={"csrf_token": token + "x"}).status_code == 403
    assert client.post("/do", data={"csrf_token": token}).text == "done"
    assert client.post("/do", headers={"X-CSRF-Token": token}).text == "done"


def test_token_of_another_session_is_refused(app):
    token = app.test_client().get("/form").text
    other = app.test_client()
    other.get("/form")
    assert other.post("/do", data={"csrf_token": token}).status_code == 403


def test_program_needs_no_form_token(app):
    assert app.test_client().post("/token").text == "token"


def test_session_cookie_is_out_of_reach_of_scripts_and_other_sites(app):
    cookie = app.test_client().get("/form").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_unknown_page_and_wrong_method_are_answered_by_code(app):
    client = app.test_client()
    assert client.get("/nothing").json["error"] == "not_found"
    answer = client.get("/do")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_metrics_count_answers(app):
    client = app.test_client()
    client.get("/healthz")
    assert 'testimoni_requests_total{route="/healthz",status="200"} 1.0' in client.get("/metrics").text
