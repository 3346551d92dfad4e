# SPDX-License-Identifier: EUPL-1.2
"""The registry's client against the embedded node, and against nodes that leave out, change or are behind."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import requests

from ledger.chain import registry as module
from ledger.chain.client import open_registry
from ledger.chain.provider import connect
from ledger.chain.qbft import ExtraData
from ledger.chain.registry import CHANGE_GAS, Web3Registry, deploy_registry
from ledger.registry import RegistryHistory, Standing, administration_id
from ledger.registry_events import Action, Change, Kind, Role
from protocol.encoding import sha256
from protocol.errors import ConfigurationError, RequestError, UnavailableError, VerificationError
from tests.unit.ledger.chain.conftest import CHAIN_ID, URL, WSGIAdapter

PARTY, DEGREE, KEY = administration_id("U1"), sha256(b"degree"), sha256(b"key")


def web3(node):
    session = requests.Session()
    session.mount("http://", WSGIAdapter(node))
    return connect(URL, session)


@pytest.fixture
def registry(node, keys):
    """A registry with one member, where the university may issue degrees by one key."""
    member, university = keys[:2]
    made = deploy_registry(web3(node), member, members=[member.address], threshold=1)
    account = bytes.fromhex(university.address[2:]).rjust(32, b"\0")
    for change in (
        Change(Action.ADD, Kind.ADMINISTRATION, Role.NONE, PARTY, account),
        Change(Action.ADD, Kind.RIGHT, Role.ISSUER, PARTY, DEGREE),
        Change(Action.ADD, Kind.KEY, Role.ISSUER, PARTY, KEY),
    ):
        made.approve(member, change)
        made.accept(university, change)
    return made


def compromise(registry, keys, node):
    since = int(node.clock.now().timestamp())
    registry.approve(keys[0], Change(Action.COMPROMISE, Kind.KEY, Role.ISSUER, PARTY, KEY, start=since))


def test_history_is_read_whole_and_answers(node, registry):
    registry.check(expected_chain_id=CHAIN_ID)
    news = registry.read(None)
    assert (len(news.events), news.place.sequence, news.place.chain_id) == (4, 4, CHAIN_ID)
    history = RegistryHistory.fold(news.events, news.place)
    moment = node.clock.now() + timedelta(seconds=news.place.block_time - int(node.clock.now().timestamp()))
    assert history.trusted(KEY, Role.ISSUER, DEGREE, on=moment).standing is Standing.TRUSTED


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_history_read_in_pages_and_in_parts_is_the_same(node, registry, keys, monkeypatch, blocks):
    whole = registry.read(None)
    monkeypatch.setattr(module, "BLOCKS_PER_QUERY", blocks)
    assert registry.read(None) == whole
    assert registry.read(whole.place).events == ()
    compromise(registry, keys, node)
    more = registry.read(whole.place)
    assert [event.sequence for event in more.events] == [5]
    assert registry.read(None).events == whole.events + more.events
    RegistryHistory.fold(whole.events + more.events, more.place)


def test_approvals_of_an_addition_are_those_since_the_end(registry, keys):
    entry = Change(Action.ADD, Kind.RIGHT, Role.ISSUER, PARTY, DEGREE)
    renewal, end = replace(entry, details=b"renewal"), replace(entry, action=Action.END, end=0)
    registry.approve(keys[0], renewal)
    assert registry.approvals(renewal) == 1
    registry.approve(keys[0], end)
    assert (registry.approvals(renewal), registry.approvals(end)) == (0, 1)
    with pytest.raises(RequestError, match="1 members must approve this first, and 0 did"):
        registry.accept(keys[1], renewal)
    registry.approve(keys[0], renewal)
    assert registry.approvals(renewal) == 1
    registry.accept(keys[1], renewal)


def test_a_refused_change_is_an_error(registry, keys):
    change = Change(Action.ADD, Kind.KEY, Role.ISSUER, PARTY, sha256(b"another"))
    with pytest.raises(RequestError) as caught:
        registry.approve(keys[2], change)
    assert caught.value.code == "transaction_refused"
    assert registry.read(None).place.sequence == 4


class LyingNode(WSGIAdapter):
    """Passes answers on, changed by a function from method and result to result."""

    def __init__(self, node, lie) -> None:
        super().__init__(node)
        self.lie = lie

    def send(self, request, **more):
        response = super().send(request, **more)
        answer = json.loads(response._content)
        answer["result"] = self.lie(json.loads(request.body)["method"], answer.get("result"))
        response._content = json.dumps(answer).encode()
        return response


def lying(node, registry, lie):
    session = requests.Session()
    session.mount("http://", LyingNode(node, lie))
    return Web3Registry(connect(URL, session), contract=registry.contract)


@pytest.mark.parametrize("number", range(4))
def test_a_node_that_leaves_out_an_event_is_noticed(node, registry, number):
    def lie(method, result):
        return result[:number] + result[number + 1 :] if method == "eth_getLogs" else result

    with pytest.raises(VerificationError) as caught:
        lying(node, registry, lie).read(None)
    assert caught.value.code == "registry_history"


def test_a_node_that_changes_an_event_is_noticed(node, registry):
    def lie(method, result):
        if method == "eth_getLogs":
            data = bytearray.fromhex(result[2]["data"][2:])
            data[4 * 32 - 1] ^= 1
            result[2]["data"] = "0x" + data.hex()
        return result

    with pytest.raises(VerificationError):
        lying(node, registry, lie).read(None)


def test_a_node_that_garbles_an_event_could_not_tell(node, registry):
    def lie(method, result):
        if method == "eth_getLogs":
            result[2]["data"] = result[2]["data"][:-64]
        return result

    with pytest.raises(UnavailableError):
        lying(node, registry, lie).read(None)


def test_a_node_that_hides_the_newest_change_behind_an_older_state_is_noticed(node, registry, keys):
    """It cannot keep a taken-back key alive for who has seen the change, nor pair old events with the new state."""
    seen = registry.read(None)
    compromise(registry, keys, node)
    newer = registry.read(seen.place)

    def older_events(method, result):
        return result[:4] if method == "eth_getLogs" else result

    with pytest.raises(VerificationError):
        lying(node, registry, older_events).read(None)

    def behind(method, result):
        if method == "eth_getBlockByNumber":
            result["number"] = hex(seen.place.block_number)
        return result

    with pytest.raises(UnavailableError, match="behind"):
        lying(node, registry, behind).read(newer.place)


def test_an_earlier_place_that_is_not_on_the_chain_is_noticed(registry):
    place = registry.read(None).place
    for other in (replace(place, block_hash=bytes(32)), replace(place, chain_id=1), replace(place, contract="0x")):
        with pytest.raises(VerificationError):
            registry.read(other)


def test_a_node_without_final_block_or_without_answer_could_not_tell(node, registry):
    node.answer = (200, b'{"jsonrpc":"2.0","id":0,"error":{"code":-32602,"message":"unknown block"}}')
    with pytest.raises(UnavailableError):
        registry.read(None)
    node.answer, node.is_down = None, True
    with pytest.raises(UnavailableError):
        registry.read(None)

    def lie(method, result):
        return None if method == "eth_getBlockByNumber" else result

    node.is_down = False
    with pytest.raises(UnavailableError, match="not found"):
        lying(node, registry, lie).read(None)


def test_wrong_chain_contract_or_address_refuses_to_start(node, registry, ledger):
    with pytest.raises(ConfigurationError, match="expected chain 1"):
        registry.check(expected_chain_id=1)
    with pytest.raises(ConfigurationError, match="no TrustRegistry"):
        Web3Registry(web3(node), contract=ledger.chain.contract).check(expected_chain_id=CHAIN_ID)
    with pytest.raises(ConfigurationError, match="checksummed"):
        Web3Registry(web3(node), contract=registry.contract.lower())


@pytest.mark.parametrize("url", ["http://node.example", "ftp://localhost", "localhost:8106"])
def test_registry_behind_an_unsafe_url_refuses_to_start(url):
    with pytest.raises(ConfigurationError, match="expected an https URL"):
        open_registry(url, contract="0x" + "5a" * 20, expected_chain_id=CHAIN_ID)


def test_registry_behind_a_node_that_is_down_could_not_tell():
    with pytest.raises(UnavailableError):
        open_registry("http://127.0.0.1:9", contract="0x" + "12" * 20, expected_chain_id=CHAIN_ID)


def test_change_with_the_longest_details_fits_into_its_gas(registry, keys):
    change = Change(Action.ADD, Kind.RIGHT, Role.ISSUER, PARTY, sha256(b"long"), details=b"\xff" * 4096)
    spent = registry.approve(keys[0], change), registry.accept(keys[1], change)
    assert max(spent) < CHANGE_GAS * 0.8


class QbftNode(WSGIAdapter):
    """The node as Besu would be: it does not know the word `finalized`, and `seals` may take them away."""

    def __init__(self, app, seals) -> None:
        super().__init__(app)
        self._seals = seals

    def send(self, request, **_):
        response = super().send(request)
        asked, answer = json.loads(request.body), response.json()
        if asked["method"] == "eth_getBlockByNumber" and asked["params"][0] == "finalized":
            error = {"code": -32602, "message": "Invalid block, unable to parse RLP"}
            answer = {"jsonrpc": "2.0", "id": answer["id"], "error": error}
        elif asked["method"] == "eth_getBlockByNumber":
            extra = ExtraData.parse(bytes.fromhex(answer["result"]["extraData"][2:]))
            answer["result"]["extraData"] = "0x" + self._seals(extra).encode().hex()
        response._content = json.dumps(answer).encode()
        return response


def on_qbft(node, registry, seals=lambda extra: extra):
    session = requests.Session()
    session.mount("http://", QbftNode(node, seals))
    return Web3Registry(connect(URL, session), contract=registry.contract)


def test_a_node_of_a_qbft_network_is_read_up_to_its_newest_sealed_block(node, registry):
    assert on_qbft(node, registry).read(None) == registry.read(None)
    with pytest.raises(UnavailableError, match="no final block"):
        on_qbft(node, registry, lambda extra: replace(extra, seals=())).read(None)
