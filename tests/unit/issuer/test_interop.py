# SPDX-License-Identifier: EUPL-1.2
"""The source adapter against replies that are written out here, not made by our own sandbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from lxml import etree

from issuer.credential_types import load_types
from issuer.interop import (
    SENTENCES,
    Authorisation,
    Found,
    Municipality,
    Negative,
    NotFound,
    Officer,
    Reason,
    SourceError,
)
from issuer.products import CENSUS_DOCUMENT_TYPES
from issuer.via_oberta import HOLDER_DOCUMENT_TYPES, ViaOberta
from protocol.clock import FixedClock
from protocol.errors import RequestError, UnavailableError
from protocol.identity import AssuranceLevel, IdentifierType, Identity, Method
from protocol.runtime.fetch import Response, TimedOutError
from protocol.runtime.valid import IDENTIFIER_TYPES

ENDPOINT = "http://localhost:8105/siri-proxy/services/Sincron"
NAMES = {
    "soapenv": "http://schemas.xmlsoap.org/soap/envelope/",
    "o": "http://www.openuri.org/",
    "p": "http://gencat.net/scsp/esquemes/peticion",
    "padro": "http://www.aocat.net/padro",
}
DEGREES = """<m:respostaVerificacioTitolsUniversitaris xmlns:m="http://www.aocat.net/mepsyd"
 xmlns:d="http://www.map.es/scsp/esquemas/datosespecificos">
 <m:resultat><m:descripcio>x</m:descripcio><m:codiResultat>{code}</m:codiResultat></m:resultat>
 <m:titolsUniversitaris><d:ListaTitulos>{titles}</d:ListaTitulos>
  <d:DatosTitular><d:FechaNacimiento>02/03/1995</d:FechaNacimiento></d:DatosTitular></m:titolsUniversitaris>
</m:respostaVerificacioTitolsUniversitaris>"""
TITLE = """<d:DatosTitulacion><d:DatosTitulo><d:NombreCarrera>{name}</d:NombreCarrera></d:DatosTitulo>
 <d:DatosCentro><d:Universidad>Universitat de Prova</d:Universidad></d:DatosCentro></d:DatosTitulacion>"""
CENSUS = """<x:respuestaResidenteMunicipio xmlns:x="http://www.aocat.net/padro"><x:fuente>PADRON</x:fuente>
 <x:documentacion>{document}</x:documentacion><x:codigoMunicipio>{place}</x:codigoMunicipio>
 <x:codigoProvincia>99</x:codigoProvincia><x:codigoResultado>{code}</x:codigoResultado>
</x:respuestaResidenteMunicipio>"""
TAX = """<t:respostaConsultaObligacionsTributaries xmlns:t="http://www.aoc.cat/aeat/obligacions-generic"
 xmlns:a="http://intermediacion.redsara.es/scsp/esquemas/datosespecificos"><a:DatosEspecificos>
 <a:Referencia>26000000001</a:Referencia><a:FechaEmision>2026-11-21</a:FechaEmision><a:ObligacionesTributarias>
 <a:CodigoCertificado>{verdict}</a:CodigoCertificado></a:ObligacionesTributarias></a:DatosEspecificos>
 <t:resultat><t:codiResultat>{code}</t:codiResultat></t:resultat></t:respostaConsultaObligacionsTributaries>"""
FORBIDDEN = b"<!DOCTYPE HTML PUBLIC '-//IETF//DTD HTML 2.0//EN'><html><head></head><body><hr></body></html>"
FAULT = b"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>
<faultcode>1013</faultcode><faultstring>no certificate</faultstring></s:Fault></s:Body></s:Envelope>"""


def soap(content, *, state="0003", extra="", generic="", specific=True):
    """A reply as lean as real error replies are: what is not needed is left out."""
    data = f"<DatosEspecificos>{content}</DatosEspecificos>" if specific else ""
    return f"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<w:procesaResponse xmlns:w="http://www.openuri.org/"><Respuesta xmlns="http://gencat.net/scsp/esquemes/respuesta">
