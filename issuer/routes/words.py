# SPDX-License-Identifier: EUPL-1.2
"""What pages say about an issuance and about a query: words, links and pictures for the templates."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import url_for

from issuer.claim_rules import Kind, Origin
from issuer.credential_types import CredentialType
from issuer.interop import Reason
from issuer.issuance import Issuer
from issuer.links import wallet_link
from issuer.offers import View
from issuer.records import ASKED, Administration, QueryRecord
from issuer.settings import IssuerSettings
from protocol.encoding import JSON
from protocol.openid4vci.offer import OfferLink
from protocol.runtime.dates import written_date
from protocol.runtime.i18n import N_, gettext, in_language
from protocol.runtime.qr import qr_data_uri

# what became of a query, for the person it was about
_OUTCOMES: Mapping[str, str] = {
    "found": N_("Answered"),
    ASKED: N_("No answer yet"),
    "negative_verdict": N_("Answered: negative"),
    Reason.NO_DATA: N_("Answered: no such document"),
    Reason.NOT_IDENTIFIED: N_("Answered: not found"),
    Reason.NOT_REGISTERED: N_("Answered: not registered"),
    Reason.MUNICIPALITY_NOT_ADHERED: N_("Answered: the municipality does not take part"),
    Reason.NOT_CERTIFIABLE: N_("Answered: cannot be certified"),
}
_FAILED = N_("Failed: no data came")
# reasons after which the same question may get another answer in a while
_TEMPORARY = frozenset({"source_unreachable", "source_timeout", "source_failed", "source_malformed"})
_OUR_FAULT = frozenset({"source_refused", "source_fault", "query_unsupported"})
OUTCOME_KINDS: Mapping[str, str] = {"found": "holds", ASKED: "waiting"}
_HEADLINE_CLAIMS = 3


def outcome_word(outcome: str) -> str:
    """Return what became of a query, in the language of this request."""
    return gettext(_OUTCOMES.get(outcome, _FAILED))


def recorded_state(record: QueryRecord | None) -> dict[str, str]:
    """Return whether a query is in the record book, as words and a kind of state."""
    if record is None:
        return {"text": gettext("Older than the record book of queries"), "kind": "not-checked"}
    if record.promise is None:
        return {"text": gettext("Waiting to be written in the record book"), "kind": "waiting"}
    return {"text": gettext("Written in the record book"), "kind": "holds"}


def claim_text(value: JSON) -> str:
    """Return a claim value as people read it."""
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    return written_date(str(value))


def headline(kind: CredentialType, claims: Mapping[str, JSON]) -> tuple[str, str]:
    """Return a title for one document among several of its type, and what tells it from the others.

    Numbers are left out: they tell a person nothing.
    """
    texts = [
        text
        for rule in kind.claim_rules
        if rule.origin is Origin.SOURCE
        and rule.kind is Kind.TEXT
        and not (text := str(claims.get(rule.name, "0"))).isdigit()
    ][:_HEADLINE_CLAIMS]
    return (texts[0] if texts else in_language(kind.name)), ", ".join(texts[1:])


def offer_page(
    view: View, office: Administration, kind: CredentialType, settings: IssuerSettings, issuer: Issuer
) -> dict[str, object]:
    """Return everything that the page of an issuance shows in its present state."""
    issuance = view.issuance
    page: dict[str, object] = {
        "issuance": issuance,
        "administration": office,
        "kind": kind,
        "choices": [headline(kind, claims) for claims in view.choices],
        "again_url": _again_url(office, kind, issuance.return_url),
        "wallet_page": issuance.return_url or settings.wallet_url,
        "is_temporary": issuance.reason in _TEMPORARY,
        "is_our_fault": issuance.reason in _OUR_FAULT,
    }
    if view.secrets is not None:
        offer_uri = f"{issuer.identifier(office.id)}/offers/{view.secrets.offer_token}"
        page |= {
            "tx_code": view.secrets.tx_code,
            "title": headline(kind, view.secrets.claims)[0],
            "claims": [
                (in_language(rule.label), claim_text(view.secrets.claims[rule.name]))
                for rule in kind.claim_rules
                if rule.name in view.secrets.claims
            ],
            "same_device_link": wallet_link(
                offer_uri, wallet_url=settings.wallet_url, return_url=issuance.return_url
            ),
            "other_device_qr": qr_data_uri(wallet_link(offer_uri, wallet_url=settings.wallet_url)),
            "any_wallet_link": OfferLink(offer_uri, None).url(),
            "any_wallet_qr": qr_data_uri(OfferLink(offer_uri, None).url()),
        }
    return page


def _again_url(office: Administration, kind: CredentialType, return_url: str) -> str:
    page = url_for("pages.get", administration_id=office.id, type_id=kind.id)
    return f"{page}?{urlencode({'return': return_url})}" if return_url else page
