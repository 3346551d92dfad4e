# SPDX-License-Identifier: EUPL-1.2
"""Who signed in, as VÀLid tells it: the values that issuer, wallet and verifier share.

- Values only; signing in is `protocol.runtime.valid`.
- Document types have three encodings on three wires (VÀLid, census, Via Oberta). This is the one inside;
  each codec maps its own by an explicit table, never by number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class IdentifierType(StrEnum):
    """Kind of identity document."""

    NIF = "NIF"
    NIE = "NIE"
    PASSPORT = "passport"


class AssuranceLevel(IntEnum):
    """How sure the sign-in is of the person (eIDAS article 8), in order."""

    LOW = 1
    SUBSTANTIAL = 2
    HIGH = 3

    @property
    def word(self) -> str:
        """The level's name on the wire and in data files."""
        return self.name.lower()

    @classmethod
    def from_word(cls, word: str) -> AssuranceLevel:
        """Return the level of this name. Raises `ValueError` on any other word."""
        for level in cls:
            if level.word == word:
                return level
        raise ValueError("expected low, substantial or high")


class Method(StrEnum):
    """How the person signed in."""

    IDCAT_MOBIL = "idcatmobil"
    CERTIFICATE = "certificat"
    CLAVE = "clave"


class CertificateType(IntEnum):
    """Whose certificate it was, for sign-ins with one."""

    NATURAL_PERSON = 0
    LEGAL_PERSON = 1
    PUBLIC_EMPLOYEE = 5
    LEGAL_PERSON_REPRESENTATIVE = 11
    ENTITY_REPRESENTATIVE = 12


@dataclass(frozen=True)
class Identity:
    """A person who signed in. Only `ValidClient.sign_in` and tests make one."""

    identifier: str = field(repr=False)
    identifier_type: IdentifierType
    given_name: str = field(repr=False)
    # the surnames apart where the source tells them apart, else the first holds both and the second is empty
    surname1: str = field(repr=False)
    surname2: str = field(repr=False)
    assurance_level: AssuranceLevel
    method: Method
    certificate_type: CertificateType | None = None
    # the organisation in an employee's or representative's certificate: for a public employee its DIR3 code
    company_id: str = ""
    company_name: str = ""

    @property
    def surnames(self) -> str:
        """Both surnames as one text."""
        return f"{self.surname1} {self.surname2}".strip()

    @property
    def full_name(self) -> str:
        """Given name and surnames."""
        return f"{self.given_name} {self.surnames}".strip()

    @property
    def is_public_employee(self) -> bool:
        """Whether the sign-in used a public employee's certificate, which names the organisation."""
        return self.certificate_type is CertificateType.PUBLIC_EMPLOYEE and bool(self.company_id)
