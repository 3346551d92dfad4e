# SPDX-License-Identifier: EUPL-1.2
"""The products' own part of the sandbox's answers: degrees, census, tax compliance.

A person whom no fixture knows gets the same answer as one whom the real source does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from lxml import etree

from protocol import pci
from protocol.identity import IdentifierType
from sandbox.people import Census, Degree, Failure, Person, Tax

if TYPE_CHECKING:
    from sandbox.via_oberta import Question

# `tipoDocumentacion` of the census
CENSUS_DOCUMENT_TYPES: Mapping[str, IdentifierType] = {
    "1": IdentifierType.NIF,
    "2": IdentifierType.PASSPORT,
    "3": IdentifierType.NIE,
}
_NOT_IDENTIFIED = "0233"
_NO_PASSPORT = "Aquest servei no admet passaports."
_SPAIN = {"CodPaisExpedicion": "724", "PaisExpedicion": "España"}


class RefusedError(Exception):
    """The platform answers with state 0502, this secondary state and these words."""

    def __init__(self, secondary: str, literal: str) -> None:
        super().__init__(secondary)
        self.secondary = secondary
        self.literal = literal


def degrees(question: Question, person: Person | None, today: date) -> etree._Element:
    """Return `respostaVerificacioTitolsUniversitaris`."""
    del today
    if question.document_type == "Pasaporte":
        raise RefusedError("0404", _NO_PASSPORT)
    root = etree.Element(
        pci.name(pci.MEPSYD, "respostaVerificacioTitolsUniversitaris"),
        nsmap={"m": pci.MEPSYD, "d": pci.STATE_V2},
    )
    if person is None or person.failure is Failure.RESULT_0233:
        code, words = _NOT_IDENTIFIED, "Titular no identificat."
    elif not person.degrees:
        code, words = "0238", "No hi ha informació per a aquest titular."
    else:
        code, words = "0003", "Tramitada. S'ha trobat el titular."
        found = pci.add(root, pci.MEPSYD, "titolsUniversitaris")
        holder = pci.add(found, pci.STATE_V2, "DatosTitular")
        pci.add(holder, pci.STATE_V2, "FechaNacimiento", person.birth_date.strftime("%d/%m/%Y"))
        listed = pci.add(found, pci.STATE_V2, "ListaTitulos")
        for degree in person.degrees:
            _add_degree(listed, degree)
    result = pci.add(root, pci.MEPSYD, "resultat")
    pci.add_all(result, pci.MEPSYD, {"codiResultat": code, "descripcio": words})
    return root


def _add_degree(parent: etree._Element, degree: Degree) -> None:
    entry = pci.add(parent, pci.STATE_V2, "DatosTitulacion")
    pci.add_all(
        pci.add(entry, pci.STATE_V2, "DatosCentro"),
        pci.STATE_V2,
        {"Universidad": degree.university, "Centro": degree.centre},
    )
    pci.add_all(
        pci.add(entry, pci.STATE_V2, "DatosTitulo"),
        pci.STATE_V2,
        {
            "CodTitulacion": degree.code,
            "NombreCarrera": degree.title,
            "CodTipoTitulo": degree.type_code,
            "TipoTitulo": degree.type,
            "FechaFinalizacion": degree.completed,
            "FechaExpedicion": degree.issued,
            **_SPAIN,
            "NumTitulo": degree.number,
            "RegistroUniv": degree.registration,
        },
    )


def census(question: Question, person: Person | None, today: date) -> etree._Element:
    """Return `respuestaResidenteMunicipio`: whether the person lives in the municipality that was named."""
    del today
    asked = pci.find(question.specific, pci.PADRO, "peticionResidenteMunicipio")
    if asked is None:
        raise RefusedError("0239", "Les dades específiques no són vàlides.")
    fields = pci.leaves(asked)
    place = (fields.get("codigoMunicipio", ""), fields.get("codigoProvincia", ""))
    kind = CENSUS_DOCUMENT_TYPES.get(fields.get("tipoDocumentacion", ""))
    if fields.get("documentacion", "").upper() != question.document or kind is None or not all(place):
        raise RefusedError("0239", "Les dades específiques no són vàlides.")
    if person is not None and person.census is Census.NOT_ADHERED:
        code = "4"
    elif (
        person is not None
        and person.identifier_type is kind
        and person.census is Census.RESIDENT
        and place == (person.municipality, person.province)
    ):
        code = "1"
    else:
        code = "2"
    root = etree.Element(pci.name(pci.PADRO, "respuestaResidenteMunicipio"), nsmap={"p": pci.PADRO})
    echoed = ("numExpediente", "tipoDocumentacion", "documentacion", "codigoMunicipio", "codigoProvincia")
    pci.add_all(root, pci.PADRO, {name: fields.get(name, "") for name in echoed})
    pci.add_all(root, pci.PADRO, {"codigoResultado": code, "fuente": "PADRON"})
    return root


def tax(question: Question, person: Person | None, today: date) -> etree._Element:
    """Return `respostaConsultaObligacionsTributaries` of the generic modality."""
    if question.document_type == "Pasaporte":
        raise RefusedError("0404", _NO_PASSPORT)
    complete, given, surname = question.holder_names
    if not complete and not (given and surname):
        raise RefusedError("0402", "Falta el nom del titular.")
    root = etree.Element(
        pci.name(pci.AEAT_GENERIC, "respostaConsultaObligacionsTributaries"),
        nsmap={"o": pci.AEAT_GENERIC, "a": pci.STATE_V3},
    )
    if person is None or person.tax is Tax.UNKNOWN:
        code, words = _NOT_IDENTIFIED, "Titular no identificat."
    else:
        code, words = "1000", "S'ha identificat el titular."
        data = pci.add(root, pci.STATE_V3, "DatosEspecificos")
        # eleven digits, always the same for one person and day, as a certificate's reference is
        number = int(question.document.strip("XYZABCDEFGHJKLMNPQRSTVW") or "0") % 10**9
        reference = f"{today.year % 100:02d}{number:09d}"
        pci.add_all(data, pci.STATE_V3, {"Referencia": reference, "FechaEmision": today.isoformat()})
        duties = pci.add(data, pci.STATE_V3, "ObligacionesTributarias")
        if person.tax is Tax.POSITIVE:
            pci.add_all(duties, pci.STATE_V3, {"CodigoCertificado": "POSITIVO", "CausaNegatividad": ""})
        else:
            negative = {
                "CodigoCertificado": "NEGATIVO",
                "TipoNegativo": "B",
                "CausaNegatividad": "Deutes pendents",
            }
            pci.add_all(duties, pci.STATE_V3, negative)
    result = pci.add(root, pci.AEAT_GENERIC, "resultat")
    pci.add_all(result, pci.AEAT_GENERIC, {"codiResultat": code, "descripcio": words})
    return root


PRODUCTS: Mapping[tuple[str, str], Callable[[Question, Person | None, date], etree._Element]] = {
    ("MEPSYD", "TITOLS_UNIVERSITARIS"): degrees,
    ("PADRO", "RESIDENT_MUNICIPI"): census,
    ("AEAT_DADES", "ECOTGEN"): tax,
}
