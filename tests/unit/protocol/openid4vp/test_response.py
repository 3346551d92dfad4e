# SPDX-License-Identifier: EUPL-1.2
"""Answers (OpenID4VP 1.0, sections 8.1 to 8.3 and 8.5): shapes, forms, encryption, errors."""

from __future__ import annotations

import json

import pytest

from protocol import jwe
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PrivateKey
from protocol.openid4vp import (
    EXPLANATIONS,
    EncryptedResponse,
    ErrorCode,
    ErrorResponse,
    PresentationRequest,
    PresentationResponse,
    parse_encrypted_answer,
    parse_plain_answer,
)
from protocol.openid4vp.response import MAX_ANSWERED, MAX_DESCRIPTION_CHARS, MAX_ERROR_CHARS, MAX_PRESENTATIONS
from protocol.openid4vp.syntax import parse_form
from tests.fakes.request_claims import claims, metadata

KEY = PrivateKey.generate()
RESPONSE = PresentationResponse(state="s", vp_token={"degree": ("x~",)}, consent_receipt={"record": "r"})


def request(**change):
    key = {**KEY.public_key.jwk(), "kid": "k1", "alg": "ECDH-ES"}
    value = claims(client_metadata=metadata(jwks={"keys": [key]}, **change))
    return PresentationRequest.parse(value, transaction_types={})


def fields(answer):
    return parse_form(answer.form(), max_bytes=100_000)


def test_response_round_trips_as_payload_and_as_form():
    assert PresentationResponse.parse(RESPONSE.payload()) == RESPONSE
    plain = PresentationResponse(state="s", vp_token={"degree": ("x~", "y~")})
    assert parse_plain_answer(fields(plain)) == plain
    silent = PresentationResponse(state="", vp_token={"degree": ("x~",)})
    assert "state" not in silent.to_json()
    assert PresentationResponse.parse(silent.payload()) == parse_plain_answer(fields(silent)) == silent


@pytest.mark.case("V16")
@pytest.mark.parametrize(
    "token",
    [
        [],
        ["x"],
        "x",
        None,
        7,
        {},
        {"degree": "x"},
        {"degree": []},
        {"degree": [""]},
        {"degree": [1]},
        {"degree": [{"a": 1}]},
        {"degree": ["x", ["y"]]},
        {"degree": ["x"] * (MAX_PRESENTATIONS + 1)},
        {str(number): ["x"] for number in range(MAX_ANSWERED + 1)},
    ],
)
def test_response_whose_vp_token_has_another_shape_fails_the_format_check(token):
    with pytest.raises(VerificationError) as caught:
        PresentationResponse.parse(json.dumps({"vp_token": token, "state": "s"}).encode())
    assert caught.value.check is Check.FORMAT
    with pytest.raises(RequestError):
        parse_plain_answer({"vp_token": json.dumps(token)})


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"vp_token":{"a":["x"]},"state":7}'])
def test_response_that_is_no_such_object_fails_the_format_check(payload):
    with pytest.raises(VerificationError) as caught:
        PresentationResponse.parse(payload)
    assert caught.value.check is Check.FORMAT


def test_response_at_its_limits_is_read():
    token = {str(number): ["x"] for number in range(MAX_ANSWERED - 1)} | {"many": ["x"] * MAX_PRESENTATIONS}
    found = PresentationResponse.parse(json.dumps({"vp_token": token}).encode())
    assert len(found.vp_token) == MAX_ANSWERED
    assert len(found.vp_token["many"]) == MAX_PRESENTATIONS


@pytest.mark.parametrize(
    ("offered", "chosen"), [(None, "A128GCM"), (["A128GCM"], "A128GCM"), (["A128GCM", "A256GCM"], "A256GCM")]
)
def test_response_is_encrypted_to_the_key_and_by_the_encryption_that_the_request_offers(offered, chosen):
    encrypted = RESPONSE.encrypt(request(encrypted_response_enc_values_supported=offered))
    header = jwe.parse_header(encrypted.token)
    assert (header["alg"], header["enc"], header["kid"]) == ("ECDH-ES", chosen, "k1")
    found = parse_encrypted_answer(fields(encrypted))
    assert isinstance(found, EncryptedResponse)
    opened = jwe.decrypt(found.token, KEY, expected_key_id="k1")
    assert PresentationResponse.parse(opened) == RESPONSE


