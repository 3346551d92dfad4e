# SPDX-License-Identifier: EUPL-1.2
"""Every source file names its licence; no file names a machine, a registry or a secret of somebody's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# made by tools, or not ours; what .gitignore names
SKIPPED = frozenset(
    {".git", ".venv", "node_modules", "__pycache__", "vendor", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
    | {".hypothesis", ".import_linter_cache"}
)
SKIPPED_AT_ROOT = frozenset({"build", "data"})
SOURCES = frozenset(
    {
        ".py",
        ".sol",
        ".js",
        ".mjs",
        ".cjs",
        ".css",
        ".scss",
        ".html",
        ".po",
        ".toml",
        ".sh",
        ".svg",
        ".yml",
        ".mako",
    }
)
SOURCE_NAMES = frozenset({"Makefile", "run"})
LINE = "SPDX-License-Identifier: EUPL-1.2"
# a shebang, an XML declaration or a tag may come first
FIRST_LINES = 3
MACHINE_PATH = re.compile(r"""(?<![\w.:/])/(?:work|home|root|Users|mnt|opt|var/tmp|tmp)/\w""")
# where packages are fetched from is the business of whoever installs, and of their configuration
REGISTRY = re.compile(
    r"(?:files\.)?pythonhosted\.org|pypi\.org/simple|(?<=//)registry\.\w[\w.-]*|"
    # a host's name, also without a scheme; our own objects are called registry too
    r"\bregistry\.(?:[\w-]+\.)*(?:cat|cloud|com|dev|es|eu|internal|io|lan|local|net|org)\b|--(?:extra-)?index-url|--find-links [^ -]|"
    r"PIP_INDEX_URL|^registry\s*=|\"resolved\":",
    re.MULTILINE,
)
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*\\?n?[A-Za-z0-9+/]{20}")


def _files() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        skipped = SKIPPED | SKIPPED_AT_ROOT if Path(folder) == ROOT else SKIPPED
        folders[:] = sorted(name for name in folders if name not in skipped and not name.endswith(".egg-info"))
        yield from (Path(folder) / name for name in sorted(names))


def _texts() -> Iterator[tuple[str, str]]:
    """The path and the text of every file that is text."""
    for path in _files():
        data = path.read_bytes()
        if b"\0" not in data:
            yield str(path.relative_to(ROOT)), data.decode("utf-8")


def test_source_files_when_read_then_each_names_its_licence_first() -> None:
    missing = [
        name
        for name, text in _texts()
        if (Path(name).suffix in SOURCES or Path(name).name in SOURCE_NAMES)
        and text.strip()
        and name != "pyproject.toml"  # it declares the licence in its own words
        and not any(LINE in line for line in text.splitlines()[:FIRST_LINES])
        and "EUPL-1.2 AND MIT" not in text[:200]
    ]
    assert not missing


def test_files_when_read_then_none_names_a_path_of_one_machine() -> None:
    found = [(name, match[0]) for name, text in _texts() for match in MACHINE_PATH.finditer(text)]
    assert not found


def test_files_when_read_then_none_names_a_package_registry() -> None:
    own = str(Path(__file__).relative_to(ROOT))
    found = [(name, match[0]) for name, text in _texts() if name != own for match in REGISTRY.finditer(text)]
    assert not found


def test_files_when_read_then_none_holds_a_private_key() -> None:
    assert not [name for name, text in _texts() if PRIVATE_KEY.search(text)]


def test_lock_files_when_read_then_every_package_has_a_digest() -> None:
    for name in (
        "requirements/run.txt",
        "requirements/dev.txt",
        "requirements/assurance.txt",
        "requirements/bench.txt",
    ):
        text = (ROOT / name).read_text("utf-8")
        blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
        assert blocks
        assert not [block.split()[0] for block in blocks if "--hash=sha256:" not in block]


def test_python_packages_when_imported_then_each_has_a_docstring() -> None:
    packages = [path for path in _files() if path.name == "__init__.py" and "tests" not in path.parts]
    assert packages
    assert not [str(path.relative_to(ROOT)) for path in packages if '"""' not in path.read_text("utf-8")]


def test_every_bound_of_the_core_is_named_in_a_test() -> None:
    bounds = {
        found
        for path in (ROOT / "protocol").rglob("*.py")
        for found in re.findall(r"^(MAX_[A-Z_]+)\b", path.read_text("utf-8"), re.MULTILINE)
    }
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert bounds
    assert sorted(bound for bound in bounds if not re.search(rf"\b{bound}\b", tests)) == []
