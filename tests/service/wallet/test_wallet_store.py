# SPDX-License-Identifier: EUPL-1.2
"""The wallet's store: account, subject and capacity together say whose a row is; changes happen whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from protocol.errors import StoreConflictError
from protocol.runtime.database import migrate, open_database
from wallet import vault
from wallet.rows import Pending, SealedCopy, SealedItem, Vault
from wallet.store import SqlStore


@pytest.fixture
def store(new_database):
    database = open_database(new_database("wallet"))
    migrate(database, "wallet")
    return SqlStore(database)


@pytest.fixture
def actor(store, clock):
    return store.get_actor(b"marta", now=clock.now())


@pytest.fixture
def filled(store, actor, clock):
    """One of everything."""
    now = clock.now()
    wrapped = vault.WrappedKey(vault.KDF, bytes(16), vault.ROUNDS, bytes(12), bytes(48))
    store.put_vault(actor, Vault("v", wrapped, b"proof"), now=now)
    store.put_pending(actor, Pending("p", "offer", b"sealed", now + timedelta(hours=1)))
    store.put_document(
        actor, SealedItem("d", 1, b"sealed", now), [SealedCopy(c, "d", 1, b"x", None) for c in "ab"]
    )
    store.put_share(actor, SealedItem("s", 1, b"sealed", now, "promised"))
    store.put_take_back(actor, "s", SealedItem("t", 1, b"sealed", now, "promised"))
    return store


def _everything(store, actor, now):
    return [
        store.find_vault(actor),
        store.find_pending(actor, "p", "offer", now=now),
        store.take_pending(actor, "p", "offer", now=now),
        store.documents(actor),
        store.find_document(actor, "d"),
        store.copies(actor, "d"),
        store.find_copy(actor, "a"),
        store.shares(actor),
        store.find_share(actor, "s"),
        store.take_backs(actor, "s"),
    ]


def test_same_person_is_the_same_actor(store, actor, clock):
    assert store.get_actor(b"marta", now=clock.now()) == actor
    other = store.get_actor(b"jordi", now=clock.now())
    assert other.account_id != actor.account_id
    assert other.subject_id != actor.subject_id


@pytest.mark.parametrize("part", ["account_id", "subject_id", "capacity"])
def test_row_when_account_subject_or_capacity_is_another_does_not_exist(filled, actor, clock, part):
    other_person = filled.get_actor(b"jordi", now=clock.now())
    value = "mandate" if part == "capacity" else getattr(other_person, part)
    other = replace(actor, **{part: value})
    assert not any(_everything(filled, other, clock.now()))
    filled.delete_document(other, "d")
    filled.delete_share(other, "s", state="promised")
    filled.empty(other)
    with pytest.raises(StoreConflictError):
        filled.update_share(other, SealedItem("s", 2, b"new", clock.now(), "accepted"))
    with pytest.raises(StoreConflictError):
        filled.update_take_back(other, SealedItem("t", 2, b"new", clock.now(), "received"))
    assert all(_everything(filled, actor, clock.now()))


def test_pending_when_taken_twice_is_given_once_and_not_after_expiry(filled, actor, clock):
    assert filled.take_pending(actor, "p", "offer", now=clock.now())
    assert filled.take_pending(actor, "p", "offer", now=clock.now()) is None
    filled.put_pending(actor, Pending("q", "offer", b"", clock.now()))
    assert filled.find_pending(actor, "q", "offer", now=clock.now()) is None


def test_share_when_decided_before_is_a_conflict_but_one_only_prepared_is_replaced(filled, actor, clock):
    with pytest.raises(StoreConflictError) as caught:
        filled.put_share(actor, SealedItem("s", 1, b"again", clock.now(), "prepared"))
    assert caught.value.code == "already_decided"
    filled.put_share(actor, SealedItem("n", 1, b"one", clock.now(), "prepared"))
    filled.put_share(actor, SealedItem("n", 1, b"two", clock.now(), "prepared"))
    assert filled.find_share(actor, "n").sealed == b"two"


def test_share_when_changed_elsewhere_is_a_conflict(filled, actor, clock):
    filled.update_share(actor, SealedItem("s", 2, b"new", clock.now(), "accepted"))
    with pytest.raises(StoreConflictError):
        filled.update_share(actor, SealedItem("s", 2, b"other", clock.now(), "rejected"))
    assert filled.find_share(actor, "s").sealed == b"new"


def test_copy_when_shown_meanwhile_leaves_share_and_copies_as_they_were(filled, actor, clock):
    seen = filled.copies(actor, "d")
    filled.promise_share(actor, SealedItem("s", 2, b"new", clock.now(), "promised"), seen[:1], now=clock.now())
    filled.put_share(actor, SealedItem("s2", 1, b"x", clock.now(), "prepared"))
    with pytest.raises(StoreConflictError):
        filled.promise_share(actor, SealedItem("s2", 2, b"x", clock.now(), "promised"), seen, now=clock.now())
    assert filled.find_share(actor, "s2").state == "prepared"
    assert [copy.shown_at for copy in filled.copies(actor, "d")] == [None, clock.now()]


def test_copies_when_all_were_shown_come_longest_ago_first(filled, actor, clock):
    for number in (2, 3):
        copy = filled.copies(actor, "d")[0]
        filled.promise_share(actor, SealedItem("s", number, b"", clock.now(), "promised"), [copy], now=clock.now())
        clock.advance(timedelta(minutes=1))
    first, second = filled.copies(actor, "d")
    assert first.shown_at < second.shown_at


def test_vault_when_there_is_one_is_a_conflict(filled, actor, clock):
    with pytest.raises(StoreConflictError):
        filled.put_vault(actor, filled.find_vault(actor), now=clock.now())


def test_wallet_when_emptied_has_nothing_left(filled, actor, clock):
    filled.empty(actor)
    assert not any(_everything(filled, actor, clock.now()))
