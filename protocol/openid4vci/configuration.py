# SPDX-License-Identifier: EUPL-1.2
"""One kind of credential that an issuer has: an entry of `credential_configurations_supported` (section 12.2.4).

The one credential format is `dc+sd-jwt` (appendix A.3). An entry in another is `unsupported_credential_format`:
whoever reads a whole document keeps it out and goes on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from protocol.encoding import JSON, find_member, get_member
from protocol.errors import RequestError
from protocol.formats import get_format
from protocol.members import find_objects, find_text, find_texts, get_text, get_texts
from protocol.openid4vci.claims import Claim, parse_claims
from protocol.openid4vci.display import Display, names_of, parse_displays
from protocol.openid4vci.key_attestation import Requirement
from protocol.sd_jwt_vc import TYPE as FORMAT

CODE = "invalid_issuer_metadata"
JWK_BINDING = "jwk"
# RFC 6749, section 3.3: one scope token
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")
# the longest that anybody would put into an address
MAX_SCOPE_CHARS = 256


@dataclass(frozen=True)
class ProofType:
    """What an issuer accepts in proofs of one type."""

    signing_algorithms: tuple[str, ...]
    # None: no key attestation is asked
    attestation: Requirement | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {"proof_signing_alg_values_supported": [*self.signing_algorithms]}
        if self.attestation is not None:
            members["key_attestations_required"] = self.attestation.to_json()
        return members

    @classmethod
    def parse(cls, value: JSON) -> ProofType:
        """Return what is accepted. Raises `RequestError` (`invalid_issuer_metadata`)."""
        if not isinstance(value, dict):
            raise RequestError(CODE, "expected an object for each proof type")
        required = find_member(value, "key_attestations_required", dict, code=CODE)
        return cls(
            signing_algorithms=get_texts(value, "proof_signing_alg_values_supported", code=CODE),
            attestation=None if required is None else Requirement.parse(required),
        )


@dataclass(frozen=True)
class CredentialConfiguration:
    """One kind of credential. It is bound to keys if and only if it has proof types."""

    id: str
    vct: str
    # None: it can be asked for with authorization details only
    scope: str | None = None
    signing_algorithms: tuple[str, ...] = ()
    binding_methods: tuple[str, ...] = ()
    proof_types: Mapping[str, ProofType] = field(default_factory=dict)
    display: tuple[Display, ...] = ()
    # in the order in which they are shown
    claims: tuple[Claim, ...] = ()

    @property
    def names(self) -> Mapping[str, str]:
        """Its name by language."""
        return names_of(self.display)

    @property
    def labels(self) -> Mapping[str, Mapping[str, str]]:
        """Names of the claims at the top, by language, in the order in which they are shown."""
        found: dict[str, Mapping[str, str]] = {}
        for claim in self.claims:
            match claim.path:
                case (str(name),) if claim.display:
                    found[name] = names_of(claim.display)
        return found

    @property
    def is_bound(self) -> bool:
        """Whether it is bound to keys, so that a request needs proofs."""
        return bool(self.proof_types)

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        described: dict[str, JSON] = {
            "display": [each.to_json() for each in self.display],
            "claims": [each.to_json() for each in self.claims],
        }
        members: dict[str, JSON] = {
            "scope": self.scope,
            "credential_signing_alg_values_supported": [*self.signing_algorithms],
            "cryptographic_binding_methods_supported": [*self.binding_methods],
            "proof_types_supported": {name: each.to_json() for name, each in self.proof_types.items()},
            "credential_metadata": {name: value for name, value in described.items() if value},
        }
        # what is empty is absent
        return {"format": FORMAT, "vct": self.vct, **{name: value for name, value in members.items() if value}}

    @classmethod
    def parse(cls, identifier: str, value: dict[str, JSON]) -> CredentialConfiguration:
        """Return the kind.

        Raises `RequestError`: `unsupported_credential_format` for another format, else `invalid_issuer_metadata`.
        """
        get_format(get_text(value, "format", code=CODE), code="unsupported_credential_format")
        scope = find_text(value, "scope", code=CODE)
        if scope is not None and (len(scope) > MAX_SCOPE_CHARS or not _SCOPE.fullmatch(scope)):
            raise RequestError(CODE, "expected scope to be one scope value")
        methods = find_texts(value, "cryptographic_binding_methods_supported", code=CODE)
        proof_types = find_member(value, "proof_types_supported", dict, code=CODE)
        if bool(methods) != bool(proof_types) or proof_types == {}:
            raise RequestError(CODE, "expected both binding methods and proof types, or neither")
        described = find_member(value, "credential_metadata", dict, code=CODE) or {}
        return cls(
            id=identifier,
            vct=get_text(value, "vct", code=CODE),
            scope=scope,
            signing_algorithms=find_texts(value, "credential_signing_alg_values_supported", code=CODE),
            binding_methods=methods,
            proof_types={name: ProofType.parse(each) for name, each in (proof_types or {}).items()},
            display=parse_displays(find_objects(described, "display", code=CODE), code=CODE, has_names=True),
            claims=parse_claims(find_objects(described, "claims", code=CODE), code=CODE),
        )


def parse_configurations(
    document: dict[str, JSON],
) -> tuple[dict[str, CredentialConfiguration], dict[str, str]]:
    """Return the kinds in our format by identifier, and the format of each other. Raises `RequestError`."""
    ours: dict[str, CredentialConfiguration] = {}
    foreign: dict[str, str] = {}
    for identifier, entry in get_member(document, "credential_configurations_supported", dict, code=CODE).items():
        if not isinstance(entry, dict):
            raise RequestError(CODE, "expected an object for each credential configuration")
        named = get_text(entry, "format", code=CODE)
        if named == FORMAT:
            ours[identifier] = CredentialConfiguration.parse(identifier, entry)
        else:
            foreign[identifier] = named
    return ours, foreign
