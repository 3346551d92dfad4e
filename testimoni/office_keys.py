# SPDX-License-Identifier: EUPL-1.2
"""Which key speaks for an office in a role, by a trust file, when a command checks what an office signed."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509

from ledger.reconciliation import Role
from ledger.trust import TrustFile
from ledger.trusted_key import check_word
from protocol.encoding import JSON
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PublicKey
from protocol.x509 import Anchors, Purpose


class OfficeKeys:
    """Looks keys up: the access certificate speaks for a verifier, the issuer certificate for an issuer."""

    def __init__(self, trust: TrustFile) -> None:
        """Read the file's certificates. Raises `RequestError` (`invalid_trust_file`) when it holds none."""
        self._trust = trust
        try:
            self._anchors = Anchors(x509.load_pem_x509_certificates(trust.authority_certificate.encode()))
        except ValueError as exc:
            raise RequestError(
                "invalid_trust_file", "the trust file holds no certificate of the authority"
            ) from exc

    def find(self, party: str, role: Role, at: datetime, x5c: JSON) -> PublicKey:
        """Return the certified key, if it spoke then for the party in this role. Raises as `check_word` does."""
        administration = self._trust.find_administration(party)
        if administration is None:
            raise VerificationError(Check.ISSUER, "the administration is not in the trust file")
        purpose = Purpose.ACCESS if role is Role.VERIFIER else Purpose.ISSUER
        chain = self._anchors.verify(x5c, purposes=(purpose,), now=at)
        if role is Role.VERIFIER:
            check_word(administration.access_keys, chain.key, said_at=at)
            return chain.key
        if set(chain.uris).isdisjoint(administration.issuers):
            raise VerificationError(Check.ISSUER, "the certificate does not speak for the administration")
        # its certificate names the issuer; the file need not name the key, but when it does, its days count
        if any(each.key == chain.key for each in administration.issuer_keys):
            check_word(administration.issuer_keys, chain.key, said_at=at)
        return chain.key
