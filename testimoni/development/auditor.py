# SPDX-License-Identifier: EUPL-1.2
"""The practice set-up's auditor: a fictitious authority that may ask offices for their records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.encoding import JSON
from protocol.keys import PrivateKey
from protocol.x509 import Purpose, certificate_digest, encode_chain
from testimoni.development.authority import Authority
from testimoni.development.parties import Keep

CODE = "A99990099"
NAME = {
    "ca": "Autoritat de Protecció de Dades de pràctiques",
    "es": "Autoridad de Protección de Datos de prácticas",
    "en": "Data Protection Authority for practice",
}
KEY, CERTIFICATE = "auditor", "auditor-certificate"


@dataclass(frozen=True)
class DevelopmentAuditor:
    """The auditor's key, and the certificate that makes it one."""

    key: PrivateKey
    certificate: x509.Certificate

    @property
    def chain(self) -> list[str]:
        """The `x5c` of what it signs."""
        return encode_chain([self.certificate])

    def trust_entry(self) -> dict[str, JSON]:
        """Return its entry of the trust list."""
        name: Mapping[str, JSON] = NAME
        return {
            "id": "auditor",
            "code": CODE,
            "name": dict(name),
            "issuers": [],
            "verifiers": [],
            "auditors": [{"certificate": certificate_digest(self.certificate)}],
        }


def make_auditor(authority: Authority, keep: Keep, *, now: datetime) -> DevelopmentAuditor:
    """Return the auditor; key and certificate are kept, so that a restart changes neither."""
    key = keep.key(KEY)

    def certify() -> str:
        made = authority.issue_certificate(key.public_key, purpose=Purpose.AUDITOR, name=NAME["ca"], now=now)
        return made.public_bytes(Encoding.PEM).decode("ascii")

    return DevelopmentAuditor(key, x509.load_pem_x509_certificate(keep.text(CERTIFICATE, certify).encode()))
