# SPDX-License-Identifier: EUPL-1.2
"""Credential request (section 8.2): one credential, by identifier or by kind, with one proof for each copy."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocol.encoding import JSON, compact_json, find_member
from protocol.errors import RequestError
from protocol.members import find_text, get_texts
from protocol.openid4vci.authorization import GrantedDetail
from protocol.openid4vci.encryption import ResponseKey
from protocol.openid4vci.errors import CredentialError
from protocol.openid4vci.proof import ProofKind

_CODE = CredentialError.INVALID_CREDENTIAL_REQUEST


@dataclass(frozen=True)
class Proofs:
    """Proofs of one type, unverified."""

    kind: ProofKind
    tokens: tuple[str, ...] = field(repr=False)

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return {self.kind.value: [*self.tokens]}

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> Proofs:
        """Return the proofs. Raises `RequestError` (`invalid_proof`)."""
        code = CredentialError.INVALID_PROOF
        if len(value) != 1:
            raise RequestError(code, "expected proofs of exactly one type")
        name = next(iter(value))
        if name not in {each.value for each in ProofKind}:
            raise RequestError(code, "expected proofs of type jwt or attestation")
        kind, tokens = ProofKind(name), get_texts(value, name, code=code)
        if kind is ProofKind.ATTESTATION and len(tokens) != 1:
            raise RequestError(code, "expected exactly one key attestation")
        return cls(kind=kind, tokens=tokens)


@dataclass(frozen=True)
class CredentialRequest:
    """A credential request. Exactly one of `configuration_id` and `identifier` is not None."""

    configuration_id: str | None = None
    identifier: str | None = None
    proofs: Proofs | None = None
    response_key: ResponseKey | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {
            "credential_configuration_id": self.configuration_id,
            "credential_identifier": self.identifier,
            "proofs": None if self.proofs is None else self.proofs.to_json(),
            "credential_response_encryption": None if self.response_key is None else self.response_key.to_json(),
        }
        return {name: value for name, value in members.items() if value is not None}

    def body(self) -> bytes:
        """Return the JSON body."""
        return compact_json(self.to_json())

    @classmethod
    def parse(cls, value: dict[str, JSON], *, is_encrypted: bool) -> CredentialRequest:
        """Return the request; `is_encrypted`: it came encrypted.

        Raises `RequestError` with the code of section 8.3.1.2.
        """
        configuration_id = find_text(value, "credential_configuration_id", code=_CODE)
        identifier = find_text(value, "credential_identifier", code=_CODE)
        if (configuration_id is None) == (identifier is None):
            raise RequestError(_CODE, "expected credential_configuration_id or credential_identifier, one of them")
        if "proof" in value:
            raise RequestError(_CODE, "the parameter proof was replaced by proofs")
        proofs = find_member(value, "proofs", dict, code=CredentialError.INVALID_PROOF)
        return cls(
            configuration_id=configuration_id,
            identifier=identifier,
            proofs=None if proofs is None else Proofs.parse(proofs),
            response_key=ResponseKey.find(value, is_encrypted=is_encrypted),
        )

    def get_proofs(self) -> Proofs:
        """Return the proofs of a credential that is bound to keys. Raises `RequestError` (`invalid_proof`)."""
        if self.proofs is None:
            raise RequestError(CredentialError.INVALID_PROOF, "expected proofs of the holder's keys")
        return self.proofs

    def get_configuration(self, granted: tuple[GrantedDetail, ...]) -> str:
        """Return the kind of credential wanted; `granted` is what the token response said, if anything.

        Raises `RequestError`: `invalid_credential_request` for a kind where the token response gave identifiers,
        `unknown_credential_identifier` for an identifier that it did not give.
        """
        if self.configuration_id is not None:
            if granted:
                raise RequestError(_CODE, "this token wants a credential_identifier")
            return self.configuration_id
        for detail in granted:
            if self.identifier in detail.identifiers:
                return detail.configuration_id
        raise RequestError(CredentialError.UNKNOWN_CREDENTIAL_IDENTIFIER, "the identifier is unknown")
