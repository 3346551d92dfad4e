# SPDX-License-Identifier: EUPL-1.2
"""What a wallet posts to `request_uri`, what `response_uri` answers, and the response code."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from protocol.errors import RequestError
from protocol.members import MAX_URL_CHARS
from protocol.openid4vp import (
    EndpointAnswer,
    FormatAlgorithms,
    Prefix,
    RequestUriPost,
    ResponseCode,
    WalletMetadata,
)
from protocol.openid4vp.endpoint import MAX_WALLET_METADATA_BYTES, MAX_WALLET_NONCE_CHARS
from protocol.openid4vp.syntax import parse_form

FULL = WalletMetadata(
    algorithms=FormatAlgorithms(issuer=("ES256",), key_binding=("ES256",)),
    client_id_prefixes=("x509_hash",),
    request_algorithms=("ES256",),
)


@pytest.mark.parametrize(
    "posted",
    [
        RequestUriPost(),
        RequestUriPost("w" * MAX_WALLET_NONCE_CHARS),
        RequestUriPost("w", FULL),
        RequestUriPost(None, WalletMetadata(FormatAlgorithms())),
        RequestUriPost(None, WalletMetadata(None)),
    ],
)
def test_post_to_request_uri_round_trips(posted):
    assert RequestUriPost.parse(parse_form(posted.form(), max_bytes=10_000)) == posted


@pytest.mark.parametrize(
    "fields",
    [
        {"wallet_nonce": ""},
        {"wallet_nonce": "w" * (MAX_WALLET_NONCE_CHARS + 1)},
        {"wallet_metadata": ""},
        {"wallet_metadata": "[]"},
        {"wallet_metadata": "{}"},
        {"wallet_metadata": '{"vp_formats_supported":{"dc+sd-jwt":[]}}'},
        {"wallet_metadata": '{"vp_formats_supported":{},"client_id_prefixes_supported":[]}'},
        {"wallet_metadata": '{"vp_formats_supported":{},"request_object_signing_alg_values_supported":"ES256"}'},
        {"wallet_metadata": json.dumps({"vp_formats_supported": {}, "x": "y" * MAX_WALLET_METADATA_BYTES})},
    ],
)
def test_post_to_request_uri_with_one_thing_wrong_is_refused(fields):
    with pytest.raises(RequestError) as caught:
        RequestUriPost.parse(fields)
    assert caught.value.code == "invalid_request"
    with pytest.raises(RequestError):
        WalletMetadata.parse([])


def test_wallet_metadata_at_its_largest_is_read():
    start = '{"vp_formats_supported":{},"x":"'
    text = start + "y" * (MAX_WALLET_METADATA_BYTES - len(start) - 2) + '"}'
    assert RequestUriPost.parse({"wallet_metadata": text}).wallet_metadata == WalletMetadata(None)


def test_wallet_that_says_it_cannot_answer_is_told_so_and_one_that_says_nothing_may_try():
    FULL.check_takes(Prefix.X509_HASH)
    WalletMetadata(FormatAlgorithms()).check_takes(Prefix.X509_HASH)
    with pytest.raises(RequestError) as caught:
        WalletMetadata(None).check_takes(Prefix.X509_HASH)
    assert caught.value.code == "vp_formats_not_supported"
    with pytest.raises(RequestError) as caught:
        FULL.check_takes(Prefix.X509_SAN_DNS)
    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"outcome": {"result": "accepted"}},
        {"redirect_uri": "https://office.example/cb#response_code=a"},
        {"redirect_uri": "https://office.example/cb?response_code=a", "more": 1},
    ],
)
def test_answer_of_the_response_endpoint_round_trips(members):
    found = EndpointAnswer.parse(200, json.dumps(members).encode())
    assert found.redirect_uri == members.get("redirect_uri")
    assert found.to_json() == members


@pytest.mark.case("W23")
@pytest.mark.parametrize("status", [300, 302, 303, 307, 308, 399])
def test_answer_that_redirects_by_http_is_refused(status):
    with pytest.raises(RequestError, match="redirect") as caught:
        EndpointAnswer.parse(status, b"{}")
    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (201, b"{}"),
        (400, b"{}"),
        (500, b""),
        (200, b""),
        (200, b"[]"),
        (200, b'{"redirect_uri":7}'),
        (200, b'{"redirect_uri":"http://office.example"}'),
        (200, b'{"redirect_uri":"javascript:alert(1)"}'),
        (200, b'{"redirect_uri":"/cb"}'),
        (200, '{"redirect_uri":"https://office.example/#é"}'.encode()),
        (200, b'{"redirect_uri":"https://office.example/#a\\nb"}'),
        (200, json.dumps({"redirect_uri": "https://office.example/#" + "a" * (MAX_URL_CHARS + 1)}).encode()),
    ],
)
def test_answer_of_another_status_or_shape_is_refused(status, body):
    with pytest.raises(RequestError) as caught:
        EndpointAnswer.parse(status, body)
    assert caught.value.code == "invalid_request"


def test_answer_with_the_longest_fragment_is_read():
    uri = "https://office.example/#" + "a" * MAX_URL_CHARS
    assert EndpointAnswer.parse(200, json.dumps({"redirect_uri": uri}).encode()).redirect_uri == uri


def test_response_code_is_fresh_and_comes_back_in_the_address():
    one, other = ResponseCode.generate(), ResponseCode.generate()
    assert one != other
    address = one.redirect_uri("https://office.example/cb?lang=ca")
    assert EndpointAnswer.parse(200, json.dumps({"redirect_uri": address}).encode()).redirect_uri == address
    query = parse_qs(urlsplit(address).query)
    assert query["lang"] == ["ca"]
    ResponseCode.parse(query["response_code"][0]).check(one.digest)
    assert one.value not in repr(one)


@pytest.mark.case("V19")
def test_response_code_of_another_answer_or_none_releases_nothing():
    with pytest.raises(RequestError) as caught:
        ResponseCode.generate().check(ResponseCode.generate().digest)
    assert (caught.value.code, caught.value.status) == ("access_denied", 403)
    for text in ("", "a" * 31, "a" * 33, "a" * 31 + "/", "é" * 32):
        with pytest.raises(RequestError) as caught:
            ResponseCode.parse(text)
        assert caught.value.code == "invalid_request"


def test_response_code_is_not_put_into_an_address_that_is_none():
    with pytest.raises(RequestError):
        ResponseCode.generate().redirect_uri("http://office.example/cb")
