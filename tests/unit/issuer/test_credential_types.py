# SPDX-License-Identifier: EUPL-1.2
from __future__ import annotations

from datetime import date
from importlib.resources import files

import pytest

from issuer.claim_rules import LANGUAGES, Kind, Origin
from issuer.credential_types import load_types, parse_type, read_types
from issuer.interop import Authorisation, Consent, Found, Municipality, Officer, SourceError
from protocol.errors import ConfigurationError, RequestError
from protocol.identity import AssuranceLevel, IdentifierType, Identity, Method

TODAY = date(2026, 11, 21)
DEGREE, CENSUS, TAX = "university-degree", "census-registration", "tax-compliance"
DEGREE_RECORD = {
    "FechaNacimiento": "02/03/1995",
    "Universidad": "Universitat de Vilaprova",
    "Centro": "Facultat d'Informàtica",
    "NombreCarrera": "Grau en Enginyeria Informàtica",
    "CodTipoTitulo": "0H",
    "TipoTitulo": "Grado",
    "FechaFinalizacion": "06/2017",
    "FechaExpedicion": "14/09/2017",
    "NumTitulo": "2017000001",
    "RegistroUniv": "0000001",
}
CENSUS_RECORD = {"codigoMunicipio": "001", "codigoProvincia": "99", "fuente": "PADRON"}
TAX_RECORD = {"Referencia": "26099990001", "FechaEmision": "2026-11-21"}


def identity(**changes: object):
    members = {
        "identifier": "99990001P",
        "identifier_type": IdentifierType.NIF,
        "given_name": "Marta",
        "surname1": "Soler",
        "surname2": "Vidal",
        "assurance_level": AssuranceLevel.SUBSTANTIAL,
        "method": Method.IDCAT_MOBIL,
    }
    return Identity(**{**members, **changes})


def authorisation():
    return Authorisation(
        requester_code="9900150003",
        requester_name="Ajuntament de Vilaprova",
        finality="PROVES",
        officer=Officer("Joan Pla Ribes", "99990013C"),
        municipality=Municipality("001", "99", "Vilaprova"),
    )


def found(type_id, *records: object):
    return Found(load_types()[type_id].request(identity(), authorisation()), records)


def text_of(type_id):
    return (files("issuer") / "credential_types" / f"{type_id}.toml").read_text("utf-8")


def test_the_shipped_types_are_the_three_of_the_catalogue():
    assert {
        kind.id: (kind.source.product, kind.source.modality, kind.source.consent) for kind in load_types().values()
    } == {
        DEGREE: ("MEPSYD", "TITOLS_UNIVERSITARIS", Consent.NOT_OBJECTED),
        CENSUS: ("PADRO", "RESIDENT_MUNICIPI", Consent.NOT_OBJECTED),
        TAX: ("AEAT_DADES", "ECOTGEN", Consent.AUTHORISED),
    }
    assert [kind.id for kind in load_types().values() if kind.asks_authorisation] == [TAX]


def test_every_text_of_a_shipped_type_is_in_all_languages():
    for kind in load_types().values():
        words = [
            kind.name,
            kind.description,
            kind.legal.why,
            kind.legal.law,
            kind.legal.fetched,
            kind.legal.choice,
        ]
        for texts in [*words, *(rule.label for rule in kind.claim_rules)]:
            assert set(texts) == set(LANGUAGES)


def test_degree_claims_are_the_twelve_with_iso_dates():
    kind = load_types()[DEGREE]
    assert kind.claims(identity(), found(DEGREE, DEGREE_RECORD), TODAY) == [
        {
            "given_name": "Marta",
            "family_name": "Soler Vidal",
            "document_number": "99990001P",
            "birth_date": "1995-03-02",
            "degree_title": "Grau en Enginyeria Informàtica",
            "degree_type": "Grado",
            "university": "Universitat de Vilaprova",
            "centre": "Facultat d'Informàtica",
            "completion_date": "2017-06",
            "issue_date": "2017-09-14",
            "title_number": "2017000001",
            "registration_number": "0000001",
        }
    ]
    assert len(kind.disclosable) == 12


