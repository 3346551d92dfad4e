# SPDX-License-Identifier: EUPL-1.2
"""The chain client against the embedded node in this process, and against nodes that answer badly."""

from __future__ import annotations

import hashlib
import json
import secrets
import subprocess
import sys
from dataclasses import replace

import pytest
import requests
import rlp

from ledger.chain import blocks, web3_chain
from ledger.chain.client import open_chain
from ledger.chain.evidence import header_hash, verify_anchor
from ledger.chain.interface import Finality, Head, Mode, Sent
from ledger.chain.provider import connect
from ledger.chain.qbft import ExtraData, verify_seals
from ledger.chain.rpc_encoding import encode_header, encode_receipt
from ledger.chain.sealer import FileSealerKey
from protocol.errors import (
    ConfigurationError,
    RequestError,
    StoreConflictError,
    UnavailableError,
    VerificationError,
)
from tests.unit.ledger.chain.conftest import URL, WSGIAdapter, mth

EMPTY_ROOT = hashlib.sha256(b"").digest()


def words(count):
    return [secrets.token_bytes(32) for _ in range(count)]


def test_head_of_a_new_log_is_the_empty_tree(ledger):
    assert ledger.chain.head(ledger.log_id) == Head(0, EMPTY_ROOT, is_frozen=False, sealer=ledger.sealer.address)


@pytest.mark.parametrize("log_id", [bytes(32), b"short"])
def test_head_of_an_unknown_log_is_an_error_of_its_own(ledger, log_id):
    with pytest.raises(RequestError) as caught:
        ledger.chain.head(log_id)
    assert caught.value.code == "unknown_log"


def test_anchor_moves_the_head_and_its_receipt_names_both_heads(ledger):
    first = ledger.grow(*words(5))
    signed = ledger.grow(*words(3))
    receipt = ledger.chain.receipt(signed.hash)
    head = ledger.chain.head(ledger.log_id)
    assert receipt.is_success
    assert (receipt.anchored.prev_size, receipt.anchored.size, receipt.anchored.root) == (5, 8, head.root)
    assert receipt.anchored.prev_root == ledger.chain.receipt(first.hash).anchored.root
    assert (receipt.anchored.contract, receipt.anchored.log_id) == (ledger.chain.contract, ledger.log_id)
    assert ledger.chain.nonce(ledger.sealer.address) == 2


def test_build_anchor_twice_gives_the_same_bytes_and_sends_nothing(ledger):
    more = words(2)
    assert ledger.build(*more) == ledger.build(*more)
    assert ledger.chain.nonce(ledger.sealer.address) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"size": 4},
        {"commitments": []},
        {"frontier": [bytes(32)]},
        {"root": bytes(31)},
        {"log_id": bytes(33)},
        {"commitments": [bytes(32)] * 1001, "size": 1001},
    ],
)
def test_build_anchor_with_counts_that_do_not_fit_is_refused(ledger, change):
    given = {"prev_size": 0, "size": 1, "root": bytes(32), "frontier": [], "commitments": [bytes(32)], **change}
    log_id = given.pop("log_id", ledger.log_id)
    with pytest.raises(RequestError) as caught:
        ledger.chain.build_anchor(ledger.sealer, log_id, nonce=0, **given)
    assert caught.value.code == "invalid_anchor"


def test_root_only_anchors_are_read_without_commitments_between_others(ledger):
    ledger.grow(*words(3))
    big = ledger.grow_root_only(*words(1500))
    ledger.grow(*words(2))
    found = list(ledger.chain.anchors(ledger.log_id))
    assert [(event.prev_size, event.size, event.mode) for event in found] == [
        (0, 3, Mode.CALLDATA),
        (3, 1503, Mode.ROOT_ONLY),
        (1503, 1505, Mode.CALLDATA),
    ]
    assert [event.commitments for event in found] == [
        tuple(ledger.commitments[:3]),
        None,
        tuple(ledger.commitments[1503:]),
    ]
    assert ledger.chain.receipt(big.hash).anchored.mode is Mode.ROOT_ONLY


def test_first_root_only_anchor_needs_no_proof(ledger):
    signed = ledger.grow_root_only(*words(7))
    assert ledger.chain.receipt(signed.hash).is_success
    assert ledger.chain.head(ledger.log_id).size == 7


