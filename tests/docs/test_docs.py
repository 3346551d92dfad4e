# SPDX-License-Identifier: EUPL-1.2
"""The documents say what exists: settings, commands, links, decision records, the picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pydantic_settings import BaseSettings

from ledger.findings import Level
from protocol.runtime.settings import ServiceSettings
from testimoni import cli

ROOT = Path(__file__).parents[2]
PACKAGES = ("contracts", "issuer", "ledger", "protocol", "sandbox", "testimoni", "verifier", "wallet")
README = ROOT / "README.md"
OPERATIONS = ROOT / "docs" / "operations.md"
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "contracts").glob("*.md"),
        *(ROOT / "deploy").rglob("*.md"),
    ]
)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SETTING = re.compile(r"TESTIMONI_[A-Z][A-Z0-9_]+")


def _settings_classes() -> Iterator[type[BaseSettings]]:
    """Every settings class of the tree that reads an environment prefix of its own."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*settings.py")):
            module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
            for kind in vars(module).values():
                if (
                    isinstance(kind, type)
                    and issubclass(kind, BaseSettings)
                    and kind.__module__ == module.__name__
                    and kind.model_config.get("env_prefix")
                ):
                    yield kind


SETTINGS = {str(kind.model_config["env_prefix"]): kind for kind in _settings_classes()}


def _all_names() -> set[str]:
    return {prefix + name.upper() for prefix, kind in SETTINGS.items() for name in kind.model_fields}


