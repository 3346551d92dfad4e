# SPDX-License-Identifier: EUPL-1.2
"""`testimoni registry …-members` on the embedded node: others decide only when present and new members agree."""

from __future__ import annotations

import json

import pytest

from ledger.chain.sealer import FileSealerKey
from ledger.members_proposal import CODE, MAX_MEMBERS, MembersProposal
from protocol.errors import ConfigurationError, RequestError
from protocol.runtime.signer import write_secret_file
from tests.service.test_registry_command import (
    account,
    member,
    new_type,
    practice,  # noqa: F401 - a fixture
    prepared,  # noqa: F401 - the same
)

REGISTRY = "0x00000000000000000000000000000000000000C0"


@pytest.fixture
def newcomers(practice):  # noqa: F811 - the fixture
    """Two keys in files beside the practice set-up's."""
    made = []
    for name in ("new-1", "new-2"):
        key = FileSealerKey.generate()
        write_secret_file(practice.folder / f"{name}.key", key.pem())
        made.append((key.address, ("--key", practice.folder / f"{name}.key")))
    return made


def propose(practice, *accounts, threshold=2, name="members.json"):  # noqa: F811 - the fixture
    file = practice.folder / name
    given = [part for each in accounts for part in ("--member", each)]
    assert practice.run("propose-members", file, *given, "--threshold", threshold) == 0
    return file


def seats(practice):  # noqa: F811 - the fixture
    history = practice.history
    return {each.lower() for each in history.members}, history.threshold


def lower(*accounts):
    return {each.lower() for each in accounts}


def test_members_change_when_present_ones_approved_and_new_ones_accepted(practice, newcomers, capsys):  # noqa: F811
    stays = practice.files.members[0].address
    (one, one_key), (two, two_key) = newcomers
    before = seats(practice)
    file = propose(practice, two, stays, one)
    assert "nothing was sent" in capsys.readouterr().out
    assert practice.run("approve-members", file, *member(practice, 1)) == 0
    said = capsys.readouterr().out
    assert "approved by 1 of the 2 members" in said
    assert (said.count("  joins"), said.count("  stays"), said.count("  leaves")) == (2, 1, 2)
    with pytest.raises(RequestError, match="2 members must approve this first, and 1 did"):
        practice.run("accept-members", file, *one_key)
    assert practice.run("approve-members", file, *member(practice, 3)) == 0
    assert "they take over when 2 of them have accepted it" in capsys.readouterr().out
    assert practice.run("accept-members", file, *one_key) == 0
    assert "accepted; they take over when" in capsys.readouterr().out
    assert seats(practice) == before
    assert practice.run("accept-members", file, *two_key) == 0
    assert practice.history.place.running_hash.hex() in capsys.readouterr().out
    assert seats(practice) == (lower(stays, one, two), 2)
    # and the new ones decide, the old ones do not
    change = new_type(practice, practice.folder / "proposal.json")
    with pytest.raises(RequestError, match="is no member of the registry"):
        practice.run("approve", change, *member(practice, 2))
    for key in (one_key, two_key):
        assert practice.run("approve", change, *key) == 0
    assert practice.run("accept", change, *account(practice, "universitat")) == 0


def test_members_when_refused_read_why_and_nothing_changes(practice, newcomers):  # noqa: F811
    (one, one_key), (two, _) = newcomers
    before, file = seats(practice), propose(practice, one, two)
    with pytest.raises(RequestError, match="is no member of the registry"):
        practice.run("approve-members", file, *one_key)
    practice.run("approve-members", file, *member(practice, 1))
    with pytest.raises(RequestError, match="approved this before"):
        practice.run("approve-members", file, *member(practice, 1))
    practice.run("approve-members", file, *member(practice, 2))
    with pytest.raises(RequestError, match="is no member of the registry"):
        practice.run("accept-members", file, *member(practice, 1))
    practice.run("accept-members", file, *one_key)
    with pytest.raises(RequestError, match="approved this before"):
        practice.run("accept-members", file, *one_key)
    assert seats(practice) == before


