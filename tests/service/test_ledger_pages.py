# SPDX-License-Identifier: EUPL-1.2
"""The auditors' site, and that tables and migrations agree."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from babel.dates import format_datetime
from sqlmodel import select

from ledger.app import create_app
from ledger.chain.interface import Chain
from ledger.checkpoint import CheckpointSigner, new_key_pem
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.findings import LOG_LEVELS
from ledger.routes.report import _ONE
from ledger.tables import Base, EntryRow, LogRow
from ledger.trust import log_id
from ledger.worker import Worker
from protocol.deadlines import ZONE
from protocol.errors import ConfigurationError, RequestError
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
def chain_of_pages(ledger_settings):
    return MemoryChain(log_id(ledger_settings.origin))


@pytest.fixture
def anchored(world, ledger_settings, chain_of_pages):
    """A ledger with a chain in memory: application and worker."""
    settings = ledger_settings.model_copy(update=CHAIN)
    chain: Chain = chain_of_pages
    worker = Worker(settings, clock=world.clock, chain=chain, sealer=MemorySealer())
    worker.sequence()
    app = world.http.apps[URL] = create_app(settings, clock=world.clock)
    known = app.extensions["ledger.services"]
    app.extensions["ledger.services"] = replace(known, open_chain=lambda *_, **__: chain)
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
    assert [each["size"] for each in client.anchors()] == [16, 8]


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
@pytest.mark.parametrize("path", ["/", "/state", "/check", "/case", "/report", "/audit", "/limits", "/anchors/8"])
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


def test_state_when_the_log_grows_shows_it_by_day_and_the_delay_of_each_anchor(world, anchored, read):
    add(world)
    anchored.sequence()
    anchored.anchor()
    world.clock.advance(timedelta(days=2))
    # the worker is there again before anybody asks for a promise
    anchored.sequence()
    add(world)
    anchored.sequence()
    page = read("/state")[1]
    assert "Promised, not yet anchored" in page
    assert "none waits" not in page
    anchored.anchor()
    page = read("/state")[1]
    assert "none waits" in page
    assert "Open and anchored" in page
    days = [row for row in page.split("<tr") if "November 2026</th>" in row]
    # eight of the newest day are the filler of a log that was idle
    assert [numbers(row) for row in days] == [[16, 24], [0, 8], [8, 8]]
    assert page.count('role="img"') == 2
    assert "In all: 24." in page


def moment(at: datetime) -> str:
    """Return a moment as an English page has it."""
    return format_datetime(at.astimezone(ZONE), "d MMM y, HH:mm", locale="en_GB")


def rows_of(page: str, title: str) -> list[str]:
    """Return the rows of the table behind a chart, as text."""
    table = page.split(f'govuk-table__caption--s">{title}<')[1].split("</table>", maxsplit=1)[0]
    found = [" | ".join(re.findall(r"<t[hd][^>]*>([^<]*)<", row)) for row in table.split("<tr")]
    return [each for each in found if each]


def outlined(page: str) -> list[str]:
    return re.findall(r'<rect [^>]*fill="none"[^>]*stroke-dasharray', page)


def test_state_shows_the_anchor_that_waits_as_a_bar_of_its_own_and_in_the_table(
    world, anchored, read, chain_of_pages
):
    add(world)
    anchored.sequence()
    anchored.anchor()
    chain_of_pages.mines_at_once = False
    add(world)
    anchored.sequence()
    anchored.anchor()
    since = moment(world.clock.now())
    world.clock.advance(timedelta(minutes=2))
    page = read("/state")[1]
    head, waits, final = rows_of(page, "Delay of each anchor")
    assert head == "Anchor | Final | Delay"
    assert waits == f"16 leaves | waiting since {since} | 120 s so far"
    assert (final.startswith("8 leaves | "), "waiting" in final) == (True, False)
    assert len(outlined(page)) == 1
    assert f"Drawn as an outline: the anchor of 16 leaves, waiting since {since}." in page
    assert "16 leaves, waiting</text>" in page
    # in no block yet
    assert re.search(r"Anchors on their way\s*</dt>\s*<dd[^>]*>\s*1\s*<", page)
    chain_of_pages.mine()
    anchored.anchor()
    page = read("/state")[1]
    assert [each.split(" | ")[0] for each in rows_of(page, "Delay of each anchor")[1:]] == [
        "16 leaves",
        "8 leaves",
    ]
    assert ("waiting" in page.split("<main")[1], outlined(page)) == (False, [])


def test_state_when_the_chain_never_answered_shows_what_waits_without_a_longest_delay(
    world, anchored, read, chain_of_pages
):
    chain_of_pages.mines_at_once = False
    add(world)
    anchored.sequence()
    # compared with the chain, sent, and in no block
    anchored.anchor()
    chain_of_pages.is_down = True
    world.clock.advance(timedelta(seconds=7))
    add(world)
    anchored.sequence()
    page = read("/state")[1]
    assert [each.split(" | ")[0] for each in rows_of(page, "Delay of each anchor")[1:]] == [
        "16 leaves",
        "8 leaves",
    ]
    assert len(outlined(page)) == 2
    assert "Longest" not in page


def test_state_says_when_the_worker_was_last_there_and_that_its_reading_of_the_chain_is_not_kept(
    world, anchored, read, ledger_settings
):
    anchored.anchor()
    world.clock.advance(timedelta(hours=3))
    anchored.sequence()
    page = read("/state")[1]
    assert re.search(
        rf"Its worker was last here\s*</dt>\s*<dd[^>]*>\s*{re.escape(moment(world.clock.now()))}\s*<", page
    )
    assert "When its worker last read the chain is not kept." in page


def numbers(row: str) -> list[int]:
    return [int(part.split("<")[0]) for part in row.split('numeric">')[1:]]


def test_state_without_a_chain_or_anchor_says_so(ledger, read):
    page = read("/state")[1]
    assert "Not anchored" in page
    assert "Nothing has been anchored yet." in page
    assert 'role="img"' not in page
    assert "Its worker was last here" not in page
    assert "last read the chain" not in page


def test_state_before_a_worker_opened_the_log_says_so(world, ledger_settings, read):
    world.http.apps[URL] = create_app(ledger_settings, clock=world.clock)
    assert "Being opened" in read("/state")[1]


def test_several_logs_are_listed_and_a_frozen_one_is_shown_with_its_anchors(
    world, anchored, ledger_settings, read
):
    add(world)
    anchored.sequence()
    anchored.anchor()
    next_year = ledger_settings.model_copy(update={"origin": "localhost:8104/2027", **CHAIN})
    Worker(
        next_year, clock=world.clock, chain=MemoryChain(log_id(next_year.origin)), sealer=MemorySealer()
    ).sequence()
    with open_database(ledger_settings.database_url).write() as session:
        row = session.get_one(LogRow, "2026")
        row.state, row.reason = "frozen", "a new log per year"
        session.add(row)
    world.http.apps[URL] = create_app(next_year, clock=world.clock)
    page = read("/state")[1]
    assert 'href="/state?log=2026"' in page
    assert "takes the entries of today" in page
    page = read("/state?log=2026")[1]
    assert "Frozen: no new entries" in page
    assert "What it holds stays" in page
    page = read("/?log=2026")[1]
    assert 'href="/anchors/8?log=2026"' in page
    assert "What it holds stays" in page
    assert "do not agree" not in page
    page = read("/anchors/8?log=2026")[1]
    assert 'href="/?log=2026"' in page
    assert "/log/v1/anchors/8?log=2026" in page
    assert read("/state?log=1999")[0] == 404


BEHIND_THE_LEAVES = "not looked at, because 'leaves give the signed root' could not be told"


def audit_own(world) -> tuple[int, dict]:
    answer = world.http.apps[URL].test_client().get("/report.json")
    return answer.status_code, json.loads(answer.data)


def test_report_says_first_that_the_ledger_audits_itself_and_has_the_commands_form(world, anchored, read):
    add(world)
    anchored.sequence()
    anchored.anchor()
    status, report = audit_own(world)
    assert status == 200
    assert (report["findings"][0]["level"], report["findings"][0]["outcome"]) == ("trust", "assumed")
    assert (report["schema"], report["result"], report["records"]) == ("testimoni/audit/1", "holds", [])
    assert [each["level"] for each in report["findings"][1:]] == [
        "head signed by the log",
        "head seen by witnesses",
        "leaves give the signed root",
        "log append-only between anchors",
        "anchored",
        "anchored commitments are the leaves",
        "block final",
    ]
    page = read("/report")[1]
    assert page.index("Assumed:") < page.index("It holds, by its own word")
    assert "--json" in page


def test_report_when_an_entry_was_changed_is_violated(world, anchored, ledger_settings, read):
    add(world)
    anchored.sequence()
    anchored.anchor()
    with open_database(ledger_settings.database_url).write() as session:
        row = session.exec(select(EntryRow).where(EntryRow.leaf_index == 3)).one()
        session.delete(row)
        session.flush()
        session.add(EntryRow(log="2026", commitment=b"x" * 32, leaf_index=3))
    assert audit_own(world)[1]["result"] == "violated"
    assert "It does not hold" in read("/report")[1]


def test_report_when_the_chain_does_not_answer_could_not_tell_and_checks_the_rest(world, anchored):
    add(world)
    anchored.sequence()
    anchored.anchor()
    known = world.http.apps[URL].extensions["ledger.services"]
    known.open_chain("", contract=None).is_down = True
    report = audit_own(world)[1]
    assert report["result"] == "could not tell"
    assert "leaves give the signed root" in {e["level"] for e in report["findings"] if e["outcome"] == "holds"}
    assert [e["level"] for e in report["findings"]].count("anchored") == 1


def test_report_of_an_audit_that_stopped_has_a_line_for_each_level_and_says_what_it_stopped_at(
    world, anchored, monkeypatch, read
):
    add(world)
    anchored.sequence()
    anchored.anchor()
    monkeypatch.setattr("ledger.self_audit.MAX_AUDITED_LEAVES", 7)
    report = audit_own(world)[1]
    assert [each["level"] for each in report["findings"]] == [each.value for each in LOG_LEVELS]
    unseen = {each["level"] for each in report["findings"] if each["detail"] == BEHIND_THE_LEAVES}
    assert unseen == {
        "log append-only between anchors",
        "anchored",
        "anchored commitments are the leaves",
        "block final",
    }
    page = read("/report")[1].split("<main")[1]
    assert page.count("Not looked at: “All leaves give the signed head” has to be settled first.") == len(unseen)
    # the same in the words of the program
    assert page.count("not looked at, because") == len(unseen)


def test_report_when_the_head_is_signed_with_another_key_is_violated_and_names_what_was_not_looked_at(
    world, anchored, ledger_settings, read
):
    add(world)
    anchored.sequence()
    anchored.anchor()
    other = CheckpointSigner.from_pem(ledger_settings.origin, new_key_pem())
    with open_database(ledger_settings.database_url).write() as session:
        row = session.get_one(LogRow, "2026")
        row.checkpoint_key = other.key.text()
        session.add(row)
    report = audit_own(world)[1]
    assert (report["result"], [each["level"] for each in report["findings"]]) == (
        "violated",
        [each.value for each in LOG_LEVELS],
    )
    behind = "not looked at, because 'head signed by the log' is violated"
    assert [each["detail"] for each in report["findings"]].count(behind) == 6
    assert "has to be settled first" in read("/report")[1]


def test_report_about_a_chain_that_nobody_reads_says_so_at_each_level_that_needs_it(world, ledger):
    findings = {each["level"]: each["detail"] for each in audit_own(world)[1]["findings"]}
    assert findings["anchored"] == "not looked at, because this site asks no chain about it"
    for level in ("log append-only between anchors", "anchored commitments are the leaves", "block final"):
        assert findings[level] == "not looked at, because the chain was not read"


def test_report_when_the_node_is_on_another_chain_is_violated(world, anchored, ledger_settings):
    add(world)
    anchored.sequence()
    anchored.anchor()
    with open_database(ledger_settings.database_url).write() as session:
        row = session.get_one(LogRow, "2026")
        row.chain_id = 7
        session.add(row)
    assert audit_own(world)[1]["result"] == "violated"


def test_report_when_the_log_is_too_long_could_not_tell(world, anchored, monkeypatch):
    add(world)
    anchored.sequence()
    anchored.anchor()
    monkeypatch.setattr("ledger.self_audit.MAX_AUDITED_LEAVES", 8)
    assert audit_own(world)[1]["result"] == "holds"
    monkeypatch.setattr("ledger.self_audit.MAX_AUDITED_LEAVES", 7)
    report = audit_own(world)[1]
    assert report["result"] == "could not tell"
    assert any("more than the 7" in each["detail"] for each in report["findings"])


def test_report_when_the_log_is_too_long_does_not_read_the_chain(world, anchored, monkeypatch):
    add(world)
    anchored.sequence()
    anchored.anchor()
    ledger = world.http.apps[URL]
    known = ledger.extensions["ledger.services"]
    opened: list[str] = []
    ledger.extensions["ledger.services"] = replace(
        known, open_chain=lambda url, **given: (opened.append(url), known.open_chain(url, **given))[1]
    )
    audit_own(world)
    assert opened == [CHAIN["chain_url"]]
    monkeypatch.setattr("ledger.self_audit.MAX_AUDITED_LEAVES", 7)
    audit_own(world)
    assert opened == [CHAIN["chain_url"]]


@pytest.mark.parametrize(
    "error", [ConfigurationError("x", "no such address"), RequestError("unknown_log", "no such log", status=404)]
)
def test_report_when_the_chain_has_no_answer_could_not_tell_as_the_audit_does(world, anchored, error):
    add(world)
    anchored.sequence()
    anchored.anchor()
    ledger = world.http.apps[URL]

    def fail(*_: object, **__: object) -> Chain:
        raise error

    ledger.extensions["ledger.services"] = replace(ledger.extensions["ledger.services"], open_chain=fail)
    assert audit_own(world)[1]["result"] == "could not tell"


def test_report_while_another_is_made_asks_to_come_back(anchored, read):
    with _ONE:
        status, page = read("/report")
    assert (status, "Another audit is being made here" in page) == (503, True)
    assert read("/report")[0] == 200


def test_report_without_a_chain_could_not_tell(world, ledger):
    report = audit_own(world)[1]
    assert report["result"] == "could not tell"


def test_limits_say_for_each_question_who_can_answer_it(ledger, read):
    page = read("/limits")[1].split("<main")[1]
    questions, how_to_ask = page.split('id="ask"')
    assert questions.count('<h2 class="govuk-heading-m"') == questions.count("Who can:") == 8
    assert ("records ask" in how_to_ask, "records fetch" in how_to_ask) == (True, True)
    assert how_to_ask.count("records ask") == 2
    assert "--office https://issuer.example/ajuntament" in how_to_ask
    assert "--role issuer" in how_to_ask


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
        {"validators": ["0x12"]},
        {"validators": ["x:0x" + "ab" * 20]},
        {"validators": ["7:0x" + "ab" * 20, "7:0x" + "AB" * 20]},
    ],
)
def test_settings_that_cannot_work_refuse_to_start(ledger_settings, changes):
    from ledger.settings import LedgerSettings

    with pytest.raises(ConfigurationError):
        load_settings(LedgerSettings, **{**ledger_settings.model_dump(), **changes})


def test_settings_with_validators_that_changed_start_and_the_site_tells_todays(
    anchored, ledger_settings, world, read
):
    from ledger.settings import LedgerSettings

    anchored.anchor()
    old, new = "0x" + "ab" * 20, "0x" + "cd" * 20
    given = {**ledger_settings.model_dump(), **CHAIN, "validators": [old, f"7:{new}"]}
    world.http.apps[URL] = create_app(load_settings(LedgerSettings, **given), clock=world.clock)
    status, page = read("/state")
    assert status == 200
    assert new in page
    assert old not in page


def test_settings_for_root_only_anchors_with_two_mirrors_start(ledger_settings):
    from ledger.settings import LedgerSettings

    changes = {"anchor_mode": "root-only", "mirrors": ["https://one.example/2026", "https://two.example:8443"]}
    found = load_settings(LedgerSettings, **{**ledger_settings.model_dump(), **changes})
    assert (found.anchor_mode, len(found.mirrors)) == ("root-only", 2)
