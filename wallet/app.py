# SPDX-License-Identifier: EUPL-1.2
"""The wallet's web application."""

from __future__ import annotations

from flask import Flask

from ledger.client import LedgerClient
from protocol.clock import Clock, SystemClock
from protocol.runtime.collector import settle
from protocol.runtime.database import Database, check_migrated, migrate, open_database
from protocol.runtime.dates import install_dates
from protocol.runtime.fetch import HTTPClient, open_http
from protocol.runtime.i18n import in_language
from protocol.runtime.sessions import Sessions
from protocol.runtime.settings import load_settings
from protocol.runtime.sql_trust_shelf import SqlTrustListShelf
from protocol.runtime.trust_fetch import open_trust_list
from protocol.runtime.valid import SENTENCES as SIGN_IN_SENTENCES
from protocol.runtime.valid import open_sign_in
from protocol.runtime.web import create_service_app
from wallet import cli
from wallet.catalogue import Catalogue
from wallet.documents import Documents
from wallet.issuers import IssuerClient
from wallet.permanence import Permanences
from wallet.receiving import Receiving
from wallet.reconciliation import Reconciling
from wallet.routes import pages, present, receive, session, shares
from wallet.sentences import SENTENCES
from wallet.services import KEY, Services
from wallet.settings import WalletSettings
from wallet.sharing import Sharing
from wallet.store import SqlStore
from wallet.tables import SessionRow, TrustListRow
from wallet.taking_back import TakingBack
from wallet.verifiers import VerifierClient
from wallet.visitors import Visitors


def create_app(settings: WalletSettings, *, clock: Clock | None = None, http: HTTPClient | None = None) -> Flask:
    """Return the application."""
    clock = clock or SystemClock()
    http = http or open_http(settings)
    database = open_database(settings.database_url)
    app = create_service_app(
        "wallet",
        settings,
        ready=lambda: check_migrated(database, "wallet"),
        sentences={**SIGN_IN_SENTENCES, **SENTENCES},
    )
    sessions = Sessions(database, SessionRow, clock, cookie="testimoni_wallet", secure=settings.is_secure)
    made = _make_services(settings, database, sessions, clock, http)
    app.extensions[KEY] = made
    sessions.install(app)
    app.after_request(made.visitors.send_cookie)
    app.jinja_env.globals.update(in_language=in_language)
    install_dates(app)
    session.install_redirects(app)
    cli.install(app, database, made.store, clock)
    for blueprint in (session.bp, pages.bp, receive.bp, present.bp, shares.bp):
        app.register_blueprint(blueprint)
    return app


def _make_services(
    settings: WalletSettings, database: Database, sessions: Sessions, clock: Clock, http: HTTPClient
) -> Services:
    store = SqlStore(database)
    trust = open_trust_list(settings, http, SqlTrustListShelf(database, TrustListRow))
    issuers, verifiers = IssuerClient(http), VerifierClient(http)
    documents, token = Documents(store), settings.recorder_token()
    ledger = LedgerClient.of_log(http, settings.ledger_url, settings.log_origin, token=token)
    sharing = Sharing(store, documents, verifiers, ledger, trust, clock, log_origin=settings.log_origin)
    taking_back = TakingBack(store, sharing, verifiers, ledger, trust, clock, log_origin=settings.log_origin)
    sign_in = open_sign_in(settings, http)
    return Services(
        visitors=Visitors(
            sessions,
            sign_in,
            store,
            clock,
            secret=settings.secret_key.get_secret_value(),
            secure=settings.is_secure,
        ),
        documents=documents,
        receiving=Receiving(store, issuers, trust, clock),
        sharing=sharing,
        taking_back=taking_back,
        permanences=Permanences(ledger, trust, clock),
        reconciling=Reconciling(
            sharing=sharing,
            taking_back=taking_back,
            trust=trust,
            http=http,
            ledger_url=settings.ledger_url,
            clock=clock,
        ),
        catalogue=Catalogue(issuers, settings.issuers),
        store=store,
        settings=settings,
        clock=clock,
    )


def from_environment() -> Flask:
    """Return the application with settings from the environment and its tables brought up to date."""
    settings = load_settings(WalletSettings)
    migrate(open_database(settings.database_url), "wallet")
    app = create_app(settings)
    settle()
    return app
