# SPDX-License-Identifier: EUPL-1.2
"""The ledger's web application: the log's interface for programs, and the site for auditors."""

from __future__ import annotations

from flask import Flask

from ledger.chain.client import open_chain
from ledger.publication import Publication
from ledger.routes import figures, files, log_api, pages, report
from ledger.sentences import SENTENCES
from ledger.services import Services
from ledger.settings import LedgerSettings
from ledger.store import SqlStore
from protocol.clock import Clock, SystemClock
from protocol.runtime.collector import settle
from protocol.runtime.database import check_migrated, migrate, open_database
from protocol.runtime.dates import install_dates
from protocol.runtime.fetch import HTTPClient
from protocol.runtime.settings import load_settings
from protocol.runtime.signer import open_signer
from protocol.runtime.trust_list import FileTrustList, load_anchors
from protocol.runtime.web import create_service_app, machine


def create_app(settings: LedgerSettings, *, clock: Clock | None = None, http: HTTPClient | None = None) -> Flask:
    """Return the ledger's application. It calls nobody but the chain's node for a report: `http` is not used."""
    del http
    database = open_database(settings.database_url)
    migrate(database, "ledger")
    clock = clock or SystemClock()
    publication = Publication(
        SqlStore(database),
        clock,
        open_signer(f"file:{settings.promise_key_file}"),
        current=settings.log,
        origin=settings.origin,
        delay=settings.maximum_merge_delay,
    )

    def ready() -> None:
        check_migrated(database, "ledger")
        publication.check_promising()

    app = create_service_app("ledger", settings, ready=ready, sentences=SENTENCES)
    app.extensions["ledger.services"] = Services(
        settings,
        publication,
        clock,
        FileTrustList(settings.trust_list_file, load_anchors(settings.trust_anchor_file)),
        open_chain,
    )
    install_dates(app)
    machine(app, log_api.bp)
    for part in (pages, figures, files, report):
        app.register_blueprint(part.bp)
    return app


def from_environment() -> Flask:
    """Return the application with settings from the environment, for a WSGI server."""
    app = create_app(load_settings(LedgerSettings))
    settle()
    return app
