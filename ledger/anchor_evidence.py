# SPDX-License-Identifier: EUPL-1.2
"""The JSON form of an anchor's proof: as the ledger keeps and publishes it, and as evidence files carry it.

Hashes and addresses are hexadecimal as chains write them; longer bytes are base64url. What it proves is for
`ledger.chain.evidence` to say; this only reads and writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.chain.interface import AnchorEvidence, Chain, Receipt
from ledger.trust import format_hex, parse_hex
from protocol.encoding import JSON, b64url_decode, b64url_encode, compact_json, find_member, get_member
from protocol.errors import RequestError, UnavailableError

CODE = "invalid_anchor"
_HASH_BYTES = 32


@dataclass(frozen=True)
class AnchorProof:
    """An anchor's place on a chain, and what proves it offline. Unverified."""

    contract: str
    evidence: AnchorEvidence

    @classmethod
    def parse(cls, value: JSON) -> AnchorProof:
        """Return the proof of its JSON object. Raises `RequestError` (`invalid_anchor`)."""
        if not isinstance(value, dict):
            raise RequestError(CODE, "expected an anchor to be an object")
        nodes = get_member(value, "receipt_proof", list, code=CODE)
        return cls(
            contract=get_member(value, "contract", str, code=CODE),
            evidence=AnchorEvidence(
                chain_id=get_member(value, "chain_id", int, code=CODE),
                transaction_hash=parse_hex(value.get("transaction"), length=_HASH_BYTES, code=CODE),
                transaction_index=get_member(value, "transaction_index", int, code=CODE),
                block_number=get_member(value, "block_number", int, code=CODE),
                block_hash=parse_hex(value.get("block_hash"), length=_HASH_BYTES, code=CODE),
                log_index=find_member(value, "log_index", int, code=CODE),
                header_rlp=_bytes(value, "header_rlp"),
                receipt_rlp=_bytes(value, "receipt_rlp"),
                receipt_proof=tuple(_decode(each) for each in nodes),
            ),
        )

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON object."""
        proof = self.evidence
        members: dict[str, JSON] = {
            "chain_id": proof.chain_id,
            "contract": self.contract,
            "transaction": format_hex(proof.transaction_hash),
            "transaction_index": proof.transaction_index,
            "block_number": proof.block_number,
            "block_hash": format_hex(proof.block_hash),
            "header_rlp": b64url_encode(proof.header_rlp),
            "receipt_rlp": b64url_encode(proof.receipt_rlp),
            "receipt_proof": [b64url_encode(node) for node in proof.receipt_proof],
        }
        if proof.log_index is not None:
            members["log_index"] = proof.log_index
        return members


def evidence_text(chain: Chain, transaction_hash: bytes, receipt: Receipt) -> str:
    """Return what proves a transaction's block, as JSON text, ready to be kept.

    Raises `UnavailableError` when the chain changed its mind about the block meanwhile.
    """
    proof = chain.receipt_evidence(transaction_hash)
    if proof.block_hash != receipt.block_hash:
        raise UnavailableError("chain_inconsistent", "the transaction moved to another block meanwhile")
    return compact_json(AnchorProof(chain.contract or "", proof).to_json()).decode()


def _bytes(members: Mapping[str, JSON], name: str) -> bytes:
    return _decode(members.get(name))


def _decode(value: JSON) -> bytes:
    if not isinstance(value, str):
        raise RequestError(CODE, "expected base64url text")
    return b64url_decode(value)
