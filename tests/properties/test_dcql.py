# SPDX-License-Identifier: EUPL-1.2
"""DCQL over many queries and credentials: wallet and verifier agree, and a registration is never exceeded."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.dcql import (
    Candidate,
    ConcretePath,
    CredentialQuery,
    Query,
    RuleError,
    Step,
    check_answered,
    evaluate,
    is_asked,
    lint,
    measure,
    presented_paths,
)
from protocol.dcql.paths import leaves
from protocol.errors import RequestError

unhurried = settings(deadline=None)  # time is measured elsewhere; a busy machine is no failure

# everything small, so that things meet
NAMES = st.sampled_from("ab")
SCALARS = st.sampled_from([0, 1, True, "a", "b"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=2), max_leaves=6
)
TYPES = st.sampled_from(["t", "u"])
PATHS = st.lists(NAMES | st.none() | st.integers(0, 2), min_size=1, max_size=3).map(
    lambda path: [path[0] if isinstance(path[0], str) else "a", *path[1:]]
)
SOME_VALUES = st.none() | st.lists(SCALARS, min_size=1, max_size=2)


@st.composite
def credentials(draw: st.DrawFn, name: str) -> Any:
    """A credential query, mostly without the rarer members."""
    made: dict[str, Any] = {
        "id": name,
        "format": "dc+sd-jwt",
        "meta": {"vct_values": draw(st.lists(TYPES, min_size=1, max_size=2))},
    }
    paths = draw(st.lists(PATHS, max_size=3, unique_by=str))
    if paths:
        made["claims"] = [
            {"id": f"c{n}", "path": path} | ({"values": values} if (values := draw(SOME_VALUES)) else {})
            for n, path in enumerate(paths)
        ]
        if draw(st.booleans()):
            ids = st.sampled_from([f"c{n}" for n in range(len(paths))])
            made["claim_sets"] = draw(st.lists(st.lists(ids, max_size=2), min_size=1, max_size=2))
    if draw(st.integers(0, 5)) == 0:
        made["multiple"] = True
    return made


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """A valid query of up to three credentials."""
    names = ["x", "y", "z"][: draw(st.integers(1, 3))]
    made: dict[str, Any] = {"credentials": [draw(credentials(name)) for name in names]}
    if draw(st.booleans()):
        options = st.lists(st.lists(st.sampled_from(names), min_size=1, max_size=2), min_size=1, max_size=2)
        sets = st.fixed_dictionaries({"options": options}, optional={"required": st.booleans()})
        made["credential_sets"] = draw(st.lists(sets, min_size=1, max_size=2))
    return Query.parse(made)


CREDENTIALS = st.builds(
    lambda vct, claims: {"vct": vct, **claims}, TYPES, st.dictionaries(NAMES, VALUES, max_size=2)
)
HELD = st.lists(CREDENTIALS, max_size=3).map(
    lambda held: [Candidate(claims, id=str(number)) for number, claims in enumerate(held)]
)


def put(value: Any, path: tuple[Step, ...], leaf: Any) -> Any:
    """Return a value changed so that the path selects the leaf, unless something else is in its way."""
    if not path:
        return leaf if value is None else value
    step, *rest = path
    if isinstance(step, str) and isinstance(value, dict | None):
        members = value or {}
        return {**members, step: put(members.get(step), tuple(rest), leaf)}
    if not isinstance(step, str) and isinstance(value, list | None):
        at = step or 0
        items = [*(value or []), *[None] * max(0, at + 1 - len(value or []))]
        return [
            put(item, tuple(rest), leaf) if item is None or step in {None, n} else item
            for n, item in enumerate(items)
        ]
    return value


@st.composite
def held_for(draw: st.DrawFn, query: Query) -> list[Candidate]:
    """Credentials of which some are made to satisfy the query."""
    found = draw(HELD)
    for asked in query.credentials:
        claims: Any = {}
        for claim in asked.claims:
            leaf = draw(st.sampled_from(claim.values or ("a",)) | SCALARS)
            claims = put(claims, claim.path, leaf)
        assert isinstance(claims, dict)
        found.append(Candidate({**claims, **draw(st.just({}) | CREDENTIALS), "vct": asked.vct_values[0]}))
    return found


# a query, and credentials that often answer it
ANSWERABLE = queries().flatmap(lambda query: st.tuples(st.just(query), held_for(query)))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
MEMBERS = st.sampled_from(
    [
        "credentials",
        "credential_sets",
        "options",
        "required",
        "id",
        "format",
        "meta",
        "vct_values",
        "claims",
        "claim_sets",
        "path",
        "values",
        "multiple",
        "trusted_authorities",
        "type",
        "dc+sd-jwt",
    ]
)


@st.composite
def spoilt(draw: st.DrawFn) -> Any:
    """A query in which one value somewhere was replaced or added."""
    value: Any = draw(queries()).to_json()
    replacement = draw(ANY_JSON | MEMBERS | st.lists(MEMBERS, max_size=2))
    found: Any = value
    while True:
        keys: list[str | int] = (
            [*found] if isinstance(found, dict) else [*range(len(found))] if isinstance(found, list) else []
        )
        if isinstance(found, dict) and (not keys or draw(st.integers(0, 5)) == 0):
            found[draw(MEMBERS)] = replacement
            return value
        key = draw(st.sampled_from(keys))
        inner = found[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
            found[key] = replacement
            return value
        found = inner


@unhurried
@given(ANY_JSON | spoilt())
def test_parser_raises_nothing_but_error_and_the_linter_nothing(value: Any) -> None:
    found = lint(value)
    broken = [each for each in found if each.is_broken]
    if broken:
        with pytest.raises(RuleError) as caught:
            Query.parse(value)
        assert (caught.value.rule, caught.value.where) == (broken[0].what, broken[0].where)
        return
    parsed = Query.parse(value)
    assert Query.parse(parsed.to_json()) == parsed
    measure(parsed)


def show(claims: Any, paths: list[ConcretePath], place: ConcretePath = ()) -> Any:
    """Return what remains of a credential in which everything can be hidden when only these paths are shown."""
    if any(place[: len(path)] == path for path in paths):
        return claims
    needed = {path[len(place)] for path in paths if path[: len(place)] == place}
    if isinstance(claims, dict):
        return {name: show(inner, paths, (*place, name)) for name, inner in claims.items() if name in needed}
    assert isinstance(claims, list)
    return [show(inner, paths, (*place, at)) for at, inner in enumerate(claims) if at in needed]


def presented(candidate: Candidate, paths: tuple[ConcretePath, ...]) -> Candidate:
    shown = show(dict(candidate.claims), [("vct",), *paths])
    assert isinstance(shown, dict)
    return Candidate(shown)


def disclosures(candidate: Candidate) -> set[ConcretePath]:
    """Return every place of what was shown that a disclosure may have brought."""
    about = {name: value for name, value in candidate.claims.items() if name != "vct"}
    return {leaf[:depth] for leaf in leaves(about) for depth in range(1, len(leaf) + 1)}


def accepts(query: Query, answers: dict[str, list[Candidate]]) -> bool:
    try:
        check_answered(query, answers)
    except RequestError:
        return False
    return all(
        is_asked(disclosures(each), query.by_id[name], each.claims)
        for name, given in answers.items()
        for each in given
    )


@unhurried
@given(queries(), HELD, st.sets(st.integers(0, 1)))
def test_verifier_accepts_whatever_the_wallet_answers(
    query: Query, held: list[Candidate], optional: set[int]
) -> None:
    found = evaluate(query, held, optional=optional)
    assert not (found.chosen and found.missing)
    answers = {
        name: [presented(first.candidate, first.paths)]
        for name in found.chosen
        for first in found.selections[name][:1]
    }
    assert not answers or accepts(query, answers)
    for name, (given_,) in answers.items():
        asked = query.by_id[name]
        about = {claim: value for claim, value in given_.claims.items() if claim != "vct"}
        shown = set(presented_paths(asked, about))
        assert shown <= {claim.path for claim in asked.claims} | {("vct",)}
        # without one of the documents, or with one twice, it is another answer
        rest = {other: each for other, each in answers.items() if other != name}
        assert not accepts(query, rest) or frozenset(rest) in query.possible_answers
        assert not accepts(query, {**answers, name: []})
        assert accepts(query, {**answers, name: [given_, given_]}) is asked.is_multiple
        for claim in about:
            less = {key: value for key, value in given_.claims.items() if key != claim}
            if accepts(query, {**answers, name: [Candidate(less)]}):
                assert any(
                    all(each.path[0] != claim for each in combination) for combination in asked.combinations
                )
        for more in ("c", "d"):
            assert not accepts(query, {**answers, name: [Candidate({**given_.claims, more: 1})]})
        assert not accepts(query, {**answers, name: [Candidate({**given_.claims, "vct": "other"})]})


@unhurried
@given(ANSWERABLE)
def test_wallet_that_answers_nothing_lacks_something_that_is_required(
    pair: tuple[Query, list[Candidate]],
) -> None:
    query, held = pair
    found = evaluate(query, held)
    able = {name for name, each in found.selections.items() if each}
    required = [each for each in query.credential_sets if each.is_required]
    if query.credential_sets:
        satisfiable = all(any(set(option) <= able for option in each.options) for each in required)
        assert bool(found.missing) is not satisfiable
        assert bool(found.chosen) is (satisfiable and bool(required))
    else:
        assert bool(found.chosen) is (able == set(query.by_id))
    assert not set(found.missing) & able
    assert set(found.chosen) <= able


def everything(asked: CredentialQuery, candidate: Candidate) -> Iterator[set[ConcretePath]]:
    """Yield what a wallet might show: by any combination, not only the preferred one."""
    if candidate.claims["vct"] in asked.vct_values:
        for combination in asked.combinations:
            found = [claim.select(candidate.claims) for claim in combination]
            if all(found):
                yield {place for each in found for place, _ in each}


def is_allowed(allowed: CredentialQuery, candidate: Candidate, places: set[ConcretePath]) -> bool:
    """Whether one combination that is allowed selects all these places, or something around them."""
    if candidate.claims["vct"] not in allowed.vct_values:
        return False
    for combination in allowed.combinations:
        may = {place for claim in combination for place, _ in claim.select(candidate.claims)}
        if all(any(place[: len(each)] == each for each in may) for place in places):
            return True
    return False


@st.composite
def asked_and_allowed(draw: st.DrawFn) -> tuple[Query, Query]:
    """Two queries, of which the first is often a part of the second."""
    allowed = draw(queries())
    if draw(st.integers(0, 3)) == 0:
        return draw(queries()), allowed
    made: Any = allowed.to_json()
    parts = made["credentials"]
    assert isinstance(parts, list)
    for part in parts:
        assert isinstance(part, dict)
        if "claim_sets" in part and draw(st.booleans()):
            del part["claim_sets"]
        claims = part.get("claims")
        if isinstance(claims, list) and len(claims) > 1 and "claim_sets" not in part and draw(st.booleans()):
            claims.pop()
        if isinstance(claims, list) and draw(st.booleans()):
            claims[0] = {**claims[0], "path": [*claims[0]["path"], draw(NAMES)]}
    if "credential_sets" in made and draw(st.booleans()):
        del made["credential_sets"]
    try:
        return Query.parse(made), allowed
    except RequestError:
        return allowed, allowed


@settings(deadline=None, max_examples=300)
@given(asked_and_allowed(), HELD)
def test_nothing_can_be_received_beyond_what_is_registered(
    pair: tuple[Query, Query], held: list[Candidate]
) -> None:
    asked, allowed = pair
    assert asked.asks_within(asked)
    if not asked.asks_within(allowed):
        return
    for answer in asked.possible_answers:
        names = sorted(answer)
        ways = [
            [(each, places) for each in held for places in everything(asked.by_id[name], each)] for name in names
        ]
        for received in product(*ways):
            assert any(
                all(
                    is_allowed(allowed.by_id[name], candidate, places)
                    for name, (candidate, places) in zip(order, received, strict=True)
                )
                for other in allowed.possible_answers
                for order in permutations(sorted(other), len(names))
            )
