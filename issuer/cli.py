# SPDX-License-Identifier: EUPL-1.2
"""Operator commands: `flask --app 'issuer.app:from_environment()' issuer …`."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup

from issuer.records import Store
from protocol.clock import Clock
from protocol.runtime.database import Database, migrate
from protocol.runtime.sessions import sessions


def install(app: Flask, database: Database, store: Store, clock: Clock) -> None:
    """Add the issuer's commands to the application."""
    group = AppGroup("issuer", help="Commands of the issuer.")

    @group.command("migrate")
    def migrate_tables() -> None:
        """Bring the tables to the newest revision."""
        migrate(database, "issuer")
        click.echo("the tables are up to date")

    @group.command("administrations")
    def list_administrations() -> None:
        """List the administrations and what each issues."""
        for administration in store.administrations():
            types = ", ".join(administration.credential_types)
            click.echo(f"{administration.id}\t{administration.code}\t{types}")

    @group.command("purge")
    def purge() -> None:
        """Erase what has expired: claims that nobody collected, nonces, browser sessions."""
        now = clock.now()
        erased = sum(store.erase_expired(a.id, now) for a in store.administrations())
        found = sessions(app)
        click.echo(f"{erased} offers and {found.purge() if found else 0} sessions had expired")

    app.cli.add_command(group)
