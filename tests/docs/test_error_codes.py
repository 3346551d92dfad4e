# SPDX-License-Identifier: EUPL-1.2
"""Every error code that the program can answer with stands in a document, and no other does.

Codes are collected from the source: arguments of our error classes, and of functions that pass a parameter named
`code` on to them.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("contracts", "issuer", "ledger", "protocol", "sandbox", "testimoni", "verifier", "wallet")
OPERATIONS = ROOT / "docs" / "operations.md"
BASE_CLASSES = frozenset({"Error"})
HEADING = "## Error codes"
# what the handler of Flask's own exceptions adds (protocol/runtime/web.py)
FROM_HTTP = frozenset({"server_error", "not_found", "invalid_request"})
_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass
class Source:
    """One module: its tree and its constants."""

    path: Path
    tree: ast.Module
    constants: dict[str, str] = field(default_factory=dict)
    # members of its lists of error codes, one list per endpoint
    members: dict[str, str] = field(default_factory=dict)
    # constants that are such a member
    aliases: dict[str, str] = field(default_factory=dict)
    # what a plain name can mean here: functions of this module, and what it imports
    functions: set[str] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef):
                self.functions.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self.imported |= {alias.asname or alias.name.split(".")[0] for alias in node.names}

    def names(self, called: ast.expr) -> bool:
        """Whether the call is to a function of ours by its own name; another object's method may share it."""
        match called:
            case ast.Name(id=name):
                return name in self.functions | self.imported
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                return name in self.functions
            case ast.Attribute(value=ast.Name(id=base)):
                return base in self.imported
        return False


def _load() -> list[Source]:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            source = Source(path, ast.parse(path.read_text("utf-8")))
            for node in source.tree.body:
                match node:
                    case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))):
                        source.constants[name] = value
                    case ast.Assign(targets=[ast.Name(id=name)], value=ast.Attribute(attr=member)):
                        source.aliases[name] = member
                    case ast.ClassDef(bases=[ast.Name(id="ErrorCode")]):
                        source.members |= _members(node)
            found.append(source)
    return found


def _members(node: ast.ClassDef) -> dict[str, str]:
    """Names and values of an enumeration."""
    found = {}
    for each in node.body:
        match each:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))):
                found[name] = value
    return found


