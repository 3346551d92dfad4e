# SPDX-License-Identifier: EUPL-1.2
"""On which side of a key's days a signature is, moment by moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ledger.findings import KeyReason, Level, doubted
from ledger.trust import MAX_ACCESS_KEYS
from ledger.trusted_key import TrustedKey, Witnessed, check_word, mildest, parse_keys
from protocol.clock import MAX_EPOCH_SECONDS
from protocol.errors import RequestError, UnavailableError, VerificationError
from protocol.keys import PrivateKey

DAY = datetime(2026, 6, 1, tzinfo=UTC)
BEFORE, AFTER = DAY - timedelta(seconds=1), DAY + timedelta(seconds=1)
KEY, OTHER = PrivateKey.generate().public_key, PrivateKey.generate().public_key
COMPROMISED = TrustedKey(KEY, compromised_since=DAY)
ENDED = TrustedKey(KEY, valid_until=DAY)
BEGINNING = TrustedKey(KEY, valid_from=DAY)
BOTH_ENDS = pytest.mark.parametrize(
    ("key", "reason"), [(COMPROMISED, KeyReason.COMPROMISED), (ENDED, KeyReason.ENDED)]
)


def of_record(key, said_at, promised_at=None, anchored_at=None):
    doubt = key.find_doubt_of_record(said_at=said_at, seen=Witnessed(promised_at, anchored_at))
    return None if doubt is None else (doubt.reason, doubt.is_certain)


def of_word(key, said_at, not_before=None):
    doubt = key.find_doubt_of_word(said_at=said_at, not_before=not_before)
    return None if doubt is None else (doubt.reason, doubt.is_certain)


def test_key_without_days_is_never_doubted():
    assert of_record(TrustedKey(KEY), BEFORE) is None
    assert of_word(TrustedKey(KEY), AFTER) is None
    assert not TrustedKey(KEY).is_limited


@BOTH_ENDS
@pytest.mark.parametrize(
    ("said_at", "promised_at", "anchored_at", "is_certain"),
    [
        # seen before, whoever saw it: what it says of itself adds nothing
        (BEFORE, BEFORE, AFTER, None),
        (AFTER, BEFORE, None, None),
        (BEFORE, AFTER, BEFORE, None),
        (BEFORE, None, BEFORE, None),
        # seen only from that moment on: its own word for an earlier time is worth nothing, against itself it is enough
        (BEFORE, DAY, None, False),
        (BEFORE, DAY, AFTER, False),
        (BEFORE, None, DAY, False),
        (DAY, DAY, None, True),
        (AFTER, AFTER, AFTER, True),
        # seen by nobody
        (BEFORE, None, None, False),
        (DAY, None, None, True),
    ],
)
def test_record_signed_near_the_end_of_a_key(key, reason, said_at, promised_at, anchored_at, is_certain):
    expected = None if is_certain is None else (reason, is_certain)
    assert of_record(key, said_at, promised_at, anchored_at) == expected


@pytest.mark.parametrize(
    ("said_at", "promised_at", "expected"),
    [
        (DAY, DAY, None),
        (AFTER, DAY, None),
        (BEFORE, DAY, (KeyReason.NOT_YET, True)),
        (AFTER, BEFORE, (KeyReason.NOT_YET, True)),
        (BEFORE, None, (KeyReason.NOT_YET, True)),
        (DAY, None, (KeyReason.NOT_YET, False)),
    ],
)
def test_record_signed_near_the_beginning_of_a_key(said_at, promised_at, expected):
    assert of_record(BEGINNING, said_at, promised_at) == expected


@pytest.mark.parametrize(
    ("key", "said_at", "not_before", "expected"),
    [
        # a thief chooses the date, so it never clears a compromised key
        (COMPROMISED, BEFORE, BEFORE, (KeyReason.COMPROMISED, False)),
        (COMPROMISED, BEFORE, None, (KeyReason.COMPROMISED, False)),
        (COMPROMISED, DAY, BEFORE, (KeyReason.COMPROMISED, True)),
        # no older than the promise that it confirms
        (COMPROMISED, BEFORE, DAY, (KeyReason.COMPROMISED, True)),
        (ENDED, BEFORE, BEFORE, None),
        (ENDED, BEFORE, None, None),
        (ENDED, DAY, BEFORE, (KeyReason.ENDED, True)),
        (ENDED, BEFORE, DAY, (KeyReason.ENDED, True)),
        (BEGINNING, DAY, BEFORE, None),
        (BEGINNING, BEFORE, BEFORE, (KeyReason.NOT_YET, True)),
    ],
)
def test_word_that_nobody_saw(key, said_at, not_before, expected):
    assert of_word(key, said_at, not_before) == expected


def test_what_is_certain_is_said_before_what_is_not():
    """Nothing shows whether it is older than the theft; that it is younger than the key's end it says itself."""
    key = TrustedKey(KEY, valid_until=DAY, compromised_since=AFTER + timedelta(days=1))
    assert of_record(key, AFTER) == (KeyReason.ENDED, True)
    early = TrustedKey(KEY, valid_from=DAY, compromised_since=AFTER)
    assert of_word(early, BEFORE) == (KeyReason.NOT_YET, True)


