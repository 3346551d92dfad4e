# SPDX-License-Identifier: EUPL-1.2
"""Puts the development administrations, their keys and procedures into the databases of issuer and verifier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from issuer.credential_types import load_types
from issuer.interop import Authorisation, Municipality, Officer
from issuer.records import Administration as IssuingAdministration
from issuer.store import SqlStore as IssuerStore
from protocol.encoding import sha256
from protocol.runtime.database import Database
from testimoni.development.catalogue import AUTHORITY_NAME, AUTHORITY_URI
from testimoni.development.parties import Party
from verifier.model import Administration as VerifyingAdministration
from verifier.model import DocumentType
from verifier.store_parties import SqlParties

# fictitious, as everything here
_OFFICER = Officer(name="Prova Prova Emissor", document="00000000T")
_MUNICIPALITY = Municipality(code="001", province_code="99", name="Vilaprova")


def fill_issuer(
    database: Database, parties: Iterable[Party], key_path: Mapping[str, Path], verifier_url: str
) -> None:
    """Put the administrations as issuers; how to reach them, and what they say of data, is at their desk."""
    store = IssuerStore(database)
    for party in parties:
        store.put_administration(
            IssuingAdministration(
                id=party.data.id,
                code=party.data.code,
                names=party.data.name,
                authorisation=Authorisation(
                    requester_code=party.data.requester_code,
                    requester_name=party.data.name["ca"],
                    finality=party.data.finality,
                    officer=_OFFICER,
                    municipality=_MUNICIPALITY if "census-registration" in party.data.credential_types else None,
                ),
                signer_url=f"file:{key_path[f'{party.data.id}-issuer']}",
                x5c=tuple(party.issuer_chain),
                credential_types=party.data.credential_types,
                support_url=f"{verifier_url}/{party.data.id}/support",
                privacy_url=f"{verifier_url}/{party.data.id}/privacy",
                dpa_name=AUTHORITY_NAME,
                dpa_contact=AUTHORITY_URI,
            )
        )


def fill_verifier(
    database: Database, parties: Iterable[Party], key_path: Mapping[str, Path], api_tokens: Mapping[str, str]
) -> None:
    """Put the administrations as verifiers, with their procedures and the kinds of document they know."""
    store = SqlParties(database)
    for party in parties:
        store.put_administration(
            VerifyingAdministration(
                id=party.data.id,
                code=party.data.code,
                name=party.data.name,
                signer_url=f"file:{key_path[f'{party.data.id}-access']}",
                x5c=tuple(party.access_chain),
                client_id=party.client_id,
                api_token_digest=sha256(api_tokens[party.data.id].encode()),
            )
        )
        for kind in load_types().values():
            store.put_document_type(
                party.data.id,
                DocumentType(
                    vct=kind.vct,
                    name=kind.name,
                    claim_labels={rule.name: rule.label for rule in kind.claim_rules},
                    carries_status=kind.carries_status,
                    longest_validity_days=kind.validity_days,
                ),
            )
        for registered in party.procedures:
            store.put_procedure(
                party.data.id,
                registered.statement,
                next_step=registered.data.next_step,
                due_days=registered.data.due_days,
                remedies={},
            )
