# SPDX-License-Identifier: EUPL-1.2
"""What a person reads when something is refused: English source sentences by error code."""

from __future__ import annotations

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    "locked": "Your wallet is locked. Open it with your six words.",
    "wrong_key": "These words do not open your wallet. Check the spelling and the order of the six words.",
    "vault_exists": "You already have a wallet. Open it with your six words.",
    "sealed_data": (
        "Something kept in your wallet does not open. It may be damaged. Your documents can be asked for "
        "again at the office that gave them."
    ),
    "changed_meanwhile": (
        "Another page of your wallet changed this in the meantime. Reload the page and try again."
    ),
    "already_decided": "You already answered this request.",
    "request_gone": "This request has expired or was already used. Ask the office for a new code.",
    "request_expired": "This request has expired. Ask the office for a new code. Nothing was sent.",
    "over_asking": (
        "This office asks for more than it has registered for this procedure. Nothing was sent, and you need "
        "not answer. You can tell the data protection authority."
    ),
    "access_denied": "A document that is asked for is missing.",
    "ledger_unavailable": "The record book does not answer, so nothing was sent. Please try again in a moment.",
    "invalid_credential_offer": (
        "This is not a valid offer of a document. Go back to the office's page and start again."
    ),
    "invalid_issuer_metadata": (
        "The office that offers this document does not describe itself as it must. Nothing was received."
    ),
    "offer_gone": (
        "This offer has expired or was already used. Go back to the office's page and ask for the document again."
    ),
    "offer_code_wrong": (
        "The code is not right, or the offer has expired. Look at the six digits on the office's page. After "
        "five wrong tries the offer ends and you ask for a new one."
    ),
    "issuer_refused": "The office did not give the document. Go back to its page and start again.",
    "credential_refused": (
        "The document that arrived is not as it must be, so it was not kept. Please tell the office."
    ),
    "take_back_impossible": "You already asked for this, or it cannot be asked for here.",
    "take_back_refused": (
        "The office did not take your request. It is recorded with today's date; you can also go to the "
        "office's support page."
    ),
    "delivery_unknown": "We do not know whether the office received it.",
    "not_checkable": "This could not be checked now. Please try again in a moment.",
    "page_mismatch": (
        "What was to be signed is not what this page showed, so nothing was signed and nothing was sent. "
        "Please tell whoever runs this wallet."
    ),
    "trust_list_unavailable": (
        "We cannot check now which offices may ask or give documents. Nothing was sent. Please try again later."
    ),
    "trust_list_expired": (
        "We cannot check now which offices may ask or give documents. Nothing was sent. Please try again later."
    ),
}
