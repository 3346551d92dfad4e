# SPDX-License-Identifier: EUPL-1.2
"""The rules of a valid DCQL query (OpenID4VP 1.0, sections 6, 7 and B.3.5), and how large one may be.

The bounds are ours: a query is written by hand and shown to a person, so that none needs more. Places in messages
are positions (`credentials[0].claims[2].path`), never values.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from protocol.errors import RequestError

FORMAT = "dc+sd-jwt"
# nobody reads more documents on one screen before deciding
MAX_CREDENTIALS = 8
MAX_CREDENTIAL_SETS = 8
MAX_OPTIONS = 16
# a credential type has at most some dozens of claims
MAX_CLAIMS = 64
MAX_CLAIM_SETS = 16
# as deep as the claims of a credential may nest
MAX_PATH_STEPS = 16
# also types of one credential query, and values of one trusted authority: more is a list to be looked up, no query
MAX_VALUES = 64
MAX_AUTHORITIES = 16
MAX_ID_CHARS = 64
# the longest strings are URLs: types and trusted lists
MAX_TEXT_CHARS = 1024
MAX_INDEX = 65_535
# what every JSON reader keeps exactly (RFC 7493, section 2.2)
MAX_INTEGER = 2**53 - 1


class Rule(Enum):
    """One rule of a valid query: what it says, how to keep it, and its section (none: a limit of this program)."""

    def __init__(self, explanation: str, hint: str, section: str) -> None:
        self.explanation = explanation
        self.hint = hint
        self.section = section

    OBJECT = ("a query is a JSON object", 'write {"credentials": [...]}', "6")
    CREDENTIALS = ("credentials is a non-empty array of objects", "ask for one credential at least", "6")
    CREDENTIAL_ID = (
        "each credential has an id of letters, digits, underscores and hyphens",
        "give each credential a short name of its own",
        "6.1",
    )
    CREDENTIAL_ID_TWICE = ("no two credentials have the same id", "rename one of them", "6.1")
    FORMAT = ("each credential names its format", 'write "format": "dc+sd-jwt"', "6.1")
    META = ("each credential has a meta object", "write meta with vct_values in it", "6.1")
    VCT_VALUES = (
        "meta of a dc+sd-jwt credential has vct_values, a non-empty array of types",
        "name the types that will do; without them any document would",
        "B.3.5",
    )
    MULTIPLE = ("multiple is true or false", "leave it out: one document is the default", "6.1")
    HOLDER_BINDING = (
        "require_cryptographic_holder_binding is true or false",
        "leave it out: holder binding is the default",
        "6.1",
    )
    AUTHORITIES = (
        "trusted_authorities is a non-empty array of objects",
        "leave it out to accept every issuer that you trust",
        "6.1",
    )
    AUTHORITY = (
        "a trusted authority has a type and a non-empty array of strings as values",
        "leave it out to accept every issuer that you trust",
        "6.1.1",
    )
    CLAIMS = ("claims is a non-empty array of objects", "leave it out to ask for no claim", "6.1")
    CLAIM_ID = (
        "the id of a claim consists of letters, digits, underscores and hyphens",
        "give the claim a short name",
        "6.3",
    )
    CLAIM_ID_MISSING = ("with claim_sets, each claim has an id", "give each claim an id", "6.3")
    CLAIM_ID_TWICE = ("no two claims of a credential have the same id", "rename one of them", "6.3")
    PATH = (
        "path is a non-empty array of strings, nulls and non-negative integers",
        "start with the name of the claim",
        "7",
    )
    PATH_TWICE = ("no claim is pointed to twice", "leave one of them out", "6.1")
    VALUES = (
        "values is a non-empty array of strings, integers and booleans",
        "leave it out to accept every value",
        "6.3",
    )
    CLAIM_SETS = (
        "claim_sets is a non-empty array of arrays of ids",
        "leave it out to ask for all claims",
        "6.1",
    )
    CLAIM_SETS_ALONE = ("claim_sets come with claims only", "list the claims, or leave claim_sets out", "6.4.1")
    CLAIM_SET_ID = ("a claim set names ids of this credential's claims", "correct the id", "6.1")
    CREDENTIAL_SETS = (
        "credential_sets is a non-empty array of objects",
        "leave it out to ask for all credentials",
        "6",
    )
    OPTIONS = (
        "options is a non-empty array of non-empty arrays of ids",
        "name the credentials of each alternative",
        "6.2",
    )
    OPTION_ID = ("an option names ids of this query's credentials", "correct the id", "6.2")
    REQUIRED = ("required is true or false", "leave it out: required is the default", "6.2")
    SIZE = (
        "the query is no larger than this program takes",
        "ask for less: a person has to read it",
        "",
    )

    @property
    def code(self) -> str:
        """The name in messages, JSON and documentation."""
        return self.name.lower().replace("_", "-")


class RuleError(RequestError):
    """A query breaks a rule, at a place."""

    def __init__(self, rule: Rule, where: str) -> None:
        super().__init__(
            "invalid_request", f"dcql_query breaks a rule at {where or 'its top'}: {rule.explanation}"
        )
        self.rule = rule
        self.where = where


@dataclass(frozen=True)
class Problem:
    """A broken rule, and where."""

    rule: Rule
    where: str
