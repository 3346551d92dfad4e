# SPDX-License-Identifier: EUPL-1.2
"""OpenID4VCI 1.0 messages: offer, metadata, token, nonce, credential; pre-authorized code flow, `jwt` proofs.

Each message has a strict parser that raises `RequestError` with the specification's error code, and the same
dataclass writes it. Section numbers are those of OpenID for Verifiable Credential Issuance 1.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit, urlunsplit

from protocol import jws
from protocol.clock import epoch_seconds
from protocol.credential import TYPE as FORMAT
from protocol.encoding import JSON, find_member, get_member
from protocol.errors import RequestError, VerificationError
from protocol.keys import Algorithm, PublicKey

PRE_AUTHORIZED = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
PROOF_TYPE = "openid4vci-proof+jwt"
OFFER_SCHEME = "openid-credential-offer://"
# clocks of phones and servers differ
MAX_PROOF_AGE = timedelta(minutes=5)
_KEY_REFERENCES = ("jwk", "kid", "x5c")


def well_known(identifier: str, name: str) -> str:
    """Return the metadata URL: the well-known segment goes between host and path (section 12.2.2; RFC 8414)."""
    try:
        parts = urlsplit(identifier)
    except ValueError as exc:
        raise RequestError("invalid_request", "malformed issuer identifier") from exc
    return urlunsplit((parts.scheme, parts.netloc, f"/.well-known/{name}{parts.path.rstrip('/')}", "", ""))


@dataclass(frozen=True)
class CredentialOffer:
    """A credential offer with a pre-authorized code (section 4.1.1)."""

    issuer: str
    configuration_ids: tuple[str, ...]
    pre_authorized_code: str
    # number of digits of the transaction code, None when none is asked
    tx_code_length: int | None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        grant: dict[str, JSON] = {"pre-authorized_code": self.pre_authorized_code}
        if self.tx_code_length is not None:
            grant["tx_code"] = {"input_mode": "numeric", "length": self.tx_code_length}
        return {
            "credential_issuer": self.issuer,
            "credential_configuration_ids": [*self.configuration_ids],
            "grants": {PRE_AUTHORIZED: grant},
        }

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> CredentialOffer:
        """Return the offer. Raises `RequestError` (`invalid_credential_offer`)."""
        code = "invalid_credential_offer"
        ids = get_member(value, "credential_configuration_ids", list, code=code)
        if not ids or len(set(map(str, ids))) != len(ids) or any(not isinstance(i, str) for i in ids):
            raise RequestError(code, "credential_configuration_ids must be distinct strings, at least one")
        grants = get_member(value, "grants", dict, code=code)
        grant = get_member(grants, PRE_AUTHORIZED, dict, code=code)
        tx_code = find_member(grant, "tx_code", dict, code=code)
        length = None if tx_code is None else find_member(tx_code, "length", int, code=code) or 0
        return cls(
            issuer=get_member(value, "credential_issuer", str, code=code),
            configuration_ids=tuple(str(i) for i in ids),
            pre_authorized_code=get_member(grant, "pre-authorized_code", str, code=code),
            tx_code_length=length,
        )


def offer_link(offer_uri: str, *, wallet: str | None = None) -> str:
    """Return the link to an offer by reference: for one wallet's address, or for any wallet on the device."""
    query = urlencode({"credential_offer_uri": offer_uri})
    return f"{wallet}?{query}" if wallet else f"{OFFER_SCHEME}?{query}"


@dataclass(frozen=True)
class CredentialConfiguration:
    """One entry of `credential_configurations_supported` (section 12.2.4)."""

    id: str
    vct: str
    # display name and claim labels, by language
    names: Mapping[str, str]
    labels: Mapping[str, Mapping[str, str]]

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return {
            "format": FORMAT,
            "vct": self.vct,
            "scope": self.id,
            "cryptographic_binding_methods_supported": ["jwk"],
            "credential_signing_alg_values_supported": [Algorithm.ES256],
            "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": [Algorithm.ES256]}},
            "credential_metadata": {
                "display": [{"name": text, "locale": code} for code, text in self.names.items()],
                "claims": [
                    {"path": [name], "display": [{"name": text, "locale": code} for code, text in texts.items()]}
                    for name, texts in self.labels.items()
                ],
            },
        }


