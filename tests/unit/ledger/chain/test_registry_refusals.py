# SPDX-License-Identifier: EUPL-1.2
"""Why the registry refuses, in words that say what to do."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from contracts.artifact import load_artifact
from ledger.chain.registry_refusals import UNEXPLAINED, WORDS, explain

ERRORS = [
    (contract, entry)
    for contract in ("TrustRegistry", "LogOwner")
    for entry in load_artifact(contract).abi
    if entry["type"] == "error"
]


def output(entry):
    kinds = ["uint8" if part["internalType"].startswith("enum ") else part["type"] for part in entry["inputs"]]
    values = {"bytes32": b"\7" * 32, "address": "0x" + "5a" * 20}
    given = [values.get(kind, 3) for kind in kinds]
    return keccak(text=f"{entry['name']}({','.join(kinds)})")[:4] + encode(kinds, given)


@pytest.mark.parametrize(("contract", "entry"), ERRORS)
def test_every_error_of_the_contracts_has_its_sentence(contract, entry):
    said = explain(output(entry), contract=contract)
    assert said not in {"", UNEXPLAINED}
    assert said == WORDS[entry["name"]].format(*(each_value(part) for part in entry["inputs"]))


def each_value(part):
    return {"bytes32": b"\7" * 32, "address": "0x" + "5a" * 20}.get(part["type"], 3)


def test_no_sentence_is_about_an_error_that_the_contract_does_not_have():
    assert {entry["name"] for _, entry in ERRORS} == set(WORDS)


def test_too_few_approvals_say_how_many_are_needed():
    entry = next(each for _, each in ERRORS if each["name"] == "NotApproved")
    data = output(entry)[:4] + encode(["bytes32", "uint256", "uint256"], [b"\7" * 32, 1, 2])
    assert explain(data, contract="TrustRegistry") == "2 members must approve this first, and 1 did"


@pytest.mark.parametrize("data", [b"", b"\0" * 4, output(ERRORS[0][1])[:5]])
def test_an_answer_that_is_no_error_of_the_contract_is_not_explained(data):
    assert explain(data, contract="TrustRegistry") == UNEXPLAINED
