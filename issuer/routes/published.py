# SPDX-License-Identifier: EUPL-1.2
"""Public documents about what is issued here: types of credentials, and issuers' keys (SD-JWT VC, sections 4, 5).

Each says how long it may be kept (section 3); every response of ours forbids to guess its type and to run anything
in it (section 7.2).
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from issuer import published
from issuer.services import services
from protocol.encoding import JSON
from protocol.runtime.reconciling import RECONCILIATIONS_SHOWN

bp = Blueprint("published", __name__)
# a type keeps its rules for good (another version is another vct); a better wording is seen within a day
TYPE_SECONDS = 24 * 60 * 60
# a new key is known within an hour
KEY_SECONDS = 60 * 60


@bp.get("/credentials/<type_id>/<version>")
def type_metadata(type_id: str, version: str) -> ResponseReturnValue:
    """Describe a type of credential (section 5.3.1)."""
    del type_id, version  # the path as a whole is that of the type's vct
    return _keep(published.get_type_metadata(services().types, request.path).to_json(), seconds=TYPE_SECONDS)


@bp.get("/.well-known/jwt-vc-issuer/<administration_id>")
def issuer_metadata(administration_id: str) -> ResponseReturnValue:
    """Give an issuer's key (section 4.2)."""
    issuer = services().issuer
    administration = issuer.get_administration(administration_id)
    found = published.describe_issuer(issuer.identifier(administration_id), administration)
    return _keep(found.to_json(), seconds=KEY_SECONDS)


@bp.get("/<administration_id>/reconciliations")
def reconciliations(administration_id: str) -> ResponseReturnValue:
    """Give what the office signed after comparing its questions with the authorisations, newest first."""
    found = services().reconciliations.published(administration_id, limit=RECONCILIATIONS_SHOWN)
    return jsonify(reconciliations=found)


def _keep(document: dict[str, JSON], *, seconds: int) -> Response:
    response = jsonify(document)
    response.headers["Cache-Control"] = f"public, max-age={seconds}"
    return response
