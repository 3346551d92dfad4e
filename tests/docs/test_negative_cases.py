# SPDX-License-Identifier: EUPL-1.2
"""The list of what must be refused and the tests that show it agree: no number without a test, no unknown number.

Marks are read from the source, so that a run of a few tests finds as much as a run of all.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "negative-cases.md"
EXTERNAL = "tests/vectors/external/"
# how many cases each party has; numbers are never given away again
LETTERS = {"I": 45, "W": 31, "V": 30, "S": 23, "T": 15}
WORDS = frozenset({"service", "library", "not offered", "out of scope"})
_ROW = re.compile(r"^\| ([A-Z]\d+) \|(.*)\|$", re.MULTILINE)


def _rows() -> list[tuple[str, list[str]]]:
    text = PAGE.read_text("utf-8")
    return [(found[1], [cell.strip() for cell in found[2].split("|")]) for found in _ROW.finditer(text)]


def _is_mark(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.case"


def _marks(tree: ast.Module) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_mark(node)]


def _marked() -> dict[str, set[str]]:
    """Return the files whose tests carry each number."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for mark in _marks(ast.parse(path.read_text("utf-8"))):
            for value in mark.args:
                assert isinstance(value, ast.Constant), f"{path.name}:{mark.lineno}: a number is not written out"
                found[str(value.value)].add(str(path.relative_to(ROOT)))
    return found


@pytest.fixture(scope="module")
def marked() -> dict[str, set[str]]:
    return _marked()


def test_cases_when_listed_then_every_number_once_and_each_cell_filled() -> None:
    rows = _rows()
    wanted = [f"{letter}{number}" for letter, count in LETTERS.items() for number in range(1, count + 1)]
    assert [name for name, _ in rows] == wanted
    assert not {name: count for name, count in Counter(name for name, _ in rows).items() if count > 1}
    for name, cells in rows:
        refused, _by, section, word = cells
        assert refused, name
        assert section, name
        assert word in WORDS, f"{name}: {word}"


def test_cases_when_listed_then_each_has_a_test(marked: dict[str, set[str]]) -> None:
    """Tests that need other people's vectors do not count: a fresh clone has none."""
    own = {name for name, files in marked.items() if any(not file.startswith(EXTERNAL) for file in files)}
    missing = [name for name, _ in _rows() if name not in own]
    assert not missing, f"no test is marked with {missing}"


def test_tests_when_marked_then_with_numbers_of_the_list(marked: dict[str, set[str]]) -> None:
    known = {name for name, _ in _rows()}
    unknown = {name: files for name, files in marked.items() if name not in known}
    assert not unknown, f"docs/negative-cases.md does not list {unknown}"


def test_codes_when_a_case_names_one_then_it_is_explained_somewhere() -> None:
    """A code in the list is one of the program's, or one of the specifications' that the library has."""
    operations = (ROOT / "docs" / "operations.md").read_text("utf-8")
    library = "".join(path.read_text("utf-8") for path in (ROOT / "protocol").rglob("*.py"))
    for name, cells in _rows():
        for code in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", cells[1]):
            assert f"`{code}`" in operations or code in library, f"{name} names {code}"


def test_marks_when_on_something_that_is_no_test_then_found() -> None:
    """The reader of marks sees decorators and parameters alike."""
    source = 'import pytest\n@pytest.mark.case("V1", "V2")\ndef test_x(): ...\nX = pytest.param(1, marks=pytest.mark.case("S1"))'
    found = [
        value.value for mark in _marks(ast.parse(source)) for value in mark.args if isinstance(value, ast.Constant)
    ]
    assert sorted(map(str, found)) == ["S1", "V1", "V2"]
