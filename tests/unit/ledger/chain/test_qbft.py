# SPDX-License-Identifier: EUPL-1.2
"""QBFT headers: the codec against Besu's own bytes, and seals of four validators under every way to tamper."""

from __future__ import annotations

from dataclasses import replace

import pytest
import rlp
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain import qbft
from ledger.chain.evidence import header_hash, read_header
from ledger.chain.qbft import ISTANBUL_MIX_HASH, ExtraData, block_hash, commit_hash, required_seals, verify_seals
from ledger.chain.sealer import FileSealKey
from protocol.errors import VerificationError

# the example that Besu's and Nethermind's own tests hold (vanity 1 to 32, two validators, a vote, round 0xFEDCBA)
BESU_EXAMPLE = (
    "f8f0a00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20ea940000000000000000000000000000000000"
    "000001940000000000000000000000000000000000000002d794000000000000000000000000000000000000000181ff83fedcbaf886"
    "b8410000000000000000000000000000000000000000000000000000000000000001000000000000000000000000000000000000000000"
    "000000000000000000000a00b841000000000000000000000000000000000000000000000000000000000000000a000000000000000000"
    "000000000000000000000000000000000000000000000100"
)
# block 0 as GoQuorum's documentation writes it: five validators, nothing else
GOQUORUM_EXAMPLE = (
    "f88fa00000000000000000000000000000000000000000000000000000000000000000f86994f92393af043e2c146ab73aa632c658f7"
    "27783b2c9436a446957018c3c3ca0984bdef294d88d2ab8228948aac4c95236a9ed807cf3eca5261064577960f8994560c2e4fbd0ac9"
    "0dbbda4502f189170a41e3601694baf50f31fdd31c95b0722ffeb54bf0ddebb4c270c080c0"
)
KEYS = sorted((FileSealKey.generate() for _ in range(4)), key=lambda each: each.validator)
VALIDATORS = tuple(each.validator for each in KEYS)
STRANGER = FileSealKey.generate()
EXTRA = ExtraData(vanity=b"v" * 32, validators=VALIDATORS, round=3)


def make_header(extra: ExtraData | bytes, **changed: object) -> bytes:
    items: list[object] = [b"p" * 32, b"u" * 32, b"c" * 20, b"s" * 32, b"t" * 32, b"r" * 32, b"\0" * 256, 1]
    data = extra if isinstance(extra, bytes) else extra.encode()
    items += [7, 30_000_000, 21_000, 1_795_286_318, data, ISTANBUL_MIX_HASH, b"\0" * 8, 0]
    for name, value in changed.items():
        items[int(name[1:])] = value
    return rlp.encode(items)


def sealed(*keys: FileSealKey, extra: ExtraData = EXTRA) -> bytes:
    """Return a header with the seals of these keys."""
    digest = commit_hash(make_header(extra))
    return make_header(replace(extra, seals=tuple(key.seal(digest) for key in keys)))


def refusal(header: bytes, validators=VALIDATORS) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_seals(header, expected_validators=validators)
    assert caught.value.code == "anchor_proof"
    return caught.value.message


@pytest.mark.parametrize("known", [BESU_EXAMPLE, GOQUORUM_EXAMPLE])
def test_extra_data_of_other_programs_is_read_and_written_back(known):
    assert ExtraData.parse(bytes.fromhex(known)).encode().hex() == known


def test_extra_data_says_what_besu_says():
    found = ExtraData.parse(bytes.fromhex(BESU_EXAMPLE))
    one, two = (1).to_bytes(20), (2).to_bytes(20)
    assert (found.vanity, found.validators, found.round) == (bytes(range(1, 33)), (one, two), 0xFEDCBA)
    assert found.vote == (one, b"\xff")
    assert found.seals == (
        (1).to_bytes(32) + (10).to_bytes(32) + b"\0",
        (10).to_bytes(32) + (1).to_bytes(32) + b"\0",
    )


