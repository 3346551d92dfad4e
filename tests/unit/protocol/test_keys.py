# SPDX-License-Identifier: EUPL-1.2
import pytest

from protocol.encoding import b64url_encode
from protocol.errors import ConfigurationError, RequestError
from protocol.keys import PrivateKey, PublicKey


def test_jwk_round_trips_and_names_the_same_point():
    key = PrivateKey.generate().public_key
    again = PublicKey.parse_jwk(key.jwk())
    assert again == key
    assert again.thumbprint() == key.thumbprint()


def test_thumbprint_is_that_of_rfc_7638():
    jwk = {  # the public key of RFC 7515, appendix A.3
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
    assert PublicKey.parse_jwk(jwk).thumbprint() == "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"


@pytest.mark.parametrize(
    "change",
    [
        {"d": "AA"},
        {"crv": "P-384"},
        {"kty": "RSA"},
        {"x": b64url_encode(b"\0" * 32)},
        {"x": b64url_encode(b"\1" * 31)},
        {"y": None},
        {"x": "=="},
    ],
)
def test_parse_jwk_when_private_foreign_or_off_the_curve_is_refused(change):
    jwk = PrivateKey.generate().public_key.jwk()
    with pytest.raises(RequestError):
        PublicKey.parse_jwk({**jwk, **change})


def test_pem_round_trips():
    key = PrivateKey.generate()
    assert PrivateKey.from_pem(key.pem()).public_key == key.public_key


def test_from_pem_when_no_key_is_a_configuration_error():
    with pytest.raises(ConfigurationError):
        PrivateKey.from_pem(b"nothing")


def test_repr_shows_no_secret():
    assert "secret" not in repr(PrivateKey.generate())
