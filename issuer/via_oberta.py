# SPDX-License-Identifier: EUPL-1.2
"""Via Oberta as a source: one synchronous SOAP question (`Sincron`, operation `procesa`) and its answer.

- The question carries requester, purpose, consent and civil servant in the places the platform reads them.
- The answer is read leniently (qualified names, any order, missing parts), but it must be about the same product
  and the same document as the question.
- State `0003` means only that the message arrived; what the source says is in the product's own result code.
- Mutual TLS and signed messages are not done here yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from zoneinfo import ZoneInfo

from lxml import etree

from issuer.interop import Answer, Query, SourceError
from issuer.products import PRODUCTS, Dialect
from protocol import pci
from protocol.clock import Clock
from protocol.errors import RequestError, UnavailableError
from protocol.identity import IdentifierType
from protocol.runtime.fetch import READ_TIMEOUT_SECONDS, HTTPClient, Response, TimedOutError

# `Titular/TipoDocumentacion` of the platform; VÀLid and the census number the same three differently
HOLDER_DOCUMENT_TYPES: Mapping[IdentifierType, str] = {
    IdentifierType.NIF: "NIF",
    IdentifierType.NIE: "NIE",
    IdentifierType.PASSPORT: "Pasaporte",
}
_PLATFORM_TIME = ZoneInfo("Europe/Madrid")
_SOAP_ACTION = '"http://www.openuri.org/procesa"'
_TIMEOUTS = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT})
_MAX_NAME = 40


class ViaOberta:
    """Asks the platform at one endpoint."""

    def __init__(
        self, http: HTTPClient, *, endpoint: str, clock: Clock, read_timeout: float = READ_TIMEOUT_SECONDS
    ) -> None:
        self._http = http
        self._endpoint = endpoint
        self._clock = clock
        self._read_timeout = read_timeout

    def query(self, query: Query) -> Answer:
        """Return the source's answer about one person (`issuer.interop.Source`)."""
        dialect = _dialect(query)
        message = self.build_request(query)
        try:
            response = self._http.post(
                self._endpoint,
                body=message,
                content_type=pci.CONTENT_TYPE,
                headers={"SOAPAction": _SOAP_ACTION},
                read_timeout=self._read_timeout,
            )
        except TimedOutError as exc:
            raise SourceError("source_timeout", f"no answer in {self._read_timeout} seconds") from exc
        except UnavailableError as exc:
            raise SourceError("source_unreachable", "no connection to the platform") from exc
        except RequestError as exc:
            raise SourceError("source_malformed", "the reply is too long or a redirect") from exc
        return _read(query, dialect, response)

    def build_request(self, query: Query) -> bytes:
        """Return the SOAP message of one question."""
        root, body = pci.envelope()
        petition = pci.add(pci.add(body, pci.OPENURI, "procesa"), pci.REQUEST, "Peticion")
        self._add_attributes(petition, query)
        transmission = pci.add(pci.add(petition, pci.REQUEST, "Solicitudes"), pci.REQUEST, "SolicitudTransmision")
        self._add_generic(pci.add(transmission, pci.REQUEST, "DatosGenericos"), query)
        specific = _dialect(query).build(query)
        if specific is not None:
            pci.add(transmission, pci.REQUEST, "DatosEspecificos").append(specific)
        return pci.to_bytes(root)

    def _add_attributes(self, petition: etree._Element, query: Query) -> None:
        by = query.authorisation
        now = self._clock.now().astimezone(_PLATFORM_TIME)
        attributes = pci.add(petition, pci.REQUEST, "Atributos")
        pci.add_all(
            attributes,
            pci.REQUEST,
            {
                "IdPeticion": f"{by.requester_code}-{query.identifier}",
                "NumElementos": "1",
                "TimeStamp": now.isoformat(timespec="milliseconds"),
                "Estado": "",
                "CodigoCertificado": query.modality,
                "CodigoProducto": query.product,
            },
        )
        pci.add_all(
            pci.add(attributes, pci.REQUEST, "DatosAutorizacion"),
            pci.REQUEST,
            {
                "IdentificadorSolicitante": by.requester_code,
                "NombreSolicitante": by.requester_name,
                "Finalidad": by.finality,
            },
        )
        _add_emitter(attributes)
        _add_officer(attributes, query)

    def _add_generic(self, generic: etree._Element, query: Query) -> None:
        by, holder = query.authorisation, query.holder
        _add_emitter(generic)
        requester = pci.add(generic, pci.REQUEST, "Solicitante")
        pci.add_all(
            requester,
            pci.REQUEST,
            {
                "IdentificadorSolicitante": by.requester_code,
                "NombreSolicitante": by.requester_name,
                "Finalidad": by.finality,
                "Consentimiento": query.consent.value,
            },
        )
        _add_officer(requester, query)
        names = {"Nombre": holder.given_name, "Apellido1": holder.surname1, "Apellido2": holder.surname2}
        pci.add_all(
            pci.add(generic, pci.REQUEST, "Titular"),
            pci.REQUEST,
            {
                "TipoDocumentacion": HOLDER_DOCUMENT_TYPES[holder.document_type],
                "Documentacion": holder.document,
                **{tag: value[:_MAX_NAME] for tag, value in names.items() if value},
            },
        )
        pci.add_all(
            pci.add(generic, pci.REQUEST, "Transmision"),
            pci.REQUEST,
            {
                "CodigoCertificado": query.modality,
                "IdSolicitud": query.identifier,
                "FechaGeneracion": self._clock.now().astimezone(_PLATFORM_TIME).date().isoformat(),
            },
        )