def test_several_degrees_give_the_claims_of_several_credentials_in_order():
    second = {**DEGREE_RECORD, "NombreCarrera": "Doctorat", "FechaFinalizacion": "2020"}
    made = load_types()[DEGREE].claims(identity(), found(DEGREE, DEGREE_RECORD, second), TODAY)
    assert [claims["degree_title"] for claims in made] == ["Grau en Enginyeria Informàtica", "Doctorat"]
    assert made[1]["completion_date"] == "2020"


def test_census_claims_name_the_municipality_and_no_address():
    made = load_types()[CENSUS].claims(identity(), found(CENSUS, CENSUS_RECORD), TODAY)
    assert made == [
        {
            "given_name": "Marta",
            "family_name": "Soler Vidal",
            "document_number": "99990001P",
            "municipality": "Vilaprova",
            "municipality_code": "001",
            "province_code": "99",
            "resident": True,
            "source": "Padró municipal",
            "checked_on": "2026-11-21",
        }
    ]


def test_tax_claims_hold_the_reference_and_no_amount():
    made = load_types()[TAX].claims(identity(), found(TAX, TAX_RECORD), TODAY)
    assert made == [
        {
            "given_name": "Marta",
            "family_name": "Soler Vidal",
            "document_number": "99990001P",
            "compliant": True,
            "reference": "26099990001",
            "issued_on": "2026-11-21",
            "scope": "Obligacions tributàries estatals (RD 1065/2007, art. 74)",
        }
    ]


def test_optional_field_that_is_missing_or_empty_gives_no_claim():
    bare = {key: value for key, value in DEGREE_RECORD.items() if key != "Centro"} | {"NumTitulo": "  "}
    (claims,) = load_types()[DEGREE].claims(identity(), found(DEGREE, bare), TODAY)
    assert not {"centre", "title_number"} & set(claims)


@pytest.mark.parametrize(
    ("type_id", "record"),
    [
        (DEGREE, {**DEGREE_RECORD, "NombreCarrera": ""}),
        (DEGREE, {key: value for key, value in DEGREE_RECORD.items() if key != "FechaNacimiento"}),
        (DEGREE, {**DEGREE_RECORD, "FechaNacimiento": "31/02/1995"}),
        (DEGREE, {**DEGREE_RECORD, "FechaNacimiento": "1995"}),
        (DEGREE, {**DEGREE_RECORD, "FechaFinalizacion": "13/2017"}),
        (CENSUS, {**CENSUS_RECORD, "fuente": "ELSEWHERE"}),
        (TAX, {**TAX_RECORD, "Referencia": ""}),
    ],
)
def test_record_that_does_not_fit_its_type_is_malformed(type_id, record):
    with pytest.raises(SourceError) as refused:
        load_types()[type_id].claims(identity(), found(type_id, record), TODAY)
    assert refused.value.code == "source_malformed"
    assert all(str(value) not in str(refused.value) for value in record.values() if value)


def test_answer_to_another_question_is_malformed():
    kind = load_types()[DEGREE]
    for who, answer in (
        (identity(), found(TAX, TAX_RECORD)),
        (identity(identifier="99990002D"), found(DEGREE, DEGREE_RECORD)),
        (identity(), found(DEGREE)),
    ):
        with pytest.raises(SourceError) as refused:
            kind.claims(who, answer, TODAY)
        assert refused.value.code == "source_malformed"


def test_request_has_the_type_the_holder_and_a_fresh_identifier():
    kind = load_types()[TAX]
    first, second = (kind.request(identity(), authorisation()) for _ in range(2))
    assert first.identifier != second.identifier
    assert len(first.identifier) <= 40
    assert (first.product, first.modality, first.consent) == ("AEAT_DADES", "ECOTGEN", Consent.AUTHORISED)
    assert (first.holder.document, first.holder.surname2) == ("99990001P", "Vidal")


def test_sign_in_below_the_level_of_the_type_is_refused():
    low = identity(assurance_level=AssuranceLevel.LOW)
    with pytest.raises(RequestError) as refused:
        load_types()[TAX].request(low, authorisation())
    assert (refused.value.code, refused.value.status) == ("assurance_too_low", 403)
    load_types()[CENSUS].check_identity(low)


