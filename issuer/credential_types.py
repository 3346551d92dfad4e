# SPDX-License-Identifier: EUPL-1.2
"""Credential types as data: one TOML file each, read at start (DESIGN, section 7).

A file says where the data come from and on which footing, how sure the sign-in must be, what the person is told
first, which field of the source becomes which claim, and how all of it is called in four languages.

- The reader is strict: an unknown member, a missing language or an unknown transformation refuses to start.
- Only `Found` becomes claims. A negative verdict or "not registered" never reaches this module.
- A source record that lacks a required field, or holds one of the wrong form, is `source_malformed`.
- The name comes from the sign-in (the sources do not return it); everything else from the source, from the
  question that was asked, or from the file itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Annotated, TypeAlias, assert_never

from pydantic import AfterValidator, BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from issuer.interop import Authorisation, Consent, Found, Holder, Query, SourceError, new_query_id
from protocol.errors import ConfigurationError, RequestError
from protocol.identity import AssuranceLevel, IdentifierType, Identity

Claim: TypeAlias = "str | bool"
LANGUAGES = ("ca", "es", "en", "da")
# names that the credential format keeps for itself (SD-JWT VC, section 2.2.2)
RESERVED = frozenset({"iss", "nbf", "exp", "iat", "sub", "cnf", "vct", "aka_vcts", "status", "_sd", "_sd_alg"})
_IDENTITY_FIELDS = frozenset({"given_name", "surnames", "identifier"})
_MUNICIPALITY_FIELDS = frozenset({"name", "code", "province_code"})
_STRICT = ConfigDict(extra="forbid", hide_input_in_errors=True)
_DATE_FORMS = ("%d/%m/%Y", "%Y-%m-%d")
_MONTH = re.compile(r"(0[1-9]|1[0-2])/(\d{4})")
_YEAR = re.compile(r"\d{4}")


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


def _check_languages(texts: Mapping[str, str]) -> Mapping[str, str]:
    if set(texts) != set(LANGUAGES) or not all(text.strip() for text in texts.values()):
        raise ValueError(f"expected a text in each of {', '.join(LANGUAGES)}")
    return MappingProxyType(dict(texts))


def _check_url(text: str) -> str:
    if not text.startswith("https://"):
        raise ValueError("expected an https URL")
    return text


def _read_level(word: object) -> AssuranceLevel:
    return AssuranceLevel.from_word(str(word))


Texts: TypeAlias = Annotated[Mapping[str, str], AfterValidator(_check_languages)]


@dataclass(frozen=True, config=_STRICT)
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


@dataclass(frozen=True, config=_STRICT)
class SourceBinding:
    """Which product of Via Oberta holds the data, and on which footing they are asked for."""

    product: str
    modality: str
    consent: Consent


@dataclass(frozen=True, config=_STRICT)
class LegalWords:
    """What the person reads before anything is fetched."""

    why: Texts
    law: Texts
    fetched: Texts
    # what the person can do: authorise, or object and say why
    choice: Texts


@dataclass(frozen=True, config=_STRICT)
class CredentialType:
    """One kind of document that can be issued."""

    id: str
    vct: Annotated[str, AfterValidator(_check_url)]
    source: SourceBinding
    assurance_level: Annotated[AssuranceLevel, BeforeValidator(_read_level)]
    identifier_types: frozenset[IdentifierType]
    validity_days: int
    name: Texts
    description: Texts
    legal: LegalWords
    claim_rules: tuple[ClaimRule, ...]

    def __post_init__(self) -> None:
        """Refuse types that could not work."""
        names = [rule.name for rule in self.claim_rules]
        if not names or len(set(names)) != len(names):
            raise ValueError("claim_rules must name each claim once")
        if self.validity_days < 1 or not self.identifier_types:
            raise ValueError("validity_days and identifier_types must not be empty")

    @property
    def validity(self) -> timedelta:
        """How long a credential of this type is valid."""
        return timedelta(days=self.validity_days)

    @property
    def disclosable(self) -> frozenset[str]:
        """Names of the claims that the holder can keep back."""
        return frozenset(rule.name for rule in self.claim_rules if rule.selectively_disclosable)

    @property
    def asks_authorisation(self) -> bool:
        """Whether the person must authorise the query; otherwise they may object to it."""
        return self.source.consent is Consent.AUTHORISED

    def check_identity(self, identity: Identity) -> None:
        """Raise `RequestError` unless the sign-in suffices: `assurance_too_low`, `document_type_unsupported`."""
        if identity.assurance_level < self.assurance_level:
            expected, got = self.assurance_level.word, identity.assurance_level.word
            raise RequestError("assurance_too_low", f"expected level {expected}, got {got}", status=403)
        if identity.identifier_type not in self.identifier_types:
            raise RequestError(
                "document_type_unsupported", f"{self.id} is not issued to {identity.identifier_type}"
            )

    def request(self, identity: Identity, authorisation: Authorisation) -> Query:
        """Return the question to the source, with a fresh identifier. Raises as `check_identity` does."""
        self.check_identity(identity)
        return Query(
            identifier=new_query_id(),
            product=self.source.product,
            modality=self.source.modality,
            consent=self.source.consent,
            authorisation=authorisation,
            holder=Holder(
                document_type=identity.identifier_type,
                document=identity.identifier,
                given_name=identity.given_name,
                surname1=identity.surname1,
                surname2=identity.surname2,
            ),
        )

    def claims(self, identity: Identity, answer: Found, today: date) -> list[dict[str, Claim]]:
        """Return the claims of each credential that the answer gives, in the order of the file.

        Raises `SourceError` (`source_malformed`) when the answer does not fit this type.
        """
        asked = (answer.query.product, answer.query.modality, answer.query.holder.document)
        if asked != (self.source.product, self.source.modality, identity.identifier) or not answer.records:
            raise SourceError("source_malformed", f"the answer is not one for {self.id}")
        return [self._claims_of(identity, answer.query, record, today) for record in answer.records]

    def _claims_of(
        self, identity: Identity, query: Query, record: Mapping[str, str], today: date
    ) -> dict[str, Claim]:
        made: dict[str, Claim] = {}
        for rule in self.claim_rules:
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


_adapter = TypeAdapter(CredentialType)


def parse_type(text: str, *, name: str) -> CredentialType:
    """Return the type of one data file. Raises `ConfigurationError` that names the file and each bad member."""
    try:
        return _adapter.validate_python(tomllib.loads(text))
    except tomllib.TOMLDecodeError as exc:
        raise ConfigurationError("configuration_error", f"{name}: not TOML: {exc}") from exc
    except ValidationError as exc:
        parts = [f"{'.'.join(str(p) for p in e['loc']) or 'file'}: {e['msg']}" for e in exc.errors()]
        raise ConfigurationError("configuration_error", f"{name}: {'; '.join(parts)}") from exc


def read_types(folder: Traversable) -> Mapping[str, CredentialType]:
    """Return the types of a folder's TOML files by identifier, ordered by it.

    Raises `ConfigurationError` when a file is bad, is not named after its type, repeats a vct, or none is there.
    """
    found: dict[str, CredentialType] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        kind = parse_type(file.read_text(encoding="utf-8"), name=file.name)
        if file.name != f"{kind.id}.toml":
            raise ConfigurationError("configuration_error", f"{file.name}: expected the name {kind.id}.toml")
        if any(other.vct == kind.vct for other in found.values()):
            raise ConfigurationError("configuration_error", f"{file.name}: its vct belongs to another type")
        found[kind.id] = kind
    if not found:
        raise ConfigurationError("configuration_error", "no credential types found")
    return MappingProxyType(found)


@cache
def load_types() -> Mapping[str, CredentialType]:
    """Return the types that ship with the issuer."""
    return read_types(files("issuer") / "credential_types")
