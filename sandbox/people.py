# SPDX-License-Identifier: EUPL-1.2
"""The fictitious people of the sandbox, and who may ask about them: data files, strictly read.

Check letters are not verified: the real platform's own test documents would fail.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from protocol.errors import ConfigurationError
from protocol.identity import IdentifierType

LANGUAGES = frozenset({"ca", "es", "en"})
# the fictitious municipality of Vilaprova
MUNICIPALITY, PROVINCE = "001", "99"
_STRICT = ConfigDict(extra="forbid")


class Failure(StrEnum):
    """What goes wrong when somebody asks about this person."""

    FAULT = "fault"
    STATE_0502 = "state_0502"
    RESULT_0233 = "result_0233"
    FORBIDDEN = "forbidden"
    TIMEOUT = "timeout"


class Census(StrEnum):
    """What the census says."""

    RESIDENT = "resident"
    ABSENT = "absent"
    NOT_ADHERED = "not_adhered"


class Tax(StrEnum):
    """What the Tax Agency says."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNKNOWN = "unknown"


@dataclass(frozen=True, config=_STRICT)
class Degree:
    """One university degree, in the texts and date forms of the register."""

    code: str
    title: str
    type_code: str
    type: str
    university: str
    centre: str
    completed: str
    issued: str
    number: str
    registration: str


@dataclass(frozen=True, config=_STRICT)
class Person:
    """One fictitious person."""

    id: str
    identifier: str
    identifier_type: IdentifierType
    given_name: str
    surname1: str
    birth_date: date
    surname2: str = ""
    degrees: tuple[Degree, ...] = ()
    census: Census = Census.ABSENT
    municipality: str = MUNICIPALITY
    province: str = PROVINCE
    tax: Tax = Tax.UNKNOWN
    failure: Failure | None = None
    # a public employee's administration (DIR3 code); empty for citizens
    employer_code: str = ""
    employer_name: str = ""
    signs_in: bool = True
    # one line for the sign-in page, in each language
    description: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        """Refuse a person whom the sign-in page could not present."""
        if self.signs_in != (self.description is not None):
            raise ValueError("description belongs to people who sign in")
        if self.description is not None and set(self.description) != LANGUAGES:
            raise ValueError("description must be in ca, es and en")

    @property
    def full_name(self) -> str:
        """Given name and surnames."""
        return f"{self.given_name} {self.surname1} {self.surname2}".strip()

    @property
    def is_clerk(self) -> bool:
        """Whether the person signs in as a public employee."""
        return bool(self.employer_code)


@dataclass(frozen=True, config=_STRICT)
class Authorised:
    """One line of the platform's authorisation table."""

    requester: str
    product: str
    modality: str
    finality: str
    consents: frozenset[str]


@dataclass(frozen=True, config=_STRICT)
class _PeopleFile:
    people: tuple[Person, ...]


@dataclass(frozen=True, config=_STRICT)
class _AuthorisationsFile:
    authorisations: tuple[Authorised, ...]


def parse_people(text: str, *, name: str) -> tuple[Person, ...]:
    """Return the people of one data file. Raises `ConfigurationError` that names the file."""
    try:
        return TypeAdapter(_PeopleFile).validate_python(tomllib.loads(text)).people
    except (tomllib.TOMLDecodeError, ValidationError) as exc:
        raise ConfigurationError("configuration_error", f"{name}: {exc}") from exc


@cache
def load_people() -> Mapping[str, Person]:
    """Return all people by identifier of the file, citizens first."""
    found: dict[str, Person] = {}
    for file in ("citizens.toml", "clerks.toml"):
        text = (files("sandbox") / "people" / file).read_text(encoding="utf-8")
        for person in parse_people(text, name=file):
            if person.id in found or any(other.identifier == person.identifier for other in found.values()):
                raise ConfigurationError("configuration_error", f"{file}: {person.id} is there twice")
            found[person.id] = person
    return MappingProxyType(found)


@cache
def load_authorisations() -> tuple[Authorised, ...]:
    """Return the authorisation table."""
    text = (files("sandbox") / "authorisations.toml").read_text(encoding="utf-8")
    return TypeAdapter(_AuthorisationsFile).validate_python(tomllib.loads(text)).authorisations
