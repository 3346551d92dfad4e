# SPDX-License-Identifier: EUPL-1.2
"""What a type demands of a credential (SD-JWT VC, sections 5.3 to 5.7): `extends` followed, then claims checked.

- The extended types are read first and all of them, or nothing is used (section 5.7).
- A type that extends may add, and may say what was left open; it may not weaken `sd` or `mandatory` (5.6.5.1).
- A type that extends itself, at any distance, is refused (section 7.4), and so is a long chain.
- What a type extends never widens who may issue it: see `protocol.type_metadata`. Nothing here looks at an issuer.
- Whether type metadata is processed at all is the caller's policy; if it is, each failure refuses the credential.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from protocol.encoding import JSON
from protocol.errors import Check, RequestError, VerificationError
from protocol.type_metadata.display import CODE, TypeDisplay, is_web_address
from protocol.type_metadata.integrity import verify_integrity
from protocol.type_metadata.model import ClaimMetadata, ClaimPath, SelectiveDisclosure, TypeMetadata, check_svg_ids

# A place in a credential, without wildcards.
Path: TypeAlias = tuple[str | int, ...]
# A national form of a European type of a general type, and one more.
MAX_TYPES = 4
# What the rules of one credential may select; 512 rules over arrays of thousands would be an attack.
MAX_SELECTED = 10_000


@dataclass(frozen=True)
class ResolvedType:
    """A type with everything that it inherits. Only `resolve` makes one."""

    vct: str
    # the types that it extends, nearest first: for matching what was asked, never for trust
    extended: tuple[str, ...]
    display: tuple[TypeDisplay, ...]
    claims: tuple[ClaimMetadata, ...]


def resolve(vct: str, *, integrity: str | None, fetch: Callable[[str], bytes]) -> ResolvedType:
    """Return the type with what it inherits; `integrity` is the credential's `vct#integrity`, if it has one.

    `fetch` returns the body of a successful `application/json` answer of an https URL; it follows no redirect out
    of https, reaches no private address, and bounds time and size (section 3). What it raises passes through.
    Raises `RequestError` (`invalid_type_metadata`) when any document of the chain is not to be used.
    """
    documents: list[TypeMetadata] = []
    wanted, promised = vct, integrity
    while True:
        if wanted in [document.vct for document in documents]:
            raise RequestError(CODE, "the type extends itself")
        if len(documents) == MAX_TYPES:
            raise RequestError(CODE, f"the type extends others over more than {MAX_TYPES} documents")
        if not is_web_address(wanted):
            raise RequestError(CODE, "the type is no https URL, so its metadata cannot be fetched")
        data = fetch(wanted)
        if promised is not None:
            verify_integrity(data, promised)
        document = TypeMetadata.parse(data, expected_vct=wanted)
        documents.append(document)
        if document.extends is None:
            return _merge(documents)
        wanted, promised = document.extends, document.extends_integrity


def _merge(documents: list[TypeMetadata]) -> ResolvedType:
    """Return the first type with what the others, each extended by the one before it, give to it."""
    claims: dict[ClaimPath, ClaimMetadata] = {}
    display: tuple[TypeDisplay, ...] = ()
    for document in reversed(documents):
        # a display of its own replaces the whole one (section 5.5.2); claims are combined (section 5.6.5)
        display = display if document.display is None else document.display
        for claim in document.claims:
            claims[claim.path] = _combine(claims[claim.path], claim) if claim.path in claims else claim
    merged = tuple(claims.values())
    check_svg_ids(merged)
    vcts = [document.vct for document in documents]
    return ResolvedType(vct=vcts[0], extended=tuple(vcts[1:]), display=display, claims=merged)


def _combine(base: ClaimMetadata, own: ClaimMetadata) -> ClaimMetadata:
    if own.sd is not None and base.sd in {SelectiveDisclosure.ALWAYS, SelectiveDisclosure.NEVER} - {own.sd}:
        raise RequestError(CODE, f"the type changes sd of an inherited claim: {_words(own.path)}")
    if own.mandatory is False and base.mandatory:
        raise RequestError(CODE, f"the type makes an inherited mandatory claim optional: {_words(own.path)}")
    return replace(
        base,
        display=base.display if own.display is None else own.display,
        mandatory=base.mandatory if own.mandatory is None else own.mandatory,
        sd=own.sd or base.sd,
        svg_id=own.svg_id or base.svg_id,
    )


def check_credential(
    resolved: ResolvedType, claims: Mapping[str, JSON], *, disclosed: Collection[Path], is_complete: bool
) -> None:
    """Raise `VerificationError` unless the claims are as the type demands (section 5.6).

    `claims` are the processed payload, `disclosed` the places in it that came as disclosures of their own.
    `is_complete` says that every disclosure is there, as at issuance. A presentation leaves claims out and closes
    up arrays: there a missing claim is refused only where nobody could have kept it back (`sd` is `never` and its
    parent is there), and rules for single elements of arrays are not judged.
    Raises with check `disclosures` for a breach of `sd`, with `format` for anything else.
    """
    places = frozenset(disclosed)
    budget = MAX_SELECTED
    for rule in resolved.claims:
        if not is_complete and any(isinstance(step, int) for step in rule.path):
            continue
        selected, most = _select(claims, rule.path)
        budget -= most
        if budget < 0:
            raise VerificationError(Check.FORMAT, f"the rules of the type select over {MAX_SELECTED} claims")
        if not selected and rule.mandatory and (is_complete or _must_show(claims, rule)):
            raise VerificationError(Check.FORMAT, f"a mandatory claim is missing: {_words(rule.path)}")
        _check_disclosed(rule, selected, places)


def _check_disclosed(rule: ClaimMetadata, selected: list[Path], disclosed: frozenset[Path]) -> None:
    if rule.sd is SelectiveDisclosure.ALWAYS and not disclosed.issuperset(selected):
        raise VerificationError(
            Check.DISCLOSURES, f"a claim must be selectively disclosable and is not: {_words(rule.path)}"
        )
    if rule.sd is SelectiveDisclosure.NEVER and not disclosed.isdisjoint(selected):
        raise VerificationError(
            Check.DISCLOSURES, f"a claim must not be selectively disclosable and is: {_words(rule.path)}"
        )


def _must_show(claims: Mapping[str, JSON], rule: ClaimMetadata) -> bool:
    """Whether a presentation without this claim shows that it was never in the credential."""
    is_single = all(isinstance(step, str) for step in rule.path)
    return rule.sd is SelectiveDisclosure.NEVER and is_single and bool(_select(claims, rule.path[:-1])[0])


def _select(claims: Mapping[str, JSON], path: ClaimPath) -> tuple[list[Path], int]:
    """Return the places that a path selects, in order (section 5.6.1.2), and the most that it had on the way."""
    found: list[tuple[Path, JSON]] = [((), dict(claims))]
    most = 0
    for step in path:
        found = [each for place, value in found for each in _step(place, value, step, path)]
        most = max(most, len(found))
        if most > MAX_SELECTED:
            raise VerificationError(Check.FORMAT, f"the rules of the type select over {MAX_SELECTED} claims")
    return [place for place, _ in found], most


def _step(place: Path, value: JSON, step: str | int | None, path: ClaimPath) -> list[tuple[Path, JSON]]:
    match value:
        case dict() if isinstance(step, str):
            return [((*place, step), value[step])] if step in value else []
        case list() if step is None:
            return [((*place, index), item) for index, item in enumerate(value)]
        case list() if isinstance(step, int):
            return [((*place, step), value[step])] if step < len(value) else []
    raise VerificationError(Check.FORMAT, f"a claim has another shape than its type says: {_words(path)}")


def _words(path: ClaimPath) -> str:
    """Return a path for a message: names of claims, never values."""
    return json.dumps([*path])
