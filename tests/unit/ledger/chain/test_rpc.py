# SPDX-License-Identifier: EUPL-1.2
"""JSON-RPC: what each method answers, and that bad input gets the right error."""

from __future__ import annotations

import json
import secrets

import pytest
import rlp
import trie
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.chain.evidence import ANCHORED_TOPIC, header_hash
from ledger.chain.explorer_rpc import MAX_PROOF_SLOTS
from ledger.chain.rpc import MAX_BATCH, MAX_REQUEST_BYTES

ZERO = "0x" + "00" * 20
NO_HASH = "0x" + "11" * 32


@pytest.fixture
def anchored(ledger):
    """Three anchors: blocks 3, 4 and 5, after the contract and its log."""
    return [ledger.grow(*(secrets.token_bytes(32) for _ in range(count))) for count in (1, 2, 3)]


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def test_what_explorers_ask_of_a_network_without_pool_peers_and_uncles(node, anchored):
    assert node.result("net_listening") is True
    assert node.result("net_peerCount") == node.result("eth_hashrate") == node.result("eth_blobBaseFee") == "0x0"
    assert node.result("eth_mining") is False
    assert node.result("txpool_status") == {"pending": "0x0", "queued": "0x0"}
    assert node.result("txpool_content") == {"pending": {}, "queued": {}}
    assert node.result("web3_sha3", "0x68656c6c6f") == hexed(keccak(b"hello"))
    digest = node.result("eth_getBlockByNumber", "latest", False)["hash"]
    assert node.result("eth_getUncleCountByBlockNumber", "latest") == "0x0"
    assert node.result("eth_getUncleCountByBlockHash", digest) == "0x0"
    assert node.result("eth_getUncleCountByBlockHash", NO_HASH) is None
    assert node.result("eth_getUncleByBlockNumberAndIndex", "latest", "0x0") is None
    assert node.result("eth_getUncleByBlockHashAndIndex", digest, "0x0") is None


def test_transactions_are_found_by_their_place_in_a_block(node, anchored):
    sent = node.result("eth_getTransactionByHash", hexed(anchored[0].hash))
    number, digest = sent["blockNumber"], sent["blockHash"]
    assert node.result("eth_getTransactionByBlockNumberAndIndex", number, "0x0") == sent
    assert node.result("eth_getTransactionByBlockHashAndIndex", digest, "0x0") == sent
    assert node.result("eth_getTransactionByBlockNumberAndIndex", number, "0x1") is None
    assert node.result("eth_getTransactionByBlockNumberAndIndex", "0x99", "0x0") is None
    assert node.result("eth_getTransactionByBlockHashAndIndex", NO_HASH, "0x0") is None
    assert node.result("eth_getBlockTransactionCountByNumber", number) == "0x1"
    assert node.result("eth_getBlockTransactionCountByHash", digest) == "0x1"
    assert node.result("eth_getBlockTransactionCountByNumber", "earliest") == "0x0"
    assert node.result("eth_getBlockTransactionCountByHash", NO_HASH) is None


def test_raw_transactions_are_the_bytes_that_were_sent(node, anchored):
    for method in ("eth_getRawTransactionByHash", "debug_getRawTransaction"):
        assert node.result(method, hexed(anchored[0].hash)) == hexed(anchored[0].raw)
        assert node.result(method, NO_HASH) is None


def test_a_raw_block_holds_the_sealed_header_and_the_transactions(node, anchored):
    header, transactions, *_ = rlp.decode(bytes.fromhex(node.result("debug_getRawBlock", "latest")[2:]))
    assert hexed(rlp.encode(header)) == node.result("debug_getRawHeader", "latest")
    assert transactions == [anchored[-1].raw]
    size = int(node.result("eth_getBlockByNumber", "latest", False)["size"], 16)
    assert size == (len(node.result("debug_getRawBlock", "latest")) - 2) // 2


