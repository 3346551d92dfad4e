# SPDX-License-Identifier: EUPL-1.2
"""Evidence files that people bring to the auditors' site: checked, or made into a statement, and forgotten."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from ledger import record as records
from ledger import signatures
from ledger.app import create_app
from ledger.record import ProcedureReference, RecordType, TakeBack
from ledger.routes.case_words import MAX_CLAIMS, MAX_EARLIER
from ledger.routes.files import MAX_UPLOAD_BYTES
from ledger.trust import AuditedLog, TrustedAdministration, TrustFile, log_id
from ledger.trusted_key import TrustedKey
from ledger.worker import Worker
from protocol.encoding import b64url_encode, sha256
from protocol.keys import PrivateKey
from protocol.runtime.database import open_database
from tests.fakes.anchor_proof import VALIDATORS
from tests.fakes.evidence_files import CLAIMS, DEGREE, PARTY, TERMS, EvidenceFile
from tests.fakes.memory_chain import CONTRACT, MemoryChain, MemorySealer

URL = "http://localhost:8104"


@pytest.fixture
def settings(ledger_settings):
    return ledger_settings.model_copy(
        update={
            "chain_url": "http://127.0.0.1:8106",
            "chain_id": 1337,
            "contract": CONTRACT,
            "sealer_key_file": "unused.key",
            "validators": frozenset(VALIDATORS[:1]),
        }
    )


@pytest.fixture
def site(world, settings):
    """The auditors' site over an anchored log, and one citizen's file about it."""
    chain = MemoryChain(log_id(settings.origin))
    worker = Worker(settings, clock=world.clock, chain=chain, sealer=MemorySealer())
    worker.sequence()
    worker.anchor()
    world.http.apps[URL] = create_app(settings, clock=world.clock)
    return EvidenceFile(world, worker, URL, settings.origin)


@pytest.fixture
def bring(world):
    """Return a function that brings files to a page as a browser would."""

    def run(path, data=None, *, trust=None, pasted=None, language="en"):
        form = {}
        if data is not None:
            form["evidence"] = (BytesIO(data), "evidence.json")
        if trust is not None:
            form["trust"] = (BytesIO(trust), "trust.json")
        if pasted is not None:
            form["pasted"] = pasted
        answer = (
            world.http.apps[URL]
            .test_client()
            .post(path, data=form, headers={"Accept": "text/html", "Accept-Language": language})
        )
        return answer.status_code, answer.get_data(as_text=True)

    return run


def outcomes(page: str) -> list[str]:
    """Return the outcome of each line of the checklists."""
    return [part.split('"')[0] for part in page.split('<li class="tm-check tm-check--')[1:]]


def test_check_when_everything_is_there_says_it_holds_and_what_is_assumed(site, bring):
    site.share()
    status, page = bring("/check", site.data())
    assert status == 200
    assert "It holds" in page
    assert page.index("Assumed:") < page.index("tm-checklist")
    assert [each.split(" ")[0] for each in outcomes(page)] == [
        "holds",  # opens
        "holds",  # signed
        "holds",  # countersigned, by the office on the trust list
        "holds",  # promised
        "holds",  # head
        "holds",  # in the log
        "holds",  # anchored
        "assumed",  # one operator
        "could-not-tell",  # not taken back
    ]


def test_check_when_the_operators_changed_since_uses_those_of_the_block(site, bring, world, settings):
    site.share()
    own, other = VALIDATORS[:2]

    def check(*named):
        changed = settings.model_copy(update={"validators": frozenset(named)})
        world.http.apps[URL] = create_app(changed, clock=world.clock)
        return outcomes(bring("/check", site.data())[1])[-2].split(" ")[0]

    # the file's block is number 1
    assert check(own, f"2:{other}", f"2:{own}") == "assumed"
    assert check(other, f"1:{own}") == "assumed"
    assert check(other, f"2:{own}") == "violated"
    assert check(own, f"1:{other}") == "violated"
    assert check(f"2:{own}") == "could-not-tell"


def test_check_when_the_text_is_pasted_does_the_same(site, bring):
    site.share()
    assert "It holds" in bring("/check", pasted=site.data().decode())[1]


def test_check_when_one_letter_of_the_record_was_changed_says_which_level(site, bring):
    site.share()
    members = json.loads(site.data())
    record = members["records"][0]["record"]
    members["records"][0]["record"] = record[:-8] + ("AAAA" if record[-8:-4] != "AAAA" else "BBBB") + record[-4:]
    page = bring("/check", json.dumps(members).encode())[1]
    assert "It does not hold" in page
    assert "violated" in outcomes(page)[0]


def test_check_when_the_office_is_not_on_the_trust_list_could_not_tell(site, bring, world):
    site.share()
    stranger = PrivateKey.generate()
    site.items[0] = replace(site.items[0], acceptance=None)
    data = site.data()
    assert "It holds" in bring("/check", data)[1]
    # an acceptance without a certificate of the list convinces nobody
    forged = signatures.sign_acceptance(
        stranger,
        commitment=records.commit(site.items[0].key, site.items[0].record),
        result="accepted",
        reference=None,
        now=world.clock.now(),
        x5c=["MII"],
    )
    site.items[0] = replace(site.items[0], acceptance=forged)
    page = bring("/check", site.data())[1]
    assert "Could not be checked in full" in page


def query_of_the_town_hall(site, world, key, chain):
    """Put a query into the file, as an issuer records it."""
    record = records.to_bytes(
        records.build_query(
            log=site.origin,
            time=world.clock.now(),
            transaction_identifier=records.new_transaction_identifier(),
            party=PARTY,
            procedure=records.ProcedureReference("census-registration", "1"),
            terms=TERMS,
            claims_requested=CLAIMS,
        )
    )
    site._add(record, signatures.sign_query(record, key, x5c=chain))


def test_check_of_a_query_relies_on_the_key_with_which_the_office_issues(site, bring, world):
    town = world.parties["ajuntament"]
    query_of_the_town_hall(site, world, town.issuer_key, town.issuer_chain)
    page = bring("/check", site.data())[1]
    assert "It holds" in page
    assert "Query at a source" in page
    for key, chain, said in (
        # another office's certificate, and the one with which this office answers, speak for no query of it
        (
            world.parties["universitat"].issuer_key,
            world.parties["universitat"].issuer_chain,
            "Could not be checked in full",
        ),
        (town.access_key, town.access_chain, "Could not be checked in full"),
        (PrivateKey.generate(), town.issuer_chain, "It does not hold"),
        (town.issuer_key, ["MII"], "Could not be checked in full"),
    ):
        site.items.clear()
        query_of_the_town_hall(site, world, key, chain)
        assert said in bring("/check", site.data())[1]


def test_statement_about_a_query_is_none(site, bring, world):
    town = world.parties["ajuntament"]
    query_of_the_town_hall(site, world, town.issuer_key, town.issuer_chain)
    assert bring("/case", site.data())[0] == 400


def test_check_with_a_trust_file_relies_on_that_alone(site, bring, world, settings):
    site.share()
    data = site.data()
    (own,) = site._client.logs()
    log = AuditedLog.parse(own)
    party = TrustedAdministration("L01990015", {"ca": "x"}, (TrustedKey(site.office.public_key),), ())
    page = bring("/check", data, trust=json.dumps(TrustFile("", (log,), (party,)).to_json()).encode())[1]
    assert "It holds" in page
    assert "trust file that you brought" in page
    assert "Assumed:</strong>" not in page
    other = replace(log, promise_key=PrivateKey.generate().public_key)
    page = bring("/check", data, trust=json.dumps(TrustFile("", (other,), (party,)).to_json()).encode())[1]
    assert "It does not hold" in page


@pytest.fixture
def brought(site):
    """Return what makes a trust file in which the office's key has these days, told from now."""

    def make(now, **days):
        log = AuditedLog.parse(site._client.logs()[0])
        key = TrustedKey(site.office.public_key, **{name: now + after for name, after in days.items()})
        party = TrustedAdministration("L01990015", {"ca": "x"}, (key,), ())
        return json.dumps(TrustFile("", (log,), (party,)).to_json()).encode()

    return make


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "is reported as no longer safe since"),
        ("ca", "consta com a no segura des del dia"),
        ("es", "consta como no segura desde el"),
    ],
)
def test_check_says_which_day_of_the_key_is_against_a_countersignature(
    site, bring, brought, world, language, sentence
):
    site.share()
    data, now = site.data(), world.clock.now()
    shown = f"{site.office.public_key.thumbprint()[:8]}…"
    for after in (timedelta(days=9), timedelta(days=-9)):
        page = bring("/check", data, trust=brought(now, compromised_since=after), language=language)[1]
        assert sentence in page
        assert shown in page
    page = bring("/check", data, trust=brought(now, valid_until=timedelta(days=9)), language=language)[1]
    assert sentence not in page


