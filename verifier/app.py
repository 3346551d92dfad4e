# SPDX-License-Identifier: EUPL-1.2
"""The verifier's web application."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from ledger.client import LedgerClient
from ledger.office_records import RecordsRequests
from ledger.office_records_store import SqlRecordsRequests
from ledger.office_records_web import records_blueprint
from protocol.clock import Clock, SystemClock
from protocol.errors import ConfigurationError
from protocol.runtime.collector import settle
from protocol.runtime.database import Database, check_migrated, migrate, open_database
from protocol.runtime.dates import install_dates
from protocol.runtime.fetch import HTTPClient, open_http
from protocol.runtime.i18n import in_all_languages, in_language
from protocol.runtime.sealing import Sealer
from protocol.runtime.sessions import Sessions
from protocol.runtime.settings import load_settings
from protocol.runtime.signer import open_signer, read_secret_file
from protocol.runtime.sql_trust_shelf import SqlTrustListShelf
from protocol.runtime.status_lists import CachedStatusLists
from protocol.runtime.trust_fetch import open_trust_list
from protocol.runtime.valid import SENTENCES as SIGN_IN_SENTENCES
from protocol.runtime.valid import open_sign_in
from protocol.runtime.web import create_service_app, machine
from verifier import cli
from verifier.backoffice import BackOffice
from verifier.cases import Cases
from verifier.desk import SENTENCES as DESK_SENTENCES
from verifier.desk import Desk
from verifier.policy import POLICIES
from verifier.reconciliation import Reconciliations
from verifier.records_archive import ShareArchive
from verifier.request import Requests, RequestSettings
from verifier.response import Responses
from verifier.routes import api, desk, desk_records, oid4vp, pages
from verifier.services import KEY, Services
from verifier.settings import VerifierSettings
from verifier.store import SqlStore
from verifier.store_status import SqlTokenShelf
from verifier.tables import RecordsAccessRow, RecordsRequestRow, SessionRow, TrustListRow
from verifier.verification import Pipeline
from verifier.withdrawals import Withdrawals

MIN_BLOCKING_KEY_BYTES = 32

# English source sentences for people, by error code
OWN_SENTENCES = {
    "ledger_unavailable": "The record book does not answer. Your decision is kept; the answer goes out later.",
    "access_used": "This access was used before. Please sign another.",
    "records_answered": "These records were handed over before.",
    "too_many_records": "These are more records than one answer holds. Ask the auditor for a shorter period.",
    "withdrawal_decided": "Somebody decided this request before you.",
    "unknown_ground": "Please choose the legal ground of the refusal.",
    "unknown_procedure": "The office does not know this procedure. It may have been replaced.",
    "request_expired": "The code has expired. Please ask the office for a new one.",
    "request_already_answered": "This request was answered before. Please ask the office for a new one.",
}


def create_app(settings: VerifierSettings, *, clock: Clock | None = None, http: HTTPClient | None = None) -> Flask:
    """Return the application."""
    clock = clock or SystemClock()
    database = open_database(settings.database_url)
    app = create_service_app(
        "verifier",
        settings,
        ready=lambda: check_migrated(database, "verifier"),
        sentences={**SIGN_IN_SENTENCES, **DESK_SENTENCES, **OWN_SENTENCES},
    )
    made = _make_services(settings, database, clock, http or open_http(settings))
    app.extensions[KEY] = made
    made.sessions.install(app)
    cli.install(app, database, made)
    app.jinja_env.globals.update(in_language=in_language)
    install_dates(app)
    machine(app, oid4vp.bp)
    machine(app, api.bp)
    machine(app, records_blueprint(lambda: made.records_requests))
    app.register_blueprint(desk.bp)
    app.register_blueprint(desk_records.bp)
    app.register_blueprint(pages.bp)
    return app


def _make_services(settings: VerifierSettings, database: Database, clock: Clock, http: HTTPClient) -> Services:
    store = SqlStore(database)
    trust = open_trust_list(settings, http, SqlTrustListShelf(database, TrustListRow))
    secret = settings.secret_key.get_secret_value().encode()
    blocking_sealer = _open_blocking_sealer(settings)
    records_store = SqlRecordsRequests(
        database,
        sealer=Sealer(secret, purpose="testimoni/verifier/records-answer/1"),
        requests=RecordsRequestRow,
        accesses=RecordsAccessRow,
    )
    key_sealer = Sealer(secret, purpose="testimoni/verifier/request-key/1")
    case_sealer = Sealer(secret, purpose="testimoni/verifier/case/1")
    shelf = SqlTokenShelf(database)
    pipeline = Pipeline(trust=trust, status_lists=CachedStatusLists(http, trust, shelf), policies=POLICIES)
    requests = Requests(
        store=store,
        trust=trust,
        sealer=key_sealer,
        clock=clock,
        open_signer=open_signer,
        settings=RequestSettings(
            settings.public_url, settings.wallet_url, timedelta(seconds=settings.request_lifetime_seconds)
        ),
    )
    cases = Cases(store=store, sealer=case_sealer, clock=clock)
    sessions = Sessions(database, SessionRow, clock, cookie="testimoni_verifier", secure=settings.is_secure)
    return Services(
        requests=requests,
        responses=Responses(
            store=store,
            pipeline=pipeline,
            key_sealer=key_sealer,
            case_sealer=case_sealer,
            clock=clock,
            open_signer=open_signer,
            translate=in_all_languages,
        ),
        withdrawals=Withdrawals(
            store=store,
            trust=trust,
            open_ledger=lambda origin: LedgerClient.of_log(
                http, settings.ledger_url, origin, token=settings.recorder_token()
            ),
            sealer=case_sealer,
            blocking_sealer=blocking_sealer,
            clock=clock,
            open_signer=open_signer,
            log=settings.log_origin,
            blocked_for=timedelta(days=settings.blocked_days),
        ),
        cases=cases,
        backoffice=BackOffice(store=store, requests=requests, cases=cases, pipeline=pipeline, clock=clock),
        desk=Desk(store=store, sessions=sessions, sign_in=open_sign_in(settings, http), clock=clock),
        reconciliations=Reconciliations(
            store=store,
            trust=trust,
            http=http,
            ledger_url=settings.ledger_url,
            sealer=case_sealer,
            clock=clock,
            open_signer=open_signer,
        ),
        records_requests=RecordsRequests(
            archive=ShareArchive(store, sealer=case_sealer, blocking_sealer=blocking_sealer),
            requests=records_store,
            trust=trust,
            clock=clock,
            open_signer=open_signer,
        ),
        records_store=records_store,
        sessions=sessions,
        store=store,
        shelf=shelf,
        http=http,
        settings=settings,
        clock=clock,
    )


def _open_blocking_sealer(settings: VerifierSettings) -> Sealer:
    secret = read_secret_file(settings.blocking_key_file)
    if len(secret) < MIN_BLOCKING_KEY_BYTES:
        raise ConfigurationError(
            "configuration_error", f"the blocking key is shorter than {MIN_BLOCKING_KEY_BYTES} bytes"
        )
    return Sealer(secret, purpose="testimoni/verifier/blocked/1")


def from_environment() -> Flask:
    """Return the application with settings from the environment and its tables brought up to date."""
    settings = load_settings(VerifierSettings)
    migrate(open_database(settings.database_url), "verifier")
    app = create_app(settings)
    settle()
    return app
