# SPDX-License-Identifier: EUPL-1.2
"""Text of others on a terminal: it is shown, and does nothing."""

from __future__ import annotations

import json

import pytest

from ledger import monitor_command
from ledger.cli import _report
from ledger.findings import Level, could_not_tell, violated
from ledger.look import LogReport
from ledger.terminal import printable

HOSTILE = "x\x1b[2J\x1b[H\nHOLDS\x9b8m\u202e\u2028\x7f\U000e0041\ud800"
SPELLED = r"x\u001b[2J\u001b[H\u000aHOLDS\u009b8m\u202e\u2028\u007f\udb40\udc41\ud800"


@pytest.mark.parametrize("text", ["", "Dades · l·l — ñ 10 000 €", "日本 😀"])
def test_text_that_prints_stays(text):
    assert printable(text) == text


def test_characters_that_do_not_print_are_spelled_out():
    assert printable(HOSTILE) == SPELLED


def test_line_of_json_says_the_same():
    line = printable(json.dumps({"detail": HOSTILE}, ensure_ascii=False))
    assert line.isprintable()
    assert json.loads(line) == {"detail": HOSTILE}


@pytest.mark.parametrize("as_json", [True, False])
def test_reports_print_no_control_character_of_others(capsys, as_json):
    found = (violated(Level.CHECKPOINT, HOSTILE), could_not_tell(Level.ANCHORED, HOSTILE))
    monitor_command._print_report(LogReport(HOSTILE, HOSTILE, findings=[*found]), as_json=as_json)
    _report(HOSTILE, found, [found], as_json=as_json)
    said = capsys.readouterr()
    assert (SPELLED.replace(r"\u000a", r"\n") if as_json else SPELLED) in said.out
    assert SPELLED in said.err
    assert all(line.isprintable() for line in (said.out + said.err).split("\n"))
