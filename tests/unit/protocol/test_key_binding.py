# SPDX-License-Identifier: EUPL-1.2
"""Key binding: the V cases that need no transaction (RFC 9901, section 7.3; OpenID4VP 1.0, appendix B.3)."""

from datetime import UTC, datetime, timedelta

import pytest

from protocol import jws, key_binding, sd_jwt
from protocol.clock import epoch_seconds
from protocol.encoding import b64url_encode, compact_json
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import Algorithm, PrivateKey

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
KEY = PrivateKey.generate()
NONCE, AUDIENCE = "n" * 22, "x509_hash:abc"
PART = "a.b.c~disclosure~"
RIGHT = {"iat": epoch_seconds(NOW), "aud": AUDIENCE, "nonce": NONCE, "sd_hash": key_binding.sd_hash(PART)}


def check(token, key=KEY.public_key, *, part=PART, hash_name="sha-256", sent=()):
    key_binding.verify(
        token,
        key,
        signed_part=part,
        hash_name=hash_name,
        expected_nonce=NONCE,
        expected_audience=AUDIENCE,
        expected_transaction_data=sent,
        now=NOW,
    )


def prepare(part=PART, key=KEY, **options):
    prepared = key_binding.prepare(
        part, nonce=NONCE, audience=AUDIENCE, now=NOW, algorithm=key.public_key.algorithm, **options
    )
    return prepared.complete(key.sign(prepared.text.encode()))


def sign(**change):
    claims = {name: value for name, value in {**RIGHT, **change}.items() if value is not ...}
    return jws.sign(claims, KEY, typ="kb+jwt")


def refused(token, match=None, **options):
    with pytest.raises(VerificationError, match=match) as caught:
        check(token, **options)
    assert caught.value.check is Check.KEY_BINDING


def test_prepared_and_signed_binding_verifies_as_text_and_parsed():
    check(prepare())
    check(jws.parse(prepare()))
    check(sign())


def test_holder_key_may_be_of_another_algorithm():
    for algorithm in Algorithm:
        key = PrivateKey.generate(algorithm)
        check(prepare(key=key), key.public_key)


@pytest.mark.parametrize("hash_name", sd_jwt.HASHES)
def test_sd_hash_is_by_the_hash_of_the_sd_jwt(hash_name):
    token = prepare(hash_name=hash_name)
    check(token, hash_name=hash_name)
    refused(token, "another presentation", hash_name="sha-256" if hash_name != "sha-256" else "sha-512")


@pytest.mark.case("V1")
def test_presentation_without_key_binding_is_refused():
    refused(None, "expected a key binding")
    refused("", "does not verify")
    assert sd_jwt.UnverifiedSDJWT.parse(jws.sign({}, KEY, typ="dc+sd-jwt") + "~").key_binding is None


@pytest.mark.case("V2")
def test_binding_by_another_key_or_with_a_broken_signature_is_refused():
    refused(jws.sign(RIGHT, PrivateKey.generate(), typ="kb+jwt"), "does not verify")
    header, payload, signature = sign().split(".")
    refused(f"{header}.{payload}.", "does not verify")
    refused(f"{header}.{payload}.{b64url_encode(bytes(64))}", "does not verify")
    other = b64url_encode(compact_json({**RIGHT, "nonce": NONCE, "extra": 1}))
    refused(f"{header}.{other}.{signature}", "does not verify")


@pytest.mark.case("V3", "V12")
@pytest.mark.parametrize("typ", ["jwt", "JWT", "dc+sd-jwt", "statuslist+jwt", "consent-binding+jwt", "KB+JWT", ""])
def test_binding_of_another_type_is_refused(typ):
    refused(jws.sign(RIGHT, KEY, typ=typ), "does not verify")


@pytest.mark.case("V4")
@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES384", None])
def test_binding_by_another_algorithm_is_refused(algorithm):
    header = b64url_encode(compact_json({"alg": algorithm, "typ": "kb+jwt"}))
    text = f"{header}.{b64url_encode(compact_json(RIGHT))}"
    for signature in (b"", KEY.sign(text.encode())):
        refused(f"{text}.{b64url_encode(signature)}", "does not verify")


@pytest.mark.case("V5")
@pytest.mark.parametrize("nonce", ["o" * 22, NONCE + "x", NONCE[:-1], "", None, 1, [NONCE], ...])
def test_binding_with_another_nonce_is_refused(nonce):
    refused(sign(nonce=nonce), "another nonce")


@pytest.mark.case("V6")
@pytest.mark.parametrize(
    "audience", ["abc", "x509_hash:other", "origin:https://x", "X509_HASH:abc", [AUDIENCE], None, ...]
)
def test_binding_for_another_audience_is_refused(audience):
    refused(sign(aud=audience), "another audience")


@pytest.mark.case("V7")
@pytest.mark.parametrize("days", [365, -365, 1, -1])
def test_binding_from_the_past_or_the_future_is_refused(days):
    refused(sign(iat=epoch_seconds(NOW + timedelta(days=days))), "too old or from the future")


@pytest.mark.case("V7")
@pytest.mark.parametrize("time", [True, "now", None, 1.5, ...])
def test_binding_without_a_time_is_refused(time):
    refused(sign(iat=time), "no time")


@pytest.mark.case("V7")
def test_binding_at_the_edges_of_its_age_is_accepted_and_beyond_refused():
    oldest = epoch_seconds(NOW - key_binding.MAX_AGE - key_binding.CLOCK_SKEW)
    newest = epoch_seconds(NOW + key_binding.CLOCK_SKEW)
    check(sign(iat=oldest))
    check(sign(iat=newest))
    refused(sign(iat=oldest - 1), "too old")
    refused(sign(iat=newest + 1), "too old")


