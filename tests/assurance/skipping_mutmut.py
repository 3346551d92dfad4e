# SPDX-License-Identifier: EUPL-1.2
"""mutmut with two kinds of mutants more: a `raise` that is left out, and a call for its effect that is left out.

mutmut changes what a check compares; these two take the whole check away. Used as mutmut's own command is:
`python tests/assurance/skipping_mutmut.py run FILE…`, run inside a copy of the tree. mutmut passes over functions with
decorators, so in FILE… properties and kept results are first written as an assignment, which means the same.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path

import libcst as cst
from mutmut.__main__ import cli
from mutmut.mutation import file_mutation


def leave_out_raise(_node: cst.Raise) -> Iterable[cst.Pass]:
    yield cst.Pass()


def leave_out_call(node: cst.Expr) -> Iterable[cst.Pass]:
    if isinstance(node.value, cst.Call):
        yield cst.Pass()


def rebind_decorated(text: str) -> str:
    """Return the module with `@property def name…` as `def name…` and `name = property(name)`; so for kept results."""
    lines = text.splitlines()
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    for node in sorted(functions, key=lambda node: -node.lineno):
        match node.decorator_list:
            case [ast.Name(id="property" | "cached_property") | ast.Call(func=ast.Name(id="lru_cache")) as found]:
                indent = " " * node.col_offset
                lines.insert(node.end_lineno or 0, f"{indent}{node.name} = {ast.unparse(found)}({node.name})")
                del lines[found.lineno - 1]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    # the list that the generator of mutants goes through
    file_mutation.mutation_operators += [(cst.Raise, leave_out_raise), (cst.Expr, leave_out_call)]
    command, *files = sys.argv[1:]
    for path in map(Path, files):
        path.write_text(rebind_decorated(path.read_text("utf-8")), "utf-8")
    cli([command])
