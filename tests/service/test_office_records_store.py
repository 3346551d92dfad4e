# SPDX-License-Identifier: EUPL-1.2
"""The store of auditors' requests by itself, on SQLite and on PostgreSQL, in an issuer's and in a verifier's tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

import issuer.tables
import verifier.tables
from issuer.interop import Authorisation, Officer
from issuer.records import Administration
from issuer.store import SqlStore
from ledger import records_request as messages
from ledger.office_records import Access, ReceivedRequest
from ledger.office_records_store import SqlRecordsRequests
from ledger.reconciliation import Role
from ledger.records_request import RecordsRequest
from protocol.errors import RequestError, StoreConflictError
from protocol.keys import PrivateKey
from protocol.runtime.database import migrate, open_database
from protocol.runtime.sealing import Sealer
from tests.conftest import NOW
from verifier.model import Administration as Office
from verifier.store import SqlStore as SqlVerifierStore

KEY = PrivateKey.generate()
TABLES = {"issuer": issuer.tables, "verifier": verifier.tables}
ASKED = RecordsRequest("A", "law", NOW.date(), NOW, NOW - timedelta(days=1), NOW, role=Role.ISSUER)


@pytest.fixture(params=list(TABLES))
def service(request):
    return request.param


@pytest.fixture
def database(new_database, service):
    made = open_database(new_database(service))
    migrate(made, service)
    for name in ("a", "b"):
        if service == "issuer":
            by = Authorisation(name, name, "F", Officer("O", "00000000T"))
            SqlStore(made).put_administration(
                Administration(name, name, {"ca": name}, by, "file:k", ("c",), ("t",))
            )
        else:
            SqlVerifierStore(made).put_administration(
                Office(name, name, {"ca": name}, "file:k", ("c",), name, None)
            )
    return made


@pytest.fixture
def store(database, service):
    return SqlRecordsRequests(
        database,
        sealer=Sealer(b"s" * 32, purpose="test"),
        requests=TABLES[service].RecordsRequestRow,
        accesses=TABLES[service].RecordsAccessRow,
    )


def received(reason="law", here="a", due=0):
    asked = replace(ASKED, reason=reason, due_on=NOW.date() + timedelta(days=due))
    token = asked.sign(KEY, x5c=["chain"])
    return ReceivedRequest(messages.digest_of(token).hex(), here, token, "X", {"ca": "Autoritat"}, asked, NOW)


def test_request_is_kept_once_and_found_by_its_own_office_only(store):
    first = received()
    assert store.add_records_request(first) == first
    assert store.add_records_request(replace(first, received_at=NOW + timedelta(days=1))) == first
    assert store.get_records_request("a", first.id) == first
    assert store.records_requests("b") == []
    with pytest.raises(RequestError) as refused:
        store.get_records_request("b", first.id)
    assert refused.value.code == "not_found"


def test_answer_is_given_once_rests_sealed_for_its_request_and_can_be_destroyed(store, database, service):
    first, second = received(), received("other")
    for each in (first, second):
        store.add_records_request(each)
    store.answer_records_request("a", first.id, answer=b'{"an":"answer"}', by="Clara", at=NOW)
    with pytest.raises(StoreConflictError) as refused:
        store.answer_records_request("a", first.id, answer=b"{}", by="Joan", at=NOW)
    assert refused.value.code == "records_answered"
    assert store.find_answer("a", first.id) == b'{"an":"answer"}'
    assert store.find_answer("b", first.id) is store.find_answer("a", second.id) is None
    done = store.get_records_request("a", first.id)
    assert (done.answered_by, done.answered_at, done.is_kept) == ("Clara", NOW, True)
    # in another's place it does not open
    table = TABLES[service].RecordsRequestRow
    with database.write() as session:
        rows = {row.id: row for row in session.exec(select(table))}
        assert b"answer" not in rows[first.id].answer
        rows[second.id].answer = rows[first.id].answer
        session.add(rows[second.id])
    with pytest.raises(StoreConflictError):
        store.find_answer("a", second.id)
    store.destroy_answer("b", first.id)
    assert store.find_answer("a", first.id) is not None
    store.destroy_answer("a", first.id)
    assert store.find_answer("a", first.id) is None
    gone = store.get_records_request("a", first.id)
    assert (gone.answered_by, gone.is_kept) == ("Clara", False)
    with pytest.raises(StoreConflictError):
        store.answer_records_request("a", first.id, answer=b"{}", by="Joan", at=NOW)


def test_requests_come_by_their_term_and_those_answered_last(store):
    late, soon, done = received("late", due=9), received("soon", due=2), received("done", due=1)
    for each in (late, soon, done):
        store.add_records_request(each)
    store.answer_records_request("a", done.id, answer=b"{}", by="Clara", at=NOW)
    assert [each.id for each in store.records_requests("a")] == [soon.id, late.id, done.id]


def test_access_counts_once_whoever_asks_for_what(store):
    first, second = received(), received("other")
    for each in (first, second):
        store.add_records_request(each)
    store.add_access("a", first.id, Access(NOW, {"ca": "Autoritat"}), digest="d")
    for request_id in (first.id, second.id):
        with pytest.raises(StoreConflictError) as refused:
            store.add_access("a", request_id, Access(NOW, {"ca": "Autoritat"}), digest="d")
        assert refused.value.code == "access_used"
    assert store.accesses("a", first.id) == [Access(NOW, {"ca": "Autoritat"})]
    assert store.accesses("a", second.id) == store.accesses("b", first.id) == []
