# SPDX-License-Identifier: EUPL-1.2
"""DCQL, the query language of OpenID4VP 1.0 (sections 6 and 7), complete for the format `dc+sd-jwt`.

- `Query.parse` refuses an invalid query and names the rule it breaks; `lint` names them all and advises.
- `evaluate` is the wallet's half (section 6.4), `check_answered` and `is_asked` the verifier's (section 8.6).
- Members that the specification does not know are ignored, as it demands (section 6); queries in another format
  are valid, and no credential here satisfies them.
"""

from protocol.dcql.advice import Advice
from protocol.dcql.evaluation import Answer, Candidate, Selection, check_formats, evaluate
from protocol.dcql.lint import Finding, Score, lint, measure
from protocol.dcql.model import ClaimQuery, CredentialQuery, CredentialSet, Query, TrustedAuthority
from protocol.dcql.paths import ConcretePath, Scalar, Step
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
    Rule,
    RuleError,
)
from protocol.dcql.verification import check_answered, is_asked, presented_paths

__all__ = [
    "FORMAT",
    "MAX_AUTHORITIES",
    "MAX_CLAIMS",
    "MAX_CLAIM_SETS",
    "MAX_CREDENTIALS",
    "MAX_CREDENTIAL_SETS",
    "MAX_ID_CHARS",
    "MAX_INDEX",
    "MAX_INTEGER",
    "MAX_OPTIONS",
    "MAX_PATH_STEPS",
    "MAX_TEXT_CHARS",
    "MAX_VALUES",
    "Advice",
    "Answer",
    "Candidate",
    "ClaimQuery",
    "ConcretePath",
    "CredentialQuery",
    "CredentialSet",
    "Finding",
    "Query",
    "Rule",
    "RuleError",
    "Scalar",
    "Score",
    "Selection",
    "Step",
    "TrustedAuthority",
    "check_answered",
    "check_formats",
    "evaluate",
    "is_asked",
    "lint",
    "measure",
    "presented_paths",
]