def test_proofs_of_accounts_and_slots_lead_from_the_state_root(node, ledger, anchored):
    contract = ledger.chain.contract
    found = node.result("eth_getProof", contract, ["0x0", "0x99"], "latest")
    block = node.result("eth_getBlockByNumber", "latest", False)
    nodes = [bytes.fromhex(each[2:]) for each in found["accountProof"]]
    assert hexed(keccak(nodes[0])) == block["stateRoot"]
    account = trie.HexaryTrie.get_from_proof(
        bytes.fromhex(block["stateRoot"][2:]),
        keccak(bytes.fromhex(contract[2:])),
        [rlp.decode(each) for each in nodes],
    )
    nonce, balance, storage, code = rlp.decode(account)
    assert hexed(storage) == found["storageHash"]
    assert hexed(code) == found["codeHash"] == hexed(keccak(hexstr=node.result("eth_getCode", contract)))
    assert (found["nonce"], found["balance"]) == (hex(int.from_bytes(nonce)), "0x0")
    assert balance == b""
    owner, absent = found["storageProof"]
    value = trie.HexaryTrie.get_from_proof(
        storage, keccak(bytes(32)), [rlp.decode(bytes.fromhex(each[2:])) for each in owner["proof"]]
    )
    assert hexed(rlp.decode(value)) == owner["value"] == ledger.owner.address.lower()
    assert (absent["key"], absent["value"]) == ("0x99", "0x0")
    nobody = node.result("eth_getProof", "0x" + "77" * 20, [], "earliest")
    assert (nobody["nonce"], nobody["balance"], nobody["storageProof"]) == ("0x0", "0x0", [])
    assert nobody["codeHash"] == hexed(keccak(b""))
    assert node.error("eth_getProof", contract, ["0x0"] * (MAX_PROOF_SLOTS + 1))[0] == -32602
    assert len(node.result("eth_getProof", contract, ["0x0"] * 3)["storageProof"]) == 3
    assert node.error("eth_getProof", contract, [], "0x99") == (-32000, "header not found")


