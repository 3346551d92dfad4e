# SPDX-License-Identifier: EUPL-1.2
"""Claims descriptions (appendix B) with claims path pointers (appendix C): in metadata and authorizations.

A list that describes a claim twice, or contradicts itself about what is an array, is refused whole (section B.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from protocol.encoding import JSON, get_member
from protocol.errors import RequestError
from protocol.members import find_objects, get_flag
from protocol.openid4vci.display import Display, parse_displays

# a name, the index of an array's element, or None for all its elements
Pointer: TypeAlias = tuple[str | int | None, ...]
# the deepest claim that we know of nests 4 levels
MAX_POINTER_STEPS = 16


@dataclass(frozen=True)
class Claim:
    """One described claim, or all claims that its path selects."""

    path: Pointer
    mandatory: bool = False
    # authorization details have none
    display: tuple[Display, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {"path": [*self.path]}
        if self.mandatory:
            members["mandatory"] = True
        if self.display:
            members["display"] = [display.to_json() for display in self.display]
        return members

    @classmethod
    def parse(cls, value: dict[str, JSON], *, code: str) -> Claim:
        """Return the description. Raises `RequestError` with this code."""
        return cls(
            path=parse_pointer(get_member(value, "path", list, code=code), code=code),
            mandatory=get_flag(value, "mandatory", code=code, default=False),
            display=parse_displays(find_objects(value, "display", code=code), code=code),
        )


def parse_pointer(steps: Sequence[JSON], *, code: str) -> Pointer:
    """Return a claims path pointer. Raises `RequestError` with this code."""
    if not 1 <= len(steps) <= MAX_POINTER_STEPS:
        raise RequestError(code, f"expected a path of 1 to {MAX_POINTER_STEPS} steps")
    path: list[str | int | None] = []
    for step in steps:
        match step:
            case str() | None:
                path.append(step)
            case int() if not isinstance(step, bool) and step >= 0:
                path.append(step)
            case _:
                raise RequestError(code, "expected names, null and indexes from 0 in a path")
    return tuple(path)


def parse_claims(items: Sequence[dict[str, JSON]], *, code: str) -> tuple[Claim, ...]:
    """Return the descriptions in their order. Raises `RequestError` with this code when two contradict (B.3)."""
    claims = tuple(Claim.parse(item, code=code) for item in items)
    paths = [claim.path for claim in claims]
    if len(set(paths)) != len(paths):
        raise RequestError(code, "a claim is described twice")
    # what the step after each beginning of a path says that the claim there is: object, array, array by index
    kinds: dict[Pointer, type] = {}
    for path in paths:
        for end, step in enumerate(path):
            if kinds.setdefault(path[:end], type(step)) is not type(step):
                raise RequestError(code, "two descriptions contradict each other about an array")
    return claims
