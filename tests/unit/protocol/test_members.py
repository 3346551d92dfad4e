# SPDX-License-Identifier: EUPL-1.2
"""Members of messages: each shape at and over its limit, always under the caller's code."""

from __future__ import annotations

import pytest

from protocol import members
from protocol.clock import from_epoch
from protocol.errors import RequestError

LONGEST = "https://a.example/" + "x" * (members.MAX_URL_CHARS - 18)


def code_of(call, *args, **kwargs):
    with pytest.raises(RequestError) as caught:
        call(*args, code="some_code", **kwargs)
    assert caught.value.code == "some_code"
    return caught.value.message


@pytest.mark.parametrize("value", [{}, {"a": ""}, {"a": 1}, {"a": None}])
def test_text_that_is_none_is_refused(value):
    code_of(members.get_text, value, "a")


@pytest.mark.parametrize("value", [{"a": ""}, {"a": 1}, {"a": None}])
def test_optional_text_is_absent_or_right(value):
    assert members.find_text({}, "a", code="some_code") is None
    assert members.find_text({"a": "b"}, "a", code="some_code") == "b"
    code_of(members.find_text, value, "a")


def test_flag_is_a_boolean_or_its_default():
    assert members.get_flag({"a": True}, "a", code="c") is True
    assert members.get_flag({}, "a", code="c", default=False) is False
    code_of(members.get_flag, {}, "a")
    code_of(members.get_flag, {"a": 1}, "a", default=True)


@pytest.mark.parametrize("value", [1, 4, True, "2", None])
def test_number_out_of_bounds_is_refused(value):
    assert members.find_number({}, "a", low=2, high=3, code="c") is None
    assert [members.find_number({"a": n}, "a", low=2, high=3, code="c") for n in (2, 3)] == [2, 3]
    code_of(members.get_number, {"a": value}, "a", low=2, high=3)


@pytest.mark.parametrize("value", [-1, True, "1", None, 253_402_300_800, 1e300])
def test_moment_that_no_calendar_has_is_refused(value):
    code_of(members.get_moment, {"a": value}, "a")


@pytest.mark.parametrize("value", [0, 1.5, 253_402_300_799])
def test_moment_that_a_calendar_has_is_read(value):
    assert members.find_moment({"a": value}, "a", code="c") == from_epoch(value)
    assert members.find_moment({}, "a", code="c") is None


def test_texts_at_the_limit_are_read_and_one_more_refused():
    many = [str(n) for n in range(members.MAX_ITEMS)]
    assert members.find_texts({"a": many}, "a", code="c") == tuple(many)
    assert members.find_texts({}, "a", code="c") == ()
    assert "1 to 256" in code_of(members.get_texts, {"a": [*many, "x"]}, "a")


@pytest.mark.parametrize("items", [[], ["a", "a"], ["a", 1], [""], [["a"]]])
def test_texts_that_are_not_distinct_texts_are_refused(items):
    code_of(members.get_texts, {"a": items}, "a")


@pytest.mark.parametrize("items", [[], [1], [{}, []], None])
def test_objects_that_are_none_are_refused(items):
    assert members.find_objects({}, "a", code="c") == ()
    assert members.find_objects({"a": [{}]}, "a", code="c") == ({},)
    code_of(members.get_objects, {"a": items}, "a")


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example",
        "https://a.example:8443/p?q",
        "http://localhost:8101/x",
        "http://127.0.0.9",
        "http://[::1]/",
        "http://issuer.localhost",
        LONGEST,
    ],
)
def test_url_that_is_right_is_kept_as_written(url):
    assert members.find_url({"a": url}, "a", code="c") == url
    assert members.find_url({}, "a", code="c") is None


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example",
        "http://10.0.0.1",
        "ftp://localhost",
        "https:///p",
        "https://u@a.example",
        "//a.example",
        "https://a.example/#f",
        "https://a.example#",
        "https://a.example:x",
        "https://[::1",
        "https://a.example/\n",
        "https://a.example/ b",
        "https://à.example",
        LONGEST + "x",
        "",
        "javascript:alert(1)",
    ],
)
def test_url_that_is_wrong_is_refused(url):
    code_of(members.get_url, {"a": url}, "a")


def test_identifier_has_no_query():
    members.check_identifier("https://a.example/b", "a", code="c")
    code_of(members.check_identifier, "https://a.example/b?", "a")


def test_parameter_given_twice_is_refused_and_an_empty_one_absent():
    assert members.get_single({"a": ["1"], "b": [""]}, code="c") == {"a": "1"}
    code_of(members.get_single, {"a": ["1", "2"]})
    code_of(members.get_single, {"a": []})


@pytest.mark.parametrize("header", ["application/json", " Application/JSON ; charset=utf-8"])
def test_media_type_is_read_without_parameters(header):
    assert members.media_type(header) == "application/json"