def test_a_transaction_that_sets_code_says_who_authorised_it(node, keys):
    from eth_account import Account

    secret = keys[3]._raw()
    signed = Account.sign_authorization({"chainId": 20261121, "address": ZERO, "nonce": 1}, secret)
    fees = {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
    plain = {
        "type": 4,
        "chainId": 20261121,
        "nonce": 0,
        "gas": 80_000,
        "to": ZERO,
        "value": 0,
        "data": "0x",
        **fees,
    }
    raw = Account.sign_transaction({**plain, "authorizationList": [signed]}, secret).raw_transaction
    found = node.result("eth_getTransactionByHash", node.result("eth_sendRawTransaction", hexed(raw)))
    (given,) = found["authorizationList"]
    assert (found["type"], given["address"], given["nonce"], given["r"]) == ("0x4", ZERO, "0x1", hex(signed.r))


def test_constants(node):
    assert node.result("eth_chainId") == hex(20261121)
    assert node.result("net_version") == "20261121"
    assert node.result("web3_clientVersion").startswith("testimoni-embedded/")
    assert node.result("eth_gasPrice") == node.result("eth_maxPriorityFeePerGas") == "0x0"
    assert node.result("eth_syncing") is False
    assert node.result("eth_accounts") == []


def test_blocks_are_found_by_number_tag_and_hash(node, anchored):
    newest = node.result("eth_getBlockByNumber", "latest", False)
    assert newest["number"] == node.result("eth_blockNumber") == "0x5"
    for tag in ("pending", "safe", "finalized", "0x5"):
        assert node.result("eth_getBlockByNumber", tag, False) == newest
    assert node.result("eth_getBlockByHash", newest["hash"], False) == newest
    assert node.result("eth_getBlockByNumber", "earliest", False)["number"] == "0x0"
    assert newest["transactions"] == [hexed(anchored[-1].hash)]
    assert newest["parentHash"] == node.result("eth_getBlockByNumber", "0x4", False)["hash"]


def test_blocks_with_whole_transactions_hold_what_the_transaction_methods_answer(node, anchored):
    (inside,) = node.result("eth_getBlockByNumber", "latest", True)["transactions"]
    assert inside == node.result("eth_getTransactionByHash", hexed(anchored[-1].hash))
    assert (inside["type"], inside["gasPrice"], inside["chainId"]) == ("0x2", "0x0", hex(20261121))


def test_what_is_not_there_is_null(node):
    assert node.result("eth_getBlockByNumber", "0x99", False) is None
    assert node.result("eth_getBlockByHash", NO_HASH, False) is None
    assert node.result("eth_getBlockReceipts", "0x99") is None
    assert node.result("eth_getTransactionByHash", NO_HASH) is None
    assert node.result("eth_getTransactionReceipt", NO_HASH) is None


def test_receipts_of_a_block_are_the_receipts_of_its_transactions(node, ledger, anchored):
    (inside,) = node.result("eth_getBlockReceipts", "latest")
    assert inside == node.result("eth_getTransactionReceipt", hexed(anchored[-1].hash))
    assert (inside["status"], inside["contractAddress"]) == ("0x1", None)
    (created,) = node.result("eth_getBlockReceipts", "0x1")
    assert (created["contractAddress"], created["to"]) == (ledger.chain.contract, None)


def test_state_is_answered_at_every_block(node, ledger, anchored):
    sealer = ledger.sealer.address
    assert [node.result("eth_getTransactionCount", sealer, hex(n)) for n in (2, 3, 4, 5)] == [
        "0x0",
        "0x1",
        "0x2",
        "0x3",
    ]
    assert node.result("eth_getTransactionCount", sealer, "pending") == "0x3"
    assert node.result("eth_getTransactionCount", sealer) == "0x3"
    assert node.result("eth_getBalance", sealer, "latest") == "0x0"
    assert node.result("eth_getCode", ledger.chain.contract, "0x0") == "0x"
    assert len(node.result("eth_getCode", ledger.chain.contract, "latest")) > 1000
    slot = node.result("eth_getStorageAt", ledger.chain.contract, "0x0", "latest")
    assert slot == hexed(bytes(12) + bytes.fromhex(ledger.owner.address[2:]))
    assert node.result("eth_getStorageAt", ledger.chain.contract, hexed(bytes(32)), "latest") == slot
    digest = node.result("eth_getBlockByNumber", "0x3", False)["hash"]
    assert node.result("eth_getTransactionCount", sealer, {"blockHash": digest}) == "0x1"
    assert node.result("eth_getTransactionCount", sealer, {"blockNumber": "0x4"}) == "0x2"


def test_state_at_a_block_that_is_not_there_is_an_error(node):
    assert node.error("eth_getBalance", ZERO, "0x99") == (-32000, "header not found")


def test_calls_answer_or_give_the_revert_and_change_nothing(node, ledger, anchored):
    before = node.result("eth_getBlockByNumber", "latest", False)
    data = hexed(keccak(text="head(bytes32)")[:4] + ledger.log_id)
    answer = bytes.fromhex(node.result("eth_call", {"to": ledger.chain.contract, "data": data}, "latest")[2:])
    assert int.from_bytes(answer[32:64]) == 6
    older = bytes.fromhex(node.result("eth_call", {"to": ledger.chain.contract, "input": data}, "0x3")[2:])
    assert int.from_bytes(older[32:64]) == 1
    owned = hexed(keccak(text="transferOwnership(address)")[:4] + bytes(32))
    found = node.rpc("eth_call", {"to": ledger.chain.contract, "data": owned}, "latest")["error"]
    assert (found["code"], found["message"]) == (3, "execution reverted")
    assert found["data"].startswith(hexed(keccak(text="OwnableUnauthorizedAccount(address)")[:4]))
    assert node.rpc("eth_estimateGas", {"to": ledger.chain.contract, "data": owned})["error"]["code"] == 3
    assert node.result("eth_getBlockByNumber", "latest", False) == before


def test_a_call_that_is_no_revert_fails_without_data(node):
    creation = {"from": ZERO, "data": "0xfe"}
    found = node.rpc("eth_call", creation, "latest")["error"]
    assert found["code"] == -32000
    assert "data" not in found
    assert node.error("eth_call", {"to": ZERO, "value": "0x1"}, "latest")[0] == -32000


def test_estimates_are_enough(node, ledger):
    signed = ledger.build(secrets.token_bytes(32))
    sent = {"from": ledger.sealer.address, "to": ledger.chain.contract}
    ledger.chain.send(signed.raw)
    transaction = node.result("eth_getTransactionByHash", hexed(signed.hash))
    used = int(node.result("eth_getTransactionReceipt", hexed(signed.hash))["gasUsed"], 16)
    estimate = int(node.result("eth_estimateGas", {**sent, "data": transaction["input"]}, "0x2"), 16)
    assert used <= estimate <= used + 42_000
    assert node.result("eth_estimateGas", {"to": ledger.sealer.address}) == hex(21_000)


def test_fee_history_is_all_zeros(node, anchored):
    found = node.result("eth_feeHistory", "0x3", "latest", [25, 75])
    assert (found["oldestBlock"], found["baseFeePerGas"]) == ("0x3", ["0x0"] * 4)
    assert found["reward"] == [["0x0", "0x0"]] * 3
    assert all(0 < ratio < 1 for ratio in found["gasUsedRatio"])
    assert node.result("eth_feeHistory", "0xffff", "earliest")["oldestBlock"] == "0x0"


def test_logs_are_filtered_by_block_address_and_topics(node, ledger, anchored):
    def sizes(**wanted):
        found = node.result("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", **wanted})
        return [int(entry["topics"][2], 16) for entry in found if entry["topics"][0] == hexed(ANCHORED_TOPIC)]

    topic, log = hexed(ANCHORED_TOPIC), hexed(ledger.log_id)
    assert sizes() == sizes(address=ledger.chain.contract) == sizes(topics=[topic]) == [1, 3, 6]
    assert sizes(address=[ZERO, ledger.chain.contract], topics=[[NO_HASH, topic], log]) == [1, 3, 6]
    assert sizes(topics=[None, log]) == sizes(topics=[[], log]) == [1, 3, 6]
    assert sizes(topics=[topic, log, hexed((3).to_bytes(32))]) == [3]
    assert sizes(topics=[topic, log, None, None]) == []  # four topics: more than the event has
    assert sizes(address=ZERO) == sizes(topics=[NO_HASH]) == sizes(fromBlock="0x99") == []
    assert sizes(fromBlock="0x4", toBlock="0x4") == [3]
    assert sizes(fromBlock="0x5", toBlock="0x4") == []
    assert [entry["blockNumber"] for entry in node.result("eth_getLogs", {})] == ["0x5"]


