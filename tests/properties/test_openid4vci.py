# SPDX-License-Identifier: EUPL-1.2
"""Parsers of issuance messages raise nothing but `Error`, on any JSON and any text; round trips give the same."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import jwe
from protocol.clock import from_epoch
from protocol.errors import Error
from protocol.jwe import RecipientKey
from protocol.keys import PrivateKey
from protocol.oauth import authorization as oauth
from protocol.oauth import client_attestation, dpop
from protocol.oauth.errors import ErrorResponse
from protocol.oauth.metadata import ServerMetadata
from protocol.openid4vci import proof, signed_metadata
from protocol.openid4vci.authorization import (
    AuthorizationDetail,
    AuthorizationRequest,
    GrantedDetail,
    parse_details,
)
from protocol.openid4vci.claims import Claim
from protocol.openid4vci.configuration import CredentialConfiguration, ProofType
from protocol.openid4vci.credential_request import CredentialRequest, Proofs
from protocol.openid4vci.credential_response import CredentialResponse, DeferredResponse, parse_response
from protocol.openid4vci.deferred import DeferredRequest
from protocol.openid4vci.display import Display, Image
from protocol.openid4vci.encryption import ResponseKey, open_request, open_response
from protocol.openid4vci.key_attestation import KeyAttestation, Requirement
from protocol.openid4vci.metadata import IssuerMetadata, RequestEncryption, ResponseEncryption
from protocol.openid4vci.nonce import NonceResponse
from protocol.openid4vci.notification import NotificationRequest
from protocol.openid4vci.offer import (
    AUTHORIZATION_CODE,
    PRE_AUTHORIZED,
    AuthorizationCodeGrant,
    CredentialOffer,
    OfferLink,
    PreAuthorizedGrant,
    TxCode,
)
from protocol.openid4vci.token import REFRESH_TOKEN, PreAuthorizedRequest, TokenResponse, parse_token_request

# there are many parsers, and nightly runs draw more
few = settings(max_examples=40)
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
KEY = PrivateKey.generate()
ISSUER = "https://issuer.example"
# names that the messages have, so that what is drawn gets past the first member
NAMES = [
    "credential_issuer",
    "credential_configuration_ids",
    "grants",
    "authorization_code",
    "tx_code",
    "length",
    "input_mode",
    "description",
    "pre-authorized_code",
    "issuer_state",
    "authorization_server",
    "authorization_servers",
    "credential_endpoint",
    "nonce_endpoint",
    "batch_credential_issuance",
    "batch_size",
    "display",
    "name",
    "locale",
    "logo",
    "uri",
    "alt_text",
    "background_color",
    "text_color",
    "credential_configurations_supported",
    "format",
    "vct",
    "scope",
    "proof_types_supported",
    "jwt",
    "attestation",
    "claims",
    "path",
    "mandatory",
    "cryptographic_binding_methods_supported",
    "proof_signing_alg_values_supported",
    "key_attestations_required",
    "key_storage",
    "credential_metadata",
    "credential_request_encryption",
    "credential_response_encryption",
    "jwks",
    "keys",
    "kid",
    "kty",
    "crv",
    "x",
    "y",
    "alg",
    "use",
    "enc",
    "zip",
    "jwk",
    "enc_values_supported",
    "alg_values_supported",
    "encryption_required",
    "issuer",
    "token_endpoint",
    "type",
    "locations",
    "grant_types_supported",
    "credential_configuration_id",
    "credential_identifier",
    "credential_identifiers",
    "proofs",
    "proof",
    "credentials",
    "credential",
    "transaction_id",
    "interval",
    "notification_id",
    "event",
    "event_description",
    "c_nonce",
    "error",
    "error_description",
    "access_token",
    "token_type",
    "expires_in",
    "authorization_details",
    "iat",
    "exp",
    "nbf",
    "sub",
    "iss",
    "aud",
    "cnf",
    "nonce",
    "jti",
    "htm",
    "htu",
    "ath",
    "attested_keys",
    "status",
    "certification",
    "wallet_name",
    "wallet_link",
    "request_uri",
    "response_uri",
]
VALUES = (
    ISSUER,
    "https://issuer.example/x",
    "http://issuer.example",
    "dc+sd-jwt",
    "mso_mdoc",
    "openid_credential",
    "numeric",
    "ES256",
    "ECDH-ES",
    "A128GCM",
    "EC",
    "P-256",
    "jwk",
    "ca-ES",
    "#fff",
    "Bearer",
    "credential_accepted",
    PRE_AUTHORIZED,
)
texts = st.sampled_from(VALUES) | st.text(max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
names = st.sampled_from([*NAMES, PRE_AUTHORIZED]) | st.text(max_size=6)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6), max_leaves=20
)
objects = st.dictionaries(names, values, max_size=8)
forms = st.dictionaries(
    st.sampled_from(
        [
            "response_type",
            "client_id",
            "redirect_uri",
            "scope",
            "state",
            "authorization_details",
            "code_challenge",
            "grant_type",
            "code",
            "tx_code",
            "code_challenge_method",
            "pre-authorized_code",
            "code_verifier",
            "refresh_token",
            "iss",
            "error",
            "request_uri",
            "credential_offer",
            "credential_offer_uri",
        ]
    ),
    st.lists(texts | st.sampled_from(["S256", "code", AUTHORIZATION_CODE, REFRESH_TOKEN, "x" * 43]), max_size=2),
)


def of_issuer(value: dict[str, Any]) -> IssuerMetadata:
    return IssuerMetadata.parse(value | {"credential_issuer": ISSUER}, expected_issuer=ISSUER)


def of_server(value: dict[str, Any]) -> ServerMetadata:
    return ServerMetadata.parse(value | {"issuer": ISSUER}, expected_issuer=ISSUER)


OBJECT_PARSERS: dict[str, Any] = {
    "offer": CredentialOffer.parse,
    "issuer metadata": of_issuer,
    "server metadata": of_server,
    "configuration": lambda value: CredentialConfiguration.parse("x", value | {"format": "dc+sd-jwt"}),
    "details": lambda value: parse_details([value | {"type": "openid_credential"}]),
    "granted details": lambda value: GrantedDetail.parse_all(value, code="c"),
    "token response": lambda value: TokenResponse.parse(value, expected_type="Bearer"),
    "request in the clear": lambda value: CredentialRequest.parse(value, is_encrypted=False),
    "request encrypted": lambda value: CredentialRequest.parse(value, is_encrypted=True),
    "response now": lambda value: parse_response(200, value),
    "response later": lambda value: parse_response(202, value),
    "deferred": lambda value: DeferredRequest.parse(value, is_encrypted=True),
    "notification": NotificationRequest.parse,
    "nonce": NonceResponse.parse,
    "error": ErrorResponse.parse,
    "pushed": oauth.PushedResponse.parse,
    "key attestation": KeyAttestation.parse,
    "requirement": Requirement.parse,
    "client attestation": client_attestation.ClientAttestation.parse,
    "recipient": RecipientKey.parse,
}


@pytest.mark.parametrize("name", OBJECT_PARSERS)
@few
@given(value=objects)
def test_parser_of_an_object_raises_nothing_but_our_errors(name, value):
    with contextlib.suppress(Error):
        OBJECT_PARSERS[name](value)


FORM_PARSERS: dict[str, Any] = {
    "link": OfferLink.parse,
    "authorization request": AuthorizationRequest.parse,
    "token request": lambda form: parse_token_request(
        form, grant_types=(PRE_AUTHORIZED, AUTHORIZATION_CODE, REFRESH_TOKEN)
    ),
    "reference": oauth.PushedReference.parse,
    "authorization response": lambda form: oauth.AuthorizationResponse.parse(
        form, expected_state=None, expected_issuer=ISSUER, is_issuer_advertised=False
    ),
}


@pytest.mark.parametrize("name", FORM_PARSERS)
@few
@given(form=forms)
def test_parser_of_a_form_raises_nothing_but_our_errors(name, form):
    with contextlib.suppress(Error):
        FORM_PARSERS[name](form)


def chain(_x5c: Any) -> Any:
    return KEY.public_key


POLICY = proof.AttestationPolicy(chain, Requirement())
TEXT_PARSERS: dict[str, Any] = {
    "link": OfferLink.parse_text,
    "jwt proof": lambda text: proof.verify_proof(
        text, expected_audience=ISSUER, expected_client_id=None, attestation_policy=POLICY, now=NOW
    ),
    "attestation proof": lambda text: proof.verify_attestation_proof(text, policy=POLICY, now=NOW),
    "signed metadata": lambda text: signed_metadata.verify(
        text, expected_issuer=ISSUER, verify_chain=chain, now=NOW
    ),
    "dpop": lambda text: dpop.verify(
        text,
        method="POST",
        url=ISSUER,
        access_token="t",
        expected_nonces=None,
        expected_thumbprint=None,
        now=NOW,
    ),
    "client attestation": lambda text: client_attestation.verify(
        text,
        text,
        expected_audience=ISSUER,
        expected_client_id=None,
        expected_challenge=None,
        verify_chain=chain,
        now=NOW,
    ),
    "jwe": lambda text: jwe.decrypt(text, KEY, expected_key_id=None),
    "presented token": lambda text: oauth.PresentedToken.parse([text]),
    "offer's answer": lambda text: CredentialOffer.parse_answer(text.encode("utf-8", "replace"), text),
}
parts = st.text(alphabet="eyJhbGciOiJFUzI1NiJ9-_", max_size=20)
tokens = st.text(max_size=60) | st.lists(parts, min_size=3, max_size=5).map(".".join)


@pytest.mark.parametrize("name", TEXT_PARSERS)
@few
@given(text=tokens)
def test_parser_of_a_text_raises_nothing_but_our_errors(name, text):
    with contextlib.suppress(Error):
        TEXT_PARSERS[name](text)


@given(body=st.binary(max_size=60), content_type=st.sampled_from(["application/json", "application/jwt", "x"]))
def test_parser_of_a_body_raises_nothing_but_our_errors(body, content_type):
    with contextlib.suppress(Error):
        open_request(body, content_type, keys={"k": KEY}, is_required=False)
    with contextlib.suppress(Error):
        open_response(
            body, content_type, key=KEY, expected=ResponseKey(RecipientKey(KEY.public_key, None), "A128GCM")
        )


# ---- round trips
words = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
urls = st.sampled_from(["https://a.example", "https://b.example:8443/c?d=e", "http://localhost:8101/x"])
identifiers = st.sampled_from(["https://a.example", "https://b.example/c", "http://localhost:8101/x"])
some_texts = st.lists(words, min_size=1, max_size=3, unique=True).map(tuple)
maybe_texts = st.just(()) | some_texts
images = st.builds(Image, words, st.none() | words)
displays = st.lists(
    st.builds(
        Display,
        words,
        st.sampled_from([None, "ca", "es-ES", "en"]),
        st.none() | images,
        st.none() | words,
        st.sampled_from([None, "#fff", "rgb(1,2,3)"]),
        st.none() | images,
    ),
    max_size=3,
    unique_by=lambda display: display.locale,
).map(tuple)
claims = st.lists(
    st.builds(Claim, st.tuples(words) | st.tuples(words, st.none()), st.booleans(), displays),
    max_size=3,
    unique_by=lambda claim: claim.path[0],
).map(tuple)
requirements = st.builds(Requirement, maybe_texts, maybe_texts)
proof_types = st.dictionaries(words, st.builds(ProofType, some_texts, st.none() | requirements), max_size=2)
keys = st.builds(RecipientKey, st.just(KEY.public_key), words)


@st.composite
def configurations(draw: st.DrawFn, name: str) -> CredentialConfiguration:
    types = draw(proof_types)
    return CredentialConfiguration(
        id=name,
        vct=draw(words),
        scope=draw(st.sampled_from([None, "a", "b~"])),
        signing_algorithms=draw(maybe_texts),
        binding_methods=draw(some_texts) if types else (),
        proof_types=types,
        display=draw(displays),
        claims=draw(claims),
    )


metadata = st.builds(
    IssuerMetadata,
    issuer=identifiers,
    credential_endpoint=urls,
    configurations=st.fixed_dictionaries({}, optional={name: configurations(name) for name in ("a", "b")}),
    authorization_servers=st.lists(identifiers, max_size=2, unique=True).map(tuple),
    nonce_endpoint=st.none() | urls,
    deferred_credential_endpoint=st.none() | urls,
    notification_endpoint=st.none() | urls,
    request_encryption=st.none()
    | st.builds(RequestEncryption, st.tuples(keys), some_texts, st.booleans(), maybe_texts),
    response_encryption=st.none()
    | st.builds(ResponseEncryption, some_texts, st.booleans(), some_texts, maybe_texts),
    batch_size=st.integers(1, 1000),
    display=displays,
    unsupported=st.dictionaries(st.sampled_from(["c", "d"]), st.sampled_from(["mso_mdoc", "ldp_vc"])),
)


@few
@given(made=metadata)
def test_issuer_metadata_round_trips(made):
    assert IssuerMetadata.parse(made.to_json(), expected_issuer=made.issuer) == made


offers = st.builds(
    CredentialOffer,
    identifiers,
    some_texts,
    st.none()
    | st.builds(
        PreAuthorizedGrant,
        words,
        st.none()
        | st.builds(
            TxCode, st.sampled_from(["numeric", "text"]), st.none() | st.integers(1, 64), st.none() | words
        ),
        st.none() | identifiers,
    ),
    st.none() | st.builds(AuthorizationCodeGrant, st.none() | words, st.none() | identifiers),
)


@given(made=offers)
def test_offer_round_trips_by_value(made):
    assert CredentialOffer.parse(made.to_json()) == made
    assert OfferLink.parse_text(OfferLink(None, made).url()).offer == made


details = st.lists(
    st.builds(
        AuthorizationDetail,
        words,
        st.lists(st.builds(Claim, st.tuples(words), st.booleans()), max_size=2, unique_by=lambda c: c.path).map(
            tuple
        ),
        maybe_texts,
    ),
    max_size=3,
).map(tuple)


@given(made=st.builds(PreAuthorizedRequest, words, st.none() | words, st.none() | words, details))
def test_token_request_round_trips(made):
    assert PreAuthorizedRequest.parse(parse_qs(made.form().decode(), keep_blank_values=True)) == made


@given(
    made=st.builds(
        TokenResponse,
        words,
        st.just("DPoP"),
        st.none() | st.integers(1, 10**6),
        st.none() | words,
        st.none() | words,
        st.lists(st.builds(GrantedDetail, words, some_texts), max_size=2).map(tuple),
    )
)
def test_token_response_round_trips(made):
    assert TokenResponse.parse(made.to_json(), expected_type="DPoP") == made


response_keys = st.builds(ResponseKey, keys, st.sampled_from(jwe.ENCRYPTIONS))
some_proofs = st.builds(Proofs, st.just(proof.ProofKind.JWT), some_texts)


@given(
    made=st.builds(CredentialRequest, words, st.none(), st.none() | some_proofs, st.none() | response_keys)
    | st.builds(CredentialRequest, st.none(), words, st.none() | some_proofs, st.none() | response_keys)
)
def test_credential_request_round_trips(made):
    assert CredentialRequest.parse(made.to_json(), is_encrypted=True) == made


@given(
    made=st.builds(
        CredentialResponse,
        st.lists(words.map(lambda text: f"{text}~"), min_size=1, max_size=3).map(tuple),
        st.none() | words,
    )
    | st.builds(DeferredResponse, words, st.integers(1, 10**6))
)
def test_credential_response_round_trips(made):
    assert parse_response(made.status, made.to_json()) == made


@given(seconds=st.integers(0, 2**32), life=st.none() | st.integers(1, 10**6), nonce=st.none() | words)
def test_key_attestation_round_trips(seconds, life, nonce):
    issued_at = from_epoch(seconds)
    made = KeyAttestation(
        keys=(KEY.public_key,),
        issued_at=issued_at,
        expires_at=None if life is None else issued_at + timedelta(seconds=life),
        nonce=nonce,
    )
    assert KeyAttestation.parse(made.to_json()) == made


@given(payload=st.binary(min_size=1, max_size=200), position=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_encrypted_message_with_any_character_changed_never_opens(payload, position, flip):
    token = jwe.encrypt(payload, KEY.public_key, key_id="k", encryption="A128GCM")
    assert jwe.decrypt(token, KEY, expected_key_id="k") == payload
    at = position % len(token)
    changed = token[:at] + chr(ord(token[at]) ^ flip) + token[at + 1 :]
    with pytest.raises(Error):
        jwe.decrypt(changed, KEY, expected_key_id="k")
