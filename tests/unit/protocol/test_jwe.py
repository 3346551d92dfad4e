# SPDX-License-Identifier: EUPL-1.2
import json

import pytest
from jwcrypto import jwe as library
from jwcrypto import jwk

from protocol import jwe
from protocol.encoding import b64url_encode, compact_json
from protocol.errors import RequestError
from protocol.jwe import RecipientKey
from protocol.keys import Algorithm, PrivateKey

KEY = PrivateKey.generate()


@pytest.mark.parametrize("encryption", jwe.ENCRYPTIONS)
def test_encrypt_then_decrypt(encryption):
    token = jwe.encrypt(b"payload", KEY.public_key, key_id="k", encryption=encryption)
    assert jwe.decrypt(token, KEY, expected_key_id="k") == b"payload"


def test_decrypt_with_another_sessions_key_is_refused():
    token = jwe.encrypt(b"payload", KEY.public_key, key_id="k", encryption="A128GCM")
    with pytest.raises(RequestError, match="cannot be opened"):
        jwe.decrypt(token, PrivateKey.generate(), expected_key_id="k")
    with pytest.raises(RequestError, match="another key"):
        jwe.decrypt(token, KEY, expected_key_id="other")


@pytest.mark.parametrize("change", [{"enc": "A128CBC-HS256"}, {"alg": "dir"}, {"zip": "DEF"}, {"crit": ["x"]}])
def test_decrypt_when_header_says_something_else_is_refused(change):
    header, *rest = jwe.encrypt(b"p", KEY.public_key, key_id="k", encryption="A128GCM").split(".")
    changed = b64url_encode(compact_json({"alg": "ECDH-ES", "enc": "A128GCM", "kid": "k", **change}))
    with pytest.raises(RequestError):
        jwe.decrypt(".".join([changed, *rest]), KEY, expected_key_id="k")
    assert header != changed


@pytest.mark.parametrize("token", ["", "a.b.c", "{}", "e30....", "x" * (jwe.MAX_TOKEN_CHARS + 1)])
def test_decrypt_when_no_jwe_is_refused(token):
    with pytest.raises(RequestError):
        jwe.decrypt(token, KEY, expected_key_id="k")


def test_encrypt_with_an_encryption_that_we_do_not_know_is_refused():
    with pytest.raises(RequestError):
        jwe.encrypt(b"p", KEY.public_key, key_id="k", encryption="A192GCM")


@pytest.mark.parametrize("key_id", [None, "k"])
def test_recipient_key_round_trips_and_its_name_is_copied(key_id):
    recipient = RecipientKey(KEY.public_key, key_id)
    assert RecipientKey.parse(recipient.jwk()) == recipient
    token = jwe.encrypt(b"p", recipient.key, key_id=recipient.key_id, encryption="A256GCM")
    assert jwe.parse_header(token).get("kid") == key_id
    assert jwe.decrypt(token, KEY, expected_key_id=key_id) == b"p"


@pytest.mark.parametrize(
    "change",
    [
        {"alg": ...},
        {"alg": "ECDH-ES+A256KW"},
        {"use": "sig"},
        {"kid": 1},
        {"kid": ""},
        {"crv": "P-384"},
        {"kty": "OKP", "crv": "X25519"},
        {"d": "AA"},
        {"x": "AA"},
    ],
)
def test_recipient_key_that_we_cannot_encrypt_to_is_refused(change):
    jwk = {**RecipientKey(KEY.public_key, "k").jwk(), **change}
    with pytest.raises(RequestError):
        RecipientKey.parse({name: value for name, value in jwk.items() if value is not ...})
    with pytest.raises(RequestError):
        RecipientKey.parse([jwk])


def test_recipient_key_without_use_is_read():
    jwk = RecipientKey(KEY.public_key, "k").jwk()
    del jwk["use"]
    assert RecipientKey.parse(jwk).key_id == "k"


def test_decrypt_with_another_encryption_than_asked_is_refused():
    token = jwe.encrypt(b"p", KEY.public_key, key_id="k", encryption="A128GCM")
    with pytest.raises(RequestError, match="another algorithm"):
        jwe.decrypt(token, KEY, expected_key_id="k", encryptions=("A256GCM",))


def test_decrypt_when_the_encryption_is_no_text_is_refused():
    header = b64url_encode(compact_json({"alg": "ECDH-ES", "enc": [], "kid": "k"}))
    with pytest.raises(RequestError, match="another algorithm"):
        jwe.decrypt(f"{header}....", KEY, expected_key_id="k", encryptions=frozenset(jwe.ENCRYPTIONS))


def test_decrypt_with_a_key_that_only_signs_is_refused():
    token = jwe.encrypt(b"p", KEY.public_key, key_id="k", encryption="A128GCM")
    with pytest.raises(RequestError, match="cannot be opened"):
        jwe.decrypt(token, PrivateKey.generate(Algorithm.EDDSA), expected_key_id="k")


@pytest.mark.parametrize(
    "epk",
    [None, 1, {}, {"kty": "EC"}, {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, {"kty": "oct", "k": "AA"}],
)
def test_decrypt_with_an_ephemeral_key_that_is_none_is_refused(epk):
    _, *rest = jwe.encrypt(b"p", KEY.public_key, key_id="k", encryption="A128GCM").split(".")
    header = {"alg": "ECDH-ES", "enc": "A128GCM", "kid": "k", "epk": epk}
    with pytest.raises(RequestError):
        jwe.decrypt(".".join([b64url_encode(compact_json(header)), *rest]), KEY, expected_key_id="k")


@pytest.mark.parametrize("change", [{"apu": 1}, {"apv": []}, {"b64": 1}, {"cty": {}}, {"p2c": -1}, {"jwk": 1}])
def test_decrypt_with_odd_header_members_raises_nothing_of_the_library(change):
    header, *rest = jwe.encrypt(b"p", KEY.public_key, key_id="k", encryption="A128GCM").split(".")
    changed = b64url_encode(compact_json({**jwe.parse_header(".".join([header, *rest])), **change}))
    with pytest.raises(RequestError):
        jwe.decrypt(".".join([changed, *rest]), KEY, expected_key_id="k")


@pytest.mark.case("I22")
@pytest.mark.parametrize("change", [{"zip": "DEF"}, {"crit": ["exp"], "exp": 1}])
def test_decrypt_of_a_genuine_message_that_is_compressed_or_critical_is_refused(change):
    header = {"alg": "ECDH-ES", "enc": "A128GCM", "kid": "k", **change}
    made = library.JWE(b"0" * 100_000, protected=json.dumps(header), algs=["ECDH-ES", "A128GCM"])
    made.add_recipient(jwk.JWK.from_json(json.dumps(KEY.public_key.jwk())))
    with pytest.raises(RequestError, match="compressed or has critical"):
        jwe.decrypt(made.serialize(compact=True), KEY, expected_key_id="k")
