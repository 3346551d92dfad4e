# SPDX-License-Identifier: EUPL-1.2
"""Integrity of documents that are fetched (SD-JWT VC, section 6): `sha256-…` strings in the form of W3C SRI.

- The digest is of the octets as they came, before anybody parses them.
- Of several hash expressions those of the strongest known algorithm count, and one of them must match; a weaker
  one never helps.
- A string without any known algorithm is no promise at all: the document is refused, not accepted unchecked.
- Algorithms that we do not know are passed over, as SRI says; an expression of any other form is refused.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from hashlib import sha256, sha384, sha512

from protocol.errors import RequestError

# A hash expression of SHA-512 has 95 characters; room for one per algorithm and for several accepted documents.
MAX_INTEGRITY_CHARS = 1024
# weakest first (SRI, section 3.3.3)
_HASHES = {"sha256": sha256, "sha384": sha384, "sha512": sha512}
_STRENGTH = [*_HASHES]
# algorithm, digest in either base64 alphabet, and options that nobody defines (SRI, section 3.5)
_EXPRESSION = re.compile(r"([A-Za-z0-9]+)-([A-Za-z0-9+/_-]+={0,2})(?:\?[!-~]*)?")


def verify_integrity(data: bytes, integrity: str) -> None:
    """Raise `RequestError` (`invalid_type_metadata`) unless these octets are what the string promises."""
    if len(integrity) > MAX_INTEGRITY_CHARS:
        raise _refused(f"the integrity metadata is longer than {MAX_INTEGRITY_CHARS} characters")
    expressions = [_EXPRESSION.fullmatch(text) for text in integrity.split()]
    given = [(found[1], found[2]) for found in expressions if found]
    if len(given) != len(expressions):
        raise _refused("malformed integrity metadata")
    known = [(name, text) for name, text in given if name in _HASHES]
    if not known:
        raise _refused("the integrity metadata names no hash algorithm that we know")
    strongest = max((name for name, _ in known), key=_STRENGTH.index)
    digest = _HASHES[strongest](data).digest()
    expected = [_decode(text) for name, text in known if name == strongest]
    if not any(hmac.compare_digest(digest, each) for each in expected):
        raise _refused("the document is not the one that was promised")


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error as exc:
        raise _refused("malformed integrity metadata") from exc


def _refused(message: str) -> RequestError:
    return RequestError("invalid_type_metadata", message)
