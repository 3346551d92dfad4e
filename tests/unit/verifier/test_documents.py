# SPDX-License-Identifier: EUPL-1.2
"""Checks 1 to 9 without a receipt: the same cases, the same refusals; and every part of a query counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ledger.receipt import ConsentReceipt
from protocol.dcql import MAX_CREDENTIALS, TrustedAuthority
from protocol.dcql.authorities import key_identifiers
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


HONEST = Case("honest", "valid", honest)


def presented(world: Any, asked: Transaction) -> PresentationResponse:
    shared = share(
        asked, honest(world, asked), log=LOG_ORIGIN, promise_key=world.promise_key, now=world.clock.now()
    )
    return PresentationResponse.parse(shared.payload)


def honest_statuses(world: Any) -> MemoryStatusLists:
    return MemoryStatusLists(world.trust, honest_lists(world))


def asking(asked: Transaction, **changes: Any) -> Transaction:
    """The same transaction with another credential query."""
    query = asked.procedure.query
    changed = replace(query, credentials=(replace(query.credentials[0], **changes),))
    return replace(asked, procedure=replace(asked.procedure, query=changed))


def refusal(world: Any, asked: Transaction, vp_token: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        verify_documents(world, asked, vp_token, honest_statuses(world))
    return caught.value


def test_documents_when_valid_then_only_what_was_asked_is_returned(world: Any) -> None:
    asked = transaction(world, HONEST)
    (found,) = verify_documents(world, asked, presented(world, asked).vp_token, honest_statuses(world))
    (query,) = asked.procedure.query.credentials
    assert (found.query_id, tuple(found.claims)) == (query.id, query.names)
    assert found.vct == VCT.format("university-degree")
    assert found.expires_at == world.clock.now() + timedelta(days=60)
    assert found.issuer.identifier == world.parties["universitat"].issuer_identifier


def test_presentation_when_valid_then_the_receipt_is_kept_as_it_arrived(world: Any) -> None:
    asked = transaction(world, HONEST)
    response = presented(world, asked)
    pipeline = Pipeline(trust=world.trust, status_lists=honest_statuses(world), policies=POLICIES)
    expected = Expected(asked.client_id, asked.nonce, asked.state, asked.procedure, RULES)
    found = pipeline.verify(response.payload(), expected=expected, now=world.clock.now())
    assert response.consent_receipt is not None
    assert found.given_receipt == ConsentReceipt.parse(response.consent_receipt)


@pytest.mark.parametrize("is_named", [True, False])
def test_query_for_documents_of_one_authority_refuses_those_of_another(world: Any, is_named: bool) -> None:
    asked = transaction(world, HONEST)
    (own,) = key_identifiers(world.parties["universitat"].issuer_chain)
    authority = TrustedAuthority("aki", (own if is_named else "AAAA",))
    vp_token = presented(world, asked).vp_token
    narrower = asking(asked, trusted_authorities=(authority,))
    if is_named:
        assert verify_documents(world, narrower, vp_token, honest_statuses(world))
    else:
        assert refusal(world, narrower, vp_token).check is Check.QUERY


@pytest.mark.parametrize("value", ["Mariona", "Another"])
def test_query_for_one_value_refuses_a_document_with_another(world: Any, value: str) -> None:
    asked = transaction(world, HONEST)
    (query,) = asked.procedure.query.credentials
    vp_token = presented(world, asked).vp_token
    claims = tuple(
        replace(claim, values=(value,)) if claim.path == ("given_name",) else claim for claim in query.claims
    )
    assert claims != query.claims
    narrower = asking(asked, claims=claims)
    if value == "Mariona":
        assert verify_documents(world, narrower, vp_token, honest_statuses(world))
    else:
        assert refusal(world, narrower, vp_token).check is Check.QUERY


def test_answer_in_a_format_that_we_do_not_speak_is_refused_with_its_code(world: Any) -> None:
    asked = transaction(world, HONEST)
    foreign = asking(asked, format="mso_mdoc", vct_values=(), foreign_meta={"doctype_value": "d"})
    found = refusal(world, foreign, presented(world, asked).vp_token)
    assert (found.check, found.code) == (Check.FORMAT, "vp_formats_not_supported")


@pytest.mark.parametrize(
    ("number", "check"), [(0, Check.FORMAT), (MAX_CREDENTIALS, Check.QUERY), (MAX_CREDENTIALS + 1, Check.FORMAT)]
)
def test_number_of_documents_is_bounded(world: Any, number: int, check: Check) -> None:
    asked = transaction(world, HONEST)
    ((name, (text,)),) = presented(world, asked).vp_token.items()
    assert refusal(world, asked, {name: [text] * number}).check is check
