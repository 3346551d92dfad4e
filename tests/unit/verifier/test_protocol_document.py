# SPDX-License-Identifier: EUPL-1.2
"""docs/protocol.md says what the code does: the checks in their order, the codes, the texts for people."""

from __future__ import annotations

import re
from pathlib import Path

from ledger import receipt
from protocol.errors import Check
from verifier.checklist import CheckState
from verifier.report import CHECK_SENTENCES, CLERK_SENTENCES, REMEDY_SENTENCES, Outcome, new_reference
from verifier.withdrawals import Withdrawals

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "protocol.md").read_text("utf-8")


def test_document_when_it_numbers_the_checks_then_in_the_order_of_the_pipeline() -> None:
    assert re.findall(r"^\| (\d+) \| `([a-z-]+)` \|", DOCUMENT, re.MULTILINE) == [
        (str(number), check.value) for number, check in enumerate(Check, start=1)
    ]


def test_pipeline_when_read_then_its_comments_have_the_same_numbers() -> None:
    source = (ROOT / "verifier" / "verification.py").read_text("utf-8")
    body = source[source.index("def verify(") : source.index("def _check_status(")]
    found = {(int(number), name) for number, name in re.findall(r"# \((\d+)\) ([a-z ]+?)(?::|\n)", body)}
    assert found == {(number, check.value.replace("-", " ")) for number, check in enumerate(Check, start=1)}
    # and each is run under its own name, in this order
    ran = re.findall(r"# \((\d+)\)[^\n]*\n(?: +if [^\n]*\n)? +steps.begin\(Check.([A-Z_]+)\)", body)
    assert {(int(number), Check[name].value.replace("-", " ")) for number, name in ran} == found


def test_document_when_it_lists_the_receipt_check_then_with_every_code() -> None:
    codes = [
        "receipt_missing",
        receipt.NOT_CANONICAL,
        receipt.COMMITMENT,
        receipt.PROMISE,
        receipt.REQUEST,
        receipt.PARTY,
        receipt.CLAIMS,
        receipt.SIGNATURE,
        receipt.BINDING,
        "receipt_replayed",
    ]
    assert re.findall(r"^\| \d \|.*\| `(receipt_[a-z_]+)` \|$", DOCUMENT, re.MULTILINE) == codes


def test_withdrawals_when_read_then_their_steps_are_numbered_as_documented() -> None:
    source = (ROOT / "verifier" / "withdrawals.py").read_text("utf-8")
    assert re.findall(r"# \((\d)\) ", source) == ["1", "2", "3", "4", "5"]
    assert Withdrawals.receive.__doc__


def test_texts_when_a_check_fails_then_each_has_name_sentence_and_remedy() -> None:
    for texts in (CHECK_SENTENCES, CLERK_SENTENCES, REMEDY_SENTENCES):
        assert list(texts) == [check.value for check in Check]


def test_outcome_when_written_and_read_then_the_same() -> None:
    outcome = Outcome(
        is_accepted=False,
        reference="2026-AAAA-BBBB",
        next_step={"ca": "a"},
        due=None,
        failed_check=Check.QUERY,
        remedy={"ca": "b"},
        checklist=dict.fromkeys(Check, CheckState.NOT_RUN),
    )
    assert Outcome.parse(outcome.to_json()) == outcome


def test_reference_when_made_then_short_sayable_and_fresh() -> None:
    from protocol.clock import from_epoch

    made = {new_reference(from_epoch(1795255200)) for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"2026-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", each) for each in made)
