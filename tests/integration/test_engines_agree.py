# SPDX-License-Identifier: EUPL-1.2
"""The embedded engine beside anvil: the same signed transactions, and the same receipts, code and state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from web3 import Web3
from werkzeug.test import Client

from contracts.artifact import load_artifact
from ledger import merkle
from ledger.chain.calldata import encode_anchor
from ledger.chain.engine import Engine
from ledger.chain.evm import GENESIS_BALANCE
from ledger.chain.node import NodeApplication
from ledger.trust import log_id
from protocol.clock import FixedClock
from protocol.encoding import sha256
from tests.integration.foundry import CHAIN_ID, Anvil
from tests.integration.ledger_stack import wait_for

pytestmark = pytest.mark.node
OWNER = Account.from_key("0x" + "11" * 32)
SEALER = Account.from_key("0x" + "22" * 32)
RICH = Account.from_key("0x" + "33" * 32)
LOG = log_id("ledger.example/2026")
LEDGER = load_artifact("ConsentLedger")
ZERO = "0x" + "00" * 20
# what depends on when a block was made and after which first block; and what anvil says without being asked
OF_THE_BLOCK = {"blockHash", "blockTimestamp", "blobGasPrice"}


class Embedded:
    """The embedded node inside this process."""

    def __init__(self, folder: Path) -> None:
        self.engine = Engine(
            folder / "chain.db",
            chain_id=CHAIN_ID,
            clock=FixedClock(datetime(2026, 11, 26, tzinfo=UTC)),
            genesis_accounts=[bytes.fromhex(RICH.address[2:])],
        )
        self._client = Client(NodeApplication(self.engine))

    def rpc(self, method: str, *params: object) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        return self._client.post("/", data=body, content_type="application/json").get_json()


class Both:
    """Both engines, asked the same."""

    def __init__(self, folder: Path) -> None:
        self.engines = (Embedded(folder), Anvil(folder))
        self.engines[1].result("anvil_setBalance", RICH.address, hex(GENESIS_BALANCE))
        self.nonces: dict[str, int] = {}
        self.contract = ""

    def results(self, method: str, *params: object) -> list[Any]:
        answers = [engine.rpc(method, *params) for engine in self.engines]
        assert all("error" not in answer for answer in answers), answers
        return [answer["result"] for answer in answers]

    def send(self, account: Any, **fields: Any) -> dict[str, Any]:
        """Send one transaction to both, see that the receipts are the same, and return it."""
        nonce = self.nonces.get(account.address, 0)
        fees: dict[str, Any] = {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
        if "gasPrice" in fields:
            fees = {}
        plain = {"chainId": CHAIN_ID, "nonce": nonce, "gas": 3_000_000, "value": 0, "data": "0x", **fees, **fields}
        raw = account.sign_transaction(plain).raw_transaction
        ours, theirs = self.results("eth_sendRawTransaction", raw.to_0x_hex())
        assert ours == theirs
        raw_hash = ours
        self.nonces[account.address] = nonce + 1
        # anvil gives the hash before the block
        wait_for("both receipts", lambda: None not in self.results("eth_getTransactionReceipt", raw_hash))
        receipts = self.results("eth_getTransactionReceipt", raw_hash)
        ours, theirs = (comparable(each) for each in receipts)
        assert ours == theirs
        assert ours["status"] in {"0x0", "0x1"}
        self.check_block(receipts)
        self.check_transaction(ours["transactionHash"])
        found: dict[str, Any] = ours
        return found

    def check_block(self, receipts: list[Any]) -> None:
        blocks = self.results("eth_getBlockByNumber", receipts[0]["blockNumber"], False)
        for name in ("receiptsRoot", "transactionsRoot", "logsBloom", "gasUsed", "transactions", "number"):
            assert blocks[0][name] == blocks[1][name], name

    def check_transaction(self, digest: str) -> None:
        ours, theirs = (comparable(each) for each in self.results("eth_getTransactionByHash", digest))
        assert ours.items() >= {name: value for name, value in theirs.items() if name in ours}.items()
        assert ours.keys() >= theirs.keys() - {"blockTimestamp"}

    def anchor(
        self, size: int, *, account: Any = SEALER, root: bytes | None = None, prev: int | None = None
    ) -> Any:
        """Anchor as many commitments as lead to this size."""
        leaves = [sha256(index.to_bytes(8)) for index in range(size)]
        before = self.size if prev is None else prev
        tree = merkle.Tree(leaves)
        data = encode_anchor(
            LOG, before, size, root or tree.root(), merkle.frontier(tree.read, before), leaves[before:]
        )
        found = self.send(account, to=self.contract, data="0x" + data.hex())
        if found["logs"]:
            self.size = size
        return found

    size = 0

    def stop(self) -> None:
        self.engines[0].engine.close()
        self.engines[1].stop()


def comparable(found: Any) -> Any:
    """Return an answer without what belongs to the block only, with addresses in one case."""
    match found:
        case dict():
            return {name: comparable(each) for name, each in found.items() if name not in OF_THE_BLOCK}
        case list():
            return [comparable(each) for each in found]
        case str():
            return found.lower()
    return found


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    made = Both(tmp_path)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def deployed(both: Both) -> Both:
    ledger = Web3().eth.contract(abi=LEDGER.abi, bytecode=LEDGER.bytecode)
    data = ledger.constructor(OWNER.address).data_in_transaction
    both.contract = Web3.to_checksum_address(both.send(OWNER, to="", data=data)["contractAddress"])
    registered = both.send(OWNER, to=both.contract, data=ledger.encode_abi("registerLog", [LOG, SEALER.address]))
    assert (registered["status"], len(registered["logs"])) == ("0x1", 1)
    return both


def test_contract_has_the_same_code_address_and_storage(deployed):
    ours, theirs = deployed.results("eth_getCode", deployed.contract, "latest")
    assert ours == theirs == "0x" + LEDGER.deployed_bytecode.hex()
    for slot in range(4):
        ours, theirs = deployed.results("eth_getStorageAt", deployed.contract, hex(slot), "latest")
        assert ours == theirs
    ours, theirs = deployed.results("eth_getProof", deployed.contract, [], "latest")
    # not storageHash: anvil keeps a slot that was set to zero in its trie, where the yellow paper has none
    for name in ("balance", "nonce", "codeHash"):
        assert ours[name] == theirs[name]


def test_anchors_of_every_size_give_the_same_receipts_and_head(deployed):
    for size in (1, 2, 10, 17, 117, 1117):
        assert deployed.anchor(size)["status"] == "0x1"
    data = "0x" + Web3.keccak(text="head(bytes32)")[:4].hex() + LOG.hex()
    ours, theirs = deployed.results("eth_call", {"to": deployed.contract, "data": data}, "latest")
    assert ours == theirs
    logs = deployed.results("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": deployed.contract})
    assert comparable(logs[0]) == comparable(logs[1])
    assert len(logs[0]) >= 6
    nonces = deployed.results("eth_getTransactionCount", SEALER.address, "latest")
    assert nonces == ["0x6", "0x6"]


def test_repeats_and_refusals_give_the_same_receipts(deployed):
    deployed.anchor(8)
    repeat = deployed.anchor(8, prev=0)
    assert (repeat["status"], repeat["logs"]) == ("0x1", [])
    assert deployed.anchor(12, root=bytes(32))["status"] == "0x0"
    assert deployed.anchor(12, account=OWNER)["status"] == "0x0"
    assert deployed.anchor(12, prev=4)["status"] == "0x0"
    assert deployed.anchor(12)["status"] == "0x1"


def test_reverts_give_the_same_error_data(deployed):
    tree = merkle.Tree([bytes(32)])
    data = "0x" + encode_anchor(LOG, 0, 1, b"\1" * 32, merkle.frontier(tree.read, 0), [bytes(32)]).hex()
    call = {"from": SEALER.address, "to": deployed.contract, "data": data}
    errors = [engine.rpc("eth_call", call, "latest")["error"] for engine in deployed.engines]
    assert errors[0]["code"] == errors[1]["code"] == 3
    assert errors[0]["data"] == errors[1]["data"] != "0x"


def test_plain_transactions_of_every_kind_give_the_same_receipts(both):
    listed = [{"address": ZERO, "storageKeys": ["0x" + "00" * 32]}]
    allowed = RICH.sign_authorization({"chainId": CHAIN_ID, "address": OWNER.address, "nonce": 6})
    for fields in (
        {"to": OWNER.address, "value": 5},
        {"to": OWNER.address, "value": 5, "gasPrice": 0},
        {"to": OWNER.address, "gasPrice": 0, "accessList": listed},
        {"to": OWNER.address, "accessList": listed, "data": "0x00ff"},
        {"to": OWNER.address, "value": 1, "maxFeePerGas": 7, "maxPriorityFeePerGas": 3},
        {"to": OWNER.address, "authorizationList": [allowed]},
    ):
        assert both.send(RICH, **fields)["status"] == "0x1"
    balances = both.results("eth_getBalance", OWNER.address, "latest")
    assert balances == [hex(11)] * 2
    codes = both.results("eth_getCode", RICH.address, "latest")
    assert codes[0] == codes[1]


def test_failing_transactions_give_the_same_receipts(both):
    out_of_gas = both.send(RICH, to="", gas=100_000, data="0x5b600056")
    invalid = both.send(RICH, to="", data="0xfe")
    reverted = both.send(RICH, to="", data="0x60006000fd")
    assert [each["status"] for each in (out_of_gas, invalid, reverted)] == ["0x0"] * 3
    assert int(reverted["gasUsed"], 16) < int(invalid["gasUsed"], 16) == 3_000_000
    assert int(out_of_gas["gasUsed"], 16) == 100_000


def test_a_used_nonce_is_refused_by_both_and_known_to_the_client(both):
    from ledger.chain.client import open_chain
    from ledger.chain.interface import Sent

    first = both.send(RICH, to=OWNER.address, value=5)
    plain = {"chainId": CHAIN_ID, "nonce": 0, "gas": 21_000, "to": OWNER.address, "value": 6, "gasPrice": 0}
    raw = RICH.sign_transaction(plain).raw_transaction
    answers = [engine.rpc("eth_sendRawTransaction", raw.to_0x_hex()) for engine in both.engines]
    assert all("nonce too low" in answer["error"]["message"].lower() for answer in answers)
    chain = open_chain(both.engines[1].url, contract=None)
    assert chain.send(bytes(raw)) is Sent.NONCE_TOO_LOW
    receipt = chain.receipt(bytes.fromhex(first["transactionHash"][2:]))
    assert receipt is not None
    assert receipt.is_success
