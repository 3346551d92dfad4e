# SPDX-License-Identifier: EUPL-1.2
"""Links (OpenID4VP 1.0, sections 5.7 and 10): by reference, by value, and as plain parameters."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from protocol.errors import RequestError
from protocol.openid4vp import RequestByValue, RequestLink, UnsignedRequest, parse_link, parse_parameters
from protocol.openid4vp.link import MAX_LINK_CHARS, read_parameters
from protocol.openid4vp.syntax import MAX_FORM_FIELDS, parse_form
from tests.fakes.request_claims import HASH_ID

BY_REFERENCE = {"client_id": HASH_ID, "request_uri": "https://office.example/request/1"}
BY_VALUE = {"client_id": HASH_ID, "request": "e30.e30.AA"}
UNSIGNED = {"client_id": "redirect_uri:https://office.example/cb", "nonce": "n" * 22}


@pytest.mark.parametrize("method", [None, "get", "post"])
@pytest.mark.parametrize("address", ["openid4vp://", "openid4vp:", "haip-vp://", "https://wallet.example/present"])
def test_link_by_reference_is_read_from_every_scheme(address, method):
    fields = BY_REFERENCE | ({} if method is None else {"request_uri_method": method})
    found = parse_link(f"{address}?{urlencode(fields)}")
    assert found == RequestLink(HASH_ID, BY_REFERENCE["request_uri"], uses_post=method == "post")


def test_link_by_reference_round_trips():
    link = RequestLink(HASH_ID, "https://office.example/request/1", uses_post=True)
    assert parse_link(link.url()) == parse_link(link.url("https://wallet.example/present")) == link
    assert link.url().startswith("openid4vp://?client_id=x509_hash%3A")


@pytest.mark.parametrize("fields", [BY_VALUE, UNSIGNED])
def test_link_by_value_and_unsigned_round_trip_in_the_library(fields):
    found = parse_parameters(fields)
    assert type(found) is (RequestByValue if "request" in fields else UnsignedRequest)
    assert found.to_parameters() == fields
    assert parse_link("openid4vp://?" + urlencode(found.to_parameters())) == found


@pytest.mark.parametrize("fields", [BY_VALUE, UNSIGNED, {**BY_REFERENCE, "request": "e30.e30.AA"}])
def test_link_without_reference_is_refused_where_haip_holds(fields):
    with pytest.raises(RequestError) as caught:
        RequestLink.parse(fields)
    assert caught.value.code == "invalid_request"


@pytest.mark.case("W22")
@pytest.mark.parametrize(
    "fields",
    [
        {**BY_REFERENCE, "request_uri_method": "put"},
        {**BY_REFERENCE, "request_uri_method": "POST"},
        {**BY_REFERENCE, "request_uri_method": ""},
        {**BY_VALUE, "request_uri_method": "post"},
        {**UNSIGNED, "request_uri_method": "get"},
    ],
)
def test_link_with_unknown_method_or_method_without_address_is_refused_by_its_code(fields):
    with pytest.raises(RequestError) as caught:
        parse_parameters(fields)
    assert caught.value.code == "invalid_request_uri_method"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"client_id": HASH_ID},
        {"request_uri": "https://office.example"},
        {**BY_REFERENCE, "client_id": "office"},
        {**BY_REFERENCE, "request_uri": ""},
        {**BY_REFERENCE, "request_uri": "http://office.example/1"},
        {**BY_REFERENCE, "request_uri": "https://user@office.example/1"},
        {**BY_REFERENCE, "request_uri": "https://office.example/1#a"},
        {**BY_REFERENCE, "request_uri": "javascript:alert(1)"},
        {**BY_REFERENCE, "request": "x"},
        {**BY_VALUE, "request": ""},
        {"request": "x"},
    ],
)
def test_link_with_one_thing_wrong_is_refused(fields):
    with pytest.raises(RequestError) as caught:
        parse_parameters(fields)
    assert caught.value.code == "invalid_request"


@pytest.mark.case("W15")
@pytest.mark.parametrize(
    "fields",
    [
        {**BY_REFERENCE, "client_id": UNSIGNED["client_id"]},
        {**BY_VALUE, "client_id": UNSIGNED["client_id"]},
        {**UNSIGNED, "client_id": HASH_ID},
        {**UNSIGNED, "client_id": "x509_san_dns:office.example"},
    ],
)
def test_link_whose_prefix_does_not_go_with_its_signature_is_refused(fields):
    with pytest.raises(RequestError, match="with the prefix") as caught:
        parse_parameters(fields)
    assert caught.value.code == "invalid_request"


def test_request_by_value_beside_a_reference_is_refused():
    with pytest.raises(RequestError, match="by value"):
        RequestByValue.parse({**BY_VALUE, "request_uri": "https://office.example"})


@pytest.mark.parametrize(
    "link", ["mailto:x?client_id=a", "client_id=a", "https://[::1?x=y", "openid-credential-offer://?a=b"]
)
def test_link_of_another_scheme_is_refused(link):
    with pytest.raises(RequestError) as caught:
        parse_link(link)
    assert caught.value.code == "invalid_request"


def test_link_whose_parameter_comes_twice_is_refused():
    with pytest.raises(RequestError, match="twice"):
        parse_link(f"openid4vp://?{urlencode(BY_REFERENCE)}&client_id=other")


def test_link_at_its_longest_is_read_and_one_character_more_is_refused():
    start = "openid4vp://?a="
    assert read_parameters(start + "x" * (MAX_LINK_CHARS - len(start)))
    with pytest.raises(RequestError, match=str(MAX_LINK_CHARS)):
        read_parameters(start + "x" * (MAX_LINK_CHARS - len(start) + 1))


def test_form_at_its_limits_is_read_and_beyond_them_refused():
    many = "&".join(f"p{number}=" for number in range(MAX_FORM_FIELDS))
    assert len(parse_form(many, max_bytes=1000)) == MAX_FORM_FIELDS
    with pytest.raises(RequestError, match="too many"):
        parse_form(many + "&more=", max_bytes=1000)
    assert parse_form(b"a=%C3%A9&b", max_bytes=10) == {"a": "é", "b": ""}
    for body in (b"a=%C3%A9&bc", b"a=%ff", b"\xff=1", b"a=1&a=1"):
        with pytest.raises(RequestError):
            parse_form(body, max_bytes=10)
