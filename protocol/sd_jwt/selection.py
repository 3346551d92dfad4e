# SPDX-License-Identifier: EUPL-1.2
"""What a holder shows of a credential (RFC 9901, section 7.2): the disclosures that some paths need.

- A path brings the disclosures of its parents, without which nobody could place it, and everything inside it.
- The index is made once and kept with the credential, so that selecting costs the same however many claims it
  has. It holds places and positions in the text, no values.
- Claims signed in the clear (`SelectionIndex.clear`) are shown in any case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from protocol import jws
from protocol.encoding import JSON, get_member
from protocol.errors import RequestError
from protocol.sd_jwt.disclosures import Path
from protocol.sd_jwt.limits import MAX_DEPTH, MAX_DISCLOSURES
from protocol.sd_jwt.parsing import UnverifiedSDJWT
from protocol.sd_jwt.rebuilding import rebuild_with_paths


@dataclass(frozen=True, slots=True)
class SelectionIndex:
    """Where each disclosure of one credential is, and what it discloses."""

    # length of the credential, and of the issuer's JWT at its start
    chars: int
    token_chars: int
    # where the text of each disclosure begins and ends, parents before what is in them
    spans: tuple[tuple[int, int], ...]
    # what each of them discloses, in the same order
    disclosed: tuple[Path, ...]
    # the largest parts that are signed in the clear, with nothing in them that could be hidden
    clear: AbstractSet[Path]
    # the number of the disclosure at a place, and of those inside a place
    _numbers: Mapping[Path, int] = field(init=False, repr=False, compare=False)
    _inside: Mapping[Path, list[int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        inside: dict[Path, list[int]] = {}
        for number, path in enumerate(self.disclosed):
            for length in range(1, len(path)):
                inside.setdefault(path[:length], []).append(number)
        object.__setattr__(self, "_numbers", {path: number for number, path in enumerate(self.disclosed)})
        object.__setattr__(self, "_inside", inside)

    @classmethod
    def make(cls, issued: str) -> SelectionIndex:
        """Return the index of a credential as it was issued, with all its disclosures.

        Raises `RequestError` and `VerificationError` when it is malformed; signature and times are not looked at.
        """
        parsed = UnverifiedSDJWT.parse(issued)
        rebuilt = rebuild_with_paths(parsed.issuer_jwt.claims(), parsed.disclosures)
        spans: dict[str, tuple[int, int]] = {}
        at = token_chars = len(parsed.issuer_jwt.token)
        for disclosure in parsed.disclosures:
            spans[disclosure.encoded] = (at + 1, at + 1 + len(disclosure.encoded))
            at = spans[disclosure.encoded][1]
        disclosed = tuple(rebuilt.disclosed)
        parents = {path[:length] for path in disclosed for length in range(len(path))}
        return cls(
            chars=len(issued),
            token_chars=token_chars,
            spans=tuple(spans[each.encoded] for each in rebuilt.disclosed.values()),
            disclosed=disclosed,
            clear=frozenset(_find_clear(rebuilt.claims, (), parents, frozenset(disclosed))),
        )

    def to_json(self) -> dict[str, JSON]:
        """Return what `parse` reads."""
        return {
            "chars": self.chars,
            "token_chars": self.token_chars,
            "disclosed": [[*path] for path in self.disclosed],
            "spans": [[*span] for span in self.spans],
            "clear": [[*path] for path in sorted(self.clear, key=str)],
        }

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> SelectionIndex:
        """Return the index that `to_json` wrote. Raises `RequestError` on another shape."""
        spans, disclosed = get_member(value, "spans", list), get_member(value, "disclosed", list)
        if len(spans) != len(disclosed) or len(spans) > MAX_DISCLOSURES:
            raise RequestError("invalid_request", f"expected at most {MAX_DISCLOSURES} disclosures in an index")
        return cls(
            chars=get_member(value, "chars", int),
            token_chars=get_member(value, "token_chars", int),
            spans=tuple(_parse_span(span) for span in spans),
            disclosed=tuple(_parse_path(path) for path in disclosed),
            clear=frozenset(_parse_path(path) for path in get_member(value, "clear", list)),
        )

    def find(self, path: Path) -> set[int]:
        """Return the numbers of the disclosures that show this path; none for what is in the clear.

        Raises `RequestError` when the credential has no such path. Inside a disclosure without disclosures of
        its own every path is taken to exist: the index holds no values.
        """
        prefixes = [path[:length] for length in range(1, len(path) + 1)]
        found = {self._numbers[prefix] for prefix in prefixes if prefix in self._numbers}
        found.update(self._inside.get(path, ()))
        if not found and self.clear.isdisjoint(prefixes):
            raise RequestError("invalid_request", "the credential has no claim at a path that is to be shown")
        return found


def select(issued: str, index: SelectionIndex, paths: Sequence[Path]) -> str:
    """Return the presentation that shows these paths and what is in the clear, without key binding.

    Raises `RequestError` when the index is of another text, or the credential has no such path.
    """
    if len(issued) != index.chars:
        raise RequestError("invalid_request", "expected the index of this credential")
    wanted: set[int] = set()
    for path in paths:
        wanted |= index.find(path)
    spans = sorted([index.spans[number] for number in wanted])
    return "~".join([issued[: index.token_chars], *[issued[start:end] for start, end in spans], ""])


def _find_clear(
    value: JSON, place: Path, parents: AbstractSet[Path], disclosed: AbstractSet[Path]
) -> Iterator[Path]:
    if place in disclosed:
        return
    if place not in parents and place:
        yield place
        return
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in members:
        yield from _find_clear(inner, (*place, step), parents, disclosed)


def _parse_span(value: JSON) -> tuple[int, int]:
    match value:
        case [int(start), int(end)] if 0 < start < end <= jws.MAX_TOKEN_CHARS:
            return start, end
    raise RequestError("invalid_request", "expected the place of a disclosure in the text")


def _parse_path(value: JSON) -> Path:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_DEPTH + 1:
        raise RequestError("invalid_request", f"expected a path of at most {MAX_DEPTH + 1} steps")
    if not all(isinstance(step, str) or type(step) is int for step in value):
        raise RequestError("invalid_request", "expected names and positions in a path")
    return tuple(value)  # type: ignore[arg-type]  # the line above
