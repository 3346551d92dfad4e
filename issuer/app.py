# SPDX-License-Identifier: EUPL-1.2
"""The issuer's web application."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from issuer import cli
from issuer.credential_types import load_types
from issuer.enquiry import Enquiries
from issuer.interop import SENTENCES as SOURCE_SENTENCES
from issuer.issuance import Issuer, Rules
from issuer.offers import Offers
from issuer.outbox import LEASE_LIFETIME
from issuer.reconciliation import Reconciliations
from issuer.recording import Recording
from issuer.records_archive import QueryArchive
from issuer.routes import oid4vci, pages, published, status, valid
from issuer.sealing import Seals
from issuer.services import KEY, Services
from issuer.settings import IssuerSettings
from issuer.status import Statuses
from issuer.store import SqlStore
from issuer.store_books import SqlBooks
from issuer.store_queries import SqlQueryRecords
from issuer.store_status import SqlStatusStore
from issuer.tables import LeaseRow, RecordsAccessRow, RecordsRequestRow, SessionRow, TrustListRow
from issuer.via_oberta import ViaOberta
from issuer.visits import Visits
from ledger.client import LedgerClient
from ledger.office_records import RecordsRequests
from ledger.office_records_store import SqlRecordsRequests
from ledger.office_records_web import records_blueprint
from protocol.clock import Clock, SystemClock
from protocol.runtime.collector import settle
from protocol.runtime.database import Database, check_migrated, migrate, open_database
from protocol.runtime.dates import install_dates
from protocol.runtime.fetch import HTTPClient, open_http
from protocol.runtime.i18n import in_language
from protocol.runtime.leases import Leases
from protocol.runtime.sealing import Sealer
from protocol.runtime.sessions import Sessions
from protocol.runtime.settings import load_settings
from protocol.runtime.signer import open_signer
from protocol.runtime.sql_trust_shelf import SqlTrustListShelf
from protocol.runtime.trust_fetch import open_trust_list
from protocol.runtime.valid import SENTENCES as SIGN_IN_SENTENCES
from protocol.runtime.valid import open_sign_in
from protocol.runtime.web import create_service_app, machine

# English source sentences for people, by error code or reason
OWN_SENTENCES = {
    "objection_stands": "You objected to this query, so we asked nobody and nothing was issued. "
    "You can take your objection back.",
    "authorisation_missing": "Without your authorisation we ask nobody and nothing is issued.",
    "reason_missing": "Please say why you object. A few words are enough.",
    "office_incomplete": "The office has not yet written down what you must be told before it asks. "
    "We asked nobody and nothing was issued. Please tell the office.",
    "not_recorded_yet": "This query is not in the record book yet. Please try again in a few minutes.",
}


def create_app(settings: IssuerSettings, *, clock: Clock | None = None, http: HTTPClient | None = None) -> Flask:
    """Return the application."""
    clock = clock or SystemClock()
    http = http or open_http(settings)
    database = open_database(settings.database_url)
    app = create_service_app(
        "issuer",
        settings,
        ready=lambda: check_migrated(database, "issuer"),
        sentences={**SIGN_IN_SENTENCES, **SOURCE_SENTENCES, **OWN_SENTENCES},
    )
    made = _make_services(settings, database, clock, http)
    app.extensions[KEY] = made
    made.sessions.install(app)
    app.jinja_env.globals.update(in_language=in_language)
    install_dates(app)
    cli.install(app, database, made)
    machine(app, oid4vci.bp)
    machine(app, published.bp)
    machine(app, status.bp)
    machine(app, records_blueprint(lambda: made.records_requests))
    app.register_blueprint(valid.bp)
    app.register_blueprint(pages.bp)
    return app


def _make_services(settings: IssuerSettings, database: Database, clock: Clock, http: HTTPClient) -> Services:
    types, store = load_types(), SqlStore(database)
    seals = Seals(settings.secret_key.get_secret_value())
    offers = Offers(store, seals, clock, lifetime=timedelta(seconds=settings.offer_seconds))
    source = ViaOberta(
        http,
        endpoint=settings.via_oberta_endpoint,
        clock=clock,
        read_timeout=settings.source_timeout_seconds,
    )
    statuses = Statuses(
        SqlStatusStore(database),
        clock,
        public_url=settings.public_url,
        open_signer=open_signer,
        ttl=timedelta(seconds=settings.status_ttl_seconds),
    )
    trust = open_trust_list(settings, http, SqlTrustListShelf(database, TrustListRow))
    query_records = SqlQueryRecords(database, Leases(database, LeaseRow, clock, lifetime=LEASE_LIFETIME))
    recording = Recording(
        query_records,
        seals,
        log=settings.log_origin,
        trust=trust,
        ledger=LedgerClient.of_log(http, settings.ledger_url, settings.log_origin, token=None),
        open_signer=open_signer,
    )
    enquiries = Enquiries(store, offers, seals, clock, source=source, types=types, recording=recording)
    records_store = SqlRecordsRequests(
        database,
        sealer=Sealer(
            settings.secret_key.get_secret_value().encode(), purpose="testimoni/issuer/records-answer/1"
        ),
        requests=RecordsRequestRow,
        accesses=RecordsAccessRow,
    )
    sign_in = open_sign_in(settings, http)
    sessions = Sessions(database, SessionRow, clock, cookie="testimoni_issuer", secure=settings.is_secure)
    issuer = Issuer(
        store,
        offers,
        clock,
        types=types,
        public_url=settings.public_url,
        open_signer=open_signer,
        statuses=statuses,
        rules=Rules(
            batch_size=settings.batch_size,
            token_lifetime=timedelta(seconds=settings.access_token_seconds),
            nonce_lifetime=timedelta(seconds=settings.nonce_seconds),
        ),
    )
    return Services(
        issuer=issuer,
        offers=offers,
        enquiries=enquiries,
        recording=recording,
        query_records=query_records,
        records_requests=RecordsRequests(
            archive=QueryArchive(store, query_records, recording),
            requests=records_store,
            trust=trust,
            clock=clock,
            open_signer=open_signer,
        ),
        records_store=records_store,
        statuses=statuses,
        visits=Visits(sessions, sign_in, enquiries, clock),
        reconciliations=Reconciliations(
            books=SqlBooks(database),
            query_records=query_records,
            issuer=issuer,
            trust=trust,
            http=http,
            ledger_url=settings.ledger_url,
            clock=clock,
            open_signer=open_signer,
        ),
        sessions=sessions,
        store=store,
        types=types,
        settings=settings,
        clock=clock,
    )


def from_environment() -> Flask:
    """Return the application with settings from the environment and its tables brought up to date."""
    settings = load_settings(IssuerSettings)
    migrate(open_database(settings.database_url), "issuer")
    app = create_app(settings)
    settle()
    return app
