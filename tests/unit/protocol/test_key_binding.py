# SPDX-License-Identifier: EUPL-1.2
from datetime import UTC, datetime, timedelta

import pytest

from protocol import jws, key_binding
from protocol.clock import epoch_seconds
from protocol.errors import Check, VerificationError
from protocol.keys import PrivateKey

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
KEY = PrivateKey.generate()
PART = "a.b.c~disclosure~"
RIGHT = {
    "iat": epoch_seconds(NOW),
    "aud": "x509_hash:abc",
    "nonce": "n" * 22,
    "sd_hash": key_binding.sd_hash(PART),
}


def check(token, key=KEY.public_key):
    key_binding.verify(
        token, key, signed_part=PART, expected_nonce="n" * 22, expected_audience="x509_hash:abc", now=NOW
    )


def test_prepared_and_signed_binding_verifies():
    prepared = key_binding.prepare(PART, nonce="n" * 22, audience="x509_hash:abc", now=NOW)
    check(prepared.complete(KEY.sign(prepared.text.encode())))


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "abc"},
        {"aud": "x509_hash:other"},
        {"aud": ["x509_hash:abc"]},
        {"nonce": "o" * 22},
        {"nonce": None},
        {"iat": epoch_seconds(NOW - timedelta(days=365))},
        {"iat": epoch_seconds(NOW + timedelta(days=365))},
        {"iat": True},
        {"iat": "now"},
        {"sd_hash": key_binding.sd_hash("a.b.c~")},
        {"sd_hash": None},
    ],
)
def test_binding_with_one_wrong_claim_is_refused(change):
    with pytest.raises(VerificationError) as caught:
        check(jws.sign({**RIGHT, **change}, KEY, typ="kb+jwt"))
    assert caught.value.check is Check.KEY_BINDING


def test_binding_by_foreign_key_is_refused():
    with pytest.raises(VerificationError) as caught:
        check(jws.sign(RIGHT, PrivateKey.generate(), typ="kb+jwt"))
    assert caught.value.check is Check.KEY_BINDING


@pytest.mark.parametrize("typ", ["jwt", "dc+sd-jwt", "consent-binding+jwt"])
def test_binding_of_other_type_is_refused(typ):
    with pytest.raises(VerificationError) as caught:
        check(jws.sign(RIGHT, KEY, typ=typ))
    assert caught.value.check is Check.KEY_BINDING


def test_binding_at_the_edge_of_its_age_is_accepted_and_beyond_refused():
    edge = epoch_seconds(NOW - key_binding.MAX_AGE - key_binding.CLOCK_SKEW)
    check(jws.sign({**RIGHT, "iat": edge}, KEY, typ="kb+jwt"))
    with pytest.raises(VerificationError, match="too old"):
        check(jws.sign({**RIGHT, "iat": edge - 1}, KEY, typ="kb+jwt"))
