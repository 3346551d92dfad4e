# SPDX-License-Identifier: EUPL-1.2
"""The bare signatures below which nothing can be: through `cryptography`, and by `openssl speed`."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from protocol.encoding import b64url_decode
from protocol.keys import PublicKey

_ES256 = ec.ECDSA(hashes.SHA256())
# seconds for each of the two numbers
_OPENSSL_SECONDS = 1
_SPEEDS = re.compile(r"nistp256\)\s+\S+s\s+\S+s\s+([\d.]+)\s+([\d.]+)")


@dataclass(frozen=True)
class Signed:
    """A signature with all that verifying it needs, loaded and converted."""

    key: ec.EllipticCurvePublicKey
    signature: bytes
    message: bytes

    @classmethod
    def of(cls, token: str, public_key: PublicKey) -> Signed:
        """Take a compact ES256 JWS apart."""
        key = public_key.key
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise TypeError("expected a P-256 key")
        message, _, encoded = token.rpartition(".")
        raw = b64url_decode(encoded)
        half = len(raw) // 2
        signature = encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))
        return cls(key, signature, message.encode("ascii"))

    def verify(self) -> None:
        """Verify it."""
        self.key.verify(self.signature, self.message, _ES256)


def sign(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """Sign a message, and nothing else."""
    return key.sign(message, _ES256)


@dataclass(frozen=True)
class Speed:
    """What `openssl speed` says: seconds per operation."""

    version: str
    sign: float
    verify: float


def openssl_speed() -> Speed | None:
    """Return the raw speed of P-256, or None where there is no `openssl` command."""
    command = shutil.which("openssl")
    if command is None:
        return None
    version = _run([command, "version"]).split(" (")[0].strip()
    return parse_speed(version, _run([command, "speed", "-seconds", str(_OPENSSL_SECONDS), "ecdsap256"]))


def parse_speed(version: str, printed: str) -> Speed | None:
    """Return what the table says, or None when there is none: other versions know other options."""
    found = _SPEEDS.search(printed)
    return Speed(version, 1 / float(found[1]), 1 / float(found[2])) if found else None


def _run(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
