# SPDX-License-Identifier: EUPL-1.2
"""Genesis files and node keys: Besu's form byte for byte, the same for everybody, and no key lost or shown."""

from __future__ import annotations

import json
import stat

import pytest
from eth_keys import keys

from ledger.chain.genesis import NodeIdentity, main, make_extra_data, make_genesis, new_node_key
from ledger.chain.qbft import MAX_VALIDATORS, ExtraData
from protocol.errors import ConfigurationError

# The example of Besu's own documentation ("Configure QBFT consensus"), with its four validators.
BESU_VALIDATORS = [
    "64a702e6263b7297a96638cac6ae65e6541f4169",
    "3923390ad55e90c237593b3b0e401f3b08a03185",
    "aefdb9a738c9f433e5b6b212a6d62f6370c2f692",
    "c7eeb9a4e00ce683cf93039b212648e01c6c6b78",
]
BESU_EXTRA_DATA = (
    "f87aa00000000000000000000000000000000000000000000000000000000000000000f854"
    "9464a702e6263b7297a96638cac6ae65e6541f4169943923390ad55e90c237593b3b0e401f3b08a03185"
    "94aefdb9a738c9f433e5b6b212a6d62f6370c2f69294c7eeb9a4e00ce683cf93039b212648e01c6c6b78c080c0"
)
# An example of GoQuorum's own tests: another program's encoder, the same form.
GOQUORUM_VALIDATORS = [
    "44add0ec310f115a0e603b2d7db9f067778eaf8a",
    "294fc7e8f22b3bcdcf955dd7ff3ba2ed833f8212",
    "6beaaed781d2d2ab6350f5c4566a2c6eaac407a6",
    "8be76812f765c24641ec63dc2852b378aba2b440",
]
GOQUORUM_EXTRA_DATA = (
    "f87aa00000000000000000000000000000000000000000000000000000000000000000f854"
    "9444add0ec310f115a0e603b2d7db9f067778eaf8a94294fc7e8f22b3bcdcf955dd7ff3ba2ed833f8212"
    "946beaaed781d2d2ab6350f5c4566a2c6eaac407a6948be76812f765c24641ec63dc2852b378aba2b440c080c0"
)


def addresses(texts):
    return [bytes.fromhex(text) for text in texts]


def sorted_form(text: str, validators: list[str]) -> str:
    """The same extra data with the validators sorted, as ours always are; both examples leave theirs as they came."""
    for place, address in enumerate(sorted(validators)):
        start = 2 * (2 + 33 + 2) + 42 * place + 2
        text = text[:start] + address + text[start + 40 :]
    return text


@pytest.mark.parametrize(
    ("validators", "published"),
    [(BESU_VALIDATORS, BESU_EXTRA_DATA), (GOQUORUM_VALIDATORS, GOQUORUM_EXTRA_DATA)],
    ids=["Besu", "GoQuorum"],
)
def test_extra_data_is_what_other_programs_publish(validators, published):
    # byte for byte, in their order of validators
    assert ExtraData(bytes(32), tuple(addresses(validators))).encode().hex() == published
    assert ExtraData.parse(bytes.fromhex(published)).validators == tuple(addresses(validators))
    assert make_extra_data(addresses(validators)).hex() == sorted_form(published, validators)


def test_extra_data_is_the_same_in_whatever_order_validators_are_named():
    validators = addresses(BESU_VALIDATORS)
    assert make_extra_data(validators) == make_extra_data(validators[::-1])


@pytest.mark.parametrize("count", [0, 1, 3, MAX_VALIDATORS + 1])
def test_network_of_too_few_or_too_many_validators_is_refused(count):
    with pytest.raises(ConfigurationError, match="validators"):
        make_extra_data([number.to_bytes(20) for number in range(1, count + 1)])
    make_extra_data([number.to_bytes(20) for number in range(1, 5)])
    make_extra_data([number.to_bytes(20) for number in range(1, MAX_VALIDATORS + 1)])


def test_validator_named_twice_is_refused():
    with pytest.raises(ConfigurationError, match="twice"):
        make_extra_data([*addresses(BESU_VALIDATORS), addresses(BESU_VALIDATORS)[0]])


def test_genesis_takes_no_fees_and_nothing_is_given_to_anybody():
    made = make_genesis(20261127, addresses(BESU_VALIDATORS))
    assert made["config"]["zeroBaseFee"] is True
    assert (made["config"]["chainId"], made["config"]["londonBlock"], made["alloc"]) == (20261127, 0, {})
    assert bytes.fromhex(made["extraData"][2:]) == make_extra_data(addresses(BESU_VALIDATORS))


@pytest.mark.parametrize("chain_id", [0, -1, 2**53])
def test_chain_number_out_of_bounds_is_refused(chain_id):
    with pytest.raises(ConfigurationError, match="chain number"):
        make_genesis(chain_id, addresses(BESU_VALIDATORS))


def test_node_key_has_the_address_that_another_library_derives():
    file, identity = new_node_key()
    other = keys.PrivateKey(bytes.fromhex(file.decode()))
    assert identity.public_key == other.public_key.to_bytes()
    assert identity.address == other.public_key.to_canonical_address()
    assert NodeIdentity.parse(other.public_key.to_hex()) == identity


@pytest.mark.parametrize("text", ["", "00" * 64, "ab" * 63, "ff" * 64, "xyz", "enode://" + "00" * 64 + "@host"])
def test_public_key_that_is_none_is_refused(text):
    with pytest.raises(ConfigurationError):
        NodeIdentity.parse(text)


def test_new_key_is_for_its_owner_only_and_never_overwritten(tmp_path, capsys):
    path = tmp_path / "node.key"
    assert main(["new-key", str(path)]) == 0
    key, shown = path.read_text(), capsys.readouterr().out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(bytes.fromhex(key)) == 32
    assert key not in shown
    assert main(["new-key", str(path)]) == 1
    assert path.read_text() == key
    assert "is there already" in capsys.readouterr().err


def test_make_prints_the_genesis_of_the_public_keys_and_refuses_three(capsys):
    identities = [new_node_key()[1] for _ in range(4)]
    public = [each.public_key.hex() for each in identities]
    assert main(["make", "--chain-id", "7", *public]) == 0
    assert json.loads(capsys.readouterr().out) == make_genesis(7, [each.address for each in identities])
    assert main(["make", "--chain-id", "7", *public[:3]]) == 1
    assert "4 to 256 validators" in capsys.readouterr().err


def test_static_nodes_are_enode_urls_and_need_a_place(capsys):
    _, identity = new_node_key()
    public = identity.public_key.hex()
    assert main(["static-nodes", f"{public}@172.28.20.11:30303"]) == 0
    assert json.loads(capsys.readouterr().out) == [f"enode://{public}@172.28.20.11:30303"]
    assert main(["static-nodes", public]) == 1
