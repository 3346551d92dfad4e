# SPDX-License-Identifier: EUPL-1.2
"""Proposals: what a member would approve without its meaning anything is refused before."""

from __future__ import annotations

import json

import pytest

from ledger.registry import NOTHING, administration_id
from ledger.registry_events import MAX_CHANGES, NO_END, Action, Kind, Role
from ledger.registry_proposal import MAX_DETAILS_BYTES, SCHEMA, Proposal
from protocol.encoding import b64url_encode, sha256
from protocol.errors import RequestError
from protocol.keys import PrivateKey

DIGEST = b64url_encode(sha256(b"x"))
ACCOUNT = "0x" + "5a" * 20
RIGHT = {
    "action": "add",
    "kind": "right",
    "role": "issuer",
    "administration": "U1",
    "subject": "vct",
    "start": 7,
    "end": None,
    "details": {"vct": "vct", "identifier": "https://u.example"},
}
KEY = RIGHT | {"kind": "key", "subject": DIGEST, "details": {}}
PARTY = RIGHT | {
    "kind": "administration",
    "role": "none",
    "subject": ACCOUNT,
    "details": {"code": "U1", "name": {"ca": "U"}},
}
LOG = {"origin": "l/1", "promise_key": PrivateKey.generate().public_key.jwk(), "maximum_merge_delay": 60}
SEALER = RIGHT | {"role": "sealer", "subject": "l/1", "details": LOG}
BUNDLE = KEY | {"kind": "page_bundle", "role": "none"}


def proposal(*changes, **members):
    given = {"schema": SCHEMA, "chain_id": 5, "registry": ACCOUNT, "changes": list(changes)}
    return json.dumps(given | members).encode()


def only(change):
    (found,) = Proposal.parse(proposal(change)).changes
    return found


@pytest.mark.parametrize(
    "given", [RIGHT, KEY, PARTY, SEALER, BUNDLE, KEY | {"action": "compromise"}, RIGHT | {"end": 9}]
)
def test_proposal_survives_its_file(given):
    made = Proposal.parse(proposal(given, KEY))
    assert Proposal.parse(made.to_bytes()) == made


def test_change_is_what_the_contract_is_told():
    change = only(RIGHT).change
    assert (change.action, change.kind, change.role) == (Action.ADD, Kind.RIGHT, Role.ISSUER)
    assert (change.administration, change.what) == (administration_id("U1"), sha256(b"vct"))
    assert (change.start, change.end) == (7, NO_END)
    assert change.details == b'{"identifier":"https://u.example","vct":"vct"}'
    assert only(PARTY).change.what == bytes(12) + b"\x5a" * 20
    assert only(KEY).change.what == sha256(b"x")
    assert only(SEALER).change.what == sha256(b"l/1")
    assert only(RIGHT | {"role": "auditor", "subject": "", "details": {}}).change.what == NOTHING
    left = only(PARTY | {"action": "end", "subject": "", "details": {}, "end": 9})
    assert (left.change.what, left.account, only(PARTY).account) == (NOTHING, None, ACCOUNT)


def test_words_say_who_what_and_since_when():
    assert only(RIGHT).describe().startswith("U1: add right as issuer vct {")
    assert only(RIGHT | {"action": "end", "details": {}}).describe() == "U1: end right as issuer vct"
    reported = only(KEY | {"action": "compromise"}).describe()
    assert reported == f"U1: report key as issuer as compromised {DIGEST} since 7"


