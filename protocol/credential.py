# SPDX-License-Identifier: EUPL-1.2
"""The credential-format interface: what verifier and wallet ask of a credential, whatever its format.

- One step per check, numbered as in docs/protocol.md. Whoever takes a step has taken the ones before it.
- One implementation exists, `protocol.sd_jwt_vc`; `protocol.formats` finds it by its identifier. Another format
  (W3C VC-JOSE, mdoc) is another implementation and another line there.
- The steps of one credential are separate because a verifier runs each over all that were presented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from protocol.encoding import JSON
from protocol.keys import PublicKey
from protocol.sd_jwt import Rebuilt
from protocol.trust import TrustedIssuer, TrustList


@dataclass(frozen=True)
class BindingExpectation:
    """What a key binding must be for: one transaction of ours."""

    audience: str
    nonce: str = field(repr=False)
    # the base64url strings of the request's transaction data, in its order; empty when it had none
    transaction_data: Sequence[str] = ()


class UnverifiedCredential(Protocol):
    """One credential after step 1: parsed. It promises nothing; every step raises or returns what it verified."""

    @property
    def credential_type(self) -> str:
        """The type that it claims to be of, `vct` in an SD-JWT VC."""

    @property
    def holder_key(self) -> PublicKey:
        """The key that it says it is bound to."""

    @property
    def chain(self) -> JSON:
        """The certificate chain that it carries, as it came."""

    @property
    def has_key_binding(self) -> bool:
        """Whether a holder's proof comes with it."""

    def get_issuer(self, *, trust: TrustList, now: datetime) -> TrustedIssuer:
        """(2) Return the issuer that certificate, identifier and type together name."""

    def check_signature(self, issuer: TrustedIssuer) -> None:
        """(3) Raise `VerificationError` (`signature`) unless this issuer signed it."""

    def rebuild_claims(self) -> Rebuilt:
        """(4) Return everything shown, and the places that came as disclosures. Raises (`disclosures`)."""

    def check_key_binding(self, expected: BindingExpectation, *, now: datetime) -> None:
        """(5) Raise `VerificationError` (`key-binding`) unless the holder bound exactly this to us, now."""

    def check_times(self, *, now: datetime) -> datetime:
        """(6) Return when it expires. Raises `VerificationError` (`validity`) unless it is valid now."""

    def find_status(self) -> JSON:
        """(7) Return its `status` claim, or None; `protocol.status_list` reads and checks it."""


class CredentialFormat(Protocol):
    """A format by its identifier in OpenID4VCI and OpenID4VP."""

    @property
    def identifier(self) -> str:
        """The format's name on the wire."""

    def parse(self, text: str) -> UnverifiedCredential:
        """(1) Take one credential or presentation apart. Raises `VerificationError` (`format`)."""
