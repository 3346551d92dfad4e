# SPDX-License-Identifier: EUPL-1.2
"""Authorization and token messages."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from protocol.errors import RequestError
from protocol.members import MAX_ITEMS
from protocol.oauth import authorization as oauth
from protocol.openid4vci import token as tokens
from protocol.openid4vci.authorization import (
    AuthorizationDetail,
    AuthorizationRequest,
    GrantedDetail,
    check_locations,
    parse_details,
)
from protocol.openid4vci.claims import Claim
from protocol.openid4vci.configuration import CredentialConfiguration
from protocol.openid4vci.metadata import IssuerMetadata
from protocol.openid4vci.offer import AUTHORIZATION_CODE, PRE_AUTHORIZED
from protocol.openid4vci.token import (
    REFRESH_TOKEN,
    AuthorizationCodeRequest,
    PreAuthorizedRequest,
    RefreshRequest,
    TokenResponse,
    parse_token_request,
)

ISSUER = "https://issuer.example"
DETAIL = AuthorizationDetail("degree", (Claim(("name",), mandatory=True), Claim(("marks", None))), (ISSUER,))
CHALLENGE = oauth.challenge_of(oauth.new_verifier())
REQUEST = AuthorizationRequest("wallet", "https://wallet.example/back", CHALLENGE, ("degree", "openid"))
FULL = replace(
    REQUEST, details=(DETAIL,), state="s", issuer_state="i", resource=ISSUER, dpop_thumbprint="thumbprint"
)
METADATA = IssuerMetadata(
    ISSUER,
    f"{ISSUER}/credential",
    {
        name: CredentialConfiguration(name, f"urn:{name}", scope=scope)
        for name, scope in (("degree", "degree"), ("census", "census"), ("tax", None))
    },
)
ALL = (PRE_AUTHORIZED, AUTHORIZATION_CODE, REFRESH_TOKEN)


def form_of(body):
    return parse_qs(body.decode("ascii"), keep_blank_values=True)


def form(**fields):
    return {name.replace("__", "-"): [value] for name, value in fields.items()}


def code_of(call, *args, **kwargs):
    with pytest.raises(RequestError) as caught:
        call(*args, **kwargs)
    return caught.value.code


@pytest.mark.parametrize(
    "made", [REQUEST, FULL, replace(FULL, scopes=()), replace(FULL, details=(AuthorizationDetail("degree"),))]
)
def test_authorization_request_round_trips(made):
    assert AuthorizationRequest.parse(form_of(made.form())) == made


@pytest.mark.case("I30", "I31")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"request_uri": ["urn:x"]}, "invalid_request"),
        ({"response_type": ["token"]}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": ["short"]}, "invalid_request"),
        ({"code_challenge_method": ["plain"]}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": ["http://wallet.example/back"]}, "invalid_request"),
        ({"redirect_uri": ["https://wallet.example/back#f"]}, "invalid_request"),
        ({"client_id": None}, "invalid_request"),
        ({"state": ["a", "b"]}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": [" ".join(str(n) for n in range(MAX_ITEMS + 1))]}, "invalid_scope"),
        ({"authorization_details": ["{"]}, "invalid_authorization_details"),
        ({"authorization_details": ["{}"]}, "invalid_authorization_details"),
        ({"authorization_details": ["[]"]}, "invalid_authorization_details"),
        ({"authorization_details": ['[{"type":"payment"}]']}, "invalid_authorization_details"),
        ({"authorization_details": ['[{"type":"openid_credential"}]']}, "invalid_authorization_details"),
    ],
)
def test_authorization_request_when_malformed_is_refused(change, code):
    changed = form_of(REQUEST.form()) | change
    assert code_of(AuthorizationRequest.parse, {n: v for n, v in changed.items() if v is not None}) == code


@pytest.mark.case("I43")
def test_unknown_scope_asks_for_nothing():
    assert replace(REQUEST, scopes=("degree", "unknown")).wanted(METADATA) == ("degree",)
    assert FULL.wanted(METADATA) == ("degree",)
    assert replace(FULL, scopes=("census",)).wanted(METADATA) == ("degree", "census")
    assert code_of(replace(REQUEST, scopes=("unknown",)).wanted, METADATA) == "invalid_scope"
    unknown = replace(FULL, details=(AuthorizationDetail("unknown"),))
    assert code_of(unknown.wanted, METADATA) == "invalid_authorization_details"


@pytest.mark.case("I42")
def test_issuer_state_planted_by_another_changes_nothing_of_who_asks_for_what():
    mine, planted = FULL, replace(FULL, issuer_state="another session's")
    assert planted.wanted(METADATA) == mine.wanted(METADATA)
    assert replace(planted, issuer_state=None) == replace(mine, issuer_state=None)
    assert planted.client_id == mine.client_id


@pytest.mark.case("I32")
@pytest.mark.parametrize(
    "registered",
    [(), ("https://wallet.example/back/",), ("https://wallet.example",), ("https://wallet.example/BACK",)],
)
def test_address_to_return_to_that_is_not_registered_is_refused(registered):
    REQUEST.check_redirect_uri(registered=("https://wallet.example/back",))
    assert code_of(REQUEST.check_redirect_uri, registered=registered) == "invalid_request"


def test_details_say_which_issuer_they_mean_where_a_server_has_several():
    several = replace(METADATA, authorization_servers=("https://server.example",))
    check_locations([DETAIL], metadata=several)
    check_locations([AuthorizationDetail("degree")], metadata=METADATA)
    for detail in (AuthorizationDetail("degree"), replace(DETAIL, locations=("https://other.example",))):
        assert code_of(check_locations, [detail], metadata=several) == "invalid_authorization_details"


@pytest.mark.parametrize("value", [None, {}, [], [1], [{"type": "openid_credential", "claims": []}]])
def test_details_when_malformed_are_refused(value):
    assert code_of(parse_details, value) == "invalid_authorization_details"


@pytest.mark.parametrize(
    "made",
    [
        PreAuthorizedRequest("code"),
        PreAuthorizedRequest("code", "123456", "wallet", (DETAIL,)),
        AuthorizationCodeRequest("code", "verifier", "https://wallet.example/back"),
        AuthorizationCodeRequest("code", "verifier", "https://wallet.example/back", "wallet", (DETAIL,)),
        RefreshRequest("refresh", "wallet"),
    ],
)
def test_token_request_round_trips(made):
    assert parse_token_request(form_of(made.form()), grant_types=ALL) == made
    assert type(made).parse(form_of(made.form())) == made


@pytest.mark.case("I29")
@pytest.mark.parametrize("grant_type", ["authorization_code", "password", "", None])
def test_grant_that_is_not_taken_is_refused(grant_type):
    given = form(code="c", pre__authorized_code="c") | ({} if grant_type is None else form(grant_type=grant_type))
    assert code_of(PreAuthorizedRequest.parse, given) == "unsupported_grant_type"
    assert code_of(parse_token_request, given, grant_types=(PRE_AUTHORIZED,)) == "unsupported_grant_type"
    if grant_type == "password":
        assert code_of(parse_token_request, given, grant_types=("password",)) == "unsupported_grant_type"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (form(grant_type=PRE_AUTHORIZED), "invalid_request"),
        (form(grant_type=PRE_AUTHORIZED, pre__authorized_code=""), "invalid_request"),
        ({"grant_type": [PRE_AUTHORIZED], "pre-authorized_code": ["a", "b"]}, "invalid_request"),
        (form(grant_type=AUTHORIZATION_CODE, code="c", redirect_uri="r"), "invalid_request"),
        (form(grant_type=AUTHORIZATION_CODE, code="c", code_verifier="v"), "invalid_request"),
        (form(grant_type=AUTHORIZATION_CODE, code_verifier="v", redirect_uri="r"), "invalid_request"),
        (form(grant_type=REFRESH_TOKEN), "invalid_request"),
        (form(grant_type=REFRESH_TOKEN, refresh_token="r", tx_code="1"), "invalid_request"),
        (
            form(grant_type=REFRESH_TOKEN, refresh_token="r", authorization_details="x"),
            "invalid_authorization_details",
        ),
    ],
)
def test_token_request_when_malformed_is_refused(given, code):
    assert code_of(parse_token_request, given, grant_types=ALL) == code


@pytest.mark.case("I25")
def test_transaction_code_is_there_exactly_when_it_is_asked():
    with_code, without = PreAuthorizedRequest("c", "123456"), PreAuthorizedRequest("c")
    with_code.check_tx_code(is_expected=True)
    without.check_tx_code(is_expected=False)
    assert code_of(without.check_tx_code, is_expected=True) == "invalid_request"
    assert code_of(with_code.check_tx_code, is_expected=False) == "invalid_request"


@pytest.mark.case("I28")
def test_anonymous_request_where_that_is_not_supported_is_refused():
    PreAuthorizedRequest("c").check_client(takes_anonymous=True)
    PreAuthorizedRequest("c", client_id="wallet").check_client(takes_anonymous=False)
    with pytest.raises(RequestError) as caught:
        PreAuthorizedRequest("c").check_client(takes_anonymous=False)
    assert (caught.value.code, caught.value.status) == ("invalid_client", 401)


@pytest.mark.parametrize(
    "made",
    [
        TokenResponse("t", "Bearer"),
        TokenResponse("t", "DPoP", 300, "r", "degree", (GrantedDetail("degree", ("a", "b")),)),
        TokenResponse("t", "Bearer", tokens.MAX_EXPIRES_SECONDS),
    ],
)
def test_token_response_round_trips(made):
    assert TokenResponse.parse(made.to_json(), expected_type=made.token_type) == made


@pytest.mark.parametrize(
    "change",
    [
        {"token_type": "DPoP"},
        {"token_type": None},
        {"access_token": ""},
        {"expires_in": 0},
        {"expires_in": tokens.MAX_EXPIRES_SECONDS + 1},
        {"expires_in": "300"},
        {"scope": 1},
        {"refresh_token": ""},
        {"authorization_details": []},
        {"authorization_details": [{"type": "openid_credential", "credential_configuration_id": "x"}]},
        {"authorization_details": [{"type": "openid_credential", "credential_identifiers": ["x"]}]},
    ],
)
def test_token_response_when_malformed_is_refused(change):
    value = TokenResponse("t", "Bearer").to_json() | change
    assert code_of(TokenResponse.parse, value, expected_type="Bearer") == "invalid_token_response"


def test_token_response_with_details_of_other_types_is_read():
    value = TokenResponse("t", "bearer").to_json() | {"authorization_details": [{"type": "payment"}]}
    assert TokenResponse.parse(value, expected_type="Bearer") == TokenResponse("t", "Bearer")


def test_secrets_do_not_show_in_representations():
    shown = [
        PreAuthorizedRequest("secret", "secret"),
        AuthorizationCodeRequest("secret", "secret", "r"),
        RefreshRequest("secret"),
        TokenResponse("secret", "Bearer", refresh_token="secret"),
    ]
    assert "secret" not in repr(shown)
    assert json.loads(json.dumps(shown[3].to_json()))["access_token"] == "secret"
