# SPDX-License-Identifier: EUPL-1.2
"""OAuth: error lists, PKCE, pushed requests, authorization responses, presented tokens, server metadata."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from protocol.errors import RequestError
from protocol.oauth import authorization as oauth
from protocol.oauth import errors as oauth_errors
from protocol.oauth.authorization import AuthorizationResponse, PresentedToken, PushedReference, PushedResponse
from protocol.oauth.errors import AuthorizationError, ErrorResponse, ResourceError, TokenError, refuse
from protocol.oauth.metadata import ServerMetadata

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
SERVER = "https://server.example/tenant"
# RFC 7636, appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def code_of(call, *args, **kwargs):
    with pytest.raises(RequestError) as caught:
        call(*args, **kwargs)
    return caught.value.code


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (TokenError.INVALID_GRANT, 400),
        (TokenError.INVALID_CLIENT, 401),
        (TokenError.INVALID_CLIENT_ATTESTATION, 401),
        (TokenError.USE_DPOP_NONCE, 400),
        (AuthorizationError.INVALID_CLIENT, 401),
        (ResourceError.USE_DPOP_NONCE, 401),
        (ResourceError.INVALID_TOKEN, 401),
        (ResourceError.INSUFFICIENT_SCOPE, 403),
        (ResourceError.INVALID_REQUEST, 400),
    ],
)
def test_code_has_the_status_of_its_endpoint(code, status):
    assert code.status == status


def test_refusal_has_code_and_status_of_its_list():
    error = refuse(TokenError.INVALID_CLIENT, "message")
    assert (error.code, error.status, error.message) == ("invalid_client", 401, "message")


LONGEST = "x" * oauth_errors.MAX_DESCRIPTION_CHARS


@pytest.mark.parametrize(
    "made", [ErrorResponse("invalid_proof"), ErrorResponse("x", "A ~ word."), ErrorResponse("x", LONGEST)]
)
def test_error_response_round_trips(made):
    assert ErrorResponse.parse(made.to_json()) == made


@pytest.mark.parametrize(
    "value",
    [{}, {"error": ""}, {"error": 1}, {"error": "x", "error_description": 1}]
    + [{"error": "x", "error_description": text} for text in ('"', "\\", "\n", "é", "\x7f", LONGEST + "x")]
    + [{"error": 'a"b'}],
)
def test_error_response_with_other_characters_is_refused(value):
    assert code_of(ErrorResponse.parse, value) == "invalid_error_response"


def test_challenge_is_the_one_of_the_specification():
    assert oauth.challenge_of(VERIFIER) == CHALLENGE
    oauth.check_verifier(VERIFIER, expected_challenge=CHALLENGE)


@pytest.mark.case("I30")
def test_challenge_missing_plain_or_malformed_is_refused():
    oauth.check_challenge(CHALLENGE, "S256")
    for challenge, method in ((None, "S256"), (CHALLENGE, None), (CHALLENGE, "plain"), (CHALLENGE + "=", "S256")):
        assert code_of(oauth.check_challenge, challenge, method) == "invalid_request"


@pytest.mark.case("I30")
@pytest.mark.parametrize(
    "verifier",
    ["", VERIFIER[:-1], CHALLENGE, VERIFIER + " ", "x" * 129, "another-verifier-of-the-length-that-is-needed"],
)
def test_verifier_that_is_not_the_challenges_is_refused(verifier):
    assert code_of(oauth.check_verifier, verifier, expected_challenge=CHALLENGE) == "invalid_grant"


def test_verifier_at_its_limits_is_accepted():
    for size in (43, 128):
        oauth.check_verifier("x" * size, expected_challenge=oauth.challenge_of("x" * size))
    for size in (42, 129):
        challenge = oauth.challenge_of("x" * size)
        assert code_of(oauth.check_verifier, "x" * size, expected_challenge=challenge) == "invalid_grant"


def test_pushed_response_round_trips_and_has_a_limit():
    made = PushedResponse("urn:ietf:params:oauth:request_uri:x", oauth.MAX_REQUEST_SECONDS)
    assert PushedResponse.parse(made.to_json()) == made
    for change in ({"expires_in": oauth.MAX_REQUEST_SECONDS + 1}, {"expires_in": 0}, {"request_uri": ""}):
        assert code_of(PushedResponse.parse, made.to_json() | change) == "invalid_authorization_response"


@pytest.mark.case("I31")
def test_authorization_request_that_was_not_pushed_is_refused():
    made = PushedReference("wallet", "urn:x")
    assert PushedReference.parse(parse_qs(made.to_query())) == made
    for query in ({"client_id": ["w"], "scope": ["degree"]}, {"request_uri": ["urn:x"]}):
        assert code_of(PushedReference.parse, query) == "invalid_request"
    twice = {"client_id": ["w"], "request_uri": ["urn:x", "urn:y"]}
    assert code_of(PushedReference.parse, twice) == "invalid_request"


@pytest.mark.case("I31")
@pytest.mark.parametrize("change", [{"owner": "another"}, {"expires_at": NOW}, {"is_used": True}])
def test_pushed_request_that_is_foreign_old_or_used_is_refused(change):
    right = {"owner": "wallet", "expires_at": NOW.replace(hour=11), "is_used": False, "now": NOW}
    PushedReference("wallet", "urn:x").check(**right)
    assert code_of(PushedReference("wallet", "urn:x").check, **right | change) == "invalid_request_uri"


def answer(query, *, advertised=True, state="s"):
    return AuthorizationResponse.parse(
        query, expected_state=state, expected_issuer=SERVER, is_issuer_advertised=advertised
    )


@pytest.mark.parametrize("made", [AuthorizationResponse("c", "s", SERVER), AuthorizationResponse("c", None, None)])
def test_authorization_response_round_trips(made):
    assert answer(parse_qs(made.to_query()), advertised=made.issuer is not None, state=made.state) == made
    assert "'c'" not in repr(made)


@pytest.mark.case("W7")
@pytest.mark.parametrize(
    ("change", "advertised"),
    [
        ({"iss": ["https://attacker.example"]}, True),
        ({"iss": ["https://attacker.example"]}, False),
        ({"iss": [SERVER + "/"]}, True),
        ({"iss": []}, True),
        ({"iss": None}, True),
        ({"state": ["another"]}, True),
        ({"state": None}, True),
        ({"state": ["s", "s"]}, True),
        ({"code": None}, True),
        ({"code": [""]}, True),
        ({"error": ["access_denied"], "iss": None}, True),
        ({"error": ["access_denied"], "state": ["another"]}, True),
    ],
)
def test_authorization_response_of_another_server_or_to_another_request_is_not_used(change, advertised):
    query = {"code": ["c"], "state": ["s"], "iss": [SERVER]} | change
    given = {name: value for name, value in query.items() if value is not None}
    assert code_of(answer, given, advertised=advertised) == "invalid_authorization_response"


@pytest.mark.parametrize(("error", "code"), [("access_denied", "access_denied"), ("<b>", "server_error")])
def test_refusal_of_the_server_keeps_a_code_that_we_know(error, code):
    assert code_of(answer, {"error": [error], "state": ["s"], "iss": [SERVER]}) == code


@pytest.mark.parametrize(
    ("header", "scheme"), [("Bearer abc", "Bearer"), ("bearer abc", "Bearer"), ("DPOP  abc ", "DPoP")]
)
def test_presented_token_is_read(header, scheme):
    assert PresentedToken.parse([header]) == PresentedToken(scheme, "abc")
    assert "abc" not in repr(PresentedToken.parse([header]))


@pytest.mark.case("I17")
@pytest.mark.parametrize("headers", [[], ["Bearer a", "Bearer a"], ["Bearer"], ["Bearer  "], ["Basic abc"], [""]])
def test_presented_token_that_is_none_is_refused(headers):
    with pytest.raises(RequestError) as caught:
        PresentedToken.parse(headers)
    assert (caught.value.code, caught.value.status) == ("invalid_token", 401)


@pytest.mark.case("I18")
def test_bound_token_presented_as_bearer_is_refused():
    bearer, dpop = PresentedToken("Bearer", "t"), PresentedToken("DPoP", "t")
    bearer.check_scheme(is_bound=False)
    dpop.check_scheme(is_bound=True)
    assert code_of(bearer.check_scheme, is_bound=True) == "invalid_token"
    assert code_of(dpop.check_scheme, is_bound=False) == "invalid_token"


FULL = ServerMetadata(
    issuer=SERVER,
    token_endpoint=f"{SERVER}/token",
    authorization_endpoint=f"{SERVER}/authorize",
    pushed_endpoint=f"{SERVER}/par",
    is_pushing_required=True,
    jwks_uri=f"{SERVER}/jwks",
    grant_types=("authorization_code",),
    response_types=("code",),
    scopes=("degree",),
    details_types=("openid_credential",),
    challenge_methods=("S256",),
    authentication_methods=("attest_jwt_client_auth",),
    attestation_algorithms=("ES256",),
    attestation_pop_algorithms=("ES256",),
    challenge_endpoint=f"{SERVER}/challenge",
    dpop_algorithms=("ES256",),
    names_itself=True,
    takes_anonymous=True,
    status_list_aggregation_endpoint=f"{SERVER}/statuslists",
)


@pytest.mark.parametrize("made", [FULL, ServerMetadata(SERVER), replace(FULL, grant_types=(), dpop_algorithms=())])
def test_server_metadata_round_trips(made):
    assert ServerMetadata.parse(made.to_json(), expected_issuer=SERVER) == made


def test_server_metadata_without_lists_means_the_defaults_of_its_specification():
    found = ServerMetadata.parse({"issuer": SERVER}, expected_issuer=SERVER)
    assert found.grant_types == ("authorization_code", "implicit")
    assert found.authentication_methods == ("client_secret_basic",)
    assert not found.takes_anonymous
    assert code_of(found.get_token_endpoint) == "invalid_issuer_metadata"
    assert FULL.get_token_endpoint() == f"{SERVER}/token"


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": SERVER + "/"},
        {"issuer": None},
        {"token_endpoint": "http://server.example/token"},
        {"status_list_aggregation_endpoint": 1},
        {"grant_types_supported": "authorization_code"},
        {"scopes_supported": ["a", "a"]},
        {"require_pushed_authorization_requests": "true"},
        {"pre-authorized_grant_anonymous_access_supported": 1},
    ],
)
def test_server_metadata_when_malformed_is_refused(change):
    assert (
        code_of(ServerMetadata.parse, FULL.to_json() | change, expected_issuer=SERVER) == "invalid_issuer_metadata"
    )


def test_server_metadata_of_an_identifier_that_is_none_is_refused():
    code = code_of(ServerMetadata.parse, {"issuer": "http://a.example"}, expected_issuer="http://a.example")
    assert code == "invalid_issuer_metadata"
