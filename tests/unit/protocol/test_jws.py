# SPDX-License-Identifier: EUPL-1.2
import pytest

from protocol import jws
from protocol.encoding import b64url_decode, b64url_encode, compact_json
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import Algorithm, PrivateKey


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


@pytest.mark.case("S8", "V4")
@pytest.mark.parametrize("alg", ["none", "HS256", "ES384", "es256", "EdDSA"])
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


def test_parse_at_the_longest_is_taken_and_one_character_more_is_refused(key):
    head, _, signature = jws.sign(b"", key, typ="x+jwt").partition("..")
    room = jws.MAX_TOKEN_CHARS - len(head) - len(signature) - 2
    room -= room % 4 == 1  # no base64 text has this length
    token = f"{head}.{'A' * room}.{signature}"
    assert len(jws.parse(token).payload) == room * 3 // 4
    with pytest.raises(RequestError, match="JWS longer"):
        jws.parse(token + "A" * (jws.MAX_TOKEN_CHARS - len(token) + 1))


def test_parse_when_header_is_too_long_is_refused(key):
    longest = jws.MAX_HEADER_CHARS * 3 // 4
    padding = "a" * (longest - len(compact_json({"alg": "ES256", "typ": "x", "kid": ""})))
    assert jws.parse(jws.sign(b"", key, typ="x", kid=padding)).header["kid"] == padding
    with pytest.raises(RequestError, match="header longer"):
        jws.parse(jws.sign(b"", key, typ="x", kid=padding + "aa"))


@pytest.mark.parametrize(("algorithm", "size"), [("ES256", 64), ("ES384", 96), ("EdDSA", 64)])
def test_complete_when_signature_has_other_length_is_refused(algorithm, size):
    with pytest.raises(RequestError, match=str(size)):
        jws.prepare({}, typ="x", algorithm=Algorithm(algorithm)).complete(b"short")


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_each_algorithm_signs_and_verifies_and_no_other_key_does(algorithm):
    key = PrivateKey.generate(algorithm)
    token = jws.sign({"a": 1}, key, typ="x+jwt")
    assert jws.parse(token).header["alg"] == algorithm
    assert jws.verify_claims(token, key.public_key, typ="x+jwt") == {"a": 1}
    for other in Algorithm:
        with pytest.raises(VerificationError) as caught:
            jws.verify(token, PrivateKey.generate(other).public_key, typ="x+jwt")
        assert caught.value.check is Check.SIGNATURE


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize("change", [b"", b"\0", b"\0" * 32])
def test_verify_when_signature_has_another_length_is_refused(algorithm, change):
    key = PrivateKey.generate(algorithm)
    head, _, signature = jws.sign({"a": 1}, key, typ="x").rpartition(".")
    longer = b64url_encode(b64url_decode(signature) + change) if change else "AAAA"
    with pytest.raises(VerificationError, match="does not verify"):
        jws.verify(f"{head}.{longer}", key.public_key, typ="x")


def test_verify_when_signature_is_zero_is_refused(key):
    head = jws.prepare({"a": 1}, typ="x").text
    with pytest.raises(VerificationError, match="does not verify"):
        jws.verify(f"{head}.{b64url_encode(bytes(64))}", key.public_key, typ="x")


def test_verify_when_header_says_b64_without_crit_is_refused(key):
    with pytest.raises(VerificationError, match="critical"):
        jws.verify(jws.sign({"a": 1}, key, typ="x", b64=False), key.public_key, typ="x")


def test_verify_takes_a_token_that_was_parsed_before(key):
    unverified = jws.parse(jws.sign({"a": 1}, key, typ="x+jwt"))
    assert jws.verify_claims(unverified, key.public_key, typ="x+jwt") == unverified.claims()


def test_a_header_that_is_remembered_cannot_be_written_into(key):
    header = jws.parse(jws.sign({"a": 1}, key, typ="x+jwt")).header
    with pytest.raises(TypeError):
        header["typ"] = "y+jwt"


def test_parsed_token_when_printed_does_not_show_itself():
    token = jws.sign({"sub": "somebody"}, PrivateKey.generate(), typ="x")
    assert repr(jws.parse(token)) == "UnverifiedJWS(…)"
