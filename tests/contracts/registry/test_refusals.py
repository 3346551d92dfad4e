# SPDX-License-Identifier: EUPL-1.2
"""Changes that mean nothing are refused; every custom error has a test; what the code may not contain; gas."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from contracts.artifact import load_artifact
from ledger.chain.registry_codec import (
    MEMBERS_CHANGED_TOPIC,
    NEWEST_CALL,
    RECORDED_TOPIC,
    encode_changes,
    read_newest,
    read_registry_event,
)
from ledger.registry_events import Action, Kind, Role
from protocol.errors import UnavailableError
from tests.contracts.registry.conftest import key, right
from tests.contracts.test_artifact import FORBIDDEN, LATER_OPCODES, opcodes

ARTIFACT = load_artifact("TrustRegistry")
PARTY = {"kind": Kind.ADMINISTRATION, "role": Role.NONE}


@pytest.mark.parametrize(
    "changes",
    [
        {"role": Role.NONE},
        {"kind": Kind.KEY, "role": Role.NONE},
        {"kind": Kind.PAGE_BUNDLE},
        PARTY | {"role": Role.ISSUER, "what": b"\1".rjust(32, b"\0")},
        PARTY | {"what": b"\1" * 32},
        PARTY | {"what": bytes(32)},
        PARTY | {"action": Action.END, "what": b"\1".rjust(32, b"\0")},
        PARTY | {"action": Action.COMPROMISE, "what": b"\1".rjust(32, b"\0"), "start": 1},
        {"what": bytes(32)},
        {"role": Role.AUDITOR},
        {"action": Action.COMPROMISE, "start": 1},
        {"kind": Kind.PAGE_BUNDLE, "role": Role.NONE, "action": Action.COMPROMISE, "start": 1},
        {"kind": Kind.KEY, "action": Action.COMPROMISE, "start": 0},
    ],
)
def test_a_change_that_means_nothing_is_refused(registry, changes):
    change = right(**changes)
    refusal = registry.refused("approve", change, registry.members[0])
    assert refusal == ("UnusableChange", change.action, change.kind, change.role, change.what)


def test_an_auditor_has_a_right_that_is_about_nothing(joined):
    assert joined.add(right(role=Role.AUDITOR, what=bytes(32)))
    assert joined.add(key(role=Role.AUDITOR))


def test_details_over_the_limit_are_refused_and_at_the_limit_are_taken(joined):
    assert joined.add(right(details=b"x" * 4096))
    longer = right(details=b"x" * 4097)
    assert joined.refused("approve", longer, joined.members[0]) == ("DetailsLength", 4097, 4096)
    assert joined.refused("accept", longer, joined.university) == ("DetailsLength", 4097, 4096)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_calldata_with_an_unknown_action_kind_or_role_is_refused(registry, place):
    data = bytearray(encode_changes("approve", right()))
    data[4 + 32 * (place + 4) - 1] = 5
    assert not registry.transact(registry.members[0], registry.address, bytes(data))


def test_sending_money_is_refused():
    assert not [entry for entry in ARTIFACT.abi if entry.get("stateMutability") == "payable"]
    assert not [entry for entry in ARTIFACT.abi if entry["type"] in {"fallback", "receive"}]


def test_every_error_of_the_contract_has_a_test():
    texts = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    own = {entry["name"] for entry in ARTIFACT.abi if entry["type"] == "error"}
    # a chain without SHA-256 is no chain of ours
    assert own - {"HashFailed"} <= set(re.findall(r'"(\w+)"', texts))


@pytest.mark.parametrize("code", [ARTIFACT.bytecode, ARTIFACT.deployed_bytecode])
def test_code_runs_on_every_engine_since_london_and_calls_no_other(code):
    used = set(opcodes(code))
    assert not used & LATER_OPCODES.keys()
    assert not used & (FORBIDDEN.keys() | {0xF1})


def test_deployed_code_is_the_artifacts(registry):
    state = registry.engine.state(registry.engine.head())
    assert state.get_code(bytes.fromhex(registry.address[2:])) == ARTIFACT.deployed_bytecode
    assert len(ARTIFACT.deployed_bytecode) < 24_576


def test_gas_of_a_change_stays_low(joined, capsys):
    """A right costs three transactions: two approvals and the acceptance."""
    spent = {}
    change = right(details=b"x" * 100)
    for name, send in (
        ("first approval", lambda: joined.approve(change, joined.members[0])),
        ("second approval", lambda: joined.approve(change, joined.members[1])),
        ("acceptance", lambda: joined.accept(change)),
    ):
        assert send()
        spent[name] = joined.gas_used
    with capsys.disabled():
        sys.stdout.write("\n" + "".join(f"{name:<16} {gas:>8,}\n" for name, gas in spent.items()))
    readme = (Path(__file__).parents[3] / "contracts" / "README.md").read_text("utf-8")
    for name, gas in spent.items():
        documented = int(re.search(rf"\| {name} \| ([\d,]+) \|", readme)[1].replace(",", ""))
        # digests differ in their zero bytes from run to run
        assert abs(gas - documented) < 500


class TestWhatANodeSays:
    """A node that garbles an event tells nothing; it is never read as another event."""

    def topics(self, first=RECORDED_TOPIC, count=4):
        return [first, *[bytes(32)] * (count - 1)]

    def test_approvals_are_no_part_of_the_history(self):
        assert read_registry_event(self.topics(b"\x09" * 32, 3), bytes(32)) is None
        assert read_registry_event([], b"") is None

    @pytest.mark.parametrize(
        ("first", "count", "data"),
        [
            (RECORDED_TOPIC, 4, b""),
            (RECORDED_TOPIC, 3, bytes(320)),
            (RECORDED_TOPIC, 4, b"\xff" * 320),
            (RECORDED_TOPIC, 4, (9).to_bytes(32) + bytes(5 * 32) + (256).to_bytes(32) + bytes(64)),
            (MEMBERS_CHANGED_TOPIC, 2, bytes(31)),
            (MEMBERS_CHANGED_TOPIC, 3, bytes(320)),
        ],
    )
    def test_a_garbled_event_could_not_tell(self, first, count, data):
        with pytest.raises(UnavailableError):
            read_registry_event(self.topics(first, count), data)

    @pytest.mark.parametrize("length", [0, 63, 65])
    def test_another_answer_than_the_newest_could_not_tell(self, length):
        with pytest.raises(UnavailableError):
            read_newest(bytes(length))

    def test_selector_is_the_artifacts(self, registry):
        assert registry.call(registry.stranger, NEWEST_CALL)[:32] == (1).to_bytes(32)
