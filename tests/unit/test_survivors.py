# SPDX-License-Identifier: EUPL-1.2
"""Which mutants count as harmless, and how docs/mutants.md is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.assurance.survivors import Survivor, make_survivor, read_explained

ORIGINAL = """\
def x_f__mutmut_orig(a, b):
    if a != b:
        raise wrong("code", f"expected {a}, got other")
    return g(zip(a, b, strict=True), a.encode("ascii"))
"""


def mutated(old: str, new: str) -> Survivor:
    assert old in ORIGINAL
    return make_survivor("f.py", "f", "f.x_f__mutmut_1", ORIGINAL, ORIGINAL.replace("orig", "1").replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('f"expected {a}, got other"', "None"),
        ("got other", "XXgot otherXX"),
        ('"ascii"', '"ASCII"'),
        ("strict=True", "strict=False"),
        (", strict=True", ", "),
    ],
)
def test_mutant_that_changes_words_or_a_second_guard_is_harmless(old: str, new: str) -> None:
    assert mutated(old, new).is_harmless


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"code"', "None"),
        ('"code"', '"CODE"'),
        ("a != b", "a == b"),
        ('raise wrong("code", f"expected {a}, got other")', "pass"),
        ("g(zip", "g(None, zip"),
        ("zip(a, b", "zip(a, a"),
        ('"ascii"', '"utf-8"'),
    ],
)
def test_mutant_that_changes_what_happens_is_not(old: str, new: str) -> None:
    assert not mutated(old, new).is_harmless


@pytest.mark.parametrize(("strict", "is_harmless"), [("True", False), ("None", True)])
def test_mutant_that_makes_a_lenient_zip_strict_is_not(strict: str, is_harmless: bool) -> None:
    lenient = ORIGINAL.replace("strict=True", "strict=False")
    changed = lenient.replace("strict=False", f"strict={strict}")
    assert make_survivor("f.py", "f", "n", lenient, changed).is_harmless is is_harmless


def test_survivor_goes_by_the_lines_it_changes() -> None:
    assert mutated("a != b", "a == b").change == ("- if a != b:", "+ if a == b:")


def test_document_explains_each_mutant_of_a_block(tmp_path: Path) -> None:
    document = tmp_path / "mutants.md"
    document.write_text(
        "## `f.py`\n\n### `f`\n\nWhy.\n\n```diff\n- a\n+ b\n\n- a\n+ c\n```\n\n### `K.g`\n\n```diff\n- a\n```\n"
    )
    assert list(read_explained(document)) == [
        Survivor("f.py", "f", ("- a", "+ b")),
        Survivor("f.py", "f", ("- a", "+ c")),
        Survivor("f.py", "K.g", ("- a",)),
    ]