@pytest.mark.parametrize(
    "items",
    [
        [b"v" * 32, [], [], b""],
        [b"v" * 32, [], [], b"", [], b""],
        [b"v" * 31, [], [], b"", []],
        [b"v" * 32, [b"a" * 19], [], b"", []],
        [b"v" * 32, b"", [], b"", []],
        [b"v" * 32, [], b"", b"", []],
        [b"v" * 32, [], [b"a" * 20], b"", []],
        [b"v" * 32, [], [b"a" * 19, b"\xff"], b"", []],
        [b"v" * 32, [], [b"a" * 20, b"\x01"], b"", []],
        [b"v" * 32, [], [], b"\0", []],
        [b"v" * 32, [], [], b"\0\1", []],
        [b"v" * 32, [], [], b"\x80\0\0\0", []],
        [b"v" * 32, [], [], b"", [b"s" * 64]],
        [b"v" * 32, [], [], b"", [b"s" * 66]],
        [b"v" * 32, [], [], b"", b""],
        [[], [], [], b"", []],
        b"v" * 32,
        b"",
    ],
)
def test_extra_data_of_another_form_is_refused(items):
    with pytest.raises(VerificationError):
        ExtraData.parse(rlp.encode(items))


def test_extra_data_is_refused_beyond_its_bounds_and_taken_at_them():
    addresses = [number.to_bytes(20) for number in range(qbft.MAX_VALIDATORS + 1)]
    for taken in (addresses[:-1], []):
        assert ExtraData.parse(rlp.encode([b"v" * 32, taken, [], b"", []])).validators == tuple(taken)
    most = [b"v" * 32, [], [], b"", [b"s" * 65] * qbft.MAX_VALIDATORS]
    assert len(ExtraData.parse(rlp.encode(most)).seals) == qbft.MAX_VALIDATORS
    for too_many in ([b"v" * 32, addresses, [], b"", []], [b"v" * 32, [], [], b"", [b"s" * 65] * 257]):
        with pytest.raises(VerificationError):
            ExtraData.parse(rlp.encode(too_many))
    assert ExtraData.parse(rlp.encode([b"v" * 32, [], [], b"\x7f\xff\xff\xff", []])).round == 2**31 - 1


def test_extra_data_with_trailing_bytes_is_refused():
    with pytest.raises(VerificationError):
        ExtraData.parse(EXTRA.encode() + b"\0")


@given(st.binary(max_size=300))
def test_any_bytes_raise_our_error_only(data):
    for call in (ExtraData.parse, block_hash, commit_hash, lambda each: block_hash(make_header(each))):
        with pytest.raises(VerificationError):
            call(data)


def test_votes_of_both_programs_are_kept_as_they_are():
    for kind in (b"\xff", b"\0", b""):
        extra = replace(EXTRA, vote=(STRANGER.validator, kind))
        assert ExtraData.parse(extra.encode()) == extra
        assert len(verify_seals(sealed(*KEYS, extra=extra), expected_validators=VALIDATORS)) == 4


def test_block_hash_leaves_round_and_seals_out_and_nothing_else():
    bare = make_header(replace(EXTRA, round=0))
    assert block_hash(bare) == keccak(bare)
    assert (
        block_hash(sealed(*KEYS))
        == block_hash(sealed(*KEYS[:3]))
        == block_hash(make_header(EXTRA))
        == keccak(bare)
    )
    assert read_header(sealed(*KEYS)).hash == header_hash(sealed(*KEYS)) == keccak(bare)
    for other in (replace(EXTRA, vanity=bytes(32)), replace(EXTRA, validators=VALIDATORS[:3])):
        assert block_hash(make_header(other)) != keccak(bare)


def test_commit_hash_holds_the_round():
    assert commit_hash(make_header(EXTRA)) == keccak(make_header(EXTRA))
    assert commit_hash(sealed(*KEYS)) == commit_hash(make_header(EXTRA))
    assert commit_hash(make_header(replace(EXTRA, round=4))) != commit_hash(make_header(EXTRA))


def test_a_header_without_the_mark_is_hashed_whole():
    plain = make_header(b"anything", i13=b"m" * 32)
    assert block_hash(plain) == keccak(plain)


def test_a_header_with_the_mark_and_without_the_form_is_refused():
    with pytest.raises(VerificationError):
        block_hash(make_header(b"anything"))


@pytest.mark.parametrize(
    ("validators", "seals"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5), (10, 7)]
)
def test_two_thirds_are_rounded_up(validators, seals):
    assert required_seals(validators) == seals


def test_seals_of_enough_validators_hold():
    for count in (3, 4):
        found = verify_seals(sealed(*KEYS[:count]), expected_validators=VALIDATORS)
        assert found == frozenset(VALIDATORS[:count])
    assert verify_seals(sealed(*KEYS[1:]), expected_validators=frozenset(VALIDATORS)) == frozenset(VALIDATORS[1:])