def test_statement_calls_no_decision_proven_by_a_key_that_may_be_anothers(site, bring, brought, world):
    site.share()
    data, now = site.data(), world.clock.now()
    proven = "accepted, signed on"
    assert proven in bring("/case", data, trust=brought(now, valid_until=timedelta(days=9)))[1]
    for days in ({"compromised_since": timedelta(days=9)}, {"valid_until": timedelta(days=-9)}):
        page = bring("/case", data, trust=brought(now, **days))[1]
        assert proven not in page
        assert "none is proven by this file" in page


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (None, "Please choose a file"),
        (b"", "Please choose a file"),
        (b"{}", "This is not an evidence file"),
        (b'{"schema": "testimoni/evidence/1", "records": []}', "This is not an evidence file"),
    ],
)
@pytest.mark.parametrize("path", ["/check", "/case"])
def test_file_that_is_none_is_refused_in_words(site, bring, path, data, sentence):
    status, page = bring(path, data)
    assert status == 400
    assert sentence in page


@pytest.mark.parametrize("path", ["/check", "/case"])
def test_file_at_the_limit_is_read_and_over_it_is_refused(site, bring, path):
    # the form around the file counts too
    frame = 1024
    status, page = bring(path, b" " * (MAX_UPLOAD_BYTES - frame))
    assert (status, "too large" in page) == (400, False)
    status, page = bring(path, b" " * MAX_UPLOAD_BYTES)
    assert (status, "too large" in page) == (413, True)


