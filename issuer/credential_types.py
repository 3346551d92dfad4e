# SPDX-License-Identifier: EUPL-1.2
"""Credential types as data: one TOML file each, read at start.

A file says where the data come from and on which footing, how sure the sign-in must be, what the person is told
first, which field of the source becomes which claim, and how all of it is called in four languages.

- The reader is strict: an unknown member, a missing language or an unknown transformation refuses to start.
- Only `Found` becomes claims. A negative verdict or "not registered" never reaches this module.
- A source record that lacks a required field, or holds one of the wrong form, is `source_malformed`.
- The name comes from the sign-in (the sources do not return it); everything else from the source, from the
  question that was asked, or from the file itself.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StrictBool, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from issuer.claim_rules import STRICT, Claim, ClaimRule, Origin, Texts, make_claims
from issuer.interop import Authorisation, Consent, Found, Holder, Query, SourceError, new_query_id
from protocol.errors import ConfigurationError, RequestError
from protocol.identity import AssuranceLevel, IdentifierType, Identity


def _check_url(text: str) -> str:
    if not text.startswith("https://"):
        raise ValueError("expected an https URL")
    return text


def _read_level(word: object) -> AssuranceLevel:
    return AssuranceLevel.from_word(str(word))


@dataclass(frozen=True, config=STRICT)
class SourceBinding:
    """Which product of Via Oberta holds the data, and on which footing they are asked for."""

    product: str
    modality: str
    consent: Consent


@dataclass(frozen=True, config=STRICT)
class LegalWords:
    """What the person reads before anything is fetched."""

    why: Texts
    law: Texts
    fetched: Texts
    # what the person can do: authorise, or object and say why
    choice: Texts


class LegalTerm(StrEnum):
    """Legal bases of a question to a source, as terms of the W3C Data Privacy Vocabulary."""

    # the person's authorisation, which a law asks for
    PERMISSION = "dpv:Permission"
    LEGAL_OBLIGATION = "eu-gdpr:A6-1-c"
    PUBLIC_TASK = "eu-gdpr:A6-1-e"


@dataclass(frozen=True, config=STRICT)
class RecordTerms:
    """What the record of a question says beside what the person reads (`issuer.recording`)."""

    # of these terms and of the words above: grows when they change
    version: int
    legal_basis: LegalTerm
    # the claims that the source is asked for: never what the sign-in or the day tells
    asked: tuple[str, ...]
    retention: Texts
    retention_days: int


@dataclass(frozen=True, config=STRICT)
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
    record: RecordTerms
    # whether a copy can be revoked before it expires
    carries_status: StrictBool = True

    def __post_init__(self) -> None:
        """Refuse types that could not work."""
        names = [rule.name for rule in self.claim_rules]
        if not names or len(set(names)) != len(names):
            raise ValueError("claim_rules must name each claim once")
        if self.validity_days < 1 or not self.identifier_types:
            raise ValueError("validity_days and identifier_types must not be empty")
        self._check_record()

    def _check_record(self) -> None:
        origins = {rule.name: rule.origin for rule in self.claim_rules}
        asked = {name for name, origin in origins.items() if origin is Origin.SOURCE}
        allowed = asked | {name for name, origin in origins.items() if origin is Origin.CONSTANT}
        record = self.record
        if not asked <= set(record.asked) <= allowed or len(set(record.asked)) != len(record.asked):
            raise ValueError("record.asked must name each claim of the source once, and of others only constants")
        if record.version < 1 or record.retention_days < 1:
            raise ValueError("record.version and record.retention_days must be positive")
        if self.asks_authorisation is not (record.legal_basis is LegalTerm.PERMISSION):
            raise ValueError("record.legal_basis and source.consent must both be an authorisation, or neither")

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
        return [make_claims(self.claim_rules, identity, answer.query, record, today) for record in answer.records]


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
