# SPDX-License-Identifier: EUPL-1.2
"""mutmut with two kinds of mutants more: a `raise` that is left out, and a call for its effect that is left out.

mutmut changes what a check compares; these two take the whole check away. Used as mutmut's own command is:
`python tests/assurance/skipping_mutmut.py run`.
"""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst
from mutmut.__main__ import cli
from mutmut.mutation import file_mutation


def leave_out_raise(_node: cst.Raise) -> Iterable[cst.Pass]:
    yield cst.Pass()


def leave_out_call(node: cst.Expr) -> Iterable[cst.Pass]:
    if isinstance(node.value, cst.Call):
        yield cst.Pass()


if __name__ == "__main__":
    # the list that the generator of mutants goes through
    file_mutation.mutation_operators += [(cst.Raise, leave_out_raise), (cst.Expr, leave_out_call)]
    cli()
