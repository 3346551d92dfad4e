# SPDX-License-Identifier: EUPL-1.2
"""Every rule that a query breaks, and where. Nothing here raises, and nothing is built.

Members that the specification does not define are ignored (OpenID4VP 1.0, section 6). The metadata of a format
that is not ours is an object of which nothing more is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from protocol.dcql.rules import (
    FORMAT,
    MAX_AUTHORITIES,
    MAX_CLAIM_SETS,
    MAX_CLAIMS,
    MAX_CREDENTIAL_SETS,
    MAX_CREDENTIALS,
    MAX_ID_CHARS,
    MAX_INDEX,
    MAX_INTEGER,
    MAX_OPTIONS,
    MAX_PATH_STEPS,
    MAX_TEXT_CHARS,
    MAX_VALUES,
    Problem,
    Rule,
)
from protocol.encoding import JSON

_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]+")
_Members = Mapping[str, JSON]


def broken(value: JSON) -> list[Problem]:
    """Return every rule that the query breaks, in the order of the query; empty for a valid one.

    Of an array that is too long only that is said.
    """
    walk = _Walk()
    walk.query(value)
    return walk.problems


class _Walk:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def query(self, value: JSON) -> None:
        if not isinstance(value, dict):
            self._say(Rule.OBJECT, "")
            return
        known: set[str] = set()
        for where, item in self._array(value, "credentials", "", Rule.CREDENTIALS, MAX_CREDENTIALS):
            if not isinstance(item, dict):
                self._say(Rule.CREDENTIALS, where)
                continue
            self._id(item, where, Rule.CREDENTIAL_ID, Rule.CREDENTIAL_ID_TWICE, known)
            self._credential(item, where)
        if "credential_sets" in value:
            self._credential_sets(value, known)

    def _say(self, rule: Rule, where: str) -> None:
        self.problems.append(Problem(rule, where))

    def _array(self, members: _Members, name: str, where: str, rule: Rule, most: int) -> list[tuple[str, JSON]]:
        """Return the elements of a non-empty array with their places; none when it is not one, or too long."""
        place = f"{where}.{name}" if where else name
        return self._elements(members.get(name), place, rule, most)

    def _elements(
        self, value: JSON, where: str, rule: Rule, most: int, *, may_be_empty: bool = False
    ) -> list[tuple[str, JSON]]:
        if not isinstance(value, list) or (not value and not may_be_empty):
            self._say(rule, where)
            return []
        if len(value) > most:
            self._say(Rule.SIZE, where)
            return []
        return [(f"{where}[{position}]", item) for position, item in enumerate(value)]

    def _id(self, members: _Members, where: str, syntax: Rule, twice: Rule, known: set[str]) -> None:
        identifier = members.get("id")
        if not isinstance(identifier, str) or not _IDENTIFIER.fullmatch(identifier):
            self._say(syntax, f"{where}.id")
        elif len(identifier) > MAX_ID_CHARS:
            self._say(Rule.SIZE, f"{where}.id")
        elif identifier in known:
            self._say(twice, f"{where}.id")
        else:
            known.add(identifier)

    def _boolean(self, members: _Members, name: str, where: str, rule: Rule) -> None:
        if name in members and not isinstance(members[name], bool):
            self._say(rule, f"{where}.{name}")

    def _text(self, value: JSON, where: str, rule: Rule) -> None:
        if not isinstance(value, str) or not value:
            self._say(rule, where)
        elif len(value) > MAX_TEXT_CHARS:
            self._say(Rule.SIZE, where)

    def _credential(self, item: _Members, where: str) -> None:
        self._text(item.get("format"), f"{where}.format", Rule.FORMAT)
        meta = item.get("meta")
        if not isinstance(meta, dict):
            self._say(Rule.META, f"{where}.meta")
        elif item.get("format") == FORMAT:
            for place, kind in self._array(meta, "vct_values", f"{where}.meta", Rule.VCT_VALUES, MAX_VALUES):
                self._text(kind, place, Rule.VCT_VALUES)
        self._boolean(item, "multiple", where, Rule.MULTIPLE)
        self._boolean(item, "require_cryptographic_holder_binding", where, Rule.HOLDER_BINDING)
        if "trusted_authorities" in item:
            self._authorities(item, where)
        known: set[str] = set()
        if "claims" in item:
            self._claims(item, where, known)
        if "claim_sets" in item:
            self._claim_sets(item, where, known)

    def _authorities(self, item: _Members, where: str) -> None:
        found = self._array(item, "trusted_authorities", where, Rule.AUTHORITIES, MAX_AUTHORITIES)
        for place, authority in found:
            if not isinstance(authority, dict):
                self._say(Rule.AUTHORITIES, place)
                continue
            self._text(authority.get("type"), f"{place}.type", Rule.AUTHORITY)
            for inner, value in self._array(authority, "values", place, Rule.AUTHORITY, MAX_VALUES):
                self._text(value, inner, Rule.AUTHORITY)

    def _claims(self, item: _Members, where: str, known: set[str]) -> None:
        seen: list[JSON] = []
        for place, claim in self._array(item, "claims", where, Rule.CLAIMS, MAX_CLAIMS):
            if not isinstance(claim, dict):
                self._say(Rule.CLAIMS, place)
                continue
            if "id" in claim:
                self._id(claim, place, Rule.CLAIM_ID, Rule.CLAIM_ID_TWICE, known)
            elif "claim_sets" in item:
                self._say(Rule.CLAIM_ID_MISSING, place)
            self._path(claim, place, seen)
            if "values" in claim:
                for inner, value in self._array(claim, "values", place, Rule.VALUES, MAX_VALUES):
                    self._value(value, inner)

    def _path(self, claim: _Members, where: str, seen: list[JSON]) -> None:
        before = len(self.problems)
        for place, step in self._array(claim, "path", where, Rule.PATH, MAX_PATH_STEPS):
            match step:
                case None:
                    pass
                case str():
                    if len(step) > MAX_TEXT_CHARS:
                        self._say(Rule.SIZE, place)
                case int() if step >= 0 and not isinstance(step, bool):
                    if step > MAX_INDEX:
                        self._say(Rule.SIZE, place)
                case _:
                    self._say(Rule.PATH, place)
        if len(self.problems) > before:
            return
        path = claim["path"]
        if path in seen:
            self._say(Rule.PATH_TWICE, f"{where}.path")
        seen.append(path)

    def _value(self, value: JSON, where: str) -> None:
        # a float is no integer, and a boolean is not 0 or 1
        if isinstance(value, bool):
            return
        if not isinstance(value, str | int):
            self._say(Rule.VALUES, where)
        elif len(value) > MAX_TEXT_CHARS if isinstance(value, str) else abs(value) > MAX_INTEGER:
            self._say(Rule.SIZE, where)

    def _claim_sets(self, item: _Members, where: str, known: set[str]) -> None:
        if "claims" not in item:
            self._say(Rule.CLAIM_SETS_ALONE, f"{where}.claim_sets")
        for place, names in self._array(item, "claim_sets", where, Rule.CLAIM_SETS, MAX_CLAIM_SETS):
            # an empty set asks for nothing; the specification allows it here, and not in options
            found = self._elements(names, place, Rule.CLAIM_SETS, MAX_CLAIMS, may_be_empty=True)
            self._references(found, known, Rule.CLAIM_SETS, Rule.CLAIM_SET_ID)

    def _credential_sets(self, value: _Members, known: set[str]) -> None:
        found = self._array(value, "credential_sets", "", Rule.CREDENTIAL_SETS, MAX_CREDENTIAL_SETS)
        for where, item in found:
            if not isinstance(item, dict):
                self._say(Rule.CREDENTIAL_SETS, where)
                continue
            for place, option in self._array(item, "options", where, Rule.OPTIONS, MAX_OPTIONS):
                names = self._elements(option, place, Rule.OPTIONS, MAX_CREDENTIALS)
                self._references(names, known, Rule.OPTIONS, Rule.OPTION_ID)
            self._boolean(item, "required", where, Rule.REQUIRED)

    def _references(self, names: list[tuple[str, JSON]], known: set[str], shape: Rule, unknown: Rule) -> None:
        for place, name in names:
            if not isinstance(name, str):
                self._say(shape, place)
            elif name not in known:
                self._say(unknown, place)