def test_passport_is_refused_where_the_source_takes_none():
    passport = identity(identifier="XQ9990001", identifier_type=IdentifierType.PASSPORT)
    for type_id in (DEGREE, TAX):
        with pytest.raises(RequestError) as refused:
            load_types()[type_id].request(passport, authorisation())
        assert refused.value.code == "document_type_unsupported"
    load_types()[CENSUS].request(passport, authorisation())


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("validity_days = 365", "validity_days = 0", "validity_days"),
        ("validity_days = 365", "validity_days = 365\nunknown = 1", "unknown"),
        ("carries_status = true", "carries_status = 1", "carries_status"),
        ('consent = "NoOpo"', 'consent = "Maybe"', "source.consent"),
        ('assurance_level = "low"', 'assurance_level = "enough"', "assurance_level"),
        ('vct = "https://', 'vct = "http://', "vct"),
        ('kind = "date"', 'kind = "guess"', "kind"),
        ('name = "centre"', 'name = "university"', "each claim once"),
        ('name = "centre"', 'name = "cnf"', "reserved"),
        ('name = "centre"', 'name = "Centre"', "lower case"),
        ('field = "identifier"', 'field = "phone"', "field must be"),
        ('origin = "identity"\nfield = "given_name"', 'origin = "today"\nfield = "given_name"', "field belongs"),
        ('origin = "source"\nfield = "Centro"', 'origin = "source"', "field belongs"),
        ('field = "Centro"', 'field = "Centro"\nkind = "code"', "codes belong"),
        ('field = "Centro"', 'field = "Centro"\nvalue = true', "value belongs"),
        ('da = "Fødselsdato"', 'da = " "', "label"),
        ("version = 1", "version = 0", "record.version"),
        ("retention_days = 1095", "retention_days = 0", "record.retention_days"),
        ("retention_days = 1095", "", "retention_days"),
        ('legal_basis = "eu-gdpr:A6-1-e"', 'legal_basis = "dpv:Consent"', "legal_basis"),
        ('legal_basis = "eu-gdpr:A6-1-e"', 'legal_basis = "dpv:Permission"', "an authorisation, or neither"),
        ('consent = "NoOpo"', 'consent = "Si"', "an authorisation, or neither"),
        # a claim of the source that the record would hide, one that the source is not asked for, one twice, a stranger
        ('    "birth_date",\n', "", "record.asked"),
        ('    "birth_date",\n', '    "birth_date",\n    "given_name",\n', "record.asked"),
        ('    "birth_date",\n', '    "birth_date",\n    "birth_date",\n', "record.asked"),
        ('    "birth_date",\n', '    "birth_date",\n    "salary",\n', "record.asked"),
        ('en = "Three years,', 'fr = "Three years,', "retention"),
        (', da = "Fødselsdato"', "", "label"),
        ("[source]", "[source", "not TOML"),
    ],
)
def test_type_file_with_one_mistake_is_refused_by_name(old, new, named):
    text = text_of(DEGREE)
    assert old in text
    with pytest.raises(ConfigurationError) as refused:
        parse_type(text.replace(old, new, 1), name="x.toml")
    assert refused.value.message.startswith("x.toml: ")
    assert named in refused.value.message


def test_folder_is_refused_when_empty_misnamed_or_repeating_a_vct(tmp_path):
    with pytest.raises(ConfigurationError, match="no credential types"):
        read_types(tmp_path)
    (tmp_path / "other.toml").write_text(text_of(DEGREE), "utf-8")
    with pytest.raises(ConfigurationError, match=r"expected the name university-degree\.toml"):
        read_types(tmp_path)
    (tmp_path / "other.toml").write_text(text_of(DEGREE).replace(f'id = "{DEGREE}"', 'id = "other"'), "utf-8")
    (tmp_path / f"{DEGREE}.toml").write_text(text_of(DEGREE), "utf-8")
    (tmp_path / "README.md").write_text("not a type", "utf-8")
    with pytest.raises(ConfigurationError, match="another type"):
        read_types(tmp_path)


def test_every_origin_and_kind_is_used_by_a_shipped_type():
    rules = [rule for kind in load_types().values() for rule in kind.claim_rules]
    assert {rule.origin for rule in rules} == set(Origin)
    assert {rule.kind for rule in rules} == set(Kind)
