# SPDX-License-Identifier: EUPL-1.2
"""The claims of an SD-JWT with every disclosed one put in its place (RFC 9901, section 7.1, steps 3 to 5).

Refused, whoever signed it:

- a digest that occurs twice anywhere, disclosed or not (step 4);
- a disclosure that no digest references, or only the digest of a parent that is not shown (step 5);
- a disclosure of a claim where an array element belongs, and the other way round; a name given twice;
- `_sd` that is no array of strings; `...` beside other members or outside an array; `_sd_alg` below the top;
- a salt used twice: whoever knows one of the two claims could guess the other (section 9.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, TypeGuard

from protocol.encoding import JSON
from protocol.sd_jwt.disclosures import RESERVED, Disclosure, Path, digest_each, read_hash_name, wrong
from protocol.sd_jwt.limits import MAX_DEPTH, MAX_DIGESTS, MAX_DISCLOSURES


class Rebuilt(NamedTuple):
    """Everything shown, and which of it came through disclosures."""

    # parts that conceal nothing are the payload's own objects, not copies
    claims: dict[str, JSON]
    # by place in `claims`, parents before what is in them
    disclosed: Mapping[Path, Disclosure]
    # the claims inside which something can be withheld, whether it was or not
    concealing: AbstractSet[str | int]


def rebuild(payload: Mapping[str, JSON], disclosures: Sequence[Disclosure]) -> dict[str, JSON]:
    """Return the claims. Raises `VerificationError` (`disclosures`) as soon as one thing is not as it must be."""
    return rebuild_with_paths(payload, disclosures).claims


def rebuild_with_paths(payload: Mapping[str, JSON], disclosures: Sequence[Disclosure]) -> Rebuilt:
    """Return the claims, and the place of each disclosed one. Raises as `rebuild` does."""
    if len(disclosures) > MAX_DISCLOSURES:
        raise wrong(f"more than {MAX_DISCLOSURES} disclosures")
    rebuilder = _Rebuilder(disclosures, read_hash_name(payload))
    claims = rebuilder.expand_object(payload, ())
    rebuilder.check_all_used()
    return Rebuilt(claims, rebuilder.disclosed, rebuilder.concealing)


def _is_plain(value: dict[str, JSON] | list[JSON], depth: int) -> bool:
    """Whether it can stand as it is at this depth: nothing in it is concealed, reserved or nested too deep."""
    if depth > MAX_DEPTH or (isinstance(value, dict) and not RESERVED.isdisjoint(value)):
        return False
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, (dict, list)) and not _is_plain(item, depth + 1):
            return False
    return True


def _are_strings(value: JSON) -> TypeGuard[list[str]]:
    return isinstance(value, list) and {str}.issuperset(map(type, value))


class _Rebuilder:
    __slots__ = ("_open", "_seen", "concealing", "disclosed")

    def __init__(self, disclosures: Sequence[Disclosure], hash_name: str) -> None:
        digests = digest_each([each.encoded for each in disclosures], hash_name)
        self._open = dict(zip(digests, disclosures, strict=True))
        if len(self._open) != len(disclosures):
            raise wrong("a disclosure is given twice")
        if len({each.salt for each in disclosures}) != len(disclosures):
            raise wrong("a salt is used twice")
        self._seen: set[str] = set()
        self.disclosed: dict[Path, Disclosure] = {}
        self.concealing: set[str | int] = set()

    def check_all_used(self) -> None:
        """Raise unless every disclosure was referenced."""
        if self._open:
            raise wrong("a disclosure is referenced by no digest")

    def expand_object(self, members: Mapping[str, JSON], place: Path) -> dict[str, JSON]:
        """Return the object at this place with its `_sd` digests resolved."""
        result = dict(members)
        digests = result.pop("_sd", None)
        if not place:
            result.pop("_sd_alg", None)
        if "..." in result or "_sd_alg" in result:
            raise wrong("a reserved name is used for a claim")
        for name, value in result.items():
            # looked at once, from the top: whatever lies inside something concealed is taken apart
            if isinstance(value, (dict, list)) and (place or not _is_plain(value, 1)):
                result[name] = self._expand(value, (*place, name))
        if "_sd" in members:
            self._disclose_members(digests, result, place)
        return result

    def _disclose_members(self, digests: JSON, result: dict[str, JSON], place: Path) -> None:
        if not _are_strings(digests):
            raise wrong("_sd is not an array of strings")
        self._see(digests, place)
        for disclosure in [self._open.pop(digest) for digest in digests if digest in self._open]:
            name = disclosure.name
            if name is None:
                raise wrong("an array element is disclosed where a claim belongs")
            if name in result:
                raise wrong("a claim is given twice")
            here = (*place, name)
            self.disclosed[here] = disclosure
            value = disclosure.value
            result[name] = self._expand(value, here) if isinstance(value, (dict, list)) else value

    def _expand_array(self, items: list[JSON], place: Path) -> list[JSON]:
        result: list[JSON] = []
        for item in items:
            here = (*place, len(result))
            if not isinstance(item, dict) or "..." not in item:
                result.append(self._expand(item, here))
                continue
            digests: JSON = [*item.values()]
            if not _are_strings(digests) or len(digests) > 1:
                raise wrong("an array element has more than one digest in it")
            self._see(digests, place)
            disclosure = self._open.pop(digests[0], None)
            if disclosure is not None:
                if disclosure.name is not None:
                    raise wrong("a claim is disclosed where an array element belongs")
                self.disclosed[here] = disclosure
                result.append(self._expand(disclosure.value, here))
        return result

    def _expand(self, value: JSON, place: Path) -> JSON:
        if not isinstance(value, (dict, list)):
            return value
        if len(place) > MAX_DEPTH:
            raise wrong(f"claims nest deeper than {MAX_DEPTH}")
        return self.expand_object(value, place) if isinstance(value, dict) else self._expand_array(value, place)

    def _see(self, digests: list[str], place: Path) -> None:
        self.concealing.update(place[:1])
        before = len(self._seen)
        self._seen.update(digests)
        if len(self._seen) != before + len(digests):
            raise wrong("a digest occurs twice")
        if len(self._seen) > MAX_DIGESTS:
            raise wrong(f"more than {MAX_DIGESTS} digests")
