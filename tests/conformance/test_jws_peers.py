# SPDX-License-Identifier: EUPL-1.2
"""PyJWT and jwcrypto verify what we sign, and we verify what they sign; both refuse what we refuse."""

import json

import jwt
import pytest
from jwcrypto import jwk
from jwcrypto import jws as other
from jwcrypto.common import JWException
from jwt.api_jws import PyJWS

from protocol import jws
from protocol.errors import VerificationError
from protocol.keys import Algorithm, PrivateKey, PublicKey

CLAIMS = {"a": 1, "ç": ["x"]}


@pytest.fixture(scope="module", params=list(Algorithm))
def key(request):
    return PrivateKey.generate(request.param)


def test_pyjwt_verifies_what_we_sign(key):
    token = jws.sign(CLAIMS, key, typ="x+jwt")
    found = PyJWS(algorithms=list(Algorithm)).decode_complete(
        token, key.public_key.key, algorithms=list(Algorithm)
    )
    assert json.loads(found["payload"]) == CLAIMS
    assert found["header"] == {"alg": key.public_key.algorithm, "typ": "x+jwt"}


def test_we_verify_what_pyjwt_signs(key):
    token = jwt.encode(CLAIMS, key.secret, algorithm=key.public_key.algorithm, headers={"typ": "x+jwt"})
    assert jws.verify_claims(token, key.public_key, typ="x+jwt") == CLAIMS


def test_jwcrypto_verifies_what_we_sign(key):
    found = other.JWS()
    found.deserialize(jws.sign(CLAIMS, key, typ="x+jwt"))
    found.verify(jwk.JWK.from_json(json.dumps(key.public_key.jwk())))
    assert json.loads(found.payload) == CLAIMS


def test_we_verify_what_jwcrypto_signs(key):
    made = other.JWS(json.dumps(CLAIMS))
    made.add_signature(
        jwk.JWK.from_pyca(key.secret),
        protected=json.dumps({"alg": key.public_key.algorithm, "typ": "x+jwt"}),
    )
    assert jws.verify_claims(made.serialize(compact=True), key.public_key, typ="x+jwt") == CLAIMS


def test_thumbprints_and_jwks_are_those_of_jwcrypto(key):
    theirs = jwk.JWK.from_pyca(key.public_key.key)
    assert key.public_key.thumbprint() == theirs.thumbprint()
    assert PublicKey.parse_jwk(json.loads(theirs.export_public()), algorithms=list(Algorithm)) == key.public_key


def test_all_refuse_a_changed_signature(key):
    token = jws.sign(CLAIMS, key, typ="x+jwt")
    head, _, signature = token.rpartition(".")
    changed = f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    with pytest.raises(VerificationError, match="does not verify"):
        jws.verify(changed, key.public_key, typ="x+jwt")
    with pytest.raises(jwt.InvalidTokenError):
        PyJWS().decode(changed, key.public_key.key, algorithms=list(Algorithm))
    found = other.JWS()
    found.deserialize(changed)
    with pytest.raises(JWException):
        found.verify(jwk.JWK.from_pyca(key.public_key.key))
