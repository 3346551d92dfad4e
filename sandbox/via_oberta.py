# SPDX-License-Identifier: EUPL-1.2
"""The platform's side of Via Oberta: takes one synchronous question and answers as the real one does.

In this order, each step with the real one's kind of refusal:

1. the message is SOAP 1.1 with a `Peticion` of one element (fault otherwise);
2. the person's own failure, if they are one of the failing ones (fault 1013, HTTP 403, state 0502, silence);
3. the required parts are there (`0502`, secondary state `0402`), the civil servant among them;
4. organisation, product, modality and finality are a line of the table (`0301`) and the consent will do (`0236`);
5. `IdSolicitud` was never seen before (`0502`, "Transmissió ja enregistrada");
6. the product answers.

It does not authenticate callers yet, and it never checks the letter of an identity number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

from lxml import etree

from protocol import pci
from protocol.clock import Clock
from protocol.errors import RequestError, StoreConflictError
from protocol.identity import IdentifierType
from sandbox.people import Authorised, Failure, Person
from sandbox.products import PRODUCTS, RefusedError

DOCUMENT_TYPES: Mapping[str, IdentifierType | None] = {
    "NIF": IdentifierType.NIF,
    "DNI": IdentifierType.NIF,
    "NIE": IdentifierType.NIE,
    "Pasaporte": IdentifierType.PASSPORT,
    "CIF": None,
}
MAX_REQUEST_ID = 40
UNSIGNED = "Error en l'autorització: la petició no porta cap certificat que es pugui llegir."
FAILED = "S'ha produït un error durant l'operació."


class Requests(Protocol):
    """Remembers which transmissions were seen."""

    def register_request(self, identifier: str, requester: str) -> None:
        """Keep the identifier for ever. Raises `StoreConflictError` when it was seen before."""


class Outcome(Enum):
    """What the web side must do."""

    ANSWER = auto()
    FAULT = auto()
    FORBIDDEN = auto()
    SILENCE = auto()


@dataclass(frozen=True)
class Reply:
    """What goes back; empty for `FORBIDDEN` and `SILENCE`."""

    outcome: Outcome
    body: bytes = b""


@dataclass(frozen=True)
class Question:
    """One parsed `SolicitudTransmision` with what surrounds it."""

    petition: str
    product: str
    modality: str
    transmission_modality: str
    # the same two facts stand in `DatosAutorizacion` and in `Solicitante`; both are kept to be compared
    requesters: frozenset[str]
    finalities: frozenset[str]
    consent: str
    officer_name: str
    officer_document: str
    request_id: str
    document_type: str
    document: str = field(repr=False)
    holder_names: tuple[str, ...] = field(repr=False)
    generic: etree._Element = field(repr=False)
    specific: etree._Element | None = field(repr=False)


class ViaOberta:
    """Answers messages about the fixture people."""

    def __init__(
        self,
        people: Iterable[Person],
        authorisations: Iterable[Authorised],
        requests: Requests,
        clock: Clock,
    ) -> None:
        self._people = {person.identifier: person for person in people}
        self._authorisations = tuple(authorisations)
        self._requests = requests
        self._clock = clock

    def answer(self, message: bytes) -> Reply:
        """Return what the platform sends back for one message."""
        try:
            question = parse_question(message)
        except RequestError as exc:
            return Reply(Outcome.FAULT, pci.fault("soapenv:Client", exc.message))
        person = self._find_person(question)
        failure = person.failure if person else None
        if failure is Failure.FAULT:
            return Reply(Outcome.FAULT, pci.fault("1013", UNSIGNED))
        if failure is Failure.FORBIDDEN:
            return Reply(Outcome.FORBIDDEN)
        return self._answer_question(question, person)

    def _answer_question(self, question: Question, person: Person | None) -> Reply:
        now = self._clock.now()
        failure = person.failure if person else None
        try:
            if failure is Failure.STATE_0502:
                raise RefusedError("", FAILED)
            self._check(question)
            if failure is Failure.TIMEOUT:
                return Reply(Outcome.SILENCE)
            specific = PRODUCTS[(question.product, question.modality)](question, person, now.date())
        except RefusedError as refused:
            return Reply(Outcome.ANSWER, _error_reply(question, now, refused.secondary, refused.literal))
        return Reply(Outcome.ANSWER, _done_reply(question, now, specific))

    def _find_person(self, question: Question) -> Person | None:
        person = self._people.get(question.document)
        return person if person and person.identifier_type is DOCUMENT_TYPES.get(question.document_type) else None

    def _check(self, question: Question) -> None:
        required = (question.product, question.modality, question.request_id, question.document)
        if not all(required) or not question.officer_name or not question.officer_document:
            raise RefusedError("0402", "Falta informació obligatòria a la petició.")
        if question.document_type not in DOCUMENT_TYPES:
            raise RefusedError("0404", "El tipus de documentació no és vàlid.")
        if question.transmission_modality not in {"", question.modality}:
            raise RefusedError("0243", "La petició barreja serveis diferents.")
        if len(question.request_id) > MAX_REQUEST_ID:
            raise RefusedError("0401", "IdSolicitud és massa llarg.")
        if len(question.requesters) != 1 or len(question.finalities) != 1:
            raise RefusedError("0301", "L'organisme no consta o no és el mateix a tota la petició.")
        (requester,), (finality,) = question.requesters, question.finalities
        wanted = (requester, question.product, question.modality, finality)
        for line in self._authorisations:
            if (line.requester, line.product, line.modality, line.finality) == wanted:
                break
        else:
            raise RefusedError("0301", "L'organisme no té autorització per a aquest servei i finalitat.")
        if question.consent not in line.consents:
            raise RefusedError("0236", "El consentiment indicat no permet aquesta consulta.")
        try:
            self._requests.register_request(question.request_id, requester)
        except StoreConflictError:
            raise RefusedError("0419", f"Transmissió ja enregistrada: '{question.request_id}'.") from None


def parse_question(message: bytes) -> Question:
    """Return the one question in a SOAP message. Raises `RequestError` when it is none."""
    root = pci.parse_xml(message)
    if root.tag != pci.name(pci.SOAP, "Envelope"):
        raise RequestError("malformed_xml", "expected a SOAP 1.1 envelope")
    wrapper = pci.find(pci.find(root, pci.SOAP, "Body"), pci.OPENURI, "procesa")
    petition = pci.find(wrapper, pci.REQUEST, "Peticion")
    if petition is None:
        raise RequestError("malformed_xml", "expected procesa with Peticion in the body")
    attributes = pci.find(petition, pci.REQUEST, "Atributos")
    asked = petition.findall(
        f"{pci.name(pci.REQUEST, 'Solicitudes')}/{pci.name(pci.REQUEST, 'SolicitudTransmision')}"
    )
    if len(asked) != 1 or pci.text(attributes, pci.REQUEST, "NumElementos") not in {"", "1"}:
        raise RequestError("malformed_xml", "expected exactly one SolicitudTransmision")
    generic = pci.find(asked[0], pci.REQUEST, "DatosGenericos")
    if generic is None:
        raise RequestError("malformed_xml", "expected DatosGenericos")
    authorisation = pci.find(attributes, pci.REQUEST, "DatosAutorizacion")
    requester = pci.find(generic, pci.REQUEST, "Solicitante")
    holder = pci.find(generic, pci.REQUEST, "Titular")
    officer = pci.find(requester, pci.REQUEST, "Funcionario")
    if officer is None:
        officer = pci.find(attributes, pci.REQUEST, "Funcionario")
    return Question(
        petition=pci.text(attributes, pci.REQUEST, "IdPeticion"),
        product=pci.text(attributes, pci.REQUEST, "CodigoProducto"),
        modality=pci.text(attributes, pci.REQUEST, "CodigoCertificado"),
        transmission_modality=pci.text(generic, pci.REQUEST, "Transmision", "CodigoCertificado"),
        requesters=_stated("IdentificadorSolicitante", authorisation, requester),
        finalities=_stated("Finalidad", authorisation, requester),
        consent=pci.text(requester, pci.REQUEST, "Consentimiento"),
        officer_name=pci.text(officer, pci.REQUEST, "NombreCompletoFuncionario"),
        officer_document=pci.text(officer, pci.REQUEST, "NifFuncionario"),
        request_id=pci.text(generic, pci.REQUEST, "Transmision", "IdSolicitud"),
        document_type=pci.text(holder, pci.REQUEST, "TipoDocumentacion"),
        document=pci.text(holder, pci.REQUEST, "Documentacion").upper(),
        holder_names=tuple(
            pci.text(holder, pci.REQUEST, tag) for tag in ("NombreCompleto", "Nombre", "Apellido1")
        ),
        generic=generic,
        specific=pci.find(asked[0], pci.REQUEST, "DatosEspecificos"),
    )


def _stated(local: str, *places: etree._Element | None) -> frozenset[str]:
    """Return every value that is stated; a message that contradicts itself states two."""
    return frozenset(text for text in (pci.text(place, pci.REQUEST, local) for place in places) if text)


def _done_reply(question: Question, now: datetime, specific: etree._Element) -> bytes:
    root, data = _reply(question, now, pci.STATE_DONE, "", "OK")
    data.append(specific)
    return pci.to_bytes(root)


def _error_reply(question: Question, now: datetime, secondary: str, literal: str) -> bytes:
    root, _data = _reply(question, now, pci.STATE_ERROR, secondary, literal)
    return pci.to_bytes(root)


def _reply(
    question: Question, now: datetime, state: str, secondary: str, literal: str
) -> tuple[etree._Element, etree._Element]:
    """Return the envelope of a reply and its empty `DatosEspecificos`."""
    root, body = pci.envelope()
    reply = pci.add(pci.add(body, pci.OPENURI, "procesaResponse"), pci.REPLY, "Respuesta")
    attributes = pci.add(reply, pci.REPLY, "Atributos")
    pci.add_all(
        attributes,
        pci.REPLY,
        {
            "IdPeticion": question.petition,
            "NumElementos": "1",
            "TimeStamp": now.isoformat(timespec="milliseconds"),
        },
    )
    pci.add_all(
        pci.add(attributes, pci.REPLY, "Estado"),
        pci.REPLY,
        {
            "CodigoEstado": state,
            "CodigoEstadoSecundario": secondary,
            "LiteralError": literal,
            "TiempoEstimadoRespuesta": "0",
        },
    )
    codes = {"CodigoCertificado": question.modality, "CodigoProducto": question.product}
    pci.add_all(attributes, pci.REPLY, codes)
    transmission = pci.add(pci.add(reply, pci.REPLY, "Transmisiones"), pci.REPLY, "TransmisionDatos")
    transmission.append(_echo(question.generic))
    return root, pci.add(transmission, pci.REPLY, "DatosEspecificos")


def _echo(element: etree._Element) -> etree._Element:
    """Return a copy in the reply's namespace: `DatosGenericos` goes back as it came."""
    copy = etree.Element(pci.name(pci.REPLY, etree.QName(element).localname))
    copy.text = element.text
    for child in element:
        copy.append(_echo(child))
    return copy
