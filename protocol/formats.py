# SPDX-License-Identifier: EUPL-1.2
"""The credential formats that we speak: one. Every other is refused with its protocol's code.

`unsupported_credential_format` where OpenID4VCI 1.0 is spoken, `vp_formats_not_supported` in OpenID4VP 1.0
(section 8.5).
"""

from __future__ import annotations

from collections.abc import Mapping

from protocol.credential import CredentialFormat
from protocol.errors import RequestError
from protocol.sd_jwt_vc import FORMAT

FORMATS: Mapping[str, CredentialFormat] = {FORMAT.identifier: FORMAT}


def get_format(identifier: str, *, code: str) -> CredentialFormat:
    """Return the format. Raises `RequestError` with the code of the protocol that is being spoken."""
    found = FORMATS.get(identifier)
    if found is None:
        raise RequestError(code, f"expected a format of {', '.join(FORMATS)}")
    return found
