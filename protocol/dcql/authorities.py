# SPDX-License-Identifier: EUPL-1.2
"""Trusted authorities (OpenID4VP 1.0, section 6.1.1): which of them stand behind a certificate chain.

`aki` is compared with the AuthorityKeyIdentifier of each certificate of the chain that the credential carries.
`etsi_tl` and `openid_federation` would need documents of others, and unknown types cannot be compared: no match.
Being named by a query makes nobody trusted: chain, signature and trust list are checked elsewhere.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography import x509

from protocol.dcql.model import TrustedAuthority
from protocol.encoding import JSON, b64url_encode

AKI = "aki"
KNOWN_TYPES = frozenset({AKI, "etsi_tl", "openid_federation"})
# as many certificates as a chain may have on the way to an authority
MAX_CHAIN = 8
_UNREADABLE = (
    ValueError,
    x509.InvalidVersion,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


def is_trusted(authorities: Sequence[TrustedAuthority], chain: JSON) -> bool:
    """Whether one of the authorities stands behind the chain."""
    wanted = {value for each in authorities if each.type == AKI for value in each.values}
    return bool(wanted) and not wanted.isdisjoint(key_identifiers(chain))


def key_identifiers(chain: JSON) -> frozenset[str]:
    """Return the authority key identifiers of an `x5c` header, as base64url; of what cannot be read, none."""
    if not isinstance(chain, list) or len(chain) > MAX_CHAIN:
        return frozenset()
    return frozenset(found for each in chain if (found := _find_key_identifier(each)) is not None)


def _find_key_identifier(text: JSON) -> str | None:
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(str(text), validate=True))
        extension = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except _UNREADABLE:
        return None
    found = extension.value.key_identifier
    return None if found is None else b64url_encode(found)
