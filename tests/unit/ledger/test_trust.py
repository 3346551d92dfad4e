# SPDX-License-Identifier: EUPL-1.2
from __future__ import annotations

import json
from dataclasses import replace

import pytest
from eth_utils.address import to_checksum_address

from ledger.promise import MAX_DELAY_SECONDS
from ledger.trust import (
    MAX_ACCESS_KEYS,
    MAX_ISSUER_KEYS,
    TrustedAdministration,
    TrustedChain,
    TrustFile,
    ValidatorSet,
    log_id,
    since_the_start,
    validator_sets,
)
from ledger.trusted_key import TrustedKey
from protocol.errors import RequestError
from protocol.keys import PrivateKey

ADDRESS = str(to_checksum_address("0x" + "ab" * 20))


@pytest.fixture
def trust(share):
    chain = TrustedChain(31337, ADDRESS, log_id(share.audited_log.origin), ADDRESS, since_the_start([ADDRESS]))
    office = TrustedAdministration(
        "L01990015", {"ca": "Ajuntament"}, (TrustedKey(share.promise_key.public_key),), ("https://i",)
    )
    return TrustFile("PEM", (replace(share.audited_log, chain=chain),), (office,))


def test_trust_file_survives_its_json_form(trust):
    assert TrustFile.parse(json.dumps(trust.to_json()).encode()) == trust


def test_keys_with_which_an_office_issues_are_read_and_may_be_left_out(trust, share):
    (office,) = trust.administrations
    issuing = replace(
        trust, administrations=(replace(office, issuer_keys=(TrustedKey(share.promise_key.public_key),)),)
    )
    assert TrustFile.parse(json.dumps(issuing.to_json()).encode()) == issuing
    assert "issuer_keys" not in office.to_json()


def test_log_without_chain_survives_its_json_form(share, trust):
    bare = replace(trust, logs=(share.audited_log,))
    assert TrustFile.parse(json.dumps(bare.to_json()).encode()) == bare


def test_known_and_unknown_names_are_told_apart(trust):
    assert trust.find_log("ledger.example/2026") is trust.logs[0]
    assert trust.find_log("other") is None
    assert trust.find_administration("L01990015") is trust.administrations[0]
    assert trust.find_administration("other") is None


@pytest.mark.parametrize("spelled", [ADDRESS, ADDRESS.lower(), "0x" + ADDRESS[2:].upper()])
def test_contract_in_any_one_case_is_the_one_with_its_checksum(trust, spelled):
    document = json.loads(json.dumps(trust.to_json()))
    document["logs"][0]["chain"]["contract"] = spelled
    assert TrustFile.parse(json.dumps(document).encode()) == trust


def test_limits_of_a_trust_file_are_taken(trust):
    document = json.loads(json.dumps(trust.to_json()))
    document["logs"][0]["maximum_merge_delay"] = MAX_DELAY_SECONDS
    (office, *_) = document["administrations"]
    office["access_keys"] = [PrivateKey.generate().public_key.jwk() for _ in range(MAX_ACCESS_KEYS)]
    office["issuer_keys"] = [PrivateKey.generate().public_key.jwk() for _ in range(MAX_ISSUER_KEYS)]
    (taken,) = TrustFile.parse(json.dumps(document).encode()).administrations
    assert (len(taken.access_keys), len(taken.issuer_keys)) == (MAX_ACCESS_KEYS, MAX_ISSUER_KEYS)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema",), "testimoni/trust/2"),
        (("logs",), [1]),
        (("administrations",), ["x"]),
        (("logs", 0, "origin"), "other.example/2026"),
        (("logs", 0, "checkpoint_key"), "x"),
        (("logs", 0, "chain", "log_id"), "0x00"),
        (("logs", 0, "chain", "log_id"), "0x" + "00" * 32),
        (("logs", 0, "chain", "contract"), "0x12"),
        (("logs", 0, "chain", "contract"), "0x" + ADDRESS[2:].swapcase()),
        (("logs", 0, "chain", "chain_id"), True),
        (("logs", 0, "maximum_merge_delay"), 0),
        (("logs", 0, "maximum_merge_delay"), MAX_DELAY_SECONDS + 1),
        (("logs", 0, "maximum_merge_delay"), 10**20),
        (("administrations", 0, "access_keys"), [PrivateKey.generate().public_key.jwk()] * (MAX_ACCESS_KEYS + 1)),
        (("administrations", 0, "issuer_keys"), [PrivateKey.generate().public_key.jwk()] * (MAX_ISSUER_KEYS + 1)),
        (("administrations", 0, "issuer_keys"), [1]),
        (("administrations", 0, "issuer_keys"), "x"),
        (("logs", 0, "chain", "validators"), [ADDRESS, ADDRESS]),
        (("logs", 0, "chain", "validators"), [ADDRESS, ADDRESS.upper().replace("X", "x")]),
        (("logs", 0, "chain", "validators"), [ADDRESS, {"from_block": 5, "addresses": [ADDRESS]}]),
        (("logs", 0, "chain", "validators"), [{"from_block": 5, "addresses": [ADDRESS]}, ADDRESS]),
        (("logs", 0, "chain", "validators"), [{"from_block": 0, "addresses": []}]),
        (("logs", 0, "chain", "validators"), [{"from_block": 0, "addresses": [ADDRESS, ADDRESS]}]),
        (("logs", 0, "chain", "validators"), [{"from_block": -1, "addresses": [ADDRESS]}]),
        (("logs", 0, "chain", "validators"), [{"from_block": True, "addresses": [ADDRESS]}]),
        (("logs", 0, "chain", "validators"), [{"addresses": [ADDRESS]}]),
        (("logs", 0, "chain", "validators"), [{"from_block": 0, "addresses": ["0x12"]}]),
        (("logs", 0, "chain", "validators"), [{"from_block": 5, "addresses": [ADDRESS]}] * 2),
        (
            ("logs", 0, "chain", "validators"),
            [{"from_block": 5, "addresses": [ADDRESS]}, {"from_block": 4, "addresses": [ADDRESS]}],
        ),
    ],
)
def test_trust_file_with_a_wrong_member_is_refused(trust, place, value):
    document = json.loads(json.dumps(trust.to_json()))
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(RequestError):
        TrustFile.parse(json.dumps(document).encode())


