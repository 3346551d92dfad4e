# SPDX-License-Identifier: EUPL-1.2
"""SD-JWT (RFC 9901): disclosures, digests, issuance, selection and the verified claims.

- Claims and array elements at any depth are disclosed on their own (section 4.2); their place is a `Path`.
- Each disclosure is referenced by exactly one digest, each digest occurs once, and no name is given twice at
  one level (section 7.1).
- The compact form is the only one unless a caller asks for `parse_json_serialization` (section 8).
- Nothing here checks a signature, a time or an issuer: the credential format and the verifier do.
"""

from protocol.sd_jwt.disclosures import DEFAULT_HASH, HASHES, SALT_BYTES, Disclosure, Path, read_hash_name
from protocol.sd_jwt.issuance import conceal, issue
from protocol.sd_jwt.json_serialization import UnverifiedJSONSDJWT, parse_json_serialization
from protocol.sd_jwt.limits import MAX_DEPTH, MAX_DIGESTS, MAX_DISCLOSURES
from protocol.sd_jwt.parsing import UnverifiedSDJWT
from protocol.sd_jwt.rebuilding import Rebuilt, rebuild, rebuild_with_paths
from protocol.sd_jwt.selection import SelectionIndex, select

__all__ = [
    "DEFAULT_HASH",
    "HASHES",
    "MAX_DEPTH",
    "MAX_DIGESTS",
    "MAX_DISCLOSURES",
    "SALT_BYTES",
    "Disclosure",
    "Path",
    "Rebuilt",
    "SelectionIndex",
    "UnverifiedJSONSDJWT",
    "UnverifiedSDJWT",
    "conceal",
    "issue",
    "parse_json_serialization",
    "read_hash_name",
    "rebuild",
    "rebuild_with_paths",
    "select",
]
