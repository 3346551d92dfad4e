# SPDX-License-Identifier: EUPL-1.2
"""What a log was caught at, as a file that anybody can check offline with a trust file (`testimoni/violation/1`).

- *Fork*: two heads that the log signed, and a proof that the larger tree has another root where the smaller ends.
  It covers two roots for one size, and a history rewritten later.
- *Anchor*: a head that the log signed, and a block in which the contract holds another root for that history.
  Anybody can make up a block, so it convicts only under the seals of the validators that the trust file names.
- *Promise*: the log's promise, a head that it signed, and all leaves under that head, without the promised entry.
  Whether that head was the newest after the promise was due, nobody can prove: a witness signs again, and dates
  anew, whatever old head it is handed while it has seen no larger one. So the log convicts itself, when it is read
  again at its own address and lacks the entry still; the file alone could not tell (docs/adr/0007, 0013).

A file that does not hold proves nothing against the log: the finding is "could not tell".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from ledger import checkpoint as checkpoints
from ledger import merkle
from ledger import promise as promises
from ledger.commitment import COMMITMENT_BYTES, Commitment, parse_commitment
from ledger.cosignature import find_cosignatures
from ledger.findings import Finding, Level, Outcome, could_not_tell, holds, violated
from ledger.merkle import HASH_BYTES
from ledger.promise import Promise
from ledger.trust import AuditedLog, TrustFile
from protocol import jws
from protocol.clock import epoch_seconds, from_epoch
from protocol.encoding import JSON, b64url_decode, b64url_encode, compact_json, get_member, parse_object, sha256
from protocol.errors import Check, Error, RequestError, VerificationError

SCHEMA = "testimoni/violation/1"
CODE = "invalid_violation"
# A consistency proof between trees of up to 2^64 leaves.
MAX_PROOF_HASHES = 65
# Leaves of more than a year of a million shares, in base64url.
MAX_LEAVES = 1 << 20
MAX_FILE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Fork:
    """Two heads of one log of which at most one can be true; `first` is not the larger."""

    log: str
    observed_at: datetime
    first: str
    second: str
    root: bytes
    """The root that the second tree has at the first's size."""
    proof: tuple[bytes, ...] = field(repr=False)

    level = Level.APPEND_ONLY
    kind = "fork"

    def members(self) -> dict[str, JSON]:
        """Return what is particular to this kind."""
        hashes = [b64url_encode(each) for each in self.proof]
        return {
            "first": self.first,
            "second": self.second,
            "root": b64url_encode(self.root),
            "proof": list(hashes),
        }

    def judge(self, log: AuditedLog, trust: TrustFile, *, now: datetime, shown: Shown | None) -> Finding:
        """Return the finding about the log. Raises `Error` when the file proves nothing."""
        del trust, now, shown
        first = checkpoints.verify(self.first, log.checkpoint_key)
        second = checkpoints.verify(self.second, log.checkpoint_key)
        merkle.verify_consistency(
            first=first.size,
            second=second.size,
            first_root=self.root,
            expected_root=second.root,
            proof=self.proof,
        )
        if self.root == first.root:
            return holds(self.level, f"the heads of {first.size} and {second.size} leaves fit together")
        detail = f"the log signed two histories: they differ within the first {first.size} leaves"
        return violated(self.level, detail)


