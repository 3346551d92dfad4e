# SPDX-License-Identifier: EUPL-1.2
"""The page on queries says every rule and every piece of advice in the words of the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.dcql import Advice, Rule

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")


@pytest.mark.parametrize("rule", Rule)
def test_rules_when_there_is_one_then_the_page_explains_it(rule: Rule) -> None:
    assert f"| `{rule.code}` | {rule.explanation} | {rule.section or 'ours'} |" in PAGE


@pytest.mark.parametrize("advice", Advice)
def test_advice_when_there_is_one_then_the_page_explains_it(advice: Advice) -> None:
    assert f"| `{advice.code}` | {advice.explanation} | {advice.hint} |" in PAGE
