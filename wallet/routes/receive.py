# SPDX-License-Identifier: EUPL-1.2
"""Receiving a document: from the issuer's link or QR to the document in the wallet."""

from __future__ import annotations

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from protocol.encoding import JSON, get_member, parse_object
from protocol.errors import RequestError
from wallet.receiving import HolderKey, Proofs, Received
from wallet.services import services
from wallet.signing import parse_signatures

bp = Blueprint("receive", __name__)


@bp.get("/receive")
def arrive() -> ResponseReturnValue:
    """Read the offer of a link; from then on the page has an address of its own."""
    _remember_return(request.args.get("return", ""))
    sealer = services().visitors.sealer()
    given = request.args.to_dict(flat=False)
    parameters = {name: values for name, values in given.items() if name not in {"return", "lang"}}
    return redirect(url_for("receive.show", offer_id=services().receiving.open(sealer, parameters)), 303)


def _remember_return(address: str) -> None:
    """Remember the errand that waits for this document, if the issuer brought its address back."""
    prefix = services().settings.public_url
    if address.startswith(f"{prefix}/present/"):
        services().visitors.set_resume(address.removeprefix(prefix))


@bp.get("/receive/<offer_id>")
def show(offer_id: str) -> ResponseReturnValue:
    """Show what is offered and by whom, and ask for the six digits."""
    sealer = services().visitors.sealer()
    opened = services().receiving.get_offer(sealer, offer_id)
    return render_template("wallet/receive.html", opened=opened, offer_id=offer_id, actor=sealer.actor)


@bp.post("/receive/<offer_id>/prepare")
def prepare(offer_id: str) -> ResponseReturnValue:
    """Take the code and the new holder keys; answer what they sign."""
    body = parse_object(request.get_data())
    tx_code = None if body.get("tx_code") is None else get_member(body, "tx_code", str)
    keys = [HolderKey.parse(key) for key in get_member(body, "keys", list)]
    sealer = services().visitors.sealer()
    return jsonify(_to_sign(services().receiving.prepare(sealer, offer_id, tx_code=tx_code, keys=keys)))


@bp.post("/receive/proofs/<proofs_id>/complete")
def complete(proofs_id: str) -> ResponseReturnValue:
    """Take the signatures, fetch and keep the document; answer where to go on."""
    signatures = parse_signatures(parse_object(request.get_data()).get("signatures"))
    done = services().receiving.complete(services().visitors.sealer(), proofs_id, signatures)
    match done:
        case Proofs():
            return jsonify(_to_sign(done))
        case Received():
            here = url_for("pages.document", document_id=done.id)
            return jsonify(next=services().visitors.resume or here), 201
    raise RequestError("server_error", "unknown result of receiving", status=500)


def _to_sign(proofs: Proofs) -> dict[str, JSON]:
    return {
        "steps": [step.to_json() for step in proofs.steps],
        "sealed_keys": {key.public.thumbprint(): key.sealed for key in proofs.keys},
        "complete": url_for("receive.complete", proofs_id=proofs.id),
    }
