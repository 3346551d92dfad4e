# SPDX-License-Identifier: EUPL-1.2
"""The auditors' pages have words for everything that can come out of a check."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

import ledger
from ledger.case import Timeliness
from ledger.cli import audit_command
from ledger.findings import Finding, KeyDoubt, KeyReason, Level, Outcome, doubted
from ledger.routes import case_sentences, words
from ledger.self_audit import OwnReport
from ledger.values import AnchorState
from verifier.legal import GROUND_SENTENCES
from wallet.consent import LEGAL_TERMS


def test_each_level_has_a_name_and_a_meaning():
    assert set(words.LEVEL_NAMES) == set(words.LEVEL_MEANINGS) == set(Level)


def test_pages_promise_no_more_than_audit_and_consensus_do_and_call_a_file_one_thing():
    pages = Path(ledger.__file__).parent
    audit, state = (
        (pages / "templates" / "ledger" / f"{name}.html").read_text("utf-8") for name in ("audit", "state")
    )
    assert "0: holds. Every check that counts was made and passed; the lines say what was assumed." in audit
    # docs/adr/0013: whoever seals two blocks of one height
    assert "more than a third of them would have to seal twice" in state
    spanish = (pages / "translations" / "es" / "messages.po").read_text("utf-8")
    pairs = re.findall(r'^msgid "(.*)"\nmsgstr "(.*)"$', spanish, re.MULTILINE)
    assert [given for said, given in pairs if re.search(r"\bfiles?\b", said) and "archivo" in given] == []


@pytest.mark.parametrize(
    ("delay", "language", "shown"),
    [(0.44, "en", "0.4 s"), (0.44, "ca", "0,4 s"), (9.96, "es", "10 s"), (1234.4, "en", "1,234 s")],
)
def test_delay_is_written_as_the_language_does(delay, language, shown):
    app = Flask(__name__)
    app.extensions["testimoni.catalogues"] = ("protocol.runtime", "ledger")
    with app.test_request_context(f"/?lang={language}"):
        assert words.seconds(timedelta(seconds=delay)) == shown


@pytest.mark.parametrize("reason", KeyReason)
@pytest.mark.parametrize("is_certain", [True, False])
@pytest.mark.parametrize(
    ("language", "day"), [("en", "4 May 2026"), ("ca", "4 de maig 2026"), ("es", "4 may 2026")]
)
def test_key_whose_days_are_against_a_signature_is_named_with_day_and_reason(reason, is_certain, language, day):
    app = Flask(__name__)
    app.extensions["testimoni.catalogues"] = ("protocol.runtime", "ledger")
    doubt = KeyDoubt(
        "V8pqtXJNQbw7nLb3ODBu6kVC2tLvOo9kE6oknlNJdgc", reason, datetime(2026, 5, 4, 9, tzinfo=UTC), is_certain
    )
    with app.test_request_context(f"/?lang={language}"):
        row = words.row(doubted(Level.COUNTERSIGNED, doubt))
        usual = words.row(Finding(Level.COUNTERSIGNED, Outcome.COULD_NOT_TELL, ""))
    assert row["outcome"] == ("violated" if is_certain else "could-not-tell")
    assert "V8pqtXJN…" in row["detail"]
    assert day in row["detail"]
    assert row["detail"] != usual["detail"]
    assert language == "en" or "The office" not in row["detail"]


def test_each_anchor_that_is_shown_has_a_kind():
    assert set(AnchorState) - set(words.ANCHOR_KINDS) == {AnchorState.ABANDONED, AnchorState.FAILED}


def test_each_way_to_stand_to_the_term_has_a_sentence():
    assert set(case_sentences.TIME_SENTENCES) == set(Timeliness)


def test_statement_knows_each_legal_ground_of_offices_and_each_basis_of_wallets():
    assert set(case_sentences.GROUND_SENTENCES) == set(GROUND_SENTENCES)
    assert set(case_sentences.BASIS_SENTENCES) >= set(LEGAL_TERMS.values())


def test_own_report_has_the_members_of_the_commands_report(capsys):
    audit_command(["--ledger", "http://127.0.0.1:9", "--chain", "http://127.0.0.1:9", "--json"])
    command = json.loads(capsys.readouterr().out)
    finding = Finding(Level.TRUST, Outcome.ASSUMED, "x", counts=False)
    own = OwnReport("a/b", 8, datetime(2026, 11, 21, tzinfo=UTC), (finding,)).to_json()
    assert set(own) == {*command, "made_at"}
    assert own["result"] == "could not tell"
