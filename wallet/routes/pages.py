# SPDX-License-Identifier: EUPL-1.2
"""Looking around: my documents, one document, where to get more, privacy."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from wallet.routes.words import present_document
from wallet.services import services

bp = Blueprint("pages", __name__)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Show the documents held, or what this is."""
    visitors = services().visitors
    if visitors.find() is None:
        return render_template("wallet/sign_in.html", errand="")
    held = services().documents.held(visitors.sealer())
    now = services().clock.now()
    return render_template("wallet/documents.html", documents=[present_document(each, now) for each in held])


@bp.get("/documents/<document_id>")
def document(document_id: str) -> ResponseReturnValue:
    """Show what a document says."""
    held = services().documents.get(services().visitors.sealer(), document_id)
    return render_template("wallet/document.html", document=present_document(held, services().clock.now()))


@bp.post("/documents/<document_id>/delete")
def delete_document(document_id: str) -> ResponseReturnValue:
    """Delete a document from this wallet."""
    services().documents.delete(services().visitors.sealer(), document_id)
    return redirect(url_for("pages.index"), 303)


@bp.get("/catalogue")
def catalogue() -> ResponseReturnValue:
    """Show where documents can be had."""
    services().visitors.sealer()
    home = services().settings.public_url + "/"
    return render_template("wallet/catalogue.html", offered=services().catalogue.read(), return_url=home)


@bp.get("/privacy")
def privacy() -> ResponseReturnValue:
    """Say plainly what this wallet can and cannot see."""
    return render_template("wallet/privacy.html")
