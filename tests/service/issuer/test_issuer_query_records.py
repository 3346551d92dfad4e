# SPDX-License-Identifier: EUPL-1.2
"""What is written down of a query, before the source is asked; and that it is destroyed in the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from issuer.recording import build
from issuer.services import KEY
from issuer.tables import DestroyedRecordRow
from ledger import record as records
from ledger import signatures
from ledger.record import RecordType
from protocol.errors import UnavailableError
from tests.conftest import LOG_ORIGIN, NOW
from tests.fakes.query_records import VALUES, all_records, calls, leaves


def test_record_says_who_asked_what_and_why_and_nothing_of_the_person(app, asked, world):
    opened = app.extensions[KEY].recording.open(asked)
    record = records.parse(opened.record)
    party = world.parties["universitat"]
    assert records.commit(opened.key, opened.record) == asked.commitment
    assert (record.type, record.recorded_by, record.log) == (RecordType.QUERY, "issuer", LOG_ORIGIN)
    assert (record.party.identifier, record.party.name) == (party.data.code, "University of Vilaprova")
    assert record.party.contact == "http://localhost:8103/universitat/support"
    assert (record.procedure.id, record.procedure.version) == ("university-degree", "1")
    assert record.terms.purpose.startswith("To give you an electronic copy of your degree")
    assert record.terms.legal_basis == "eu-gdpr:A6-1-e"
    assert record.terms.retention.startswith("Three years")
    assert record.terms.privacy_policy == "http://localhost:8103/universitat/privacy"
    assert record.terms.dpa_contact == "https://apdcat.gencat.cat"
    names = {each.claim for each in record.claims_requested}
    assert {each.credential_type for each in record.claims_requested} == {
        "https://testimoni.example/credentials/university-degree/1"
    }
    assert ("degree_title",) in names
    # the name and the number are not asked of the source: the person brings them
    assert not {("given_name",), ("family_name",), ("document_number",)} & names
    for value in VALUES:
        assert value not in opened.record.decode()
    assert asked.query_id not in opened.record.decode()
    signatures.verify_query(opened.signature, opened.record, party.issuer_key.public_key)


def test_record_is_in_the_language_in_which_the_person_read(app, citizen, kept):
    citizen.language = "ca"
    citizen.get("ajuntament", "tax-compliance", authorise="yes")
    (found,) = all_records(kept, "ajuntament")
    record = records.parse(app.extensions[KEY].recording.open(found).record)
    assert record.party.name == "Ajuntament de Vilaprova"
    assert record.terms.purpose.startswith("Per donar-li una prova")
    assert record.terms.legal_basis == "dpv:Permission"
    assert {each.claim[0] for each in record.claims_requested} == {"compliant", "reference", "issued_on"}


def test_record_is_durable_and_sealed_before_the_source_is_asked(app, citizen, world, kept, monkeypatch):
    seen = []
    source = app.extensions[KEY].enquiries._source
    asking = source.query
    monkeypatch.setattr(
        source, "query", lambda query: seen.append(all_records(kept, "universitat")) or asking(query)
    )
    citizen.get("universitat", "university-degree")
    ((found,),) = seen
    assert found.promise is None
    assert b"university-degree" not in found.sealed
    assert len(found.sealed) < records.MAX_RECORD_BYTES


def test_query_that_fails_at_the_source_is_recorded(citizen, world, kept):
    posting = world.http.post

    def post(url, **given):
        if "siri-proxy" in url:
            raise UnavailableError("temporarily_unavailable", "no answer")
        return posting(url, **given)

    world.http.post = post
    citizen.get("universitat", "university-degree")
    assert len(all_records(kept, "universitat")) == 1
    assert "Failed" in citizen.open("/universitat/queries").text


def test_nothing_is_recorded_where_nothing_is_asked(citizen, new_citizen, kept, world):
    # no authorisation; too weak a sign-in; an objection, made in another window while this one is at the sign-in
    assert citizen.post("/ajuntament/get/tax-compliance").status_code == 400
    citizen.get("ajuntament", "tax-compliance", authorise="yes", way="idcatmobil-low")
    leaving = citizen.post("/universitat/get/university-degree")
    other = new_citizen()
    other.sign_in(other.post("/universitat/get/university-degree/object", reason="no"), "marta")
    assert citizen.sign_in(leaving, "marta").status_code == 303
    assert all_records(kept, "universitat") == all_records(kept, "ajuntament") == []
    assert calls(world, "POST", "siri-proxy") == []


def test_office_that_has_not_said_what_a_record_needs_asks_nobody(citizen, store, app, kept, world):
    office, kind = store.find_administration("universitat"), app.extensions[KEY].types["university-degree"]
    for name in ("support_url", "privacy_url", "dpa_name", "dpa_contact"):
        bare = replace(office, **{name: ""})
        with pytest.raises(UnavailableError) as refused:
            build(bare, kind, language="ca", log=LOG_ORIGIN, now=NOW)
        assert refused.value.code == "office_incomplete"
    store.put_administration(bare)
    back = citizen.sign_in(citizen.post("/universitat/get/university-degree"), "marta")
    assert back.status_code == 503
    assert "We asked nobody" in back.text
    assert all_records(kept, "universitat") == []
    assert calls(world, "POST", "siri-proxy") == []


def test_record_in_a_language_without_a_name_of_the_office_has_the_catalan_one(store, app):
    office = store.find_administration("universitat")
    kind = app.extensions[KEY].types["university-degree"]
    made = build(office, kind, language="da", log=LOG_ORIGIN, now=NOW)
    assert made.party.name == "Universitat de Vilaprova"
    assert made.terms.purpose.startswith("For at give dig")


def test_purge_after_the_retention_leaves_nothing_that_opens_the_commitment(
    app, citizen, asked, outbox, ledger, world, store, kept
):
    outbox.run()
    opened = app.extensions[KEY].recording.open(asked)
    purge = app.test_cli_runner().invoke
    stored = lambda: b"".join(path.read_bytes() for path in sorted(world.folder.glob("issuer.db*")))  # noqa: E731
    traces = (asked.commitment, asked.sealed, asked.query_id.encode(), opened.key, opened.record)
    # only sealed from the beginning
    assert [trace in stored() for trace in traces] == [True, True, True, False, False]
    world.clock.advance(asked.keep_until - world.clock.now() - timedelta(seconds=1))
    assert "0 queries and their records" in purge(args=["issuer", "purge"]).output
    assert all_records(kept, "universitat")[0].commitment == asked.commitment
    world.clock.advance(timedelta(seconds=1))
    assert "1 queries and their records" in purge(args=["issuer", "purge"]).output
    # that there was a record is kept; what would open it, or say when exactly or about whom, is not
    assert [trace in stored() for trace in traces] == [True, False, False, False, False]
    with kept._database.read() as session:
        (left,) = session.exec(select(DestroyedRecordRow)).all()
    assert (left.commitment, left.administration_id) == (asked.commitment, "universitat")
    assert left.asked_on == asked.made_at.date()
    assert all_records(kept, "universitat") == []
    # the log keeps 32 bytes that nothing opens
    assert asked.commitment in leaves(ledger, world)


def test_record_destroyed_while_the_ledger_answered_does_not_come_back(asked, outbox, ledger, kept, world):
    opening = outbox._open_ledger

    class Late:
        def __init__(self, client) -> None:
            self._client = client

        def add_entry(self, commitment):
            assert kept.destroy_due("universitat", asked.keep_until) == 1
            return self._client.add_entry(commitment)

    outbox._open_ledger = lambda origin: Late(opening(origin))
    assert outbox.run() == 0
    assert all_records(kept, "universitat") == []
