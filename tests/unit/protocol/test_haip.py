# SPDX-License-Identifier: EUPL-1.2
"""HAIP 1.0: messages that keep it break nothing, and each requirement is found broken where it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol import haip, jws
from protocol.haip import Rule
from protocol.keys import PrivateKey
from protocol.oauth.metadata import ServerMetadata
from protocol.openid4vci.configuration import CredentialConfiguration, ProofType
from protocol.openid4vci.metadata import IssuerMetadata
from protocol.openid4vci.offer import AuthorizationCodeGrant, CredentialOffer, PreAuthorizedGrant
from protocol.openid4vp import EndpointAnswer, PresentationRequest, UnsignedRequest, parse_parameters
from protocol.x509 import encode_chain
from tests.fakes.request_claims import HASH_ID, claims, credential, metadata

BASE = "https://issuer.example"
SERVER = ServerMetadata(
    issuer=BASE,
    token_endpoint=f"{BASE}/token",
    authorization_endpoint=f"{BASE}/authorize",
    pushed_endpoint=f"{BASE}/par",
    grant_types=("authorization_code",),
    challenge_methods=("S256",),
    names_itself=True,
    dpop_algorithms=("ES256",),
    authentication_methods=("attest_jwt_client_auth",),
)
DEGREE = CredentialConfiguration(
    id="degree",
    vct="urn:degree",
    scope="degree",
    binding_methods=("jwk",),
    proof_types={"jwt": ProofType(("ES256",))},
)
ISSUER = IssuerMetadata(
    issuer=BASE,
    credential_endpoint=f"{BASE}/credential",
    configurations={"degree": DEGREE},
    nonce_endpoint=f"{BASE}/nonce",
)


def request(**change):
    return PresentationRequest.parse(claims(**change), transaction_types={})


@pytest.fixture
def header(world):
    return {"alg": "ES256", "x5c": world.parties["ajuntament"].access_chain}


def test_presentation_that_keeps_the_profile_breaks_nothing(header):
    link = parse_parameters({"client_id": HASH_ID, "request_uri": "https://office.example/1"})
    assert haip.check_link(link) == ()
    assert haip.check_request(header, request()) == ()
    assert haip.check_fresh_keys(request(), request()) == ()
    assert haip.check_same_device_answer(EndpointAnswer("https://office.example/cb")) == ()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"client_id": "x509_san_dns:office.example"}, Rule.SIGNED_BY_HASH),
        ({"response_mode": "direct_post"}, Rule.ENCRYPTED_RESPONSE),
        ({"response_mode": "direct_post", "client_metadata": metadata(jwks=None)}, Rule.ENCRYPTION_KEY),
        (
            {"client_metadata": metadata(encrypted_response_enc_values_supported=["A256GCM"])},
            Rule.BOTH_ENCRYPTIONS,
        ),
        (
            {"client_metadata": metadata(vp_formats_supported={"dc+sd-jwt": {"kb-jwt_alg_values": ["ES384"]}})},
            Rule.VERIFIER_ALGORITHMS,
        ),
        (
            {
                "dcql_query": {
                    "credentials": [
                        credential(),
                        {"id": "w", "format": "jwt_vc_json", "meta": {"type_values": [["x"]]}},
                    ]
                }
            },
            Rule.FORMAT,
        ),
    ],
)
def test_request_that_breaks_one_requirement_is_told_which(header, change, rule):
    assert rule in haip.check_request(header, request(**change))


def test_metadata_that_names_no_algorithm_takes_all():
    silent = metadata(vp_formats_supported={"dc+sd-jwt": {}})
    assert haip.check_client_metadata(request(client_metadata=silent).metadata) == ()


def test_request_whose_header_breaks_a_requirement_is_told_which(header):
    assert haip.check_request({**header, "alg": "ES384"}, request()) == (Rule.REQUEST_ALGORITHM,)
    for chain in (None, [], ["AA=="]):
        assert haip.check_request({**header, "x5c": chain}, request()) == (Rule.REQUEST_CHAIN,)


def test_link_by_value_or_unsigned_breaks_the_profile():
    by_value = parse_parameters({"client_id": HASH_ID, "request": "e30.e30.AA"})
    unsigned = UnsignedRequest("redirect_uri:https://office.example/cb", {})
    assert haip.check_link(by_value) == haip.check_link(unsigned) == (Rule.BY_REFERENCE,)


def test_two_requests_with_one_key_and_an_answer_without_redirect_break_the_profile():
    one = request()
    assert haip.check_fresh_keys(one, replace(one, nonce="m" * 22)) == (Rule.FRESH_KEY,)
    assert haip.check_same_device_answer(EndpointAnswer(None)) == (Rule.REDIRECT,)


def test_issuance_that_keeps_the_profile_breaks_nothing():
    assert haip.check_server(SERVER) == haip.check_issuer(ISSUER) == ()
    plain = replace(DEGREE, binding_methods=(), proof_types={})
    assert haip.check_issuer(replace(ISSUER, nonce_endpoint=None, configurations={"degree": plain})) == ()
    assert haip.check_offer(CredentialOffer(BASE, ("degree",), authorization_code=AuthorizationCodeGrant())) == ()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"grant_types": ("implicit",)}, Rule.AUTHORIZATION_CODE),
        ({"authorization_endpoint": None}, Rule.AUTHORIZATION_CODE),
        ({"token_endpoint": None}, Rule.AUTHORIZATION_CODE),
        ({"pushed_endpoint": None}, Rule.PUSHED_REQUESTS),
        ({"challenge_methods": ("plain",)}, Rule.PKCE),
        ({"names_itself": False}, Rule.ISSUER_IN_RESPONSE),
        ({"dpop_algorithms": ("ES384",)}, Rule.DPOP),
        ({"authentication_methods": ("attest_jwt_client_auth", "none")}, Rule.CLIENT_AUTHENTICATION),
    ],
)
def test_server_that_breaks_one_requirement_is_told_which(change, rule):
    assert haip.check_server(replace(SERVER, **change)) == (rule,)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"configurations": {"degree": replace(DEGREE, scope=None)}}, Rule.SCOPE),
        ({"nonce_endpoint": None}, Rule.NONCE_ENDPOINT),
        (
            {"configurations": {"degree": replace(DEGREE, proof_types={"jwt": ProofType(("EdDSA",))})}},
            Rule.PROOF_ALGORITHM,
        ),
    ],
)
def test_issuer_that_breaks_one_requirement_is_told_which(change, rule):
    assert haip.check_issuer(replace(ISSUER, **change)) == (rule,)


def test_offer_by_pre_authorized_code_alone_breaks_the_profile():
    offer = CredentialOffer(BASE, ("degree",), pre_authorized=PreAuthorizedGrant("code"))
    assert haip.check_offer(offer) == (Rule.OFFERED_GRANT,)


def token(chain, **payload):
    return jws.parse(jws.sign(payload, PrivateKey.generate(), typ="dc+sd-jwt", x5c=chain))


def test_credential_and_status_list_that_break_a_requirement_are_told_which(world):
    chain = world.parties["universitat"].issuer_chain
    good = {"cnf": {"jwk": {}}, "status": {"status_list": {"idx": 1, "uri": "https://a.example"}}}
    assert haip.check_credential(token(chain, **good), is_bound=True) == ()
    assert haip.check_credential(token(chain), is_bound=False) == ()
    for changed, rule in (
        ({**good, "cnf": {"kid": "a"}}, Rule.KEY_MEMBER),
        ({**good, "cnf": "key"}, Rule.KEY_MEMBER),
        ({**good, "status": {"identifier_list": {}}}, Rule.STATUS_LIST),
        ({**good, "status": None}, Rule.STATUS_LIST),
    ):
        assert haip.check_credential(token(chain, **changed), is_bound=True) == (rule,)
    assert haip.check_credential(token([], **good), is_bound=True) == (Rule.CREDENTIAL_CHAIN,)
    assert haip.check_status_list_token(token(chain)) == ()
    assert haip.check_status_list_token(token([])) == (Rule.STATUS_CHAIN,)


@pytest.mark.case("W11", "V10")
def test_chain_that_brings_its_anchor_breaks_the_profile(world):
    chain = [*world.parties["universitat"].issuer_chain, *encode_chain([world.authority.root])]
    assert haip.check_status_list_token(token(chain)) == (Rule.STATUS_CHAIN,)


def test_every_requirement_says_where_it_stands_and_what_it_asks():
    assert len({rule.explanation for rule in Rule}) == len(Rule)
    assert {rule.section[0] for rule in Rule} == {"4", "5", "6", "7"}
