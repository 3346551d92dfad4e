# SPDX-License-Identifier: EUPL-1.2
"""Where a problem is said to be, and paths that name nothing or overlap."""

from __future__ import annotations

import pytest

from protocol.dcql import (
    MAX_CREDENTIALS,
    MAX_ID_CHARS,
    MAX_TEXT_CHARS,
    MAX_VALUES,
    Advice,
    Query,
    Rule,
    RuleError,
    is_asked,
    lint,
)
from tests.fakes.dcql_queries import asking, credential, query

LONG = "x" * (MAX_TEXT_CHARS + 1)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (query(credential("x" * (MAX_ID_CHARS + 1))), "credentials[0].id"),
        (query(credential(format=LONG)), "credentials[0].format"),
        (query(*[credential(f"c{number}") for number in range(MAX_CREDENTIALS + 1)]), "credentials"),
        (query(credential(meta={"vct_values": ["a"] * (MAX_VALUES + 1)})), "credentials[0].meta.vct_values"),
        (query(credential(meta={"vct_values": ["a", LONG]})), "credentials[0].meta.vct_values[1]"),
        (
            query(credential(trusted_authorities=[{"type": "aki", "values": [LONG]}])),
            "credentials[0].trusted_authorities[0].values[0]",
        ),
    ],
)
def test_what_is_too_long_is_named_by_its_place(value, where):
    with pytest.raises(RuleError) as caught:
        Query.parse(value)
    assert (caught.value.rule, caught.value.where) == (Rule.SIZE, where)


@pytest.mark.parametrize("path", [[None], [0], [None, 3]])
def test_linter_says_of_a_path_without_a_name_only_that_it_matches_nothing(path):
    assert [(each.what, each.where) for each in lint(asking(path))] == [
        (Advice.NEVER_MATCHES, "credentials[0].claims[0].path")
    ]


def test_element_of_a_list_that_is_asked_as_a_whole_and_by_position_is_asked():
    # the longer path must not be read past the end of the shorter one
    (asked,) = Query.parse(asking(["a"], ["a", 0])).credentials
    assert is_asked([("a",), ("a", 0), ("a", 1)], asked, {"a": ["x", "y"]})
