# SPDX-License-Identifier: EUPL-1.2
from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from ledger import record as records
from protocol.errors import RequestError


def test_share_written_and_read_gives_the_same_record(share_record):
    assert records.parse(records.to_bytes(share_record)) == share_record


def test_record_bytes_are_canonical_with_ts10_names(share_record):
    data = records.to_bytes(share_record)
    members = json.loads(data)
    assert list(members) == sorted(members)
    assert members["schema"] == "testimoni/record/1"
    assert members["interactingPartyIdentifier"] == "L01990015"
    assert members["time"] == "2026-05-04T09:30:00Z"
    assert members["listOfClaimsPresented"][0] == {
        "credentialType": "https://issuer.example/degree",
        "claim": ["degree", "title"],
    }
    assert members["onBehalfOf"] is False


def test_commitment_is_hmac_over_label_and_bytes(share_record):
    data = records.to_bytes(share_record)
    key = bytes(range(32))
    expected = hmac.new(key, b"testimoni/record/1\x00" + data, hashlib.sha256).digest()
    assert records.commit(key, data) == expected
    marker = hmac.new(key, b"testimoni/withdrawn/1" + expected, hashlib.sha256).digest()
    assert records.withdrawal_marker(key, records.Commitment(expected)) == marker


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_key_of_another_length_is_refused(length):
    with pytest.raises(RequestError, match="invalid_key"):
        records.commit(b"k" * length, b"{}")
    with pytest.raises(RequestError, match="invalid_key"):
        records.withdrawal_marker(b"k" * length, records.Commitment(bytes(32)))


def test_record_with_white_space_is_refused(share_record):
    with pytest.raises(RequestError, match="canonical"):
        records.parse(records.to_bytes(share_record).replace(b'{"consentKey"', b'{ "consentKey"'))


def test_record_in_another_order_is_refused(share_record):
    members = json.loads(records.to_bytes(share_record))
    reordered = json.dumps(dict(reversed(members.items())), separators=(",", ":")).encode()
    with pytest.raises(RequestError, match="canonical"):
        records.parse(reordered)


@pytest.mark.parametrize(
    "changes",
    [
        {"retention": 1.5},
        {"retention": 2**53},
        {"retention": 7},
        {"retention": ""},
        {"schema": "testimoni/record/2"},
        {"type": "gift"},
        {"nif": "00000000T"},
        {"previous": "A" * 43},
        {"purpose": None},
        {"consentKey": None},
        {"onBehalfOf": True},
        {"onBehalfOf": 0},
        {"recordedBy": "issuer"},
        {"recordedBy": "nobody"},
        {"time": "2026-05-04T09:30:00+00:00"},
        {"time": "2026-5-4T09:30:00Z"},
        {"time": "2026-02-30T09:30:00Z"},
        {"procedure": {"id": "x"}},
        {"procedure": {"id": "x", "version": "1", "more": "y"}},
        {"procedure": "x"},
        {"request": {"client_id": "x"}},
        {"request": "withdraw"},
        {"listOfClaimsPresented": []},
        {"listOfClaimsPresented": [{"credentialType": "t", "claim": []}]},
        {"listOfClaimsPresented": [{"credentialType": "t", "claim": ["a"], "value": "secret"}]},
        {"listOfClaimsPresented": [{"credentialType": "t", "claim": [1]}]},
        {"listOfClaimsPresented": ["x"]},
        {
            "listOfClaimsPresented": [
                {"credentialType": "t", "claim": ["b"]},
                {"credentialType": "t", "claim": ["a"]},
            ]
        },
        {"consentKey": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}},
    ],
)
def test_share_with_a_member_that_does_not_fit_is_refused(share_record, edited, changes):
    with pytest.raises(RequestError):
        records.parse(edited(records.to_bytes(share_record), changes))


def test_record_with_null_is_refused(share_record):
    data = records.to_bytes(share_record).replace(b'"retention":"P1Y"', b'"retention":null')
    with pytest.raises(RequestError, match="only strings"):
        records.parse(data)


def test_record_above_the_limit_is_refused(share_record):
    with pytest.raises(RequestError, match="longer"):
        records.to_bytes(replace(share_record, terms=replace(share_record.terms, purpose="x" * 20_000)))


def test_share_recorded_by_a_verifier_has_no_consent_key(share_record):
    by_verifier = replace(share_record, recorded_by="verifier", consent_key=None)
    assert records.parse(records.to_bytes(by_verifier)).consent_key is None
    with pytest.raises(RequestError):
        records.to_bytes(replace(share_record, recorded_by="verifier"))


def test_withdrawal_and_answers_written_and_read_give_the_same(share_record, now):
    party, previous = share_record.party, records.Commitment(bytes(range(32)))
    common = {"log": "ledger.example/2026", "time": now, "transaction_identifier": "t2", "party": party}
    withdrawal = records.build_withdrawal(**common, take_back=records.TakeBack.ERASE, previous=previous)
    erased = records.build_answer(records.RecordType.ERASED, **common, previous=previous)
    refused = records.build_answer(
        records.RecordType.REFUSAL_TO_ERASE, **common, previous=previous, legal_ground="eu-gdpr:A17-3-b"
    )
    for each in (withdrawal, erased, refused):
        assert records.parse(records.to_bytes(each)) == each
    assert json.loads(records.to_bytes(withdrawal))["request"] == "erase"


def test_refusal_without_legal_ground_is_refused(share_record, now):
    refusal = records.build_answer(
        records.RecordType.REFUSAL_TO_ERASE,
        log="l",
        time=now,
        transaction_identifier="t",
        party=share_record.party,
        previous=records.Commitment(bytes(32)),
    )
    with pytest.raises(RequestError, match="legalGround"):
        records.to_bytes(refusal)


def test_query_written_and_read_gives_the_same(share_record, now):
    query = records.build_query(
        log="l",
        time=now,
        transaction_identifier="t",
        party=share_record.party,
        procedure=share_record.procedure,
        terms=share_record.terms,
        claims_requested=share_record.claims_requested,
    )
    assert records.parse(records.to_bytes(query)) == query


@pytest.mark.parametrize("text", [None, 7, "", "A" * 42, "A" * 44, "=" * 43, "A" * 42 + "B"])
def test_commitment_text_of_another_form_is_refused(text):
    with pytest.raises(RequestError, match="invalid_commitment"):
        records.parse_commitment(text)


def test_claims_path_with_null_and_position_becomes_text():
    assert records.ClaimReference.of("t", ["a", None, 2]).claim == ("a", "*", "2")


def test_record_that_its_own_form_would_change_is_not_written(share_record):
    # a moment between two seconds has no place in the form
    between = replace(share_record, time=share_record.time.replace(microsecond=1))
    with pytest.raises(RequestError, match="does not survive"):
        records.to_bytes(between)


@pytest.mark.parametrize("kind", ["forget", "share"])
def test_take_back_of_another_kind_is_refused(share_record, now, edited, kind):
    withdrawal = records.build_withdrawal(
        log="ledger.example/2026",
        time=now,
        transaction_identifier="t2",
        party=share_record.party,
        take_back=records.TakeBack.ERASE,
        previous=records.Commitment(bytes(range(32))),
    )
    with pytest.raises(RequestError, match="withdraw, erase or object"):
        records.parse(edited(records.to_bytes(withdrawal), {"request": kind}))
