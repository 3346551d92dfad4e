# SPDX-License-Identifier: EUPL-1.2
import pytest

from protocol import jws
from protocol.encoding import b64url_encode, compact_json
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PrivateKey


@pytest.fixture(scope="module")
def key():
    return PrivateKey.generate()


def test_sign_then_verify_returns_the_claims(key):
    token = jws.sign({"a": 1}, key, typ="x+jwt", kid="k")
    assert jws.verify_claims(token, key.public_key, typ="x+jwt") == {"a": 1}


def test_two_phase_signing_gives_what_one_phase_gives_to_the_verifier(key):
    prepared = jws.prepare({"a": 1}, typ="x+jwt")
    token = prepared.complete(key.sign(prepared.text.encode()))
    assert jws.verify_claims(token, key.public_key, typ="x+jwt") == {"a": 1}


def test_detached_payload_comes_back(key):
    token = jws.sign(b"bytes", key, typ="x+jwt")
    assert jws.attach(jws.detach(token), b"bytes") == token


def test_attach_when_not_detached_is_refused(key):
    with pytest.raises(RequestError):
        jws.attach(jws.sign(b"bytes", key, typ="x+jwt"), b"bytes")


@pytest.mark.parametrize("change", ["header", "payload", "signature"])
def test_verify_when_one_part_changed_is_refused(key, change):
    parts = jws.sign({"a": 1}, key, typ="x+jwt").split(".")
    other = jws.sign({"a": 2}, key, typ="x+jwt", kid="2").split(".")
    index = ["header", "payload", "signature"].index(change)
    parts[index] = other[index]
    with pytest.raises(VerificationError) as caught:
        jws.verify(".".join(parts), key.public_key, typ="x+jwt")
    assert caught.value.check is Check.SIGNATURE


def test_verify_when_signed_by_another_key_is_refused(key):
    token = jws.sign({"a": 1}, PrivateKey.generate(), typ="x+jwt")
    with pytest.raises(VerificationError, match="does not verify"):
        jws.verify(token, key.public_key, typ="x+jwt")


def test_verify_when_other_typ_is_refused(key):
    token = jws.sign({"a": 1}, key, typ="kb+jwt")
    with pytest.raises(VerificationError, match="expected type x"):
        jws.verify(token, key.public_key, typ="x+jwt")


@pytest.mark.parametrize("alg", ["none", "HS256", "ES384", "es256"])
def test_verify_when_other_algorithm_is_refused(key, alg):
    header = b64url_encode(compact_json({"alg": alg, "typ": "x+jwt"}))
    _, payload, signature = jws.sign({"a": 1}, key, typ="x+jwt").split(".")
    with pytest.raises(VerificationError, match="expected algorithm"):
        jws.verify(f"{header}.{payload}.{signature}", key.public_key, typ="x+jwt")


def test_verify_when_header_has_critical_extensions_is_refused(key):
    token = jws.sign({"a": 1}, key, typ="x+jwt", crit=["b64"], b64=False)
    with pytest.raises(VerificationError, match="critical"):
        jws.verify(token, key.public_key, typ="x+jwt")


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c.d", "?.e30.", "e30.e30=.AA", "W10.e30.AA", "e30.e30.A"])
def test_parse_when_no_compact_jws_is_refused(text):
    with pytest.raises(RequestError):
        jws.parse(text)


def test_parse_when_too_long_is_refused():
    with pytest.raises(RequestError, match="longer"):
        jws.parse("a" * (jws.MAX_TOKEN_CHARS + 1))


def test_complete_when_signature_has_other_length_is_refused():
    with pytest.raises(RequestError, match="64"):
        jws.prepare({}, typ="x").complete(b"short")