def test_upload_in_pieces_of_no_length_is_too_large_too(site, world):
    parts = b'--x\r\nContent-Disposition: form-data; name="evidence"; filename="e"\r\n\r\n'
    answer = (
        world.http.apps[URL]
        .test_client()
        .post(
            "/check",
            input_stream=BytesIO(parts + b" " * MAX_UPLOAD_BYTES + b"\r\n--x--\r\n"),
            headers={"Accept": "text/html", "Accept-Language": "en"},
            content_type="multipart/form-data; boundary=x",
            environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
        )
    )
    assert (answer.status_code, "This file is too large" in answer.get_data(as_text=True)) == (413, True)


@pytest.mark.parametrize("bad", [b"notjson", b"[]", b'{"schema": 7}'])
def test_file_of_another_form_is_said_to_be_the_bad_one_of_the_two(site, bring, bad):
    site.share()
    status, page = bring("/check", bad, trust=b"{}")
    assert (status, "This is not an evidence file" in page) == (400, True)
    status, page = bring("/check", site.data(), trust=bad)
    assert (status, "This is not a trust file" in page) == (400, True)


def test_largest_upload_is_never_written_to_the_disk():
    from werkzeug.formparser import default_stream_factory

    with default_stream_factory(MAX_UPLOAD_BYTES, "application/json", "x", MAX_UPLOAD_BYTES) as stream:
        stream.write(b" " * MAX_UPLOAD_BYTES)
        assert not getattr(stream, "_rolled", False)