@pytest.mark.case("V18")
def test_response_encrypted_by_another_name_key_or_encryption_is_refused():
    token = RESPONSE.encrypt(request()).token
    for key, key_id, encryptions in (
        (KEY, "k2", jwe.ENCRYPTIONS),
        (PrivateKey.generate(), "k1", jwe.ENCRYPTIONS),
        (KEY, "k1", ("A128GCM",)),
    ):
        with pytest.raises(RequestError):
            jwe.decrypt(token, key, expected_key_id=key_id, encryptions=encryptions)


@pytest.mark.case("W28")
def test_response_to_a_request_without_usable_key_is_never_sent_in_the_clear():
    value = claims(response_mode="direct_post", client_metadata=metadata(jwks={"keys": [{"kty": "RSA"}]}))
    with pytest.raises(RequestError, match="no usable encryption key"):
        RESPONSE.encrypt(PresentationRequest.parse(value, transaction_types={}))


@pytest.mark.case("V18")
def test_plain_response_is_refused_where_an_encrypted_one_was_asked_and_the_other_way_round():
    with pytest.raises(RequestError, match="encrypted response"):
        parse_encrypted_answer(fields(RESPONSE))
    with pytest.raises(RequestError, match="not encrypted"):
        parse_plain_answer({"response": "a.b.c.d.e"})


@pytest.mark.case("V28")
def test_form_whose_parameter_comes_twice_is_refused():
    for body in (b"response=a&response=b", b"error=a&state=b&state=b", b"vp_token={}&vp_token={}"):
        with pytest.raises(RequestError, match="twice") as caught:
            parse_form(body, max_bytes=1000)
        assert caught.value.code == "invalid_request"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"state": "s"},
        {"response": "a", "error": "access_denied"},
        {"vp_token": "{}", "error": "access_denied"},
        {"vp_token": "{}", "response": "a"},
    ],
)
@pytest.mark.parametrize("parse", [parse_encrypted_answer, parse_plain_answer])
def test_form_with_no_answer_or_two_is_refused(given, parse):
    with pytest.raises(RequestError, match="one response, or one error"):
        parse(given)


def test_form_with_unknown_parameters_is_read_without_them():
    assert parse_encrypted_answer({"response": "a", "foo": "b"}) == EncryptedResponse("a")


@pytest.mark.case("V27")
@pytest.mark.parametrize("parse", [parse_encrypted_answer, parse_plain_answer])
@pytest.mark.parametrize("code", ErrorCode)
def test_error_response_round_trips_in_both_modes(parse, code):
    made = ErrorResponse(code.value, "s", "not held")
    assert parse(fields(made)) == made
    assert made.code is code
    assert ErrorResponse(code.value, "").to_json() == {"error": code.value}


def test_error_response_with_a_code_of_another_specification_is_read_but_has_no_code_of_ours():
    assert ErrorResponse.parse({"error": "user_cancelled"}).code is None


@pytest.mark.parametrize(
    "given",
    [
        {"error": ""},
        {"error": 'a"b'},
        {"error": "é"},
        {"error": "e" * (MAX_ERROR_CHARS + 1)},
        {"error": "x", "error_description": "a\nb"},
        {"error": "x", "error_description": "d" * (MAX_DESCRIPTION_CHARS + 1)},
    ],
)
def test_error_response_of_another_syntax_is_refused(given):
    with pytest.raises(RequestError) as caught:
        ErrorResponse.parse(given)
    assert caught.value.code == "invalid_request"


def test_error_response_at_its_limits_is_read():
    given = {"error": "e" * MAX_ERROR_CHARS, "error_description": "d" * MAX_DESCRIPTION_CHARS}
    assert ErrorResponse.parse(given).to_json() == given


def test_every_error_code_has_an_explanation():
    assert EXPLANATIONS.keys() == set(ErrorCode)