@dataclass(frozen=True)
class IssuerMetadata:
    """Issuer metadata, with the token endpoint of its authorization server (sections 12.2 and 12.3)."""

    issuer: str
    token_endpoint: str
    nonce_endpoint: str
    credential_endpoint: str
    notification_endpoint: str | None
    batch_size: int
    names: Mapping[str, str]
    configurations: Mapping[str, CredentialConfiguration]

    def to_json(self) -> dict[str, JSON]:
        """Return the credential issuer metadata."""
        document: dict[str, JSON] = {
            "credential_issuer": self.issuer,
            "credential_endpoint": self.credential_endpoint,
            "nonce_endpoint": self.nonce_endpoint,
            "batch_credential_issuance": {"batch_size": self.batch_size},
            "display": [{"name": text, "locale": code} for code, text in self.names.items()],
            "credential_configurations_supported": {i: c.to_json() for i, c in self.configurations.items()},
        }
        if self.notification_endpoint:
            document["notification_endpoint"] = self.notification_endpoint
        return document

    def server_json(self) -> dict[str, JSON]:
        """Return the authorization server metadata (RFC 8414)."""
        return {
            "issuer": self.issuer,
            "token_endpoint": self.token_endpoint,
            "grant_types_supported": [PRE_AUTHORIZED],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["none"],
            "pre-authorized_grant_anonymous_access_supported": True,
        }

    @classmethod
    def parse(cls, document: dict[str, JSON], server: dict[str, JSON], *, expected_issuer: str) -> IssuerMetadata:
        """Return the metadata. Raises `RequestError` unless both documents are this issuer's (section 12.2.4)."""
        if document.get("credential_issuer") != expected_issuer or server.get("issuer") != expected_issuer:
            raise RequestError("invalid_issuer_metadata", "the metadata is another issuer's")
        code = "invalid_issuer_metadata"
        batch = find_member(document, "batch_credential_issuance", dict, code=code)
        supported = get_member(document, "credential_configurations_supported", dict, code=code)
        return cls(
            issuer=expected_issuer,
            token_endpoint=get_member(server, "token_endpoint", str, code=code),
            nonce_endpoint=get_member(document, "nonce_endpoint", str, code=code),
            credential_endpoint=get_member(document, "credential_endpoint", str, code=code),
            notification_endpoint=find_member(document, "notification_endpoint", str, code=code),
            batch_size=get_member(batch, "batch_size", int, code=code) if batch else 1,
            names=_parse_display(find_member(document, "display", list, code=code) or []),
            configurations={
                name: _parse_configuration(name, entry)
                for name, entry in supported.items()
                if isinstance(entry, dict) and entry.get("format") == FORMAT
            },
        )


def _parse_configuration(name: str, entry: dict[str, JSON]) -> CredentialConfiguration:
    code = "invalid_issuer_metadata"
    described = find_member(entry, "credential_metadata", dict, code=code) or {}
    labels: dict[str, Mapping[str, str]] = {}
    for claim in find_member(described, "claims", list, code=code) or []:
        match claim:
            case {"path": [str(path)], "display": [*texts]}:
                labels[path] = _parse_display(texts)
            case _:
                continue
    return CredentialConfiguration(
        id=name,
        vct=get_member(entry, "vct", str, code=code),
        names=_parse_display(find_member(described, "display", list, code=code) or []),
        labels=labels,
    )


