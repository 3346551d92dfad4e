# SPDX-License-Identifier: EUPL-1.2
"""Status lists in memory, an implementation of `StatusLists`: tokens are signed and verified as everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from protocol.errors import UnavailableError
from protocol.status_list import VerifiedStatusList, verify_token
from protocol.trust import TrustedIssuer, TrustList


@dataclass
class MemoryStatusLists:
    """Signed status list tokens by address; one that is not here does not answer."""

    trust: TrustList
    tokens: Mapping[str, str | None] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def get(self, uri: str, *, issuer: TrustedIssuer, now: datetime) -> VerifiedStatusList:
        self.calls.append(uri)
        token = self.tokens.get(uri)
        if token is None:
            raise UnavailableError("status_unavailable", "the status list does not answer")
        return verify_token(token, expected_uri=uri, issuer=issuer, trust=self.trust, now=now, at=now)
