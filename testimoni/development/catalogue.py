# SPDX-License-Identifier: EUPL-1.2
"""The fictitious administrations and procedures of the development set-up, read from data files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from issuer.credential_types import load_types
from protocol.dcql import ClaimQuery, CredentialQuery, Query
from protocol.registration import LegalBasis, Procedure, Texts

_STATEMENT_LIFETIME = timedelta(days=365)
AUTHORITY_NAME = "Autoritat Catalana de Protecció de Dades"
AUTHORITY_URI = "https://apdcat.gencat.cat"


@dataclass(frozen=True)
class AdministrationData:
    """One fictitious administration."""

    id: str
    code: str
    requester_code: str
    finality: str
    name: Texts
    credential_types: tuple[str, ...]
    procedures: tuple[str, ...]


@dataclass(frozen=True)
class ProcedureData:
    """A procedure to register, and what its office says about what happens next."""

    procedure: Procedure
    next_step: Texts
    due_days: int


def _read(file: Traversable) -> dict[str, Any]:  # TOML tables; each value is used in one place below
    return tomllib.loads(file.read_text("utf-8"))


def load_administrations() -> Mapping[str, AdministrationData]:
    """Return the administrations by identifier."""
    table = _read(files("testimoni.development") / "administrations.toml")
    return {
        key: AdministrationData(
            id=key,
            code=entry["code"],
            requester_code=entry["requester_code"],
            finality=entry["finality"],
            name=entry["name"],
            credential_types=tuple(entry["credential_types"]),
            procedures=tuple(entry["procedures"]),
        )
        for key, entry in table.items()
    }


def load_procedures(party: AdministrationData, *, verifier_url: str, now: datetime) -> list[ProcedureData]:
    """Return the administration's procedures, to be registered from now on."""
    folder = files("testimoni.development") / "procedures"
    return [
        _procedure(name, _read(folder / f"{name}.toml"), party, verifier_url, now) for name in party.procedures
    ]


def _procedure(
    name: str, data: dict[str, Any], party: AdministrationData, verifier_url: str, now: datetime
) -> ProcedureData:
    types = load_types()
    query = Query(
        tuple(
            CredentialQuery(
                id=entry["id"],
                vct_values=(types[entry["type"]].vct,),
                claims=tuple(ClaimQuery(path=(claim,)) for claim in entry["claims"]),
            )
            for entry in data["credentials"]
        )
    )
    procedure = Procedure(
        id=name,
        version=data["version"],
        party_code=party.code,
        party_name=party.name,
        title=data["title"],
        purpose=data["purpose"],
        legal_basis=LegalBasis(data["legal_basis"]),
        legal_reference=data["legal_reference"],
        retention=data["retention"],
        retention_days=data["retention_days"],
        if_refused=data["if_refused"],
        query=query,
        privacy_policy=f"{verifier_url}/{party.id}/privacy",
        support_uri=f"{verifier_url}/{party.id}/support",
        supervisory_authority_name=AUTHORITY_NAME,
        supervisory_authority_uri=AUTHORITY_URI,
        valid_until=now + _STATEMENT_LIFETIME,
    )
    return ProcedureData(procedure=procedure, next_step=data["next_step"], due_days=data["due_days"])
