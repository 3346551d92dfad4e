# SPDX-License-Identifier: EUPL-1.2
"""Every way in which evidence can be wrong, by name, with the one level that must fail; and what holds, or cannot be told.

The unit tests run them live; `tests/vectors/make_evidence.py` writes them down for other programs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ledger.audit import LogContents
from ledger.chain.sealer import FileSealKey
from ledger.checkpoint import CheckpointSigner, new_key_pem
from ledger.commitment import Commitment
from ledger.evidence import EvidenceRecord
from ledger.findings import Level, Outcome
from ledger.record import Party, commit
from ledger.trust import TrustedAdministration, TrustedChain, TrustFile, ValidatorSet
from ledger.trusted_key import TrustedKey
from protocol.keys import PrivateKey
from tests.fakes.evidence_case import EvidenceCase, Given
from tests.fakes.evidence_world import FILLERS, OTHER_CONTRACT, EvidenceWorld
from tests.fakes.expectations import Expected
from tests.fakes.key_cases import KEYS
from tests.fakes.query_cases import QUERIES

HOLDS = Expected()
TAKEN_BACK = Expected(said={Level.NOT_TAKEN_BACK: Outcome.VIOLATED})
# a withdrawal that nobody has to believe leaves the question open
OPEN = Expected(said={Level.NOT_TAKEN_BACK: Outcome.COULD_NOT_TELL})


# what stands on a level that is violated, and so could not be told
NEEDS = {Level.CHECKPOINT: frozenset({Level.IN_LOG, Level.PROMISED}), Level.IN_LOG: frozenset({Level.PROMISED})}


def fails(level: Level, name: str, change: Callable[[EvidenceWorld], EvidenceRecord]) -> EvidenceCase:
    """Return the case of one tampered record that fails this level and no other."""
    expected = Expected(frozenset({level}), NEEDS.get(level, frozenset()))
    return EvidenceCase(name, lambda world: Given((change(world),)), (expected,))


def trusting(
    name: str, expected: Expected, change: Callable[[EvidenceWorld], TrustFile], **anchor: Any
) -> EvidenceCase:
    """Return the case of honest evidence, its block made with these changes, read with another trust file."""
    return EvidenceCase(
        name, lambda world: Given((world.place(world.item, **anchor),), trust=change(world)), (expected,)
    )


def changed(**members: Any) -> Callable[[EvidenceWorld], EvidenceRecord]:
    """Return the share's evidence with other members; a function of the world gives one."""
    return lambda world: replace(
        world.item, **{name: each(world) if callable(each) else each for name, each in members.items()}
    )


def anchored(**arguments: Any) -> Callable[[EvidenceWorld], EvidenceRecord]:
    """Return the share's evidence with an honestly made proof of another anchor."""
    return lambda world: world.place(
        world.item, **{name: each(world) if callable(each) else each for name, each in arguments.items()}
    )


def swap(text: str, at: int = 40) -> str:
    """Change one character of base64url text and keep it canonical."""
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def anchor_member(name: str, change: Callable[[Any], Any]) -> Callable[[EvidenceWorld], EvidenceRecord]:
    def make(world: EvidenceWorld) -> EvidenceRecord:
        anchor = world.item.anchor or {}
        return replace(world.item, anchor={**anchor, name: change(anchor[name])})

    return make


def place_member(**members: Any) -> Callable[[EvidenceWorld], EvidenceRecord]:
    def make(world: EvidenceWorld) -> EvidenceRecord:
        assert world.item.inclusion is not None
        return replace(world.item, inclusion=replace(world.item.inclusion, **members))

    return make


def other_hash(world: EvidenceWorld) -> EvidenceRecord:
    assert world.item.inclusion is not None
    return place_member(proof=(bytes(32), *world.item.inclusion.proof[1:]))(world)


def foreign_head(world: EvidenceWorld) -> EvidenceRecord:
    return world.place(world.item, CheckpointSigner.from_pem(world.log.origin, new_key_pem()))


def block_of_strangers(world: EvidenceWorld) -> EvidenceRecord:
    keys = [FileSealKey.generate() for _ in range(4)]
    return world.place(world.item, validators=keys, seals=keys)


def chain_of(world: EvidenceWorld, chain: TrustedChain | None) -> TrustFile:
    return replace(world.trust, logs=(replace(world.log, chain=chain),))


def validators(world: EvidenceWorld, *sets: tuple[int, int]) -> TrustFile:
    """Trust the first so many validators from each of these blocks on."""
    named = [key.address for key in world.validators]
    return chain_of(
        world,
        replace(world.chain, validators=tuple(ValidatorSet(block, tuple(named[:count])) for block, count in sets)),
    )


