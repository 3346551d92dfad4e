# SPDX-License-Identifier: EUPL-1.2
"""Headers of a JWS: extensions that we do not know, lengths at their limit, and which header is kept encoded."""

from __future__ import annotations

from typing import Any

import pytest

from protocol import jws
from protocol.encoding import b64url_encode
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PrivateKey

KEY = PrivateKey.generate()


def test_critical_extension_alone_is_refused() -> None:
    with pytest.raises(VerificationError, match="critical") as caught:
        jws.verify(jws.sign({}, KEY, typ="x", crit=["exp"]), KEY.public_key, typ="x")
    assert caught.value.check is Check.SIGNATURE


def test_token_of_exactly_the_length_that_the_caller_allows_is_taken() -> None:
    token = jws.sign({"a": 1}, KEY, typ="x")
    assert jws.parse(token, max_chars=len(token)).token == token
    with pytest.raises(RequestError, match="longer"):
        jws.parse(token, max_chars=len(token) - 1)


@pytest.mark.parametrize("part", ["1", "{}", "[]"])
def test_header_of_exactly_as_many_parts_as_allowed_is_taken(part: str) -> None:
    # one for the header, one for the array
    parts = (jws.MAX_HEADER_PARTS - 1) // (1 if part == "1" else 2)
    for number, expected in ((parts, 1), (parts + 1, None)):
        header = b64url_encode(f'{{"a":[{",".join([part] * number)}]}}'.encode())
        if expected:
            assert jws.parse(f"{header}.e30.e30").header.keys() == {"a"}
        else:
            with pytest.raises(RequestError, match="parts"):
                jws.parse(f"{header}.e30.e30")


def kept(**header: Any) -> tuple[int, int]:
    """How many encoded headers are looked up and kept anew when this one is signed."""
    before = jws._kept_header.cache_info()
    prepared = jws.prepare({}, typ="x", **header)
    after = jws._kept_header.cache_info()
    head, _, _ = prepared.text.partition(".")
    expected = {"alg": "ES256", "typ": "x"} | {name: [*v] if name == "x5c" else v for name, v in header.items()}
    assert jws._parse_header(head) == expected
    return after.hits - before.hits, after.misses - before.misses


def test_header_of_an_issuer_is_encoded_once() -> None:
    jws._kept_header.cache_clear()
    chain = ("leaf", "anchor")
    assert [kept(x5c=chain), kept(x5c=chain)] == [(0, 1), (1, 0)]


@pytest.mark.parametrize(
    "header",
    [{}, {"kid": "1"}, {"x5c": ["leaf"]}, {"x5c": ("leaf",), "nonce": "1"}],
)
def test_header_that_changes_or_that_somebody_can_change_is_not_kept(header: dict[str, Any]) -> None:
    assert kept(**header) == (0, 0)
