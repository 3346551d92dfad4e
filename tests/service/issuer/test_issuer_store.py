# SPDX-License-Identifier: EUPL-1.2
"""The store by itself: one winner per change, and nothing of one administration reachable through another."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from issuer.interop import Consent
from issuer.records import Copy, Issuance, Objection, OfferDigests, Person, QueryRecord, SourceQuery, State
from ledger.commitment import Commitment

PERSON = Person(b"somebody")


@pytest.fixture
def issuance(store, world) -> Issuance:
    made = Issuance(
        id="one",
        administration_id="universitat",
        type_id="university-degree",
        person=PERSON,
        state=State.OFFERED,
        created_at=world.clock.now(),
        expires_at=world.clock.now() + timedelta(minutes=1),
        sealed=b"sealed",
        digests=OfferDigests(b"offer", b"code", b"tx"),
        return_url="http://localhost:8102/",
        reference="r",
    )
    store.add_issuance(made)
    return made


def a_copy(world, number: int = 1) -> Copy:
    now = world.clock.now()
    return Copy(f"copy{number}", "universitat", "one", "university-degree", now, now + timedelta(days=1))


def a_record(query: SourceQuery) -> QueryRecord:
    return QueryRecord(
        commitment=Commitment(query.id.encode().ljust(32)),
        administration_id=query.administration_id,
        query_id=query.id,
        log="localhost:8104/2026",
        sealed=b"sealed",
        made_at=query.asked_at,
        keep_until=query.asked_at + timedelta(days=1095),
        due_at=query.asked_at,
    )


def test_issuance_when_read_back_then_equal(store, issuance):
    assert store.find_issuance("universitat", "one") == issuance


def test_every_reading_and_change_through_another_administration_finds_nothing(store, issuance, world):
    now = world.clock.now()
    for find, key in (
        (store.find_issuance, "one"),
        (store.find_offer, b"offer"),
        (store.find_code, b"code"),
        (store.find_token, b"token"),
    ):
        assert find("ajuntament", key) is None
    until = now + timedelta(hours=1)
    assert not store.charge_attempt("ajuntament", "one", limit=5)
    assert not store.redeem("ajuntament", "one", token_digest=b"token", until=until)
    assert not store.offer("ajuntament", "one", sealed=b"", digests=OfferDigests(b"a", b"b", b"c"), until=until)
    assert not store.finish("ajuntament", "one", copies=[], notification_digest=b"n")
    assert not store.lock("ajuntament", "one", limit=0)
    assert store.erase_expired("ajuntament", until) == 0
    store.note_event("ajuntament", "one", "credential_deleted")
    assert store.find_issuance("universitat", "one") == issuance


def test_nonce_when_another_administration_or_too_late_then_not_taken_and_else_once(store, world):
    now = world.clock.now()
    store.add_nonce("universitat", b"nonce", now + timedelta(seconds=1))
    assert not store.take_nonce("ajuntament", b"nonce", now)
    assert not store.take_nonce("universitat", b"nonce", now + timedelta(seconds=1))
    assert store.take_nonce("universitat", b"nonce", now)
    assert not store.take_nonce("universitat", b"nonce", now)


def test_tries_when_at_the_limit_then_no_more_and_only_then_locked(store, issuance):
    assert [store.charge_attempt("universitat", "one", limit=2) for _ in range(3)] == [True, True, False]
    assert not store.lock("universitat", "one", limit=3)
    assert store.lock("universitat", "one", limit=2)
    found = store.find_issuance("universitat", "one")
    assert (found.state, found.sealed, found.attempts) == (State.LOCKED, None, 2)


def test_redeemed_when_locked_or_offered_again_then_stays(store, issuance):
    until = issuance.expires_at
    assert store.redeem("universitat", "one", token_digest=b"token", until=until)
    assert not store.redeem("universitat", "one", token_digest=b"other", until=until)
    assert not store.lock("universitat", "one", limit=0)
    assert not store.charge_attempt("universitat", "one", limit=5)
    assert store.find_token("universitat", b"token").state is State.REDEEMED
    assert store.find_token("universitat", b"other") is None


def test_finish_when_done_twice_then_copies_once_and_claims_erased(store, issuance, world):
    store.redeem("universitat", "one", token_digest=b"token", until=issuance.expires_at)
    copies = [a_copy(world, 1), a_copy(world, 2)]
    assert store.finish("universitat", "one", copies=copies, notification_digest=b"n")
    assert not store.finish("universitat", "one", copies=[a_copy(world, 3)], notification_digest=b"m")
    assert sorted(store.copies("universitat", "one"), key=lambda c: c.id) == copies
    assert store.copies("ajuntament", "one") == []
    found = store.find_issuance("universitat", "one")
    assert (found.state, found.sealed, found.notification_digest) == (State.ISSUED, None, b"n")
    assert store.erase_expired("universitat", issuance.expires_at) == 0
    assert store.find_issuance("universitat", "one").state is State.ISSUED


@pytest.mark.parametrize("state", [State.CHOOSING, State.OFFERED, State.REDEEMED])
def test_open_issuance_when_its_time_has_passed_then_erased(store, issuance, state):
    second = replace(issuance, id="two", state=state, digests=None)
    store.add_issuance(second)
    assert store.erase_expired("universitat", issuance.expires_at - timedelta(seconds=1)) == 0
    assert store.erase_expired("universitat", issuance.expires_at) == 2
    found = store.find_issuance("universitat", "two")
    assert (found.state, found.sealed) == (State.EXPIRED, None)


def test_queries_when_of_two_administrations_then_kept_apart_newest_first(store, world):
    now = world.clock.now()
    first = SourceQuery(
        id="q1",
        administration_id="universitat",
        person=PERSON,
        type_id="university-degree",
        requester_code="9900000001",
        requester_name="Universitat de Vilaprova",
        product="MEPSYD",
        modality="TITOLS_UNIVERSITARIS",
        finality="PROVES",
        consent=Consent.NOT_OBJECTED,
        authorised_at=None,
        asked_at=now,
        outcome="asked",
        source_code="",
        correlation_id="c",
    )
    second = replace(first, id="q2", asked_at=now + timedelta(seconds=1))
    for query in (first, second, replace(first, id="q3", administration_id="ajuntament")):
        store.add_query(query, a_record(query))
    store.end_query("ajuntament", "q1", outcome="found", source_code="")
    assert store.queries_about("universitat", PERSON) == [second, first]
    store.end_query("universitat", "q1", outcome="no_data", source_code="0238")
    assert store.queries_about("universitat", PERSON)[1].outcome == "no_data"
    assert store.queries_about("universitat", Person(b"somebody else")) == []


def test_objection_when_withdrawn_through_another_administration_then_stands(store, world):
    now = world.clock.now()
    made = Objection("o1", "universitat", PERSON, "university-degree", b"sealed", now)
    store.add_objection(made)
    store.withdraw_objection("ajuntament", "o1", now)
    assert store.find_objection("ajuntament", "o1") is None
    assert store.standing_objection("universitat", PERSON, "university-degree") == made
    store.withdraw_objection("universitat", "o1", now)
    assert store.standing_objection("universitat", PERSON, "university-degree") is None
    assert store.find_objection("universitat", "o1").withdrawn_at == now