def _dialect(query: Query) -> Dialect:
    dialect = PRODUCTS.get((query.product, query.modality))
    if dialect is None:
        raise RequestError("query_unsupported", f"no messages known for {query.product}/{query.modality}")
    if query.holder.document_type not in dialect.document_types:
        raise RequestError(
            "document_type_unsupported", f"{query.product} does not take {query.holder.document_type}"
        )
    return dialect


def _add_emitter(parent: etree._Element) -> None:
    emitter = pci.add(parent, pci.REQUEST, "Emisor")
    pci.add_all(emitter, pci.REQUEST, {"NifEmisor": pci.EMITTER_NIF, "NombreEmisor": pci.EMITTER_NAME})


def _add_officer(parent: etree._Element, query: Query) -> None:
    officer = query.authorisation.officer
    pci.add_all(
        pci.add(parent, pci.REQUEST, "Funcionario"),
        pci.REQUEST,
        {"NombreCompletoFuncionario": officer.name, "NifFuncionario": officer.document},
    )


def _read(query: Query, dialect: Dialect, response: Response) -> Answer:
    """Return the answer in an HTTP response, which may be a fault, a page of some proxy, or nonsense."""
    if response.status in _TIMEOUTS:
        raise SourceError("source_timeout", "the platform gave up waiting", source_code=str(response.status))
    try:
        root = pci.parse_xml(response.body)
    except RequestError as exc:
        if not response.is_success:
            raise SourceError(
                "source_refused", f"HTTP status {response.status}", source_code=str(response.status)
            ) from exc
        raise SourceError("source_malformed", "the reply is not XML") from exc
    body = pci.find(root, pci.SOAP, "Body") if root.tag == pci.name(pci.SOAP, "Envelope") else None
    fault = pci.find(body, pci.SOAP, "Fault")
    if fault is not None:
        raise SourceError("source_fault", "SOAP fault", source_code=_code(pci.text(fault, "", "faultcode")))
    if not response.is_success:
        raise SourceError("source_refused", f"HTTP status {response.status}", source_code=str(response.status))
    reply = pci.find(pci.find(body, pci.OPENURI, "procesaResponse"), pci.REPLY, "Respuesta")
    if reply is None:
        raise SourceError("source_malformed", "expected Respuesta in the reply")
    return dialect.read(query, _specific_data(query, reply))


def _specific_data(query: Query, reply: etree._Element) -> etree._Element:
    """Return the product's own part, after checking that all around it belongs to our question."""
    attributes = pci.find(reply, pci.REPLY, "Atributos")
    state = pci.text(attributes, pci.REPLY, "Estado", "CodigoEstado")
    if state != pci.STATE_DONE:
        raise SourceError("source_failed", f"expected state {pci.STATE_DONE}", source_code=_code(state))
    expected = {"CodigoProducto": query.product, "CodigoCertificado": query.modality}
    if any(pci.text(attributes, pci.REPLY, tag) not in {"", value} for tag, value in expected.items()):
        raise SourceError("source_malformed", "the reply is about another product")
    found = list(
        reply.iterfind(f"{pci.name(pci.REPLY, 'Transmisiones')}/{pci.name(pci.REPLY, 'TransmisionDatos')}")
    )
    if len(found) != 1:
        raise SourceError("source_malformed", f"expected one TransmisionDatos, got {len(found)}")
    generic = pci.find(found[0], pci.REPLY, "DatosGenericos")
    about = pci.text(generic, pci.REPLY, "Titular", "Documentacion")
    answers = pci.text(generic, pci.REPLY, "Transmision", "IdSolicitud")
    if about not in {"", query.holder.document} or answers not in {"", query.identifier}:
        raise SourceError("source_malformed", "the reply answers another question")
    specific = pci.find(found[0], pci.REPLY, "DatosEspecificos")
    if specific is None or len(specific) == 0:
        raise SourceError("source_malformed", "expected DatosEspecificos, got nothing")
    return specific


def _code(text: str) -> str:
    """Return a source's code if it looks like one: nothing else of theirs may reach our logs and pages."""
    local = text.rpartition(":")[2]
    return local if local.isalnum() and len(local) <= len("VersionMismatch") else ""
