# SPDX-License-Identifier: EUPL-1.2
"""Between rows and values; for `issuer.store` alone."""

from __future__ import annotations

import json

from issuer.interop import Authorisation, Municipality, Officer
from issuer.records import Administration, Issuance, OfferDigests, Person, State
from issuer.tables import AdministrationRow, IssuanceRow


def administration_row(administration: Administration) -> AdministrationRow:
    """Return the row of an administration."""
    by = administration.authorisation
    place = by.municipality
    return AdministrationRow(
        id=administration.id,
        code=administration.code,
        names=json.dumps(dict(administration.names)),
        requester_code=by.requester_code,
        requester_name=by.requester_name,
        finality=by.finality,
        officer_name=by.officer.name,
        officer_document=by.officer.document,
        municipality_code=place.code if place else None,
        municipality_province_code=place.province_code if place else None,
        municipality_name=place.name if place else None,
        signer_url=administration.signer_url,
        x5c=json.dumps(list(administration.x5c)),
        credential_types=json.dumps(list(administration.credential_types)),
        support_url=administration.support_url,
        privacy_url=administration.privacy_url,
        dpa_name=administration.dpa_name,
        dpa_contact=administration.dpa_contact,
    )


def administration_of(row: AdministrationRow) -> Administration:
    """Return the administration of a row."""
    place = None
    if row.municipality_code and row.municipality_province_code and row.municipality_name:
        place = Municipality(row.municipality_code, row.municipality_province_code, row.municipality_name)
    return Administration(
        id=row.id,
        code=row.code,
        names=json.loads(row.names),
        authorisation=Authorisation(
            requester_code=row.requester_code,
            requester_name=row.requester_name,
            finality=row.finality,
            officer=Officer(row.officer_name, row.officer_document),
            municipality=place,
        ),
        signer_url=row.signer_url,
        x5c=tuple(json.loads(row.x5c)),
        credential_types=tuple(json.loads(row.credential_types)),
        support_url=row.support_url,
        privacy_url=row.privacy_url,
        dpa_name=row.dpa_name,
        dpa_contact=row.dpa_contact,
    )


def issuance_row(issuance: Issuance) -> IssuanceRow:
    """Return the row of an issuance."""
    values = {name: value for name, value in vars(issuance).items() if name != "digests"}
    found = issuance.digests
    return IssuanceRow(
        **values,
        offer_digest=found.offer if found else None,
        code_digest=found.code if found else None,
        tx_code_digest=found.tx_code if found else None,
    )


def issuance_of(row: IssuanceRow) -> Issuance:
    """Return the issuance of a row."""
    values = row.model_dump(exclude={"offer_digest", "code_digest", "tx_code_digest"})
    digests = None
    if row.offer_digest and row.code_digest and row.tx_code_digest:
        digests = OfferDigests(offer=row.offer_digest, code=row.code_digest, tx_code=row.tx_code_digest)
    return Issuance(**{**values, "state": State(row.state), "person": Person(row.person), "digests": digests})