def _parse_display(items: list[JSON]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in items:
        match item:
            case {"name": str(text), "locale": str(locale)}:
                found[locale.partition("-")[0]] = text
            case {"name": str(text)}:
                found.setdefault("en", text)
            case _:
                continue
    return found


@dataclass(frozen=True)
class TokenRequest:
    """A token request for a pre-authorized code (section 6.1)."""

    pre_authorized_code: str
    tx_code: str | None

    @classmethod
    def parse(cls, form: Mapping[str, list[str]]) -> TokenRequest:
        """Return the request of form fields. Raises `RequestError` with the code of RFC 6749, section 5.2."""
        if any(len(values) != 1 for values in form.values()):
            raise RequestError("invalid_request", "a parameter is given twice")
        single = {name: values[0] for name, values in form.items()}
        if single.get("grant_type") != PRE_AUTHORIZED:
            raise RequestError("unsupported_grant_type", "only the pre-authorized code grant is supported here")
        if not single.get("pre-authorized_code"):
            raise RequestError("invalid_request", "pre-authorized_code is missing")
        return cls(pre_authorized_code=single["pre-authorized_code"], tx_code=single.get("tx_code"))

    def form(self) -> bytes:
        """Return the form body."""
        fields = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": self.pre_authorized_code}
        if self.tx_code is not None:
            fields["tx_code"] = self.tx_code
        return urlencode(fields).encode("ascii")


@dataclass(frozen=True)
class CredentialRequest:
    """A credential request with `jwt` proofs, one per copy wanted (section 8.2)."""

    configuration_id: str
    proofs: tuple[str, ...]

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> CredentialRequest:
        """Return the request. Raises `RequestError` with the code of section 8.3.1.2."""
        code = "invalid_credential_request"
        if "credential_identifier" in value:
            raise RequestError("unknown_credential_identifier", "this issuer gives no credential identifiers")
        if "credential_response_encryption" in value:
            raise RequestError("invalid_encryption_parameters", "response encryption is not offered")
        if "proof" in value:
            raise RequestError(code, "the parameter proof was replaced by proofs")
        configuration_id = get_member(value, "credential_configuration_id", str, code=code)
        proofs = find_member(value, "proofs", dict, code="invalid_proof")
        if not proofs:
            raise RequestError("invalid_proof", "expected proofs of the holder's keys")
        if proofs.keys() != {"jwt"}:
            raise RequestError("invalid_proof", "expected proofs of type jwt only")
        given = get_member(proofs, "jwt", list, code="invalid_proof")
        if not given or any(not isinstance(p, str) for p in given):
            raise RequestError("invalid_proof", "expected at least one proof")
        return cls(configuration_id=configuration_id, proofs=tuple(str(p) for p in given))

    def body(self) -> bytes:
        """Return the JSON body."""
        return json.dumps(
            {"credential_configuration_id": self.configuration_id, "proofs": {"jwt": [*self.proofs]}}
        ).encode("ascii")


def prepare_proof(key: PublicKey, *, audience: str, nonce: str, now: datetime) -> jws.SigningInput:
    """Return what the holder key must sign to prove itself to an issuer (appendix F.1)."""
    claims = {"aud": audience, "iat": epoch_seconds(now), "nonce": nonce}
    return jws.prepare(claims, typ=PROOF_TYPE, jwk=key.jwk())


@dataclass(frozen=True)
class VerifiedProof:
    """A key whose holder signed for this issuer just now; whether the nonce is ours is the caller's question."""

    key: PublicKey
    nonce: str


def verify_proof(token: str, *, expected_audience: str, now: datetime) -> VerifiedProof:
    """Return the proven key. Raises `RequestError` (`invalid_proof`) as appendix F.4 says."""
    try:
        header = jws.parse(token).header
        if [name for name in _KEY_REFERENCES if name in header] != ["jwk"]:
            raise RequestError("invalid_proof", "expected exactly one key, as jwk, in the proof")
        key = PublicKey.parse_jwk(header["jwk"])
        claims = jws.verify_claims(token, key, typ=PROOF_TYPE)
    except (RequestError, VerificationError) as exc:
        raise RequestError("invalid_proof", exc.message) from exc
    if claims.get("aud") != expected_audience:
        raise RequestError("invalid_proof", "the proof is for another issuer")
    if "iss" in claims:
        raise RequestError("invalid_proof", "an anonymous proof must not have iss")
    issued_at = get_member(claims, "iat", int, code="invalid_proof")
    if abs(epoch_seconds(now) - issued_at) > MAX_PROOF_AGE.total_seconds():
        raise RequestError("invalid_proof", "the proof is too old or from the future")
    return VerifiedProof(key=key, nonce=get_member(claims, "nonce", str, code="invalid_proof"))
