# SPDX-License-Identifier: EUPL-1.2
"""The auditors' site, and that tables and migrations agree."""

from __future__ import annotations

import secrets

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from ledger.app import create_app
from ledger.chain.interface import Chain
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.tables import Base, LogRow
from ledger.trust import log_id
from ledger.worker import Worker
from protocol.errors import ConfigurationError
from protocol.runtime.database import migrate, open_database
from protocol.runtime.settings import load_settings
from tests.fakes.memory_chain import MemoryChain, MemorySealer

URL = "http://localhost:8104"
CHAIN = {
    "chain_url": "http://127.0.0.1:8106",
    "chain_id": 1337,
    "contract": "0x00000000000000000000000000000000000000C0",
    "sealer_key_file": "unused.key",
}


@pytest.fixture
def anchored(world, ledger_settings):
    """A ledger with a chain in memory: application and worker."""
    settings = ledger_settings.model_copy(update=CHAIN)
    chain: Chain = MemoryChain(log_id(settings.origin))
    worker = Worker(settings, clock=world.clock, chain=chain, sealer=MemorySealer())
    worker.sequence()
    world.http.apps[URL] = create_app(settings, clock=world.clock)
    return worker


@pytest.fixture
def read(world):
    """Return a function that fetches a page as a browser would."""

    def run(path, language="en"):
        browser = world.http.apps[URL].test_client()
        answer = browser.get(path, headers={"Accept": "text/html", "Accept-Language": language})
        return answer.status_code, answer.get_data(as_text=True)

    return run


def add(world) -> None:
    LedgerClient(world.http, URL).add_entry(Commitment(secrets.token_bytes(32)))


def test_overview_when_entries_wait_says_promised_not_yet_anchored(world, anchored, read):
    add(world)
    status, page = read("/")
    assert status == 200
    assert "Promised, not yet anchored" in page
    anchored.sequence()
    assert "Promised, not yet anchored" in read("/")[1]
    anchored.anchor()
    page = read("/")[1]
    assert "Promised, not yet anchored" not in page
    assert "Everything is permanently recorded" in page
    assert "Leaves 1 to 8" in page


def test_overview_when_nothing_is_recorded_says_so_and_does_not_claim_permanence(anchored, read):
    page = read("/")[1]
    assert "Nothing has been recorded here yet." in page
    assert "Everything is permanently recorded" not in page


def test_anchor_page_when_final_shows_block_transaction_and_checkpoint(world, anchored, read):
    for _ in range(2):
        add(world)
        anchored.sequence()
        anchored.anchor()
    client = LedgerClient(world.http, URL)
    first = client.anchor(8)
    status, page = read("/anchors/8")
    assert status == 200
    assert str(first["transaction"]) in page
    assert str(first["block_hash"]) in page
    assert "localhost:8104/2026\n8\n" in page
    assert 'href="/anchors/16"' in page
    assert (first["state"], first["proof"]["transaction"]) == ("final", first["transaction"])
    assert [each["size"] for each in client.anchors()] == [8, 16]


def test_overview_when_there_are_many_anchors_shows_the_newest_and_a_way_to_older_ones(world, anchored, read):
    for _ in range(22):
        add(world)
        anchored.sequence()
        anchored.anchor()
    page = read("/")[1]
    assert "Leaves 169 to 176" in page
    assert "Leaves 9 to 16" not in page
    assert 'href="/?before=24"' in page
    assert "Leaves 9 to 16" in read("/?before=24")[1]
    assert read("/?before=x")[0] == 400


@pytest.mark.parametrize("language", ["ca", "es", "en"])
@pytest.mark.parametrize("path", ["/", "/audit", "/limits", "/anchors/8"])
def test_page_in_every_language_is_answered(world, anchored, read, path, language):
    add(world)
    anchored.sequence()
    anchored.anchor()
    status, page = read(path, language)
    assert status == 200
    assert f'<html lang="{language}"' in page
    assert page.count("<h1") == 1


def test_audit_page_shows_the_command_with_this_ledger_and_chain(anchored, read):
    page = read("/audit")[1]
    command = page.split("<code>")[1].split("</code>")[0]
    assert command.replace("\\\n", "").split() == [
        ".venv/bin/testimoni",
        "audit",
        "--ledger",
        "http://localhost:8104",
        "--chain",
        "http://127.0.0.1:8106",
        "--trust",
        "trust.json",
    ]


def test_overview_without_a_chain_says_not_anchored(ledger, read):
    assert "Not anchored" in read("/")[1]


def test_overview_when_frozen_says_so(world, ledger, ledger_settings, read):
    with open_database(ledger_settings.database_url).write() as session:
        row = session.get_one(LogRow, "2026")
        row.state, row.reason = "frozen", "restore needed"
        session.add(row)
    assert "Frozen: no new entries" in read("/")[1]


def test_overview_before_a_worker_opened_the_log_says_so(world, ledger_settings, read):
    world.http.apps[URL] = create_app(ledger_settings, clock=world.clock)
    assert "Being opened" in read("/")[1]
    assert read("/readyz")[0] == 503


def test_anchor_that_does_not_exist_is_a_page_not_found(ledger, read):
    assert read("/anchors/12345")[0] == 404


def test_tables_when_migrated_are_those_of_the_metadata(tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/empty.sqlite")
    migrate(database, "ledger")
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert differences == []


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "no-slash"},
        {"origin": "two words/2026"},
        {"chain_url": "http://127.0.0.1:8106"},
        {"batch_interval_seconds": 90},
        {"maximum_merge_delay_seconds": 0},
        {"recorder": "x"},
        {"anchor_mode": "roots"},
        {"anchor_mode": "root-only"},
        {"anchor_mode": "root-only", "mirrors": ["https://one.example"]},
        {"anchor_mode": "root-only", "mirrors": ["https://one.example/a", "https://ONE.example./b"]},
        {"anchor_mode": "root-only", "mirrors": ["https://one.example", "http://two.example"]},
        {"anchor_mode": "root-only", "mirrors": ["https://one.example", "https://localhost:9443/copy"]},
        {"mirrors": ["one.example"]},
        {"mirrors": ["https://me:secret@one.example"]},
    ],
)
def test_settings_that_cannot_work_refuse_to_start(ledger_settings, changes):
    from ledger.settings import LedgerSettings

    with pytest.raises(ConfigurationError):
        load_settings(LedgerSettings, **{**ledger_settings.model_dump(), **changes})


def test_settings_for_root_only_anchors_with_two_mirrors_start(ledger_settings):
    from ledger.settings import LedgerSettings

    changes = {"anchor_mode": "root-only", "mirrors": ["https://one.example/2026", "https://two.example:8443"]}
    found = load_settings(LedgerSettings, **{**ledger_settings.model_dump(), **changes})
    assert (found.anchor_mode, len(found.mirrors)) == ("root-only", 2)
