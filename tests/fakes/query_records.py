# SPDX-License-Identifier: EUPL-1.2
"""Looking at an issuer's records of queries, and at the ledger that they go to."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, jsonify

from issuer.records import Person
from issuer.tables import QueryRow
from ledger.client import LedgerClient
from tests.conftest import LEDGER_URL, NOW

SINCE, UNTIL = NOW - timedelta(days=20), NOW + timedelta(days=10)
# a name, a number, a birthday and a degree of Marta's
VALUES = ("99990001P", "Marta", "Soler", "Grau en Enginyeria", "1995", "2017")


def all_records(kept, administration):
    return list(kept.records_between(administration, since=SINCE, until=UNTIL))


def person_of(kept, record):
    with kept._database.read() as session:
        return Person(session.get_one(QueryRow, record.query_id).person)


def leaves(ledger, world):
    ledger.sequence()
    client = LedgerClient(world.http, LEDGER_URL)
    size = int(client.checkpoint().split("\n")[1])
    return client.all_entries(size)


def calls(world, method, part):
    return [url for each, url in world.http.calls if each == method and part in url]


def answer(world, token):
    """Put a ledger in place that promises what it likes."""
    app = Flask("a ledger that lies")
    app.post("/log/v1/entries")(lambda: (jsonify(promise=token()), 201))
    world.http.apps[LEDGER_URL] = app
