# SPDX-License-Identifier: EUPL-1.2
"""Every way in which the evidence of an office's query at a source can be wrong, with the one level that must fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ledger import signatures
from ledger.chain.sealer import FileSealKey
from ledger.checkpoint import CheckpointSigner, new_key_pem
from ledger.evidence import EvidenceRecord
from ledger.findings import Level
from ledger.record import commit
from ledger.trust import TrustedAdministration, TrustFile
from ledger.trusted_key import TrustedKey
from protocol.keys import PrivateKey
from tests.fakes.evidence_case import EvidenceCase, Given
from tests.fakes.evidence_world import EvidenceWorld
from tests.fakes.expectations import Expected


def fails(
    level: Level, name: str, change: Callable[[EvidenceWorld], EvidenceRecord], *untold: Level
) -> EvidenceCase:
    """Return the case of a query that fails this level; what stands on it cannot be told."""
    return EvidenceCase(
        name, lambda world: Given((change(world),)), (Expected(frozenset({level}), frozenset(untold)),)
    )


def could_not_tell(*levels: Level) -> tuple[Expected]:
    return (Expected(untold=frozenset(levels)),)


def another_value(world: EvidenceWorld) -> EvidenceRecord:
    item = world.query(world.issuing)
    return replace(item, record=item.record.replace(b'"P1Y"', b'"P9Y"'))


def promised_by_a_stranger(world: EvidenceWorld) -> EvidenceRecord:
    item = world.query(world.issuing)
    return replace(item, promise=world.promise(PrivateKey.generate(), commit(item.key, item.record)))


def at_another_index(world: EvidenceWorld) -> EvidenceRecord:
    item = world.query(world.issuing)
    assert item.inclusion is not None
    return replace(item, inclusion=replace(item.inclusion, leaf_index=item.inclusion.leaf_index - 1))


def under_a_strangers_head(world: EvidenceWorld) -> EvidenceRecord:
    stranger = CheckpointSigner.from_pem(world.log.origin, new_key_pem())
    return world.place(world.query(world.issuing), stranger)


def placed(**anchor: Any) -> Callable[[EvidenceWorld], EvidenceRecord]:
    """Return the query's evidence with an honestly made proof of another anchor."""
    return lambda world: world.place(world.query(world.issuing), **anchor)


def in_a_block_of_strangers(world: EvidenceWorld) -> EvidenceRecord:
    keys = [FileSealKey.generate() for _ in range(4)]
    return placed(validators=keys, seals=keys)(world)


def signed_as_an_answer(world: EvidenceWorld) -> EvidenceRecord:
    item = world.query(world.issuing)
    return replace(item, signature=signatures.sign_answer(item.record, world.issuing, x5c=["MII"]))


def signed_by_another_issuer(world: EvidenceWorld) -> Given:
    """Another office, which issues too, signs what this one is said to have asked."""
    other = PrivateKey.generate()
    known = TrustedAdministration("ca-0000000000", {"ca": "Altres"}, (), (), (TrustedKey(other.public_key),))
    trust = replace(world.trust, administrations=(world.party, known))
    return Given((world.query(other),), trust=trust)


def asked_by(administrations: Callable[[EvidenceWorld], tuple[TrustedAdministration, ...]]) -> Any:
    """Return an honest query, read with other offices in the trust file."""

    def make(world: EvidenceWorld) -> Given:
        trust: TrustFile = replace(world.trust, administrations=administrations(world))
        return Given((world.query(world.issuing),), trust=trust)

    return make


def cut(**members: None) -> Callable[[EvidenceWorld], Given]:
    return lambda world: Given((replace(world.query(world.issuing), **members),))


QUERIES = (
    EvidenceCase("query", lambda world: Given((world.query(world.issuing),)), (Expected(),)),
    fails(Level.OPENS, "query-with-another-value", another_value),
    fails(Level.SIGNED, "query-signed-by-nobody", lambda world: world.query(None)),
    fails(Level.SIGNED, "query-signed-by-a-stranger", lambda world: world.query(PrivateKey.generate())),
    # the key with which the office receives is not one with which it asks
    fails(Level.SIGNED, "query-signed-with-the-access-key", lambda world: world.query(world.office)),
    fails(Level.SIGNED, "query-signed-as-an-answer", signed_as_an_answer),
    EvidenceCase(
        "query-signed-by-another-issuer",
        signed_by_another_issuer,
        (Expected(frozenset({Level.SIGNED})),),
    ),
    fails(Level.PROMISED, "query-promised-by-a-stranger", promised_by_a_stranger),
    fails(Level.CHECKPOINT, "query-under-a-strangers-head", under_a_strangers_head, Level.IN_LOG, Level.PROMISED),
    fails(Level.IN_LOG, "query-at-another-leaf-index", at_another_index, Level.PROMISED),
    fails(Level.ANCHORED, "query-anchored-with-another-root", placed(root=bytes(32))),
    fails(Level.FINAL, "query-in-a-block-of-strangers", in_a_block_of_strangers),
    EvidenceCase(
        "query-made-before-it-was-in-the-log",
        cut(inclusion=None, checkpoint=None, anchor=None),
        could_not_tell(Level.PROMISED, Level.IN_LOG, Level.ANCHORED),
    ),
    EvidenceCase("query-of-an-unknown-office", asked_by(lambda _: ()), could_not_tell(Level.SIGNED)),
    EvidenceCase(
        "query-of-an-office-without-issuing-keys",
        asked_by(lambda world: (replace(world.party, issuer_keys=()),)),
        could_not_tell(Level.SIGNED),
    ),
)
