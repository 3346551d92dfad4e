# SPDX-License-Identifier: EUPL-1.2
"""A log that the registry grants is registered through the ledger's owner, and one that it does not is refused."""

from __future__ import annotations

import pytest
import requests

from ledger.chain import log_owner
from ledger.chain.log_owner import deploy_log_owner, register_log
from ledger.chain.provider import connect
from ledger.chain.registry import deploy_registry
from ledger.chain.web3_chain import Web3Chain
from ledger.registry import administration_id
from ledger.registry_events import Action, Change, Kind, Role
from protocol.errors import RequestError
from tests.unit.ledger.chain.conftest import URL, WSGIAdapter

PARTY, LOG = administration_id("U1"), bytes(range(32))


def word(account):
    return bytes.fromhex(account.address[2:]).rjust(32, b"\0")


def test_log_is_registered_by_the_registrys_word_and_within_its_gas(node, keys, monkeypatch):
    session = requests.Session()
    session.mount("http://", WSGIAdapter(node))
    web3 = connect(URL, session)
    member, party, sealer = keys[:3]
    registry = deploy_registry(web3, member, members=[member.address], threshold=1)
    monkeypatch.setattr(log_owner, "DEPLOY_GAS", log_owner.DEPLOY_GAS // 2)
    monkeypatch.setattr(log_owner, "REGISTER_GAS", log_owner.REGISTER_GAS // 2)
    owner = deploy_log_owner(web3, sealer, registry=registry.contract)
    chain = Web3Chain(web3, contract=None)
    ledger = chain.deploy_consent_ledger(sealer, owner=owner)
    given = {"owner": owner, "ledger": ledger, "log_id": LOG, "sealer": sealer.address, "administration": PARTY}
    with pytest.raises(RequestError) as caught:
        register_log(web3, sealer, **given)
    assert caught.value.code == "transaction_refused"
    changes = [
        Change(Action.ADD, Kind.ADMINISTRATION, Role.NONE, PARTY, word(party)),
        Change(Action.ADD, Kind.RIGHT, Role.SEALER, PARTY, LOG),
        Change(Action.ADD, Kind.KEY, Role.SEALER, PARTY, word(sealer)),
    ]
    registry.approve(member, *changes)
    registry.accept(party, *changes)
    register_log(web3, sealer, **given)
    # it is there: the ledger's own way has nothing left to do, although the sealer is not the owner
    chain.register_log(sealer, LOG, sealer.address)
    assert chain.head(LOG).size == 0
