# SPDX-License-Identifier: EUPL-1.2
"""The codes by which the linter's output and the documents name rules and advice."""

from __future__ import annotations

import re

from protocol.dcql import Advice, Rule


def test_codes_are_small_words_with_hyphens_and_each_is_one() -> None:
    codes = [each.code for each in (*Rule, *Advice)]
    assert len(set(codes)) == len(codes)
    assert not [code for code in codes if not re.fullmatch(r"[a-z]+(-[a-z]+)*", code)]
    assert (Rule.CREDENTIAL_ID_TWICE.code, Advice.WHOLE_OBJECT.code) == ("credential-id-twice", "whole-object")
