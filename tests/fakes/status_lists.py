# SPDX-License-Identifier: EUPL-1.2
"""Status lists in memory, an implementation of `StatusLists`: tokens are signed and verified as everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from protocol.errors import UnavailableError
from protocol.status_list import VerifiedStatusList, verify_token
from protocol.trust import TrustedIssuer, TrustList


@dataclass
class MemoryStatusLists:
    """Signed status list tokens by address; one that is not here does not answer."""

    trust: TrustList
    tokens: dict[str, str] = field(default_factory=dict)

    def get(self, uri: str, *, issuer: TrustedIssuer, now: datetime) -> VerifiedStatusList:
        if uri not in self.tokens:
            raise UnavailableError("status_unavailable", "the status list does not answer")
        return verify_token(self.tokens[uri], expected_uri=uri, issuer=issuer, trust=self.trust, now=now, at=now)
