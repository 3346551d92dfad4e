# SPDX-License-Identifier: EUPL-1.2
"""OpenID4VP: whatever arrives, parsers raise nothing but `Error`; what they accept comes back the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.encoding import b64url_encode
from protocol.errors import Error
from protocol.openid4vp import (
    ClientIdentifier,
    ClientMetadata,
    EndpointAnswer,
    ErrorResponse,
    PresentationRequest,
    PresentationResponse,
    RequestUriPost,
    ResponseCode,
    TransactionData,
    TransactionType,
    VerifierInfo,
    WalletMetadata,
    parse_encrypted_answer,
    parse_link,
    parse_parameters,
    parse_plain_answer,
)
from protocol.openid4vp.syntax import parse_form
from tests.fakes.request_claims import claims

unhurried = settings(deadline=None)  # time is measured elsewhere; a busy machine is no failure

TEXTS = st.text(max_size=20) | st.sampled_from(
    ["", "x509_hash:", "https://a.example/", "dc+sd-jwt", "get", "ES256"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
TYPES = {"payment": TransactionType(required={"cents": int})}
GOOD = claims(verifier_info=[{"format": "testimoni-consent", "data": {"withdrawal_uri": "https://a.example/w"}}])
PARAMETERS = st.dictionaries(
    st.sampled_from(["client_id", "request_uri", "request_uri_method", "request", "nonce"]) | TEXTS,
    TEXTS,
    max_size=4,
)
FORM_FIELDS = st.dictionaries(
    st.sampled_from(
        ["error", "error_description", "response", "vp_token", "state", "wallet_nonce", "wallet_metadata"]
    ),
    TEXTS | VALUES.map(json.dumps),
    max_size=4,
)


def attempt(read: Callable[[], Any]) -> Any:
    """Return what was read, or None when it was refused as it should be."""
    try:
        return read()
    except Error:
        return None


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in inner for found in paths(each, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


@unhurried
@given(st.sampled_from(paths(GOOD)[1:]), VALUES)
def test_request_with_anything_anywhere_is_read_or_refused(path: tuple[Any, ...], new: Any) -> None:
    found = attempt(lambda: PresentationRequest.parse(put(GOOD, path, new), transaction_types=TYPES))
    if found is not None:
        assert PresentationRequest.parse(found.to_claims(), transaction_types=TYPES) == found


@unhurried
@given(PARAMETERS)
def test_parameters_of_a_link_are_read_or_refused(parameters: dict[str, str]) -> None:
    found = attempt(lambda: parse_parameters(parameters))
    if found is not None:
        assert parse_parameters(found.to_parameters()) == found
    with suppress(Error):
        PresentationRequest.parse_parameters(
            parameters, transaction_types=TYPES, received_at=datetime(2026, 11, 21, tzinfo=UTC)
        )


@unhurried
@given(st.text() | TEXTS.map("openid4vp://?{}".format), st.binary(max_size=50))
def test_links_and_forms_are_read_or_refused(link: str, body: bytes) -> None:
    with suppress(Error):
        parse_link(link)
    with suppress(Error):
        parse_form(body, max_bytes=40)


@unhurried
@given(
    TEXTS
    | st.sampled_from(["x509_hash", "x509_san_dns", "redirect_uri"]).flatmap(lambda p: TEXTS.map(f"{p}:".__add__))
)
def test_client_identifier_round_trips_or_is_refused(text: str) -> None:
    found = attempt(lambda: ClientIdentifier.parse(text))
    assert found is None or str(found) == text


@unhurried
@given(VALUES, st.integers(), st.binary(max_size=50))
def test_values_are_read_or_refused(value: Any, status: int, body: bytes) -> None:
    for read in (
        ClientMetadata.parse,
        WalletMetadata.parse,
        lambda v: VerifierInfo.parse(v, asked={"degree"}),
        lambda v: TransactionData.parse(v, types=TYPES, asked={"degree": True}),
        lambda v: TransactionData.parse(
            b64url_encode(json.dumps(v).encode()), types=TYPES, asked={"degree": True}
        ),
        lambda v: EndpointAnswer.parse(200, json.dumps(v).encode()),
        lambda v: PresentationResponse.parse(json.dumps(v).encode()),
        lambda v: PresentationResponse.parse(json.dumps({"vp_token": v}).encode()),
        lambda v: ResponseCode.parse(str(v)),
    ):
        with suppress(Error):
            read(value)
    with suppress(Error):
        EndpointAnswer.parse(status, body)
    with suppress(Error):
        PresentationResponse.parse(body)


@unhurried
@given(FORM_FIELDS)
def test_forms_of_an_answer_round_trip_or_are_refused(fields: dict[str, str]) -> None:
    for read in (parse_encrypted_answer, parse_plain_answer, ErrorResponse.parse, RequestUriPost.parse):
        found = attempt(partial(read, fields))
        if found is not None:
            assert read(parse_form(found.form(), max_bytes=10_000)) == found
