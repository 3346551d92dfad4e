# SPDX-License-Identifier: EUPL-1.2
"""The smallest genuine proof of an anchor: one transaction in one sealed block, encoded by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import rlp
from cryptography.hazmat.primitives.asymmetric import ec
from eth_utils.crypto import keccak

from ledger.anchor_evidence import AnchorProof
from ledger.chain.evidence import ANCHORED_TOPIC
from ledger.chain.interface import AnchorEvidence, Mode
from ledger.chain.qbft import ISTANBUL_MIX_HASH, ExtraData, block_hash, commit_hash
from ledger.chain.sealer import FileSealKey

SEAL_KEYS = tuple(FileSealKey._wrap(ec.derive_private_key(number, ec.SECP256K1())) for number in (11, 12, 13, 14))
VALIDATORS = tuple(key.address for key in SEAL_KEYS)


def prove_anchor(
    *,
    contract: str,
    log_id: bytes,
    prev_size: int,
    size: int,
    prev_root: bytes,
    root: bytes,
    chain_id: int,
    block_number: int = 1,
    timestamp: int = 1_800_000_000,
    validators: Sequence[FileSealKey] = SEAL_KEYS,
    seals: Sequence[FileSealKey] = SEAL_KEYS[:3],
    mode: Mode = Mode.CALLDATA,
) -> AnchorProof:
    """Return what `Chain.receipt_evidence` would give for this anchor, alone in its block.

    The block names these validators, and those in `seals` sealed it.
    """
    data = prev_size.to_bytes(32) + prev_root + root + mode.to_bytes(32)
    event = [bytes.fromhex(contract[2:]), [ANCHORED_TOPIC, log_id, size.to_bytes(32)], data]
    receipt = b"\x02" + rlp.encode([b"\x01", b"\x52\x08", bytes(256), [event]])
    # the key is rlp(0) = 0x80; a leaf with an even path has the prefix 0x20
    node = rlp.encode([b"\x20\x80", receipt])
    header = [bytes(32)] * 15
    header[5] = keccak(node)
    header[8] = block_number.to_bytes((block_number.bit_length() + 7) // 8)
    header[11] = timestamp.to_bytes((timestamp.bit_length() + 7) // 8)
    header[13] = ISTANBUL_MIX_HASH
    encoded = _seal(header, ExtraData(bytes(32), tuple(key.validator for key in validators)), seals)
    evidence = AnchorEvidence(
        chain_id=chain_id,
        transaction_hash=keccak(receipt),
        transaction_index=0,
        block_number=block_number,
        block_hash=block_hash(encoded),
        log_index=0,
        header_rlp=encoded,
        receipt_rlp=receipt,
        receipt_proof=(node,),
    )
    return AnchorProof(contract, evidence)


def _seal(header: list[bytes], extra: ExtraData, keys: Sequence[FileSealKey]) -> bytes:
    header[12] = extra.encode()
    digest = commit_hash(rlp.encode(header))
    header[12] = replace(extra, seals=tuple(key.seal(digest) for key in keys)).encode()
    return bytes(rlp.encode(header))
