# SPDX-License-Identifier: EUPL-1.2
"""Block headers in QBFT form: their extra data, their hash, and the validators' seals (pure functions over bytes).

Guarantees, when `verify_seals` returns: at least ⌈2n/3⌉ of the n expected validators signed this very block, and
the block names exactly these validators, so no other block of this height was sealed unless a third of them
signed twice.

Does not guarantee: who the validators are. Their addresses come from a trust file, never from the block.

- The form is Besu's (`QbftExtraDataCodec`, `BftBlockHashing`): extra data is the RLP list of vanity (32 bytes),
  validators, vote (an empty list when there is none), round, and commit seals.
- A seal signs the header with the round and without seals. The block's hash is over the header with round 0 and
  without seals, so that it does not depend on which validators were quick.
- A header has this form when its `mixHash` is the one that all Istanbul protocols use; others are hashed whole.
- As in Besu, one seal that is malformed, repeated, or by somebody else makes the whole header unacceptable.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from eth_utils.crypto import keccak

from ledger.chain import strict_rlp
from ledger.chain.strict_rlp import Item, read_bytes, read_number, refuse

# What every header of an Istanbul protocol says in `mixHash` (EIP-650, Besu's `BftHelpers.EXPECTED_MIX_HASH`).
ISTANBUL_MIX_HASH = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
VANITY_BYTES = 32
ADDRESS_BYTES = 20
SEAL_BYTES = 65
# A network of more administrations than this has other problems than this bound.
MAX_VALIDATORS = 256
_MAX_ROUND = 2**31 - 1
# Besu writes both bytes; GoQuorum writes the second as the number zero, which is empty.
_VOTES = (b"\xff", b"\0", b"")
_EXTRA_DATA, _MIX_HASH = 12, 13


@dataclass(frozen=True)
class ExtraData:
    """What stands in a header's extra data. `vote` is the empty list, or who is voted on and how."""

    vanity: bytes
    validators: tuple[bytes, ...]
    vote: tuple[bytes, ...] = ()
    round: int = 0
    seals: tuple[bytes, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> ExtraData:
        """Return the extra data of these bytes. Raises `VerificationError` (`anchor_proof`)."""
        match strict_rlp.decode(data):
            case [bytes(vanity), [*validators], [*vote], bytes(number), [*seals]]:
                pass
            case _:
                refuse("the extra data is not in QBFT form")
        if len(validators) > MAX_VALIDATORS or len(seals) > MAX_VALIDATORS:
            refuse(f"more than {MAX_VALIDATORS} validators or seals")
        found = cls(
            vanity=read_bytes(vanity, VANITY_BYTES),
            validators=tuple(read_bytes(each, ADDRESS_BYTES) for each in validators),
            vote=_read_vote(vote),
            round=read_number(number),
            seals=tuple(read_bytes(each, SEAL_BYTES) for each in seals),
        )
        if found.round > _MAX_ROUND:
            refuse("the round is no 32-bit number")
        return found

    def encode(self) -> bytes:
        """Return the bytes, seals and all."""
        number = self.round.to_bytes((self.round.bit_length() + 7) // 8)
        return strict_rlp.encode([self.vanity, list(self.validators), list(self.vote), number, list(self.seals)])


def is_sealed_form(items: Sequence[Item]) -> bool:
    """Return whether a header of these items (`header_items`) says that its hash leaves the seals out."""
    return items[_MIX_HASH] == ISTANBUL_MIX_HASH


def block_hash(header_rlp: bytes) -> bytes:
    """Return the hash under which a chain knows this header, in QBFT form or not.

    Raises `VerificationError` (`anchor_proof`) when it is no header, or has the QBFT mark without the form.
    """
    return hash_of(header_rlp, header_items(header_rlp))


def hash_of(header_rlp: bytes, items: list[Item]) -> bytes:
    """Return the same of a header that was decoded already."""
    if not is_sealed_form(items):
        return _keccak(header_rlp)
    extra = ExtraData.parse(read_bytes(items[_EXTRA_DATA]))
    return _hash_with(items, replace(extra, round=0, seals=()))


def commit_hash(header_rlp: bytes) -> bytes:
    """Return what a validator signs to commit to this header. Raises as `block_hash` does."""
    items = header_items(header_rlp)
    extra = ExtraData.parse(read_bytes(items[_EXTRA_DATA]))
    return _hash_with(items, replace(extra, seals=()))


def required_seals(validators: int) -> int:
    """Return how many of n validators must have sealed: two thirds, rounded up."""
    return -(-2 * validators // 3)


def verify_seals(header_rlp: bytes, *, expected_validators: Collection[bytes]) -> frozenset[bytes]:
    """Return the addresses of those of the expected validators that sealed this header.

    Raises `VerificationError` (`anchor_proof`).
    """
    # (1) whom we trust is given, each once
    known = frozenset(expected_validators)
    if not known or len(known) != len(expected_validators):
        refuse("expected a list of validators, each once")
    # (2) the block is of their network, and of no larger one
    items = header_items(header_rlp)
    if not is_sealed_form(items):
        refuse("the block has no validators' seals")
    extra = ExtraData.parse(read_bytes(items[_EXTRA_DATA]))
    if len(set(extra.validators)) != len(extra.validators) or frozenset(extra.validators) != known:
        refuse("the block names other validators than are trusted")
    # (3) each seal is by one of them, none twice
    digest = _hash_with(items, replace(extra, seals=()))
    sealers = [_recover(seal, digest) for seal in extra.seals]
    if len(set(sealers)) != len(sealers):
        refuse("a validator's seal is there twice")
    if not known.issuperset(sealers):
        refuse("a seal is by no validator of this block")
    # (4) and they are enough
    needed = required_seals(len(known))
    if len(sealers) < needed:
        refuse(f"expected seals of {needed} of {len(known)} validators, got {len(sealers)}")
    return frozenset(sealers)


def _read_vote(vote: Sequence[Item]) -> tuple[bytes, ...]:
    match list(vote):
        case []:
            found: tuple[bytes, ...] = ()
        case [bytes(recipient), bytes(kind)] if len(recipient) == ADDRESS_BYTES and kind in _VOTES:
            found = (recipient, kind)
        case _:
            refuse("malformed vote")
    return found


def header_items(header_rlp: bytes) -> list[Item]:
    """Return what stands in a header. Raises `VerificationError` (`anchor_proof`) when it is none."""
    items = strict_rlp.decode(header_rlp)
    if not isinstance(items, list) or len(items) <= _MIX_HASH:
        refuse("malformed header")
    return items


def _hash_with(items: list[Item], extra: ExtraData) -> bytes:
    return _keccak(strict_rlp.encode([*items[:_EXTRA_DATA], extra.encode(), *items[_EXTRA_DATA + 1 :]]))


def _keccak(data: bytes) -> bytes:
    digest: bytes = keccak(data)
    return digest


def _recover(seal: bytes, digest: bytes) -> bytes:
    """Return the address of the key that signed the digest."""
    from eth_keys.datatypes import Signature  # noqa: PLC0415 - only evidence with seals needs them
    from eth_keys.exceptions import BadSignature  # noqa: PLC0415 - the same
    from eth_utils.exceptions import ValidationError  # noqa: PLC0415 - the same

    try:
        public = Signature(seal).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError):
        refuse("a seal is no signature")
    return bytes(public.to_canonical_address())