def test_too_few_seals_are_refused():
    assert refusal(sealed(*KEYS[:2])) == "expected seals of 3 of 4 validators, got 2"
    assert refusal(sealed()) == "expected seals of 3 of 4 validators, got 0"


def test_a_repeated_seal_is_refused_even_beside_enough():
    assert refusal(sealed(KEYS[0], KEYS[1], KEYS[1])) == "a validator's seal is there twice"
    assert refusal(sealed(*KEYS, KEYS[0])) == "a validator's seal is there twice"


def test_the_same_signature_with_the_other_s_does_not_count_twice():
    digest = commit_hash(make_header(EXTRA))
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    seals = [key.seal(digest) for key in KEYS[:2]]
    other = order - int.from_bytes(seals[1][32:64])
    seals.append(seals[1][:32] + other.to_bytes(32) + bytes([1 - seals[1][64]]))
    assert refusal(make_header(replace(EXTRA, seals=tuple(seals)))) in {
        "a validator's seal is there twice",
        "a seal is no signature",
    }


def test_an_unknown_seal_is_refused_even_beside_enough():
    assert refusal(sealed(KEYS[0], KEYS[1], STRANGER)) == "a seal is by no validator of this block"
    assert refusal(sealed(*KEYS[:3], STRANGER)) == "a seal is by no validator of this block"


@pytest.mark.parametrize("wrong", [bytes(65), b"\xff" * 65, b"\1" * 64 + b"\x02", b"\1" * 64 + b"\x1b"])
def test_a_seal_that_is_no_signature_is_refused(wrong):
    digest = commit_hash(make_header(EXTRA))
    seals = (*(key.seal(digest) for key in KEYS[:3]), wrong)
    assert refusal(make_header(replace(EXTRA, seals=seals))) == "a seal is no signature"


def test_a_seal_over_another_round_is_refused():
    seals = ExtraData.parse(rlp.decode(sealed(*KEYS))[12]).seals
    assert refusal(make_header(replace(EXTRA, round=2, seals=seals))).startswith("a seal is")


def test_a_seal_over_the_block_hash_instead_is_refused():
    digest = block_hash(make_header(EXTRA))
    seals = tuple(key.seal(digest) for key in KEYS)
    assert refusal(make_header(replace(EXTRA, seals=seals))).startswith("a seal is")


@pytest.mark.parametrize("position", [0, 3, 5, 8, 11, 14])
def test_a_changed_header_is_refused(position):
    items = rlp.decode(sealed(*KEYS))
    items[position] = bytes([items[position][0] ^ 1]) + items[position][1:]
    assert refusal(rlp.encode(items)).startswith("a seal is")


def test_a_block_that_names_other_validators_than_are_trusted_is_refused():
    named = "the block names other validators than are trusted"
    theirs = [FileSealKey.generate() for _ in range(4)]
    forged = replace(EXTRA, validators=tuple(key.validator for key in theirs))
    assert refusal(sealed(*theirs, extra=forged)) == named  # a network of the forger's own
    more = replace(EXTRA, validators=(*VALIDATORS, STRANGER.validator))
    assert refusal(sealed(*KEYS, extra=more)) == named  # three of five would not have been enough there
    assert refusal(sealed(*KEYS, extra=replace(EXTRA, validators=VALIDATORS[:3]))) == named
    assert refusal(sealed(*KEYS, extra=replace(EXTRA, validators=(*VALIDATORS, VALIDATORS[0])))) == named


def test_a_block_without_the_form_has_no_seals():
    assert refusal(make_header(b"", i13=b"m" * 32)) == "the block has no validators' seals"


@pytest.mark.parametrize("validators", [(), (*VALIDATORS, VALIDATORS[0])])
def test_an_empty_or_repeating_list_of_validators_is_refused(validators):
    assert refusal(sealed(*KEYS), validators) == "expected a list of validators, each once"


NO_HEADERS = [b"", b"\xc0", b"\x80", rlp.encode([b""] * 13), rlp.encode(b"h" * 600)]


@pytest.mark.parametrize("header", [*NO_HEADERS, rlp.encode([b""] * 14)])
def test_what_is_no_header_is_refused(header):
    refusal(header)


@pytest.mark.parametrize("header", NO_HEADERS)
def test_what_is_no_header_has_no_hash(header):
    with pytest.raises(VerificationError) as caught:
        block_hash(header)
    assert caught.value.code == "anchor_proof"
