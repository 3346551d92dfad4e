# SPDX-License-Identifier: EUPL-1.2
"""Every way in which a log, its files or its chain can be wrong, by name, with the levels that must fail.

`CONTENTS` are about leaves and anchors, which the pure audit sees; `FILES` are about what somebody serves. The unit
tests run them live; `tests/vectors/make_evidence.py` writes them down for other programs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ledger.chain.interface import AnchorEvent, Mode
from ledger.chain.sealer import FileSealKey
from ledger.checkpoint import Checkpoint, CheckpointSigner, new_key_pem
from ledger.commitment import Commitment
from ledger.findings import Level, Outcome
from ledger.trust import TrustFile, ValidatorSet
from tests.fakes.expectations import Expected
from tests.fakes.published_log import CONTRACT, LEAVES, SEALER, LogWorld, PublishedLog
from tests.fakes.recorded_share import NOW, ORIGIN

ENTRIES, HASHES = "tile/entries/000.p/30", "tile/0/000.p/30"
HOLDS = Expected()
# what needs the leaves and the chain
OF_THE_TREE = frozenset({Level.APPEND_ONLY, Level.ANCHORED, Level.CALLDATA})
OF_A_HEAD = OF_THE_TREE | {Level.LEAVES}
OF_THE_CHAIN = OF_THE_TREE - {Level.ANCHORED}
# what is not looked at any more when one of these is not settled
UNSEEN = {Level.TRUST: OF_A_HEAD | {Level.CHECKPOINT}, Level.CHECKPOINT: OF_A_HEAD, Level.LEAVES: OF_THE_TREE}


@dataclass(frozen=True)
class LogCase:
    """One case: how the log is published, and what must come of its audit."""

    name: str
    make: Callable[[LogWorld], PublishedLog]
    expected: Expected


def fails(name: str, levels: set[Level], make: Callable[[LogWorld], PublishedLog]) -> LogCase:
    """Return the case of a log that fails these levels and no other; what was not looked at then could not tell."""
    wrong = frozenset(levels)
    return LogCase(name, make, Expected(wrong, frozenset().union(*(UNSEEN.get(each, ()) for each in wrong))))


def changed_leaf(at: int) -> tuple[Commitment, ...]:
    return (*LEAVES[:at], Commitment(b"x" * 32), *LEAVES[at + 1 :])


SWAPPED = (LEAVES[1], LEAVES[0], *LEAVES[2:])
REWRITTEN = {Level.APPEND_ONLY, Level.CALLDATA}


def signed_anew(leaves: Sequence[Commitment]) -> Callable[[LogWorld], PublishedLog]:
    """Publish other leaves than were anchored, and sign a head over them."""
    return lambda world: world.publish(leaves)


def as_before(leaves: Sequence[Commitment]) -> Callable[[LogWorld], PublishedLog]:
    """Publish other leaves than the head was signed over."""
    return lambda world: world.publish(leaves, head=world.head)


def anchored(change: Callable[[AnchorEvent, AnchorEvent, AnchorEvent], tuple[AnchorEvent, ...]]):
    """Publish the honest log over a chain whose three anchors are changed."""
    return lambda world: world.publish(anchors=change(*world.anchors))


def miscounted(world: LogWorld, size: int) -> tuple[AnchorEvent, ...]:
    """Root-only anchors of 4 leaves and of so many, the second with the root of 7: the proof is the same for 5 to 8."""
    first = world.anchor(0, 4, mode=Mode.ROOT_ONLY, commitments=None)
    second = replace(world.anchor(4, 7, mode=Mode.ROOT_ONLY, commitments=None), size=size)
    return first, world.mine(second, *world.validators)


def one_leaf_too_many(leaves: int) -> Callable[[LogWorld], PublishedLog]:
    """Publish so many leaves honestly under an anchor that calls the root of 7 that of 8."""
    return lambda world: world.publish(LEAVES[:leaves], anchors=miscounted(world, 8))


def signed_as_eight(leaves: int) -> Callable[[LogWorld], PublishedLog]:
    """Sign the root of 7 leaves as that of 8, anchor it as that, and publish so many."""

    def make(world: LogWorld) -> PublishedLog:
        head = Checkpoint(ORIGIN, 8, world.head_of(LEAVES[:7]).root)
        return world.publish(LEAVES[:leaves], head=head, anchors=miscounted(world, 8))

    return make


def root_only(world: LogWorld) -> PublishedLog:
    first, second, third = world.anchors
    return world.publish(anchors=(first, replace(second, mode=Mode.ROOT_ONLY, commitments=None), third))


# no two copies are named, from which what the chain does not carry could be had
UNMIRRORED = Expected(untold=frozenset({Level.CALLDATA}))
MISCOUNTED = replace(UNMIRRORED, violated=frozenset({Level.APPEND_ONLY}))

CONTENTS = (
    LogCase("whole", lambda world: world.publish(), HOLDS),
    LogCase("root-only-anchor-and-no-mirror-named", root_only, UNMIRRORED),
    LogCase(
        "never-anchored", lambda world: world.publish(anchors=()), Expected(untold=frozenset({Level.ANCHORED}))
    ),
    fails("leaf-changed-without-signing-anew", {Level.LEAVES}, as_before(changed_leaf(3))),
    fails("leaf-removed-without-signing-anew", {Level.LEAVES}, as_before(LEAVES[:-1])),
    fails("anchored-leaf-changed-and-signed-anew", REWRITTEN, signed_anew(changed_leaf(3))),
    fails("anchored-leaf-removed-and-signed-anew", REWRITTEN, signed_anew(LEAVES[1:])),
    fails("two-anchored-leaves-swapped", REWRITTEN, signed_anew(SWAPPED)),
    fails("cut-below-the-last-anchor", REWRITTEN, signed_anew(LEAVES[:20])),
    fails(
        "anchor-of-another-root",
        {Level.APPEND_ONLY},
        anchored(lambda a, b, c: (a, replace(b, root=b"r" * 32), c)),
    ),
    fails(
        "anchor-that-starts-from-another-root",
        {Level.APPEND_ONLY},
        anchored(lambda a, b, c: (replace(a, prev_root=b"r" * 32), b, c)),
    ),
    LogCase("root-only-anchor-of-7-leaves-counted-as-8", one_leaf_too_many(7), MISCOUNTED),
    LogCase("root-only-anchor-of-7-leaves-counted-as-8-later", one_leaf_too_many(8), MISCOUNTED),
    fails("head-of-7-leaves-signed-as-8", {Level.LEAVES}, signed_as_eight(7)),
    fails("head-of-7-leaves-signed-as-8-and-filled-up", {Level.LEAVES}, signed_as_eight(8)),
    fails("anchor-twice", {Level.ANCHORED}, anchored(lambda a, b, c: (a, a, b, c))),
    fails(
        "other-commitments-in-calldata",
        {Level.CALLDATA},
        anchored(lambda a, b, c: (replace(a, commitments=LEAVES[1:9]), b, c)),
    ),
    fails(
        "commitment-less-in-calldata",
        {Level.CALLDATA},
        anchored(lambda a, b, c: (a, b, replace(c, commitments=LEAVES[16:23]))),
    ),
    fails(
        "commitments-in-another-order-in-calldata",
        {Level.CALLDATA},
        anchored(lambda a, b, c: (a, b, replace(c, commitments=LEAVES[16:24][::-1]))),
    ),
)


def served(path: str, change: Callable[[bytes], bytes | None]) -> Callable[[LogWorld], PublishedLog]:
    """Publish the honest log with one file changed, or None: missing."""

    def make(world: LogWorld) -> PublishedLog:
        made = world.publish()
        return made.with_file(path, change(made.files[path]))

    return make


def told(**changes: object) -> Callable[[LogWorld], PublishedLog]:
    """Publish the honest log, and have the node say something else."""

    def make(world: LogWorld) -> PublishedLog:
        made = world.publish()
        return replace(made, node=replace(made.node, **changes))

    return make


def sealed(number: int, seal: Callable[[LogWorld], tuple[FileSealKey, ...]], seals: int | None = None):
    """Publish the honest log; the block of one anchor is made and sealed by these."""

    def make(world: LogWorld) -> PublishedLog:
        keys = seal(world)
        anchors = (world.mine(a, *keys, seals=seals) if a.block_number == number else a for a in world.anchors)
        return world.publish(anchors=tuple(anchors))

    return make


def strangers(_world: LogWorld) -> tuple[FileSealKey, ...]:
    return tuple(FileSealKey.generate() for _ in range(4))


def validators(world: LogWorld, *sets: tuple[int, int]) -> TrustFile:
    """Trust the first so many validators from each of these blocks on."""
    named = [key.address for key in world.validators]
    held = tuple(ValidatorSet(block, tuple(named[:count])) for block, count in sets)
    return replace(world.trust, logs=(replace(world.log, chain=replace(world.chain, validators=held)),))


def after_a_change(block_of_16: int, block_of_24: int) -> Callable[[LogWorld], PublishedLog]:
    """Until block 11 the first four sealed, from 12 on three of them; the two later blocks are sealed by so many."""

    def make(world: LogWorld) -> PublishedLog:
        counts = {8: 4, 16: block_of_16, 24: block_of_24}
        anchors = tuple(world.mine(a, *world.validators[: counts[a.size]], seals=None) for a in world.anchors)
        return replace(world.publish(anchors=anchors), trust=validators(world, (0, 4), (12, 3)))

    return make


def cosigned(world: LogWorld) -> PublishedLog:
    made = world.publish()
    note = made.files["checkpoint"].decode()
    return made.with_file("checkpoint", (note + world.witness.cosign(note, now=NOW)).encode())


def foreign_head(world: LogWorld) -> PublishedLog:
    return world.publish(signer=CheckpointSigner.from_pem(ORIGIN, new_key_pem()))


def other_log(world: LogWorld) -> PublishedLog:
    """A genuine log of somebody else answers at this address."""
    origin = "ledger.example/2025"
    signer = CheckpointSigner.from_pem(origin, new_key_pem())
    return world.publish(head=replace(world.head, origin=origin), signer=signer)


def many_leaves(world: LogWorld) -> PublishedLog:
    """More than one whole tile, anchored in two steps."""
    leaves = tuple(Commitment(index.to_bytes(32)) for index in range(1, 261))
    return world.publish(leaves, anchors=(world.anchor(0, 200, leaves), world.anchor(200, 258, leaves)))


def since(make: Callable[[LogWorld], PublishedLog], size: int = 24) -> Callable[[LogWorld], PublishedLog]:
    """The same, by somebody who audited the honest log when it had so many leaves."""
    return lambda world: replace(make(world), state=world.state(size))


def state_of_another_log(world: LogWorld) -> PublishedLog:
    state = world.state()
    return replace(world.publish(), state=replace(state, checkpoint=state.checkpoint.replace("2026", "2025", 1)))


def state_of_another_contract(world: LogWorld) -> PublishedLog:
    state = world.state()
    assert state.anchor is not None
    return replace(world.publish(), state=replace(state, anchor=replace(state.anchor, contract=SEALER)))


def final_block_gone(world: LogWorld) -> PublishedLog:
    """The block that anchored 24 leaves at the last audit is another now."""
    anchors = (*world.anchors[:2], world.mine(world.anchors[2], *world.validators, later=1))
    return replace(world.publish(anchors=anchors), state=world.state())


def other_receipt(world: LogWorld) -> PublishedLog:
    """The node shows an event in a genuine block, whose receipt is of another anchor."""
    made = world.publish()
    newest = world.anchors[-1]
    receipts = {newest.block_hash: world.receipts[world.anchors[0].block_hash]}
    return replace(made, node=replace(made.node, receipts=receipts))


def never_said(level: Level) -> Expected:
    """The level could not be told, nor what was not looked at then."""
    return Expected(untold=UNSEEN.get(level, frozenset()) | {level})


UNREAD = Expected(untold=OF_THE_TREE)
MISREAD = Expected(frozenset({Level.ANCHORED}), OF_THE_CHAIN)
UNKNOWN = never_said(Level.CHECKPOINT).untold | {Level.TRUST}


FILES = (
    LogCase("more-than-one-tile", many_leaves, HOLDS),
    LogCase("cosigned-by-a-witness", cosigned, Expected(said={Level.WITNESSED: Outcome.HOLDS})),
    LogCase("cosigned-by-nobody", lambda w: w.publish(), Expected(said={Level.WITNESSED: Outcome.COULD_NOT_TELL})),
    LogCase("validators-that-changed", after_a_change(3, 3), HOLDS),
    fails("sealed-by-yesterdays-validators", {Level.FINAL}, after_a_change(3, 4)),
    fails(
        "sealed-by-tomorrows-validators",
        {Level.FINAL},
        lambda w: replace(w.publish(), trust=validators(w, (0, 3), (12, 4))),
    ),
    LogCase(
        "block-before-the-first-known-validators",
        lambda w: replace(w.publish(), trust=validators(w, (12, 4))),
        never_said(Level.FINAL),
    ),
    fails("head-signed-by-a-stranger", {Level.CHECKPOINT}, foreign_head),
    fails(
        "head-of-another-size",
        {Level.CHECKPOINT},
        served("checkpoint", lambda note: note.replace(b"\n30\n", b"\n29\n")),
    ),
    # without a head nobody knows which log this is
    LogCase(
        "head-malformed",
        served("checkpoint", lambda note: note[:20]),
        Expected(frozenset({Level.CHECKPOINT}), UNKNOWN - {Level.CHECKPOINT}),
    ),
    LogCase("head-missing", served("checkpoint", lambda _: None), Expected(untold=UNKNOWN)),
    LogCase("log-not-in-the-trust-file", other_log, never_said(Level.TRUST)),
    fails(
        "entry-changed-in-a-bundle",
        {Level.LEAVES},
        served(ENTRIES, lambda data: data[:-1] + bytes([data[-1] ^ 1])),
    ),
    fails("bundle-cut-short", {Level.LEAVES}, served(ENTRIES, lambda data: data[:-34])),
    fails("bundle-of-longer-entries", {Level.LEAVES}, served(ENTRIES, lambda data: b"\0\x21" + data[2:])),
    LogCase("bundle-missing", served(ENTRIES, lambda _: None), never_said(Level.LEAVES)),
    fails("hash-changed-in-a-tile", {Level.LEAVES}, served(HASHES, lambda data: bytes([data[0] ^ 1]) + data[1:])),
    fails("tile-cut-short", {Level.LEAVES}, served(HASHES, lambda data: data[:-10])),
    LogCase("tile-missing", served(HASHES, lambda _: None), never_said(Level.LEAVES)),
    LogCase("node-does-not-answer", told(anchors=None), UNREAD),
    LogCase("node-of-another-chain", told(chain_id=1), UNREAD),
    LogCase("contract-lets-another-sealer-anchor", told(sealer=CONTRACT), UNREAD),
    LogCase("contract-has-another-head-than-its-newest-event", told(root=bytes(32)), MISREAD),
    LogCase("node-hides-the-events", told(anchors=()), UNREAD),
    LogCase("node-hides-an-event", anchored(lambda a, _b, c: (a, c)), UNREAD),
    LogCase("node-hides-the-first-event", anchored(lambda _a, b, c: (b, c)), UNREAD),
    LogCase("node-has-no-receipt-of-the-newest-anchor", told(receipts={}), UNREAD),
    LogCase("newest-anchor-is-not-the-one-of-its-receipt", other_receipt, MISREAD),
    fails("block-sealed-by-two-of-four", {Level.FINAL}, sealed(16, lambda w: w.validators, 2)),
    fails("block-of-a-network-of-strangers", {Level.FINAL}, sealed(16, strangers)),
    fails("block-sealed-by-nobody", {Level.FINAL}, sealed(24, lambda w: w.validators, 0)),
    LogCase("continued", since(lambda w: w.publish()), HOLDS),
    fails(
        "rewritten-since-the-last-audit",
        {Level.APPEND_ONLY},
        since(lambda w: w.publish(changed_leaf(3))),
    ),
    LogCase("older-head-than-at-the-last-audit", since(signed_anew(LEAVES[:16])), never_said(Level.CHECKPOINT)),
    LogCase("block-that-was-final-is-gone", final_block_gone, Expected(frozenset({Level.FINAL}), OF_THE_TREE)),
    LogCase("state-of-another-log", state_of_another_log, never_said(Level.TRUST)),
    LogCase("state-of-another-contract", state_of_another_contract, never_said(Level.TRUST)),
)

CASES = (*CONTENTS, *FILES)
