# SPDX-License-Identifier: EUPL-1.2
"""What goes between a log and a witness: written as the specification says, read back, and refused otherwise."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.witness_protocol import (
    MAX_ANSWER_BYTES,
    MAX_PROOF_LINES,
    AddCheckpoint,
    parse_answer,
    parse_known_size,
)
from protocol.errors import Error, RequestError

HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=MAX_PROOF_LINES)
NOISE = st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode))


def test_request_has_the_form_of_the_specification():
    encoded = base64.b64encode(bytes(32)).decode()
    request = AddCheckpoint(8, (bytes(32), bytes(32)), "log.example/2026\n…\n")
    assert request.encode().decode() == f"old 8\n{encoded}\n{encoded}\n\nlog.example/2026\n…\n"
    assert AddCheckpoint(0, (), "note\n").encode() == b"old 0\n\nnote\n"


@given(st.integers(0, 10**18 - 1), HASHES, st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_request_when_written_and_read_is_the_same(old, proof, note):
    request = AddCheckpoint(old, tuple(proof), note)
    assert AddCheckpoint.parse(request.encode()) == request


@given(NOISE, st.sampled_from([b"", b"old 0\n", b"old 8\nAAAA\n", b"old 8\n\n"]))
def test_readers_when_given_noise_raise_nothing_but_errors_of_ours(noise, start):
    for reader in (AddCheckpoint.parse, parse_answer, parse_known_size):
        try:
            reader(start + noise)
        except Error:
            continue


def test_answer_at_its_bound_is_read_and_over_it_refused():
    assert len(parse_answer(b"x" * MAX_ANSWER_BYTES)) == MAX_ANSWER_BYTES
    with pytest.raises(RequestError, match="more than"):
        parse_answer(b"x" * (MAX_ANSWER_BYTES + 1))
    with pytest.raises(RequestError, match="not text"):
        parse_answer(b"\xff")


def test_size_is_one_decimal_line_of_at_most_eighteen_digits():
    assert [parse_known_size(b"0\n"), parse_known_size(b"9" * 18 + b"\n")] == [0, 10**18 - 1]
    for wrong in (b"", b"8", b"08\n", b"+8\n", b"-8\n", b"8\n\n", b" 8\n", b"9" * 19 + b"\n", "\u0668\n".encode()):
        with pytest.raises(RequestError, match="size"):
            parse_known_size(wrong)