@dataclass(frozen=True)
class AnchorContradiction:
    """A head of a log that contradicts what the contract holds about it."""

    log: str
    observed_at: datetime
    note: str
    root: bytes
    """The root that the signed tree has at the anchored size."""
    proof: tuple[bytes, ...] = field(repr=False)
    anchor: str = field(repr=False)
    """The proof of the block, as JSON text."""

    level = Level.ANCHORED
    kind = "anchor"

    def members(self) -> dict[str, JSON]:
        """Return what is particular to this kind."""
        return {
            "note": self.note,
            "root": b64url_encode(self.root),
            "proof": [b64url_encode(each) for each in self.proof],
            "anchor": parse_object(self.anchor),
        }

    def judge(self, log: AuditedLog, trust: TrustFile, *, now: datetime, shown: Shown | None) -> Finding:
        """Return the finding about the log. Raises `Error` when the file proves nothing."""
        del trust, now, shown
        from eth_utils.address import to_checksum_address  # noqa: PLC0415 - most files need no chain

        from ledger.anchor_evidence import AnchorProof  # noqa: PLC0415 - the same
        from ledger.chain.evidence import verify_anchor  # noqa: PLC0415 - the same
        from ledger.finality import AnchoredBlock, check_finality  # noqa: PLC0415 - the same

        if log.chain is None:
            raise RequestError(CODE, "the trust file names no chain for this log")
        head = checkpoints.verify(self.note, log.checkpoint_key)
        proof = AnchorProof.parse(parse_object(self.anchor))
        if proof.evidence.chain_id != log.chain.chain_id:
            raise RequestError(CODE, "the anchor is on another chain than the trusted one")
        contract = to_checksum_address(log.chain.contract)
        verified = verify_anchor(proof.evidence, expected_contract=contract, expected_log_id=log.chain.log_id)
        anchored, block = verified.anchored, verified.block
        merkle.verify_consistency(
            first=anchored.size, second=head.size, first_root=self.root, expected_root=head.root, proof=self.proof
        )
        where = f"block {block.number} (0x{block.hash.hex()})"
        # whoever made up the block cannot have sealed it
        final = check_finality(log.chain, [AnchoredBlock(block.number, block.hash, proof.evidence.header_rlp)])
        if final.outcome not in {Outcome.HOLDS, Outcome.ASSUMED}:
            return could_not_tell(self.level, f"{where} proves nothing: {final.detail}")
        if self.root == anchored.root:
            return holds(self.level, f"head and {where} fit together at {anchored.size} leaves")
        return violated(
            self.level,
            f"the log signed another history than {where} holds at {anchored.size} leaves; {final.detail}",
        )


@dataclass(frozen=True)
class Shown:
    """What a log shows now at its own address: all leaves under a head whose signature was checked."""

    leaves: Sequence[Commitment]


@dataclass(frozen=True)
class BrokenPromise:
    """A promise, and a whole signed tree without its entry."""

    log: str
    observed_at: datetime
    promise: str = field(repr=False)
    note: str
    leaves: tuple[Commitment, ...] = field(repr=False)

    level = Level.PROMISED
    kind = "promise"

    def members(self) -> dict[str, JSON]:
        """Return what is particular to this kind."""
        return {"promise": self.promise, "note": self.note, "leaves": b64url_encode(b"".join(self.leaves))}

    def judge(self, log: AuditedLog, trust: TrustFile, *, now: datetime, shown: Shown | None) -> Finding:
        """Return the finding about the log. Raises `Error` when the file proves nothing."""
        promise = verify_promise(self.promise, log)
        head = checkpoints.verify(self.note, log.checkpoint_key)
        if (len(self.leaves), merkle.Tree(self.leaves).root()) != (head.size, head.root):
            raise VerificationError(Check.RECEIPT, "the leaves do not give the signed root", code=CODE)
        if promise.commitment in self.leaves:
            return holds(self.level, f"leaf {self.leaves.index(promise.commitment) + 1}")
        due = f"due {promise.due_at:%Y-%m-%d %H:%M:%S} UTC"
        late = promise.due_at + promises.CLOCK_SKEW
        # a witness dates a head by when it signed, and the log may have gone on where the witness did not look
        seen = [each for each in find_cosignatures(self.note, trust.witnesses, now=now) if each.at > late]
        lacks = "".join(
            f"; the newest tree that {each.witness.name} had seen at {each.at:%Y-%m-%d %H:%M:%S} UTC lacks it"
            for each in seen
        )
        if shown is None or now <= late:
            return could_not_tell(self.level, f"{due}{lacks}: have the log read at its own address (--ledger)")
        if promise.commitment in shown.leaves:
            return could_not_tell(self.level, f"{due}{lacks}; in the log now, and nobody can prove since when")
        missing = f"missing from all {len(shown.leaves)} leaves shown now"
        return violated(self.level, f"broken: {due}, and {missing}{lacks}")


Violation: TypeAlias = Fork | AnchorContradiction | BrokenPromise
KINDS = {each.kind: each for each in (Fork, AnchorContradiction, BrokenPromise)}