def test_logs_of_one_block_by_its_hash_are_those_of_its_receipt(node, anchored):
    receipt = node.result("eth_getTransactionReceipt", hexed(anchored[0].hash))
    assert node.result("eth_getLogs", {"blockHash": receipt["blockHash"]}) == receipt["logs"]
    assert node.error("eth_getLogs", {"blockHash": NO_HASH})[0] == -32000


def test_too_many_logs_are_an_error_not_a_part(node, anchored, monkeypatch):
    monkeypatch.setattr("ledger.chain.rpc.MAX_EVENTS", 2)
    assert node.error("eth_getLogs", {"fromBlock": "0x0"})[0] == -32005
    assert len(node.result("eth_getLogs", {"fromBlock": "0x4"})) == 2


def test_raw_header_hashes_to_the_block_hash_and_raw_receipts_to_the_receipts_root(node, anchored):
    block = node.result("eth_getBlockByNumber", "latest", False)
    header = bytes.fromhex(node.result("debug_getRawHeader", "latest")[2:])
    assert hexed(header_hash(header)) == block["hash"] != hexed(keccak(header))
    assert hexed(rlp.decode(header)[5]) == block["receiptsRoot"]
    assert hexed(rlp.decode(header)[12]) == block["extraData"]
    assert node.result("debug_getRawHeader", block["hash"]) == hexed(header)
    (receipt,) = node.result("debug_getRawReceipts", "latest")
    assert receipt.startswith("0x02")


