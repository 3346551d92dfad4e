# SPDX-License-Identifier: EUPL-1.2
"""`TrustRegistry` over web3.py: its events, paged and compared with its state; and the calls that change it.

- What is read ends at a block that the chain calls final, and is compared with what the contract holds at that
  block: a node that leaves out or changes an event is noticed, one that is behind shows an older whole history.
- Reading goes on from an earlier place, so each block is asked for once; and the block of that place must still be
  on the chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import encode
from eth_utils.address import is_checksum_address, to_checksum_address
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import ContractLogicError

from contracts.artifact import load_artifact
from ledger.chain.blocks import has_base_fee, newest_final, zero_fees
from ledger.chain.interface import SealerKey
from ledger.chain.provider import answers
from ledger.chain.registry_codec import (
    MEMBERS_CHANGED_TOPIC,
    NEWEST_CALL,
    RECORDED_TOPIC,
    encode_approvals,
    encode_change_id,
    encode_changes,
    encode_members,
    members_id,
    read_newest,
    read_registry_event,
)
from ledger.chain.registry_refusals import explain
from ledger.chain.web3_chain import BLOCKS_PER_QUERY, POLL_SECONDS, WAIT_SECONDS
from ledger.registry import News, Place
from ledger.registry_events import MAX_CHANGES, Change, RegistryEvent, find_break, first_hash
from protocol.errors import Check, ConfigurationError, RequestError, UnavailableError, VerificationError

# A change with the longest details takes 300,000 (contracts/README.md); the contract itself 2,100,000.
CHANGE_GAS = 600_000
# A new member takes two slots when they take over.
MEMBER_GAS = 100_000
DEPLOY_GAS = 4_000_000
_ARTIFACT = load_artifact("TrustRegistry")


class Web3Registry:
    """One `TrustRegistry` behind one node. Raises `UnavailableError` when the node gives no usable answer."""

    def __init__(self, web3: Web3, *, contract: str) -> None:
        if not is_checksum_address(contract):
            raise ConfigurationError("configuration_error", "expected a checksummed contract address")
        self._web3 = web3
        self._address = to_checksum_address(contract)

    @property
    def contract(self) -> str:
        """The registry's address."""
        return str(self._address)

    def check(self, *, expected_chain_id: int) -> None:
        """Return when the node answers, is on this chain and has the contract's code.

        Raises `ConfigurationError` when chain or code are wrong.
        """
        with answers():
            found = int(self._web3.eth.chain_id)
            code = bytes(self._web3.eth.get_code(self._address))
        if found != expected_chain_id:
            raise ConfigurationError("wrong_chain", f"expected chain {expected_chain_id}, the node is on {found}")
        if code != _ARTIFACT.deployed_bytecode:
            raise ConfigurationError("wrong_contract", f"no TrustRegistry of this version at {self._address}")

    def read(self, after: Place | None) -> News:
        """Return what was recorded after this place (None: everything), up to the newest final block.

        Raises `VerificationError` (`registry_history`) when events and state do not fit each other, or the earlier
        place is not on this chain.
        """
        with answers():
            chain_id = int(self._web3.eth.chain_id)
        number, block_hash, time = self._final_block()
        first = 0 if after is None else self._continue(after, chain_id, number)
        events = tuple(
            event for start in range(first, number + 1, BLOCKS_PER_QUERY) for event in self._page(start, number)
        )
        with answers():
            call: Any = {
                "to": self._address,
                "data": HexBytes(NEWEST_CALL),
            }  # web3's type has optional members only
            sequence, running_hash = read_newest(bytes(self._web3.eth.call(call, number)))
        place = Place(chain_id, self.contract, number, block_hash, time, sequence, running_hash)
        before = first_hash(chain_id, self.contract) if after is None else after.running_hash
        known = 0 if after is None else after.sequence
        newest = events[-1].running_hash if events else before
        if find_break(before, events, first=known + 1) or (known + len(events), newest) != (
            sequence,
            running_hash,
        ):
            raise _wrong("the node's events are not those of the registry's state")
        return News(events, place)

    def approve(self, member: SealerKey, *changes: Change) -> int:
        """Approve as this member, all or none; wait for the block, and return the gas used."""
        return self._send("approve", member, changes)

    def accept(self, account: SealerKey, *changes: Change) -> int:
        """Accept as the administration, all or none; wait for the block, and return the gas used."""
        return self._send("accept", account, changes)

    def approvals(self, change: Change) -> int:
        """Return how many of the present members approved this change as it would take effect now."""
        return int.from_bytes(self._ask(encode_approvals(self._ask(encode_change_id(change)))))

    def approve_members(self, member: SealerKey, members: Sequence[str], threshold: int) -> int:
        """Approve other members as a present one; wait for the block, and return the gas used."""
        return self._send_members("approveMembers", member, members, threshold)

    def accept_members(self, member: SealerKey, members: Sequence[str], threshold: int) -> int:
        """Accept as one of these members; wait for the block, and return the gas used."""
        return self._send_members("acceptMembers", member, members, threshold)

    def approvals_of_members(self, members: Sequence[str], threshold: int) -> int:
        """Return how many of the present members approved these."""
        return int.from_bytes(self._ask(encode_approvals(members_id(members, threshold))))

    def newest_sequence(self) -> int:
        """Return the newest event's number, in the latest block."""
        return read_newest(self._ask(NEWEST_CALL))[0]

    def _send_members(self, name: str, signer: SealerKey, members: Sequence[str], threshold: int) -> int:
        return self._send_call(signer, encode_members(name, members, threshold), MEMBER_GAS * (2 + len(members)))

    def _ask(self, data: bytes) -> bytes:
        call: Any = {"to": self._address, "data": HexBytes(data)}  # web3's type has optional members only
        with answers():
            return bytes(self._web3.eth.call(call, "latest"))

    def _send(self, name: str, signer: SealerKey, changes: Sequence[Change]) -> int:
        if len(changes) > MAX_CHANGES:
            raise RequestError("invalid_request", f"expected at most {MAX_CHANGES} changes, got {len(changes)}")
        return self._send_call(signer, encode_changes(name, *changes), CHANGE_GAS * len(changes))

    def _send_call(self, signer: SealerKey, data: bytes, gas: int) -> int:
        check_call(self._web3, signer, contract="TrustRegistry", to=self.contract, data=data, gas=gas)
        return int(send(self._web3, signer, to=self.contract, data=data, gas=gas)["gasUsed"])

    def _final_block(self) -> tuple[int, bytes, int]:
        final = newest_final(self._web3)
        return int(final["number"]), bytes(final["hash"]), int(final["timestamp"])

    def _continue(self, after: Place, chain_id: int, newest: int) -> int:
        """Return the block after the place, which must be this registry's and on this chain."""
        if (after.chain_id, after.contract) != (chain_id, self.contract):
            raise _wrong("the earlier place is another registry's")
        if newest < after.block_number:
            raise UnavailableError("temporarily_unavailable", "the chain's node is behind what was read before")
        with answers():
            here = self._web3.eth.get_block(after.block_number)
        if bytes(here["hash"]) != after.block_hash:
            raise _wrong("the block that was read before is not on the chain")
        return after.block_number + 1

    def _page(self, start: int, newest: int) -> list[RegistryEvent]:
        wanted: Any = {  # web3's filter is a TypedDict with optional members only
            "fromBlock": start,
            "toBlock": min(start + BLOCKS_PER_QUERY - 1, newest),
            "address": self._address,
            "topics": [[HexBytes(RECORDED_TOPIC), HexBytes(MEMBERS_CHANGED_TOPIC)]],
        }
        with answers():
            entries = self._web3.eth.get_logs(wanted)
            found = [read_registry_event([bytes(t) for t in e["topics"]], bytes(e["data"])) for e in entries]
        return [event for event in found if event is not None]


