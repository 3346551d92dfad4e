# SPDX-License-Identifier: EUPL-1.2
"""Claims path pointers (OpenID4VP 1.0, section 7.1): what a path selects in the claims of a credential.

A position counts the elements that the reader sees. Who holds the credential sees all of them; who receives a
presentation sees only those that were shown, so that an element can only move towards the front. `is_partial` says
which of the two reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from protocol.encoding import JSON

Scalar = str | int | bool
# a name, a position, or None for every element
Step = str | int | None
# the place of one value
ConcretePath = tuple[str | int, ...]
Found = tuple[ConcretePath, JSON]


def select(path: Sequence[Step], claims: Mapping[str, JSON], *, is_partial: bool) -> list[Found]:
    """Return what the path selects, each value with its place; nothing where the specification has an error."""
    selected: list[Found] = [((), dict(claims))]
    # behind a position of a presentation stand also elements that nobody asked for: they may have another shape
    is_guess = False
    for step in path:
        following: list[Found] = []
        for place, value in selected:
            if isinstance(step, str):
                if not isinstance(value, dict):
                    if is_guess:
                        continue
                    return []
                if step in value:
                    following.append(((*place, step), value[step]))
            elif isinstance(value, list):
                following += [((*place, i), value[i]) for i in _positions(step, len(value), is_partial)]
            elif not is_guess:
                return []
        selected = following
        is_guess = is_guess or (is_partial and type(step) is int)
    return selected


def _positions(step: int | None, count: int, is_partial: bool) -> range:
    if step is None:
        return range(count)
    return range(0 if is_partial else step, min(step + 1, count))


def covers(path: Sequence[Step], place: Sequence[str | int]) -> bool:
    """Whether a shown place is at or under the path, or on the way to it."""
    return all(
        name == step if isinstance(step, str) else type(name) is int and (step is None or name <= step)
        for step, name in zip(path, place, strict=False)
    )


def includes(allowed: Sequence[Step], asked: Sequence[Step]) -> bool:
    """Whether everything that `asked` can select is at or under what `allowed` selects."""
    return len(allowed) <= len(asked) and all(
        may == step or (may is None and type(step) is int) for may, step in zip(allowed, asked, strict=False)
    )


def has_value(value: JSON, values: Sequence[Scalar]) -> bool:
    """Whether a value is one of these, in type and value; any value is one of none."""
    return not values or any(type(value) is type(each) and value == each for each in values)


def leaves(value: JSON, place: ConcretePath = ()) -> Iterator[ConcretePath]:
    """Yield the place of everything that holds nothing further."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, (*place, name))
    elif isinstance(value, list) and value:
        for position, inner in enumerate(value):
            yield from leaves(inner, (*place, position))
    else:
        yield place
