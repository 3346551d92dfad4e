# SPDX-License-Identifier: EUPL-1.2
"""The three products' own parts of a message: what is asked, and what each result code means.

- Degrees: `MEPSYD`/`TITOLS_UNIVERSITARIS`. The name of the holder does not come back.
- Census: `PADRO`/`RESIDENT_MUNICIPI`, yes or no for one municipality.
- Tax: `AEAT_DADES`/`ECOTGEN`. `CodigoCertificado` is the verdict here, not the modality.

A code that is not listed is an error (`source_failed`), never a yes and never a no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lxml import etree

from issuer.interop import Answer, Found, Negative, NotFound, Query, Reason, SourceError
from protocol import pci
from protocol.errors import RequestError
from protocol.identity import IdentifierType

# `tipoDocumentacion` of the census
CENSUS_DOCUMENT_TYPES: Mapping[IdentifierType, str] = {
    IdentifierType.NIF: "1",
    IdentifierType.PASSPORT: "2",
    IdentifierType.NIE: "3",
}
_DEGREE_FOUND = "0003"
_DEGREE_NOTHING = {
    "0238": Reason.NO_DATA,
    "0233": Reason.NOT_IDENTIFIED,
    "0232": Reason.NOT_IDENTIFIED,
}
_CENSUS_YES = "1"
_CENSUS_NOTHING = {"2": Reason.NOT_REGISTERED, "4": Reason.MUNICIPALITY_NOT_ADHERED}
_TAX_IDENTIFIED = "1000"
_TAX_NOTHING = {
    "0233": Reason.NOT_IDENTIFIED,
    # number revoked, holder unlocatable, deregistered, insolvent …
    **dict.fromkeys(("1009", "1011", "1012", "1013", "1014", "1015"), Reason.NOT_CERTIFIABLE),
}
_TAX_POSITIVE, _TAX_NEGATIVE = "POSITIVO", "NEGATIVO"


@dataclass(frozen=True)
class Dialect:
    """How one product is asked and read."""

    document_types: frozenset[IdentifierType]
    # the child of DatosEspecificos in the question, or None where the product needs none
    build: Callable[[Query], etree._Element | None]
    # the answer in the reply's DatosEspecificos
    read: Callable[[Query, etree._Element], Answer]


def _no_specifics(query: Query) -> None:
    del query


def _read_degrees(query: Query, specific: etree._Element) -> Answer:
    reply = _expect(specific, pci.MEPSYD, "respostaVerificacioTitolsUniversitaris")
    code = pci.text(reply, pci.MEPSYD, "resultat", "codiResultat")
    if code in _DEGREE_NOTHING:
        return NotFound(query, _DEGREE_NOTHING[code], code)
    if code != _DEGREE_FOUND:
        raise SourceError("source_failed", "unexpected result code", source_code=code if code.isalnum() else "")
    degrees = pci.find(reply, pci.MEPSYD, "titolsUniversitaris")
    born = {"FechaNacimiento": pci.text(degrees, pci.STATE_V2, "DatosTitular", "FechaNacimiento")}
    listed = pci.find(degrees, pci.STATE_V2, "ListaTitulos")
    titles = () if listed is None else tuple(listed.iterfind(pci.name(pci.STATE_V2, "DatosTitulacion")))
    if not titles:
        return NotFound(query, Reason.NO_DATA, code)
    return Found(query, tuple(born | pci.leaves(title) for title in titles))


def _build_census(query: Query) -> etree._Element:
    place = query.authorisation.municipality
    if place is None:
        raise RequestError("query_unsupported", "the census is asked about a municipality; none is configured")
    root = etree.Element(pci.name(pci.PADRO, "peticionResidenteMunicipio"))
    pci.add_all(
        root,
        pci.PADRO,
        {
            "numExpediente": query.identifier,
            "tipoDocumentacion": CENSUS_DOCUMENT_TYPES[query.holder.document_type],
            "documentacion": query.holder.document,
            "codigoMunicipio": place.code,
            "codigoProvincia": place.province_code,
            "idescat": "1",
        },
    )
    return root


def _read_census(query: Query, specific: etree._Element) -> Answer:
    reply = _expect(specific, pci.PADRO, "respuestaResidenteMunicipio")
    code = pci.text(reply, pci.PADRO, "codigoResultado")
    if code in _CENSUS_NOTHING:
        return NotFound(query, _CENSUS_NOTHING[code], code)
    if code != _CENSUS_YES:
        raise SourceError("source_failed", "unexpected result code", source_code=code if code.isalnum() else "")
    record = pci.leaves(reply)
    place = query.authorisation.municipality
    expected = {
        "documentacion": query.holder.document,
        "codigoMunicipio": place.code if place else None,
        "codigoProvincia": place.province_code if place else None,
    }
    if any(record.get(field) != value for field, value in expected.items()):
        raise SourceError("source_malformed", "the reply is about another person or municipality")
    return Found(query, (record,))


def _read_tax(query: Query, specific: etree._Element) -> Answer:
    reply = _expect(specific, pci.AEAT_GENERIC, "respostaConsultaObligacionsTributaries")
    code = pci.text(reply, pci.AEAT_GENERIC, "resultat", "codiResultat")
    if code in _TAX_NOTHING:
        return NotFound(query, _TAX_NOTHING[code], code)
    if code != _TAX_IDENTIFIED:
        raise SourceError("source_failed", "unexpected result code", source_code=code if code.isalnum() else "")
    data = pci.find(reply, pci.STATE_V3, "DatosEspecificos")
    verdict = pci.text(data, pci.STATE_V3, "ObligacionesTributarias", "CodigoCertificado")
    if verdict == _TAX_NEGATIVE:
        return Negative(query, verdict)
    if verdict != _TAX_POSITIVE or data is None:
        raise SourceError("source_malformed", "expected a verdict")
    return Found(query, (pci.leaves(data),))


def _expect(specific: etree._Element, namespace: str, local: str) -> etree._Element:
    found = pci.find(specific, namespace, local)
    if found is None:
        raise SourceError("source_malformed", f"expected {local}")
    return found


_NUMBERED = frozenset({IdentifierType.NIF, IdentifierType.NIE})
PRODUCTS: Mapping[tuple[str, str], Dialect] = {
    ("MEPSYD", "TITOLS_UNIVERSITARIS"): Dialect(_NUMBERED, _no_specifics, _read_degrees),
    ("PADRO", "RESIDENT_MUNICIPI"): Dialect(frozenset(IdentifierType), _build_census, _read_census),
    ("AEAT_DADES", "ECOTGEN"): Dialect(_NUMBERED, _no_specifics, _read_tax),
}