def test_sending_is_refused_in_the_words_of_other_clients(node, ledger, keys):
    def send(key=keys[3], **fields):
        plain = {"type": 2, "chainId": 20261121, "nonce": 0, "gas": 30_000, "to": ZERO, "value": 0, "data": "0x"}
        transaction = {**plain, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0, **fields}
        return node.error("eth_sendRawTransaction", hexed(key.sign_transaction(transaction).raw))

    before = node.result("eth_blockNumber")
    assert send(nonce=5) == (-32000, "nonce too high: next nonce 0, tx nonce 5")
    assert send(ledger.owner) == (-32000, "nonce too low: next nonce 2, tx nonce 0")
    assert send(chainId=1) == (-32000, "invalid chain id for signer: have 1 want 20261121")
    assert send(gas=20_999)[1].startswith("intrinsic gas too low")
    assert send(gas=30_000_001) == (-32000, "exceeds block gas limit")
    assert send(value=1) == (-32000, "insufficient funds for gas * price + value")
    assert send(maxFeePerGas=1) == (-32000, "insufficient funds for gas * price + value")
    assert send(data="0x" + "01" * 200_000)[1].startswith("oversized data")
    assert node.result("eth_blockNumber") == before


def test_sending_again_is_already_known(node, anchored):
    assert node.error("eth_sendRawTransaction", hexed(anchored[0].raw)) == (-32000, "already known")
    assert node.result("eth_blockNumber") == "0x5"


@pytest.mark.parametrize("raw", ["0x", "0x03c0", "0x02", "0x02c0", "0xc0", "0xf8", "0x7f", "0x04" + "c0" * 9])
def test_sending_bytes_that_are_no_transaction_is_refused(node, raw):
    code, message = node.error("eth_sendRawTransaction", raw)
    assert code == -32000
    assert message.startswith(("invalid transaction", "transaction type not supported"))


@given(raw=st.binary(max_size=120))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sending_any_bytes_gets_a_refusal_never_an_internal_error(node, raw):
    for prefix in (b"", b"\x01", b"\x02", b"\x04", b"\x02\xf8"):
        assert node.error("eth_sendRawTransaction", hexed(prefix + raw))[0] == -32000


def test_a_legacy_transaction_needs_replay_protection(node, keys):
    from eth_account import Account

    plain = {"nonce": 0, "gas": 21_000, "gasPrice": 0, "to": ZERO, "value": 0, "data": b""}
    secret = keys[3]._secret.private_numbers().private_value.to_bytes(32)
    unprotected = Account.sign_transaction(plain, secret).raw_transaction
    assert node.error("eth_sendRawTransaction", hexed(unprotected))[1].startswith("only replay-protected")
    digest = node.result(
        "eth_sendRawTransaction",
        hexed(Account.sign_transaction({**plain, "chainId": 20261121}, secret).raw_transaction),
    )
    found = node.result("eth_getTransactionByHash", digest)
    assert (found["type"], found["from"]) == ("0x0", keys[3].address)
    assert (
        Account.recover_transaction(
            Account.sign_transaction({**plain, "chainId": 20261121}, secret).raw_transaction
        )
        == keys[3].address
    )
    assert int(found["v"], 16) in {35 + 2 * 20261121, 36 + 2 * 20261121}


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_getBlockByNumber", []),
        ("eth_getBlockByNumber", ["latest", False, 1]),
        ("eth_getBlockByNumber", ["newest", False]),
        ("eth_getBlockByNumber", ["0x05", False]),
        ("eth_getBlockByNumber", [5, False]),
        ("eth_getBlockByNumber", ["latest", "yes"]),
        ("eth_getBlockByHash", ["0x12", False]),
        ("eth_getBalance", ["0x12", "latest"]),
        ("eth_getBalance", ["not hex", "latest"]),
        ("eth_getBalance", [None]),
        ("eth_getStorageAt", [ZERO, "0x" + "00" * 33, "latest"]),
        ("eth_call", ["0x"]),
        ("eth_call", [{"to": "0x1"}]),
        ("eth_call", [{"to": ZERO, "data": "0x1"}]),
        ("eth_call", [{"to": ZERO, "gas": -1}]),
        ("eth_call", [{"to": ZERO, "from": []}]),
        ("eth_sendRawTransaction", ["00"]),
        ("eth_sendRawTransaction", [7]),
        ("eth_getLogs", [[]]),
        ("eth_getLogs", [{"topics": "0x"}]),
        ("eth_getLogs", [{"topics": [None] * 5}]),
        ("eth_getLogs", [{"address": "0x1"}]),
        ("eth_getLogs", [{"fromBlock": NO_HASH}]),
        ("eth_getLogs", [{"fromBlock": "0x0", "blockHash": NO_HASH}]),
        ("eth_getLogs", [{"toBlock": "0x0", "blockHash": NO_HASH}]),
        ("eth_getProof", [ZERO, "0x0"]),
        ("eth_getTransactionByBlockNumberAndIndex", ["latest", 0]),
        ("web3_sha3", ["hello"]),
        ("eth_feeHistory", ["latest", "latest"]),
        ("debug_getRawHeader", [{}]),
    ],
)
def test_bad_parameters_are_invalid_params(node, method, params):
    assert node.error(method, *params)[0] == -32602


