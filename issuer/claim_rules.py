# SPDX-License-Identifier: EUPL-1.2
"""How one claim of a credential is made: from where, by which transformation, and how it is called.

- Origins and transformations are closed lists; a rule that could not work is refused when it is read.
- A text that does not fit its transformation is `source_malformed`, never passed on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, TypeAlias, assert_never

from pydantic import AfterValidator, ConfigDict
from pydantic.dataclasses import dataclass

from issuer.interop import Query, SourceError
from protocol.identity import Identity

Claim: TypeAlias = "str | bool"
LANGUAGES = ("ca", "es", "en", "da")
# names that the credential format keeps for itself (SD-JWT VC, section 2.2.2)
RESERVED = frozenset({"iss", "nbf", "exp", "iat", "sub", "cnf", "vct", "aka_vcts", "status", "_sd", "_sd_alg"})
STRICT = ConfigDict(extra="forbid", hide_input_in_errors=True)
_IDENTITY_FIELDS = frozenset({"given_name", "surnames", "identifier"})
_MUNICIPALITY_FIELDS = frozenset({"name", "code", "province_code"})
_DATE_FORMS = ("%d/%m/%Y", "%Y-%m-%d")
_MONTH = re.compile(r"(0[1-9]|1[0-2])/(\d{4})")
_YEAR = re.compile(r"\d{4}")


def _check_languages(texts: Mapping[str, str]) -> Mapping[str, str]:
    if set(texts) != set(LANGUAGES) or not all(text.strip() for text in texts.values()):
        raise ValueError(f"expected a text in each of {', '.join(LANGUAGES)}")
    return MappingProxyType(dict(texts))


Texts: TypeAlias = Annotated[Mapping[str, str], AfterValidator(_check_languages)]


class Origin(StrEnum):
    """Where a claim's value comes from."""

    IDENTITY = "identity"
    SOURCE = "source"
    MUNICIPALITY = "municipality"
    TODAY = "today"
    CONSTANT = "constant"


class Kind(StrEnum):
    """How a text becomes a claim value."""

    TEXT = "text"
    # DD/MM/YYYY or YYYY-MM-DD, to YYYY-MM-DD
    DATE = "date"
    # also MM/YYYY and YYYY, to YYYY-MM and YYYY
    PARTIAL_DATE = "partial_date"
    # by the claim's own table `codes`; a code outside it is an error
    CODE = "code"


@dataclass(frozen=True, config=STRICT)
class ClaimRule:
    """How one claim is made and called."""

    name: str
    origin: Origin
    label: Texts
    selectively_disclosable: bool
    # which field of the origin; unused for `today` and `constant`
    field: str = ""
    kind: Kind = Kind.TEXT
    required: bool = True
    codes: Mapping[str, str] | None = None
    value: str | bool | None = None

    def __post_init__(self) -> None:
        """Refuse rules that could not work."""
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name) or self.name in RESERVED:
            raise ValueError("name must be lower case words joined by _ and not reserved")
        if (self.origin is Origin.CONSTANT) != (self.value is not None):
            raise ValueError("value belongs to origin constant, and only there")
        if (self.kind is Kind.CODE) != (self.codes is not None):
            raise ValueError("codes belong to kind code, and only there")
        known = {Origin.IDENTITY: _IDENTITY_FIELDS, Origin.MUNICIPALITY: _MUNICIPALITY_FIELDS}.get(self.origin)
        if known is not None and self.field not in known:
            raise ValueError(f"field must be one of {', '.join(sorted(known))}")
        if (self.origin in {Origin.TODAY, Origin.CONSTANT}) == bool(self.field):
            raise ValueError("field belongs to origins identity, source and municipality, and only there")


def make_claims(
    rules: tuple[ClaimRule, ...], identity: Identity, query: Query, record: Mapping[str, str], today: date
) -> dict[str, Claim]:
    """Return the claims of one source record. Raises `SourceError` (`source_malformed`) when it does not fit."""
    made: dict[str, Claim] = {}
    for rule in rules:
        text = _text_of(rule, identity, query, record, today)
        if text is None or isinstance(text, bool):
            value: Claim | None = text
        else:
            value = _transform(rule, text.strip()) if text.strip() else None
        if value is not None:
            made[rule.name] = value
        elif rule.required:
            raise SourceError("source_malformed", f"expected {rule.field or rule.name}, got nothing")
    return made


def _text_of(
    rule: ClaimRule, identity: Identity, query: Query, record: Mapping[str, str], today: date
) -> Claim | None:
    """Return what the rule's origin holds, before the transformation."""
    match rule.origin:
        case Origin.IDENTITY:
            own = {
                "given_name": identity.given_name,
                "surnames": identity.surnames,
                "identifier": identity.identifier,
            }
            return own[rule.field]
        case Origin.SOURCE:
            return record.get(rule.field)
        case Origin.MUNICIPALITY:
            place = query.authorisation.municipality
            if place is None:
                return None
            return {"name": place.name, "code": place.code, "province_code": place.province_code}[rule.field]
        case Origin.TODAY:
            return today.isoformat()
        case Origin.CONSTANT:
            return rule.value
    assert_never(rule.origin)


def _transform(rule: ClaimRule, text: str) -> str:
    match rule.kind:
        case Kind.TEXT:
            return text
        case Kind.DATE:
            return _date(rule, text)
        case Kind.PARTIAL_DATE:
            if month := _MONTH.fullmatch(text):
                return f"{month[2]}-{month[1]}"
            return text if _YEAR.fullmatch(text) else _date(rule, text)
        case Kind.CODE:
            if rule.codes is None or text not in rule.codes:
                raise SourceError("source_malformed", f"unknown code in {rule.field}")
            return rule.codes[text]
    assert_never(rule.kind)


def _date(rule: ClaimRule, text: str) -> str:
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).date().isoformat()
        except ValueError:
            continue
    raise SourceError("source_malformed", f"expected a date in {rule.field}")