def test_root_only_anchor_fits_its_gas_with_the_longest_proof(ledger):
    """The contract follows all 65 hashes before it refuses; it does not run out of gas on the way."""
    ledger.grow(*words(3))
    given = {"prev_size": 3, "size": 2**64 - 1, "root": bytes(32), "proof": words(65), "nonce": 1}
    signed = ledger.chain.build_root_anchor(ledger.sealer, ledger.log_id, **given)
    ledger.chain.send(signed.raw)
    receipt = ledger.chain.receipt(signed.hash)
    assert not receipt.is_success
    assert receipt.gas_used < web3_chain.ANCHOR_GAS


@pytest.mark.parametrize(
    "change",
    [
        {"size": 3},
        {"size": 2},
        {"prev_size": -1},
        {"proof": [bytes(32)] * 66},
        {"proof": [bytes(31)]},
        {"prev_size": 0, "proof": [bytes(32)]},
        {"root": bytes(33)},
    ],
)
def test_build_root_anchor_that_the_contract_would_refuse_is_refused(ledger, change):
    given = {"prev_size": 3, "size": 4, "root": bytes(32), "proof": [bytes(32)] * 65, **change}
    with pytest.raises(RequestError) as caught:
        ledger.chain.build_root_anchor(ledger.sealer, ledger.log_id, nonce=0, **given)
    assert caught.value.code == "invalid_anchor"


def test_freezing_is_for_good_and_silent_the_second_time(ledger):
    ledger.grow(*words(2))
    root = ledger.chain.head(ledger.log_id).root
    for by in (ledger.sealer, ledger.owner):
        ledger.chain.freeze_log(by, ledger.log_id)
        assert ledger.chain.head(ledger.log_id) == Head(2, root, is_frozen=True, sealer=ledger.sealer.address)
    assert ledger.chain.nonce(ledger.sealer.address) == 2  # one anchor, one freezing
    refused = ledger.build(*words(1))
    ledger.chain.send(refused.raw)
    assert not ledger.chain.receipt(refused.hash).is_success


def test_freezing_by_a_stranger_and_of_an_unknown_log_is_refused(ledger):
    for by, log_id, code in (
        (FileSealerKey.generate(), ledger.log_id, "transaction_refused"),
        (ledger.owner, bytes(32), "unknown_log"),
    ):
        with pytest.raises(RequestError) as caught:
            ledger.chain.freeze_log(by, log_id)
        assert caught.value.code == code
    assert not ledger.chain.head(ledger.log_id).is_frozen


def test_sending_the_same_bytes_again_tells_and_changes_nothing(ledger):
    signed = ledger.build(*words(1))
    assert ledger.chain.send(signed.raw) is Sent.ACCEPTED
    assert ledger.chain.send(signed.raw) is Sent.ALREADY_KNOWN
    assert ledger.chain.nonce(ledger.sealer.address) == 1


def test_sending_another_transaction_with_a_used_nonce_tells(ledger):
    ledger.grow(*words(1))
    other = ledger.build(*words(2), nonce=0)
    assert ledger.chain.send(other.raw) is Sent.NONCE_TOO_LOW
    assert ledger.chain.receipt(other.hash) is None


def test_sending_a_nonce_ahead_is_not_now(ledger):
    with pytest.raises(UnavailableError):
        ledger.chain.send(ledger.build(*words(1), nonce=7).raw)


def test_sending_nonsense_is_refused_for_good(ledger):
    with pytest.raises(RequestError) as caught:
        ledger.chain.send(b"\x02\xff")
    assert caught.value.code == "transaction_refused"


def test_receipt_of_an_anchor_that_the_contract_refused_is_no_success(ledger):
    signed = ledger.chain.build_anchor(
        ledger.sealer,
        ledger.log_id,
        prev_size=0,
        size=1,
        root=bytes(32),
        frontier=[],
        commitments=words(1),
        nonce=0,
    )
    ledger.chain.send(signed.raw)
    receipt = ledger.chain.receipt(signed.hash)
    assert (receipt.is_success, receipt.anchored) == (False, None)


def test_receipt_of_a_repeat_is_a_success_without_event(ledger):
    more = words(2)
    again = ledger.build(*more, nonce=1)
    ledger.grow(*more)
    ledger.chain.send(again.raw)
    receipt = ledger.chain.receipt(again.hash)
    assert (receipt.is_success, receipt.anchored) == (True, None)


def test_finality_of_a_block_here_of_another_and_of_none(ledger):
    receipt = ledger.chain.receipt(ledger.grow(*words(1)).hash)
    assert ledger.chain.finality(receipt.block_number, receipt.block_hash) is Finality.FINAL
    assert ledger.chain.finality(receipt.block_number, bytes(32)) is Finality.GONE
    # that a node does not know a block does not show that it is gone
    with pytest.raises(UnavailableError, match="chain_behind"):
        ledger.chain.finality(receipt.block_number + 1, receipt.block_hash)


