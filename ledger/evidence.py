# SPDX-License-Identifier: EUPL-1.2
"""Evidence files: everything about a share that a third party needs to check it offline.

A file holds the record of the share and, when there are any, those that answer it. It holds no document and no
claim value. Reading one promises nothing; `ledger.audit` checks it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ledger.merkle import HASH_BYTES
from protocol.encoding import JSON, b64url_decode, b64url_encode, find_member, get_member, parse_object
from protocol.errors import RequestError

SCHEMA = "testimoni/evidence/1"
CODE = "invalid_evidence"
# A share, its withdrawal and the answers to it; room for a folder of them.
MAX_RECORDS = 64
# The audit path in a tree of 2^64 leaves.
MAX_PROOF_HASHES = 64


@dataclass(frozen=True)
class InclusionEvidence:
    """Where the entry is in the tree of one size."""

    leaf_index: int
    tree_size: int
    proof: tuple[bytes, ...]

    @classmethod
    def parse(cls, members: dict[str, JSON]) -> InclusionEvidence:
        """Return the place of its JSON members."""
        hashes = get_member(members, "proof", list, code=CODE)
        if len(hashes) > MAX_PROOF_HASHES:
            raise RequestError(CODE, "inclusion proof is too long")
        return cls(
            leaf_index=get_member(members, "leaf_index", int, code=CODE),
            tree_size=get_member(members, "tree_size", int, code=CODE),
            proof=tuple(_bytes(each, length=HASH_BYTES) for each in hashes),
        )

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON members."""
        return {
            "leaf_index": self.leaf_index,
            "tree_size": self.tree_size,
            "proof": [b64url_encode(each) for each in self.proof],
        }


@dataclass(frozen=True)
class EvidenceRecord:
    """One record with all that vouches for it. Only record, key and promise are always there.

    `signature` is the consent key's under a share or a withdrawal, the office's under an answer or a query.
    `anchor` is the JSON object that `GET /log/v1/anchors/SIZE` gives as `proof`.
    """

    record: bytes
    key: bytes = field(repr=False)
    promise: str = field(repr=False)
    signature: str | None = field(default=None, repr=False)
    acceptance: str | None = field(default=None, repr=False)
    bindings: tuple[str, ...] = field(default=(), repr=False)
    inclusion: InclusionEvidence | None = None
    checkpoint: str | None = None
    anchor: dict[str, JSON] | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, value: JSON) -> EvidenceRecord:
        """Return the record of its JSON object. Raises `RequestError` (`invalid_evidence`)."""
        if not isinstance(value, dict):
            raise RequestError(CODE, "expected a record to be an object")
        inclusion = find_member(value, "inclusion", dict, code=CODE)
        return cls(
            record=_bytes(value.get("record")),
            key=_bytes(value.get("key")),
            promise=get_member(value, "promise", str, code=CODE),
            signature=find_member(value, "signature", str, code=CODE),
            acceptance=find_member(value, "acceptance", str, code=CODE),
            bindings=tuple(str(each) for each in find_member(value, "bindings", list, code=CODE) or ()),
            inclusion=None if inclusion is None else InclusionEvidence.parse(inclusion),
            checkpoint=find_member(value, "checkpoint", str, code=CODE),
            anchor=find_member(value, "anchor", dict, code=CODE),
        )

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON object, present members only."""
        members: dict[str, JSON] = {
            "record": b64url_encode(self.record),
            "key": b64url_encode(self.key),
            "promise": self.promise,
        }
        optional: dict[str, JSON] = {
            "signature": self.signature,
            "acceptance": self.acceptance,
            "bindings": list(self.bindings) or None,
            "inclusion": None if self.inclusion is None else self.inclusion.to_json(),
            "checkpoint": self.checkpoint,
            "anchor": self.anchor,
        }
        return members | {name: value for name, value in optional.items() if value is not None}


@dataclass(frozen=True)
class Evidence:
    """A whole evidence file."""

    records: tuple[EvidenceRecord, ...]

    @classmethod
    def parse(cls, data: bytes) -> Evidence:
        """Return the evidence of a file's bytes. Raises `RequestError` (`invalid_evidence`)."""
        try:
            return cls._parse(parse_object(data))
        except RequestError as exc:
            # whatever in it has another form
            raise RequestError(CODE, exc.message) from exc

    @classmethod
    def _parse(cls, members: dict[str, JSON]) -> Evidence:
        if members.get("schema") != SCHEMA:
            raise RequestError(CODE, f"expected schema {SCHEMA}")
        records = get_member(members, "records", list, code=CODE)
        if not 0 < len(records) <= MAX_RECORDS:
            raise RequestError(CODE, f"expected 1 to {MAX_RECORDS} records, got {len(records)}")
        return cls(tuple(EvidenceRecord.parse(each) for each in records))

    def to_json(self) -> dict[str, JSON]:
        """Return the file's JSON object."""
        return {"schema": SCHEMA, "records": [record.to_json() for record in self.records]}


def _bytes(value: JSON, *, length: int | None = None) -> bytes:
    if isinstance(value, str):
        raw = b64url_decode(value)
        if length in {None, len(raw)}:
            return raw
    raise RequestError(CODE, "expected base64url text")
