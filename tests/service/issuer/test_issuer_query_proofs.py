# SPDX-License-Identifier: EUPL-1.2
"""What the person sees of their queries and can have checked, and who may have signed it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from issuer.records import Person
from issuer.services import KEY
from ledger import signatures
from ledger.evidence import Evidence
from ledger.evidence_audit import audit_evidence
from ledger.findings import ExitStatus, Level, Outcome, overall
from protocol import jws
from protocol.encoding import b64url_encode
from protocol.errors import Check, RequestError, StoreConflictError, VerificationError
from protocol.keys import PrivateKey
from protocol.x509 import Purpose, encode_chain
from tests.conftest import LEDGER_URL, NOW
from tests.fakes.query_records import VALUES, all_records, person_of


def evidence_of(citizen, found, administration="universitat"):
    return citizen.open(f"/{administration}/queries/{found.query_id}/evidence")


def findings(answer, trust):
    (found,) = audit_evidence(Evidence.parse(answer.data), trust, {}, now=NOW)
    return {each.level: each.outcome for each in found}, overall(found)


def test_proof_of_a_query_holds_as_far_as_it_can_be_checked(citizen, asked, outbox, ledger, world, trust):
    assert evidence_of(citizen, asked).status_code == 409
    outbox.run()
    page = citizen.open("/universitat/queries").text
    assert "Written in the record book" in page
    assert f"/universitat/queries/{asked.query_id}/evidence" in page
    early, _ = findings(evidence_of(citizen, asked), trust)
    assert early[Level.IN_LOG] is Outcome.COULD_NOT_TELL
    ledger.sequence()
    given = evidence_of(citizen, asked)
    assert given.headers["Content-Disposition"].startswith("attachment; filename=")
    assert given.headers["Cache-Control"] == "no-store"
    levels, status = findings(given, trust)
    held = (Level.OPENS, Level.SIGNED, Level.PROMISED, Level.CHECKPOINT, Level.IN_LOG)
    assert {each: levels[each] for each in held} == dict.fromkeys(held, Outcome.HOLDS)
    # nothing is anchored in this world
    assert levels[Level.ANCHORED] is Outcome.COULD_NOT_TELL
    assert status is ExitStatus.COULD_NOT_TELL
    assert Level.NOT_TAKEN_BACK not in levels
    for value in VALUES:
        assert value not in given.text


def test_proof_of_a_query_that_was_changed_is_violated(citizen, asked, outbox, ledger, world, trust):
    outbox.run()
    whole = json.loads(evidence_of(citizen, asked).data)
    (item,) = whole["records"]
    record = Evidence.parse(json.dumps(whole).encode()).records[0].record
    changed = record.replace(b"Three", b"Seven")
    assert changed != record
    unsigned = {name: value for name, value in item.items() if name != "signature"}
    stranger = signatures.sign_query(record, PrivateKey.generate(), x5c=["x"])
    access = world.parties["universitat"].access_key
    for bent, level in (
        ({**item, "record": b64url_encode(changed)}, Level.OPENS),
        (unsigned, Level.SIGNED),
        ({**item, "signature": stranger}, Level.SIGNED),
        # signed with the key with which the office answers, as an answer and as a query
        ({**item, "signature": signatures.sign_answer(record, access, x5c=["x"])}, Level.SIGNED),
        ({**item, "signature": signatures.sign_query(record, access, x5c=["x"])}, Level.SIGNED),
        (
            {
                **item,
                "signature": signatures.sign_answer(record, world.parties["universitat"].issuer_key, x5c=["x"]),
            },
            Level.SIGNED,
        ),
    ):
        evidence = Evidence.parse(json.dumps({**whole, "records": [bent]}).encode())
        (found,) = audit_evidence(evidence, trust, {}, now=NOW)
        assert [each.level for each in found if each.outcome is Outcome.VIOLATED] == [level]
        assert overall(found) is ExitStatus.VIOLATED


def test_proof_without_a_known_key_of_the_office_could_not_be_told(citizen, asked, outbox, ledger, trust):
    outbox.run()
    nobody = replace(trust, administrations=tuple(replace(each, issuer_keys=()) for each in trust.administrations))
    for known in (nobody, replace(trust, administrations=())):
        levels, status = findings(evidence_of(citizen, asked), known)
        assert (levels[Level.SIGNED], status) == (Outcome.COULD_NOT_TELL, ExitStatus.COULD_NOT_TELL)


def test_proof_counts_in_the_days_of_the_key_with_which_the_office_issues(citizen, asked, outbox, ledger, trust):
    outbox.run()
    ledger.sequence()
    answer = evidence_of(citizen, asked)

    def signed(**days):
        dated = tuple(
            replace(each, issuer_keys=tuple(replace(key, **days) for key in each.issuer_keys))
            for each in trust.administrations
        )
        return findings(answer, replace(trust, administrations=dated))[0][Level.SIGNED]

    day = timedelta(days=1)
    assert signed(valid_from=NOW - day, valid_until=NOW + day, compromised_since=NOW + day) is Outcome.HOLDS
    for days in ({"valid_from": NOW + day}, {"valid_until": NOW - day}, {"compromised_since": NOW - day}):
        assert signed(**days) is Outcome.VIOLATED


def test_proof_is_given_without_its_place_when_nobody_can_show_that(citizen, asked, outbox, ledger, world, trust):
    outbox.run()
    ledger.sequence()
    without_place = (Outcome.HOLDS, Outcome.COULD_NOT_TELL)
    world.http.down.add(LEDGER_URL)
    levels, _ = findings(evidence_of(citizen, asked), trust)
    assert (levels[Level.SIGNED], levels[Level.IN_LOG]) == without_place
    world.http.down.clear()
    world.write_trust_list(sequence=3, logs=[])
    levels, _ = findings(evidence_of(citizen, asked), trust)
    assert (levels[Level.SIGNED], levels[Level.IN_LOG]) == without_place


def test_query_of_another_person_or_administration_is_not_found(citizen, new_citizen, asked, outbox, ledger):
    outbox.run()
    nobody, other, same = new_citizen(), new_citizen(), new_citizen()
    assert evidence_of(nobody, asked).status_code == 401
    other.get("universitat", "university-degree", "laia")
    assert evidence_of(other, asked).status_code == 404
    # the same person at another administration is another to it
    same.get("ajuntament", "census-registration")
    assert evidence_of(same, asked, "ajuntament").status_code == 404
    assert evidence_of(same, asked).status_code == 401
    assert evidence_of(citizen, asked).status_code == 200
    assert citizen.open("/universitat/queries/unknown/evidence").status_code == 404


def test_records_are_not_reached_through_another_administration_or_person(asked, kept):
    person = person_of(kept, asked)
    assert kept.find_record("universitat", person, asked.query_id) == asked
    assert kept.records_about("universitat", person) == {asked.query_id: asked}
    for administration, other in (("ajuntament", person), ("universitat", Person(b"x"))):
        assert kept.find_record(administration, other, asked.query_id) is None
        assert kept.records_about(administration, other) == {}
    assert all_records(kept, "ajuntament") == []
    assert kept.destroy_due("ajuntament", asked.keep_until) == 0
    assert all_records(kept, "universitat") == [asked]


def test_states_are_said_in_the_language_of_the_page(citizen, asked, outbox, ledger):
    def said(language):
        citizen.language = language
        return citizen.open("/universitat/queries").text

    assert "Pendent d\u2019anotar al llibre de registre" in said("ca")
    assert "Pendiente de anotar en el libro de registro" in said("es")
    outbox.run()
    assert "Anotada al llibre de registre" in said("ca")
    assert "Desar la prova" in said("ca")
    assert "Anotada en el libro de registro" in said("es")
    assert "Guardar la prueba" in said("es")


def test_query_from_before_there_were_records_says_so_and_has_no_proof(
    citizen, store, add_earlier_query, asked, kept
):
    (query,) = store.queries_about("universitat", person_of(kept, asked))
    add_earlier_query(replace(query, id="earlier"))
    page = citizen.open("/universitat/queries").text
    assert "Older than the record book of queries" in page
    assert citizen.open("/universitat/queries/earlier/evidence").status_code == 404


def test_trust_list_names_the_key_with_which_an_office_issues_and_no_other(world):
    trust, now = world.trust, world.clock.now()
    university, town = world.parties["universitat"], world.parties["ajuntament"]
    code = university.data.code
    found = trust.get_issuer_key(university.issuer_chain, party_code=code, now=now)
    assert found == university.issuer_key.public_key
    for chain in (university.access_chain, town.issuer_chain, [], None):
        with pytest.raises(VerificationError) as refused:
            trust.get_issuer_key(chain, party_code=code, now=now)
        assert refused.value.check is Check.ISSUER
    stranger = PrivateKey.generate()
    certificate = world.authority.issue_certificate(
        stranger.public_key, purpose=Purpose.ISSUER, name="x", uris=["https://elsewhere.example"], now=now
    )
    with pytest.raises(VerificationError, match="none with which"):
        trust.get_issuer_key(encode_chain([certificate]), party_code=code, now=now)


def test_sealed_record_opens_for_its_own_query_only_and_names_the_certificate_of_the_office(app, asked, world):
    recording = app.extensions[KEY].recording
    opened = recording.open(asked)
    header = jws.parse(jws.attach(opened.signature, opened.record)).header
    assert (header["typ"], header["x5c"]) == ("consent-query+jwt", world.parties["universitat"].issuer_chain)
    with pytest.raises(StoreConflictError):
        recording.open(replace(asked, query_id="another"))
    with pytest.raises(RequestError):
        recording.evidence("universitat", Person(b"x"), asked.query_id, now=NOW)
