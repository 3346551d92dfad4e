# SPDX-License-Identifier: EUPL-1.2
"""The ledger's web application: the log's interface for programs, and the site for auditors."""

from __future__ import annotations

import structlog
from flask import Flask

from ledger.chain.client import open_chain
from ledger.publication import PromisingLog, Publication
from ledger.recorders import Recorders, SqlRecorderStore
from ledger.registry_store import SqlRegistryStore
from ledger.routes import figures, files, log_api, pages, report, trust_api
from ledger.sentences import SENTENCES
from ledger.services import Services
from ledger.settings import LedgerSettings
from ledger.store import SqlStore
from ledger.tables import TrustListRow
from ledger.trust_history import TrustHistory
from protocol.clock import Clock, SystemClock
from protocol.runtime.collector import settle
from protocol.runtime.database import check_migrated, migrate, open_database
from protocol.runtime.dates import install_dates
from protocol.runtime.fetch import HTTPClient, open_http
from protocol.runtime.settings import load_settings
from protocol.runtime.signer import open_signer
from protocol.runtime.sql_trust_shelf import SqlTrustListShelf
from protocol.runtime.trust_fetch import open_trust_list
from protocol.runtime.web import create_service_app, machine

_log = structlog.get_logger()


def create_app(settings: LedgerSettings, *, clock: Clock | None = None, http: HTTPClient | None = None) -> Flask:
    """Return the ledger's application. It calls the chain's node for a report, and the trust list's host."""
    database = open_database(settings.database_url)
    migrate(database, "ledger")
    clock = clock or SystemClock()
    publication = Publication(
        SqlStore(database),
        clock,
        [
            PromisingLog(log.origin, open_signer(f"file:{log.promise_key_file}"), settings.maximum_merge_delay)
            for log in settings.logs
        ],
        is_anchored=settings.chain_url is not None,
    )

    recorders = Recorders(SqlRecorderStore(database), clock)
    if settings.entries_from == "anyone":
        _log.warning("anyone may have entries promised; development only")

    def ready() -> None:
        check_migrated(database, "ledger")
        publication.check_promising()

    app = create_service_app("ledger", settings, ready=ready, sentences=SENTENCES)
    app.extensions["ledger.services"] = Services(
        settings,
        publication,
        clock,
        open_trust_list(settings, http or open_http(settings), SqlTrustListShelf(database, TrustListRow)),
        open_chain,
        TrustHistory(SqlRegistryStore(database, settings.registry) if settings.registry else None),
        recorders,
    )
    install_dates(app)
    machine(app, log_api.bp)
    machine(app, trust_api.bp)
    for part in (pages, figures, files, report):
        app.register_blueprint(part.bp)
    return app


def from_environment() -> Flask:
    """Return the application with settings from the environment, for a WSGI server."""
    app = create_app(load_settings(LedgerSettings))
    settle()
    return app