@pytest.mark.parametrize(
    "wrong",
    [
        RIGHT | {"action": "forget"},
        RIGHT | {"kind": "none"},
        RIGHT | {"role": "holder"},
        RIGHT | {"role": "none"},
        PARTY | {"role": "issuer"},
        RIGHT | {"administration": ""},
        RIGHT | {"action": "compromise"},
        RIGHT | {"start": -1},
        RIGHT | {"end": 2**64},
        RIGHT | {"subject": ""},
        RIGHT | {"subject": "another"},
        RIGHT | {"details": {"vct": "vct"}},
        RIGHT | {"role": "auditor"},
        RIGHT | {"role": "verifier"},
        SEALER | {"subject": "l/2"},
        SEALER | {"details": {"origin": "l/1"}},
        KEY | {"subject": "AAAA"},
        KEY | {"role": "verifier"},
        KEY | {"role": "auditor"},
        PARTY | {"subject": "0x00"},
        PARTY | {"details": {"code": "U2", "name": {"ca": "U"}}},
        PARTY | {"details": {"code": "U1"}},
        PARTY | {"action": "end"},
        {name: value for name, value in RIGHT.items() if name != "details"},
    ],
)
def test_change_that_would_mean_nothing_is_refused_with_its_number(wrong):
    with pytest.raises(RequestError, match="change 2: ") as caught:
        Proposal.parse(proposal(KEY, wrong))
    assert caught.value.code == "invalid_file"


def test_details_at_the_limit_are_taken_and_over_it_refused():
    spare = MAX_DETAILS_BYTES - len('{"x":""}')
    assert len(only(KEY | {"details": {"x": "y" * spare}}).change.details) == MAX_DETAILS_BYTES
    with pytest.raises(RequestError, match="at most 4096"):
        only(KEY | {"details": {"x": "y" * (spare + 1)}})


def test_as_many_changes_as_one_transaction_takes_and_no_more():
    assert len(Proposal.parse(proposal(*[KEY] * MAX_CHANGES)).changes) == MAX_CHANGES
    for count in (0, MAX_CHANGES + 1):
        with pytest.raises(RequestError, match="expected 1 to 25 changes"):
            Proposal.parse(proposal(*[KEY] * count))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", proposal(KEY, schema="another"), proposal("KEY"), proposal(KEY, chain_id="5")]
)
def test_file_that_is_no_proposal_is_refused(data):
    with pytest.raises(RequestError) as caught:
        Proposal.parse(data)
    assert caught.value.code == "invalid_file"


END = {"action": "end", "details": {}, "end": 9}
LEFT = PARTY | END | {"subject": ""}


@pytest.mark.parametrize(
    "changes", [(RIGHT | END, RIGHT), (KEY | END, RIGHT, KEY), (LEFT, PARTY), (LEFT, RIGHT), (LEFT, BUNDLE)]
)
def test_what_a_proposal_ends_it_does_not_add_anew(changes):
    """Who approves first would approve the addition before the end, and that does not count after it."""
    with pytest.raises(RequestError, match=f"change {len(changes)}: .* after the end") as caught:
        Proposal.parse(proposal(*changes))
    assert caught.value.code == "invalid_file"


@pytest.mark.parametrize(
    "changes",
    [
        (RIGHT, RIGHT | END),
        (RIGHT | END, KEY),
        (RIGHT | END, SEALER),
        (RIGHT | END, RIGHT | {"administration": "U2"}),
        (LEFT, RIGHT | END, KEY | {"action": "compromise"}),
        (KEY | {"action": "compromise"}, KEY | {"subject": b64url_encode(sha256(b"y"))}),
    ],
)
def test_what_a_proposal_does_not_end_it_may_add(changes):
    assert len(Proposal.parse(proposal(*changes)).changes) == len(changes)


def test_two_accounts_of_one_administration_in_one_proposal_are_refused_before_anybody_approves():
    """The second would be approved before the first is accepted, and count for nothing after."""
    other = PARTY | {"subject": "0x" + "cd" * 20}
    of_another = PARTY | {"administration": "U2", "details": {"code": "U2", "name": {"ca": "U"}}}
    assert len(Proposal.parse(proposal(PARTY, of_another, RIGHT)).changes) == 3
    with pytest.raises(RequestError, match="change 2: a proposal gives an administration one account"):
        Proposal.parse(proposal(PARTY, other))


def test_sealers_account_is_the_subject_of_a_key_as_the_ledgers_owner_asks_for_it():
    given = KEY | {"role": "sealer", "subject": ACCOUNT}
    assert only(given).change.what == bytes(12) + b"\x5a" * 20
    for wrong in (given | {"role": "issuer"}, given | {"subject": ACCOUNT + "00"}):
        with pytest.raises(RequestError):
            Proposal.parse(proposal(wrong))