def sealed_by_those_before(world: EvidenceWorld) -> Given:
    """Block 150, sealed by the four who were validators until block 99, one of whom left then."""
    return Given((world.place(world.item, block_number=150),), trust=validators(world, (0, 4), (100, 3)))


def sealed_by_those_after(world: EvidenceWorld) -> Given:
    """Block 50, sealed by the four of whom one only came with block 100."""
    return Given((world.place(world.item, block_number=50),), trust=validators(world, (0, 3), (100, 4)))


def another_block_on_the_chain(world: EvidenceWorld) -> Given:
    return Given((world.item,), logs=world.read(timestamp=1_800_000_001))


TAMPERED = (
    fails(
        Level.OPENS,
        "another-value-in-the-record",
        changed(record=lambda w: w.item.record.replace(b'"P1Y"', b'"P9Y"')),
    ),
    fails(Level.OPENS, "record-not-canonical", changed(record=lambda w: w.item.record + b" ")),
    fails(Level.OPENS, "another-key", changed(key=bytes(32))),
    fails(Level.OPENS, "a-shorter-key", changed(key=lambda w: w.item.key[:16])),
    fails(Level.OPENS, "promise-unreadable", changed(promise="nonsense")),
    fails(Level.OPENS, "promise-of-another-entry", changed(promise=lambda w: w.promise(commitment=FILLERS[0]))),
    fails(
        Level.SIGNED,
        "consent-signature-changed",
        changed(signature=lambda w: w.item.signature[:-10] + "AAAAAAAAAA"),
    ),
    fails(Level.SIGNED, "consent-signature-left-out", changed(signature=None)),
    fails(
        Level.COUNTERSIGNED,
        "countersigned-by-a-stranger",
        changed(acceptance=lambda w: w.accept(PrivateKey.generate())),
    ),
    fails(
        Level.COUNTERSIGNED,
        "countersignature-of-another-share",
        changed(acceptance=lambda w: w.accept(w.office, Commitment(bytes(32)))),
    ),
    fails(
        Level.PROMISED, "promise-signed-by-a-stranger", changed(promise=lambda w: w.promise(PrivateKey.generate()))
    ),
    fails(
        Level.CHECKPOINT,
        "head-of-another-size",
        changed(checkpoint=lambda w: w.item.checkpoint.replace("\n8\n", "\n9\n")),
    ),
    fails(Level.CHECKPOINT, "head-signed-by-a-stranger", foreign_head),
    fails(Level.IN_LOG, "another-leaf-index", place_member(leaf_index=4)),
    fails(Level.IN_LOG, "another-tree-size", place_member(tree_size=9)),
    fails(Level.IN_LOG, "another-hash-in-the-proof", other_hash),
    fails(Level.ANCHORED, "anchor-of-another-log", anchored(log_id=bytes(32))),
    fails(Level.ANCHORED, "anchor-in-another-contract", anchored(contract=OTHER_CONTRACT)),
    fails(Level.ANCHORED, "anchor-on-another-chain", anchored(chain_id=1)),
    fails(Level.ANCHORED, "anchor-of-another-root", anchored(root=bytes(32))),
    fails(Level.ANCHORED, "anchor-of-another-size", anchored(size=9)),
    fails(Level.ANCHORED, "header-changed", anchor_member("header_rlp", swap)),
    fails(Level.ANCHORED, "receipt-changed", anchor_member("receipt_rlp", lambda text: swap(text, 600))),
    fails(Level.ANCHORED, "block-number-changed", anchor_member("block_number", lambda number: number + 1)),
    fails(Level.ANCHORED, "anchor-malformed", changed(anchor={"chain_id": "x"})),
    fails(Level.FINAL, "seals-of-two-of-four-validators", anchored(seals=lambda w: w.validators[:2])),
    fails(Level.FINAL, "one-validators-seal-thrice", anchored(seals=lambda w: w.validators[:1] * 3)),
    fails(
        Level.FINAL, "a-seal-by-a-stranger", anchored(seals=lambda w: (*w.validators[:2], FileSealKey.generate()))
    ),
    fails(Level.FINAL, "block-of-a-network-of-strangers", block_of_strangers),
    EvidenceCase("sealed-by-yesterdays-validators", sealed_by_those_before, (Expected(frozenset({Level.FINAL})),)),
    EvidenceCase("sealed-by-tomorrows-validators", sealed_by_those_after, (Expected(frozenset({Level.FINAL})),)),
    EvidenceCase("another-block-on-the-chain", another_block_on_the_chain, (Expected(frozenset({Level.FINAL})),)),
)


