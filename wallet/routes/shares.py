# SPDX-License-Identifier: EUPL-1.2
"""Looking back: my shares, one share with its outcome and proof, and taking it back."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ledger.record import TakeBack
from protocol.encoding import get_member, parse_object
from protocol.errors import RequestError
from wallet.reconciliation import Standing
from wallet.routes.words import present_compared, present_share, present_take_back, take_back_data
from wallet.services import services
from wallet.share import UNSETTLED
from wallet.signing import parse_signatures

bp = Blueprint("shares", __name__)


@bp.get("/shares")
def index() -> ResponseReturnValue:
    """Show all shares with their state, the newest first."""
    sealer, sharing = services().visitors.sealer(), services().sharing
    history = [
        (key, sharing.settle(sealer, key) if found.state in UNSETTLED else found)
        for key, found in sharing.history(sealer)
    ]
    shown = [
        present_share(key, found, services().taking_back.of_share(sealer, key), services().clock.now())
        for key, found in history
    ]
    return render_template("wallet/shares.html", shares=shown)


@bp.get("/shares/check")
def check() -> ResponseReturnValue:
    """Compare everything with the record book, and show how each share stands."""
    compared = services().reconciling.run(services().visitors.sealer())
    found = {each.standing for each in compared}
    return render_template(
        "wallet/check.html",
        shares=[present_compared(each) for each in compared],
        worst=next((each.value for each in Standing if each in found), ""),
        some_unknown=Standing.COULD_NOT_TELL in found,
    )


@bp.get("/shares/<share_id>")
def share(share_id: str) -> ResponseReturnValue:
    """Show one share; send it again if it is not known to have arrived; check that it is recorded if asked."""
    sealer, made = services().visitors.sealer(), services()
    found = made.sharing.settle(sealer, share_id)
    taken = made.taking_back.follow(sealer, share_id)
    permanence = made.permanences.check(found) if "check" in request.args and found.promise else None
    return render_template(
        "wallet/share.html",
        share=present_share(share_id, found, taken, made.clock.now()),
        taken=[present_take_back(each) for each in taken],
        can_take_back=bool(made.taking_back.choices(found, taken)),
        permanence=permanence,
    )


@bp.post("/shares/<share_id>/retry")
def retry(share_id: str) -> ResponseReturnValue:
    """Send it again, with the same bytes."""
    services().sharing.settle(services().visitors.sealer(), share_id)
    return redirect(url_for("shares.share", share_id=share_id), 303)


@bp.get("/shares/<share_id>/evidence")
def evidence(share_id: str) -> ResponseReturnValue:
    """Give the evidence file, to keep or to show to whoever may know."""
    sealer, made = services().visitors.sealer(), services()
    found = made.sharing.get(sealer, share_id)
    if not found.promise:
        raise RequestError("not_found", "nothing was shared, so there is no evidence", status=404)
    body = made.permanences.export(found, made.taking_back.of_share(sealer, share_id))
    headers = {"Content-Disposition": f'attachment; filename="evidence-{share_id}.json"'}
    return Response(body, content_type="application/json", headers=headers)


@bp.post("/shares/<share_id>/forget")
def forget(share_id: str) -> ResponseReturnValue:
    """Delete the note of a refusal."""
    services().sharing.forget_refusal(services().visitors.sealer(), share_id)
    return redirect(url_for("shares.index"), 303)


@bp.get("/shares/<share_id>/take-back")
def confirm_take_back(share_id: str) -> ResponseReturnValue:
    """Say what taking back means, and ask."""
    sealer, made = services().visitors.sealer(), services()
    found, taken = made.sharing.get(sealer, share_id), made.taking_back.of_share(sealer, share_id)
    choices = made.taking_back.choices(found, taken)
    if not choices:
        return redirect(url_for("shares.share", share_id=share_id), 303)
    return render_template(
        "wallet/take_back.html",
        share=present_share(share_id, found, taken, made.clock.now()),
        choices=choices,
        data=take_back_data(share_id, found, sealer.actor),
    )


@bp.post("/shares/<share_id>/take-back")
def prepare_take_back(share_id: str) -> ResponseReturnValue:
    """Take the choice; answer what the consent key of the share signs."""
    wanted = get_member(parse_object(request.get_data()), "request", str)
    if wanted not in set(TakeBack):
        raise RequestError("invalid_request", "expected withdraw, erase or object")
    signing = services().taking_back.prepare(services().visitors.sealer(), share_id, TakeBack(wanted))
    return jsonify(
        steps=[signing.request.step.to_json()],
        sealed_keys={signing.request.step.key.thumbprint(): signing.sealed_consent_key},
        complete=url_for("shares.complete_take_back", signing_id=signing.id),
    )


@bp.post("/shares/take-back/<signing_id>/complete")
def complete_take_back(signing_id: str) -> ResponseReturnValue:
    """Take the signature; record it, have it promised, send it."""
    signatures = parse_signatures(parse_object(request.get_data()).get("signatures"))
    share_id = services().taking_back.complete(services().visitors.sealer(), signing_id, signatures)
    return jsonify(next=url_for("shares.share", share_id=share_id)), 201
