# SPDX-License-Identifier: EUPL-1.2
"""Encrypted credential requests and responses (section 10): a JWE in a body of type `application/jwt`.

Refusals are never encrypted (section 8.3.1.2), so nothing here is about them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from protocol import jwe
from protocol.encoding import JSON, compact_json, get_member, parse_object
from protocol.errors import RequestError
from protocol.jwe import ENCRYPTIONS, RecipientKey
from protocol.keys import PrivateKey
from protocol.members import get_text, media_type
from protocol.openid4vci.errors import CredentialError
from protocol.openid4vci.metadata import ResponseEncryption

JSON_TYPE = "application/json"
JWT_TYPE = "application/jwt"
_CODE = CredentialError.INVALID_ENCRYPTION_PARAMETERS
_RESPONSE = "invalid_credential_response"


@dataclass(frozen=True)
class ResponseKey:
    """Where the wallet wants the response encrypted to (`credential_response_encryption`, section 8.2)."""

    recipient: RecipientKey
    encryption: str

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return {"jwk": self.recipient.jwk(), "enc": self.encryption}

    @classmethod
    def find(cls, request: dict[str, JSON], *, is_encrypted: bool) -> ResponseKey | None:
        """Return the key that a request names, or None.

        Raises `RequestError` (`invalid_encryption_parameters`): also when the request itself came in the clear,
        where anybody could have put in a key of theirs.
        """
        if "credential_response_encryption" not in request:
            return None
        if not is_encrypted:
            raise RequestError(_CODE, "an encrypted response can only be asked for in an encrypted request")
        value = get_member(request, "credential_response_encryption", dict, code=_CODE)
        if "zip" in value:
            raise RequestError(_CODE, "compression is not offered")
        encryption = get_text(value, "enc", code=_CODE)
        if encryption not in ENCRYPTIONS:
            raise RequestError(_CODE, "no common content encryption")
        try:
            return cls(recipient=RecipientKey.parse(value.get("jwk")), encryption=encryption)
        except RequestError as exc:
            raise RequestError(_CODE, exc.message) from exc


def check_response_key(key: ResponseKey | None, offered: ResponseEncryption | None) -> None:
    """Refuse what the issuer's metadata does not offer, or the lack of what it requires (sections 8.2 and 12.2.4).

    Raises `RequestError` (`invalid_encryption_parameters`).
    """
    if key is None:
        if offered is not None and offered.is_required:
            raise RequestError(_CODE, "expected a key to encrypt the response to")
    elif offered is None or key.encryption not in offered.encryptions:
        raise RequestError(_CODE, "the response cannot be encrypted as asked")


@dataclass(frozen=True)
class RequestBody:
    """The members of a request, and whether they came encrypted."""

    members: dict[str, JSON]
    is_encrypted: bool


def open_request(
    body: bytes,
    content_type: str,
    *,
    keys: Mapping[str, PrivateKey],
    is_required: bool,
    encryptions: Collection[str] = ENCRYPTIONS,
) -> RequestBody:
    """Return a credential or deferred request, decrypted if it is encrypted; `keys` are ours, by `kid`.

    Raises `RequestError`: `invalid_encryption_parameters` when it is not encrypted as we offer, or not at all
    though that is required; `invalid_credential_request` when it is no JSON object.
    """
    kind = media_type(content_type)
    if kind not in {JSON_TYPE, JWT_TYPE}:
        raise RequestError(CredentialError.INVALID_CREDENTIAL_REQUEST, f"expected {JSON_TYPE} or {JWT_TYPE}")
    if kind == JSON_TYPE and is_required:
        raise RequestError(_CODE, "expected an encrypted request")
    plain = _decrypt_request(body, keys, encryptions) if kind == JWT_TYPE else body
    try:
        return RequestBody(members=parse_object(plain), is_encrypted=kind == JWT_TYPE)
    except RequestError as exc:
        raise RequestError(CredentialError.INVALID_CREDENTIAL_REQUEST, exc.message) from exc


def _decrypt_request(body: bytes, keys: Mapping[str, PrivateKey], encryptions: Collection[str]) -> bytes:
    try:
        token = body.decode("ascii")
        key_id = get_text(jwe.parse_header(token), "kid", code=_CODE)
        if key_id not in keys:
            raise RequestError(_CODE, "the request is encrypted to no key of ours")
        return jwe.decrypt(token, keys[key_id], expected_key_id=key_id, encryptions=encryptions)
    except UnicodeDecodeError as exc:
        raise RequestError(_CODE, "expected a compact JWE") from exc
    except RequestError as exc:
        raise RequestError(_CODE, exc.message) from exc


def encrypt_message(members: dict[str, JSON], recipient: RecipientKey, *, encryption: str) -> str:
    """Return a request or response as a JWE. Raises `RequestError` when the encryption is none of ours."""
    return jwe.encrypt(compact_json(members), recipient.key, key_id=recipient.key_id, encryption=encryption)


def open_response(
    body: bytes, content_type: str, *, key: PrivateKey | None, expected: ResponseKey | None
) -> dict[str, JSON]:
    """Return the members of a response; `expected` is what our request asked for, `key` its secret half.

    Raises `RequestError` (`invalid_credential_response`), also for a response in the clear that should not be.
    """
    wanted = JSON_TYPE if expected is None else JWT_TYPE
    if media_type(content_type) != wanted:
        raise RequestError(_RESPONSE, f"expected a response of type {wanted}")
    try:
        if expected is None or key is None:
            return parse_object(body)
        return parse_object(
            jwe.decrypt(
                body.decode("ascii"),
                key,
                expected_key_id=expected.recipient.key_id,
                encryptions=(expected.encryption,),
            )
        )
    except UnicodeDecodeError as exc:
        raise RequestError(_RESPONSE, "expected a compact JWE") from exc
    except RequestError as exc:
        raise RequestError(_RESPONSE, exc.message) from exc