def test_nothing_of_a_file_is_stored_or_logged(site, bring, settings):
    share = site.share()
    site.take_back(share)
    data = site.data()
    # once a page has looked at the trust list, its sequence is remembered
    assert bring("/check", data)[0] == 200
    before = dump(settings)
    with capture_logs() as lines:
        assert bring("/check", data)[0] == 200
        assert bring("/case", data)[0] == 200
        assert bring("/case", data.replace(b"evidence/1", b"evidence/9"))[0] == 400
    assert dump(settings) == before
    said = json.dumps(lines, default=str)
    assert said.count('"/case"') == 2
    for secret in (b64url_encode(share), b64url_encode(site.items[0].key), "Vilaprova", "degree_title"):
        assert secret not in said


def dump(settings) -> list[str]:
    """Return every row of every table."""
    with open_database(settings.database_url).engine.connect() as connection:
        tables = [
            name for (name,) in connection.execute(text("select name from sqlite_master where type='table'"))
        ]
        return [repr(row) for name in sorted(tables) for row in connection.execute(text(f"select * from {name}"))]  # noqa: S608 - names of our own tables


def test_statement_about_a_share_names_data_party_purpose_and_law(site, bring):
    site.share(claims_presented=CLAIMS[:2])
    data = site.data()
    status, page = bring("/case", data)
    assert status == 200
    for words in (
        "Ajuntament de Vilaprova (L01990015)",
        "borsa-treball, version 1",
        TERMS.purpose,
        "Consent of the person (GDPR, article 6.1.a)",
        f"degree_title, university ({DEGREE})",
        f"given_name ({DEGREE})",
        "reference BT-2026-0001",
        "Autoritat Catalana de Protecció de Dades",
        "The file holds no withdrawal",
        "verify-evidence",
        b64url_encode(sha256(data)),
    ):
        assert words in page
    assert "contradicts itself" not in page


@pytest.mark.parametrize(
    ("days_to_answer", "days_to_statement", "words"),
    [
        (None, 30, "the term has not ended yet"),
        (None, 31, "has ended"),
        # the chain in memory is of 2027
        (30, 60, "Answered in time by the clock of the record book"),
        (31, 60, "Answered after the month"),
    ],
)
def test_statement_counts_the_legal_month_from_the_entry(site, bring, days_to_answer, days_to_statement, words):
    share = site.share()  # on 21 November
    request = site.take_back(share)
    waited = 0
    if days_to_answer is not None:
        site.wait(days_to_answer)
        site.answer(request)
        waited = days_to_answer
    site.wait(days_to_statement - waited)
    site.world.write_trust_list(sequence=2)
    page = bring("/case", site.data())[1]
    assert words in page
    assert "21 December 2026" in page


@pytest.mark.parametrize(
    ("day", "words"), [(30, "Answered in time: the signed answer"), (31, "No block of that month shows it")]
)
def test_answer_is_certainly_in_time_when_a_block_of_that_month_shows_it(site, bring, day, words):
    request = site.take_back(site.share())
    made = site.world.clock.now() + timedelta(days=day)
    site.answer(request)
    site.wait(60)
    site.world.write_trust_list(sequence=2)
    assert words in bring("/case", site.data(block_at=made))[1]


def test_answer_is_not_certainly_in_time_by_a_block_that_nobody_vouches_for(site, bring):
    request = site.take_back(site.share())
    made = site.world.clock.now() + timedelta(days=30)
    site.answer(request)
    data = site.data(block_at=made)
    log = AuditedLog.parse(site._client.logs()[0])
    party = TrustedAdministration("L01990015", {"ca": "x"}, (TrustedKey(site.office.public_key),), ())
    for validators, words in ((log.chain.validators, "Answered in time: the"), ((), "in time by the clock")):
        known = replace(log, chain=replace(log.chain, validators=validators))
        trust = json.dumps(TrustFile("", (known,), (party,)).to_json()).encode()
        assert words in bring("/case", data, trust=trust)[1]


def test_statement_names_the_ground_of_a_refusal_in_words(site, bring):
    request = site.take_back(site.share(), kind=TakeBack.ERASE)
    site.answer(request, RecordType.REFUSAL_TO_ERASE, legal_ground="eu-gdpr:A17-3-b")
    page = bring("/case", site.data())[1]
    assert "Request to erase" in page
    assert "the office keeps the data" in page
    assert "article 17.3.b" in page
    assert "eu-gdpr" not in page


