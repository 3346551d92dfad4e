# SPDX-License-Identifier: EUPL-1.2
"""A linter of queries: every broken rule, or advice on a valid query, and how much the query asks for."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.dcql.advice import Advice, advise, is_identifying
from protocol.dcql.check import broken
from protocol.dcql.model import Query
from protocol.dcql.rules import Rule
from protocol.encoding import JSON


@dataclass(frozen=True)
class Finding:
    """Something about a query: a broken rule, or advice; and where."""

    what: Rule | Advice
    where: str

    @property
    def is_broken(self) -> bool:
        """Whether the query is refused for it."""
        return isinstance(self.what, Rule)

    def to_json(self) -> dict[str, JSON]:
        """Return the finding for a program."""
        return {
            "kind": "broken" if self.is_broken else "advice",
            "code": self.what.code,
            "where": self.where,
            "explanation": self.what.explanation,
            "hint": self.what.hint,
            "section": self.what.section if isinstance(self.what, Rule) else None,
        }


@dataclass(frozen=True)
class Score:
    """How much is shown at most: by the largest answer that the query allows."""

    credentials: int
    claims: int
    # of the claims: those that say who the person is
    identifying: int

    def to_json(self) -> dict[str, JSON]:
        """Return the score for a program."""
        return {"credentials": self.credentials, "claims": self.claims, "identifying": self.identifying}


def lint(value: JSON) -> list[Finding]:
    """Return what there is to say about a query; never raises. Advice is given on valid queries only."""
    problems = [Finding(problem.rule, problem.where) for problem in broken(value)]
    if problems or not isinstance(value, dict):
        return problems
    return [Finding(advice, where) for advice, where in advise(Query.parse(value), value)]


def measure(query: Query) -> Score:
    """Return how much the query asks for, a claim under several paths counted for each."""
    scores = []
    for answer in query.possible_answers:
        asked = [query.by_id[name] for name in answer]
        claims = sum(max(len(shown) for shown in each.combinations) for each in asked)
        identifying = sum(max(sum(map(is_identifying, shown)) for shown in each.combinations) for each in asked)
        scores.append(Score(len(asked), claims, identifying))
    return max(scores, key=lambda score: (score.identifying, score.claims, score.credentials))
