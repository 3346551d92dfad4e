# SPDX-License-Identifier: EUPL-1.2
"""The issuer compares its questions to sources with the authorisations that they needed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from issuer.interop import Consent
from issuer.records import Objection, Person, SourceQuery
from issuer.services import KEY
from ledger.reconciliation import Count, ExceptionKind, Role, opaque
from ledger.trust import TrustFile
from ledger.trusted_key import TrustedKey
from protocol.errors import RequestError, VerificationError
from testimoni.verify_reconciliation import verify_stated
from tests.conftest import NOW

SINCE, UNTIL = NOW - timedelta(days=20), NOW + timedelta(days=10)
PERSON = Person(b"p" * 32)
AUTHORISED = SourceQuery(
    id="q-authorised",
    administration_id="universitat",
    person=PERSON,
    type_id="tax-compliance",
    requester_code="U1",
    requester_name="University",
    product="P",
    modality="M",
    finality="F",
    consent=Consent.AUTHORISED,
    authorised_at=NOW - timedelta(seconds=1),
    asked_at=NOW,
    outcome="data",
    source_code="0003",
    correlation_id="c",
)
NOTHING_RECORDED = dict.fromkeys((Count.RECORDED, Count.UNPROMISED, Count.IN_LOG, Count.WAITING), 0)
BY_LAW = replace(AUTHORISED, id="q-law", consent=Consent.LAW, authorised_at=None)


@pytest.fixture
def compared(app, store, add_earlier_query):
    def give(*queries, objections=()):
        for each in queries:
            add_earlier_query(each)
        for each in objections:
            store.add_objection(each)
        return app.extensions[KEY].reconciliations.run("universitat", since=SINCE, until=UNTIL)

    return give


def kinds(stated):
    return [(each.kind, each.reference) for each in stated.exceptions]


def objection(**changes):
    made = Objection("o1", "universitat", PERSON, "tax-compliance", b"sealed", NOW - timedelta(days=1))
    return replace(made, **changes)


def test_questions_with_what_they_needed_fit(compared):
    stated = compared(AUTHORISED, BY_LAW)
    assert (stated.role, stated.heads, stated.exceptions) == (Role.ISSUER, (), ())
    assert stated.counts == {Count.QUERIES: 2, Count.AUTHORISED: 1, Count.BY_LAW: 1, **NOTHING_RECORDED}


@pytest.mark.parametrize("at", [None, NOW + timedelta(seconds=1)])
def test_question_without_authorisation_or_before_it_is_an_exception(compared, at):
    stated = compared(replace(AUTHORISED, authorised_at=at), BY_LAW)
    assert kinds(stated) == [(ExceptionKind.NOT_AUTHORISED, opaque("q-authorised"))]
    assert stated.counts[Count.AUTHORISED] == 0


@pytest.mark.parametrize(
    ("change", "is_exception"),
    [
        ({}, True),
        ({"made_at": NOW}, True),
        ({"made_at": NOW + timedelta(seconds=1)}, False),
        ({"withdrawn_at": NOW + timedelta(seconds=1)}, True),
        ({"withdrawn_at": NOW}, False),
        ({"person": Person(b"q" * 32)}, False),
        ({"type_id": "university-degree"}, False),
        ({"administration_id": "ajuntament"}, False),
    ],
)
def test_question_while_an_objection_stands_is_an_exception(compared, change, is_exception):
    stated = compared(BY_LAW, objections=[objection(**change)])
    assert kinds(stated) == ([(ExceptionKind.OBJECTED, opaque("q-law"))] if is_exception else [])


def test_questions_of_another_office_or_time_are_not_counted(compared):
    other = replace(AUTHORISED, id="q-other", administration_id="ajuntament", authorised_at=None)
    early = replace(BY_LAW, id="q-early", asked_at=SINCE - timedelta(seconds=1))
    late = replace(BY_LAW, id="q-late", asked_at=UNTIL)
    first = replace(BY_LAW, id="q-first", asked_at=SINCE)
    stated = compared(other, early, late, first)
    assert (stated.counts[Count.QUERIES], stated.exceptions) == (1, ())


def test_statement_is_published_signed_by_the_issuer_and_by_nobody_else(app, compared, world):
    compared(AUTHORISED)
    client = app.test_client()
    (token,) = client.get("/universitat/reconciliations").get_json()["reconciliations"]
    assert client.get("/ajuntament/reconciliations").get_json() == {"reconciliations": []}
    assert client.get("/nobody/reconciliations").status_code == 404
    trust = trust_file(world)
    assert verify_stated(token, trust, now=NOW).party == world.parties["universitat"].data.code
    mixed = replace(
        trust, administrations=tuple(replace(each, issuers=("https://x",)) for each in trust.administrations)
    )
    with pytest.raises(VerificationError):
        verify_stated(token, mixed, now=NOW)
    with pytest.raises(VerificationError):
        verify_stated(token, replace(trust, administrations=()), now=NOW)
    # a file that names the key says with its days when it counted
    for party in world.parties.values():
        key = TrustedKey(party.issuer_key.public_key, valid_until=NOW)
        dated = replace(
            trust, administrations=tuple(replace(each, issuer_keys=(key,)) for each in trust.administrations)
        )
        if party is world.parties["universitat"]:
            with pytest.raises(VerificationError, match="counted only until"):
                verify_stated(token, dated, now=NOW)
        else:
            assert verify_stated(token, dated, now=NOW)
    with pytest.raises(RequestError):
        verify_stated(token, replace(trust, authority_certificate="none"), now=NOW)


def test_operator_command_ends_with_1_on_an_exception(app, add_earlier_query, compared):
    invoke = app.test_cli_runner().invoke
    assert invoke(args=["issuer", "reconcile", "--month", "2026-11"]).exit_code == 0
    add_earlier_query(replace(AUTHORISED, authorised_at=None))
    done = invoke(args=["issuer", "reconcile", "--month", "2026-11", "--administration", "universitat"])
    assert (done.exit_code, "asked without the authorisation" in done.output) == (1, True)


def trust_file(world):
    return TrustFile.parse(
        json.dumps(
            {
                "schema": "testimoni/trust/1",
                "authority_certificate": world.anchor_file.read_text(),
                "logs": [],
                "administrations": [
                    {
                        "code": party.data.code,
                        "name": dict(party.data.name),
                        "access_keys": [party.access_key.public_key.jwk()],
                        "issuers": [party.issuer_identifier],
                    }
                    for party in world.parties.values()
                ],
            }
        ).encode()
    )