def test_statement_when_the_answer_is_signed_by_somebody_else_counts_none_and_says_so(site, bring):
    request = site.take_back(site.share())
    site.answer(request, signer=PrivateKey.generate())
    page = bring("/case", site.data())[1]
    assert "Answered in time" not in page
    assert "the term has not ended yet" in page
    assert "contradicts itself" in page


def test_statement_when_the_request_is_signed_by_somebody_else_counts_no_term(site, bring):
    site.take_back(site.share(), signer=PrivateKey.generate())
    page = bring("/case", site.data())[1]
    assert "It is not shown that this request comes from the person" in page
    assert "contradicts itself" in page


def test_statement_when_no_key_of_the_office_is_known_does_not_tell_whether_it_answered(site, bring):
    request = site.take_back(site.share())
    site.answer(request)
    (own,) = site._client.logs()
    trust = json.dumps(TrustFile("", (AuditedLog.parse(own),), ()).to_json()).encode()
    page = bring("/case", site.data(), trust=trust)[1]
    assert "could not be checked that the office signed it" in page


def test_statement_about_a_share_that_the_office_recorded_says_whose_word_it_is(site, bring):
    site.share(recorded_by="verifier", consent_key=None, accepted=False)
    page = bring("/case", site.data())[1]
    assert "The office recorded this share itself." in page
    assert "none is proven by this file" in page


def test_statement_about_a_record_that_was_changed_says_first_that_it_contradicts_itself(site, bring):
    site.share()
    members = json.loads(site.data())
    members["records"][0]["signature"] = members["records"][0]["acceptance"]
    page = bring("/case", json.dumps(members).encode())[1]
    assert page.index("contradicts itself") < page.index("1. What was shared")


def test_statement_needs_exactly_one_share(site, bring):
    request = site.take_back(site.share())
    site.answer(request)
    site.share()
    status, page = bring("/case", site.data())
    assert (status, "A statement is about one share" in page) == (400, True)
    members = json.loads(site.data())
    members["records"] = members["records"][1:3]
    status, page = bring("/case", json.dumps(members).encode())
    assert (status, "A statement is about one share" in page) == (400, True)


def test_statement_leaves_out_what_belongs_to_no_share_and_says_how_many(site, bring):
    share = site.share()
    site.take_back(share)
    other = EvidenceFile(site.world, site.worker, URL, site.origin)
    other.take_back(other.share())
    site.items.append(other.items[1])
    assert "1 record of the file" in bring("/case", site.data())[1]


def test_statement_shortens_what_does_not_fit_and_says_so(site, bring):
    from ledger.record import ClaimReference

    many = [ClaimReference(DEGREE, (f"claim_{number:03}",)) for number in range(MAX_CLAIMS + 7)]
    share = site.share(
        claims_requested=many,
        claims_presented=many,
        procedure=ProcedureReference("p" * 300, "1"),
        terms=replace(TERMS, purpose="x" * 3000),
    )
    for _ in range(MAX_EARLIER + 2):
        site.wait(1)
        site.take_back(share)
    page = bring("/case", site.data())[1]
    assert "and 7 more, in the file" in page
    assert f"claim_{MAX_CLAIMS - 1:03}" in page
    assert f"claim_{MAX_CLAIMS:03}" not in page
    assert "x" * 300 not in page
    assert "1 earlier request." in page


@pytest.mark.parametrize("language", ["ca", "es", "en"])
@pytest.mark.parametrize("path", ["/check", "/case"])
def test_answer_is_in_the_language_of_the_visitor(site, bring, path, language):
    site.answer(site.take_back(site.share()))
    status, page = bring(path, site.data(), language=language)
    assert status == 200
    assert f'<html lang="{language}"' in page
    assert page.count("<h1") == 1


def test_file_when_the_trust_list_has_expired_could_not_tell_about_the_office(site, bring, world):
    site.share()
    data = site.data()
    world.clock.advance(timedelta(days=3650))
    page = bring("/check", data)[1]
    assert "Could not be checked in full" in page
