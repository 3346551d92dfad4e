# SPDX-License-Identifier: EUPL-1.2
"""Operator commands: `flask --app 'wallet.app:from_environment()' wallet …`."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup

from protocol.clock import Clock
from protocol.runtime.database import Database, migrate
from protocol.runtime.sessions import sessions
from wallet.rows import Store


def install(app: Flask, database: Database, store: Store, clock: Clock) -> None:
    """Add the wallet's commands to the application."""
    group = AppGroup("wallet", help="Commands of the wallet.")

    @group.command("migrate")
    def migrate_tables() -> None:
        """Bring the tables to the newest revision."""
        migrate(database, "wallet")
        click.echo("the tables are up to date")

    @group.command("purge")
    def purge() -> None:
        """Delete what has expired: offers and requests that nobody finished, browser sessions."""
        pending = store.purge_pending(now=clock.now())
        found = sessions(app)
        click.echo(f"{pending} unfinished errands and {found.purge() if found else 0} sessions had expired")

    app.cli.add_command(group)
