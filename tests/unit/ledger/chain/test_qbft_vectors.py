# SPDX-License-Identifier: EUPL-1.2
"""Headers that other people's software made and sealed: four GoQuorum validators (tests/vectors/network/README.md)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rlp

from ledger.chain import qbft
from ledger.chain.evidence import read_header
from protocol.errors import VerificationError

FILE = Path(__file__).parents[3] / "vectors" / "network" / "goquorum-22.7.4.json"
VECTORS = json.loads(FILE.read_text("utf-8"))
VALIDATORS = [bytes.fromhex(each[2:]) for each in VECTORS["validators"]]
BLOCKS = {each["what"]: each for each in VECTORS["blocks"]}


def header_of(what: str) -> bytes:
    return bytes.fromhex(BLOCKS[what]["header"][2:])


def extra_of(what: str) -> qbft.ExtraData:
    return qbft.ExtraData.parse(read_header(header_of(what)).extra_data)


@pytest.mark.parametrize("what", BLOCKS)
def test_real_header_has_its_hash_and_the_seals_of_two_thirds(what):
    header = header_of(what)
    assert qbft.block_hash(header).hex() == BLOCKS[what]["hash"][2:]
    assert 3 <= len(qbft.verify_seals(header, expected_validators=VALIDATORS)) <= 4
    assert extra_of(what).encode() == read_header(header).extra_data


@pytest.mark.parametrize("what", BLOCKS)
def test_real_header_with_anything_changed_is_refused(what):
    items = rlp.decode(header_of(what))
    for place in (0, 3, 5, 8, 11):
        changed = [*items]
        changed[place] = bytes([items[place][0] ^ 1]) + items[place][1:]
        with pytest.raises(VerificationError):
            qbft.verify_seals(rlp.encode(changed), expected_validators=VALIDATORS)


@pytest.mark.parametrize("what", BLOCKS)
def test_real_header_is_not_sealed_by_other_validators(what):
    for others in (VALIDATORS[:3], [*VALIDATORS[:3], bytes(20)], [*VALIDATORS, bytes(20)]):
        with pytest.raises(VerificationError):
            qbft.verify_seals(header_of(what), expected_validators=others)


def test_votes_and_rounds_are_read_as_they_were_written():
    assert extra_of("an ordinary block").vote == ()
    assert extra_of("a vote for another validator").vote == (b"\xc0" * 20, b"\xff")
    assert extra_of("a vote against a validator").vote == (VALIDATORS[1], b"")
    assert extra_of("sealed in a later round").round >= 1
