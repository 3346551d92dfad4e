# SPDX-License-Identifier: EUPL-1.2
"""How issuers, credentials and claims are named and drawn (sections 12.2.4 and B.2): one object per language.

Images are addresses, never fetched here; whoever shows one decides about its scheme (HAIP 1.0, section 4.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from protocol.encoding import JSON, find_member
from protocol.errors import RequestError
from protocol.members import find_text, get_text

# an image of 32 kB written into the document itself
MAX_IMAGE_CHARS = 48 * 1024
# a title or a sentence
MAX_TEXT_CHARS = 1000
# BCP 47 by its shape alone: language, then subtags
_LOCALE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}")
# numerical colours of CSS Color Module Level 3, and nothing that could be another declaration
_COLOUR = re.compile(r"#[0-9A-Fa-f]{3}([0-9A-Fa-f]{3})?|(rgb|hsl)a?\([0-9., %-]{1,40}\)")
# what a text without locale is taken for
DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True)
class Image:
    """A logo or background image by its address."""

    uri: str
    alt_text: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {"uri": self.uri}
        return members if self.alt_text is None else {**members, "alt_text": self.alt_text}

    @classmethod
    def parse(cls, value: dict[str, JSON], *, code: str) -> Image:
        """Return the image. Raises `RequestError` with this code."""
        uri = get_text(value, "uri", code=code)
        if len(uri) > MAX_IMAGE_CHARS:
            raise RequestError(code, f"expected an image address of at most {MAX_IMAGE_CHARS} characters")
        return cls(uri=uri, alt_text=_find_text(value, "alt_text", code))


@dataclass(frozen=True)
class Display:
    """What to show in one language; None stands for any language, once."""

    name: str | None = None
    locale: str | None = None
    logo: Image | None = None
    description: str | None = None
    background_color: str | None = None
    background_image: Image | None = None
    text_color: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {
            "name": self.name,
            "locale": self.locale,
            "logo": None if self.logo is None else self.logo.to_json(),
            "description": self.description,
            "background_color": self.background_color,
            "background_image": None if self.background_image is None else self.background_image.to_json(),
            "text_color": self.text_color,
        }
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def parse(cls, value: dict[str, JSON], *, code: str) -> Display:
        """Return the object. Raises `RequestError` with this code."""
        locale = find_text(value, "locale", code=code)
        if locale is not None and not _LOCALE.fullmatch(locale):
            raise RequestError(code, "expected locale to be a language tag")
        logo = find_member(value, "logo", dict, code=code)
        background = find_member(value, "background_image", dict, code=code)
        return cls(
            name=_find_text(value, "name", code),
            locale=locale,
            logo=None if logo is None else Image.parse(logo, code=code),
            description=_find_text(value, "description", code),
            background_color=_find_colour(value, "background_color", code),
            background_image=None if background is None else Image.parse(background, code=code),
            text_color=_find_colour(value, "text_color", code),
        )


def _find_text(value: dict[str, JSON], name: str, code: str) -> str | None:
    text = find_text(value, name, code=code)
    if text is not None and len(text) > MAX_TEXT_CHARS:
        raise RequestError(code, f"expected {name} to have at most {MAX_TEXT_CHARS} characters")
    return text


def _find_colour(value: dict[str, JSON], name: str, code: str) -> str | None:
    colour = find_text(value, name, code=code)
    if colour is not None and not _COLOUR.fullmatch(colour):
        raise RequestError(code, f"expected {name} to be a numerical CSS colour")
    return colour


def parse_displays(items: Iterable[dict[str, JSON]], *, code: str, has_names: bool = False) -> tuple[Display, ...]:
    """Return one object per language; `has_names`: each must have a name. Raises `RequestError` with this code."""
    found = tuple(Display.parse(item, code=code) for item in items)
    locales = {None if display.locale is None else display.locale.lower() for display in found}
    if len(locales) != len(found):
        raise RequestError(code, "expected one display object for each language")
    if has_names and any(display.name is None for display in found):
        raise RequestError(code, "expected a name in each display object")
    return found


def displays_of(names: Mapping[str, str]) -> tuple[Display, ...]:
    """Return names by language as display objects."""
    return tuple(Display(name=text, locale=language) for language, text in names.items())


def names_of(displays: Iterable[Display]) -> dict[str, str]:
    """Return names by language; the first of several regions of a language counts."""
    found: dict[str, str] = {}
    for display in displays:
        if display.name is not None:
            language = (display.locale or DEFAULT_LANGUAGE).partition("-")[0].lower()
            found.setdefault(language, display.name)
    return found
