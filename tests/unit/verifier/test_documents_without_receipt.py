# SPDX-License-Identifier: EUPL-1.2
"""Checks 1 to 9 without a receipt: the same cases, the same refusals, and never a word about the receipt."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from protocol.errors import Check, Error
from protocol.openid4vp import PresentationResponse
from tests.conftest import LOG_ORIGIN
from tests.fakes.holder import CLAIMS, VCT, Transaction, share
from tests.fakes.presentations import CASES, Case, honest
from tests.fakes.status_host import honest_lists
from tests.fakes.status_lists import MemoryStatusLists
from verifier.checklist import CouldNotCheckError, RefusedError
from verifier.policy import POLICIES, DocumentRule
from verifier.verification import Expected, Pipeline, VerifiedDocument

RULES = {
    VCT.format(kind): DocumentRule(
        VCT.format(kind), carries_status=kind != "tax-compliance", longest_validity=timedelta(days=365)
    )
    for kind in CLAIMS
}


def transaction(world: Any, case: Case) -> Transaction:
    party = world.parties[case.party]
    procedure = next(each.data.procedure for each in party.procedures if each.data.procedure.id == case.procedure)
    return Transaction(party.client_id, "n" * 32, "s" * 32, procedure)


def verify_documents(world: Any, asked: Transaction, vp_token: Any, lists: Any) -> tuple[VerifiedDocument, ...]:
    pipeline = Pipeline(trust=world.trust, status_lists=lists, policies=POLICIES)
    expected = Expected(asked.client_id, asked.nonce, asked.state, asked.procedure, RULES)
    return pipeline.verify_documents(vp_token, expected=expected, now=world.clock.now())


def outcome(world: Any, case: Case) -> str | None:
    """`valid`, `could-not-tell`, the check that failed, or None when the response itself is no response."""
    asked = transaction(world, case)
    how = case.make(world, asked)
    shared = share(asked, how, log=LOG_ORIGIN, promise_key=world.promise_key, now=world.clock.now())
    try:
        response = PresentationResponse.parse(shared.payload)
    except Error:
        return None
    lists = MemoryStatusLists(world.trust, {**honest_lists(world), **how.status_lists})
    try:
        assert verify_documents(world, asked, response.vp_token, lists)
    except RefusedError as exc:
        return exc.check.value
    except CouldNotCheckError as exc:
        return "could-not-tell" if exc.check is Check.STATUS else exc.check.value
    return "valid"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_documents_when_one_thing_is_wrong_then_that_check_refuses(world: Any, case: Case) -> None:
    # neither the receipt nor the state of the transaction is among checks 1 to 9
    holds_here = case.expect == "receipt" or case.name == "state-of-another-transaction"
    assert outcome(world, case) in {None, "valid" if holds_here else case.expect}


def test_documents_when_valid_then_only_what_was_asked_is_returned(world: Any) -> None:
    case = Case("honest", "valid", honest)
    asked = transaction(world, case)
    shared = share(
        asked, honest(world, asked), log=LOG_ORIGIN, promise_key=world.promise_key, now=world.clock.now()
    )
    vp_token = PresentationResponse.parse(shared.payload).vp_token
    (found,) = verify_documents(world, asked, vp_token, MemoryStatusLists(world.trust, honest_lists(world)))
    (query,) = asked.procedure.query.credentials
    assert (found.query_id, tuple(found.claims)) == (query.id, query.names)
    assert found.vct == VCT.format("university-degree")
    assert found.expires_at == world.clock.now() + timedelta(days=60)
    assert found.issuer.identifier == world.parties["universitat"].issuer_identifier
