# SPDX-License-Identifier: EUPL-1.2
"""What our issuer publishes and issues beside HAIP 1.0: what it keeps, and what it does not keep yet, with the reason.

Our issuer has the pre-authorized code flow alone: the citizen signs in at a web page of the administration, and the
wallet collects. HAIP knows the authorization code flow only, so each requirement of that flow is open.
"""

from __future__ import annotations

from protocol import haip, jws
from protocol.haip import Rule
from protocol.oauth.metadata import ServerMetadata
from protocol.openid4vci.metadata import IssuerMetadata
from protocol.openid4vci.offer import CredentialOffer

BASE = "http://localhost:8101"
IDENTIFIER = f"{BASE}/universitat"
NOT_YET_BY_THE_SERVER = {
    # the flow itself
    Rule.AUTHORIZATION_CODE,
    # parts of that flow: there is no authorization request to push, to challenge or to answer with a name
    Rule.PUSHED_REQUESTS,
    Rule.PKCE,
    Rule.ISSUER_IN_RESPONSE,
    # a token is for one credential request within minutes, by whoever has code and transaction code
    Rule.DPOP,
    # any wallet may collect: anonymous clients are taken
    Rule.CLIENT_AUTHENTICATION,
}
NOT_YET_BY_OFFERS = {Rule.OFFERED_GRANT}


def document(app, kind):
    answer = app.test_client().get(f"/.well-known/{kind}/universitat", base_url=BASE)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_server_metadata_of_our_issuer_lacks_exactly_what_is_known(app):
    server = ServerMetadata.parse(document(app, "oauth-authorization-server"), expected_issuer=IDENTIFIER)
    assert set(haip.check_server(server)) == NOT_YET_BY_THE_SERVER


def test_issuer_metadata_of_our_issuer_keeps_the_profile(app):
    metadata = IssuerMetadata.parse(document(app, "openid-credential-issuer"), expected_issuer=IDENTIFIER)
    assert haip.check_issuer(metadata) == ()


def test_offer_of_our_issuer_lacks_exactly_what_is_known(offer, wallet):
    found = CredentialOffer.parse(wallet.fetch(offer.uri).json)
    assert set(haip.check_offer(found)) == NOT_YET_BY_OFFERS


def test_credentials_of_our_issuer_keep_the_profile(offer, wallet):
    for issued in wallet.collect(offer).json["credentials"]:
        issuer_jwt = jws.parse(issued["credential"].partition("~")[0])
        assert haip.check_credential(issuer_jwt, is_bound=True) == ()
