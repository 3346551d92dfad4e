# SPDX-License-Identifier: EUPL-1.2
import pytest

from protocol import jwe
from protocol.encoding import b64url_encode, compact_json
from protocol.errors import RequestError
from protocol.keys import PrivateKey

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
