# SPDX-License-Identifier: EUPL-1.2
"""Keys, certificates and registered procedures of the development administrations, and their trust list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from issuer.credential_types import load_types
from protocol.encoding import JSON
from protocol.keys import PrivateKey
from protocol.registration import statement_digest
from protocol.x509 import Purpose, certificate_digest, encode_chain
from testimoni.development.authority import Authority
from testimoni.development.catalogue import (
    AdministrationData,
    ProcedureData,
    load_administrations,
    load_procedures,
)


@dataclass(frozen=True)
class RegisteredProcedure:
    """A procedure with the statement that registers it."""

    data: ProcedureData
    statement: str


@dataclass(frozen=True)
class Party:
    """One administration as issuer and verifier."""

    data: AdministrationData
    issuer_identifier: str
    issuer_key: PrivateKey
    issuer_chain: list[str]
    access_key: PrivateKey
    access_chain: list[str]
    client_id: str
    procedures: tuple[RegisteredProcedure, ...]

    def trust_entry(self) -> dict[str, JSON]:
        """Return this administration's entry of the trust list."""
        types = load_types()
        return {
            "id": self.data.id,
            "code": self.data.code,
            "name": dict(self.data.name),
            "issuers": [
                {
                    "identifier": self.issuer_identifier,
                    "credential_types": [types[name].vct for name in self.data.credential_types],
                }
            ],
            "verifiers": [
                {
                    "client_id": self.client_id,
                    "procedures": [statement_digest(p.statement) for p in self.procedures],
                }
            ],
        }


def make_parties(
    authority: Authority,
    *,
    issuer_url: str,
    verifier_url: str,
    get_key: Callable[[str], PrivateKey],
    now: datetime,
) -> Mapping[str, Party]:
    """Return the administrations. `get_key` gives the key of a name such as `universitat-issuer`."""
    return {
        name: _make_party(authority, data, issuer_url, verifier_url, get_key, now)
        for name, data in load_administrations().items()
    }


def _make_party(
    authority: Authority,
    data: AdministrationData,
    issuer_url: str,
    verifier_url: str,
    get_key: Callable[[str], PrivateKey],
    now: datetime,
) -> Party:
    identifier = f"{issuer_url}/{data.id}"
    issuer_key, access_key = get_key(f"{data.id}-issuer"), get_key(f"{data.id}-access")
    issuer_leaf = authority.issue_certificate(
        issuer_key.public_key, purpose=Purpose.ISSUER, name=data.name["ca"], uris=[identifier], now=now
    )
    access_leaf = authority.issue_certificate(
        access_key.public_key, purpose=Purpose.ACCESS, name=data.name["ca"], now=now
    )
    procedures = tuple(
        RegisteredProcedure(p, authority.sign_statement(p.procedure, now=now))
        for p in load_procedures(data, verifier_url=verifier_url, now=now)
    )
    return Party(
        data=data,
        issuer_identifier=identifier,
        issuer_key=issuer_key,
        issuer_chain=encode_chain([issuer_leaf]),
        access_key=access_key,
        access_chain=encode_chain([access_leaf]),
        client_id=f"x509_hash:{certificate_digest(access_leaf)}",
        procedures=procedures,
    )


def sign_trust_list(
    authority: Authority,
    parties: Mapping[str, Party],
    logs: Sequence[Mapping[str, JSON]],
    *,
    sequence: int,
    now: datetime,
) -> str:
    """Return the signed trust list over these administrations and logs."""
    return authority.sign_trust_list(
        sequence=sequence, administrations=[p.trust_entry() for p in parties.values()], logs=logs, now=now
    )
