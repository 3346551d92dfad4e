# SPDX-License-Identifier: EUPL-1.2
"""Evidence signed with an office's key whose days the reader knows: before, after, and where nothing shows which.

The share is promised at the world's time and countersigned then; an answer says that it was made two hours later.
The block that anchors both is of the next year.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ledger import promise as promises
from ledger import record as records
from ledger import signatures
from ledger.evidence import EvidenceRecord
from ledger.findings import Level, Outcome
from ledger.trust import TrustFile
from ledger.trusted_key import TrustedKey
from tests.fakes.evidence_case import EvidenceCase, Given
from tests.fakes.evidence_world import EvidenceWorld
from tests.fakes.expectations import Expected

NONE, SECOND, MINUTE, DAY = (timedelta(seconds=each) for each in (0, 1, 60, 86_400))
HOLDS = Expected()
TAKEN_BACK = Expected(said={Level.NOT_TAKEN_BACK: Outcome.VIOLATED})


def days(world: EvidenceWorld, *periods: dict[str, timedelta]) -> TrustFile:
    """Trust the office's key in these periods; each day is told from the world's time."""
    key = world.office.public_key
    limited = tuple(
        TrustedKey(key, **{name: world.now + after for name, after in period.items()}) for period in periods
    )
    other = world.party.access_keys[0]
    return replace(world.trust, administrations=(replace(world.party, access_keys=(other, *limited)),))


def countersigned(name: str, expected: Expected, *periods: dict[str, timedelta]) -> EvidenceCase:
    """Return the case of a share that the office countersigned at once."""
    return EvidenceCase(name, lambda w: Given((w.item,), trust=days(w, *periods)), (expected,))


def answered(
    name: str, expected: Expected, *periods: dict[str, timedelta], entered: timedelta = NONE
) -> EvidenceCase:
    """Return the case of an answer that was entered at this time; nobody countersigned the share."""

    def make(world: EvidenceWorld) -> Given:
        withdrawal = world.withdrawal()
        answer = promised(world, world.answer(withdrawal, world.office), entered)
        share = replace(world.item, acceptance=None)
        return Given((share, withdrawal, answer), trust=days(world, *periods))

    return EvidenceCase(name, make, (TAKEN_BACK, HOLDS, expected))


def promised(world: EvidenceWorld, item: EvidenceRecord, after: timedelta) -> EvidenceRecord:
    """Return the same, promised by the log so much later."""
    promise = promises.make(
        world.share.promise_key,
        log=world.log.origin,
        commitment=records.commit(item.key, item.record),
        now=world.now + after,
        maximum_merge_delay=MINUTE,
    )
    return replace(item, promise=promise)


def dated_back(world: EvidenceWorld) -> Given:
    """Countersigned with a key stolen the day before, and dated to the day before that."""
    token = signatures.sign_acceptance(
        world.office,
        commitment=world.share.commitment,
        result="accepted",
        reference="E-1",
        now=world.now - 2 * DAY,
        x5c=["MII"],
    )
    return Given((replace(world.item, acceptance=token),), trust=days(world, {"compromised_since": -DAY}))


def in_no_known_log(world: EvidenceWorld) -> Given:
    """An answer with a key compromised later, in a log that the reader does not know."""
    withdrawal = world.withdrawal()
    answer = world.answer(withdrawal, world.office)
    trust = replace(days(world, {"compromised_since": DAY}), logs=())
    return Given((replace(world.item, acceptance=None), withdrawal, answer), trust=trust)


def wrong(level: Level) -> Expected:
    return Expected(frozenset({level}))


def untold(*levels: Level) -> Expected:
    return Expected(untold=frozenset(levels))


KEYS = (
    answered("answered-before-the-key-was-compromised", HOLDS, {"compromised_since": SECOND}),
    answered("answered-after-the-key-was-compromised", wrong(Level.SIGNED), {"compromised_since": NONE}),
    answered(
        "answer-dated-before-the-key-was-compromised-and-entered-later",
        untold(Level.SIGNED),
        {"compromised_since": DAY},
        entered=DAY,
    ),
    EvidenceCase(
        "answer-with-a-compromised-key-in-an-unknown-log",
        in_no_known_log,
        (untold(Level.PROMISED), untold(Level.PROMISED), untold(Level.SIGNED, Level.PROMISED)),
    ),
    answered("answered-before-the-key-ended", HOLDS, {"valid_until": SECOND}),
    answered("answered-after-the-key-ended", wrong(Level.SIGNED), {"valid_until": NONE}),
    answered("answered-before-the-key-began", wrong(Level.SIGNED), {"valid_from": SECOND}),
    # the log dates no countersignature: whoever has the key could make it today
    countersigned(
        "countersigned-with-a-key-compromised-later", untold(Level.COUNTERSIGNED), {"compromised_since": SECOND}
    ),
    countersigned("countersigned-with-a-compromised-key", wrong(Level.COUNTERSIGNED), {"compromised_since": NONE}),
    EvidenceCase("countersignature-dated-back", dated_back, (wrong(Level.COUNTERSIGNED),)),
    countersigned("countersigned-before-the-key-ended", HOLDS, {"valid_until": SECOND}),
    countersigned("countersigned-after-the-key-ended", wrong(Level.COUNTERSIGNED), {"valid_until": NONE}),
    countersigned("countersigned-when-the-key-began", HOLDS, {"valid_from": NONE}),
    countersigned("countersigned-before-the-key-began", wrong(Level.COUNTERSIGNED), {"valid_from": SECOND}),
    countersigned(
        "countersigned-in-the-second-period-of-the-key", HOLDS, {"valid_until": -DAY}, {"valid_from": -SECOND}
    ),
    countersigned(
        "countersigned-between-two-periods-of-the-key",
        wrong(Level.COUNTERSIGNED),
        {"valid_until": -DAY},
        {"valid_from": DAY},
    ),
)
