# SPDX-License-Identifier: EUPL-1.2
"""A log with thousands of anchors: pages of bounded size, and evidence files that still name one."""

from __future__ import annotations

import secrets
from types import SimpleNamespace

import pytest
from sqlalchemy import event, insert

from ledger import record as records
from ledger.app import create_app
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.evidence import Evidence
from ledger.store import MAX_ANCHORS
from ledger.tables import AnchorRow, EntryRow
from ledger.trust import log_id
from protocol.encoding import MAX_JSON_BYTES
from tests.conftest import LEDGER_URL
from tests.fakes.ledger_bench import Bench
from tests.fakes.memory_chain import MemoryChain
from wallet import evidence_file

# an anchor at each size; the last is a real one
SIZE = 2_000


@pytest.fixture
def bench(world, ledger_settings):
    """A log of 2,000 leaves whose every size has an anchor."""
    made = Bench(ledger_settings, world.clock, MemoryChain(log_id(ledger_settings.origin)))
    world.http.apps[LEDGER_URL] = create_app(made.settings, clock=world.clock)
    return made


@pytest.fixture
def client(world):
    return LedgerClient(world.http, LEDGER_URL)


def fill(bench) -> None:
    """Bring the log to its size, anchored, and add what a day of smaller anchors leaves behind."""
    entry = {"log": "2026", "promise": "token", "due_at": bench.clock.now()}
    waiting = [{**entry, "commitment": secrets.token_bytes(32)} for _ in range(SIZE - bench.log().size)]
    with bench.database.write() as session:
        session.execute(insert(EntryRow), waiting)
    bench.worker.sequence()
    bench.worker.anchor()
    row = {
        "log": "2026",
        "root": bytes(32),
        "state": "final",
        "nonce": 1,
        "raw": bytes(500),
        "stored_at": bench.clock.now(),
        "block_number": 10**6,
        "block_hash": bytes(32),
        "settled_at": bench.clock.now(),
        "evidence": "x" * 2_000,
    }
    known = {each.size for each in bench.anchors()}
    with bench.database.write() as session:
        session.execute(
            insert(AnchorRow),
            [
                {**row, "prev_size": size - 1, "size": size, "transaction_hash": size.to_bytes(32)}
                for size in range(1, SIZE)
                if size not in known
            ],
        )


def share(bench) -> SimpleNamespace:
    """Return a share whose commitment is in the log, as far as an evidence file needs it."""
    party = records.Party("L01990015", "Ajuntament", "https://x")
    record = records.to_bytes(
        records.build_answer(
            records.RecordType.ERASED,
            log=bench.settings.origin,
            time=bench.clock.now(),
            transaction_identifier="t",
            party=party,
            previous=Commitment(bytes(32)),
        )
    )
    key = records.new_key()
    bench.store.add_promise("2026", records.commit(key, record), "token", due_at=bench.clock.now())
    return SimpleNamespace(record=record, key=key, promise="p", signature="s", acceptance="", bindings=())


def test_evidence_of_a_log_with_thousands_of_anchors_still_names_one(world, bench, client):
    shared = share(bench)
    bench.worker.sequence()
    fill(bench)
    key = client.logs()[0]["checkpoint_key"]
    world.http.calls.clear()
    made = evidence_file.build(shared, (), ledger=client, checkpoint_key=key)
    (record,) = Evidence.parse(made).records
    assert record.anchor is not None
    assert record.inclusion.tree_size == SIZE
    # the log is asked what every reader asks: nothing tells it which entry this is about
    asked = [url.removeprefix(LEDGER_URL) for _, url in world.http.calls if "anchors" in url]
    assert asked == ["/log/v1/anchors?limit=1&state=final", f"/log/v1/anchors/{SIZE}"]


def test_pages_of_anchors_hold_each_once_newest_first_and_are_bounded(world, bench, client):
    fill(bench)
    sizes: list[int] = []
    while page := client.anchors(before=sizes[-1] if sizes else None):
        assert len(page) <= MAX_ANCHORS
        sizes += [each["size"] for each in page]
    assert sizes == list(range(SIZE, 0, -1))
    newest = world.http.apps[LEDGER_URL].test_client().get("/log/v1/anchors")
    assert len(newest.get_json()["anchors"]) == MAX_ANCHORS
    assert len(newest.data) < MAX_JSON_BYTES // 2
    assert client.find_final_size() == SIZE


def test_anchors_of_a_state_are_those_alone(bench, client):
    bench.grow(8)
    bench.worker.anchor()
    bench.grow(8)
    with bench.database.write() as session:
        session.add(
            AnchorRow(
                log="2026",
                prev_size=8,
                size=16,
                root=bytes(32),
                state="pending",
                transaction_hash=bytes(32),
                stored_at=bench.clock.now(),
            )
        )
    assert [each["size"] for each in client.anchors()] == [16, 8]
    assert [each["size"] for each in client.anchors(state="final")] == [8]
    assert [each["size"] for each in client.anchors(state="pending")] == [16]
    assert client.find_final_size() == 8


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (f"limit={MAX_ANCHORS}", 200),
        (f"limit={MAX_ANCHORS + 1}", 400),
        ("limit=1", 200),
        ("limit=0", 400),
        ("limit=x", 400),
        ("before=0", 200),
        ("before=-1", 400),
        ("before=" + "9" * 18, 200),
        ("before=" + "9" * 19, 400),
        ("state=final", 200),
        ("state=abandoned", 400),
    ],
)
def test_question_for_a_page_is_answered_within_its_limits(world, bench, query, status):
    answer = world.http.apps[LEDGER_URL].test_client().get(f"/log/v1/anchors?{query}")
    assert answer.status_code == status
    if status != 200:
        assert answer.get_json()["error"] == "invalid_request"


def test_pages_of_the_site_read_few_rows_of_a_log_with_thousands_of_anchors(world, bench):
    fill(bench)
    read: list[int] = []

    def note(row, _) -> None:
        read.append(row.size)

    event.listen(AnchorRow, "load", note)
    try:
        for path in ("/", "/state", f"/anchors/{SIZE // 2}", "/log/v1/anchors"):
            read.clear()
            answer = world.http.apps[LEDGER_URL].test_client().get(path, headers={"Accept": "text/html"})
            assert (path, answer.status_code) == (path, 200)
            assert 0 < len(read) <= MAX_ANCHORS + 1
    finally:
        event.remove(AnchorRow, "load", note)
