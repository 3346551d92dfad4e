# SPDX-License-Identifier: EUPL-1.2
"""Operator commands about auditors' requests: what is asked, why and until when; handing over; who fetched it."""

from __future__ import annotations

from collections.abc import Iterator

import click
from flask.cli import AppGroup

from issuer.services import Services
from ledger.office_records import ReceivedRequest
from ledger.records_request import RecordsRequest
from ledger.terminal import printable
from protocol.errors import Error


def install_records(group: AppGroup, made: Services) -> None:
    """Add them to the issuer's commands."""

    @group.command("records-requests")
    @click.option("--administration", metavar="ID", help="this one only")
    def list_requests(administration: str | None) -> None:
        """List what auditors ask for, the most urgent first, and each time that they fetched an answer."""
        here = [administration] if administration else [each.id for each in made.store.administrations()]
        for each in here:
            for request in made.records_store.records_requests(each):
                # reasons are the auditors' words
                click.echo("\n".join(printable(line) for line in _describe(request, made)))

    @group.command("hand-over-records")
    @click.argument("administration")
    @click.argument("request_id", metavar="REQUEST")
    @click.option("--by", required=True, metavar="NAME", help="who at the office hands them over")
    def hand_over(administration: str, request_id: str, by: str) -> None:
        """Sign what is asked for, and make it fetchable for who asked."""
        try:
            made.records_requests.hand_over(administration, request_id, by=by)
        except Error as exc:
            raise click.ClickException(f"{exc.message} ({exc.code})") from exc
        click.echo("handed over; the auditor can fetch it now")


def _describe(request: ReceivedRequest, made: Services) -> Iterator[str]:
    asked, accesses = request.asked, made.records_store.accesses(request.administration_id, request.id)
    yield f"{request.administration_id} {request.id}"
    yield f"  asked by {request.auditor_code} on {request.received_at:%Y-%m-%d}: {_what(asked)}"
    yield f"  {made.records_requests.count(request)} records; answer by {asked.due_on}; reason: {asked.reason}"
    if request.answered_at is None:
        is_late = asked.due_on < made.clock.now().date()
        yield "  not handed over, and the term has passed" if is_late else "  not handed over yet"
    else:
        yield f"  handed over on {request.answered_at:%Y-%m-%d} by {request.answered_by}"
        if not request.is_kept:
            yield "  destroyed since, because one of its records was"
    for access in accesses:
        name = access.auditor_name.get("ca", request.auditor_code)
        yield f"  fetched on {access.at:%Y-%m-%d %H:%M} UTC by {name}"


def _what(asked: RecordsRequest) -> str:
    if asked.commitment is not None:
        return "the record with one commitment"
    since, until = asked.period
    return f"records of queries from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
