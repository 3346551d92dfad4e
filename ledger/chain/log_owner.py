# SPDX-License-Identifier: EUPL-1.2
"""`LogOwner` over web3.py: the owner of consent ledgers that does what a trust registry says."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import ContractLogicError

from contracts.artifact import load_artifact
from ledger.chain.interface import SealerKey
from ledger.chain.provider import answers
from ledger.chain.registry import check_call, send
from protocol.errors import ConfigurationError

# twice what they take (tests/unit/ledger/chain/test_log_owner.py)
DEPLOY_GAS = 2_000_000
REGISTER_GAS = 500_000
_ARTIFACT = load_artifact("LogOwner")
_ADDRESS_BYTES = 20
_REGISTRY_CALL: bytes = keccak(text="registry()")[:4]
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
    check_call(web3, signer, contract="LogOwner", to=owner, data=data, gas=REGISTER_GAS)
    send(web3, signer, to=owner, data=data, gas=REGISTER_GAS)


def check_log_owner(web3: Web3, owner: str) -> str:
    """Return the registry that decides for this owner. Raises `ConfigurationError` unless it is a `LogOwner`."""
    call: Any = {"to": owner, "data": HexBytes(_REGISTRY_CALL)}  # web3's type has optional members only
    with answers():
        code = bytes(web3.eth.get_code(to_checksum_address(owner)))
        try:
            registry = bytes(web3.eth.call(call, "latest"))[-_ADDRESS_BYTES:]
        except ContractLogicError:
            registry = b""
    # the code is the artefact's, with the registry, which never changes, written into it
    is_owner = len(registry) == _ADDRESS_BYTES
    if not is_owner or code.replace(registry, bytes(_ADDRESS_BYTES)) != _ARTIFACT.deployed_bytecode:
        raise ConfigurationError("wrong_contract", f"no LogOwner of this version at {owner}")
    return str(to_checksum_address(registry))
