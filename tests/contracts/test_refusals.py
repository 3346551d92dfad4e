# SPDX-License-Identifier: EUPL-1.2
"""Every custom error of the contract with its arguments, and that no error is left without a test."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

UNKNOWN = hashlib.sha256(b"unknown\n").digest()


def test_anchor_of_an_unknown_log_is_refused(bench, tree, commitments, arguments):
    refusal = bench.refusal(bench.sealer, "anchor", *arguments(UNKNOWN, tree(), tree(commitments(1))))
    assert refusal == ("UnknownLog", UNKNOWN)
    assert bench.head(UNKNOWN) == ("0x" + "00" * 20, 0, bytes(32))


def test_registering_with_the_zero_address_is_refused(bench):
    zero = "0x" + "00" * 20
    assert bench.refusal(bench.owner, "registerLog", UNKNOWN, zero) == ("UnusableSealer", zero)


def test_registering_a_contract_as_sealer_is_refused(bench):
    refusal = bench.refusal(bench.owner, "registerLog", UNKNOWN, bench.address)
    assert refusal == ("UnusableSealer", bench.address.lower())


def test_anchor_with_a_size_that_is_not_the_sum_is_refused(bench, tree, commitments):
    after = tree(commitments(3))
    for size in (2, 4, 2**64 - 1):
        refusal = bench.refusal(bench.sealer, "anchor", bench.log_id, 0, size, after.root, [], after.commitments)
        assert refusal == ("NotSum", 3, size)


def test_anchor_with_a_frontier_of_the_wrong_length_is_refused(bench, tree, commitments):
    before = tree(commitments(5))
    bench.anchor(tree(), before)
    after = before.grown(commitments(1, seed=1))
    for frontier in ([], before.frontier[:1], [*before.frontier, bytes(32)], commitments(65)):
        refusal = bench.refusal(
            bench.sealer, "anchor", bench.log_id, 5, 6, after.root, frontier, after.commitments[5:]
        )
        assert refusal == ("FrontierLength", 2, len(frontier))


def test_first_anchor_with_a_frontier_is_refused(bench, tree, commitments):
    after = tree(commitments(1))
    refusal = bench.refusal(bench.sealer, "anchor", bench.log_id, 0, 1, after.root, [bytes(32)], after.commitments)
    assert refusal == ("FrontierLength", 0, 1)


def test_anchor_with_peaks_in_the_wrong_order_is_refused(bench, tree, commitments):
    before = tree(commitments(6))
    bench.anchor(tree(), before)
    after = before.grown(commitments(1, seed=1))
    wrong = list(reversed(before.frontier))
    refusal = bench.refusal(bench.sealer, "anchor", bench.log_id, 6, 7, after.root, wrong, after.commitments[6:])
    folded = hashlib.sha256(b"\x01" + wrong[0] + wrong[1]).digest()
    assert refusal == ("FrontierMismatch", before.root, folded)


def test_anchor_with_commitments_that_give_another_root_is_refused(bench, tree, commitments):
    said, sent = tree(commitments(4)), tree(commitments(4, seed=1))
    refusal = bench.refusal(bench.sealer, "anchor", bench.log_id, 0, 4, said.root, [], sent.commitments)
    assert refusal == ("RootMismatch", sent.root, said.root)


def test_anchor_with_reordered_commitments_is_refused(bench, tree, commitments):
    said = tree(commitments(4))
    refusal = bench.refusal(bench.sealer, "anchor", bench.log_id, 0, 4, said.root, [], said.commitments[::-1])
    assert refusal[0] == "RootMismatch"


def test_calldata_with_bits_beyond_a_size_is_refused(bench, tree, commitments, arguments):
    """A 65-bit size must not be cut to 64 bits."""
    data = bytearray(bench.calldata("anchor", *arguments(bench.log_id, tree(), tree(commitments(1)))))
    data[4 + 64 : 4 + 96] = (2**64 + 1).to_bytes(32)
    receipt = bench._send(bench.sealer, bench.address, bytes(data))
    assert receipt.state_root != b"\x01"
    assert bench.head()[1] == 0


def test_sending_money_is_refused(bench):
    assert not [entry for entry in bench.artifact.abi if entry.get("stateMutability") == "payable"]
    assert not [entry for entry in bench.artifact.abi if entry["type"] in {"fallback", "receive"}]


def test_a_failing_hash_is_refused(bench, tree, commitments, arguments):
    """With just too little gas for the last hashes the call reverts; it never stores a wrong head."""
    after = tree(commitments(40))
    data = bench.calldata("anchor", *arguments(bench.log_id, tree(), after))
    seen = set()
    for gas in range(60_000, 160_000, 2_500):
        bench.engine.submit(bench.sign(bench.sealer, bench.address, data, gas=gas))
        seen.add(bench.head()[1:])
    assert seen <= {(0, tree().root), (40, after.root)}


def test_every_error_of_the_contract_has_a_test(bench):
    texts = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    own = {entry["name"] for entry in bench.artifact.abi if entry["type"] == "error"}
    # OpenZeppelin's own: a zero owner; and a hash precompile that fails, which only a lack of gas gives here
    expected_elsewhere = {"OwnableInvalidOwner", "HashFailed"}
    assert own - expected_elsewhere <= set(re.findall(r'"(\w+)"', texts))