def test_blocks_with_seals_in_their_extra_data_are_taken(ledger, node):
    block = {**node.result("eth_getBlockByNumber", "latest", False), "extraData": "0x" + "ab" * 600}
    node.answer = (200, json.dumps({"jsonrpc": "2.0", "id": 0, "result": block}).encode())
    digest = bytes.fromhex(block["hash"][2:])
    assert ledger.chain.finality(int(block["number"], 16), digest) is Finality.FINAL


def test_anchors_give_back_every_commitment_in_order(ledger, monkeypatch):
    monkeypatch.setattr(web3_chain, "BLOCKS_PER_QUERY", 2)  # several pages
    for count in (3, 1, 4, 9):
        ledger.grow(*words(count))
    found = list(ledger.chain.anchors(ledger.log_id))
    assert [event.size for event in found] == [3, 4, 8, 17]
    assert [one for event in found for one in event.commitments] == ledger.commitments
    assert [event.size for event in ledger.chain.anchors(ledger.log_id, from_size=4)] == [8, 17]
    assert [event.size for event in ledger.chain.anchors(ledger.log_id, from_block=found[2].block_number)] == [
        8,
        17,
    ]
    assert list(ledger.chain.anchors(bytes(32))) == []


def test_anchors_are_read_with_the_time_of_their_block(ledger, node):
    ledger.grow(*words(1))
    (event,) = ledger.chain.anchors(ledger.log_id)
    assert event.block_time == node.engine.head().timestamp
    assert event.block_hash == node.engine.head().hash


def test_evidence_of_an_anchor_verifies_offline(ledger):
    signed = ledger.grow(*words(6))
    evidence = ledger.chain.receipt_evidence(signed.hash)
    found = verify_anchor(evidence, expected_contract=ledger.chain.contract, expected_log_id=ledger.log_id)
    assert (found.anchored.size, found.anchored.root) == (6, ledger.chain.head(ledger.log_id).root)
    assert (found.block.hash, found.block.number) == (evidence.block_hash, evidence.block_number)
    assert (evidence.chain_id, evidence.transaction_index, evidence.log_index) == (20261121, 0, 0)
    assert len(evidence.header_rlp) + len(evidence.receipt_rlp) + sum(map(len, evidence.receipt_proof)) < 3000


def test_evidence_of_another_log_is_refused(ledger):
    evidence = ledger.chain.receipt_evidence(ledger.grow(*words(1)).hash)
    for contract, log_id in ((ledger.chain.contract, bytes(32)), (ledger.sealer.address, ledger.log_id)):
        with pytest.raises(VerificationError):
            verify_anchor(evidence, expected_contract=contract, expected_log_id=log_id)
    with pytest.raises(VerificationError):
        verify_anchor(
            replace(evidence, block_hash=bytes(32)),
            expected_contract=ledger.chain.contract,
            expected_log_id=ledger.log_id,
        )


def test_evidence_of_a_transaction_in_no_block_is_not_found(ledger):
    with pytest.raises(RequestError) as caught:
        ledger.chain.receipt_evidence(bytes(32))
    assert caught.value.code == "not_found"


def test_registering_again_is_silent_and_with_another_sealer_a_conflict(ledger):
    ledger.chain.register_log(ledger.owner, ledger.log_id, ledger.sealer.address)
    with pytest.raises(StoreConflictError):
        ledger.chain.register_log(ledger.owner, ledger.log_id, ledger.owner.address)


def test_registering_by_a_stranger_is_refused(ledger, keys):
    with pytest.raises(RequestError) as caught:
        ledger.chain.register_log(keys[2], bytes(32), keys[3].address)
    assert caught.value.code == "transaction_refused"


def test_check_tells_a_wrong_chain_from_a_missing_contract(ledger, node, keys):
    ledger.chain.check(expected_chain_id=20261121)
    with pytest.raises(ConfigurationError) as caught:
        ledger.chain.check(expected_chain_id=1)
    assert (caught.value.code, "20261121" in caught.value.message) == ("wrong_chain", True)
    with pytest.raises(ConfigurationError) as caught:
        node.chain(keys[0].address).check(expected_chain_id=20261121)
    assert caught.value.code == "wrong_contract"


CALLS = [
    lambda ledger: ledger.chain.head(ledger.log_id),
    lambda ledger: ledger.chain.nonce(ledger.sealer.address),
    lambda ledger: ledger.chain.send(b"\x02"),
    lambda ledger: ledger.chain.receipt(bytes(32)),
    lambda ledger: ledger.chain.finality(1, bytes(32)),
    lambda ledger: list(ledger.chain.anchors(ledger.log_id)),
    lambda ledger: ledger.chain.receipt_evidence(bytes(32)),
    lambda ledger: ledger.chain.check(expected_chain_id=20261121),
]


