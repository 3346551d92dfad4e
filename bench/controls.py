# SPDX-License-Identifier: EUPL-1.2
"""Presentations that must be refused: which verifier checks what is tried in every run, not taken on trust."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bench.ours import Ours, Presentation
from bench.world import SHOWN, World

_YEAR = timedelta(days=365)

Accepts = Callable[[Presentation], bool]


@dataclass(frozen=True)
class Verifier:
    """One that is asked about each presentation."""

    name: str
    accepts: Accepts


def make(ours: Ours, world: World) -> Mapping[str, Presentation]:
    """Return presentations with one thing wrong each, by what that is."""
    holder = world.holders[0]
    good = ours.presentation(12, SHOWN, holder)
    stranger = ours.presentation(12, SHOWN, world.holders[1])
    unreferenced = stranger.text.split("~")[1]
    return {
        "an expired credential": ours.presentation(12, SHOWN, holder, issued_at=world.issued_at - _YEAR),
        "a disclosure that nothing references": ours.presentation(12, SHOWN, holder, extra=unreferenced),
        "a key binding of a year ago": ours.presentation(12, SHOWN, holder, bound_at=world.now - _YEAR),
        "a key binding for another audience": ours.presentation(12, SHOWN, holder, audience="x509_hash:other"),
        "a key binding with another nonce": replace(good, expected=replace(good.expected, nonce="another")),
        "another holder's key binding": replace(good, text=_swap_key_binding(good.text, stranger.text)),
        "a claim that was not asked (the peers know no query)": ours.presentation(
            12, (*SHOWN, "birth_date"), holder, asked=SHOWN
        ),
        "a revoked credential (openvc-core looks at lists in another call)": ours.presentation(
            12, SHOWN, holder, index=world.revoked[0]
        ),
    }


def try_all(controls: Mapping[str, Presentation], verifiers: Sequence[Verifier]) -> Mapping[str, list[str]]:
    """Return who accepts what must be refused."""
    return {
        what: [each.name for each in verifiers if each.accepts(presentation)]
        for what, presentation in controls.items()
    }


def accepts(verify: Callable[[Presentation], object]) -> Accepts:
    """Return whether a peer of this process raises nothing; each has errors of its own."""

    def try_it(presentation: Presentation) -> bool:
        try:
            verify(presentation)
        except Exception:  # noqa: BLE001  # peers raise what they like
            return False
        return True

    return try_it


def _swap_key_binding(text: str, other: str) -> str:
    return text[: text.rindex("~") + 1] + other.rsplit("~", 1)[1]
