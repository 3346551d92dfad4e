# SPDX-License-Identifier: EUPL-1.2
"""How a type of credential is shown (SD-JWT VC, section 5.5): names by language, logo, colours, SVG templates.

- Images and templates stay references: an https URL or a `data:` URI of a known image type, never http and never
  markup. Nothing here is fetched, and nobody may put an SVG into a page: a page shows it as the source of an image
  element, where no script of it runs and nothing that it refers to is loaded (sections 5.5.1.2.2 and 7.6).
- Colours are colours, so that none can carry other style rules.
- Texts have bounded length and no control characters, none that turn the direction of reading included
  (section 7.6); whoever shows them escapes them.
- Unknown members and rendering methods are passed over; anything known of another form is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from protocol.encoding import JSON, find_member
from protocol.errors import RequestError
from protocol.type_metadata.integrity import MAX_INTEGRITY_CHARS

CODE = "invalid_type_metadata"
# The official names of public bodies reach 200 characters; a paragraph has about 600.
MAX_TEXT_CHARS = 1000
MAX_URL_CHARS = 2048
# A logo of 40 kB, in base64.
MAX_DATA_URI_CHARS = 64 * 1024
# The 24 official languages of the Union, and the co-official ones of its members.
MAX_LANGUAGES = 64
# orientation, colour scheme and contrast have two values each
MAX_SVG_TEMPLATES = 8
_IMAGES = frozenset({"image/png", "image/jpeg", "image/svg+xml"})
_TEMPLATES = frozenset({"image/svg+xml"})
_LOCALE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,5}")
_URL = re.compile(r"https://[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")
_DATA_URI = re.compile(r"data:([a-z]+/[a-z0-9.+-]+)(?:;[!-+\--~]*)?,[!-~]*", re.IGNORECASE)
_COLOUR = re.compile(r"#([0-9A-Fa-f]{3}){1,2}|rgb\( ?\d{1,3}%?( ?, ?\d{1,3}%?){2} ?\)")
# control characters but tab and line feed, and those that turn the direction of what follows
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Image:
    """A logo or a background, by reference. The text says what a logo shows."""

    uri: str
    integrity: str | None = None
    alt_text: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return present({"uri": self.uri, "uri#integrity": self.integrity, "alt_text": self.alt_text})

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> Image:
        """Return the reference (sections 5.5.1.1.1 and 5.5.1.1.2)."""
        return cls(
            uri=_read_uri(value, _IMAGES),
            integrity=read_integrity(value, "uri#integrity"),
            alt_text=read_text(value, "alt_text"),
        )


@dataclass(frozen=True)
class SimpleRendering:
    """Logo, background and colours (section 5.5.1.1)."""

    logo: Image | None = None
    background_image: Image | None = None
    background_color: str | None = None
    text_color: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return present(
            {
                "logo": self.logo.to_json() if self.logo else None,
                "background_image": self.background_image.to_json() if self.background_image else None,
                "background_color": self.background_color,
                "text_color": self.text_color,
            }
        )

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> SimpleRendering:
        """Return the rendering."""
        logo = find_member(value, "logo", dict, code=CODE)
        background = find_member(value, "background_image", dict, code=CODE)
        return cls(
            logo=None if logo is None else Image.parse(logo),
            background_image=None if background is None else Image.parse(background),
            background_color=_read_matching(value, "background_color", _COLOUR),
            text_color=_read_matching(value, "text_color", _COLOUR),
        )


@dataclass(frozen=True)
class SVGTemplate:
    """A template by reference, and for which display it is made (section 5.5.1.2)."""

    uri: str
    integrity: str | None = None
    orientation: str | None = None
    color_scheme: str | None = None
    contrast: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        made_for = present(
            {"orientation": self.orientation, "color_scheme": self.color_scheme, "contrast": self.contrast}
        )
        return present({"uri": self.uri, "uri#integrity": self.integrity, "properties": made_for or None})

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> SVGTemplate:
        """Return the reference. Properties, where given, name at least one thing (section 5.5.1.2.1)."""
        made_for = find_member(value, "properties", dict, code=CODE)
        template = cls(
            uri=_read_uri(value, _TEMPLATES),
            integrity=read_integrity(value, "uri#integrity"),
            orientation=_read_choice(made_for or {}, "orientation", ("portrait", "landscape")),
            color_scheme=_read_choice(made_for or {}, "color_scheme", ("light", "dark")),
            contrast=_read_choice(made_for or {}, "contrast", ("normal", "high")),
        )
        if made_for is not None and not template.has_properties:
            raise RequestError(CODE, "expected the properties of an SVG template to name at least one")
        return template

    @property
    def has_properties(self) -> bool:
        """Whether it says for which display it is made."""
        return bool(self.orientation or self.color_scheme or self.contrast)


@dataclass(frozen=True)
class TypeDisplay:
    """What a type is called in one language, and how it looks (section 5.5)."""

    locale: str
    name: str
    description: str | None = None
    simple: SimpleRendering | None = None
    svg_templates: tuple[SVGTemplate, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        rendering = present(
            {
                "simple": self.simple.to_json() if self.simple else None,
                "svg_templates": [template.to_json() for template in self.svg_templates] or None,
            }
        )
        return present(
            {
                "locale": self.locale,
                "name": self.name,
                "description": self.description,
                "rendering": rendering or None,
            }
        )

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> TypeDisplay:
        """Return the display for one language."""
        rendering = find_member(value, "rendering", dict, code=CODE) or {}
        simple = find_member(rendering, "simple", dict, code=CODE)
        templates = read_objects(rendering, "svg_templates", SVGTemplate.parse, limit=MAX_SVG_TEMPLATES) or ()
        if len(templates) > 1 and not all(template.has_properties for template in templates):
            raise RequestError(CODE, "expected each of several SVG templates to have properties")
        return cls(
            locale=read_locale(value),
            name=get_text(value, "name"),
            description=read_text(value, "description"),
            simple=None if simple is None else SimpleRendering.parse(simple),
            svg_templates=templates,
        )


def present(members: dict[str, JSON]) -> dict[str, JSON]:
    """Return the members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def read_text(value: dict[str, JSON], name: str) -> str | None:
    """Return an optional text for people. Raises `RequestError` on an empty, long or disguised one."""
    text = find_member(value, name, str, code=CODE)
    if text is not None and (not text.strip() or len(text) > MAX_TEXT_CHARS or _FORBIDDEN.search(text)):
        raise RequestError(CODE, f"expected {name} to be a plain text of 1 to {MAX_TEXT_CHARS} characters")
    return text


