# SPDX-License-Identifier: EUPL-1.2
"""`testimoni lint-query`: what it prints, what it answers to a shell, what it refuses to read."""

from __future__ import annotations

import io
import json
import sys

import pytest

from testimoni import cli
from testimoni.lint_query import MAX_QUERY_BYTES
from tests.fakes.dcql_queries import asking, credential, query

BROKEN = query(credential("se cret", claims=[]))


@pytest.fixture
def run(monkeypatch, capsys):
    """Give the command a query on standard input; return its status and what it printed."""

    def give(text, *arguments, file="-"):
        raw = text if isinstance(text, str) else json.dumps(text)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw.encode())))
        monkeypatch.setattr(sys, "argv", ["testimoni", "lint-query", *arguments, file])
        status = cli.main()
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return give


def test_query_without_fault_says_how_much_it_asks(run):
    assert run(asking(["degree_title"], ["given_name"])) == (
        0,
        "This query is valid. It asks for at most 2 claims of 1 document; 1 says who the person is.\n",
        "",
    )
    assert "1 claim of 1 document; 0 say who" in run(asking(["degree_title"]))[1]


def test_advice_is_printed_and_is_no_failure(run):
    status, said, _ = run(asking(["birth_date"]))
    assert status == 0
    assert "\ncredentials[0].claims[0]: the day of birth is asked for\n  if you need an age limit" in said


def test_broken_rules_are_printed_with_their_section_and_fail(run):
    status, said, _ = run(BROKEN)
    assert status == 1
    assert said.startswith("This query is not valid: 2 broken rules.\n")
    assert "credentials[0].id: each credential has an id" in said
    assert "(OpenID4VP 1.0, section 6.1)\n  give each credential" in said
    assert "se cret" not in said
    assert run([])[1].splitlines()[0::2] == [
        "This query is not valid: 1 broken rule.",
        "the query: a query is a JSON object (OpenID4VP 1.0, section 6)",
    ]


def test_bound_of_ours_is_called_that(run):
    status, said, _ = run(asking(["a"] * 99))
    assert (status, "(a limit of this program)" in said) == (1, True)


def test_report_for_programs_holds_the_same(run):
    status, said, _ = run(asking(["birth_date"]), "--json")
    report = json.loads(said)
    assert (status, report["valid"]) == (0, True)
    assert report["score"] == {"credentials": 1, "claims": 1, "identifying": 1}
    assert [each["code"] for each in report["findings"]] == ["birth-date"]
    status, said, _ = run(BROKEN, "--json")
    report = json.loads(said)
    assert (status, report["valid"], report["score"]) == (1, False, None)
    assert [each["code"] for each in report["findings"]] == ["credential-id", "claims"]


def test_query_is_read_from_a_file(run, tmp_path):
    file = tmp_path / "query.json"
    file.write_text(json.dumps(asking(["a"])))
    assert run("", file=str(file))[0] == 0
    status, _, error = run("", file=str(tmp_path / "none.json"))
    assert (status, error) == (1, "testimoni lint-query: the query cannot be read (invalid_file)\n")


@pytest.mark.parametrize("text", ["", "{", '{"a": 1, "a": 2}', "[" * 99, '"\\ud800"'])
def test_text_that_is_no_json_is_refused(run, text):
    status, said, error = run(text)
    assert (status, said) == (1, "")
    assert error.endswith("(invalid_request)\n")


def test_file_is_read_up_to_its_limit(run):
    text = json.dumps(asking(["a"]))
    assert run(text + " " * (MAX_QUERY_BYTES - len(text)))[0] == 0
    status, _, error = run(text + " " * (MAX_QUERY_BYTES - len(text) + 1))
    assert (status, "JSON longer than" in error) == (1, True)
