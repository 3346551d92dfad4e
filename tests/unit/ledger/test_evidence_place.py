# SPDX-License-Identifier: EUPL-1.2
"""When a record is known to have been there: by whose word, and by whose not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger import record as records
from ledger.chain.sealer import FileSealKey
from ledger.evidence_place import FilePlaces, ReadRecord
from ledger.trusted_key import Witnessed
from protocol.clock import from_epoch
from protocol.keys import PrivateKey
from tests.fakes.evidence_cases import chain_of, validators
from tests.fakes.evidence_world import AUDITED_AT, EvidenceWorld

BLOCK_AT = from_epoch(1_800_000_000)


@pytest.fixture
def case(share, now):
    return EvidenceWorld(share, now=now)


def seen(case, item, trust=None, contents=None):
    places = FilePlaces(trust or case.trust, contents or {}, AUDITED_AT)
    return places.seen(ReadRecord.of(item), records.parse(item.record))


def test_record_is_seen_by_its_log_and_its_block_and_the_earlier_counts(case):
    assert seen(case, case.item) == Witnessed(case.now, BLOCK_AT)
    assert seen(case, case.item).by == case.now
    early = case.place(case.item, timestamp=1_700_000_000)
    assert seen(case, early).by == from_epoch(1_700_000_000)
    assert Witnessed().by is None


def test_record_in_an_unknown_log_is_seen_by_nobody(case):
    assert seen(case, case.item, replace(case.trust, logs=())) == Witnessed()


def test_promise_of_somebody_else_shows_nothing(case):
    forged = replace(case.item, promise=case.promise(PrivateKey.generate()))
    assert seen(case, forged) == Witnessed(None, BLOCK_AT)


@pytest.mark.parametrize("name", ["inclusion", "checkpoint", "anchor"])
def test_block_that_does_not_show_the_record_has_no_time_for_it(case, name):
    assert seen(case, replace(case.item, **{name: None})) == Witnessed(case.now, None)


def test_block_that_anybody_could_have_made_has_no_time(case):
    """With an old date: else a thief would seal a block of their own and be older than the theft."""
    strangers = [FileSealKey.generate() for _ in range(4)]
    old = {"timestamp": 1_700_000_000}
    for forged in (
        case.place(case.item, **old, validators=strangers, seals=strangers),
        case.place(case.item, **old, seals=case.validators[:2]),
    ):
        assert seen(case, forged) == Witnessed(case.now, None)
    unknown = chain_of(case, replace(case.chain, validators=()))
    assert seen(case, case.place(case.item, **old), unknown) == Witnessed(case.now, None)
    before_the_first = validators(case, (10**6, 4))
    assert seen(case, case.place(case.item, **old), before_the_first) == Witnessed(case.now, None)


def test_block_that_the_chain_itself_has_or_one_operator_sealed_has_its_time(case):
    unknown = chain_of(case, replace(case.chain, validators=()))
    assert seen(case, case.item, unknown, case.read()).anchored_at == BLOCK_AT
    alone = case.place(case.item, validators=case.validators[:1], seals=case.validators[:1])
    assert seen(case, alone, validators(case, (0, 1))).anchored_at == BLOCK_AT


def test_record_is_looked_for_once(case):
    places = FilePlaces(case.trust, {}, AUDITED_AT)
    read, record = ReadRecord.of(case.item), records.parse(case.item.record)
    assert places.find(read, record) is places.find(read, record)
