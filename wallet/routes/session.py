# SPDX-License-Identifier: EUPL-1.2
"""Signing in and out, making the vault, opening it."""

from __future__ import annotations

from flask import Blueprint, Flask, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from protocol.encoding import parse_object
from protocol.runtime.web import sentence, wants_page
from wallet.services import services
from wallet.vault import ROUNDS, WrappedKey, parse_storage_key
from wallet.visitors import LockedError, SignInRequiredError

bp = Blueprint("session", __name__)


def install_redirects(app: Flask) -> None:
    """Send a browser that must sign in or open its wallet first to do so, and then back to what it asked for."""
    app.register_error_handler(SignInRequiredError, _on_refused)
    app.register_error_handler(LockedError, _on_refused)
    app.context_processor(lambda: {"visitor": services().visitors.find()})


def _on_refused(error: SignInRequiredError | LockedError) -> ResponseReturnValue:
    if not wants_page():
        body = {"error": error.code, "error_description": error.message, "sentence": sentence(error.code)}
        return jsonify(body), error.status
    if request.method == "GET":
        services().visitors.remember(request.full_path.rstrip("?"))
    return redirect(
        url_for("session.sign_in" if isinstance(error, SignInRequiredError) else "session.unlock"), 303
    )


@bp.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Say what this is and lead to VÀLid."""
    destination = services().visitors.destination
    if services().visitors.find():
        return redirect(destination, 303)
    errand = next((name for name in ("present", "receive") if destination.startswith(f"/{name}")), "")
    return render_template("wallet/sign_in.html", errand=errand)


@bp.get("/sign-in/valid")
def leave() -> ResponseReturnValue:
    """Leave for VÀLid."""
    return redirect(services().visitors.begin_sign_in(), 303)


@bp.get("/valid/callback")
def callback() -> ResponseReturnValue:
    """Sign in who comes back from VÀLid, and go on where they wanted to."""
    return redirect(services().visitors.finish_sign_in(request.args), 303)


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session; the page also makes this device forget the keys."""
    account = services().visitors.get().actor.account_id
    services().visitors.sign_out()
    return render_template("wallet/signed_out.html", account=account)


@bp.get("/vault/new")
def new_vault() -> ResponseReturnValue:
    """Show six new words, made in the browser."""
    visitor = services().visitors.get()
    if services().store.find_vault(visitor.actor):
        return redirect(url_for("session.unlock"), 303)
    return render_template("wallet/new_vault.html", actor=visitor.actor, rounds=ROUNDS)


@bp.post("/vault")
def make_vault() -> ResponseReturnValue:
    """Keep the wrapped data key and open the wallet."""
    body = parse_object(request.get_data())
    services().visitors.create(
        WrappedKey.parse(body.get("wrapped_key")), parse_storage_key(body.get("storage_key"))
    )
    return jsonify(next=services().visitors.take_destination()), 201


@bp.get("/unlock")
def unlock() -> ResponseReturnValue:
    """Ask for the six words, or open at once on a device that remembers."""
    visitor = services().visitors.get()
    vault = services().store.find_vault(visitor.actor)
    if vault is None:
        return redirect(url_for("session.new_vault"), 303)
    if "next" in request.args:
        services().visitors.remember(request.args["next"])
    # a device without the signing keys asks for the words although the session is open
    if services().visitors.is_open() and request.args.get("device") != "new":
        return redirect(services().visitors.take_destination(), 303)
    return render_template("wallet/unlock.html", actor=visitor.actor, wrapped_key=vault.wrapped_key.to_json())


@bp.post("/session/unlock")
def open_vault() -> ResponseReturnValue:
    """Open the wallet for this session."""
    services().visitors.open(parse_storage_key(parse_object(request.get_data()).get("storage_key")))
    return jsonify(next=services().visitors.take_destination())


@bp.get("/vault/reset")
def confirm_reset() -> ResponseReturnValue:
    """Say what starting again means."""
    services().visitors.get()
    return render_template("wallet/reset.html")


@bp.post("/vault/reset")
def reset() -> ResponseReturnValue:
    """Delete everything and start again with an empty wallet."""
    services().visitors.empty()
    return redirect(url_for("session.new_vault"), 303)