def test_approval_of_members_from_before_others_took_over_is_void(practice, newcomers):  # noqa: F811
    (one, one_key), (two, two_key) = newcomers
    reserve = propose(practice, one, threshold=1, name="reserve.json")
    change = new_type(practice, practice.folder / "proposal.json")
    file = propose(practice, one, two, practice.files.members[0].address)
    for number in (1, 2):
        for command, what in (("approve-members", reserve), ("approve", change), ("approve-members", file)):
            practice.run(command, what, *member(practice, number))
    for key in (one_key, two_key):
        practice.run("accept-members", file, *key)
    with pytest.raises(RequestError, match="2 members must approve this first, and 0 did"):
        practice.run("accept-members", reserve, *one_key)
    with pytest.raises(RequestError, match="2 members must approve this first, and 0 did"):
        practice.run("accept", change, *account(practice, "universitat"))


def test_json_prints_one_object_and_asks_nothing(practice, newcomers, capsys):  # noqa: F811
    (one, one_key), (two, two_key) = newcomers
    file = practice.folder / "members.json"
    practice.run("propose-members", file, "--member", one, "--member", two, "--threshold", 2, "--json")
    named = {"members": sorted(lower(one, two)), "threshold": 2}
    assert json.loads(capsys.readouterr().out) == {**named, "sent": False}
    with pytest.raises(ConfigurationError, match="--yes"):
        practice.run("approve-members", file, *member(practice, 1), "--json")
    for number in (1, 2):
        practice.run("approve-members", file, *member(practice, number), "--json", "--yes", answer="no")
        assert json.loads(capsys.readouterr().out) == {**named, "sent": True, "approvals": number, "needed": 2}
    for key, is_in_effect in ((one_key, False), (two_key, True)):
        practice.run("accept-members", file, *key, "--json", "--yes", answer="no")
        assert json.loads(capsys.readouterr().out) == {**named, "sent": True, "in_effect": is_in_effect}


def test_no_sends_nothing(practice, newcomers):  # noqa: F811
    file = propose(practice, newcomers[0][0], threshold=1)
    head = practice.node.engine.head().block_number
    for answer in ("", "n", "yess"):
        assert practice.run("approve-members", file, *member(practice, 1), answer=answer) == 1
    assert practice.node.engine.head().block_number == head


def test_proposal_for_another_registry_is_refused(practice, newcomers):  # noqa: F811
    file = propose(practice, newcomers[0][0], threshold=1)
    file.write_text(json.dumps({**json.loads(file.read_text()), "chain_id": 1}))
    with pytest.raises(RequestError, match="not for this one"):
        practice.run("approve-members", file, *member(practice, 1))


def accounts(count):
    return [f"0x{number:040x}" for number in range(1, count + 1)]


def test_proposal_has_members_once_in_order_and_a_threshold_of_more_than_half():
    made = MembersProposal.make(1337, REGISTRY, ["0x" + "BB" * 20, "0x" + "aa" * 20], 2)
    assert made.members == ("0x" + "aa" * 20, "0x" + "bb" * 20)
    assert MembersProposal.parse(made.to_bytes()) == made
    whole = MembersProposal.make(1337, REGISTRY, accounts(MAX_MEMBERS), MAX_MEMBERS // 2 + 1)
    assert len(whole.members) == MAX_MEMBERS == 100


@pytest.mark.parametrize(
    ("members", "threshold"),
    [
        ([], 0),
        (accounts(MAX_MEMBERS + 1), 60),
        (accounts(3), 1),
        (accounts(4), 2),
        (accounts(3), 4),
        (accounts(3), -1),
        ([accounts(1)[0], accounts(1)[0]], 2),
        (["0x" + "00" * 20, *accounts(2)], 2),
        (["0x12"], 1),
        (["somebody"], 1),
    ],
)
def test_members_that_the_contract_would_refuse_are_refused_before_anybody_approves(members, threshold):
    with pytest.raises(RequestError) as refused:
        MembersProposal.make(1337, REGISTRY, members, threshold)
    assert refused.value.code == CODE