def followed(
    name: str, make: Callable[[EvidenceWorld], tuple[EvidenceRecord, ...]], *expected: Expected
) -> EvidenceCase:
    """Return the case of a share and what follows it."""
    return EvidenceCase(name, lambda world: Given((world.item, *make(world))), expected)


def unsigned(level: Level = Level.SIGNED) -> Expected:
    return Expected(frozenset({level}))


def answered(world: EvidenceWorld, key: PrivateKey | None) -> tuple[EvidenceRecord, ...]:
    withdrawal = world.withdrawal()
    return withdrawal, world.answer(withdrawal, key)


def other_office(world: EvidenceWorld) -> tuple[PrivateKey, Party, TrustFile]:
    """Return another office, known and with a genuine key, and a trust file with both."""
    other = PrivateKey.generate()
    party = replace(world.share.record.party, identifier="ca-0000000000")
    known = TrustedAdministration(party.identifier, {"ca": "Altres"}, (TrustedKey(other.public_key),), ())
    return other, party, replace(world.trust, administrations=(world.party, known))


def received_elsewhere(world: EvidenceWorld) -> Given:
    """Another office says that it received the withdrawal of this one's share."""
    other, party, trust = other_office(world)
    return Given((world.item, world.received(other, party)), trust=trust)


def answered_elsewhere(world: EvidenceWorld) -> Given:
    """Another office answers, in its own name, what was asked of this one."""
    other, party, trust = other_office(world)
    withdrawal = world.withdrawal()
    return Given((world.item, withdrawal, world.answer(withdrawal, other, party)), trust=trust)


def countersigned_by_office(world: EvidenceWorld) -> EvidenceRecord:
    """A share that the office recorded, as of paper, and stands by."""
    item = world.recorded_by_office()
    return replace(item, acceptance=world.accept(world.office, commit(item.key, item.record)))


def broken_promise(world: EvidenceWorld) -> Given:
    """Promised, and missing from all leaves although a block much later than the promise anchors them."""
    item = replace(world.item, inclusion=None, checkpoint=None, anchor=None)
    return Given((item,), logs=world.read(*FILLERS))


def called_late(world: EvidenceWorld) -> Given:
    """Missing from all leaves, and a node says that the block is late, whose header is from before the promise was due."""
    item = replace(world.item, inclusion=None, checkpoint=None, anchor=None)
    (read,) = world.read(*FILLERS, timestamp=int(world.now.timestamp())).values()
    anchors = tuple(replace(each, block_time=each.block_time + 86_400) for each in read.anchors or ())
    return Given((item,), logs={world.log.origin: replace(read, anchors=anchors)})


MISSING = frozenset({Level.IN_LOG, Level.ANCHORED})

FORGED = (
    EvidenceCase("promise-broken", broken_promise, (Expected(frozenset({Level.PROMISED}), MISSING),)),
    followed(
        "withdrawal-signed-by-a-stranger", lambda w: (w.withdrawal(PrivateKey.generate()),), OPEN, unsigned()
    ),
    followed("withdrawal-received-and-signed-by-nobody", lambda w: (w.received(None),), OPEN, unsigned()),
    followed(
        "withdrawal-received-and-signed-by-a-stranger",
        lambda w: (w.received(PrivateKey.generate()),),
        OPEN,
        unsigned(),
    ),
    followed("answer-signed-by-nobody", lambda w: answered(w, None), TAKEN_BACK, HOLDS, unsigned()),
    followed(
        "answer-signed-by-a-stranger",
        lambda w: answered(w, PrivateKey.generate()),
        TAKEN_BACK,
        HOLDS,
        unsigned(),
    ),
    EvidenceCase("withdrawal-received-by-another-office", received_elsewhere, (OPEN, unsigned())),
    EvidenceCase("answered-by-another-office", answered_elsewhere, (TAKEN_BACK, HOLDS, unsigned())),
    followed(
        "unreadable-record-beside-a-share",
        lambda w: (replace(w.item, record=b"{}"),),
        HOLDS,
        unsigned(Level.OPENS),
    ),
)


def contested(world: EvidenceWorld) -> Given:
    """A withdrawal's marker is in the log, and nobody shows the signed withdrawal."""
    item = replace(world.item, acceptance=None)
    contents = LogContents((*world.leaves, world.marker()), None)
    return Given((item,), logs={world.log.origin: contents})


