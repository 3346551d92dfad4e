# SPDX-License-Identifier: EUPL-1.2
"""Who may do what: the trust list (`lists`), and the strict reading of its entries (`entries`)."""

from protocol.trust.entries import TrustedLog
from protocol.trust.lists import (
    MAX_LIST_CHARS,
    TYPE,
    SignedTrustList,
    TrustedAuditor,
    TrustedIssuer,
    TrustedRequester,
    TrustList,
)

__all__ = [
    "MAX_LIST_CHARS",
    "TYPE",
    "SignedTrustList",
    "TrustList",
    "TrustedAuditor",
    "TrustedIssuer",
    "TrustedLog",
    "TrustedRequester",
]
