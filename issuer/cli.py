# SPDX-License-Identifier: EUPL-1.2
"""Operator commands: `flask --app 'issuer.app:from_environment()' issuer …`."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup

from issuer.records_cli import install_records
from issuer.services import Services
from issuer.status import Reason
from ledger.reconciliation import describe
from protocol.errors import RequestError
from protocol.runtime.database import Database, migrate
from protocol.runtime.reconciling import month_option


def install(app: Flask, database: Database, made: Services) -> None:
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
        for administration in made.store.administrations():
            types = ", ".join(administration.credential_types)
            click.echo(f"{administration.id}\t{administration.code}\t{types}")

    @group.command("purge")
    def purge() -> None:
        """Erase what is due: claims not collected, nonces, status entries, queries and their records, sessions."""
        now, here = made.clock.now(), [each.id for each in made.store.administrations()]
        erased = sum(made.store.erase_expired(each, now) for each in here)
        entries = sum(made.statuses.forget_expired(each) for each in here)
        queries = sum(made.query_records.destroy_due(each, now) for each in here)
        answers = sum(made.records_requests.destroy_answers(each) for each in here)
        ended = made.sessions.purge()
        database.forget()
        click.echo(
            f"{erased} offers and {ended} sessions had expired; {entries} status entries were forgotten; "
            f"{queries} queries and their records were destroyed, and {answers} answers to auditors that held one"
        )

    @group.command("reconcile")
    @click.option("--month", metavar="YYYY-MM", help="which month; the last whole one by default")
    @click.option("--administration", metavar="ID", help="this one only")
    def reconcile(month: str | None, administration: str | None) -> None:
        """Compare each office's books of queries, sign and publish the outcome; status 1 on an exception."""
        since, until = month_option(made.clock.now(), month)
        here = [administration] if administration else [each.id for each in made.store.administrations()]
        stated = [made.reconciliations.run(each, since=since, until=until) for each in here]
        for each in stated:
            click.echo(describe(each))
        if any(each.exceptions for each in stated):
            raise SystemExit(1)

    _install_status(group, made)
    install_records(group, made)
    app.cli.add_command(group)


def _install_status(group: AppGroup, made: Services) -> None:
    @group.command("revoke")
    @click.argument("administration")
    @click.argument("issuance")
    @click.option("--reason", type=click.Choice([each.value for each in Reason]), required=True)
    @click.option("--copy", "copies", multiple=True, help="only this copy; may be repeated")
    def revoke(administration: str, issuance: str, reason: str, copies: tuple[str, ...]) -> None:
        """Revoke all copies of a document for ever: ISSUANCE is the last part of its page's address."""
        try:
            count = made.statuses.revoke(administration, issuance, reason=Reason(reason), copy_ids=copies)
        except RequestError as exc:
            raise click.ClickException("the administration issued no such document") from exc
        click.echo(f"{count} copies were revoked")

    @group.command("close-status-lists")
    @click.argument("administration")
    def close(administration: str) -> None:
        """Give out entries of new status lists from now on: after a backup of the database was restored."""
        click.echo(f"{made.statuses.close(administration)} status lists were closed")
