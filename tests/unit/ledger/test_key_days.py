# SPDX-License-Identifier: EUPL-1.2
"""The days that a registry's history gives to the keys of a trust file."""

from __future__ import annotations

import pytest

from ledger.key_days import date_keys
from ledger.registry_events import Kind, Role
from ledger.trust import TrustedAdministration, TrustFile
from ledger.trusted_key import TrustedKey
from protocol.clock import MAX_EPOCH_SECONDS, from_epoch
from protocol.encoding import b64url_decode
from protocol.keys import PrivateKey
from tests.fakes.registry_events import RegistryScribe

DAY = 86_400
CODE = "L01990015"
ACCESS, ISSUER = PrivateKey.generate().public_key, PrivateKey.generate().public_key


def day(number):
    return from_epoch(number * DAY)


def digest(key):
    return b64url_decode(key.thumbprint())


@pytest.fixture
def scribe():
    """The office takes part from day 100 on, its keys begin on day 110; it is day 120."""
    made = RegistryScribe(100 * DAY)
    made.join(CODE)
    made.give(Kind.KEY, Role.VERIFIER, CODE, digest(ACCESS), start=110 * DAY)
    made.give(Kind.KEY, Role.ISSUER, CODE, digest(ISSUER), start=110 * DAY)
    made.now = 120 * DAY
    return made


def dated(scribe, *access, issuer=(), code=CODE):
    office = TrustedAdministration(code, {}, access or (TrustedKey(ACCESS),), ("https://i",), issuer)
    made = date_keys(TrustFile("PEM", (), (office,)), scribe.history)
    return made, made.trust.administrations[0]


def test_key_has_the_days_of_its_own_role(scribe):
    scribe.compromise(Role.ISSUER, CODE, digest(ISSUER), start=115 * DAY)
    made, office = dated(scribe, issuer=(TrustedKey(ISSUER),))
    assert office.access_keys == (TrustedKey(ACCESS, day(110)),)
    assert office.issuer_keys == (TrustedKey(ISSUER, day(110), None, day(115)),)
    assert (made.dated, made.unknown, made.taken_out) == (2, (), ())
    assert office.issuers == ("https://i",)


def test_key_that_ended_and_came_again_is_listed_for_each_period(scribe):
    scribe.end(Kind.KEY, Role.VERIFIER, CODE, digest(ACCESS))
    scribe.now = 130 * DAY
    scribe.give(Kind.KEY, Role.VERIFIER, CODE, digest(ACCESS), end=140 * DAY)
    scribe.compromise(Role.VERIFIER, CODE, digest(ACCESS), start=135 * DAY)
    made, office = dated(scribe)
    assert office.access_keys == (
        TrustedKey(ACCESS, day(110), day(120), day(135)),
        TrustedKey(ACCESS, day(130), day(140), day(135)),
    )
    assert made.dated == 1
    # and once more, from the file that was made
    assert dated(scribe, *office.access_keys)[1] == office


def test_key_counts_no_longer_than_its_administration(scribe):
    scribe.leave(CODE)
    _, office = dated(scribe)
    assert office.access_keys == (TrustedKey(ACCESS, day(110), day(120)),)


def test_what_the_file_said_of_the_days_is_replaced(scribe):
    _, office = dated(scribe, TrustedKey(ACCESS, compromised_since=day(1)))
    assert office.access_keys == (TrustedKey(ACCESS, day(110)),)


@pytest.mark.parametrize("given", [TrustedKey(ISSUER), TrustedKey(ISSUER, valid_until=day(5))])
def test_key_of_another_role_or_of_nobody_stays_as_it_was_and_is_named(scribe, given):
    made, office = dated(scribe, TrustedKey(ACCESS), given)
    assert office.access_keys == (TrustedKey(ACCESS, day(110)), given)
    assert made.unknown == (ISSUER.thumbprint(),)


def test_key_of_another_administration_is_not_this_ones(scribe):
    made, office = dated(scribe, code="L00000001")
    assert office.access_keys == (TrustedKey(ACCESS),)
    assert made.unknown == (ACCESS.thumbprint(),)


def test_key_that_never_counted_is_taken_out_and_named(scribe):
    scribe.give(Kind.KEY, Role.VERIFIER, CODE, digest(ISSUER), start=130 * DAY)
    scribe.end(Kind.KEY, Role.VERIFIER, CODE, digest(ISSUER))
    made, office = dated(scribe, TrustedKey(ACCESS), TrustedKey(ISSUER))
    assert office.access_keys == (TrustedKey(ACCESS, day(110)),)
    assert made.taken_out == (ISSUER.thumbprint(),)


def test_key_from_after_all_calendars_never_counts_and_an_end_there_is_none(scribe):
    scribe.give(Kind.KEY, Role.VERIFIER, CODE, digest(ISSUER), start=MAX_EPOCH_SECONDS + 1)
    made, _ = dated(scribe, TrustedKey(ISSUER))
    assert made.taken_out == (ISSUER.thumbprint(),)
