# SPDX-License-Identifier: EUPL-1.2
"""Deciding about a request: who asks, what exactly they would see, yes or no."""

from __future__ import annotations

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from protocol.encoding import b64url_encode, get_member, parse_object
from protocol.keys import PublicKey
from protocol.runtime.i18n import language
from wallet.routes.words import decision_data, present_decision
from wallet.services import services
from wallet.signing import parse_signatures

bp = Blueprint("present", __name__)


@bp.get("/present")
def arrive() -> ResponseReturnValue:
    """Fetch and verify the request of a link; from then on the page has an address of its own."""
    sealer = services().visitors.sealer()
    parameters = {name: value for name, value in request.args.items() if name != "lang"}
    return redirect(url_for("present.decide", request_id=services().sharing.open(sealer, parameters)), 303)


@bp.get("/present/<request_id>")
def decide(request_id: str) -> ResponseReturnValue:
    """Show what is asked; or which document is missing and where to get it."""
    sealer, sharing = services().visitors.sealer(), services().sharing
    here = url_for("present.decide", request_id=request_id)
    if sharing.is_decided(sealer, request_id):
        services().visitors.set_resume("")
        return redirect(url_for("shares.share", share_id=request_id), 303)
    decision = sharing.get_decision(sealer, request_id)
    words = present_decision(decision)
    if decision.missing:
        services().visitors.set_resume(here)
        offered = services().catalogue.read()
        return_url = services().settings.public_url + here
        return render_template(
            "wallet/missing.html", decision=words, missing=decision.missing, offered=offered, return_url=return_url
        )
    data = decision_data(decision, sealer.actor, services().settings.log_origin)
    return render_template("wallet/decide.html", decision=words, data=data)


@bp.post("/present/<request_id>/prepare")
def prepare(request_id: str) -> ResponseReturnValue:
    """Take the consent key and the choice of documents; answer what is to be signed."""
    body = parse_object(request.get_data())
    chosen = {name: str(value) for name, value in get_member(body, "chosen", dict).items()}
    signing = services().sharing.prepare(
        services().visitors.sealer(),
        request_id,
        consent_key=PublicKey.parse_jwk(body.get("consent_key")),
        chosen=chosen,
        language=language(),
    )
    return jsonify(
        steps=[step.to_json() for step in signing.steps],
        sealed_keys=dict(signing.sealed_keys),
        record_key=b64url_encode(signing.prepared.key),
        complete=url_for("present.complete", signing_id=signing.id),
    )


@bp.post("/present/signing/<signing_id>/complete")
def complete(signing_id: str) -> ResponseReturnValue:
    """Take the signatures; record, have it promised, send; answer where the outcome is."""
    body = parse_object(request.get_data())
    share_id = services().sharing.complete(
        services().visitors.sealer(),
        signing_id,
        parse_signatures(body.get("signatures")),
        sealed_consent_key=get_member(body, "sealed_consent_key", str),
    )
    services().visitors.set_resume("")
    return jsonify(next=url_for("shares.share", share_id=share_id)), 201


@bp.post("/present/<request_id>/refuse")
def refuse(request_id: str) -> ResponseReturnValue:
    """Say no."""
    services().sharing.refuse(services().visitors.sealer(), request_id)
    services().visitors.set_resume("")
    return redirect(url_for("shares.share", share_id=request_id), 303)
