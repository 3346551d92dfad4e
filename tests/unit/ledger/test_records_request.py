# SPDX-License-Identifier: EUPL-1.2
"""What an auditor asks and an office hands over: forms that are taken, and everything else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from ledger import records_request as messages
from ledger.commitment import Commitment
from ledger.evidence import EvidenceRecord
from ledger.reconciliation import Role
from ledger.records_request import (
    ACCESS_LIFETIME,
    CODE,
    MAX_REASON_CHARS,
    MAX_RECORDS,
    REQUEST_TYP,
    RecordsAnswer,
    RecordsRequest,
)
from protocol import jws
from protocol.encoding import b64url_encode
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PrivateKey

KEY, OTHER = PrivateKey.generate(), PrivateKey.generate()
NOW = datetime(2026, 12, 1, tzinfo=UTC)
PERIOD = RecordsRequest(
    "L1", "Article 58.1.a", date(2026, 12, 10), NOW, NOW - timedelta(days=30), NOW, role=Role.VERIFIER
)
SHARE = replace(PERIOD, since=None, until=None, commitment=Commitment(b"c" * 32))
TOKEN = PERIOD.sign(KEY, x5c=["chain"])
RECORD = EvidenceRecord(b"record", b"k" * 32, "promise", "signature")
ANSWER = RecordsAnswer("L1", NOW, (RECORD,), 2, 3)


def test_answer_by_another_office_than_was_asked_is_refused():
    other = replace(ANSWER, party="L2").sign(TOKEN, OTHER, x5c=["chain"])
    with pytest.raises(VerificationError, match="another office"):
        RecordsAnswer.verify(other, request=TOKEN, find_key=lambda *_: OTHER.public_key)


@pytest.mark.parametrize("asked", [PERIOD, SHARE, replace(PERIOD, role=Role.ISSUER)])
def test_request_when_signed_and_read_is_the_same(asked):
    token = asked.sign(KEY, x5c=["chain"])
    assert RecordsRequest.verify(token, KEY.public_key) == asked
    assert messages.find_chain(token) == ["chain"]
    with pytest.raises(VerificationError):
        RecordsRequest.verify(token, OTHER.public_key)


def asking(**changes):
    claims = {**jws.parse(TOKEN).claims(), **changes}
    return jws.sign({name: value for name, value in claims.items() if value is not ...}, KEY, typ=REQUEST_TYP)


def test_reason_at_its_limit_is_taken():
    assert RecordsRequest.verify(asking(reason="x" * MAX_REASON_CHARS), KEY.public_key)


@pytest.mark.parametrize(
    "changes",
    [
        {"party": ...},
        {"reason": "x" * (MAX_REASON_CHARS + 1)},
        {"reason": "  "},
        {"due": "soon"},
        {"since": ...},
        {"until": ...},
        {"since": 10, "until": 10},
        {"since": ..., "until": ...},
        {"commitment": b64url_encode(bytes(32))},
        {"iat": "now"},
        {"role": "auditor"},
        {"role": 1},
    ],
    ids=str,
)
def test_request_of_another_form_is_refused(changes):
    with pytest.raises(RequestError) as refused:
        RecordsRequest.verify(asking(**changes), KEY.public_key)
    assert refused.value.code == CODE


@pytest.mark.parametrize(("age", "is_taken"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_access_counts_for_five_minutes(age, is_taken):
    assert timedelta(seconds=300) == ACCESS_LIFETIME
    access = messages.sign_access(TOKEN, KEY, x5c=[], now=NOW - timedelta(seconds=age))

    def check():
        messages.verify_access(access, KEY.public_key, expected_request=messages.digest_of(TOKEN), now=NOW)

    if is_taken:
        check()
    else:
        with pytest.raises(VerificationError) as refused:
            check()
        assert refused.value.check is Check.VALIDITY


def test_access_by_another_or_to_another_request_is_refused():
    access = messages.sign_access(TOKEN, KEY, x5c=[], now=NOW)
    for key, request in ((OTHER, TOKEN), (KEY, TOKEN + "x")):
        with pytest.raises(VerificationError) as refused:
            messages.verify_access(access, key.public_key, expected_request=messages.digest_of(request), now=NOW)
        assert refused.value.check is Check.SIGNATURE
    with pytest.raises(VerificationError):
        messages.verify_access(TOKEN, KEY.public_key, expected_request=messages.digest_of(TOKEN), now=NOW)


def read(data, request=TOKEN, key=KEY):
    return RecordsAnswer.verify(data, request=request, find_key=lambda *_: key.public_key)


def test_request_without_a_role_is_to_the_verifier():
    assert RecordsRequest.verify(asking(role=...), KEY.public_key) == PERIOD


def test_key_of_an_answer_is_looked_for_in_the_role_that_was_asked():
    for role in Role:
        request = replace(PERIOD, role=role).sign(KEY, x5c=["chain"])
        looked = []
        RecordsAnswer.verify(
            ANSWER.sign(request, OTHER, x5c=["their chain"]),
            request=request,
            find_key=lambda *given: looked.append(given) or OTHER.public_key,  # noqa: B023 - called at once
        )
        assert looked == [("L1", role, NOW, ["their chain"])]


def test_answer_from_before_issuers_could_be_asked_is_read():
    members = json.loads(ANSWER.sign(TOKEN, KEY, x5c=[]))
    stated = jws.parse(members["statement"]).claims()
    del stated["unpromised"]
    members["statement"] = jws.sign(stated, KEY, typ=messages.ANSWER_TYP, x5c=[])
    assert read(json.dumps(members).encode()) == replace(ANSWER, unpromised=0)


def test_answer_when_signed_and_read_is_the_same():
    assert read(ANSWER.sign(TOKEN, KEY, x5c=[])) == ANSWER
    assert read(replace(ANSWER, records=()).sign(TOKEN, KEY, x5c=[])).records == ()


def test_answer_with_a_record_added_left_out_or_changed_is_refused():
    members = json.loads(ANSWER.sign(TOKEN, KEY, x5c=[]))
    for records in ([], members["records"] * 2, [{**members["records"][0], "promise": "other"}]):
        with pytest.raises(VerificationError):
            read(json.dumps({**members, "records": records}).encode())


def test_answer_to_another_request_or_by_another_key_or_schema_is_refused():
    signed = ANSWER.sign(TOKEN, KEY, x5c=[])
    with pytest.raises(VerificationError):
        read(signed, request=SHARE.sign(KEY, x5c=["chain"]))
    with pytest.raises(VerificationError):
        read(signed, key=OTHER)
    with pytest.raises(RequestError):
        read(signed.replace(b"testimoni/records/1", b"testimoni/records/2"))


def test_answer_holds_as_many_records_as_fit_and_no_more():
    small = EvidenceRecord(b"r", b"k", "p")
    assert (
        len(read(replace(ANSWER, records=(small,) * MAX_RECORDS).sign(TOKEN, KEY, x5c=[])).records) == MAX_RECORDS
    )
    with pytest.raises(RequestError) as refused:
        replace(ANSWER, records=(small,) * (MAX_RECORDS + 1)).sign(TOKEN, KEY, x5c=[])
    assert refused.value.code == "too_many_records"
