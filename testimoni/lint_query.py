# SPDX-License-Identifier: EUPL-1.2
"""`testimoni lint-query`: what is wrong with a DCQL query, how it could ask for less, and how much it asks for.

Exit status 0 when the query is valid (advice or not), 1 when it breaks a rule or cannot be read. Nothing that
stands in the query is printed, only places in it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from protocol.dcql import Finding, Query, Rule, Score, lint, measure
from protocol.encoding import JSON, parse_json
from protocol.errors import RequestError

STANDARD_INPUT = "-"
# a query within all bounds of the language is far smaller
MAX_QUERY_BYTES = 64 * 1024


def run(file: str, *, as_json: bool) -> int:
    """Print the findings and return the exit status. Raises `RequestError` when there is no JSON to be read."""
    value = parse_json(_read(file), max_bytes=MAX_QUERY_BYTES)
    findings = lint(value)
    is_valid = not any(each.is_broken for each in findings)
    score = measure(Query.parse(value)) if is_valid else None
    if as_json:
        report: dict[str, JSON] = {
            "valid": is_valid,
            "findings": [each.to_json() for each in findings],
            "score": None if score is None else score.to_json(),
        }
        print(json.dumps(report, indent=2))
    else:
        print("\n".join(_lines(findings, score)))
    return 0 if is_valid else 1


def _read(file: str) -> bytes:
    try:
        if file == STANDARD_INPUT:
            return sys.stdin.buffer.read(MAX_QUERY_BYTES + 1)
        with Path(file).open("rb") as opened:
            return opened.read(MAX_QUERY_BYTES + 1)
    except OSError as exc:
        raise RequestError("invalid_file", "the query cannot be read") from exc


def _lines(findings: list[Finding], score: Score | None) -> Iterator[str]:
    if score is None:
        yield f"This query is not valid: {_count(len(findings), 'broken rule')}."
    else:
        shown = f"{_count(score.claims, 'claim')} of {_count(score.credentials, 'document')}"
        say = "says" if score.identifying == 1 else "say"
        yield f"This query is valid. It asks for at most {shown}; {score.identifying} {say} who the person is."
    for each in findings:
        yield ""
        yield f"{each.where or 'the query'}: {each.what.explanation}{_source(each)}"
        yield f"  {each.what.hint}"


def _source(finding: Finding) -> str:
    if not isinstance(finding.what, Rule):
        return ""
    section = finding.what.section
    return f" (OpenID4VP 1.0, section {section})" if section else " (a limit of this program)"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