<Transmisiones><TransmisionDatos>{data}{generic}</TransmisionDatos></Transmisiones>
<Atributos>{extra}<Estado><CodigoEstado>{state}</CodigoEstado></Estado></Atributos>
</Respuesta></w:procesaResponse></s:Body></s:Envelope>""".encode()


@dataclass
class CannedHTTP:
    answer: object
    status: int = 200
    sent: list = field(default_factory=list)

    def get(self, url, *, headers=None):
        raise AssertionError("the source is only posted to")

    def post(self, url, *, body, content_type, headers=None, read_timeout=1.0):
        self.sent.append((url, body, content_type, dict(headers or {}), read_timeout))
        if isinstance(self.answer, Exception):
            raise self.answer
        return Response(status=self.status, headers={}, body=self.answer)


def identity(kind=IdentifierType.NIF, number="99990001P"):
    return Identity(
        identifier=number,
        identifier_type=kind,
        given_name="Marta",
        surname1="Soler",
        surname2="Vidal",
        assurance_level=AssuranceLevel.SUBSTANTIAL,
        method=Method.IDCAT_MOBIL,
    )


def question(type_id="university-degree", who=None, *, place=True):
    authorisation = Authorisation(
        requester_code="9900150003",
        requester_name="Ajuntament de Vilaprova",
        finality="PROVES",
        officer=Officer("Joan Pla Ribes", "99990013C"),
        municipality=Municipality("001", "99", "Vilaprova") if place else None,
    )
    return load_types()[type_id].request(who or identity(), authorisation)


def source(http):
    clock = FixedClock(datetime(2026, 11, 21, 9, 15, tzinfo=UTC))
    return ViaOberta(http, endpoint=ENDPOINT, clock=clock, read_timeout=2.5)


def ask(body, type_id="university-degree", *, status=200):
    return source(CannedHTTP(body, status)).query(question(type_id))


def refusal(body, type_id="university-degree", *, status=200):
    with pytest.raises(SourceError) as refused:
        ask(body, type_id, status=status)
    return refused.value


# the question


def test_request_holds_every_part_where_the_platform_reads_it():
    http = CannedHTTP(soap(DEGREES.format(code="0238", titles="")))
    asked = question("university-degree")
    source(http).query(asked)
    ((url, body, content_type, headers, read_timeout),) = http.sent
    assert (url, content_type, read_timeout) == (ENDPOINT, "text/xml; charset=utf-8", 2.5)
    assert headers["SOAPAction"] == '"http://www.openuri.org/procesa"'
    root = etree.fromstring(body)

    def text(path):
        return root.findtext("soapenv:Body/o:procesa/p:Peticion/" + path, namespaces=NAMES)

    generic = "p:Solicitudes/p:SolicitudTransmision/p:DatosGenericos/"
    assert {path: text(path) for path in EXPECTED_PARTS} == EXPECTED_PARTS
    assert text("p:Atributos/p:TimeStamp") == "2026-11-21T10:15:00.000+01:00"
    assert text(generic + "p:Transmision/p:IdSolicitud") == asked.identifier
    assert asked.identifier in text("p:Atributos/p:IdPeticion")
    requester = root.find(f"soapenv:Body/o:procesa/p:Peticion/{generic}p:Solicitante", NAMES)
    assert [etree.QName(part).localname for part in requester] == [
        "IdentificadorSolicitante",
        "NombreSolicitante",
        "Finalidad",
        "Consentimiento",
        "Funcionario",
    ]


EXPECTED_PARTS = {
    "p:Atributos/p:NumElementos": "1",
    "p:Atributos/p:CodigoCertificado": "TITOLS_UNIVERSITARIS",
    "p:Atributos/p:CodigoProducto": "MEPSYD",
    "p:Atributos/p:DatosAutorizacion/p:IdentificadorSolicitante": "9900150003",
    "p:Atributos/p:DatosAutorizacion/p:Finalidad": "PROVES",
    "p:Atributos/p:Emisor/p:NifEmisor": "Q0801175A",
    "p:Atributos/p:Funcionario/p:NifFuncionario": "99990013C",
    "p:Solicitudes/p:SolicitudTransmision/p:DatosGenericos/p:Solicitante/p:Consentimiento": "NoOpo",
    "p:Solicitudes/p:SolicitudTransmision/p:DatosGenericos/p:Titular/p:TipoDocumentacion": "NIF",
    "p:Solicitudes/p:SolicitudTransmision/p:DatosGenericos/p:Titular/p:Documentacion": "99990001P",
    "p:Solicitudes/p:SolicitudTransmision/p:DatosGenericos/p:Titular/p:Apellido2": "Vidal",
    "p:Solicitudes/p:SolicitudTransmision/p:DatosGenericos/p:Transmision/p:CodigoCertificado": "TITOLS_UNIVERSITARIS",
    "p:Solicitudes/p:SolicitudTransmision/p:DatosGenericos/p:Transmision/p:FechaGeneracion": "2026-11-21",
}


def test_three_document_encodings_are_three_tables():
    assert IDENTIFIER_TYPES == {
        "1": IdentifierType.NIF,
        "2": IdentifierType.NIE,
        "3": IdentifierType.PASSPORT,
    }
    assert CENSUS_DOCUMENT_TYPES == {
        IdentifierType.NIF: "1",
        IdentifierType.PASSPORT: "2",
        IdentifierType.NIE: "3",
    }
    assert HOLDER_DOCUMENT_TYPES == {
        IdentifierType.NIF: "NIF",
        IdentifierType.NIE: "NIE",
        IdentifierType.PASSPORT: "Pasaporte",
    }


@pytest.mark.parametrize(
    ("kind", "number", "census", "holder"),
    [
        (IdentifierType.NIF, "99990001P", "1", "NIF"),
        (IdentifierType.PASSPORT, "XQ9990001", "2", "Pasaporte"),
        (IdentifierType.NIE, "Z9999001D", "3", "NIE"),
    ],
)
def test_census_question_numbers_documents_its_own_way(kind, number, census, holder):
    message = etree.fromstring(
        source(CannedHTTP(b"")).build_request(question("census-registration", identity(kind, number)))
    )
    asked = message.find(".//padro:peticionResidenteMunicipio", NAMES)
    assert asked.findtext("padro:tipoDocumentacion", namespaces=NAMES) == census
    assert asked.findtext("padro:documentacion", namespaces=NAMES) == number
    assert asked.findtext("padro:codigoMunicipio", namespaces=NAMES) == "001"
    assert message.findtext(".//p:Titular/p:TipoDocumentacion", namespaces=NAMES) == holder


def test_census_question_without_a_municipality_is_refused_before_anything_is_sent():
    http = CannedHTTP(b"")
    with pytest.raises(RequestError) as refused:
        source(http).query(question("census-registration", place=False))
    assert (refused.value.code, http.sent) == ("query_unsupported", [])


# business answers are values


def test_degrees_that_are_found_are_one_record_each():
    titles = TITLE.format(name="Grau en Història") + TITLE.format(name="Doctorat")
    answer = ask(soap(DEGREES.format(code="0003", titles=titles)))
    assert isinstance(answer, Found)
    assert [record["NombreCarrera"] for record in answer.records] == ["Grau en Història", "Doctorat"]
    assert all(record["FechaNacimiento"] == "02/03/1995" for record in answer.records)


@pytest.mark.parametrize(
    ("type_id", "content", "reason", "code"),
    [
        ("university-degree", DEGREES.format(code="0238", titles=""), Reason.NO_DATA, "0238"),
        ("university-degree", DEGREES.format(code="0233", titles=""), Reason.NOT_IDENTIFIED, "0233"),
        ("university-degree", DEGREES.format(code="0003", titles=""), Reason.NO_DATA, "0003"),
        (
            "census-registration",
            CENSUS.format(code="2", document="99990001P", place="001"),
            Reason.NOT_REGISTERED,
            "2",
        ),
        (
            "census-registration",
            CENSUS.format(code="4", document="99990001P", place="001"),
            Reason.MUNICIPALITY_NOT_ADHERED,
            "4",
        ),
        ("tax-compliance", TAX.format(code="0233", verdict=""), Reason.NOT_IDENTIFIED, "0233"),
        ("tax-compliance", TAX.format(code="1015", verdict="POSITIVO"), Reason.NOT_CERTIFIABLE, "1015"),
    ],
)
def test_no_from_the_source_is_a_value_with_its_reason(type_id, content, reason, code):
    answer = ask(soap(content), type_id)
    assert isinstance(answer, NotFound)
    assert (answer.reason, answer.code) == (reason, code)


def test_negative_verdict_is_a_value_of_its_own_and_holds_no_records():
    answer = ask(soap(TAX.format(code="1000", verdict="NEGATIVO")), "tax-compliance")
    assert isinstance(answer, Negative)
    assert not hasattr(answer, "records")


def test_positive_verdict_and_residence_are_found():
    answer = ask(soap(TAX.format(code="1000", verdict="POSITIVO")), "tax-compliance")
    assert isinstance(answer, Found)
    assert answer.records[0]["Referencia"] == "26000000001"
    answer = ask(soap(CENSUS.format(code="1", document="99990001P", place="001")), "census-registration")
    assert isinstance(answer, Found)
    assert answer.records[0]["fuente"] == "PADRON"


# everything else is an error with its own code


def test_soap_fault_1013_keeps_its_code():
    refused = refusal(FAULT, status=500)
    assert (refused.code, refused.source_code, refused.status) == ("source_fault", "1013", 503)


def test_html_403_is_refused():
    refused = refusal(FORBIDDEN, status=403)
    assert (refused.code, refused.source_code) == ("source_refused", "403")


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (TimedOutError("temporarily_unavailable", "x"), "source_timeout"),
        (UnavailableError("temporarily_unavailable", "x"), "source_unreachable"),
        (RequestError("invalid_request", "redirect"), "source_malformed"),
    ],
)
def test_no_answer_has_its_own_code(failure, code):
    assert refusal(failure).code == code


def test_gateway_timeout_is_a_timeout():
    assert refusal(b"", status=504).code == "source_timeout"


@pytest.mark.parametrize(
    ("body", "code", "source_code"),
    [
        (soap("", state="0502"), "source_failed", "0502"),
        (soap("", state="0002"), "source_failed", "0002"),
        (soap("", state=""), "source_failed", ""),
        (soap("", state="99990001P is bad"), "source_failed", ""),
        (soap(DEGREES.format(code="0502", titles="")), "source_failed", "0502"),
        (soap(DEGREES.format(code="9999", titles=TITLE.format(name="x"))), "source_failed", "9999"),
        (soap(DEGREES.format(code="", titles="")), "source_failed", ""),
        (soap("", specific=False), "source_malformed", ""),
        (soap(""), "source_malformed", ""),
        (soap(TAX.format(code="1000", verdict="POSITIVO")), "source_malformed", ""),
        (
            soap(DEGREES.format(code="0003", titles=""), extra="<CodigoProducto>PADRO</CodigoProducto>"),
            "source_malformed",
            "",
        ),
        (b"<html></html>", "source_malformed", ""),
        (b"{}", "source_malformed", ""),
        (b"", "source_malformed", ""),
    ],
)
def test_reply_that_is_no_answer_is_an_error(body, code, source_code):
    refused = refusal(body)
    assert (refused.code, refused.source_code) == (code, source_code)
    assert "99990001P" not in str(refused)


@pytest.mark.parametrize(
    "generic",
    [
        "<Titular><Documentacion>99990002D</Documentacion></Titular>",
        "<Transmision><IdSolicitud>another</IdSolicitud></Transmision>",
    ],
)
def test_reply_about_somebody_or_something_else_is_malformed(generic):
    body = soap(
        DEGREES.format(code="0003", titles=TITLE.format(name="x")),
        generic=f"<DatosGenericos>{generic}</DatosGenericos>",
    )
    assert refusal(body).code == "source_malformed"


@pytest.mark.parametrize(("document", "place"), [("99990002D", "001"), ("99990001P", "019")])
def test_census_reply_about_another_person_or_municipality_is_malformed(document, place):
    body = soap(CENSUS.format(code="1", document=document, place=place))
    assert refusal(body, "census-registration").code == "source_malformed"


@pytest.mark.parametrize(("code", "expected"), [("3", "source_failed"), ("", "source_failed")])
def test_census_error_is_neither_yes_nor_no(code, expected):
    body = soap(CENSUS.format(code=code, document="99990001P", place="001"))
    assert refusal(body, "census-registration").code == expected


def test_tax_reply_without_a_verdict_is_malformed():
    assert refusal(soap(TAX.format(code="1000", verdict="")), "tax-compliance").code == "source_malformed"


def test_two_transmissions_for_one_question_are_malformed():
    body = soap(DEGREES.format(code="0003", titles=TITLE.format(name="x"))).replace(
        b"</Transmisiones>", b"<TransmisionDatos/></Transmisiones>"
    )
    assert refusal(body).code == "source_malformed"


def test_every_error_and_reason_has_a_sentence():
    codes = {"unreachable", "timeout", "refused", "fault", "failed", "malformed"}
    assert {f"source_{code}" for code in codes} | set(Reason) <= set(SENTENCES)
