# SPDX-License-Identifier: EUPL-1.2
"""A mutant that no test noticed: how it is named, when it changes nothing that matters, and what docs/mutants.md says of it.

A survivor goes by its file, its function and the lines it changes: mutmut's own numbers move with every edit.

docs/mutants.md explains them under a heading for each file (`## protocol/jws.py`) and each function (`### parse`):
the reason in plain words, then a `diff` block with the changed lines; an empty line in it separates mutants that
stay for the same reason.
"""

from __future__ import annotations

import ast
import difflib
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_FILE = re.compile(r"## `([\w/.]+)`$")
_FUNCTION = re.compile(r"### `([\w.]+)`$")


@dataclass(frozen=True, order=True)
class Survivor:
    """One mutant, by what it changes. Equality leaves out mutmut's name."""

    file: str
    function: str
    # lines without indentation, each with its `-` or `+`
    change: tuple[str, ...]
    name: str = field(default="", compare=False)
    is_harmless: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        lines = "\n".join(f"    {line}" for line in self.change)
        return f"{self.file} {self.function} ({self.name})\n{lines}"


def make_survivor(file: str, function: str, name: str, original: str, mutated: str) -> Survivor:
    """Return the survivor of these two versions of one function, as mutmut wrote them."""
    before, after = (textwrap.dedent(text).rstrip().splitlines() for text in (original, mutated))
    # the first line after the decorators has mutmut's own name in it, and a default value that may be the mutant
    difference = difflib.unified_diff([*map(_plain_name, before)], [*map(_plain_name, after)], n=0, lineterm="")
    change = tuple(f"{line[0]} {line[1:].strip()}" for line in [*difference][2:] if line[0] in "-+")
    return Survivor(file, function, change, name, _is_harmless(original, mutated))


def _plain_name(line: str) -> str:
    return re.sub(r"\b(x_|xǁ\w+ǁ)(\w+?)__mutmut_\w+\(", r"\2(", line)


class _Silence(ast.NodeTransformer):
    """Makes equal what only differs in a way that changes nothing that matters (docs/mutants.md lists these).

    Messages of errors, which are text with a space in it, an f-string, or no text; and what `visit_Call` says.
    """

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        if isinstance(node.exc, ast.Call):
            node.exc.args = [_silence(each) for each in node.exc.args]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.name = "f"
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """The name of a text encoding may be spelt in capitals; a function that only raises takes a message."""
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id="refuse" | "_refuse")):
                node.args = [_silence(each) for each in node.args]
            case ast.Call(func=ast.Attribute(attr="encode" | "decode"), args=[ast.Constant(value=str(name))]):
                node.args = [ast.Constant(name.lower())]
        return node


def _silence(node: ast.expr) -> ast.expr:
    match node:
        case ast.JoinedStr() | ast.Constant(value=None) | ast.Attribute(value=ast.Name(id="exc"), attr="message"):
            return ast.Constant("message")
        case ast.Constant(value=str(text)) if " " in text:
            return ast.Constant("message")
    return node


def _is_harmless(original: str, mutated: str) -> bool:
    one, other = (_Silence().visit(ast.parse(textwrap.dedent(text))) for text in (original, mutated))
    for before, after in zip(_zips(one), _zips(other), strict=False):
        # `strict=True` compares lengths that are always the same; without `strict`, None and False say the same
        if _is_strict(before) or not _is_strict(after):
            before.keywords = after.keywords = []
    return ast.dump(one) == ast.dump(other)


def _zips(tree: ast.AST) -> list[ast.Call]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [node for node in calls if isinstance(node.func, ast.Name) and node.func.id == "zip"]


def _is_strict(call: ast.Call) -> bool:
    return any(isinstance(each.value, ast.Constant) and each.value.value is True for each in call.keywords)


def read_explained(document: Path) -> Iterator[Survivor]:
    """Yield each mutant that the document explains."""
    file = function = ""
    change: list[str] | None = None
    for line in [*document.read_text("utf-8").splitlines(), "```"]:
        if line.startswith("```diff"):
            change = []
        elif change is None:
            if found := _FILE.match(line):
                file = found[1]
            elif found := _FUNCTION.match(line):
                function = found[1]
        elif line and line[0] in "-+":
            change.append(f"{line[0]} {line[1:].strip()}")
        else:
            if change:
                yield Survivor(file, function, tuple(change))
            change = [] if not line else None