def _rows(text: str) -> set[str]:
    """The code in the first column of every table."""
    return {
        name
        for line in text.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([^`]+)`", line.split("|")[1])
    }


@pytest.mark.parametrize("prefix", sorted(SETTINGS))
def test_settings_when_a_service_reads_them_then_operations_lists_each(prefix: str) -> None:
    listed = _rows(OPERATIONS.read_text("utf-8"))
    kind = SETTINGS[prefix]
    own = dict(kind.__annotations__)
    for name in kind.model_fields:
        is_shared = issubclass(kind, ServiceSettings) and name in ServiceSettings.model_fields and name not in own
        wanted = f"…_{name.upper()}" if is_shared else prefix + name.upper()
        assert wanted in listed, f"docs/operations.md has no row for {wanted}"


def test_settings_when_a_document_names_one_then_it_exists() -> None:
    # the nightly run prints what its tests are given and what they drew
    known = _all_names() | set(SETTINGS) | {"TESTIMONI_KILL_ROUNDS", "TESTIMONI_KILL_SEED"}
    for document in DOCUMENTS:
        for name in _SETTING.findall(document.read_text("utf-8")):
            assert name in known, f"{document.name} names {name}, which no service reads"


def _make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def _commands(document: Path) -> Iterator[str]:
    """The command lines of a document: in fenced shell blocks, and in code spans that begin like one."""
    text = document.read_text("utf-8")
    for language, body in _FENCE.findall(text):
        if language in {"sh", "bash", "shell"}:
            yield from filter(None, (line.split("#")[0].strip() for line in body.splitlines()))
    prose = _FENCE.sub("", text)
    for span in re.findall(r"`([^`\n]+)`", prose):
        if re.match(r"(make|testimoni|\.venv/bin/testimoni|\.ci/run) ", span) or span == ".ci/run":
            yield span


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_when_a_document_shows_one_then_it_exists(document: Path) -> None:
    targets, names = _make_targets(), set(cli._COMMANDS)
    for line in _commands(document):
        command, *rest = line.split()
        match command.removeprefix(".venv/bin/"):
            case "make":
                wanted = {word for word in rest if re.fullmatch(r"[a-z][a-z-]*", word)}
                assert wanted, line
                assert wanted <= targets, f"{document.name}: {line}"
            case "testimoni":
                assert rest, line
                assert rest[0].startswith("-") or rest[0] in names, f"{document.name}: {line}"
            case ".ci/run":
                assert (ROOT / ".ci" / "run").is_file(), f"{document.name}: {line}"
            case _:
                continue


def test_readme_when_read_then_it_has_the_two_commands_and_the_picture() -> None:
    text = README.read_text("utf-8")
    shown = list(_commands(README))
    assert "make up" in shown
    assert "make test" in shown
    assert ".venv/bin/testimoni demo" in shown
    assert "docs/main-path.svg" in text
    assert f"http://localhost:{cli.DEFAULT_PORT_BASE}" in text


def test_subcommands_when_the_program_has_one_then_operations_describes_it() -> None:
    listed = _rows(OPERATIONS.read_text("utf-8"))
    for name in cli._COMMANDS:
        assert f"testimoni {name}" in listed, f"docs/operations.md has no row for testimoni {name}"


def test_operator_commands_when_a_service_has_one_then_operations_describes_it() -> None:
    listed = _rows(OPERATIONS.read_text("utf-8"))
    found = [
        f"flask --app '{path.parent.name}.app:from_environment()' {path.parent.name} {name}"
        for path in sorted(ROOT.glob("*/cli.py"))
        for name in re.findall(r'@group\.command\("([a-z-]+)"\)', path.read_text("utf-8"))
    ]
    assert found
    assert not [command for command in found if command not in listed]


def test_make_targets_when_a_person_may_use_them_then_help_describes_each() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    described = set(re.findall(r"^([a-z][a-z-]*):.*## \S", text, re.MULTILINE))
    assert described == _make_targets()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_when_relative_then_their_file_and_heading_exist(document: Path) -> None:
    for target in _LINK.findall(_FENCE.sub("", document.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (document.parent / name).resolve() if name else document
        assert found.exists(), f"{document.name} links to {target}"
        if anchor and found.suffix == ".md":
            assert anchor in _anchors(found), f"{document.name} links to {target}"


def _anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", document.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_decision_records_when_present_then_numbered_once_and_listed() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [path.name[:4] for path in records]
    assert numbers == [f"{number:04}" for number in range(1, len(records) + 1)]
    architecture = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    for path in records:
        assert f"adr/{path.name}" in architecture, f"docs/architecture.md does not list {path.name}"
        assert path.read_text("utf-8").startswith(f"# {path.name[:4]} "), path.name


def test_architecture_when_it_names_a_module_then_it_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    for span in re.findall(r"`([\w./]+)`", text):
        if span.split("/")[0] in {*PACKAGES, "docs", "tests", "assets", "requirements"} and "/" in span:
            assert (ROOT / span).exists(), f"docs/architecture.md names {span}"


def test_picture_when_shown_then_it_tells_its_content_without_eyes() -> None:
    root = ET.parse(ROOT / "docs" / "main-path.svg").getroot()  # noqa: S314 - our own file
    space = "{http://www.w3.org/2000/svg}"
    labels = root.attrib["aria-labelledby"].split()
    assert [root.find(f"{space}{tag}").attrib["id"] for tag in ("title", "desc")] == labels


def test_licence_when_read_then_it_is_the_whole_text_of_the_eupl() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert text.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2")
    assert len(text.split()) == LICENCE_WORDS
    for article in range(1, 16):
        assert re.search(rf"^{article}\.", text, re.MULTILINE)


# counted in two independent copies that agree word for word
LICENCE_WORDS = 2212


def test_changelog_when_a_version_is_declared_then_it_has_an_entry() -> None:
    version = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)[1]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f'softwareVersion: "{version}"' in (ROOT / "publiccode.yml").read_text("utf-8")


def test_audit_when_it_has_a_level_then_its_document_explains_it() -> None:
    text = (ROOT / "docs" / "audit.md").read_text("utf-8")
    sections = {part.partition("\n")[0]: part for part in text.split("\n### ")[1:]}
    assert list(sections) == [level.value for level in Level]
    for level, wrapped in sections.items():
        section = " ".join(wrapped.split())
        assert "*Proven:*" in section, level
        assert re.search(r"\*(If violated|If it could not be told):\*|\*Contested:\*", section), level
