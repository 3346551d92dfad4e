# SPDX-License-Identifier: EUPL-1.2
"""What the issuer asks a source of data, and what a source can answer.

- Business outcomes are values (`Found`, `NotFound`, `Negative`): the source did its work and this is the answer.
- Everything else is a `SourceError`: the source could not be asked, or what it said makes no sense. Nothing is
  issued then, and nothing is concluded about the person.
- Each query names who asks, for which purpose, on which consent and by which civil servant (RD 203/2021,
  article 61); all of that is configuration, never a constant.

The one implementation is `issuer.via_oberta.ViaOberta`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias

from protocol.errors import UnavailableError
from protocol.identity import IdentifierType


class Consent(StrEnum):
    """On what footing the data are asked for (`Consentimiento` of the request)."""

    # the person authorised it: tax data need this (Ley 58/2003, article 95.1.k)
    AUTHORISED = "Si"
    # a law orders it
    LAW = "Ley"
    # the person did not object (Ley 39/2015, article 28.2)
    NOT_OBJECTED = "NoOpo"


class Reason(StrEnum):
    """Why there is nothing to issue although the source answered."""

    NO_DATA = "no_data"
    NOT_IDENTIFIED = "not_identified"
    NOT_REGISTERED = "not_registered"
    MUNICIPALITY_NOT_ADHERED = "municipality_not_adhered"
    NOT_CERTIFIABLE = "not_certifiable"


@dataclass(frozen=True)
class Officer:
    """The civil servant on whose account the administration asks."""

    name: str
    document: str = field(repr=False)


@dataclass(frozen=True)
class Municipality:
    """The municipality of a town council: INE codes of three and two digits."""

    code: str
    province_code: str
    name: str


@dataclass(frozen=True)
class Authorisation:
    """As whom and for which purpose one administration may ask; handed out by the platform."""

    # INE10 code of the organisation
    requester_code: str
    requester_name: str
    # `Finalidad`
    finality: str
    officer: Officer
    # town councils only: census sources answer about one municipality
    municipality: Municipality | None = None


@dataclass(frozen=True)
class Holder:
    """The person the data are about."""

    document_type: IdentifierType
    document: str = field(repr=False)
    given_name: str = field(repr=False)
    surname1: str = field(repr=False)
    surname2: str = field(repr=False)


def new_query_id() -> str:
    """Return an `IdSolicitud`: at most 40 characters, unique for ever, and says nothing."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Query:
    """One question about one person. A repeat after an error needs a new identifier."""

    identifier: str
    product: str
    modality: str
    consent: Consent
    authorisation: Authorisation
    holder: Holder


@dataclass(frozen=True)
class Found:
    """The source holds it. One record per document, as the source's own field names and texts."""

    query: Query
    records: tuple[Mapping[str, str], ...] = field(repr=False)


@dataclass(frozen=True)
class NotFound:
    """The source answered that there is nothing to certify; `code` is its own result code."""

    query: Query
    reason: Reason
    code: str


@dataclass(frozen=True)
class Negative:
    """The source answered with a negative verdict. It never becomes a credential; `code` is its own word."""

    query: Query
    code: str


Answer: TypeAlias = "Found | NotFound | Negative"


class SourceError(UnavailableError):
    """The source could not be asked, or its reply is no answer.

    Codes: `source_unreachable`, `source_timeout`, `source_refused` (HTTP 403 and other non-SOAP answers),
    `source_fault` (SOAP fault), `source_failed` (the platform reports an error), `source_malformed`.
    `source_code` is the fault code, state or result code of the source, else empty.
    """

    def __init__(self, code: str, message: str, *, source_code: str = "") -> None:
        super().__init__(code, message)
        self.source_code = source_code


class Source(Protocol):
    """Something that can be asked for the data behind a credential."""

    def query(self, query: Query) -> Answer:
        """Return the source's answer about one person.

        Blocks until the answer or the configured time limit. A repeat needs a query with a new identifier: the
        platform registers an identifier even when its answer is lost. Raises `SourceError`, and `RequestError`
        (`document_type_unsupported`, `query_unsupported`) for a question that this source cannot take.
        """


# English source sentences for people, by error code and by reason; pages show them translated
SENTENCES = {
    "source_unreachable": "The service that keeps your data cannot be reached right now. Nothing was issued. "
    "Please try again later.",
    "source_timeout": "The service that keeps your data did not answer in time. Nothing was issued. "
    "Please try again in a few minutes.",
    "source_refused": "The service that keeps your data did not let us in. Nothing was issued. "
    "This is not your fault; please tell the office.",
    "source_fault": "The service that keeps your data did not accept our question. Nothing was issued. "
    "This is not your fault; please tell the office.",
    "source_failed": "The service that keeps your data reports an error on its side. Nothing was issued. "
    "Please try again later.",
    "source_malformed": "The service that keeps your data sent an answer we cannot read. Nothing was issued. "
    "Please tell the office.",
    "document_type_unsupported": "This document cannot be issued with the kind of identity document you "
    "signed in with.",
    Reason.NO_DATA: "The register holds no such document in your name. If you think it should, ask the body "
    "that keeps the register.",
    Reason.NOT_IDENTIFIED: "The register does not find you with the data of your sign-in. If you think it "
    "should, ask the body that keeps the register.",
    Reason.NOT_REGISTERED: "You do not appear in the municipal register of this municipality. If you live "
    "here, the town hall can register you.",
    Reason.MUNICIPALITY_NOT_ADHERED: "This municipality does not answer electronic questions yet. "
    "Please ask for the certificate at the town hall.",
    Reason.NOT_CERTIFIABLE: "The source knows your number but cannot certify your situation. "
    "Please ask the body that keeps the data.",
    "negative_verdict": "The Tax Agency's answer today is negative, so this document cannot be issued. "
    "The Tax Agency tells you why and how to solve it.",
}
