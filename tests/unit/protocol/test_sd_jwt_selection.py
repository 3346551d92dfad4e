# SPDX-License-Identifier: EUPL-1.2
"""SD-JWT: which disclosures a presentation needs (RFC 9901, section 7.2)."""

import json

import pytest

from protocol import jws, sd_jwt
from protocol.errors import Error, RequestError, VerificationError
from protocol.keys import PrivateKey
from protocol.sd_jwt import SelectionIndex, UnverifiedSDJWT, rebuild, select

KEY = PrivateKey.generate()
CLAIMS = {
    "iss": "x",
    "name": "Núria",
    "address": {"street": "Carrer Major 1", "geo": {"lat": 41, "lon": 2}, "country": "ES"},
    "plain": {"hidden": 1, "clear": 2},
    "list": ["a", {"b": 1, "c": 2}, ["x", "y"], "z"],
}
SELECTIVE = [
    ("name",),
    ("address",),
    ("address", "street"),
    ("address", "geo", "lat"),
    ("plain", "hidden"),
    ("list", 0),
    ("list", 1),
    ("list", 1, "b"),
    ("list", 2, 1),
]
ISSUED = sd_jwt.issue(CLAIMS, SELECTIVE, KEY, typ="dc+sd-jwt", decoys={(): 2, ("list",): 2, ("address", "geo"): 1})
INDEX = SelectionIndex.make(ISSUED)
CLEAR = {"iss": "x", "plain": {"clear": 2}, "list": [["x"], "z"]}


def shown(*paths, index=INDEX):
    parsed = UnverifiedSDJWT.parse(select(ISSUED, index, paths))
    return rebuild(parsed.issuer_jwt.claims(), parsed.disclosures)


def test_index_knows_what_is_disclosed_and_what_is_in_the_clear():
    assert set(INDEX.disclosed) == set(SELECTIVE)
    assert INDEX.clear == {("iss",), ("plain", "clear"), ("list", 2, 0), ("list", 3)}


def test_credential_without_disclosures_is_in_the_clear_whole():
    text = sd_jwt.issue({"iss": "x", "a": {"b": [1]}}, [], KEY, typ="dc+sd-jwt")
    index = SelectionIndex.make(text)
    assert (index.disclosed, index.clear) == ((), {("iss",), ("a",)})
    assert select(text, index, [("a", "b", 0), ("iss",)]) == text
    empty = sd_jwt.issue({}, [], KEY, typ="dc+sd-jwt")
    assert SelectionIndex.make(empty).clear == set()


@pytest.mark.parametrize(
    ("paths", "more"),
    [
        ([], {}),
        ([("iss",), ("plain", "clear"), ("list", 3), ("list", 2, 0)], {}),
        ([("name",)], {"name": "Núria"}),
        ([("name",), ("name",)], {"name": "Núria"}),
        # a parent brings what is inside, a child its parents
        ([("address",)], {"address": CLAIMS["address"]}),
        ([("address", "street")], {"address": {"street": "Carrer Major 1", "geo": {"lon": 2}, "country": "ES"}}),
        ([("address", "country")], {"address": {"geo": {"lon": 2}, "country": "ES"}}),
        ([("address", "geo")], {"address": {"geo": {"lat": 41, "lon": 2}, "country": "ES"}}),
        ([("address", "geo", "lon")], {"address": {"geo": {"lon": 2}, "country": "ES"}}),
        ([("plain",)], {"plain": CLAIMS["plain"]}),
        ([("plain", "hidden")], {"plain": CLAIMS["plain"]}),
        ([("list", 0)], {"list": ["a", ["x"], "z"]}),
        ([("list", 1)], {"list": [{"b": 1, "c": 2}, ["x"], "z"]}),
        ([("list", 1, "c")], {"list": [{"c": 2}, ["x"], "z"]}),
        ([("list", 2)], {"list": [["x", "y"], "z"]}),
        ([("list",)], {"list": CLAIMS["list"]}),
    ],
)
def test_selected_paths_are_shown_with_what_they_need_and_nothing_else(paths, more):
    assert shown(*paths) == CLEAR | more
    assert shown(*paths, index=SelectionIndex.parse(json.loads(json.dumps(INDEX.to_json())))) == CLEAR | more


def test_everything_selected_is_the_credential_as_it_was_issued():
    assert select(ISSUED, INDEX, [(name,) for name in CLAIMS]) == ISSUED


@pytest.mark.parametrize(
    "path", [(), ("nobody",), ("plain", "nobody"), ("list", 4), ("list", -1), ("list", 2, 7), ("plain", 0)]
)
def test_path_that_the_credential_does_not_have_is_refused(path):
    with pytest.raises(RequestError, match="no claim at a path"):
        select(ISSUED, INDEX, [("name",), path])


def test_index_of_another_text_is_refused():
    for text in (ISSUED + "x", ISSUED[:-1], ""):
        with pytest.raises(RequestError, match="index of this credential"):
            select(text, INDEX, [("name",)])


def test_index_holds_no_value_of_a_claim():
    assert not any(word in json.dumps(INDEX.to_json()) for word in ("Carrer", "ria", "41"))
    assert SelectionIndex.parse(INDEX.to_json()) == INDEX


def test_index_of_a_credential_that_does_not_hold_together_is_not_made():
    token, *disclosures = ISSUED.split("~")
    with pytest.raises(VerificationError):
        SelectionIndex.make("~".join([token, disclosures[0], *disclosures]))
    with pytest.raises(RequestError):
        SelectionIndex.make(token)


@pytest.mark.parametrize(
    "change",
    [
        {"chars": "1"},
        {"chars": None},
        {"token_chars": True},
        {"spans": None},
        {"spans": []},
        {"spans": [[1, 2, 3]] * 9},
        {"spans": [[0, 2]] * 9},
        {"spans": [[3, 2]] * 9},
        {"spans": [[3, 3]] * 9},
        {"spans": [[1, "2"]] * 9},
        {"spans": [[1, jws.MAX_TOKEN_CHARS + 1]] * 9},
        {"spans": [None] * 9},
        {"disclosed": "x"},
        {"disclosed": [[]] * 9},
        {"disclosed": [None] * 9},
        {"disclosed": [[1.5]] * 9},
        {"disclosed": [[True]] * 9},
        {"disclosed": [["a", None]] * 9},
        {"disclosed": [["a"] * (sd_jwt.MAX_DEPTH + 2)] * 9},
        {"clear": {}},
        {"clear": [["a", []]]},
    ],
)
def test_index_of_another_shape_is_refused(change):
    with pytest.raises(Error):
        SelectionIndex.parse({**INDEX.to_json(), **change})


def test_index_at_its_limits_is_read_and_over_them_refused():
    def index(number):
        paths = [["a"] * (sd_jwt.MAX_DEPTH + 1), *([f"n{n}"] for n in range(number - 1))]
        return {
            "chars": 9,
            "token_chars": 1,
            "spans": [[1, jws.MAX_TOKEN_CHARS]] * number,
            "disclosed": paths,
            "clear": [],
        }

    assert len(SelectionIndex.parse(index(sd_jwt.MAX_DISCLOSURES)).disclosed) == sd_jwt.MAX_DISCLOSURES
    with pytest.raises(RequestError, match="at most 512"):
        SelectionIndex.parse(index(sd_jwt.MAX_DISCLOSURES + 1))
