# SPDX-License-Identifier: EUPL-1.2
"""Certificates and their chains (RFC 5280; `x5c`: RFC 7515, section 4.1.6; HAIP 1.0, section 6.1.1)."""

from protocol.x509.certificate import certificate_digest
from protocol.x509.chains import (
    MAX_ANCHORS,
    MAX_CHAIN,
    Anchors,
    Purpose,
    VerifiedChain,
    encode_chain,
    parse_authority_key_identifiers,
    parse_chain,
)

__all__ = [
    "MAX_ANCHORS",
    "MAX_CHAIN",
    "Anchors",
    "Purpose",
    "VerifiedChain",
    "certificate_digest",
    "encode_chain",
    "parse_authority_key_identifiers",
    "parse_chain",
]