def _name(node: ast.expr) -> str:
    """The last part of a dotted name."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
    return ""


def _error_classes(sources: list[Source]) -> set[str]:
    known = set(BASE_CLASSES)
    while True:
        more = {
            node.name
            for source in sources
            for node in ast.walk(source.tree)
            if isinstance(node, ast.ClassDef) and any(_name(base) in known for base in node.bases)
        }
        if more <= known:
            return known
        known |= more


def _parameters(function: ast.FunctionDef) -> list[str]:
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


class Collector:
    """Finds the codes, going through helpers until nothing new passes a code on."""

    def __init__(self) -> None:
        self.sources = _load()
        self.constants: dict[str, set[str]] = defaultdict(set)
        for source in self.sources:
            for name, value in (source.constants | source.members).items():
                self.constants[name].add(value)
        members = {name: value for source in self.sources for name, value in source.members.items()}
        for source in self.sources:
            source.constants |= {
                name: members[member] for name, member in source.aliases.items() if member in members
            }
        # callable → position of its code among the positional arguments; None: by keyword only
        self.classes = _error_classes(self.sources)
        self.takers: dict[str, set[int | None]] = {name: {0} for name in self.classes}
        # its code is a keyword, the first argument is the check
        self.takers["VerificationError"] = {None}
        self._find_classes()
        self._find_helpers()

    def codes(self) -> dict[str, str]:
        """Return each code with a place where it stands."""
        found: dict[str, str] = {}
        for source in self.sources:
            for value in self._given(source, source.tree):
                for text in self._texts(value, source):
                    if _CODE.fullmatch(text):
                        found.setdefault(text, str(source.path.relative_to(ROOT)))
        return found

    def _find_classes(self) -> None:
        """Errors with a constructor of their own: by its parameter `code`, or with none at all."""
        for source in self.sources:
            for node in ast.walk(source.tree):
                if not isinstance(node, ast.ClassDef) or node.name not in self.takers or node.name in BASE_CLASSES:
                    continue
                for method in node.body:
                    if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                        names = _parameters(method)
                        self.takers[node.name] = {names.index("code")} if "code" in names else {None}

    def _find_helpers(self) -> None:
        while True:
            before = {name: set(places) for name, places in self.takers.items()}
            for source in self.sources:
                for node in ast.walk(source.tree):
                    if isinstance(node, ast.FunctionDef) and node.name != "__init__":
                        self._look_at(node, source)
            if before == self.takers:
                return

    def _look_at(self, function: ast.FunctionDef, source: Source) -> None:
        names = _parameters(function)
        keywords = [argument.arg for argument in function.args.kwonlyargs]
        for value in self._given(source, function):
            if isinstance(value, ast.Name) and value.id in {*names, *keywords}:
                place = names.index(value.id) if value.id in names else None
                self.takers.setdefault(function.name, set()).add(place)

    def _given(self, source: Source, tree: ast.AST) -> Iterator[ast.expr]:
        """The expressions in this tree that are given as a code."""
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield from self._defaults(node)
            if not isinstance(node, ast.Call):
                continue
            called = _name(node.func)
            is_super = isinstance(node.func, ast.Attribute) and called == "__init__"
            if is_super and _is_in_error_class(source.tree, node, set(self.takers)) and node.args:
                yield node.args[0]
            if called in self.takers and (called in self.classes or source.names(node.func)):
                yield from (node.args[i] for i in self.takers[called] if i is not None and i < len(node.args))
                yield from (each.value for each in node.keywords if each.arg == "code")

    @staticmethod
    def _defaults(function: ast.FunctionDef) -> Iterator[ast.expr]:
        positional = [*function.args.posonlyargs, *function.args.args]
        for argument, default in zip(reversed(positional), reversed(function.args.defaults), strict=False):
            if argument.arg == "code":
                yield default
        for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
            if argument.arg == "code" and default is not None:
                yield default

    def _texts(self, value: ast.expr, source: Source) -> set[str]:
        match value:
            case ast.Constant(value=str(text)):
                return {text}
            case ast.IfExp(body=one, orelse=other):
                return self._texts(one, source) | self._texts(other, source)
            case ast.Name(id=name) if name in source.constants:
                return {source.constants[name]}
            case ast.Name(id=name) | ast.Attribute(attr=name) if name.isupper():
                return self.constants.get(name, set())
        return set()


def _is_in_error_class(tree: ast.Module, call: ast.Call, classes: set[str]) -> bool:
    return any(
        isinstance(node, ast.ClassDef) and node.name in classes and any(inner is call for inner in ast.walk(node))
        for node in ast.walk(tree)
    )


@pytest.fixture(scope="module")
def codes() -> dict[str, str]:
    return Collector().codes()


@pytest.fixture(scope="module")
def documented() -> set[str]:
    section = OPERATIONS.read_text("utf-8").split(HEADING, 1)[1]
    return set(re.findall(r"^\| `([a-z0-9_]+)`", section, re.MULTILINE))


def test_error_codes_when_collected_then_each_way_to_give_one_is_seen(codes: dict[str, str]) -> None:
    assert "csrf" in codes  # positional argument
    assert "receipt_promise" in codes  # keyword of a verification error
    assert "receipt_claims" in codes  # constant passed to a helper
    assert "invalid_trust_file" in codes  # default of a keyword
    assert "transaction_refused" in codes  # constructor of a subclass


def test_error_codes_when_raised_then_operations_explains_each(
    codes: dict[str, str], documented: set[str]
) -> None:
    wanted = dict.fromkeys(FROM_HTTP, "protocol/runtime/web.py") | codes
    missing = {code: place for code, place in wanted.items() if code not in documented}
    assert not missing, f"docs/operations.md, {HEADING!r}, lacks {missing}"


def test_error_codes_when_explained_then_the_program_has_each(codes: dict[str, str], documented: set[str]) -> None:
    known = set(codes) | FROM_HTTP
    assert documented <= known, f"no longer raised: {sorted(documented - known)}"
