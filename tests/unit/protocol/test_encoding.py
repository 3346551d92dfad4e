# SPDX-License-Identifier: EUPL-1.2
import contextlib
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import encoding
from protocol.errors import Error, RequestError


@given(st.binary(max_size=200))
def test_b64url_round_trips(data):
    assert encoding.b64url_decode(encoding.b64url_encode(data)) == data


@pytest.mark.parametrize("text", ["AA==", "A", "AB", "+_", "/-", "A A", "é", "AAA\n"])
def test_b64url_decode_when_not_canonical_is_refused(text):
    with pytest.raises(RequestError):
        encoding.b64url_decode(text)


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_parse_json_raises_nothing_but_error(data):
    with contextlib.suppress(Error):
        encoding.parse_json(data)


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', "NaN", "[Infinity]", "{", "", '"\\ud800"', b"\xff", '{"a":{"b":1,"b":1}}']
)
def test_parse_json_when_not_interoperable_is_refused(text):
    with pytest.raises(RequestError):
        encoding.canonical_json(encoding.parse_json(text))


@pytest.mark.parametrize("text", ['"\\ud800"', '{"\\udfff":1}', '["\\uD83D"]', '{"a":{"b":"\\ud800x"}}'])
def test_parse_json_when_an_escape_spells_half_a_character_is_refused(text):
    with pytest.raises(RequestError):
        encoding.parse_json(text)


def test_parse_json_takes_a_whole_character_spelt_as_two_escapes():
    assert encoding.parse_json('"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


@pytest.mark.parametrize("text", ["1e999", "[-1e400]", "1" * 5000])
def test_parse_json_when_a_number_is_out_of_range_is_refused(text):
    with pytest.raises(RequestError):
        encoding.parse_json(text)


@dataclass
class _Point:
    x: int


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES)
def test_both_ways_of_reading_json_give_the_same_value(value):
    for separators in ((",", ":"), (", ", ": ")):
        text = json.dumps(value, ensure_ascii=False, separators=separators)
        # `repr` tells 1 from 1.0 and 0.0 from -0.0
        assert (
            repr(encoding.parse_json(text)) == repr(encoding.parse_json(text.encode())) == repr(json.loads(text))
        )


@pytest.mark.parametrize(
    "text",
    ["18446744073709551615", "18446744073709551616", "-9223372036854775809", "1e16", "-0", "-0.0", "5e-324"],
)
def test_parse_json_keeps_numbers_exactly(text):
    assert repr(encoding.parse_json(text)) == repr(json.loads(text))


@given(_VALUES)
def test_compact_json_is_read_as_it_was_written(value):
    assert repr(json.loads(encoding.compact_json(value))) == repr(value)


@given(st.lists(_VALUES, max_size=4))
def test_compact_json_of_each_is_the_same_as_one_by_one(values):
    assert encoding.compact_json_each(values) == [encoding.compact_json(value) for value in values]


@pytest.mark.parametrize("value", [float("nan"), {1, 2}])
def test_compact_json_of_each_refuses_what_compact_json_refuses(value):
    with pytest.raises((TypeError, ValueError)):
        encoding.compact_json_each(["a", value])


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": -float("inf"), "b": None}])
def test_compact_json_when_a_number_is_none_is_refused(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        encoding.compact_json(value)


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", datetime(2026, 1, 1, tzinfo=UTC), _Point(1), "\ud800"])
def test_compact_json_when_a_value_is_no_json_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        encoding.compact_json(value)


def test_parse_json_depth_is_bounded_at_and_over_the_limit():
    deep = encoding.MAX_JSON_DEPTH
    encoding.parse_json("[" * deep + "]" * deep)
    with pytest.raises(RequestError, match="deeper"):
        encoding.parse_json("[" * (deep + 1) + "]" * (deep + 1))


def test_parse_json_size_is_bounded_at_and_over_the_limit():
    encoding.parse_json('"aaaa"', max_bytes=6)
    with pytest.raises(RequestError, match="longer"):
        encoding.parse_json('"aaaaa"', max_bytes=6)
    # bytes, not characters
    with pytest.raises(RequestError, match="longer"):
        encoding.parse_json('"aaaç"', max_bytes=6)


def test_brackets_in_strings_do_not_count_as_depth():
    assert encoding.parse_json('"' + "[" * 100 + '\\"{"') == "[" * 100 + '"{'


def test_looking_for_depth_takes_time_in_proportion_to_the_text():
    # each quote opens a string that never ends: tried anew at every quote, this would take minutes
    text = b"[" * (encoding.MAX_JSON_DEPTH + 1) + b'"' + b'\\"' * 200_000 + b"\\"
    before = time.process_time()
    with pytest.raises(RequestError, match="deeper"):
        encoding.parse_json(text)
    assert time.process_time() - before < 5


def test_get_member_when_boolean_is_no_integer():
    with pytest.raises(RequestError, match="expected n to be int, got bool"):
        encoding.get_member({"n": True}, "n", int)


def test_find_member_when_absent_is_none_and_when_wrong_is_refused():
    assert encoding.find_member({}, "n", str) is None
    with pytest.raises(RequestError):
        encoding.find_member({"n": None}, "n", str)


def test_json_at_the_longest_is_taken_and_one_byte_more_is_refused():
    longest = b'"' + b"a" * (encoding.MAX_JSON_BYTES - 2) + b'"'
    assert encoding.parse_json(longest) == "a" * (encoding.MAX_JSON_BYTES - 2)
    with pytest.raises(RequestError, match="longer"):
        encoding.parse_json(longest + b" ")
