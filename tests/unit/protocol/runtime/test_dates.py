# SPDX-License-Identifier: EUPL-1.2
"""Dates of the wire in the words of each language."""

from __future__ import annotations

import pytest
from flask import Flask

from protocol.runtime.dates import written_date


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("ca", "2026-11-21", "21 de novembre del 2026"),
        ("es", "2017-06", "junio de 2017"),
        ("en", "2017-06", "June 2017"),
        ("ca", "2017-13", "2017-13"),
        ("ca", "2017", "2017"),
        ("ca", "Grau en Biologia", "Grau en Biologia"),
    ],
)
def test_written_date_says_days_and_months_in_words_and_leaves_other_text(language, text, words):
    with Flask(__name__).test_request_context(f"/?lang={language}"):
        assert written_date(text) == words
