# SPDX-License-Identifier: EUPL-1.2
"""Type metadata documents (SD-JWT VC, section 5): what a type is called, and which claims it has.

- A document says in `vct` of which type it is, and that is the type it was asked for (section 5.3).
- Each claim path stands once, and each `svg_id` once (section 5.6); languages stand once per display.
- Unknown members are passed over; anything known of another form is refused with `invalid_type_metadata`.
- Whoever publishes a document says how a type looks, never who may issue it: `extends`, like `aka_vcts` in a
  credential, proves nothing about an issuer (section 7.7). Who may issue a type is asked of the trust list
  (`protocol.trust`) with the `vct` of the credential, and with nothing from here.

`protocol.type_metadata.rules` follows `extends` and holds a credential against the result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from protocol.encoding import JSON, find_member, get_member, parse_object
from protocol.errors import RequestError
from protocol.type_metadata.display import (
    CODE,
    MAX_LANGUAGES,
    MAX_URL_CHARS,
    TypeDisplay,
    get_text,
    present,
    read_integrity,
    read_locale,
    read_objects,
    read_text,
)

# Strings select members, integers elements of arrays, None all elements of arrays (section 5.6.1).
ClaimPath: TypeAlias = tuple[str | int | None, ...]
# A type with 200 claims in 24 languages has about 200 kB.
MAX_DOCUMENT_BYTES = 256 * 1024
# A credential has at most 200 claims (DESIGN), and a rule may address each element of an array besides.
MAX_CLAIMS = 512
# Deeper than any claim of the specifications' examples, which nest 3 levels.
MAX_PATH_STEPS = 16
MAX_NAME_CHARS = 256
MAX_INDEX = 9999
_SVG_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}", re.ASCII)


class SelectiveDisclosure(StrEnum):
    """Whether the issuer makes a claim selectively disclosable (section 5.6.4)."""

    ALWAYS = "always"
    ALLOWED = "allowed"
    NEVER = "never"


@dataclass(frozen=True)
class ClaimDisplay:
    """What a claim is called in one language (section 5.6.2)."""

    locale: str
    label: str
    description: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return present({"locale": self.locale, "label": self.label, "description": self.description})

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> ClaimDisplay:
        """Return the display for one language."""
        return cls(
            locale=read_locale(value), label=get_text(value, "label"), description=read_text(value, "description")
        )


@dataclass(frozen=True)
class ClaimMetadata:
    """The rules for the claims at one path (section 5.6).

    None is "not said": a type that extends another inherits what it does not say.
    """

    path: ClaimPath
    display: tuple[ClaimDisplay, ...] | None = None
    mandatory: bool | None = None
    sd: SelectiveDisclosure | None = None
    svg_id: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return present(
            {
                "path": [*self.path],
                "display": None if self.display is None else [each.to_json() for each in self.display],
                "mandatory": self.mandatory,
                "sd": self.sd,
                "svg_id": self.svg_id,
            }
        )

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> ClaimMetadata:
        """Return the rules."""
        display = read_objects(value, "display", ClaimDisplay.parse, limit=MAX_LANGUAGES)
        _check_distinct([each.locale for each in display or ()], "language of a claim")
        sd = find_member(value, "sd", str, code=CODE)
        if sd is not None and sd not in tuple(SelectiveDisclosure):
            raise RequestError(CODE, "expected sd to be always, allowed or never")
        svg_id = find_member(value, "svg_id", str, code=CODE)
        if svg_id is not None and not _SVG_ID.fullmatch(svg_id):
            raise RequestError(CODE, "expected svg_id to be letters, digits and underscores, no digit first")
        return cls(
            path=_read_path(value),
            display=display,
            mandatory=find_member(value, "mandatory", bool, code=CODE),
            sd=None if sd is None else SelectiveDisclosure(sd),
            svg_id=svg_id,
        )


@dataclass(frozen=True)
class TypeMetadata:
    """One document (section 5.2). `name` and `description` are for developers, `display` is for people."""

    vct: str
    name: str | None = None
    description: str | None = None
    extends: str | None = None
    extends_integrity: str | None = None
    # None is "not said", which a type that extends inherits (section 5.5.2)
    display: tuple[TypeDisplay, ...] | None = None
    claims: tuple[ClaimMetadata, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return present(
            {
                "vct": self.vct,
                "name": self.name,
                "description": self.description,
                "extends": self.extends,
                "extends#integrity": self.extends_integrity,
                "display": None if self.display is None else [each.to_json() for each in self.display],
                "claims": [claim.to_json() for claim in self.claims] or None,
            }
        )

    @classmethod
    def parse(cls, data: bytes | str, *, expected_vct: str) -> TypeMetadata:
        """Return the document. Raises `RequestError` (`invalid_type_metadata`) unless it is of this type."""
        try:
            value = parse_object(data, max_bytes=MAX_DOCUMENT_BYTES)
        except RequestError as exc:
            raise RequestError(CODE, exc.message) from exc
        if get_member(value, "vct", str, code=CODE) != expected_vct:
            raise RequestError(CODE, "the document is of another type")
        extends = find_member(value, "extends", str, code=CODE)
        if extends is not None and not 0 < len(extends) <= MAX_URL_CHARS:
            raise RequestError(CODE, f"expected extends to have 1 to {MAX_URL_CHARS} characters")
        display = read_objects(value, "display", TypeDisplay.parse, limit=MAX_LANGUAGES)
        claims = read_objects(value, "claims", ClaimMetadata.parse, limit=MAX_CLAIMS) or ()
        _check_distinct([each.locale for each in display or ()], "language of a type")
        _check_distinct([claim.path for claim in claims], "claim path")
        check_svg_ids(claims)
        return cls(
            vct=expected_vct,
            name=read_text(value, "name"),
            description=read_text(value, "description"),
            extends=extends,
            extends_integrity=read_integrity(value, "extends#integrity"),
            display=display,
            claims=claims,
        )


def check_svg_ids(claims: tuple[ClaimMetadata, ...]) -> None:
    """Raise `RequestError` (`invalid_type_metadata`) unless each `svg_id` stands once."""
    _check_distinct([claim.svg_id for claim in claims if claim.svg_id is not None], "svg_id")


def _check_distinct(values: list[str] | list[ClaimPath], what: str) -> None:
    if len(set(values)) != len(values):
        raise RequestError(CODE, f"a {what} stands twice")


def _read_path(value: dict[str, JSON]) -> ClaimPath:
    steps = get_member(value, "path", list, code=CODE)
    if not 1 <= len(steps) <= MAX_PATH_STEPS:
        raise RequestError(CODE, f"expected a path of 1 to {MAX_PATH_STEPS} steps")
    return tuple(_read_step(step) for step in steps)


def _read_step(step: JSON) -> str | int | None:
    match step:
        case None:
            return None
        case str(name) if len(name) <= MAX_NAME_CHARS:
            return name
        case int(index) if not isinstance(index, bool) and 0 <= index <= MAX_INDEX:
            return index
    raise RequestError(CODE, "expected each step of a path to be a name, an index or null")