@pytest.mark.parametrize("call", CALLS)
def test_no_answer_is_unavailable(ledger, node, call):
    node.is_down = True
    with pytest.raises(UnavailableError):
        call(ledger)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        (502, b"<html>bad gateway</html>"),
        (200, b"<html>sign in</html>"),
        (200, b""),
        (200, b"[]"),
        (200, b'{"jsonrpc":"2.0","id":0}'),
        (200, b'{"jsonrpc":"2.0","id":0,"result":{}}'),
        (200, b'{"jsonrpc":"2.0","id":0,"error":{"code":-32005,"message":"limit exceeded"}}'),
    ],
)
def test_answers_that_make_no_sense_raise_our_errors_only(ledger, node, call, answer):
    node.answer = answer
    with pytest.raises(UnavailableError):
        call(ledger)


def without(*path):
    """Return what takes one member out of a node's answer."""

    def change(answer):
        found = answer["result"]
        for name in path[:-1]:
            found = found[name]
        del found[path[-1]]

    return change


def replaced(value):
    def change(answer):
        answer["result"] = value

    return change


def hashes_only(answer):
    block = answer["result"]
    block["transactions"] = [each["hash"] for each in block["transactions"]]


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("eth_getLogs", replaced(None)),
        ("eth_getLogs", replaced([{}])),
        ("eth_getLogs", replaced(["0x"])),
        *(
            ("eth_getLogs", without(0, name))
            for name in (
                "address",
                "topics",
                "data",
                "logIndex",
                "blockNumber",
                "blockHash",
                "transactionHash",
            )
        ),
        *(("eth_getBlockByNumber", without(name)) for name in ("hash", "number", "timestamp", "transactions")),
        *(("eth_getBlockByNumber", without("transactions", 0, name)) for name in ("hash", "to", "input")),
        *(("eth_getBlockByNumber", without(name)) for name in ("receiptsRoot", "logsBloom", "gasUsed")),
        ("eth_getBlockByNumber", hashes_only),
    ],
)
def test_anchors_with_members_missing_raise_our_errors_only(ledger, node, method, change):
    ledger.grow(*words(1))

    class Changing(WSGIAdapter):
        def send(self, request, **_):
            response = super().send(request)
            answer = response.json()
            if json.loads(request.body)["method"] == method:
                change(answer)
            response._content = json.dumps(answer).encode()
            return response

    session = requests.Session()
    session.mount("http://", Changing(node))
    chain = web3_chain.Web3Chain(connect(URL, session), contract=ledger.chain.contract)
    with pytest.raises(UnavailableError):
        list(chain.anchors(ledger.log_id))


@pytest.mark.parametrize("url", ["http://node.example:8545", "ws://localhost:8546", "localhost:8106", "file:///x"])
def test_a_chain_over_plain_http_elsewhere_is_refused(url):
    with pytest.raises(ConfigurationError):
        open_chain(url, contract=None)


def test_a_malformed_contract_address_is_refused():
    with pytest.raises(ConfigurationError):
        open_chain("http://localhost:8106", contract="0x12")


def test_importing_the_seam_loads_no_web3():
    code = "import sys, ledger.chain.client, ledger.chain.interface; print('web3' in sys.modules or 'eth' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def older_chain(ledger, node, change):
    """The same node, seen through somebody who changes its answers: `change` gets parameters and result of a block."""

    class Changing(WSGIAdapter):
        def send(self, request, **_):
            response = super().send(request)
            asked, answer = json.loads(request.body), response.json()
            if asked["method"] == "eth_getBlockByNumber":
                answer = change(asked["params"], answer)
            response._content = json.dumps(answer).encode()
            return response

    session = requests.Session()
    session.mount("http://", Changing(node))
    return web3_chain.Web3Chain(connect(URL, session), contract=ledger.chain.contract)


