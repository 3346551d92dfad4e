# SPDX-License-Identifier: EUPL-1.2
"""Every text that people read is translated, and no translation is left over."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_file
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[4]
BASE = "protocol/runtime"
LANGUAGES = ("ca", "es")
PACKAGES = (BASE, "issuer", "ledger", "sandbox", "testimoni/tour", "verifier", "wallet")
_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|\{(\w*)\}")


def _texts(package: str) -> dict[str, str]:
    """Every source text of a package, with a place where it stands."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / package).rglob("*")):
        if path.suffix == ".py":
            method, options = "python", {}
        elif path.suffix in {".html", ".txt"} and "templates" in path.parts:
            method, options = "jinja2", {"trimmed": "true", "silent": "false"}
        else:
            continue
        for line, message, _, _ in extract_from_file(method, path, keywords=DEFAULT_KEYWORDS, options=options):
            for text in (message,) if isinstance(message, str) else message:
                found.setdefault(text, f"{path.relative_to(ROOT)}:{line}")
        if path.suffix == ".py":
            found |= {text: str(path.relative_to(ROOT)) for text in _sentences(path)}
    return found


def _sentences(path: Path) -> Iterator[str]:
    """The sentences of error codes: values of tables whose name ends in SENTENCES."""
    for node in ast.parse(path.read_text()).body:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if any(name.endswith("SENTENCES") for name in names) and isinstance(node.value, ast.Dict):
            yield from (
                v.value for v in node.value.values if isinstance(v, ast.Constant) and isinstance(v.value, str)
            )


def _catalogue(package: str, language: str) -> Catalog:
    path = ROOT / package / "translations" / language / "messages.po"
    if not path.is_file():
        return Catalog(locale=language)
    with path.open("rb") as stream:
        return read_po(stream, locale=language, abort_invalid=True)


def _translations(package: str, language: str) -> dict[str, tuple[str, ...]]:
    """What each source text, singular or plural, is translated to."""
    found: dict[str, tuple[str, ...]] = {}
    for message in _catalogue(package, language):
        if not message.id or message.fuzzy:
            continue
        keys = message.id if isinstance(message.id, tuple) else (message.id,)
        values = message.string if isinstance(message.string, tuple) else (message.string,)
        for key in keys:
            found[key] = values
    return found


def _placeholders(text: str) -> set[str]:
    return {a or b for a, b in _PLACEHOLDER.findall(text)}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("package", PACKAGES)
def test_catalogue_when_extracted_anew_then_nothing_missing_empty_fuzzy_or_left_over(
    package: str, language: str
) -> None:
    used = _texts(package)
    own = _translations(package, language)
    known = {**_translations(BASE, language), **own}
    problems = [f"missing: {text!r} ({where})" for text, where in used.items() if text not in known]
    problems += [f"empty: {text!r}" for text, values in own.items() if not all(v and v.strip() for v in values)]
    problems += [f"left over: {text!r}" for text in own if text not in used]
    problems += [
        f"fuzzy: {message.id!r}" for message in _catalogue(package, language) if message.id and message.fuzzy
    ]
    problems += [f"obsolete: {key!r}" for key in _catalogue(package, language).obsolete]
    for text, values in own.items():
        if any(value and _placeholders(value) - _placeholders(text) for value in values) or (
            values[-1] and _placeholders(text) - _placeholders(values[-1])
        ):
            problems.append(f"other placeholders: {text!r}")
    assert not problems, f"{package} in {language}:\n" + "\n".join(problems)


def test_extraction_when_texts_are_marked_in_each_way_then_all_are_found() -> None:
    found = _texts(BASE)
    assert "Skip to main content" in found  # a template
    assert "Please sign in first." in found  # a table of sentences
    assert "%(n)s" not in found
