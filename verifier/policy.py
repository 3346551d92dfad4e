# SPDX-License-Identifier: EUPL-1.2
"""What a genuine presentation must satisfy beyond being genuine, as small objects in a list.

- Every policy of the list must hold; an empty list is a configuration error, not a pass.
- A document rule says, per type, whether such documents carry a status and for how long one may live without.
  A type without a rule is refused.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from protocol.encoding import JSON, canonical_json
from protocol.errors import Check, VerificationError
from protocol.registration import Procedure

# the claim by which documents of different issuers name the same person
PERSON_CLAIM = "document_number"


@dataclass(frozen=True)
class DocumentRule:
    """What is known about a type of document: whether it carries a status, and its longest validity."""

    vct: str
    carries_status: bool
    longest_validity: timedelta

    def check_without_status(self, expires_at: datetime, *, now: datetime) -> None:
        """Raise `VerificationError` (`status`) unless a document of this type may come without a status."""
        if self.carries_status:
            raise VerificationError(Check.STATUS, "documents of this type must carry a status")
        if expires_at > now + self.longest_validity:
            raise VerificationError(Check.STATUS, "the document lives too long to go without a status")


class Policy(Protocol):
    """One condition on a whole presentation."""

    def check(self, documents: Sequence[Mapping[str, JSON]], *, procedure: Procedure, now: datetime) -> None:
        """Raise `VerificationError` (`policy`) unless it holds for the claims of these documents."""


class ProcedureInForce:
    """The procedure is still registered when the decision is made."""

    def check(self, documents: Sequence[Mapping[str, JSON]], *, procedure: Procedure, now: datetime) -> None:
        """Raise `VerificationError` (`policy`) when its registration has ended."""
        del documents
        if procedure.valid_until <= now:
            raise VerificationError(
                Check.POLICY, "the registration of the procedure has ended", code="procedure_ended"
            )


class SamePerson:
    """Documents that are shown together are about one person."""

    def check(self, documents: Sequence[Mapping[str, JSON]], *, procedure: Procedure, now: datetime) -> None:
        """Raise `VerificationError` (`policy`) unless several documents all name the same person."""
        del procedure, now
        if len(documents) == 1:
            return
        named = [document.get(PERSON_CLAIM) for document in documents]
        if any(not isinstance(each, str) or not each for each in named):
            raise VerificationError(Check.POLICY, "a document does not say whose it is", code="person_unknown")
        if any(not hmac.compare_digest(canonical_json(each), canonical_json(named[0])) for each in named):
            raise VerificationError(
                Check.POLICY, "the documents are about different people", code="different_people"
            )


POLICIES: tuple[Policy, ...] = (ProcedureInForce(), SamePerson())
