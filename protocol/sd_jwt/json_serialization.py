# SPDX-License-Identifier: EUPL-1.2
"""SD-JWT as JWS JSON serialization (RFC 9901, section 8), flattened or general; for a caller who asks for it.

- Disclosures and key binding are in the unprotected header: in the general form in that of the first signature
  and in no other (section 8.1).
- `sd_hash` covers the compact form made of the first signature.
- Members of a header may not be in its protected half too (RFC 7515, section 7.2.1), nor `crit` in the other.
- No service of this project takes this form: OpenID4VC has credentials as compact text (S15).
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol import jws
from protocol.encoding import JSON, get_member
from protocol.errors import RequestError
from protocol.sd_jwt.disclosures import Disclosure, wrong
from protocol.sd_jwt.limits import MAX_DISCLOSURES
from protocol.sd_jwt.parsing import UnverifiedSDJWT

# an issuer that changes algorithms signs twice; more than some would only cost us time
MAX_SIGNATURES = 8
_SD_JWT_MEMBERS = frozenset({"disclosures", "kb_jwt"})


@dataclass(frozen=True, slots=True)
class UnverifiedJSONSDJWT:
    """A parsed JSON serialization. It promises nothing."""

    # as compact form, by the first signature
    sd_jwt: UnverifiedSDJWT
    # the same payload under the further signatures
    other_signatures: tuple[jws.UnverifiedJWS, ...]


def parse_json_serialization(document: dict[str, JSON]) -> UnverifiedJSONSDJWT:
    """Take the flattened or general form apart.

    Raises `RequestError` on another shape, and `VerificationError` (`disclosures`) on a malformed disclosure or
    too many of them.
    """
    payload = get_member(document, "payload", str)
    if "signatures" not in document:
        first, others = document, list[dict[str, JSON]]()
    elif {"signature", "protected", "header"}.isdisjoint(document):
        first, others = _split(get_member(document, "signatures", list))
    else:
        raise RequestError("invalid_request", "expected a flattened or a general JWS, got both")
    header = _header(first)
    if any(_SD_JWT_MEMBERS & _header(other).keys() for other in others):
        raise RequestError("invalid_request", "expected disclosures beside the first signature only")
    encoded = _disclosures(header)
    token = _parse_signature(payload, first)
    return UnverifiedJSONSDJWT(
        UnverifiedSDJWT(
            issuer_jwt=token,
            disclosures=tuple([Disclosure.parse(each) for each in encoded]),
            key_binding=jws.parse(get_member(header, "kb_jwt", str)) if "kb_jwt" in header else None,
            signed_part="~".join([token.token, *encoded, ""]),
        ),
        tuple([_parse_signature(payload, other) for other in others]),
    )


def _split(signatures: list[JSON]) -> tuple[dict[str, JSON], list[dict[str, JSON]]]:
    objects = [each for each in signatures if isinstance(each, dict)]
    if len(objects) != len(signatures) or not 0 < len(objects) <= MAX_SIGNATURES:
        raise RequestError("invalid_request", f"expected one to {MAX_SIGNATURES} signatures")
    return objects[0], objects[1:]


def _header(signature: dict[str, JSON]) -> dict[str, JSON]:
    return get_member(signature, "header", dict) if "header" in signature else {}


def _disclosures(header: dict[str, JSON]) -> list[str]:
    value = get_member(header, "disclosures", list) if "disclosures" in header else []
    if len(value) > MAX_DISCLOSURES:
        raise wrong(f"more than {MAX_DISCLOSURES} disclosures")
    encoded = [each for each in value if isinstance(each, str)]
    if len(encoded) != len(value):
        raise RequestError("invalid_request", "expected disclosures to be strings")
    return encoded


def _parse_signature(payload: str, signature: dict[str, JSON]) -> jws.UnverifiedJWS:
    protected, value = get_member(signature, "protected", str), get_member(signature, "signature", str)
    parsed = jws.parse(f"{protected}.{payload}.{value}")
    unprotected = _header(signature)
    if "crit" in unprotected or not parsed.header.keys().isdisjoint(unprotected):
        raise RequestError("invalid_request", "a header parameter is given twice, or crit is not protected")
    return parsed
