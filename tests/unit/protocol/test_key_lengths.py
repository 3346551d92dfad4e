# SPDX-License-Identifier: EUPL-1.2
"""One key and one signature have one text: bytes moved from one half to the other, or zeros between, are refused."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from protocol import jws
from protocol.encoding import b64url_decode, b64url_encode
from protocol.errors import Check, ConfigurationError, RequestError, VerificationError
from protocol.keys import Algorithm, PrivateKey, PublicKey

CURVES = [Algorithm.ES256, Algorithm.ES384]


@pytest.mark.parametrize("algorithm", CURVES)
def test_jwk_with_a_byte_of_x_moved_to_y_is_refused(algorithm: Algorithm) -> None:
    jwk = PrivateKey.generate(algorithm).public_key.jwk()
    x, y = b64url_decode(str(jwk["x"])), b64url_decode(str(jwk["y"]))
    moved = {"x": b64url_encode(x[:-1]), "y": b64url_encode(x[-1:] + y)}
    with pytest.raises(RequestError, match="coordinates"):
        PublicKey.parse_jwk({**jwk, **moved}, algorithms=[algorithm])


@pytest.mark.parametrize("algorithm", CURVES)
def test_signature_with_a_zero_between_its_halves_is_refused(algorithm: Algorithm) -> None:
    key = PrivateKey.generate(algorithm)
    head, _, text = jws.sign({"a": 1}, key, typ="x").rpartition(".")
    signature = b64url_decode(text)
    half = len(signature) // 2
    longer = b64url_encode(signature[:half] + b"\0" + signature[half:])
    with pytest.raises(VerificationError) as caught:
        jws.verify(f"{head}.{longer}", key.public_key, typ="x")
    assert caught.value.check is Check.SIGNATURE


def test_private_key_file_of_another_kind_is_named_as_such() -> None:
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(ConfigurationError, match="EC or Ed25519 private key"):
        PrivateKey.from_pem(pem)
