# SPDX-License-Identifier: EUPL-1.2
"""Writes `tests/vectors/network/`: headers of a QBFT network of four validators (`python -m tests.network.make_vectors`).

An ordinary block, one that took more than one round because a validator was down, and one with a vote each for
another validator and against one of the four.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.chain.provider import connect
from ledger.chain.qbft import ExtraData
from ledger.chain.rpc_encoding import encode_header
from tests.network.validators import CHAIN_ID, Network, wait_for

TARGET = Path(__file__).parents[1] / "vectors" / "network" / "goquorum-22.7.4.json"
CANDIDATE = "0x" + "c0" * 20
# enough to try all proposers in turn several times
MAX_BLOCKS = 60


def find(network: Network, wanted: Callable[[ExtraData], bool]) -> dict[str, Any]:
    """Wait for a block whose extra data is wanted; return its vector."""
    web3 = connect(network.regular.url)
    first = network.regular.height()
    for number in range(first, first + MAX_BLOCKS):
        wait_for(f"block {number}", lambda number=number: network.regular.height() >= number)
        block = web3.eth.get_block(number)
        extra = ExtraData.parse(bytes(block["proofOfAuthorityData"]))
        if wanted(extra):
            header = encode_header(block)
            return {
                "number": number,
                "hash": block["hash"].to_0x_hex(),
                "header": "0x" + header.hex(),
                "round": extra.round,
            }
    raise RuntimeError("no such block came")


def vote(network: Network, candidate: str, *, is_for: bool) -> dict[str, Any]:
    network.validators[0].call("istanbul_propose", candidate, is_for)
    found = find(network, lambda extra: extra.vote[:1] == (bytes.fromhex(candidate[2:]),))
    network.validators[0].call("istanbul_discard", candidate)
    return found


def make(folder: Path) -> dict[str, Any]:
    network = Network(folder)
    try:
        network.start()
        blocks = [
            {"what": "an ordinary block", **find(network, lambda extra: extra.round == 0 and not extra.vote)}
        ]
        blocks.append({"what": "a vote for another validator", **vote(network, CANDIDATE, is_for=True)})
        leaving = network.addresses[1]
        blocks.append({"what": "a vote against a validator", **vote(network, leaving, is_for=False)})
        network.validators[3].kill()
        blocks.append({"what": "sealed in a later round", **find(network, lambda extra: extra.round > 0)})
    finally:
        network.kill_all()
    return {"chain_id": CHAIN_ID, "validators": network.addresses, "blocks": blocks}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        found = make(Path(temporary))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(found, indent=2) + "\n")
    sys.exit(0)
