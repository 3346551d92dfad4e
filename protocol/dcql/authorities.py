# SPDX-License-Identifier: EUPL-1.2
"""Trusted authorities (OpenID4VP 1.0, section 6.1.1): which of them stand behind a certificate chain.

`aki` is compared with the AuthorityKeyIdentifier of each certificate of the chain that the credential carries.
`etsi_tl` and `openid_federation` would need documents of others, and unknown types cannot be compared: no match.
Being named by a query makes nobody trusted: chain, signature and trust list are checked elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from protocol.dcql.model import TrustedAuthority
from protocol.encoding import JSON, b64url_encode
from protocol.errors import VerificationError
from protocol.x509 import parse_authority_key_identifiers

AKI = "aki"
KNOWN_TYPES = frozenset({AKI, "etsi_tl", "openid_federation"})


def is_trusted(authorities: Sequence[TrustedAuthority], chain: JSON) -> bool:
    """Whether one of the authorities stands behind the chain."""
    wanted = {value for each in authorities if each.type == AKI for value in each.values}
    return bool(wanted) and not wanted.isdisjoint(key_identifiers(chain))


def key_identifiers(chain: JSON) -> frozenset[str]:
    """Return the authority key identifiers of an `x5c` header, as base64url; of what cannot be read, none."""
    try:
        return frozenset(map(b64url_encode, parse_authority_key_identifiers(chain)))
    except VerificationError:
        return frozenset()