def deploy_registry(web3: Web3, signer: SealerKey, *, members: Sequence[str], threshold: int) -> Web3Registry:
    """Deploy a registry with these first members, wait for its block, and return it."""
    ordered = sorted(members, key=lambda each: int(each, 16))
    data = _ARTIFACT.bytecode + encode(["address[]", "uint256"], [ordered, threshold])
    receipt = send(web3, signer, to=None, data=data, gas=DEPLOY_GAS)
    return Web3Registry(web3, contract=str(receipt["contractAddress"]))


def check_call(web3: Web3, signer: SealerKey, *, contract: str, to: str, data: bytes, gas: int) -> None:
    """Ask the node what a call would do: only so does it say why not, and a refused one costs no block.

    Raises `RequestError` (`transaction_refused`) in the words of this contract's errors.
    """
    call: Any = {"from": signer.address, "to": to, "data": HexBytes(data), "gas": gas}
    with answers():
        try:
            web3.eth.call(call, "latest")
        except ContractLogicError as exc:
            reason = explain(bytes(HexBytes(exc.data)) if isinstance(exc.data, str) else b"", contract=contract)
            raise RequestError("transaction_refused", reason) from exc


def send(web3: Web3, signer: SealerKey, *, to: str | None, data: bytes, gas: int) -> Any:
    """Send a transaction with the next nonce and return its receipt, an untyped one of web3's.

    Raises `RequestError` (`transaction_refused`) when the contract refuses it.
    """
    fees = {**zero_fees(is_london=has_base_fee(web3)), "value": 0}
    target = {} if to is None else {"to": to}
    with answers():
        nonce = int(web3.eth.get_transaction_count(web3.to_checksum_address(signer.address), "latest"))
        given = {"chainId": int(web3.eth.chain_id), "nonce": nonce, "gas": gas, "data": HexBytes(data).to_0x_hex()}
        signed = signer.sign_transaction({**given, **fees, **target})
        web3.eth.send_raw_transaction(HexBytes(signed.raw))
        receipt = web3.eth.wait_for_transaction_receipt(HexBytes(signed.hash), WAIT_SECONDS, POLL_SECONDS)
    if receipt["status"] != 1:
        raise RequestError("transaction_refused", "the contract refused the transaction")
    return receipt


def _wrong(message: str) -> VerificationError:
    return VerificationError(Check.ISSUER, message, code="registry_history")