OTHER = "0x" + "cd" * 20


@pytest.mark.parametrize(
    ("written", "sets"),
    [
        ([], ()),
        ([ADDRESS, OTHER], (ValidatorSet(0, (ADDRESS, OTHER)),)),
        (
            [{"from_block": 0, "addresses": [ADDRESS]}, {"from_block": 7, "addresses": [ADDRESS, OTHER]}],
            (ValidatorSet(0, (ADDRESS,)), ValidatorSet(7, (ADDRESS, OTHER))),
        ),
        ([{"from_block": 7, "addresses": [OTHER]}], (ValidatorSet(7, (OTHER,)),)),
    ],
)
def test_validators_are_one_list_or_sets_with_the_block_from_which_each_holds(trust, written, sets):
    document = json.loads(json.dumps(trust.to_json()))
    document["logs"][0]["chain"]["validators"] = written
    found = TrustFile.parse(json.dumps(document).encode())
    assert found.logs[0].chain.validators == sets
    assert found.to_json() == document


def test_validators_of_a_block_are_those_of_the_last_change_before_it(trust):
    first, second = ValidatorSet(5, (ADDRESS,)), ValidatorSet(9, (OTHER,))
    chain = replace(trust.logs[0].chain, validators=(first, second))
    found = [chain.find_validators(number) for number in (0, 4, 5, 8, 9, 10**12)]
    assert found == [None, None, first, first, second, second]


def test_setting_of_a_service_names_validators_and_those_of_later_sets_with_their_block():
    assert validator_sets(frozenset()) == ()
    assert validator_sets({OTHER, ADDRESS}) == (ValidatorSet(0, (ADDRESS, OTHER)),)
    named = {ADDRESS, f"481200:{OTHER}", f"481200:{ADDRESS}", f"7:{OTHER}"}
    assert validator_sets(named) == (
        ValidatorSet(0, (ADDRESS,)),
        ValidatorSet(7, (OTHER,)),
        ValidatorSet(481200, (ADDRESS, OTHER)),
    )


@pytest.mark.parametrize(
    "named",
    [
        "0x12",
        f"-1:{ADDRESS}",
        f":{ADDRESS}",
        f"x:{ADDRESS}",
        f"7:{ADDRESS} ",
        f"7:7:{ADDRESS}",
        f"{10**18}:{ADDRESS}",
    ],
)
def test_setting_that_names_no_validator_is_refused(named):
    with pytest.raises(RequestError):
        validator_sets({named})


def test_setting_that_names_a_validator_twice_for_one_block_is_refused():
    with pytest.raises(RequestError):
        validator_sets({f"7:{ADDRESS}", f"07:{ADDRESS}"})
