# SPDX-License-Identifier: EUPL-1.2
"""`LogOwner` over web3.py: the owner of consent ledgers that does what a trust registry says."""

from __future__ import annotations

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from web3 import Web3

from contracts.artifact import load_artifact
from ledger.chain.interface import SealerKey
from ledger.chain.registry import send

# twice what they take (tests/unit/ledger/chain/test_log_owner.py)
DEPLOY_GAS = 2_000_000
REGISTER_GAS = 500_000
_ARTIFACT = load_artifact("LogOwner")
_REGISTER = ("address", "bytes32", "address", "bytes32")


def deploy_log_owner(web3: Web3, signer: SealerKey, *, registry: str) -> str:
    """Deploy an owner that this registry decides for, wait for its block, and return its address."""
    data = _ARTIFACT.bytecode + encode(["address"], [registry])
    return str(send(web3, signer, to=None, data=data, gas=DEPLOY_GAS)["contractAddress"])


def register_log(
    web3: Web3, signer: SealerKey, *, owner: str, ledger: str, log_id: bytes, sealer: str, administration: bytes
) -> None:
    """Have the owner register a log that the registry grants, and wait for the block. Anybody may sign.

    Raises `RequestError` (`transaction_refused`) when the registry does not grant it.
    """
    selector: bytes = keccak(text=f"registerLog({','.join(_REGISTER)})")[:4]
    data = selector + encode(_REGISTER, [ledger, log_id, sealer, administration])
    send(web3, signer, to=owner, data=data, gas=REGISTER_GAS)
