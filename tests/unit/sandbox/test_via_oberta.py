# SPDX-License-Identifier: EUPL-1.2
"""The platform's side against messages that are written out here, not made by our own issuer."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from lxml import etree

from protocol.errors import StoreConflictError
from sandbox.people import load_authorisations, load_people
from sandbox.via_oberta import Outcome, ViaOberta

REPLY = {"r": "http://gencat.net/scsp/esquemes/respuesta"}
MESSAGE = """<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Header/>
<soapenv:Body><procesa xmlns="http://www.openuri.org/"><Peticion xmlns="http://gencat.net/scsp/esquemes/peticion">
 <Atributos><IdPeticion>9900000001-1</IdPeticion><NumElementos>1</NumElementos>
  <TimeStamp>2026-11-21T10:15:00.000+01:00</TimeStamp><Estado/>
  <CodigoCertificado>TITOLS_UNIVERSITARIS</CodigoCertificado><CodigoProducto>MEPSYD</CodigoProducto>
  <DatosAutorizacion><IdentificadorSolicitante>9900000001</IdentificadorSolicitante>
   <NombreSolicitante>Universitat de Vilaprova</NombreSolicitante><Finalidad>PROVES</Finalidad></DatosAutorizacion>
  <Emisor><NifEmisor>Q0801175A</NifEmisor><NombreEmisor>CAOC</NombreEmisor></Emisor></Atributos>
 <Solicitudes><SolicitudTransmision><DatosGenericos>
  <Emisor><NifEmisor>Q0801175A</NifEmisor><NombreEmisor>CAOC</NombreEmisor></Emisor>
  <Solicitante><IdentificadorSolicitante>9900000001</IdentificadorSolicitante>
   <NombreSolicitante>Universitat de Vilaprova</NombreSolicitante><Finalidad>PROVES</Finalidad>
   <Consentimiento>NoOpo</Consentimiento><Funcionario><NombreCompletoFuncionario>Anna Serra</NombreCompletoFuncionario>
   <NifFuncionario>99990012L</NifFuncionario></Funcionario></Solicitante>
  <Titular><TipoDocumentacion>DNI</TipoDocumentacion><Documentacion>99990001P</Documentacion>
   <Nombre>Marta</Nombre><Apellido1>Soler</Apellido1></Titular>
  <Transmision><CodigoCertificado>TITOLS_UNIVERSITARIS</CodigoCertificado><IdSolicitud>T-1</IdSolicitud></Transmision>
 </DatosGenericos></SolicitudTransmision></Solicitudes></Peticion></procesa></soapenv:Body></soapenv:Envelope>"""
TAX = (
    MESSAGE.replace("TITOLS_UNIVERSITARIS", "ECOTGEN")
    .replace("MEPSYD", "AEAT_DADES")
    .replace("9900000001", "9900150003")
    .replace("NoOpo", "Si")
)
CENSUS = (
    MESSAGE.replace("TITOLS_UNIVERSITARIS", "RESIDENT_MUNICIPI")
    .replace("MEPSYD", "PADRO")
    .replace("9900000001", "9900150003")
    .replace(
        "</DatosGenericos></SolicitudTransmision>",
        "</DatosGenericos><DatosEspecificos><p:peticionResidenteMunicipio xmlns:p='http://www.aocat.net/padro'>"
        "<p:codigoProvincia>99</p:codigoProvincia><p:codigoMunicipio>001</p:codigoMunicipio>"
        "<p:tipoDocumentacion>1</p:tipoDocumentacion><p:documentacion>99990001P</p:documentacion>"
        "</p:peticionResidenteMunicipio></DatosEspecificos></SolicitudTransmision>",
    )
)


@dataclass
class MemoryRequests:
    seen: set = field(default_factory=set)

    def register_request(self, identifier, requester):
        if identifier in self.seen:
            raise StoreConflictError("duplicate", "seen")
        self.seen.add(identifier)


@pytest.fixture
def requests():
    return MemoryRequests()


@pytest.fixture
def answer(requests, clock):
    platform = ViaOberta(load_people().values(), load_authorisations(), requests, clock)
    return lambda message: platform.answer(message.encode())


def state_of(reply):
    assert reply.outcome is Outcome.ANSWER
    found = etree.fromstring(reply.body).find(".//r:Atributos/r:Estado", REPLY)
    names = ("CodigoEstado", "CodigoEstadoSecundario", "LiteralError")
    return tuple(found.findtext(f"r:{name}", namespaces=REPLY) or "" for name in names)


def result_of(reply):
    assert state_of(reply)[0] == "0003"
    codes = ("codiResultat", "codigoResultado")
    return next(e.text for e in etree.fromstring(reply.body).iter() if etree.QName(e).localname in codes)


def test_literal_question_is_answered_and_its_generic_part_comes_back(answer):
    reply = answer(MESSAGE)
    assert state_of(reply) == ("0003", "", "OK")
    root = etree.fromstring(reply.body)
    assert root.findtext(".//r:Titular/r:Documentacion", namespaces=REPLY) == "99990001P"
    assert root.findtext(".//r:Transmision/r:IdSolicitud", namespaces=REPLY) == "T-1"
    assert root.findtext(".//r:IdPeticion", namespaces=REPLY) == "9900000001-1"
    assert "Grau en Enginyeria Informàtica" in reply.body.decode()


def test_order_prefixes_and_unknown_parts_do_not_matter(answer):
    head, rest = MESSAGE.split("<Solicitudes>")
    body, tail = rest.split("</Solicitudes>")
    start, attributes = head.split("<Atributos>")
    moved = f"{start}<Solicitudes>{body}</Solicitudes><Extra/><Atributos>{attributes}{tail}"
    assert result_of(answer(moved)) == "0003"


@pytest.mark.parametrize("message", ["", "<a/>", MESSAGE[:200], MESSAGE.replace("openuri.org", "other.org")])
def test_what_is_no_question_gets_a_fault(answer, message):
    reply = answer(message)
    assert reply.outcome is Outcome.FAULT
    assert b"soapenv:Client" in reply.body


def test_message_with_a_document_type_gets_a_fault(answer):
    assert answer('<!DOCTYPE x [<!ENTITY y "z">]>' + MESSAGE).outcome is Outcome.FAULT


def test_two_questions_at_once_get_a_fault(answer):
    part = MESSAGE[MESSAGE.index("<SolicitudTransmision>") : MESSAGE.index("</Solicitudes>")]
    assert answer(MESSAGE.replace(part, part * 2)).outcome is Outcome.FAULT


@pytest.mark.parametrize(
    ("old", "new", "secondary"),
    [
        ("9900000001", "9900150003", "0301"),
        ("9900000001", "1234567890", "0301"),
        ("<Finalidad>PROVES", "<Finalidad>GESTTRIB", "0301"),
        ("MEPSYD", "PADRO", "0301"),
        ("TITOLS_UNIVERSITARIS", "TITOLS_NO_UNIVERSITARIS", "0301"),
        ("NoOpo", "Potser", "0236"),
        ("<Consentimiento>NoOpo</Consentimiento>", "", "0236"),
        ("<NifFuncionario>99990012L</NifFuncionario>", "", "0402"),
        ("<NombreCompletoFuncionario>Anna Serra</NombreCompletoFuncionario>", "", "0402"),
        ("<IdSolicitud>T-1</IdSolicitud>", "", "0402"),
        ("<Documentacion>99990001P</Documentacion>", "", "0402"),
        ("T-1", "T" * 41, "0401"),
        ("<TipoDocumentacion>DNI", "<TipoDocumentacion>BIBLIOTECA", "0404"),
        ("<TipoDocumentacion>DNI", "<TipoDocumentacion>Pasaporte", "0404"),
    ],
)
def test_question_that_is_not_allowed_or_complete_gets_0502(answer, old, new, secondary):
    assert old in MESSAGE
    state, second, _words = state_of(answer(MESSAGE.replace(old, new)))
    assert (state, second) == ("0502", secondary)


def test_question_that_contradicts_itself_about_who_asks_gets_0502(answer):
    once = MESSAGE.replace("9900000001</Identificador", "9900150003</Identificador", 1)
    assert state_of(answer(once))[:2] == ("0502", "0301")


def test_question_that_contradicts_itself_about_the_service_gets_0502(answer):
    once = MESSAGE.replace("TITOLS_UNIVERSITARIS</Cod", "ECOTGEN</Cod")
    assert state_of(answer(once))[:2] == ("0502", "0301")
    late = MESSAGE.replace(
        "<Transmision><CodigoCertificado>TITOLS_UNIVERSITARIS", "<Transmision><CodigoCertificado>X"
    )
    assert state_of(answer(late))[:2] == ("0502", "0243")


@pytest.mark.parametrize("consent", ["NoOpo", "Ley", ""])
def test_tax_question_without_authorisation_gets_0502_and_with_it_an_answer(answer, consent):
    refused = answer(TAX.replace("<Consentimiento>Si", f"<Consentimiento>{consent}"))
    assert state_of(refused)[:2] == ("0502", "0236")
    assert result_of(answer(TAX)) == "1000"


def test_tax_question_without_a_name_gets_0502(answer):
    assert state_of(answer(TAX.replace("<Nombre>Marta</Nombre>", "")))[:2] == ("0502", "0402")


def test_repeated_idsolicitud_gets_0502_in_the_platforms_words_and_no_data(answer):
    answer(MESSAGE)
    again = answer(MESSAGE)
    assert state_of(again) == ("0502", "0419", "Transmissió ja enregistrada: 'T-1'.")
    assert len(etree.fromstring(again.body).find(".//r:DatosEspecificos", REPLY)) == 0


def test_refused_question_does_not_use_up_its_idsolicitud(answer, requests):
    answer(MESSAGE.replace("NoOpo", "Potser"))
    assert requests.seen == set()


@pytest.mark.parametrize(
    ("number", "code"),
    [("99990002D", "0238"), ("99990009Q", "0233"), ("99999999R", "0233"), ("99990005N", "0003")],
)
def test_degrees_of_each_person(answer, number, code):
    reply = answer(MESSAGE.replace("99990001P", number))
    assert result_of(reply) == code
    assert reply.body.count(b"NumTitulo>") == (6 if number == "99990005N" else 0)


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        ("99990001P", "DNI", "1"),
        ("99990003X", "DNI", "2"),
        ("99990006J", "DNI", "4"),
        ("99999999R", "DNI", "2"),
        ("XQ9990001", "Pasaporte", "1"),
        ("Z9999001D", "NIE", "1"),
        # the same numbers under another document type are somebody else
        ("Z9999001D", "NIF", "2"),
    ],
)
def test_census_of_each_person(answer, number, kind, code):
    numbered = {"DNI": "1", "NIF": "1", "Pasaporte": "2", "NIE": "3"}[kind]
    message = CENSUS.replace("99990001P", number).replace(">DNI<", f">{kind}<")
    message = message.replace("tipoDocumentacion>1<", f"tipoDocumentacion>{numbered}<")
    assert result_of(answer(message)) == code


def test_census_of_another_municipality_is_no(answer):
    assert result_of(answer(CENSUS.replace(">001<", ">019<"))) == "2"


def test_census_of_the_platforms_own_test_document_ignores_its_wrong_letter(answer):
    message = (
        CENSUS.replace("99990001P", "Z2757735Z").replace(">DNI<", ">NIE<").replace(">1</p:tipo", ">3</p:tipo")
    )
    assert result_of(answer(message.replace(">001<", ">023<").replace(">99<", ">17<"))) == "1"


@pytest.mark.parametrize("old", ["<p:documentacion>99990001P", "<p:tipoDocumentacion>1", "<p:codigoMunicipio>001"])
def test_census_question_with_bad_specific_data_gets_0502(answer, old):
    name = old[: old.index(">") + 1]
    assert state_of(answer(CENSUS.replace(old, name)))[:2] == ("0502", "0239")


def test_census_question_without_specific_data_gets_0502(answer):
    bare = CENSUS.replace("peticionResidenteMunicipio", "peticionDatosTitular")
    assert state_of(answer(bare))[:2] == ("0502", "0239")


@pytest.mark.parametrize(("number", "verdict"), [("99990001P", "POSITIVO"), ("99990004B", "NEGATIVO")])
def test_tax_verdict_of_each_person(answer, number, verdict):
    reply = answer(TAX.replace("99990001P", number))
    assert result_of(reply) == "1000"
    root = etree.fromstring(reply.body)
    space = {"a": "http://intermediacion.redsara.es/scsp/esquemas/datosespecificos"}
    assert root.findtext(".//a:ObligacionesTributarias/a:CodigoCertificado", namespaces=space) == verdict
    assert root.findtext(".//a:FechaEmision", namespaces=space) == "2026-11-21"
    assert len(root.findtext(".//a:Referencia", namespaces=space)) == 11


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        ("99990007Z", Outcome.FAULT),
        ("99990010V", Outcome.FORBIDDEN),
        ("99990011H", Outcome.SILENCE),
        ("99990008S", Outcome.ANSWER),
    ],
)
@pytest.mark.parametrize("message", [MESSAGE, CENSUS, TAX], ids=["degree", "census", "tax"])
def test_failing_people_fail_for_every_product(answer, message, number, outcome):
    reply = answer(message.replace("99990001P", number))
    assert reply.outcome is outcome
    if outcome is Outcome.FAULT:
        assert b"<faultcode>1013</faultcode>" in reply.body
    if outcome is Outcome.ANSWER:
        assert state_of(reply)[0] == "0502"


def test_silence_is_not_bought_with_an_unauthorised_question(answer):
    reply = answer(MESSAGE.replace("99990001P", "99990011H").replace("PROVES", "ALTRES"))
    assert state_of(reply)[:2] == ("0502", "0301")
