# SPDX-License-Identifier: EUPL-1.2
"""Operator commands: `flask --app 'verifier.app:from_environment()' verifier …`."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup

from ledger.reconciliation import describe
from protocol.runtime.database import Database, migrate
from protocol.runtime.reconciling import month_option
from protocol.runtime.status_lists import prefetch
from protocol.status_list import MAX_TTL
from verifier.services import Services


def install(app: Flask, database: Database, made: Services) -> None:
    """Add the verifier's commands to the application."""
    group = AppGroup("verifier", help="Commands of the verifier.")

    @group.command("migrate")
    def migrate_tables() -> None:
        """Bring the tables to the newest revision."""
        migrate(database, "verifier")
        click.echo("the tables are up to date")

    @group.command("purge")
    def purge() -> None:
        """Destroy what is due: keys of expired requests, blocked data after their term, sessions, old lists."""
        here = [administration.id for administration in made.store.administrations()]
        keys = sum(made.store.destroy_expired_keys(each, now=made.clock.now()) for each in here)
        cases = sum(made.withdrawals.destroy_due(each) for each in here)
        answers = sum(made.records_requests.destroy_answers(each) for each in here)
        made.shelf.drop(before=made.clock.now() - MAX_TTL)
        sessions = made.sessions.purge()
        database.forget()
        click.echo(
            f"{keys} request keys, {cases} blocked cases and {sessions} sessions were due; "
            f"{answers} answers to auditors held a record that is destroyed"
        )

    @group.command("prefetch-status")
    def prefetch_status() -> None:
        """Fetch the status lists of known issuers, so that no check of a document has to wait for one."""
        fetched, failed = prefetch(made.http, made.shelf, now=made.clock.now())
        click.echo(f"{fetched} status lists were fetched, {failed} could not be")

    @group.command("reconcile")
    @click.option("--month", metavar="YYYY-MM", help="which month; the last whole one by default")
    @click.option("--administration", metavar="ID", help="this one only")
    def reconcile(month: str | None, administration: str | None) -> None:
        """Compare each office's books with the log, sign and publish the outcome; status 1 on an exception."""
        since, until = month_option(made.clock.now(), month)
        here = [administration] if administration else [each.id for each in made.store.administrations()]
        stated = [made.reconciliations.run(each, since=since, until=until) for each in here]
        for each in stated:
            click.echo(describe(each))
        if any(each.exceptions for each in stated):
            raise SystemExit(1)

    app.cli.add_command(group)