def verify_promise(token: str, log: AuditedLog) -> Promise:
    """Return the promise in a token, whatever it promises. Raises `Error` when it is not this log's."""
    commitment = parse_commitment(jws.parse(token).claims().get("commitment"))
    return promises.verify_undated(token, log.promise_key, log=log.origin, commitment=commitment)


def encode(violation: Violation) -> bytes:
    """Return the file's bytes."""
    common: dict[str, JSON] = {
        "schema": SCHEMA,
        "kind": violation.kind,
        "log": violation.log,
        "observed_at": epoch_seconds(violation.observed_at),
    }
    return compact_json(common | violation.members())


def file_name(violation: Violation) -> str:
    """Return a name that is the same for the same breach, whenever it is seen again."""
    match violation:
        case Fork():
            what = violation.first + violation.second
        case AnchorContradiction():
            what = violation.anchor
        case BrokenPromise():
            what = violation.promise
    return f"{violation.kind}-{sha256(what.encode()).hex()[:16]}.json"


def find_kind(name: str) -> str | None:
    """Return the kind of breach that a file of this name proves; None when `file_name` gives no such name."""
    found = re.fullmatch(rf"({'|'.join(KINDS)})-[0-9a-f]{{16}}\.json", name)
    return None if found is None else found[1]


def parse(data: bytes) -> Violation:
    """Return the violation of a file's bytes, unchecked. Raises `RequestError`."""
    members = parse_object(data, max_bytes=MAX_FILE_BYTES)
    if members.get("schema") != SCHEMA:
        raise RequestError(CODE, f"expected schema {SCHEMA}")
    log = _text(members, "log")
    observed_at = from_epoch(get_member(members, "observed_at", int, code=CODE))
    match members.get("kind"):
        case Fork.kind:
            first, second = _text(members, "first"), _text(members, "second")
            return Fork(log, observed_at, first, second, _hash(members.get("root")), _proof(members))
        case AnchorContradiction.kind:
            anchor = compact_json(get_member(members, "anchor", dict, code=CODE)).decode()
            note, root = _text(members, "note"), _hash(members.get("root"))
            return AnchorContradiction(log, observed_at, note, root, _proof(members), anchor)
        case BrokenPromise.kind:
            promise, note = _text(members, "promise"), _text(members, "note")
            return BrokenPromise(log, observed_at, promise, note, _leaves(_text(members, "leaves")))
    raise RequestError(CODE, "expected kind to be fork, anchor or promise")


def judge(violation: Violation, trust: TrustFile, *, now: datetime, shown: Shown | None) -> Finding:
    """Return what a file comes to: violated when it convicts the log, whoever made the file.

    `shown` is the log as it was read for this purpose, after its head's signature was checked.
    """
    log = trust.find_log(violation.log)
    if log is None:
        return could_not_tell(violation.level, f"the log {violation.log} is not in the trust file")
    try:
        return violation.judge(log, trust, now=now, shown=shown)
    except Error as exc:
        return could_not_tell(violation.level, f"the file proves nothing: {exc.message}")


def _text(members: dict[str, JSON], name: str) -> str:
    return get_member(members, name, str, code=CODE)


def _hash(value: JSON) -> bytes:
    if isinstance(value, str):
        raw = b64url_decode(value)
        if len(raw) == HASH_BYTES:
            return raw
    raise RequestError(CODE, f"expected {HASH_BYTES} bytes as base64url")


def _proof(members: dict[str, JSON]) -> tuple[bytes, ...]:
    hashes = get_member(members, "proof", list, code=CODE)
    if len(hashes) > MAX_PROOF_HASHES:
        raise RequestError(CODE, f"proof of more than {MAX_PROOF_HASHES} hashes")
    return tuple(_hash(each) for each in hashes)


def _leaves(text: str) -> tuple[Commitment, ...]:
    raw = b64url_decode(text)
    if len(raw) % COMMITMENT_BYTES or len(raw) > MAX_LEAVES * COMMITMENT_BYTES:
        raise RequestError(CODE, f"expected up to {MAX_LEAVES} leaves of {COMMITMENT_BYTES} bytes")
    starts = range(0, len(raw), COMMITMENT_BYTES)
    return tuple(Commitment(raw[at : at + COMMITMENT_BYTES]) for at in starts)
