# SPDX-License-Identifier: EUPL-1.2
"""Status lists of every width survive packing, and no bytes make a parser raise anything but an `Error`."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from protocol import status_list
from protocol.encoding import b64url_encode
from protocol.errors import Error
from protocol.status_entries import BITS, MutableStatusList, StatusList, decode
from protocol.status_list import StatusReference

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@st.composite
def statuses(draw: st.DrawFn) -> tuple[int, list[int]]:
    bits = draw(st.sampled_from(BITS))
    return bits, draw(st.lists(st.integers(0, (1 << bits) - 1), min_size=1, max_size=200))


@given(statuses())
def test_round_trip(given_statuses: tuple[int, list[int]]) -> None:
    bits, values = given_statuses
    made = MutableStatusList.make(bits, len(values))
    for index, value in enumerate(values):
        made.set(index, value)
    again = decode(made.encode(), bits)
    assert [again.get(index) for index in range(len(values))] == values
    assert not any(again.get(index) for index in range(len(values), again.size))
    assert again.packed == made.packed


@given(st.sampled_from(BITS), st.binary(min_size=1, max_size=300))
def test_packed_bytes_round_trip(bits: int, data: bytes) -> None:
    made = StatusList(bits, data)
    whole = sum(made.get(index) << index * bits for index in range(made.size))
    assert whole == int.from_bytes(data, "little")


@given(st.binary(max_size=200), st.integers())
def test_decode_raises_nothing_but_errors(data: bytes, bits: int) -> None:
    for text in (b64url_encode(data), data.decode("latin-1")):
        with suppress(Error):
            decode(text, bits)


@given(ANY_JSON | st.fixed_dictionaries({"status_list": ANY_JSON}))
def test_reference_raises_nothing_but_errors(claim: Any) -> None:
    with suppress(Error):
        StatusReference.parse(claim)


@given(st.binary() | ANY_JSON.map(lambda v: json.dumps({"status_lists": v}).encode()))
def test_aggregation_raises_nothing_but_errors(data: bytes) -> None:
    with suppress(Error):
        status_list.parse_aggregation(data)