def test_unknown_methods_are_not_found(node):
    assert node.error("eth_mine")[0] == -32601
    assert node.error("_invoke")[0] == -32601


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"\xff", -32700),
        (b'{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"eth_chainId"}', -32700),
        (b"[" * 100, -32700),
        (b"1", -32600),
        (b"[]", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{"a":1}}', -32602),
    ],
)
def test_malformed_requests_get_the_error_of_the_specification(node, body, code):
    answer = node.post(body)
    assert answer.status_code == 200
    assert answer.get_json()["error"]["code"] == code


def test_a_batch_is_answered_in_order_without_its_notifications(node):
    calls = [
        {"jsonrpc": "2.0", "id": "a", "method": "eth_chainId"},
        {"jsonrpc": "2.0", "method": "eth_blockNumber"},
        {"jsonrpc": "2.0", "id": 2, "method": "nothing"},
        7,
        {"jsonrpc": "2.0", "id": None, "method": "eth_blockNumber"},
    ]
    answers = node.post(calls).get_json()
    assert [answer["id"] for answer in answers] == ["a", 2, None, None]
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, -32601, -32600, None]


def test_notifications_alone_get_no_content(node):
    assert node.post({"jsonrpc": "2.0", "method": "eth_chainId"}).status_code == 204
    assert node.post([{"jsonrpc": "2.0", "method": "eth_chainId"}] * 2).status_code == 204


def test_a_batch_that_is_too_long_is_refused(node):
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    assert len(node.post([call] * MAX_BATCH).get_json()) == MAX_BATCH
    assert node.post([call] * (MAX_BATCH + 1)).get_json()["error"]["code"] == -32600


def test_health_and_readiness(node):
    assert node.client.get("/healthz").get_json() == {"status": "ok"}
    assert node.client.get("/readyz").get_json() == {"status": "ok", "block": 0}
    assert "testimoni_chain_block 0\n" in node.client.get("/metrics").get_data(as_text=True)


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        ("/", "GET", {}, 405),
        ("/healthz", "POST", {}, 405),
        ("/other", "POST", {}, 404),
        ("/", "POST", {"Content-Type": "text/plain"}, 415),
        ("/", "POST", {"Content-Type": "application/json", "Host": "evil.example:8106"}, 403),
        ("/healthz", "GET", {"Host": "evil.example"}, 403),
        ("/", "OPTIONS", {"Origin": "https://evil.example"}, 405),
    ],
)
def test_requests_that_a_foreign_page_could_make_are_refused(node, path, method, headers, status):
    call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"})
    answer = node.client.open(path, method=method, headers=headers, data=call if method == "POST" else None)
    assert answer.status_code == status
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_body_that_is_too_long_is_refused(node):
    assert node.post(b" " * (MAX_REQUEST_BYTES + 1)).status_code == 413