WHOLE = (
    EvidenceCase("whole", lambda w: Given((w.item,)), (OPEN,)),
    EvidenceCase(
        "not-countersigned",
        lambda w: Given((replace(w.item, acceptance=None),)),
        (Expected(said={Level.COUNTERSIGNED: Outcome.COULD_NOT_TELL}),),
    ),
    EvidenceCase(
        "recorded-and-countersigned-by-the-office",
        lambda w: Given((countersigned_by_office(w),)),
        (Expected(said={Level.SIGNED: Outcome.COULD_NOT_TELL}),),
    ),
    followed("taken-back-and-answered", lambda w: answered(w, w.office), TAKEN_BACK, HOLDS, HOLDS),
    followed("taken-back-at-the-office", lambda w: (w.received(w.office),), TAKEN_BACK, HOLDS),
    EvidenceCase(
        "not-taken-back-in-the-whole-log",
        lambda w: Given((w.item,), logs=w.read()),
        (Expected(said={Level.NOT_TAKEN_BACK: Outcome.HOLDS}),),
    ),
    EvidenceCase("contested", contested, (OPEN,)),
    trusting("validators-that-changed-later", HOLDS, lambda w: validators(w, (0, 4), (100, 3))),
    trusting("validators-that-changed-before", HOLDS, lambda w: validators(w, (0, 3), (2, 4)), block_number=2),
    EvidenceCase(
        "sealed-by-one-operator",
        lambda w: Given(
            (w.place(w.item, validators=w.validators[:1], seals=w.validators[:1]),), trust=validators(w, (0, 1))
        ),
        (Expected(said={Level.FINAL: Outcome.ASSUMED}),),
    ),
    EvidenceCase(
        "no-validators-in-the-trust-file-and-the-chain-read",
        lambda w: Given((w.item,), trust=chain_of(w, replace(w.chain, validators=())), logs=w.read()),
        (Expected(said={Level.FINAL: Outcome.COULD_NOT_TELL}),),
    ),
)


def untold(*levels: Level) -> Expected:
    return Expected(untold=frozenset(levels))


def answer_alone(world: EvidenceWorld) -> Given:
    withdrawal = world.withdrawal()
    answer = world.answer(withdrawal, world.office)
    return Given((answer,), trust=replace(world.trust, administrations=()))


UNTOLD = (
    EvidenceCase(
        "made-before-it-was-in-the-log",
        lambda w: Given((replace(w.item, inclusion=None, checkpoint=None, anchor=None),)),
        (untold(Level.PROMISED, *MISSING),),
    ),
    EvidenceCase(
        "place-left-out", lambda w: Given((replace(w.item, inclusion=None),)), (untold(Level.PROMISED, *MISSING),)
    ),
    EvidenceCase(
        "head-left-out", lambda w: Given((replace(w.item, checkpoint=None),)), (untold(Level.PROMISED, *MISSING),)
    ),
    EvidenceCase(
        "made-before-it-was-anchored",
        lambda w: Given((replace(w.item, anchor=None),)),
        (untold(Level.ANCHORED),),
    ),
    trusting("log-not-in-the-trust-file", untold(Level.PROMISED), lambda w: replace(w.trust, logs=())),
    trusting(
        "office-not-in-the-trust-file", untold(Level.COUNTERSIGNED), lambda w: replace(w.trust, administrations=())
    ),
    trusting("no-chain-in-the-trust-file", untold(Level.ANCHORED), lambda w: chain_of(w, None)),
    trusting("block-before-the-first-known-validators", untold(Level.FINAL), lambda w: validators(w, (2, 4))),
    EvidenceCase("withdrawal-without-its-share", lambda w: Given((w.withdrawal(),)), (untold(Level.SIGNED),)),
    EvidenceCase("block-called-late-by-a-node", called_late, (untold(Level.PROMISED, *MISSING),)),
    trusting(
        "no-validators-in-the-trust-file",
        untold(Level.FINAL),
        lambda w: chain_of(w, replace(w.chain, validators=())),
    ),
    EvidenceCase(
        "anchor-that-the-chain-lacks",
        lambda w: Given((w.item,), logs=w.read(*w.leaves, FILLERS[0])),
        (untold(Level.FINAL),),
    ),
    # nobody stands by it: whoever may record at the log could have made it
    EvidenceCase("recorded-by-the-office", lambda w: Given((w.recorded_by_office(),)), (untold(Level.SIGNED),)),
    # the office's own signature is not the person's
    EvidenceCase(
        "recorded-and-signed-by-the-office",
        lambda w: Given((w.recorded_by_office(w.office),)),
        (untold(Level.SIGNED),),
    ),
    EvidenceCase("answer-of-an-unknown-office", answer_alone, (untold(Level.SIGNED),)),
)

CASES = (*TAMPERED, *FORGED, *WHOLE, *UNTOLD, *KEYS, *QUERIES)
