# SPDX-License-Identifier: EUPL-1.2
"""The tour's web application. It keeps nothing: no database, no session, no cookie but the language."""

from __future__ import annotations

from flask import Flask

from protocol.clock import Clock, SystemClock
from protocol.runtime.fetch import Fetcher, HTTPClient
from protocol.runtime.settings import load_settings
from protocol.runtime.web import create_service_app
from testimoni.tour.routes import auditor, pages
from testimoni.tour.services import Sample, Services, keep_services
from testimoni.tour.settings import TourSettings
from testimoni.tour.walks import Place

# English source sentences for people
SENTENCES = {
    "invalid_evidence": (
        "This is not a file that can be compared. Save the proof of a share in My documents and try again."
    )
}


def create_app(settings: TourSettings, *, clock: Clock | None = None, http: HTTPClient | None = None) -> Flask:
    """Return the tour, pointing at the services that the settings name."""
    app = create_service_app("testimoni.tour", settings, ready=lambda: None, sentences=SENTENCES)
    made = Services(
        clock=clock or SystemClock(),
        http=http or Fetcher(allowed_private_origins=settings.allowed_private_origins),
        places={
            Place.TOUR: settings.public_url,
            Place.ISSUER: settings.issuer_url,
            Place.WALLET: settings.wallet_url,
            Place.VERIFIER: settings.verifier_url,
            Place.LEDGER: settings.ledger_url,
        },
        chain_url=settings.chain_url,
        evidence_trust_file=settings.evidence_trust_file,
        sample=Sample.load(),
    )
    keep_services(app.extensions, made)
    app.register_blueprint(pages.bp)
    app.register_blueprint(auditor.bp)
    return app


def from_environment() -> Flask:
    """Return the tour with the settings of this process's environment."""
    return create_app(load_settings(TourSettings))
