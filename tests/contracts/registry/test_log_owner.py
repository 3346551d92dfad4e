# SPDX-License-Identifier: EUPL-1.2
"""The numbered invariants of `ILogOwner`: a consent ledger whose owner does what the registry says, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from contracts.artifact import load_artifact
from ledger.chain.engine import CallMessage
from ledger.chain.evm import ExecutionError
from ledger.chain.sealer import FileSealerKey
from ledger.registry import administration_id
from ledger.registry_events import Action, Role
from tests.contracts.conftest import GAS, address_of
from tests.contracts.registry.conftest import UNIVERSITY, key, right

LOG = bytes(range(32))
TOWN = administration_id("L01990015")
OWNER, LEDGER = load_artifact("LogOwner"), load_artifact("ConsentLedger")
ERRORS = {
    keccak(text=f"{e['name']}({','.join(part['type'] for part in e['inputs'])})")[:4]: e
    for artifact in (OWNER, LEDGER)
    for e in artifact.abi
    if e["type"] == "error"
}

_HEAD = next(entry for entry in LEDGER.abi if entry.get("name") == "head")["outputs"][0]["components"]
HEAD, NAMES = [part["type"] for part in _HEAD], [part["name"] for part in _HEAD]


def word(account):
    return bytes.fromhex(account.address[2:]).rjust(32, b"\0")


class Owned:
    """A ledger, its owner, and the registry that decides."""

    def __init__(self, registry) -> None:
        self.registry = registry
        self.sealer = FileSealerKey.generate()
        self.owner = self.deploy(OWNER, registry.address)
        self.ledger = self.deploy(LEDGER, self.owner)

    def deploy(self, artifact, argument):
        by = self.registry.stranger
        address = address_of(by.address, self.registry._nonces.get(by.address, 0))
        assert self.registry.transact(by, None, artifact.bytecode + encode(["address"], [argument]), gas=4 * GAS)
        return address

    @property
    def right(self):
        return right(role=Role.SEALER, what=LOG)

    @property
    def key(self):
        return key(role=Role.SEALER, what=word(self.sealer))

    def grant(self):
        assert self.registry.add(self.right)
        assert self.registry.add(self.key)

    def do(self, name, *arguments, to=None, by=None):
        """Call, and return the custom error, name first; None when it was done."""
        kinds = {"bytes": "bytes32", "str": "address"}
        types = [kinds[type(each).__name__] for each in arguments]
        data = keccak(text=f"{name}({','.join(types)})")[:4] + encode(types, arguments)
        by = by or self.registry.stranger
        refusal = self.refusal(by, to or self.owner, data)
        assert self.registry.transact(by, to or self.owner, data) == (refusal is None)
        return refusal

    def refusal(self, by, to, data):
        message = CallMessage(bytes.fromhex(by.address[2:]), bytes.fromhex(to[2:]), GAS, 0, data)
        try:
            self.registry.engine.call(message, self.registry.engine.head())
        except ExecutionError as exc:
            found = ERRORS[(exc.output or b"")[:4]]
            return (found["name"], *decode([part["type"] for part in found["inputs"]], (exc.output or b"")[4:]))
        return None

    def register(self, **changes):
        given = {"ledger": self.ledger, "log": LOG, "sealer": self.sealer.address, "party": UNIVERSITY} | changes
        return self.do("registerLog", *given.values())

    def freeze(self):
        return self.do("freezeLog", self.ledger, LOG)

    def read(self, to, name, *arguments):
        types = [{"bytes": "bytes32", "str": "address"}[type(each).__name__] for each in arguments]
        data = keccak(text=f"{name}({','.join(types)})")[:4] + encode(types, arguments)
        message = CallMessage(bytes(20), bytes.fromhex(to[2:]), GAS, 0, data)
        return self.registry.engine.call(message, self.registry.engine.head())

    def head(self, part):
        return decode(HEAD, self.read(self.ledger, "head", LOG))[NAMES.index(part)]

    @property
    def keeper(self):
        return self.read(self.owner, "keeperOf", self.ledger, LOG)


@pytest.fixture
def owned(joined):
    return Owned(joined)


def lower(account):
    return account.address.lower()


def test_1_log_is_registered_when_the_registry_grants_it_whoever_calls(owned):
    owned.grant()
    assert owned.register() is None
    assert (owned.head("sealer"), owned.keeper) == (lower(owned.sealer), UNIVERSITY)


@pytest.mark.parametrize("missing", ["right", "key"])
def test_1_log_is_not_registered_without_its_right_or_its_sealers_key(owned, missing):
    assert owned.registry.add(owned.right if missing == "key" else owned.key)
    assert owned.register() == ("NotGranted", LOG, lower(owned.sealer), UNIVERSITY)
    assert (owned.head("sealer"), owned.keeper) == ("0x" + "00" * 20, bytes(32))


def test_1_approval_without_acceptance_grants_nothing(owned):
    """The members alone cannot make an administration the keeper of a log, nor can it make itself one."""
    assert owned.registry.add(owned.right)
    assert owned.registry.approve(owned.key)
    assert owned.register()[0] == "NotGranted"
    assert owned.registry.accept(owned.key)
    assert owned.register() is None


def test_1_another_sealer_log_or_administration_is_not_granted(owned):
    owned.grant()
    other = FileSealerKey.generate()
    for changes in ({"sealer": other.address}, {"log": bytes(32)}, {"party": TOWN}):
        assert owned.register(**changes)[0] == "NotGranted"


def test_1_what_is_to_begin_or_has_ended_grants_nothing(owned):
    begin = owned.registry.now + 3600
    assert owned.registry.add(right(role=Role.SEALER, what=LOG, start=begin, end=begin + 3600))
    assert owned.registry.add(owned.key)
    assert owned.register()[0] == "NotGranted"
    owned.registry.later(timedelta(hours=2))
    assert owned.register()[0] == "NotGranted"


def test_1_nobody_registers_or_freezes_past_the_owner(owned):
    owned.grant()
    for by in (owned.registry.stranger, owned.registry.university, *owned.registry.members):
        assert (
            owned.do("registerLog", LOG, owned.sealer.address, to=owned.ledger, by=by)[0]
            == "OwnableUnauthorizedAccount"
        )
    assert owned.register() is None
    for by in (owned.registry.stranger, owned.registry.university):
        assert owned.do("freezeLog", LOG, to=owned.ledger, by=by)[0] == "NotSealerOrOwner"


def end_right(owned):
    return owned.registry.approve(right(role=Role.SEALER, what=LOG, action=Action.END, end=0))


def end_party(owned):
    change = owned.registry.administration(action=Action.END, what=bytes(32), end=0)
    return owned.registry.approve(change)


def report_key(owned):
    now = owned.registry.engine.head().timestamp
    return owned.registry.approve(
        key(role=Role.SEALER, what=word(owned.sealer), action=Action.COMPROMISE, start=now)
    )


@pytest.mark.parametrize("over", [end_right, end_party, report_key])
def test_2_log_is_frozen_by_anybody_once_members_ended_the_right_or_reported_the_key(owned, over):
    owned.grant()
    owned.register()
    assert owned.freeze() == ("StillGranted", LOG, lower(owned.sealer), UNIVERSITY)
    assert not owned.head("frozen")
    assert over(owned)
    assert owned.freeze() is None
    assert owned.head("frozen")
    assert owned.freeze() is None


def test_2_one_members_word_freezes_nothing(owned):
    owned.grant()
    owned.register()
    change = right(role=Role.SEALER, what=LOG, action=Action.END, end=0)
    assert owned.registry.approve(change, owned.registry.members[0])
    assert owned.freeze()[0] == "StillGranted"


def test_2_log_that_nobody_keeps_here_is_not_frozen(owned):
    assert owned.freeze() == ("NotKept", owned.ledger.lower(), LOG)


def test_3_keeper_of_a_log_never_changes(owned):
    owned.grant()
    owned.register()
    town = FileSealerKey.generate()
    assert owned.registry.add(owned.registry.administration(town, administration=TOWN), by=town)
    assert owned.registry.add(right(role=Role.SEALER, what=LOG, administration=TOWN), by=town)
    taken = ("AlreadyKept", owned.ledger.lower(), LOG, UNIVERSITY)
    assert owned.register() == taken
    assert owned.register(party=TOWN) == taken
    assert owned.do("adoptLog", owned.ledger, LOG, TOWN) == taken
    assert owned.keeper == UNIVERSITY


def test_4_refused_registration_leaves_no_keeper(owned):
    """The ledger refuses a sealer that has another log: then nothing is kept here either."""
    owned.grant()
    other = bytes(31) + b"\1"
    assert owned.registry.add(right(role=Role.SEALER, what=other))
    assert owned.register(log=other) is None
    assert owned.register()[0] == "SealerInUse"
    assert owned.keeper == bytes(32)


def test_ledger_of_one_key_passes_to_the_registry_in_two_steps_and_its_logs_are_adopted(owned):
    first = owned.registry.stranger
    owned.ledger = owned.deploy(LEDGER, first.address)
    assert owned.do("registerLog", LOG, owned.sealer.address, to=owned.ledger, by=first) is None
    assert owned.do("acceptOwnership", owned.ledger)[0] == "OwnableUnauthorizedAccount"
    assert owned.do("transferOwnership", owned.owner, to=owned.ledger, by=first) is None
    assert owned.do("acceptOwnership", owned.ledger) is None
    assert owned.do("freezeLog", LOG, to=owned.ledger, by=first)[0] == "NotSealerOrOwner"
    assert owned.do("adoptLog", owned.ledger, LOG, UNIVERSITY)[0] == "NotGranted"
    owned.grant()
    assert owned.do("adoptLog", owned.ledger, LOG, UNIVERSITY) is None
    assert end_right(owned)
    assert owned.freeze() is None
    assert owned.head("frozen")


def test_log_that_was_never_registered_cannot_be_adopted(owned):
    owned.grant()
    assert owned.do("adoptLog", owned.ledger, LOG, UNIVERSITY) == ("NotGranted", LOG, "0x" + "00" * 20, UNIVERSITY)


def test_deployed_code_is_the_artifacts_but_for_the_registrys_address(owned):
    code = owned.registry.engine.state(owned.registry.engine.head()).get_code(bytes.fromhex(owned.owner[2:]))
    address = bytes.fromhex(owned.registry.address[2:])
    assert len(code) == len(OWNER.deployed_bytecode)
    assert code.replace(address, bytes(20)) == OWNER.deployed_bytecode