def test_chain_without_base_fees_gets_transactions_from_before_them(ledger, node):
    def strip(params, answer):
        answer["result"].pop("baseFeePerGas")
        return answer

    (more,) = words(1)
    first = {"prev_size": 0, "size": 1, "root": mth([more]), "frontier": [], "commitments": [more], "nonce": 0}
    typed = ledger.chain.build_anchor(ledger.sealer, ledger.log_id, **first)
    assert typed.raw[0] == 2
    chain = older_chain(ledger, node, strip)
    plain = chain.build_anchor(ledger.sealer, ledger.log_id, **first)
    # a list, as before EIP-2718, which names the chain and pays nothing
    assert plain.raw[0] >= 0xC0
    assert plain == chain.build_anchor(ledger.sealer, ledger.log_id, **first)
    assert chain.send(plain.raw) is Sent.ACCEPTED
    receipt = chain.receipt(plain.hash)
    assert receipt.is_success
    assert receipt.anchored.size == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda extra: extra, Finality.FINAL),
        # seals are not in the hash: a node could leave them out and the block would still be there
        (lambda extra: replace(extra, seals=()), Finality.PENDING),
        (lambda extra: replace(extra, seals=(*extra.seals, extra.seals[0])), Finality.PENDING),
        (lambda extra: replace(extra, round=extra.round + 1), Finality.PENDING),
    ],
    ids=["sealed", "no seals", "a seal twice", "sealed in another round"],
)
def test_block_of_a_node_without_the_word_finalized_is_final_by_its_seals_only(ledger, node, change, expected):
    def without_tag(params, answer):
        if params[0] == "finalized":
            return {"jsonrpc": "2.0", "id": answer["id"], "error": {"code": -39001, "message": "Unknown block"}}
        extra = ExtraData.parse(bytes.fromhex(answer["result"]["extraData"][2:]))
        answer["result"]["extraData"] = "0x" + change(extra).encode().hex()
        return answer

    receipt = ledger.chain.receipt(ledger.grow(*words(1)).hash)
    chain = older_chain(ledger, node, without_tag)
    assert chain.finality(receipt.block_number, receipt.block_hash) is expected
    assert chain.finality(receipt.block_number, bytes(32)) is Finality.GONE


def test_headers_and_receipts_are_encoded_from_ordinary_answers_as_the_node_hashes_them(ledger, node):
    from eth_account import Account

    ledger.grow(*words(2))
    secret = FileSealerKey.generate()._raw()
    plain = {"nonce": 0, "gas": 21_000, "gasPrice": 0, "to": "0x" + "00" * 20, "value": 0, "chainId": 20261121}
    failing = {**plain, "nonce": 1, "gas": 60_000, "to": "", "data": "0xfe"}
    listed = {**plain, "nonce": 2, "gas": 60_000, "accessList": []}
    for transaction in (plain, failing, listed):
        ledger.chain.send(Account.sign_transaction(transaction, secret).raw_transaction)
    web3 = ledger.chain._web3
    newest = int(node.result("eth_blockNumber"), 16)
    assert newest >= 6
    for number in range(newest + 1):
        block = web3.eth.get_block(number)
        header = encode_header(block)
        assert "0x" + header.hex() == node.result("debug_getRawHeader", hex(number))
        assert header_hash(header) == block["hash"]
        receipts = [encode_receipt(web3.eth.get_transaction_receipt(each)) for each in block["transactions"]]
        assert ["0x" + each.hex() for each in receipts] == node.result("debug_getRawReceipts", hex(number))


def test_anchors_are_read_with_the_sealed_header_of_their_block(ledger, node):
    ledger.grow(*words(1))
    (event,) = ledger.chain.anchors(ledger.log_id)
    assert event.header_rlp is not None
    (validator,) = ExtraData.parse(rlp.decode(event.header_rlp)[12]).validators
    assert verify_seals(event.header_rlp, expected_validators=[validator]) == {validator}
    assert header_hash(event.header_rlp) == event.block_hash


def test_a_header_of_a_fork_that_is_not_known_is_asked_for_as_bytes(ledger, monkeypatch):
    signed = ledger.grow(*words(1))
    monkeypatch.setattr(blocks, "encode_header", lambda _: rlp.encode([b"another fork"]))
    (event,) = ledger.chain.anchors(ledger.log_id)
    assert header_hash(event.header_rlp) == event.block_hash
    assert ledger.chain.receipt_evidence(signed.hash).block_hash == event.block_hash


def test_a_node_that_cannot_give_the_header_leaves_it_out_and_gives_no_evidence(ledger, node, monkeypatch):
    signed = ledger.grow(*words(1))
    monkeypatch.setattr(blocks, "encode_header", lambda _: rlp.encode([b"another fork"]))
    monkeypatch.setattr(blocks, "RAW_HEADER", "debug_unknown")
    (event,) = ledger.chain.anchors(ledger.log_id)
    assert event.header_rlp is None
    with pytest.raises(UnavailableError, match="header"):
        ledger.chain.receipt_evidence(signed.hash)
