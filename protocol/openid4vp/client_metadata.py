# SPDX-License-Identifier: EUPL-1.2
"""What a verifier can take: encryption keys, encryptions, formats (OpenID4VP 1.0, sections 5.1, 8.3 and 11.1).

- A key that cannot be used is skipped: another `kty`, curve, `alg` or `use`, or no `kid` (section 8.3).
- Without a usable key an encrypted answer is impossible, and no other is given in its place.
- These keys never verify a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.dcql import FORMAT
from protocol.encoding import JSON, find_member, get_member
from protocol.errors import RequestError
from protocol.jwe import RecipientKey
from protocol.members import find_texts

# section 5.1: what an absent encrypted_response_enc_values_supported means
DEFAULT_ENCRYPTIONS = ("A128GCM",)
# HAIP 1.0, section 5: a wallet that can do both should use the longer key
PREFERRED_ENCRYPTIONS = ("A256GCM", "A128GCM")
# one per kind of key agreement; the specification's largest example has four
MAX_KEYS = 16
MAX_KEY_ID_CHARS = 256


@dataclass(frozen=True)
class FormatAlgorithms:
    """Signature algorithms that the verifier checks for `dc+sd-jwt` (appendix B.3.4). Empty: it does not say."""

    issuer: tuple[str, ...] = ()
    key_binding: tuple[str, ...] = ()

    @classmethod
    def parse(cls, value: JSON) -> FormatAlgorithms:
        """Return the algorithms. Raises `RequestError` (`invalid_request`)."""
        if not isinstance(value, dict):
            raise RequestError("invalid_request", f"expected an object for the format {FORMAT}")
        return cls(
            issuer=find_texts(value, "sd-jwt_alg_values", code="invalid_request"),
            key_binding=find_texts(value, "kb-jwt_alg_values", code="invalid_request"),
        )

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        given = {"sd-jwt_alg_values": self.issuer, "kb-jwt_alg_values": self.key_binding}
        return {name: [*values] for name, values in given.items() if values}

    def check(self, *, issuer: str, key_binding: str) -> None:
        """Raise `RequestError` (`vp_formats_not_supported`) unless the verifier takes both algorithms."""
        if issuer not in (self.issuer or (issuer,)) or key_binding not in (self.key_binding or (key_binding,)):
            raise RequestError("vp_formats_not_supported", "no common signature algorithm")


@dataclass(frozen=True)
class ClientMetadata:
    """The metadata that comes in a request. Keys that we cannot use, and other formats, are not in it."""

    keys: tuple[RecipientKey, ...]
    algorithms: FormatAlgorithms
    encryptions: tuple[str, ...] = DEFAULT_ENCRYPTIONS

    @classmethod
    def parse(cls, value: JSON) -> ClientMetadata:
        """Return the metadata.

        Raises `RequestError`: `vp_formats_not_supported` when `dc+sd-jwt` is not among the formats,
        `invalid_request` on another shape.
        """
        if not isinstance(value, dict):
            raise RequestError("invalid_request", "expected client_metadata to be an object")
        formats = get_member(value, "vp_formats_supported", dict)
        if FORMAT not in formats:
            raise RequestError("vp_formats_not_supported", f"the verifier does not take {FORMAT}")
        key_set = find_member(value, "jwks", dict)
        encryptions = find_texts(value, "encrypted_response_enc_values_supported", code="invalid_request")
        return cls(
            keys=() if key_set is None else _parse_keys(get_member(key_set, "keys", list)),
            algorithms=FormatAlgorithms.parse(formats[FORMAT]),
            encryptions=encryptions or DEFAULT_ENCRYPTIONS,
        )

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form; without keys there is nothing to say about encryption (section 5.1)."""
        formats: dict[str, JSON] = {"vp_formats_supported": {FORMAT: self.algorithms.to_json()}}
        if not self.keys:
            return formats
        return {
            "jwks": {"keys": [key.jwk() for key in self.keys]},
            "encrypted_response_enc_values_supported": [*self.encryptions],
            **formats,
        }

    def choose_key(self) -> RecipientKey:
        """Return the key to encrypt to: the first usable one. Raises `RequestError` (`invalid_request`)."""
        if not self.keys:
            raise RequestError("invalid_request", "no usable encryption key in the request")
        return self.keys[0]

    def choose_encryption(self, preferred: Sequence[str] = PREFERRED_ENCRYPTIONS) -> str:
        """Return the first preferred content encryption that the verifier takes.

        Raises `RequestError` (`invalid_request`) when there is none in common.
        """
        for encryption in preferred:
            if encryption in self.encryptions:
                return encryption
        raise RequestError("invalid_request", "no common content encryption")


def _parse_keys(items: Sequence[JSON]) -> tuple[RecipientKey, ...]:
    if len(items) > MAX_KEYS:
        raise RequestError("invalid_request", f"more than {MAX_KEYS} keys in client_metadata")
    names = [item.get("kid") for item in items if isinstance(item, dict) and isinstance(item.get("kid"), str)]
    if len(set(names)) != len(names):
        raise RequestError("invalid_request", "two keys of client_metadata have the same kid")
    found = (_find_usable(item) for item in items)
    return tuple(key for key in found if key is not None)


def _find_usable(item: JSON) -> RecipientKey | None:
    """Return the key when it is for ECDH-ES on P-256 and has a name (section 5.1), else None."""
    try:
        key = RecipientKey.parse(item)
    except RequestError:
        return None
    return key if key.key_id is not None and len(key.key_id) <= MAX_KEY_ID_CHARS else None
