# SPDX-License-Identifier: EUPL-1.2
"""The sandbox's web application."""

from __future__ import annotations

from flask import Flask

from protocol.clock import Clock, SystemClock
from protocol.runtime.collector import settle
from protocol.runtime.database import check_migrated, migrate, open_database
from protocol.runtime.i18n import in_language
from protocol.runtime.sessions import Sessions
from protocol.runtime.settings import load_settings
from protocol.runtime.web import create_service_app, machine
from sandbox.people import load_authorisations, load_people
from sandbox.routes import pages, sincron, valid
from sandbox.services import KEY, Services, Silence
from sandbox.settings import SandboxSettings
from sandbox.store import SqlStore
from sandbox.tables import SessionRow
from sandbox.valid import Valid
from sandbox.via_oberta import ViaOberta

# English source sentences for people, by error code
SENTENCES = {
    "invalid_client": "The service that sent you here is not registered for this practice sign-in.",
    "invalid_redirect": "The service that sent you here asked to return to an address that is not its own.",
}


def create_app(settings: SandboxSettings, *, clock: Clock | None = None) -> Flask:
    """Return the application."""
    clock = clock or SystemClock()
    database = open_database(settings.database_url)
    people = load_people()
    store = SqlStore(database, clock)
    app = create_service_app(
        "sandbox", settings, ready=lambda: check_migrated(database, "sandbox"), sentences=SENTENCES
    )
    app.extensions[KEY] = Services(
        via_oberta=ViaOberta(people.values(), load_authorisations(), store, clock),
        valid=Valid(people, settings.clients, store, clock),
        people=people,
        silence=Silence(settings.silence_seconds),
    )
    app.jinja_env.globals.update(in_language=in_language)
    Sessions(database, SessionRow, clock, cookie="testimoni_sandbox", secure=settings.is_secure).install(app)
    machine(app, sincron.bp)
    machine(app, valid.bp)
    app.register_blueprint(pages.bp)
    return app


def from_environment() -> Flask:
    """Return the application with settings from the environment and its tables brought up to date."""
    settings = load_settings(SandboxSettings)
    migrate(open_database(settings.database_url), "sandbox")
    app = create_app(settings)
    settle()
    return app
