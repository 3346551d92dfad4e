# SPDX-License-Identifier: EUPL-1.2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519

from protocol.encoding import b64url_encode
from protocol.errors import ConfigurationError, RequestError
from protocol.keys import Algorithm, PrivateKey, PublicKey


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


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_jwk_of_each_algorithm_round_trips_when_it_is_asked_for(algorithm):
    key = PrivateKey.generate(algorithm).public_key
    again = PublicKey.parse_jwk(key.jwk(), algorithms=[algorithm])
    assert (again, again.algorithm) == (key, algorithm)
    for other in set(Algorithm) - {algorithm}:
        with pytest.raises(RequestError, match=f"expected a JWK for {other}"):
            PublicKey.parse_jwk(key.jwk(), algorithms=[other])


@pytest.mark.case("I4", "S14")
@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_parse_jwk_when_it_holds_a_private_member_is_refused(member):
    with pytest.raises(RequestError, match="private"):
        PublicKey.parse_jwk({**PrivateKey.generate().public_key.jwk(), member: "AA"})


def test_parse_jwk_when_no_object_is_refused():
    with pytest.raises(RequestError, match="object"):
        PublicKey.parse_jwk("key")


@pytest.mark.case("V25")
def test_parse_jwk_without_kid_alg_or_use_is_taken():
    jwk = PrivateKey.generate().public_key.jwk()
    assert jwk.keys() == {"kty", "crv", "x", "y"}
    assert PublicKey.parse_jwk({**jwk, "kid": "1", "use": "sig", "alg": "ES256"}) == PublicKey.parse_jwk(jwk)


def test_thumbprint_of_ed25519_is_that_of_rfc_8037():
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    key = PublicKey.parse_jwk(jwk, algorithms=[Algorithm.EDDSA])
    assert key.thumbprint() == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        x25519.X25519PrivateKey.generate(),
    ],
)
def test_keys_of_other_kinds_are_refused(key):
    with pytest.raises(RequestError, match="P-256, P-384 or Ed25519"):
        PublicKey.wrap(key.public_key())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(ConfigurationError):
        PrivateKey.from_pem(pem)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_pem_round_trips(algorithm):
    key = PrivateKey.generate(algorithm)
    assert PrivateKey.from_pem(key.pem()).public_key == key.public_key


def test_from_pem_when_no_key_is_a_configuration_error():
    with pytest.raises(ConfigurationError):
        PrivateKey.from_pem(b"nothing")


def test_repr_shows_no_secret():
    assert "secret" not in repr(PrivateKey.generate())
