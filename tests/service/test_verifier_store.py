# SPDX-License-Identifier: EUPL-1.2
"""The verifier's store: nothing of one administration is visible to another, and the tables are the migrations'."""

from __future__ import annotations

import inspect
from dataclasses import replace
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import IntegrityError

from ledger.commitment import Commitment
from protocol.errors import Check, ConfigurationError, RequestError, StoreConflictError
from protocol.runtime.database import migrate, open_database
from tests.fakes.presentations import honest
from verifier.model import (
    Answer,
    AnswerKind,
    BlockedCase,
    Decision,
    PresentationState,
    Withdrawal,
    WithdrawalState,
)
from verifier.store import SqlStore, Store
from verifier.tables import Base


def test_tables_when_migrated_then_equal_to_the_metadata(tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/v.sqlite")
    migrate(database, "verifier")
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_every_table_of_an_administration_names_it():
    for name, table in Base.metadata.tables.items():
        # status lists and trust lists are public
        if name not in {"sessions", "administrations", "status_tokens", "trust_lists"}:
            assert "administration_id" in table.columns, name


def test_every_store_method_that_touches_an_administrations_rows_asks_for_it():
    without = {
        "administrations",
        "find_administration_by_code",
        "find_administration_by_token",
        # these carry it inside the value
        "add_presentation",
        "add_withdrawal",
        "put_administration",
    }
    for name, method in inspect.getmembers(Store, inspect.isfunction):
        if not name.startswith("_") and name not in without:
            assert "administration_id" in inspect.signature(method).parameters, name


@pytest.mark.parametrize("bad", ["desk", "api", "Ajuntament", "a/b", "", "-a"])
def test_administration_when_its_id_cannot_be_an_address_then_refused(office, bad):
    known = office.services.store.get_administration("ajuntament")
    with pytest.raises(ConfigurationError):
        office.services.store.put_administration(type(known)(**{**vars(known), "id": bad}))


@pytest.mark.case("V24")
@pytest.mark.parametrize("secret", ["wallet_state", "request_id"])
def test_presentation_when_it_has_a_secret_of_another_then_it_cannot_be_stored(office, world, secret):
    store: SqlStore = office.services.store
    first, second = (store.get_presentation("ajuntament", office.start()["id"]) for _ in range(2))
    twin = replace(second, id="t" * 32, request_id="r" * 32, wallet_state="s" * 32, nonce="n" * 32)
    with pytest.raises(IntegrityError):
        store.add_presentation(replace(twin, **{secret: getattr(first, secret)}))
    store.add_presentation(twin)


@pytest.fixture
def withdrawn(office, world):
    """A presentation of the town hall with a withdrawal, and its decision's commitment."""
    started = office.start()
    shared, _ = office.answer(office.fetch(started["request_url"]), honest(world, None))
    now = world.clock.now()
    office.services.store.add_withdrawal(
        Withdrawal(
            id="w1",
            administration_id="ajuntament",
            presentation_id=started["id"],
            token="t1",
            commitment=Commitment(b"w" * 32),
            kind="withdraw",
            record=b"r",
            key=b"k",
            signature="s",
            promise="p",
            marker_promise="m",
            received_at=now,
            due_on=now.date(),
        )
    )
    return started["id"], shared


def test_store_when_another_administration_asks_then_nothing_exists(office, world, withdrawn):
    store: SqlStore = office.services.store
    presentation_id, shared = withdrawn
    own = store.get_presentation("ajuntament", presentation_id)
    for refused in (
        lambda: store.get_presentation("universitat", presentation_id),
        lambda: store.get_presentation_by_request("universitat", own.request_id),
        lambda: store.get_withdrawal("universitat", "w1"),
        lambda: store.get_withdrawal_by_token("universitat", "t1"),
        lambda: store.get_procedure("universitat", "borsa-treball", version=None),
        lambda: store.get_procedure("universitat", "borsa-treball", version=1),
    ):
        with pytest.raises(RequestError) as caught:
            refused()
        assert caught.value.status == 404
    assert store.find_presentation_by_commitment("universitat", shared.commitment) is None
    assert store.find_case("universitat", presentation_id) is None
    assert store.find_blocked("universitat", presentation_id) is None
    assert store.find_withdrawal_by_commitment("universitat", Commitment(b"w" * 32)) is None
    assert store.recent_presentations("universitat", limit=9) == []
    assert store.open_withdrawals("universitat") == []
    assert store.withdrawals_of("universitat", presentation_id) == []
    assert {p.id for p in store.procedures("universitat")} == {"beca-estudis"}


def test_store_when_another_administration_writes_then_nothing_changes(office, world, withdrawn):
    store: SqlStore = office.services.store
    presentation_id, _ = withdrawn
    now = world.clock.now()
    waiting = office.start()["id"]
    decision = Decision(PresentationState.DECLINED, now, b"d", 200, b"{}", None, None, None)
    with pytest.raises(StoreConflictError):
        store.decide("universitat", waiting, decision)
    store.note_trouble("universitat", waiting, check=Check.STATUS, code="x")
    row = store.get_presentation("ajuntament", waiting)
    assert (row.state, row.trouble) == (PresentationState.WAITING, None)
    answer = Answer(AnswerKind.BLOCKED, b"r", b"k", "s", None, now, "x", None)
    with pytest.raises(StoreConflictError):
        store.decide_withdrawal("universitat", "w1", answer, BlockedCase(b"s", now, now))
    store.give_answer("universitat", "w1", promise="p")
    assert store.get_withdrawal("ajuntament", "w1").state is WithdrawalState.RECEIVED
    assert store.find_case("ajuntament", presentation_id) is not None
    assert store.destroy_blocked("universitat", now=now + timedelta(days=9999)) == 0


def test_procedure_when_a_newer_version_is_put_then_it_starts_and_the_old_one_stays_readable(office, world):
    from dataclasses import replace

    store: SqlStore = office.services.store
    procedure = next(
        p.data.procedure for p in world.parties["ajuntament"].procedures if p.data.procedure.id == "borsa-treball"
    )
    newer = world.authority.sign_statement(replace(procedure, version=2), now=world.clock.now())
    store.put_procedure("ajuntament", newer, next_step={"ca": "x"}, due_days=None, remedies={})
    assert store.get_procedure("ajuntament", "borsa-treball", version=None).version == 2
    assert store.get_procedure("ajuntament", "borsa-treball", version=1).version == 1
    assert [p.version for p in store.procedures("ajuntament") if p.id == "borsa-treball"] == [2]