def get_text(value: dict[str, JSON], name: str) -> str:
    """Return a required text for people. Raises as `read_text` does."""
    text = read_text(value, name)
    if text is None:
        raise RequestError(CODE, f"expected {name}, got nothing")
    return text


def read_integrity(value: dict[str, JSON], name: str) -> str | None:
    """Return an optional integrity string, as it is: `verify_integrity` reads it when the document is fetched."""
    text = find_member(value, name, str, code=CODE)
    if text is not None and len(text) > MAX_INTEGRITY_CHARS:
        raise RequestError(CODE, f"{name} is longer than {MAX_INTEGRITY_CHARS} characters")
    return text


def read_locale(value: dict[str, JSON]) -> str:
    """Return the required language tag (RFC 5646)."""
    locale = _read_matching(value, "locale", _LOCALE)
    if locale is None:
        raise RequestError(CODE, "expected locale, got nothing")
    return locale


def read_objects(
    value: dict[str, JSON], name: str, parse: Callable[[dict[str, JSON]], _T], *, limit: int
) -> tuple[_T, ...] | None:
    """Return an optional array of objects, each parsed; None when it is absent."""
    items = find_member(value, name, list, code=CODE)
    if items is None:
        return None
    if len(items) > limit:
        raise RequestError(CODE, f"expected at most {limit} {name}, got {len(items)}")
    found = []
    for item in items:
        if not isinstance(item, dict):
            raise RequestError(CODE, f"expected {name} to be an array of objects")
        found.append(parse(item))
    return tuple(found)


def is_web_address(text: str) -> bool:
    """Whether it is an https URL with a host (RFC 3986), without user information or fragment."""
    if len(text) > MAX_URL_CHARS or not _URL.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


def _read_uri(value: dict[str, JSON], kinds: frozenset[str]) -> str:
    uri = find_member(value, "uri", str, code=CODE) or ""
    if is_web_address(uri):
        return uri
    embedded = _DATA_URI.fullmatch(uri) if len(uri) <= MAX_DATA_URI_CHARS else None
    if embedded is None or embedded[1].lower() not in kinds:
        raise RequestError(CODE, "expected an image to be an https URL or a data URI of a known image type")
    return uri


def _read_matching(value: dict[str, JSON], name: str, form: re.Pattern[str]) -> str | None:
    text = find_member(value, name, str, code=CODE)
    if text is not None and not form.fullmatch(text):
        raise RequestError(CODE, f"malformed {name}")
    return text


def _read_choice(value: dict[str, JSON], name: str, choices: tuple[str, ...]) -> str | None:
    text = find_member(value, name, str, code=CODE)
    if text is not None and text not in choices:
        raise RequestError(CODE, f"expected {name} to be one of {', '.join(choices)}")
    return text
