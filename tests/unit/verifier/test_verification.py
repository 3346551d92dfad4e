# SPDX-License-Identifier: EUPL-1.2
"""The ten checks: each refuses what it must, by its own name, and says truly what ran before it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from protocol.errors import Check, ConfigurationError, UnavailableError, VerificationError
from protocol.registration import Procedure
from tests.conftest import LOG_ORIGIN
from tests.fakes.holder import CLAIMS, VCT, Share, Transaction, issue, share
from tests.fakes.presentations import CASES, Case, degree, honest, tax_without_status
from tests.fakes.status_host import honest_lists
from tests.fakes.status_lists import MemoryStatusLists
from verifier.checklist import CheckState, CouldNotCheckError, RefusedError
from verifier.policy import POLICIES, DocumentRule, ProcedureInForce, SamePerson
from verifier.verification import Expected, Pipeline, VerifiedPresentation

RULES = {
    VCT.format(kind): DocumentRule(
        VCT.format(kind), carries_status=kind != "tax-compliance", longest_validity=timedelta(days=365)
    )
    for kind in CLAIMS
}


def procedure_of(world: Any, party: str, name: str) -> Procedure:
    return next(p.data.procedure for p in world.parties[party].procedures if p.data.procedure.id == name)


def transaction(world: Any, party: str = "ajuntament", name: str = "borsa-treball") -> Transaction:
    return Transaction(world.parties[party].client_id, "n" * 32, "s" * 32, procedure_of(world, party, name))


def lists_of(world: Any, how: Share | None = None) -> MemoryStatusLists:
    return MemoryStatusLists(world.trust, {**honest_lists(world), **(how.status_lists if how else {})})


def verify(world: Any, asked: Transaction, payload: bytes, **changes: Any) -> VerifiedPresentation:
    expected = Expected(
        client_id=asked.client_id,
        nonce=asked.nonce,
        state=asked.state,
        procedure=asked.procedure,
        document_rules=changes.pop("rules", RULES),
    )
    pipeline = Pipeline(
        trust=world.trust,
        status_lists=changes.pop("lists", None) or lists_of(world),
        policies=changes.pop("policies", POLICIES),
    )
    return pipeline.verify(payload, expected=expected, now=changes.pop("now", world.clock.now()))


def answer(world: Any, asked: Transaction, how: Share) -> bytes:
    return share(asked, how, log=LOG_ORIGIN, promise_key=world.promise_key, now=world.clock.now()).payload


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_presentation_when_one_thing_is_wrong_then_that_check_refuses(world: Any, case: Case) -> None:
    asked = transaction(world, case.party, case.procedure)
    how = case.make(world, asked)
    payload, lists = answer(world, asked, how), lists_of(world, how)
    if case.expect == "valid":
        assert verify(world, asked, payload, lists=lists).documents
        return
    if case.expect == "could-not-tell":
        with pytest.raises(CouldNotCheckError) as unsure:
            verify(world, asked, payload, lists=lists)
        assert isinstance(unsure.value, UnavailableError)
        assert unsure.value.check is Check.STATUS
        assert unsure.value.checklist[Check.STATUS] is CheckState.COULD_NOT_TELL
        return
    with pytest.raises(RefusedError) as caught:
        verify(world, asked, payload, lists=lists)
    assert caught.value.check.value == case.expect, caught.value.message
    if case.code:
        assert caught.value.code == case.code
    order = list(Check)
    place = order.index(caught.value.check)
    states = [caught.value.checklist[check] for check in order]
    assert states[place] is CheckState.FAILED
    assert set(states[:place]) <= {CheckState.PASSED, CheckState.NOT_APPLICABLE}
    assert set(states[place + 1 :]) <= {CheckState.NOT_RUN}


def test_every_check_has_a_case_that_it_alone_refuses() -> None:
    assert {case.expect for case in CASES} == {check.value for check in Check} | {"valid", "could-not-tell"}


def test_presentation_when_valid_then_only_what_was_asked_is_returned(world: Any) -> None:
    asked = transaction(world)
    found = verify(world, asked, answer(world, asked, honest(world, asked)))
    (document,) = found.documents
    assert tuple(document.claims) == asked.procedure.query.credentials[0].names
    assert document.claims["degree_title"] == "Grau en Biologia"
    assert document.issuer.party_code == "U00000001"
    assert found.receipt.record.party.identifier == "L01990015"
    assert set(found.checklist.values()) == {CheckState.PASSED}


def test_status_when_type_is_unknown_then_refused(world: Any) -> None:
    asked = transaction(world)
    with pytest.raises(RefusedError) as caught:
        verify(world, asked, answer(world, asked, honest(world, asked)), rules={})
    assert caught.value.check is Check.STATUS


def test_status_when_type_carries_none_then_not_applicable(world: Any) -> None:
    asked = transaction(world, name="subvencio-comerc")
    lists = lists_of(world)
    found = verify(world, asked, answer(world, asked, tax_without_status(days=30)(world, asked)), lists=lists)
    assert found.checklist[Check.STATUS] is CheckState.NOT_APPLICABLE
    assert lists.calls == []


@pytest.mark.case("T9")
def test_status_of_an_expired_document_is_not_asked(world: Any) -> None:
    asked, lists = transaction(world), lists_of(world)
    how = Share(held=degree(world, expires_at=world.clock.now()))
    with pytest.raises(RefusedError) as caught:
        verify(world, asked, answer(world, asked, how), lists=lists)
    assert caught.value.check is Check.VALIDITY
    assert lists.calls == []


def test_policy_when_registration_has_ended_then_refused(world: Any) -> None:
    asked = transaction(world)
    with pytest.raises(VerificationError) as caught:
        ProcedureInForce().check([{}], procedure=asked.procedure, now=asked.procedure.valid_until)
    assert (caught.value.check, caught.value.code) == (Check.POLICY, "procedure_ended")


def test_policy_when_one_of_two_documents_names_nobody_then_refused(world: Any) -> None:
    asked = transaction(world)
    for nobody in ({}, {"document_number": ""}, {"document_number": 7}):
        with pytest.raises(VerificationError) as caught:
            SamePerson().check(
                [{"document_number": "1"}, nobody], procedure=asked.procedure, now=world.clock.now()
            )
        assert caught.value.code == "person_unknown"


def test_pipeline_when_policies_are_empty_then_does_not_start(world: Any) -> None:
    with pytest.raises(ConfigurationError):
        Pipeline(trust=world.trust, status_lists=lists_of(world), policies=())


def test_trust_list_when_it_has_expired_then_could_not_be_checked(world: Any) -> None:
    asked = transaction(world)
    how = Share(held=degree(world, expires_at=world.clock.now() + timedelta(days=60)))
    trust = world.trust
    trust.get_log(LOG_ORIGIN, now=world.clock.now())
    world.clock.advance(timedelta(days=31))
    with pytest.raises(CouldNotCheckError) as caught:
        verify(world, asked, answer(world, asked, how))
    assert caught.value.check is Check.ISSUER
    assert caught.value.checklist[Check.SIGNATURE] is CheckState.NOT_RUN


def test_technical_check_when_genuine_then_says_nothing_about_holder_query_or_receipt(world: Any) -> None:
    held = degree(world)["degree"]
    pipeline = Pipeline(trust=world.trust, status_lists=lists_of(world), policies=POLICIES)
    found = pipeline.verify_technically(held.text, document_rules=RULES, now=world.clock.now())
    for check in (Check.KEY_BINDING, Check.QUERY, Check.POLICY, Check.RECEIPT):
        assert found[check] is CheckState.NOT_RUN
    assert found[Check.SIGNATURE] is CheckState.PASSED


@pytest.mark.parametrize(
    ("check", "make"),
    [
        (Check.FORMAT, lambda _w: "nonsense"),
        (Check.SIGNATURE, lambda w: degree(w, signer=w.promise_key)["degree"].text),
        (Check.DISCLOSURES, lambda w: degree(w)["degree"].text + "WyJhIiwiYiIsImMiXQ~"),
        (Check.VALIDITY, lambda w: degree(w, expires_at=w.clock.now())["degree"].text),
        (Check.STATUS, lambda w: degree(w, extra_payload={"status": None})["degree"].text),
        (
            Check.ISSUER,
            lambda w: issue(w.parties["ajuntament"], "university-degree", now=w.clock.now()).text,
        ),
    ],
)
def test_technical_check_when_one_thing_is_wrong_then_that_check_refuses(
    world: Any, check: Check, make: Any
) -> None:
    pipeline = Pipeline(trust=world.trust, status_lists=lists_of(world), policies=POLICIES)
    with pytest.raises(RefusedError) as caught:
        pipeline.verify_technically(make(world), document_rules=RULES, now=world.clock.now())
    assert caught.value.check is check
