# SPDX-License-Identifier: EUPL-1.2
"""SD-JWT (RFC 9901): disclosures, digests, issuance, selection and the verified claims.

- Digests are SHA-256; any other `_sd_alg` is refused.
- Each disclosure is referenced by exactly one digest, each digest occurs once, and no name is given twice at
  one level (RFC 9901, section 7.1).
- Nothing here checks a signature, a time or an issuer: `protocol.credential` and the verifier do.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from protocol import jws
from protocol.encoding import JSON, b64url_decode, b64url_encode, compact_json, parse_json, sha256
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import Signer

SALT_BYTES = 16
# A credential type has at most some dozens of claims; 200 is the largest in any published profile.
MAX_DISCLOSURES = 512
MAX_DEPTH = 16
_ALG = "sha-256"
_RESERVED = frozenset({"_sd", "...", "_sd_alg"})


@dataclass(frozen=True)
class Disclosure:
    """One claim that the holder may show: `[salt, name, value]`, or `[salt, value]` for an array element."""

    encoded: str
    name: str | None
    value: JSON = field(repr=False)

    @property
    def digest(self) -> str:
        """The base64url digest that the issuer signed (RFC 9901, section 4.2.3)."""
        return b64url_encode(sha256(self.encoded.encode("ascii")))

    @classmethod
    def make(cls, name: str, value: JSON, *, salt: str | None = None) -> Disclosure:
        """Return a disclosure of a claim, with a fresh 128-bit salt unless a vector gives one."""
        salt = salt or b64url_encode(secrets.token_bytes(SALT_BYTES))
        return cls(encoded=b64url_encode(compact_json([salt, name, value])), name=name, value=value)

    @classmethod
    def parse(cls, encoded: str) -> Disclosure:
        """Take a disclosure apart. Raises `VerificationError` (`disclosures`) on any other shape."""
        try:
            parts = parse_json(b64url_decode(encoded))
        except RequestError as exc:
            raise _wrong("a disclosure is not base64url JSON") from exc
        match parts:
            case [str(), str(name), value] if name not in _RESERVED:
                return cls(encoded=encoded, name=name, value=value)
            case [str(), value]:
                return cls(encoded=encoded, name=None, value=value)
        raise _wrong("a disclosure has another shape than salt, name, value")


def _wrong(message: str) -> VerificationError:
    return VerificationError(Check.DISCLOSURES, message)


@dataclass(frozen=True)
class UnverifiedSDJWT:
    """A parsed SD-JWT or SD-JWT+KB. It promises nothing."""

    issuer_jwt: jws.UnverifiedJWS
    disclosures: tuple[Disclosure, ...]
    key_binding_jwt: str | None
    # everything up to and with the last tilde: what `sd_hash` covers
    signed_part: str

    @classmethod
    def parse(cls, text: str) -> UnverifiedSDJWT:
        """Take the compact form apart (RFC 9901, section 4).

        Raises `RequestError` on a malformed JWT or too many parts, `VerificationError` on a malformed disclosure.
        """
        if len(text) > jws.MAX_TOKEN_CHARS:
            raise RequestError("invalid_request", f"SD-JWT longer than {jws.MAX_TOKEN_CHARS} characters")
        if "~" not in text:
            raise RequestError("invalid_request", "expected a tilde in an SD-JWT")
        first, *middle, last = text.split("~")
        if len(middle) > MAX_DISCLOSURES:
            raise _wrong(f"more than {MAX_DISCLOSURES} disclosures")
        if last:
            jws.parse(last)
        return cls(
            issuer_jwt=jws.parse(first),
            disclosures=tuple(Disclosure.parse(part) for part in middle),
            key_binding_jwt=last or None,
            signed_part=text[: len(text) - len(last)],
        )


def issue(
    payload: Mapping[str, JSON], disclosable: Sequence[Disclosure], signer: Signer, *, typ: str, **header: object
) -> str:
    """Return an issued SD-JWT whose disclosures are top-level claims, digests sorted (section 4.2.4.1)."""
    body: dict[str, JSON] = dict(payload)
    if disclosable:
        digests: list[JSON] = [*sorted(d.digest for d in disclosable)]
        body |= {"_sd": digests, "_sd_alg": _ALG}
    token = jws.sign(body, signer, typ=typ, **header)
    return "~".join([token, *(d.encoded for d in disclosable), ""])


def select(issued: str, names: Collection[str]) -> str:
    """Return the presentation that shows just these top-level claims, without key binding.

    Claims that are signed in the clear are shown in any case. Raises `KeyError` for a name that no disclosure has.
    """
    parsed = UnverifiedSDJWT.parse(issued)
    by_name = {d.name: d for d in parsed.disclosures}
    shown = [by_name[name].encoded for name in sorted(names)]
    return "~".join([parsed.issuer_jwt.token, *shown, ""])


def rebuild(payload: Mapping[str, JSON], disclosures: Sequence[Disclosure]) -> dict[str, JSON]:
    """Return the claims with every disclosed one put in its place (RFC 9901, section 7.1, step 3).

    Raises `VerificationError` (`disclosures`) as soon as one disclosure, digest or name is not as it must be.
    """
    if payload.get("_sd_alg", _ALG) != _ALG:
        raise _wrong("unknown _sd_alg")
    builder = _Rebuilder(disclosures)
    claims = builder.expand_object({k: v for k, v in payload.items() if k != "_sd_alg"}, 0)
    builder.check_all_used()
    return claims


class _Rebuilder:
    def __init__(self, disclosures: Sequence[Disclosure]) -> None:
        self._open = {d.digest: d for d in disclosures}
        if len(self._open) != len(disclosures):
            raise _wrong("a disclosure is given twice")
        self._seen: set[str] = set()

    def check_all_used(self) -> None:
        """Raise unless every disclosure was referenced."""
        if self._open:
            raise _wrong("a disclosure is referenced by no digest")

    def expand(self, value: JSON, depth: int) -> JSON:
        """Return the value with its digests resolved."""
        if depth > MAX_DEPTH:
            raise _wrong(f"claims nest deeper than {MAX_DEPTH}")
        if isinstance(value, dict):
            return self.expand_object(value, depth)
        if isinstance(value, list):
            return self._expand_array(value, depth)
        return value

    def expand_object(self, members: Mapping[str, JSON], depth: int) -> dict[str, JSON]:
        """Return the object with its `_sd` digests resolved."""
        digests = members.get("_sd", [])
        if not isinstance(digests, list):
            raise _wrong("_sd is not an array")
        result = {name: self.expand(value, depth + 1) for name, value in members.items() if name != "_sd"}
        if "_sd_alg" in result or "..." in result:
            raise _wrong("reserved name in an object")
        for digest in digests:
            disclosure = self._take(digest)
            if disclosure is None:
                continue
            if disclosure.name is None:
                raise _wrong("an array element is disclosed where a claim belongs")
            if disclosure.name in result:
                raise _wrong("a claim is given twice")
            result[disclosure.name] = self.expand(disclosure.value, depth + 1)
        return result

    def _expand_array(self, items: Sequence[JSON], depth: int) -> list[JSON]:
        result: list[JSON] = []
        for item in items:
            match item:
                case {"...": digest, **rest} if not rest:
                    disclosure = self._take(digest)
                    if disclosure is None:
                        continue
                    if disclosure.name is not None:
                        raise _wrong("a claim is disclosed where an array element belongs")
                    result.append(self.expand(disclosure.value, depth + 1))
                case _:
                    result.append(self.expand(item, depth + 1))
        return result

    def _take(self, digest: JSON) -> Disclosure | None:
        if not isinstance(digest, str):
            raise _wrong("a digest is not a string")
        if digest in self._seen:
            raise _wrong("a digest occurs twice")
        self._seen.add(digest)
        return self._open.pop(digest, None)