def test_one_of_several_periods_is_enough():
    certain = ENDED.find_doubt_of_word(said_at=DAY, not_before=None)
    open_ = COMPROMISED.find_doubt_of_word(said_at=BEFORE, not_before=None)
    assert mildest([certain, None, open_]) is None
    assert mildest([certain, open_]) is open_
    with pytest.raises(ValueError, match="empty"):
        mildest([])


def test_doubt_names_key_day_and_reason():
    doubt = COMPROMISED.find_doubt_of_word(said_at=BEFORE, not_before=None)
    assert KEY.thumbprint() in doubt.describe()
    assert "compromised since 2026-06-01 00:00:00 UTC" in doubt.describe()
    assert "nothing shows" in doubt.describe()
    assert doubted(Level.SIGNED, doubt).to_json() == {
        "level": "signed by the consent key",
        "outcome": "could not tell",
        "detail": doubt.describe(),
        "counts": True,
        "key": {"thumbprint": KEY.thumbprint(), "reason": "compromised", "day": int(DAY.timestamp())},
    }


def test_word_is_checked_against_the_keys_of_an_office():
    check_word([TrustedKey(OTHER), ENDED], KEY, said_at=BEFORE)
    with pytest.raises(VerificationError, match="does not speak for"):
        check_word([TrustedKey(OTHER)], KEY, said_at=BEFORE)
    with pytest.raises(VerificationError, match="counted only until"):
        check_word([ENDED], KEY, said_at=DAY)
    with pytest.raises(VerificationError, match="compromised since"):
        check_word([COMPROMISED], KEY, said_at=DAY)
    with pytest.raises(UnavailableError, match="compromised since") as caught:
        check_word([COMPROMISED], KEY, said_at=BEFORE)
    assert caught.value.code == "key_compromised"


@pytest.mark.parametrize("key", [TrustedKey(KEY), COMPROMISED, ENDED, TrustedKey(KEY, BEFORE, DAY, AFTER)])
def test_key_survives_its_json_form(key):
    assert TrustedKey.parse(key.to_json()) == key
    assert key.is_limited or key.to_json() == KEY.jwk()


def dated(key=KEY, **days):
    return {"jwk": key.jwk(), **days}


@pytest.mark.parametrize(
    "value",
    [
        1,
        {"jwk": 1},
        {"jwk": None},
        # a limit that is not understood must not be passed over
        dated(compromised_sinc=1),
        dated(compromisedSince=1),
        dated(compromised_since="2026-06-01"),
        dated(compromised_since=None),
        dated(compromised_since=True),
        dated(valid_until=1.5),
        dated(valid_from=-1),
        dated(valid_until=MAX_EPOCH_SECONDS + 1),
        dated(valid_from=5, valid_until=5),
        dated(valid_from=6, valid_until=5),
        {**KEY.jwk(), "compromised_since": 1},
        {"jwk": {**KEY.jwk(), "valid_until": 1}},
    ],
)
def test_key_with_days_of_another_form_is_refused(value):
    with pytest.raises(RequestError):
        parse_keys([value], most=MAX_ACCESS_KEYS, what="access")


@pytest.mark.parametrize(
    "listed",
    [
        # another entry must not take back what one says
        [KEY.jwk(), dated(compromised_since=5)],
        [dated(compromised_since=5), KEY.jwk()],
        [dated(valid_until=5), dated(valid_from=4)],
        [dated(valid_until=5), dated(valid_until=9)],
        [dated(valid_until=5, compromised_since=3), dated(valid_from=5)],
        [dated(valid_until=5), dated(valid_from=7, valid_until=9), dated(valid_from=8)],
    ],
)
def test_entries_of_one_key_that_contradict_are_refused(listed):
    with pytest.raises(RequestError, match="periods of one key"):
        parse_keys(listed, most=MAX_ACCESS_KEYS, what="access")


@pytest.mark.parametrize(
    "listed",
    [
        [KEY.jwk(), KEY.jwk()],
        [dated(valid_until=5), dated(valid_from=5)],
        [dated(valid_from=7, compromised_since=9), dated(valid_until=5, compromised_since=9)],
        [dated(valid_until=5), dated(OTHER, valid_from=1)],
        [dated(valid_from=0, valid_until=MAX_EPOCH_SECONDS)],
    ],
)
def test_entries_that_agree_are_taken(listed):
    assert [each.to_json() for each in parse_keys(listed, most=MAX_ACCESS_KEYS, what="access")] == listed
