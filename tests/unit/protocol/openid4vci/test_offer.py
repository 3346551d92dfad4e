# SPDX-License-Identifier: EUPL-1.2
"""Offers and the links that carry them."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from protocol.errors import RequestError
from protocol.members import MAX_ITEMS
from protocol.openid4vci import offer as offers
from protocol.openid4vci.offer import (
    PRE_AUTHORIZED,
    AuthorizationCodeGrant,
    CredentialOffer,
    OfferLink,
    PreAuthorizedGrant,
    TxCode,
)

ISSUER = "https://issuer.example/tenant"
SERVER = "https://server.example"
FULL = CredentialOffer(
    ISSUER,
    ("degree", "census"),
    PreAuthorizedGrant("code", TxCode("text", 8, "By letter"), SERVER),
    AuthorizationCodeGrant("state", SERVER),
)


def wire(**changes):
    members = {"credential_issuer": ISSUER, "credential_configuration_ids": ["degree"]} | changes
    return {name: value for name, value in members.items() if value is not ...}


def grant(**changes):
    return wire(grants={PRE_AUTHORIZED: {"pre-authorized_code": "code"} | changes})


def is_refused(call, *args):
    with pytest.raises(RequestError) as caught:
        call(*args)
    return caught.value.code == "invalid_credential_offer"


@pytest.mark.parametrize(
    "offer",
    [
        FULL,
        CredentialOffer(ISSUER, ("degree",)),
        CredentialOffer(ISSUER, ("degree",), PreAuthorizedGrant("code")),
        CredentialOffer(ISSUER, ("degree",), None, AuthorizationCodeGrant()),
        CredentialOffer(ISSUER, ("degree",), PreAuthorizedGrant("code", TxCode())),
    ],
)
def test_offer_round_trips(offer):
    assert CredentialOffer.parse(offer.to_json()) == offer


@pytest.mark.case("W3")
@pytest.mark.parametrize(
    "value",
    [
        wire(credential_configuration_ids=[]),
        wire(credential_configuration_ids=["a", "a"]),
        wire(credential_configuration_ids=[1]),
        wire(credential_configuration_ids="a"),
        wire(credential_configuration_ids=...),
        wire(credential_configuration_ids=[str(n) for n in range(MAX_ITEMS + 1)]),
        wire(credential_issuer=...),
        wire(credential_issuer="http://issuer.example"),
        wire(credential_issuer="https://issuer.example?x"),
        wire(grants=[]),
        wire(grants={PRE_AUTHORIZED: "code"}),
        wire(grants={PRE_AUTHORIZED: {}}),
        wire(grants={"authorization_code": None}),
        wire(grants={"authorization_code": {"issuer_state": 1}}),
        wire(grants={"authorization_code": {"authorization_server": "server"}}),
        grant(**{"pre-authorized_code": ""}),
        grant(authorization_server=1),
        grant(tx_code=True),
        grant(tx_code={"input_mode": "digits"}),
        grant(tx_code={"input_mode": []}),
        grant(tx_code={"length": 0}),
        grant(tx_code={"length": "6"}),
        grant(tx_code={"description": 1}),
    ],
)
def test_offer_when_malformed_is_refused(value):
    assert is_refused(CredentialOffer.parse, value)


def test_offer_with_unknown_members_and_grants_is_read():
    value = wire(grants={"urn:other": {}, PRE_AUTHORIZED: {"pre-authorized_code": "c", "x": 1}}, x=1)
    assert CredentialOffer.parse(value) == CredentialOffer(ISSUER, ("degree",), PreAuthorizedGrant("c"))


@pytest.mark.case("I25")
def test_empty_tx_code_object_still_asks_for_a_code():
    found = CredentialOffer.parse(grant(tx_code={})).pre_authorized
    assert found is not None
    assert found.tx_code == TxCode("numeric", None, None)


def test_tx_code_at_its_limits_is_read_and_beyond_refused():
    for name, right, wrong in (
        ("description", "x" * offers.MAX_DESCRIPTION_CHARS, "x" * (offers.MAX_DESCRIPTION_CHARS + 1)),
        ("length", offers.MAX_TX_CODE_CHARS, offers.MAX_TX_CODE_CHARS + 1),
    ):
        CredentialOffer.parse(grant(tx_code={name: right}))
        assert is_refused(CredentialOffer.parse, grant(tx_code={name: wrong}))


def test_codes_do_not_show_in_a_representation():
    assert "code'" not in repr(PreAuthorizedGrant("a secret code'"))


@pytest.mark.case("W2")
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"eyJhbGciOiJub25lIn0.e30.", "application/jwt"),
        (b"{}", "text/html"),
        (b"{}", ""),
        (b"eyJhbGciOiJub25lIn0.e30.", "application/json"),
        (b"[]", "application/json"),
        (b"\xff", "application/json"),
    ],
)
def test_offer_that_is_signed_or_no_json_is_refused(body, content_type):
    assert is_refused(CredentialOffer.parse_answer, body, content_type)


def test_offer_as_an_answer_is_read():
    body = json.dumps(FULL.to_json()).encode()
    assert CredentialOffer.parse_answer(body, "application/json; charset=utf-8") == FULL


@pytest.mark.parametrize("link", [OfferLink("https://issuer.example/offers/1", None), OfferLink(None, FULL)])
@pytest.mark.parametrize(
    "where", [{}, {"scheme": offers.HAIP_SCHEME}, {"wallet": "https://wallet.example/receive"}]
)
def test_link_round_trips(link, where):
    assert OfferLink.parse_text(link.url(**where)) == link


@pytest.mark.case("W1")
@pytest.mark.parametrize(
    "query",
    [
        "",
        urlencode({"credential_offer": json.dumps(wire()), "credential_offer_uri": "https://issuer.example/o"}),
        urlencode({"credential_offer_uri": "http://issuer.example/o"}),
        urlencode({"credential_offer_uri": "openid-credential-offer://x"}),
        "credential_offer_uri=https://a.example&credential_offer_uri=https://b.example",
        urlencode({"credential_offer": "{}"}),
        urlencode({"credential_offer": "[]"}),
        "credential_offer=%ff",
    ],
)
def test_link_with_both_forms_or_none_or_a_plain_address_is_refused(query):
    assert is_refused(OfferLink.parse_text, f"openid-credential-offer://?{query}")


@pytest.mark.parametrize(
    "text", ["", "offer", "http://wallet.example/?x", "https://[::1?x", "mailto:a@b.example?x", "https://?x"]
)
def test_text_that_is_no_link_is_refused(text):
    assert is_refused(OfferLink.parse_text, text)


def test_link_at_its_limit_is_read_and_beyond_refused():
    link = "openid-credential-offer://?credential_offer_uri=https://a.example&x="
    rest = "y" * (offers.MAX_LINK_CHARS - len(link))
    assert OfferLink.parse_text(link + rest).uri == "https://a.example"
    assert is_refused(OfferLink.parse_text, link + rest + "y")
