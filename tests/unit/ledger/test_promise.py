# SPDX-License-Identifier: EUPL-1.2
from __future__ import annotations

from datetime import timedelta

import pytest

from ledger import promise as promises
from ledger.record import Commitment
from protocol import jws
from protocol.clock import MAX_EPOCH_SECONDS
from protocol.encoding import b64url_encode
from protocol.errors import VerificationError
from protocol.keys import PrivateKey

LOG = "ledger.example/2026"
C = Commitment(bytes(range(32)))
AGE = timedelta(minutes=5)
DELAY = timedelta(seconds=30)


@pytest.fixture
def key():
    return PrivateKey.generate()


def test_promise_holds_for_its_log_commitment_and_time(key, now):
    token = promises.make(key, log=LOG, commitment=C, now=now, maximum_merge_delay=DELAY)
    promise = promises.verify(
        token, key.public_key, log=LOG, commitment=C, now=now + timedelta(minutes=4), max_age=AGE
    )
    assert (promise.promised_at, promise.due_at) == (now, now + DELAY)
    assert jws.parse(token).header == {"alg": "ES256", "typ": "consent-promise+jwt"}


@pytest.mark.parametrize(
    "changes",
    [
        {"log": "ledger.example/2027"},
        {"commitment": Commitment(bytes(32))},
        {"key": PrivateKey.generate().public_key},
        {"later": timedelta(minutes=7)},
        {"later": -timedelta(minutes=2)},
    ],
)
def test_promise_for_something_else_is_refused(key, now, changes):
    token = promises.make(key, log=LOG, commitment=C, now=now, maximum_merge_delay=DELAY)
    with pytest.raises(VerificationError, match="receipt_promise"):
        promises.verify(
            token,
            changes.get("key", key.public_key),
            log=changes.get("log", LOG),
            commitment=changes.get("commitment", C),
            now=now + changes.get("later", timedelta(0)),
            max_age=AGE,
        )


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": "now"},
        {"iat": 10**18},
        {"maximum_merge_delay": 10**18},
        {"maximum_merge_delay": -1},
        {"maximum_merge_delay": promises.MAX_DELAY_SECONDS + 1},
        {"iat": MAX_EPOCH_SECONDS},
        {"maximum_merge_delay": True},
        {"log": None},
    ],
)
def test_promise_with_impossible_claims_is_refused(key, now, claims):
    members = {
        "log": LOG,
        "commitment": b64url_encode(C),
        "iat": int(now.timestamp()),
        "maximum_merge_delay": 30,
        **claims,
    }
    with pytest.raises(VerificationError, match="receipt_promise"):
        promises.verify_undated(jws.sign(members, key, typ=promises.TYP), key.public_key, log=LOG, commitment=C)


def test_token_of_another_type_is_no_promise(key, now):
    claims = {
        "log": LOG,
        "commitment": b64url_encode(C),
        "iat": int(now.timestamp()),
        "maximum_merge_delay": 30,
    }
    token = jws.sign(claims, key, typ="consent-acceptance+jwt")
    with pytest.raises(VerificationError, match="receipt_promise"):
        promises.verify_undated(token, key.public_key, log=LOG, commitment=C)