@pytest.mark.case("V8")
@pytest.mark.parametrize(
    "sd_hash", [key_binding.sd_hash("a.b.c~"), key_binding.sd_hash(PART)[:-1], "", None, 1, ...]
)
def test_binding_over_another_hash_is_refused(sd_hash):
    refused(sign(sd_hash=sd_hash), "another presentation")


@pytest.mark.case("V8")
@pytest.mark.parametrize("part", ["a.b.c~", "a.b.c~disclosure~more~", "a.b.c~disclosure", "a.b.d~disclosure~", ""])
def test_binding_of_a_presentation_that_was_changed_afterwards_is_refused(part):
    refused(prepare(), "another presentation", part=part)


def data(**members):
    return b64url_encode(compact_json({"type": "payment", "credential_ids": ["x"], **members}))


PLAIN, SECOND = data(), data(amount="1")
SHA512 = data(transaction_data_hashes_alg=["sha-512", "sha-384"])
BOTH = data(transaction_data_hashes_alg=["made-up", "sha-512", "sha-256"])


def hashes(*sent, by="sha-256"):
    return [b64url_encode(sd_jwt.HASHES[by](text.encode()).digest()) for text in sent]


@pytest.mark.parametrize(
    ("sent", "algorithm"),
    [
        ((PLAIN,), None),
        ((PLAIN, SECOND), None),
        ((SHA512,), "sha-384"),
        ((SHA512, BOTH), "sha-512"),
        ((PLAIN, BOTH), "sha-256"),
        ((BOTH, PLAIN), "sha-256"),
    ],
)
def test_transaction_data_is_bound_by_a_hash_that_all_of_it_offers(sent, algorithm):
    token = prepare(transaction_data=sent)
    claims = jws.parse(token).claims()
    assert claims["transaction_data_hashes"] == hashes(*sent, by=algorithm or "sha-256")
    assert claims.get("transaction_data_hashes_alg") == algorithm
    check(token, sent=sent)
    check(token, sent=sent[::-1])


def test_binding_without_transaction_data_says_nothing_about_it():
    assert jws.parse(prepare()).claims().keys() == RIGHT.keys()


@pytest.mark.case("V22")
@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"transaction_data_hashes": []},
        {"transaction_data_hashes": None},
        {"transaction_data_hashes": hashes(PLAIN)[0]},
        {"transaction_data_hashes": hashes(PLAIN)},
        {"transaction_data_hashes": hashes(PLAIN, PLAIN)},
        {"transaction_data_hashes": hashes(PLAIN, SECOND, SHA512)},
        {"transaction_data_hashes": hashes(PLAIN, SHA512)},
        {"transaction_data_hashes": [*hashes(PLAIN), 1]},
        {"transaction_data_hashes": hashes(PLAIN, SECOND, by="sha-512")},
        {
            "transaction_data_hashes": hashes(PLAIN, SECOND, by="sha-512"),
            "transaction_data_hashes_alg": "sha-512",
        },
        {"transaction_data_hashes": hashes(PLAIN, SECOND), "transaction_data_hashes_alg": ["sha-256"]},
        {"transaction_data_hashes": hashes(PLAIN, SECOND), "transaction_data_hashes_alg": "sha-1"},
    ],
)
def test_transaction_data_that_is_missing_wrong_or_hashed_otherwise_is_refused(claims):
    refused(sign(**claims), "transaction data", sent=(PLAIN, SECOND))


@pytest.mark.case("V22")
def test_hash_that_was_not_offered_or_is_not_named_is_refused():
    refused(sign(transaction_data_hashes=hashes(SHA512)), "does not say how", sent=(SHA512,))
    refused(
        sign(transaction_data_hashes=hashes(SHA512), transaction_data_hashes_alg="sha-256"),
        "not offered",
        sent=(SHA512,),
    )
    refused(
        sign(transaction_data_hashes=hashes(PLAIN, BOTH, by="sha-512"), transaction_data_hashes_alg="sha-512"),
        "not offered",
        sent=(PLAIN, BOTH),
    )
    check(sign(transaction_data_hashes=hashes(PLAIN), transaction_data_hashes_alg="sha-256"), sent=(PLAIN,))


@pytest.mark.case("V22")
@pytest.mark.parametrize(
    "claims",
    [
        {"transaction_data_hashes": hashes(PLAIN)},
        {"transaction_data_hashes": []},
        {"transaction_data_hashes": None},
        {"transaction_data_hashes_alg": "sha-256"},
    ],
)
def test_transaction_that_was_not_asked_for_is_refused(claims):
    refused(sign(**claims), "not asked for")


@pytest.mark.parametrize(
    "text",
    [
        "!",
        "",
        b64url_encode(b"[]"),
        data(transaction_data_hashes_alg="sha-256"),
        data(transaction_data_hashes_alg=[]),
        data(transaction_data_hashes_alg=["sha-256", 1]),
        data(transaction_data_hashes_alg=["sha-1"]),
    ],
)
def test_transaction_data_that_nobody_can_hash_is_not_signed(text):
    with pytest.raises(RequestError) as caught:
        prepare(transaction_data=(text,))
    assert caught.value.code == "invalid_transaction_data"


def test_transaction_data_at_its_number_is_signed_and_over_it_refused():
    sent = [data(number=number) for number in range(key_binding.MAX_TRANSACTION_DATA + 1)]
    check(prepare(transaction_data=sent[1:]), sent=sent[1:])
    with pytest.raises(RequestError, match="more than 16"):
        prepare(transaction_data=sent)


def test_transaction_data_that_offers_no_common_hash_is_not_signed():
    with pytest.raises(RequestError, match="no hash"):
        prepare(transaction_data=(PLAIN, SHA512))
