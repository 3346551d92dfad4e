# SPDX-License-Identifier: EUPL-1.2
"""The signed comparison of an office's books: what a reader takes, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import pytest

from ledger.reconciliation import (
    MAX_EXCEPTIONS,
    MAX_HEADS,
    SCHEMA,
    TYP,
    ComparedHead,
    Count,
    ExceptionKind,
    Mismatch,
    Reconciliation,
    Role,
    describe,
    verify,
)
from protocol import jws
from protocol.encoding import b64url_encode
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PrivateKey
from protocol.runtime.reconciling import month_option

KEY = PrivateKey.generate()
WHEN = datetime(2026, 12, 1, 4, 0, tzinfo=UTC)
STATED = Reconciliation(
    party="L01990015",
    role=Role.ISSUER,
    made_at=WHEN,
    since=datetime(2026, 11, 1, tzinfo=UTC),
    until=datetime(2026, 12, 1, tzinfo=UTC),
    heads=(ComparedHead("ledger.example/2026", 8, b"r" * 32),),
    counts={
        Count.QUERIES: 3,
        Count.AUTHORISED: 1,
        Count.BY_LAW: 1,
        Count.RECORDED: 3,
        Count.UNPROMISED: 0,
        Count.IN_LOG: 2,
        Count.WAITING: 1,
    },
    exceptions=(Mismatch(ExceptionKind.NOT_AUTHORISED, b"q" * 32),),
)


def read(token):
    asked = []

    def find_key(*about):
        asked.append(about)
        return KEY.public_key

    return verify(token, find_key=find_key), asked


def changed(**members):
    claims = jws.parse(STATED.sign(KEY, x5c=[])).claims() | members
    return jws.sign({name: value for name, value in claims.items() if value is not ...}, KEY, typ=TYP)


def test_statement_when_signed_and_read_is_the_same_and_the_key_is_asked_for_its_party():
    stated, asked = read(STATED.sign(KEY, x5c=["chain"]))
    assert stated == STATED
    assert asked == [("L01990015", Role.ISSUER, WHEN, ["chain"])]


def test_statement_from_before_queries_were_recorded_stays_readable_and_half_of_it_is_none():
    claims = jws.parse(STATED.sign(KEY, x5c=[])).claims()
    earlier = {"queries": 3, Count.AUTHORISED.value: 1, Count.BY_LAW.value: 1}
    stated, _ = read(jws.sign({**claims, "counts": earlier}, KEY, typ=TYP))
    assert stated.counts == {Count.QUERIES: 3, Count.AUTHORISED: 1, Count.BY_LAW: 1}
    for counts in ({"queries": 3}, {**earlier, Count.RECORDED.value: 3}, {**earlier, "shares": 1}):
        with pytest.raises(RequestError):
            read(jws.sign({**claims, "counts": counts}, KEY, typ=TYP))
    as_verifier = {**claims, "role": Role.VERIFIER.value, "counts": earlier}
    with pytest.raises(RequestError):
        read(jws.sign(as_verifier, KEY, typ=TYP))


def test_statement_by_another_key_or_of_another_type_is_refused():
    for token in (STATED.sign(PrivateKey.generate(), x5c=[]), jws.sign({}, KEY, typ="JWT")):
        with pytest.raises((VerificationError, RequestError)):
            read(token)
    other = jws.sign(jws.parse(STATED.sign(KEY, x5c=[])).claims(), KEY, typ="consent-acceptance+jwt")
    with pytest.raises(VerificationError) as refused:
        read(other)
    assert refused.value.check is Check.SIGNATURE


def exceptions(count):
    return [{"kind": ExceptionKind.NOT_AUTHORISED.value, "reference": b64url_encode(bytes(32))}] * count


def heads(count):
    return [{"log": "l", "size": 0, "root": b64url_encode(bytes(32))}] * count


@pytest.mark.parametrize(
    "members",
    [
        {"schema": SCHEMA + "0"},
        {"party": ...},
        {"role": "citizen"},
        {"iat": "now"},
        {"iat": -1},
        {"until": int(STATED.since.timestamp())},
        {"counts": {}},
        {"counts": {"queries": 1}},
        {"counts": {name.value: -1 for name in STATED.counts}},
        {"counts": {**{name.value: 1 for name in STATED.counts}, "decisions": 1}},
        {"heads": ["x"]},
        {"heads": [{"log": "l", "size": 1, "root": "AAAA"}]},
        {"heads": heads(MAX_HEADS + 1)},
        {"exceptions": [{"kind": "no such kind", "reference": b64url_encode(bytes(32))}]},
        {"exceptions": [{"kind": ExceptionKind.OBJECTED.value, "reference": b64url_encode(bytes(31))}]},
        {"exceptions": exceptions(MAX_EXCEPTIONS + 1)},
    ],
    ids=str,
)
def test_statement_of_another_form_is_refused(members):
    with pytest.raises(RequestError):
        read(changed(**members))


def test_statement_as_large_as_it_may_be_is_read():
    stated, _ = read(changed(heads=heads(MAX_HEADS), exceptions=exceptions(MAX_EXCEPTIONS)))
    assert (len(stated.heads), len(stated.exceptions)) == (MAX_HEADS, MAX_EXCEPTIONS)


def test_description_names_each_count_and_exception():
    text = describe(STATED)
    assert "3 queries" in text
    assert f"EXCEPTION {ExceptionKind.NOT_AUTHORISED}" in text
    assert "no exceptions" not in text


@pytest.mark.parametrize(
    ("now", "text", "since", "until"),
    [
        (datetime(2026, 12, 1, tzinfo=UTC), None, (2026, 11), (2026, 12)),
        (datetime(2027, 1, 31, 23, tzinfo=UTC), None, (2026, 12), (2027, 1)),
        (datetime(2026, 12, 31, tzinfo=UTC), "2026-12", (2026, 12), (2027, 1)),
        (datetime(2026, 12, 31, tzinfo=UTC), "2026-02", (2026, 2), (2026, 3)),
    ],
)
def test_month_is_from_its_first_moment_to_the_next_ones(now, text, since, until):
    assert month_option(now, text) == (datetime(*since, 1, tzinfo=UTC), datetime(*until, 1, tzinfo=UTC))


@pytest.mark.parametrize("text", ["2026-13", "2026", "26-01", "0000-01", "2027-01", ""])
def test_month_that_is_none_or_has_not_begun_is_refused(text):
    with pytest.raises(click.BadParameter):
        month_option(datetime(2026, 12, 31, tzinfo=UTC), text)
