# SPDX-License-Identifier: EUPL-1.2
from __future__ import annotations

import pytest

from protocol.identity import AssuranceLevel, CertificateType, IdentifierType, Identity, Method


def identity(**changes: object):
    members = {
        "identifier": "99990001P",
        "identifier_type": IdentifierType.NIF,
        "given_name": "Marta",
        "surname1": "Soler",
        "surname2": "Vidal",
        "assurance_level": AssuranceLevel.LOW,
        "method": Method.IDCAT_MOBIL,
    }
    return Identity(**{**members, **changes})


def test_assurance_levels_are_ordered():
    low, substantial, high = (AssuranceLevel.from_word(word) for word in ("low", "substantial", "high"))
    assert low < substantial < high
    assert [level.word for level in AssuranceLevel] == ["low", "substantial", "high"]


def test_assurance_level_of_another_word_is_refused():
    with pytest.raises(ValueError, match="expected low"):
        AssuranceLevel.from_word("LOW")


def test_repr_of_an_identity_shows_no_personal_datum():
    shown = repr(identity())
    assert not any(text in shown for text in ("99990001P", "Marta", "Soler", "Vidal"))


def test_full_name_when_there_is_one_surname_has_no_stray_space():
    assert identity(surname2="").full_name == "Marta Soler"


def test_only_an_employee_certificate_with_an_organisation_makes_a_public_employee():
    employee = CertificateType.PUBLIC_EMPLOYEE
    assert identity(certificate_type=employee, company_id="U00000001").is_public_employee
    assert not identity(certificate_type=employee).is_public_employee
    assert not identity(certificate_type=CertificateType.NATURAL_PERSON, company_id="X").is_public_employee
    assert not identity(company_id="U00000001").is_public_employee
