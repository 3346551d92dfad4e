# SPDX-License-Identifier: EUPL-1.2
"""JWT VC issuer metadata (SD-JWT VC, section 4): the keys of an issuer, published under its identifier.

- The document names the issuer that was asked, in the same letters (section 4.3).
- Exactly one of `jwks` and `jwks_uri`; every URL is https (sections 3 and 4.2).
- A set that holds a private key is refused whole. Keys of another kind or without `kid` are passed over
  (RFC 7517, section 5); no usable key, or two with one `kid`, is refused.
- The number of keys and the size of a document are bounded.

We publish this for verifiers that want it, and our own verifier never reads it. For a given issuer an attacker
must not be able to choose how its key is found (section 7.3): ours is always the certificate in `x5c` under the
trust list (`protocol.trust`, `protocol.x509`), which also says what the issuer may issue. A key set on a web
server says neither whose server it is nor what its keys are good for, and to fetch it tells the issuer when a
document is shown (section 8.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from protocol.encoding import JSON, find_member, get_member, parse_object
from protocol.errors import RequestError
from protocol.keys import Algorithm, PublicKey
from protocol.type_metadata.display import is_web_address

WELL_KNOWN = "/.well-known/jwt-vc-issuer"
# Thirty-two keys of 300 bytes with their certificates left out, and room for members that we do not know.
MAX_DOCUMENT_BYTES = 64 * 1024
# A key in use, the one before and the one after, for each of some departments.
MAX_KEYS = 32
MAX_KEY_ID_CHARS = 256
_CODE = "invalid_issuer_metadata"
_KINDS = {("EC", "P-256"): Algorithm.ES256, ("EC", "P-384"): Algorithm.ES384, ("OKP", "Ed25519"): Algorithm.EDDSA}


@dataclass(frozen=True)
class JWTVCIssuerMetadata:
    """Who an issuer is and where its keys are: here by `kid`, or at `jwks_uri`."""

    issuer: str
    keys: Mapping[str, PublicKey] | None
    jwks_uri: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        document: dict[str, JSON] = {"issuer": self.issuer}
        if self.jwks_uri is not None:
            document["jwks_uri"] = self.jwks_uri
        if self.keys is not None:
            document["jwks"] = {"keys": [{"kid": kid, **key.jwk()} for kid, key in self.keys.items()]}
        return document

    @classmethod
    def parse(cls, data: bytes | str, *, expected_issuer: str) -> JWTVCIssuerMetadata:
        """Return the metadata. Raises `RequestError` (`invalid_issuer_metadata`)."""
        check_identifier(expected_issuer)
        value = _read_object(data)
        if get_member(value, "issuer", str, code=_CODE) != expected_issuer:
            raise RequestError(_CODE, "the metadata is another issuer's")
        if ("jwks" in value) == ("jwks_uri" in value):
            raise RequestError(_CODE, "expected exactly one of jwks and jwks_uri")
        jwks_uri = find_member(value, "jwks_uri", str, code=_CODE)
        if jwks_uri is not None:
            if not is_web_address(jwks_uri):
                raise RequestError(_CODE, "expected jwks_uri to be an https URL")
            return cls(issuer=expected_issuer, keys=None, jwks_uri=jwks_uri)
        return cls(issuer=expected_issuer, keys=_read_keys(get_member(value, "jwks", dict, code=_CODE)))


def metadata_url(issuer: str) -> str:
    """Return where an issuer's metadata is: the well-known segment goes between host and path (section 4.1).

    Raises `RequestError` (`invalid_issuer_metadata`) on an identifier that can have none.
    """
    check_identifier(issuer)
    parts = urlsplit(issuer)
    return f"https://{parts.netloc}{WELL_KNOWN}{parts.path.rstrip('/')}"


def check_identifier(issuer: str) -> None:
    """Raise `RequestError` unless it is an https URL without query and fragment (section 4)."""
    if not is_web_address(issuer) or "?" in issuer:
        raise RequestError(_CODE, "expected an issuer identifier to be an https URL without query and fragment")


def parse_key_set(data: bytes | str) -> Mapping[str, PublicKey]:
    """Return the keys of the document at `jwks_uri`, by `kid`. Raises `RequestError` as `parse` does."""
    return _read_keys(_read_object(data))


def _read_object(data: bytes | str) -> dict[str, JSON]:
    try:
        return parse_object(data, max_bytes=MAX_DOCUMENT_BYTES)
    except RequestError as exc:
        raise RequestError(_CODE, exc.message) from exc


def _read_keys(key_set: dict[str, JSON]) -> dict[str, PublicKey]:
    given = get_member(key_set, "keys", list, code=_CODE)
    if len(given) > MAX_KEYS:
        raise RequestError(_CODE, f"expected at most {MAX_KEYS} keys, got {len(given)}")
    found: dict[str, PublicKey] = {}
    for jwk in given:
        match jwk:
            case {"d": _} | {"k": _}:
                raise RequestError(_CODE, "a private or symmetric key stands in a public key set")
            case {"kid": str(kid), "kty": kty, "crv": crv} if _may_sign(jwk, _KINDS.get((str(kty), str(crv)))):
                if kid in found or len(kid) > MAX_KEY_ID_CHARS:
                    raise RequestError(_CODE, "a kid stands twice or is too long")
                found[kid] = _read_key(jwk)
    if not found:
        raise RequestError(_CODE, "the key set has no key with a kid that we can use")
    return found


def _may_sign(jwk: Mapping[str, JSON], algorithm: Algorithm | None) -> bool:
    return algorithm is not None and jwk.get("use", "sig") == "sig" and jwk.get("alg", algorithm) == algorithm


def _read_key(jwk: JSON) -> PublicKey:
    try:
        return PublicKey.parse_jwk(jwk, algorithms=[*Algorithm])
    except RequestError as exc:
        raise RequestError(_CODE, exc.message) from exc
