# SPDX-License-Identifier: EUPL-1.2
"""Blocks as a node gives them: their headers, which of them are final, and the fees of their chain."""

from __future__ import annotations

from typing import Any

from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import BlockNotFound, Web3RPCError
from web3.types import RPCEndpoint

from ledger.chain.evidence import header_hash, read_header
from ledger.chain.provider import answers
from ledger.chain.qbft import ExtraData, verify_seals
from ledger.chain.rpc_encoding import encode_header
from protocol.errors import UnavailableError, VerificationError

# go-ethereum's and Besu's name; asked only when a header has fields that we do not know
RAW_HEADER = "debug_getRawHeader"


def find_header(web3: Web3, block: Any, *, expected_hash: bytes) -> bytes | None:
    """Return the header of this hash, from a block as web3 gives it; None when the node cannot give it."""
    header = encode_header(block)
    if _is_header(header, expected_hash):
        return header
    # a fork that we do not know added fields; some nodes give the bytes
    with answers():
        answer = web3.provider.make_request(RPCEndpoint(RAW_HEADER), [hex(block["number"])])
        header = bytes(HexBytes(answer.get("result") or "0x"))
    return header if _is_header(header, expected_hash) else None


def _is_header(header: bytes, expected_hash: bytes) -> bool:
    try:
        return header_hash(header) == expected_hash
    except VerificationError:
        return False


def is_sealed(header: bytes | None) -> bool:
    """Return whether two thirds of the validators that a block itself names sealed it.

    That they are the right validators is the node's word; the audit compares them with a trust file.
    """
    if header is None:
        return False
    try:
        named = ExtraData.parse(read_header(header).extra_data).validators
        verify_seals(header, expected_validators=named)
    except VerificationError:
        return False
    return True


def is_final(web3: Web3, block: Any) -> bool:
    """Return whether a block that the node shows is final: by its word or, where it has none, by the seals."""
    try:
        return int(block["number"]) <= int(web3.eth.get_block("finalized")["number"])
    except (BlockNotFound, Web3RPCError):  # nodes of QBFT networks know no such tag
        return is_sealed(find_header(web3, block, expected_hash=bytes(block["hash"])))


def newest_final(web3: Web3) -> Any:
    """Return the newest final block. Raises `UnavailableError` when the node shows none."""
    with answers():
        try:
            return web3.eth.get_block("finalized")
        except (BlockNotFound, Web3RPCError):
            newest = web3.eth.get_block("latest")
        if not is_sealed(find_header(web3, newest, expected_hash=bytes(newest["hash"]))):
            raise UnavailableError("temporarily_unavailable", "the chain's node shows no final block")
    return newest


def has_base_fee(web3: Web3) -> bool:
    """Return whether the chain knows base fees, so transactions of EIP-1559 too; it never forgets them."""
    with answers():
        return "baseFeePerGas" in web3.eth.get_block("latest")


def zero_fees(*, is_london: bool) -> dict[str, int]:
    """Return the members of a transaction that pays nothing."""
    return {"type": 2, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0} if is_london else {"gasPrice": 0}
