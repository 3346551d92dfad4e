# SPDX-License-Identifier: EUPL-1.2
"""The log's interface for programs."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.dialects import postgresql
from sqlmodel import Session

from ledger import checkpoint as checkpoints
from ledger import merkle, promise
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.store import SqlStore
from ledger.tables import LogRow
from ledger.trust import AuditedLog
from protocol.encoding import b64url_decode, b64url_encode
from protocol.errors import RequestError, UnavailableError
from protocol.keys import PublicKey
from protocol.runtime.database import open_database
from protocol.runtime.fetch import Response

URL = "http://localhost:8104"


@pytest.fixture
def client(world, ledger):
    return LedgerClient(world.http, URL)


@pytest.fixture
def call(world, ledger):
    """Return a function that calls the ledger and gives status and JSON."""
    flask = world.http.apps[URL].test_client()

    def run(path, **post: object):
        answer = flask.post(path, **post) if post else flask.get(path)
        return answer.status_code, answer.get_json(silent=True), answer

    return run


def new_commitment() -> Commitment:
    return Commitment(secrets.token_bytes(32))


def audited(client) -> AuditedLog:
    (description,) = client.logs()
    return AuditedLog.parse(description)


def test_entry_when_added_is_promised_by_the_logs_key(world, client):
    commitment = new_commitment()
    token = client.add_entry(commitment)
    promised = promise.verify(
        token,
        PublicKey.parse_jwk(world.log["promise_key"]),
        log=world.log["origin"],
        commitment=commitment,
        now=world.clock.now(),
        max_age=timedelta(minutes=1),
    )
    assert promised.maximum_merge_delay == timedelta(seconds=60)


def test_entry_when_added_again_gets_the_same_promise(world, ledger, client):
    commitment = new_commitment()
    first = client.add_entry(commitment)
    world.clock.advance(timedelta(seconds=5))
    assert client.add_entry(commitment) == first
    ledger.sequence()
    assert client.add_entry(commitment) == first
    assert client.all_entries(checkpoints.parse_unverified(client.checkpoint()).size).count(commitment) == 1


def test_entry_when_promised_survives_a_restart_of_the_service(world, ledger, ledger_settings, client):
    commitment = new_commitment()
    token = client.add_entry(commitment)
    store = SqlStore(open_database(ledger_settings.database_url))
    assert store.find_promise("2026", commitment) == token


def test_batch_when_closed_is_provable_from_tiles_alone(world, ledger, client):
    added = [new_commitment() for _ in range(300)]
    for commitment in added:
        client.add_entry(commitment)
    ledger.sequence()
    key = audited(client).checkpoint_key
    world.http.calls.clear()
    place = client.prove(added[7], key)
    assert place is not None
    assert place.checkpoint.size == 300
    assert not any("proof" in url for _, url in world.http.calls)
    assert client.prove(new_commitment(), key) is None


def test_batch_when_small_is_filled_to_eight_and_sorted(world, ledger, client):
    commitment = new_commitment()
    client.add_entry(commitment)
    assert ledger.sequence() == 1
    entries = client.all_entries(8)
    assert commitment in entries
    assert list(entries) == sorted(entries)
    assert checkpoints.parse_unverified(client.checkpoint()).size == 8


def test_log_when_nobody_uses_it_grows_by_filler_once_a_day(world, ledger, client):
    assert ledger.sequence() == 0
    world.clock.advance(timedelta(days=1))
    assert ledger.sequence() == 8
    assert ledger.sequence() == 0


def test_checkpoint_when_log_is_new_is_the_signed_empty_tree(client):
    head = checkpoints.verify(client.checkpoint(), audited(client).checkpoint_key)
    assert (head.size, head.root) == (0, merkle.EMPTY_ROOT)


def test_inclusion_and_consistency_proofs_when_asked_for_verify(ledger, client, call):
    roots = {}
    commitment = new_commitment()
    for _ in range(3):
        client.add_entry(commitment)
        for _ in range(10):
            client.add_entry(new_commitment())
        ledger.sequence()
        head = checkpoints.parse_unverified(client.checkpoint())
        roots[head.size] = head.root
    first, *_, last = sorted(roots)
    for size, root in roots.items():
        status, body, _ = call(f"/log/v1/proof/inclusion?commitment={b64url_encode(commitment)}&size={size}")
        assert (status, body["tree_size"]) == (200, size)
        merkle.verify_inclusion(
            merkle.leaf_hash(commitment),
            index=body["leaf_index"],
            size=size,
            proof=[b64url_decode(each) for each in body["proof"]],
            expected_root=root,
        )
    status, body, _ = call(f"/log/v1/proof/consistency?first={first}&second={last}")
    assert status == 200
    merkle.verify_consistency(
        first=first,
        second=last,
        first_root=roots[first],
        expected_root=roots[last],
        proof=[b64url_decode(each) for each in body["proof"]],
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_request"),
        (b"[]", "invalid_request"),
        (b'{"commitment":1}', "invalid_commitment"),
        (b"{}", "invalid_commitment"),
        (b'{"commitment":"AAAA"}', "invalid_commitment"),
        (b'{"commitment":"' + b"A" * 42 + b'="}', "invalid_commitment"),
        (b'{"commitment":"' + b"A" * 42 + b'B"}', "invalid_commitment"),
        (b'{"commitment":"' + b"A" * 2000 + b'"}', "invalid_request"),
        (b'{"commitment":"' + b"A" * 43 + b'","log":7}', "invalid_request"),
    ],
)
def test_entry_when_malformed_is_refused_with_its_code(call, body, code):
    status, answer, _ = call("/log/v1/entries", data=body, content_type="application/json")
    assert (status, answer["error"]) == (400, code)
    assert answer["sentence"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/2031/checkpoint", 404, "unknown_log"),
        ("/log/v1/anchors?log=2031", 404, "unknown_log"),
        ("/log/v1/anchors/5", 404, "not_found"),
        ("/log/v1/proof/inclusion", 400, "invalid_commitment"),
        ("/log/v1/proof/inclusion?commitment=" + "A" * 43, 404, "not_found"),
        ("/log/v1/proof/inclusion?commitment=" + "A" * 43 + "&size=999", 400, "size_beyond"),
        ("/log/v1/proof/inclusion?commitment=" + "A" * 43 + "&size=-1", 400, "invalid_request"),
        ("/log/v1/proof/consistency?first=1", 400, "invalid_request"),
        ("/log/v1/proof/consistency?first=0&second=9", 400, "size_beyond"),
        ("/log/v1/proof/consistency?first=x&second=0", 400, "invalid_request"),
        ("/log/v1/proof/consistency?first=1&second=0", 400, "invalid_request"),
        ("/tile/0/000", 404, "invalid_tile"),
        ("/tile/9/000.p/1", 404, "invalid_tile"),
        ("/2026/tile/entries/x000/000.p/1", 404, "invalid_tile"),
    ],
)
def test_question_when_unanswerable_is_refused_with_its_code(call, path, status, code):
    got, body, _ = call(path)
    assert (got, body["error"]) == (status, code)


def test_entry_when_for_an_unknown_log_is_refused(call):
    status, body, _ = call("/log/v1/entries", json={"commitment": "A" * 43, "log": "2031"})
    assert (status, body["error"]) == (404, "unknown_log")


def test_public_parts_when_read_from_any_page_are_allowed(ledger, client, call):
    client.add_entry(new_commitment())
    ledger.sequence()
    for path in ("/checkpoint", "/2026/checkpoint", "/tile/0/000.p/8", "/tile/entries/000.p/8", "/log/v1/anchors"):
        status, _, answer = call(path)
        assert (status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert "immutable" in call("/tile/0/000.p/8")[2].headers["Cache-Control"]
    assert "Access-Control-Allow-Origin" not in call("/")[2].headers


def test_promise_when_an_earlier_one_is_overdue_is_refused_until_it_is_kept(world, ledger, client, call):
    client.add_entry(new_commitment())
    world.clock.advance(timedelta(seconds=61))
    status, body, _ = call("/log/v1/entries", json={"commitment": "A" * 43})
    assert (status, body["error"]) == (503, "log_behind")
    assert call("/readyz")[0] == 503
    ledger.sequence()
    assert call("/log/v1/entries", json={"commitment": "A" * 43})[0] == 201
    assert call("/readyz")[0] == 200


def test_promise_is_stored_under_a_lock_that_a_freeze_waits_for(client):
    """Else on PostgreSQL a promise could be stored after the log froze, and never be kept."""
    seen = []

    def note(state):
        seen.append(str(state.statement.compile(dialect=postgresql.dialect())))

    event.listen(Session, "do_orm_execute", note)
    try:
        client.add_entry(new_commitment())
    finally:
        event.remove(Session, "do_orm_execute", note)
    assert [" FROM logs " in text.replace("\n", " ") for text in seen if "FOR SHARE" in text] == [True]


def test_promise_when_the_log_is_frozen_is_refused_and_known_ones_stay(ledger_settings, client, call):
    known = new_commitment()
    token = client.add_entry(known)
    with open_database(ledger_settings.database_url).write() as session:
        row = session.get_one(LogRow, "2026")
        row.state, row.reason = "frozen", "restore needed: the chain is ahead of the database"
        session.add(row)
    status, body, _ = call("/log/v1/entries", json={"commitment": "A" * 43})
    assert (status, body["error"]) == (503, "log_frozen")
    assert call("/readyz")[0] == 503
    assert "restore needed" in call("/readyz")[1]["error_description"]
    assert client.add_entry(known) == token
    with pytest.raises(UnavailableError, match="ledger_unavailable"):
        client.add_entry(new_commitment())


def test_ledger_when_down_gives_the_client_no_promise(world, client):
    world.http.down.add(URL)
    with pytest.raises(UnavailableError):
        client.add_entry(new_commitment())


class _Fixed:
    """An `HTTPClient` with one answer."""

    def __init__(self, status, body) -> None:
        self._answer = Response(status=status, headers={}, body=body)

    def get(self, url, **_: object):
        return self._answer

    def post(self, url, **_: object):
        return self._answer


@pytest.mark.parametrize(("status", "body"), [(201, b"{}"), (201, b"no"), (400, b'{"error":"x"}'), (500, b"")])
def test_client_when_the_answer_is_no_promise_says_so(status, body):
    with pytest.raises(UnavailableError, match="ledger_unavailable"):
        LedgerClient(_Fixed(status, body), URL).add_entry(new_commitment())


def test_client_when_the_checkpoint_is_nonsense_says_so():
    with pytest.raises(RequestError, match="invalid_checkpoint"):
        LedgerClient(_Fixed(200, b"\xff"), URL).checkpoint()
    with pytest.raises(UnavailableError):
        LedgerClient(_Fixed(500, b""), URL).checkpoint()


def test_client_when_tiles_do_not_lead_to_the_root_refuses(world, ledger, client):
    commitment = new_commitment()
    client.add_entry(commitment)
    ledger.sequence()
    key = audited(client).checkpoint_key

    class Lying(LedgerClient):
        def tile(self, address):
            return tuple(reversed(super().tile(address)))

    with pytest.raises(Exception, match="invalid_proof"):
        Lying(world.http, URL).prove(commitment, key)
