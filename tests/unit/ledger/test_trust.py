# SPDX-License-Identifier: EUPL-1.2
from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ledger.promise import MAX_DELAY_SECONDS
from ledger.trust import MAX_ACCESS_KEYS, TrustedAdministration, TrustedChain, TrustFile, log_id
from protocol.errors import RequestError
from protocol.keys import PrivateKey

ADDRESS = "0x" + "ab" * 20


@pytest.fixture
def trust(share):
    chain = TrustedChain(31337, ADDRESS, log_id(share.audited_log.origin), ADDRESS, (ADDRESS,))
    office = TrustedAdministration(
        "L01990015", {"ca": "Ajuntament"}, (share.promise_key.public_key,), ("https://i",)
    )
    return TrustFile("PEM", (replace(share.audited_log, chain=chain),), (office,))


def test_trust_file_survives_its_json_form(trust):
    assert TrustFile.parse(json.dumps(trust.to_json()).encode()) == trust


def test_log_without_chain_survives_its_json_form(share, trust):
    bare = replace(trust, logs=(share.audited_log,))
    assert TrustFile.parse(json.dumps(bare.to_json()).encode()) == bare


def test_known_and_unknown_names_are_told_apart(trust):
    assert trust.find_log("ledger.example/2026") is trust.logs[0]
    assert trust.find_log("other") is None
    assert trust.find_administration("L01990015") is trust.administrations[0]
    assert trust.find_administration("other") is None


def test_limits_of_a_trust_file_are_taken(trust):
    document = json.loads(json.dumps(trust.to_json()))
    document["logs"][0]["maximum_merge_delay"] = MAX_DELAY_SECONDS
    (office, *_) = document["administrations"]
    office["access_keys"] = [PrivateKey.generate().public_key.jwk() for _ in range(MAX_ACCESS_KEYS)]
    assert len(TrustFile.parse(json.dumps(document).encode()).administrations[0].access_keys) == MAX_ACCESS_KEYS


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
        (("logs", 0, "chain", "chain_id"), True),
        (("logs", 0, "maximum_merge_delay"), 0),
        (("logs", 0, "maximum_merge_delay"), MAX_DELAY_SECONDS + 1),
        (("logs", 0, "maximum_merge_delay"), 10**20),
        (("administrations", 0, "access_keys"), [PrivateKey.generate().public_key.jwk()] * (MAX_ACCESS_KEYS + 1)),
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
