# SPDX-License-Identifier: EUPL-1.2
from __future__ import annotations

import pytest
from stdnum.es import dni, nie

from protocol.errors import ConfigurationError
from protocol.identity import IdentifierType
from sandbox.people import Census, Failure, Tax, load_authorisations, load_people, parse_people

PERSON = """[[people]]
id = "x"
identifier = "99990001P"
identifier_type = "NIF"
given_name = "X"
surname1 = "Y"
birth_date = 1990-01-01
signs_in = false
"""


def test_there_is_somebody_for_each_situation_and_each_failure():
    people = load_people().values()
    everything = [p for p in people if p.degrees and p.census is Census.RESIDENT and p.tax is Tax.POSITIVE]
    assert everything
    assert any(not p.degrees and p.tax is Tax.POSITIVE for p in people)
    assert any(p.census is Census.ABSENT and p.degrees for p in people)
    assert any(p.census is Census.NOT_ADHERED for p in people)
    assert any(p.tax is Tax.NEGATIVE for p in people)
    assert any(len(p.degrees) > 1 for p in people)
    assert {p.identifier_type for p in people if p.signs_in} == set(IdentifierType)
    assert {p.failure for p in people if p.failure} == set(Failure)


def test_each_administration_has_one_clerk():
    employers = [person.employer_code for person in load_people().values() if person.is_clerk]
    assert sorted(employers) == ["L01990015", "U00000001"]


def test_check_letters_of_people_who_sign_in_are_right_and_numbers_are_nobodys():
    for person in load_people().values():
        if not person.signs_in:
            continue
        if person.identifier_type is IdentifierType.NIF:
            assert dni.is_valid(person.identifier)
            assert person.identifier.startswith("9999")
        elif person.identifier_type is IdentifierType.NIE:
            assert nie.is_valid(person.identifier)


def test_a_platform_document_with_a_wrong_letter_is_kept():
    assert not nie.is_valid(load_people()["aoc-nie"].identifier)


def test_everybody_who_signs_in_is_described_in_each_language():
    for person in load_people().values():
        if person.signs_in:
            assert set(person.description) == {"ca", "es", "en"}
            assert all(person.description.values())


def test_tax_data_are_authorised_with_si_only():
    consents = {line.product: line.consents for line in load_authorisations()}
    assert consents["AEAT_DADES"] == {"Si"}


@pytest.mark.parametrize(
    "text",
    [
        "[[people",
        PERSON.replace('"NIF"', '"DNI"'),
        PERSON + "unknown = 1\n",
        PERSON.replace("signs_in = false", ""),
        PERSON.replace("signs_in = false", 'description = { ca = "x" }'),
        PERSON + 'failure = "bad luck"\n',
    ],
)
def test_people_file_with_a_mistake_is_refused_by_name(text):
    assert parse_people(PERSON, name="x.toml")[0].full_name == "X Y"
    with pytest.raises(ConfigurationError) as refused:
        parse_people(text, name="x.toml")
    assert refused.value.message.startswith("x.toml")
