# SPDX-License-Identifier: EUPL-1.2
"""What several messages of OpenID4VP 1.0 share: random values and forms.

Everything raises `RequestError` (`invalid_request`) and quotes nothing that was sent.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from protocol.errors import RequestError

# "ASCII URL safe characters" (section 5.2): the unreserved characters of RFC 3986
_URL_SAFE = re.compile(r"[A-Za-z0-9._~-]+")
# six parameters are defined for a response and ten for a request; others are ignored, but not without end
MAX_FORM_FIELDS = 32


def host_of(uri: str) -> str:
    """Return the host of an address that `check_url` accepted, in lower case."""
    return (urlsplit(uri).hostname or "").lower()


def check_url_safe(text: str, name: str, *, minimum: int, maximum: int) -> str:
    """Return the text when it has URL-safe characters only, as many as allowed; else raise."""
    if not (minimum <= len(text) <= maximum and _URL_SAFE.fullmatch(text)):
        raise RequestError("invalid_request", f"expected {name} of {minimum} to {maximum} URL-safe characters")
    return text


def parse_form(body: bytes | str, *, max_bytes: int) -> dict[str, str]:
    """Return the parameters of a form body or a link's query, UTF-8, each once (RFC 6749, section 3.1)."""
    if len(body) > max_bytes:
        raise RequestError("invalid_request", f"parameters longer than {max_bytes} bytes")
    try:
        text = body.decode("utf-8") if isinstance(body, bytes) else body
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
    except ValueError as exc:
        raise RequestError("invalid_request", "malformed parameters, or too many") from exc
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise RequestError("invalid_request", "a parameter is given twice")
    return fields
