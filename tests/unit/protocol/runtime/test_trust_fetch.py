# SPDX-License-Identifier: EUPL-1.2
"""A trust list that is fetched and kept: never an older one, never beyond its end, through restarts and outages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread

import pytest

from protocol.encoding import b64url_encode
from protocol.errors import ConfigurationError, RequestError, UnavailableError, VerificationError
from protocol.runtime.database import migrate, open_database
from protocol.runtime.fetch import MAX_BODY_BYTES, Response
from protocol.runtime.settings import ServiceSettings
from protocol.runtime.sql_trust_shelf import SqlTrustListShelf
from protocol.runtime.trust_fetch import RETRY, FetchedTrustList, open_trust_list
from protocol.runtime.trust_list import FileTrustList
from protocol.runtime.trust_shelf import KeptList, ProcessShelf
from protocol.trust import MAX_LIST_CHARS
from testimoni.development.parties import sign_trust_list
from tests.conftest import LOG_ORIGIN
from verifier.tables import TrustListRow

URL = "http://localhost:8104/trust/v1/list"
REFRESH = timedelta(seconds=60)
SECOND = timedelta(seconds=1)
# as the development authority signs them
LIFETIME = timedelta(days=30)


@dataclass
class Host:
    """Answers with a list, or with what went wrong."""

    body: bytes = b""
    status: int = 200
    error: Exception | None = None
    calls: list[str] = field(default_factory=list)

    def get(self, url, *, headers=None, max_bytes=MAX_BODY_BYTES):
        self.calls.append(url)
        if self.error:
            raise self.error
        if len(self.body) > max_bytes:
            raise RequestError("invalid_request", f"answered more than {max_bytes} bytes")
        return Response(self.status, {}, self.body)


@pytest.fixture(params=["process", "database"])
def shelf(request, tmp_path):
    if request.param == "process":
        return ProcessShelf()
    database = open_database(f"sqlite:///{tmp_path}/shelf.sqlite")
    migrate(database, "verifier")
    return SqlTrustListShelf(database, TrustListRow)


@pytest.fixture
def host(world):
    return Host(signed(world, 5))


def signed(world, sequence, logs=None):
    logs = [world.log] if logs is None else logs
    made = sign_trust_list(world.authority, world.parties, logs, sequence=sequence, now=world.clock.now())
    return made.encode()


def country(world, count):
    """A list on which so many administrations are, each with an issuer and a verifier of ten procedures."""
    digest = b64url_encode(bytes(32))
    others = [
        {
            "code": f"L{number:08}",
            "name": {"ca": f"Ajuntament de la Vila Imaginària {number}"},
            "issuers": [
                {
                    "identifier": f"https://issuer.testimoni.example/vila-{number}",
                    "credential_types": [
                        {"vct": f"https://testimoni.example/credentials/{kind}/1"} for kind in range(3)
                    ],
                    "keys": [{"thumbprint": digest}],
                }
            ],
            "verifiers": [
                {"client_id": f"x509_hash:{number}", "procedures": [digest] * 10, "keys": [{"thumbprint": digest}]}
            ],
        }
        for number in range(count)
    ]
    now = world.clock.now()
    return sign_trust_list(
        world.authority, world.parties, [world.log], sequence=6, now=now, others=others
    ).encode()


@pytest.fixture
def opened(world, host, shelf):
    """Open the list as a process does that has just started."""

    def run(url=URL):
        return FetchedTrustList(url, [world.authority.root], host, shelf, refresh=REFRESH)

    return run


@pytest.fixture
def ask(world):
    return lambda trust: trust.get_log(LOG_ORIGIN, now=world.clock.now())


def refused(code, ask, trust):
    with pytest.raises(UnavailableError) as caught:
        ask(trust)
    assert caught.value.code == code


def test_list_of_all_administrations_of_a_country_is_fetched(world, host, opened):
    """2,200 of them, with three types and ten procedures each: more than other answers may have."""
    host.body = country(world, 2200)
    assert MAX_BODY_BYTES < 2 * 1024 * 1024 < len(host.body) < MAX_LIST_CHARS / 2
    assert opened().get_log(LOG_ORIGIN, now=world.clock.now()).origin == LOG_ORIGIN


def test_list_as_long_as_allowed_is_taken_and_a_longer_one_is_not(world, host, opened):
    ours = host.body
    host.body = ours.ljust(MAX_LIST_CHARS, b"\n")
    assert opened().get_log(LOG_ORIGIN, now=world.clock.now()).origin == LOG_ORIGIN
    host.body = ours.ljust(MAX_LIST_CHARS + 1, b"\n")
    with pytest.raises(UnavailableError) as caught:
        opened(URL + "?another").get_log(LOG_ORIGIN, now=world.clock.now())
    assert caught.value.code == "trust_list_unavailable"


def test_list_is_fetched_once_and_again_after_the_refresh_time(world, host, opened, ask):
    trust = opened()
    for _ in range(3):
        assert ask(trust).origin == LOG_ORIGIN
    world.clock.advance(REFRESH - SECOND)
    ask(trust)
    assert host.calls == [URL]
    world.clock.advance(SECOND)
    ask(trust)
    assert host.calls == [URL, URL]


def test_right_that_was_taken_back_counts_no_longer_than_the_refresh_time(world, host, opened, ask):
    trust = opened()
    ask(trust)
    host.body = signed(world, 6, logs=[])
    world.clock.advance(REFRESH)
    with pytest.raises(VerificationError, match="not on the trust list"):
        ask(trust)


def test_other_process_uses_what_the_first_fetched(world, host, opened, ask):
    ask(opened())
    host.error = UnavailableError("temporarily_unavailable", "no answer")
    assert ask(opened()).origin == LOG_ORIGIN
    assert host.calls == [URL]


@pytest.mark.parametrize(
    "outage",
    [
        {"error": UnavailableError("temporarily_unavailable", "no answer")},
        {"error": RequestError("invalid_request", "answered more than allowed")},
        {"status": 503},
        {"status": 404},
        {"body": b""},
        {"body": b"x.y.z"},
        {"body": b"\xff"},
        {"body": b"."},
    ],
)
def test_in_an_outage_the_kept_list_counts_until_it_ends_also_after_a_restart(world, host, opened, ask, outage):
    trust, good = opened(), (host.body, 200, None)
    ask(trust)
    for name, value in outage.items():
        setattr(host, name, value)
    world.clock.advance(LIFETIME - SECOND)
    assert ask(trust).origin == LOG_ORIGIN
    restarted = opened()
    assert ask(restarted).origin == LOG_ORIGIN
    # not every question tries again
    calls = len(host.calls)
    ask(trust)
    ask(restarted)
    assert len(host.calls) == calls
    world.clock.advance(SECOND)
    refused("trust_list_expired", ask, trust)
    refused("trust_list_expired", ask, opened())
    host.body, host.status, host.error = good
    host.body = signed(world, 5)
    world.clock.advance(RETRY)
    assert ask(trust).origin == LOG_ORIGIN


def test_without_any_list_could_not_tell_and_tries_again_after_a_while(world, host, opened, ask):
    host.error = UnavailableError("temporarily_unavailable", "no answer")
    trust = opened()
    refused("trust_list_unavailable", ask, trust)
    refused("trust_list_unavailable", ask, trust)
    assert len(host.calls) == 1
    host.error = None
    world.clock.advance(RETRY)
    assert ask(trust).origin == LOG_ORIGIN


def test_older_list_is_refused_after_a_restart_too(world, host, opened, ask, shelf):
    """Who serves yesterday's list, with the key that was taken back since, changes nothing."""
    host.body = signed(world, 6, logs=[])
    for trust in (opened(), opened()):
        with pytest.raises(VerificationError):
            ask(trust)
        host.body = signed(world, 5)
        world.clock.advance(REFRESH)
        with pytest.raises(VerificationError, match="not on the trust list"):
            ask(trust)
    assert shelf.find(URL).sequence == 6


def test_list_signed_by_another_key_or_already_ended_is_not_kept(world, host, opened, ask, shelf):
    host.body = signed(world, 7)
    world.clock.advance(LIFETIME)
    refused("trust_list_unavailable", ask, opened())
    assert shelf.find(URL) is None


def test_clock_that_jumps_back_asks_again(world, host, opened, ask):
    trust = opened()
    ask(trust)
    world.clock.advance(-timedelta(minutes=30))
    ask(trust)
    assert len(host.calls) == 2


def test_kept_token_that_was_changed_in_the_database_does_not_count(world, host, opened, ask, shelf):
    shelf.put(URL, KeptList(9, "x.y.z", world.clock.now()))
    refused("trust_list_unavailable", ask, opened())


def test_thread_that_has_a_list_does_not_wait_for_the_one_that_fetches(world, host, opened, ask):
    trust, fetching, done = opened(), Event(), Event()
    ask(trust)
    world.clock.advance(REFRESH)
    plain = host.get

    def slow(url, **more):
        fetching.set()
        assert done.wait(10)
        return plain(url, **more)

    host.get = slow
    first = Thread(target=ask, args=(trust,))
    first.start()
    assert fetching.wait(10)
    assert ask(trust).origin == LOG_ORIGIN
    done.set()
    first.join(10)
    assert len(host.calls) == 2


class TestShelf:
    def test_keeps_the_newest_of_each_source(self, shelf, clock):
        assert shelf.find("a") is None
        for sequence, token in ((3, "first"), (3, "again"), (4, "newer")):
            shelf.put("a", KeptList(sequence, token, clock.now()))
        shelf.put("b", KeptList(1, "other", clock.now()))
        assert shelf.find("a") == KeptList(4, "newer", clock.now())
        assert shelf.find("b") == KeptList(1, "other", clock.now())

    def test_refuses_an_older_one_and_changes_nothing(self, shelf, clock):
        shelf.put("a", KeptList(4, "newer", clock.now()))
        with pytest.raises(UnavailableError) as caught:
            shelf.put("a", KeptList(3, "older", clock.now() + SECOND))
        assert caught.value.code == "trust_list_older"
        assert shelf.find("a") == KeptList(4, "newer", clock.now())


def test_file_that_is_older_than_seen_before_a_restart_could_not_tell(world, shelf, ask):
    def opened():
        return FileTrustList(world.trust_list_file, [world.authority.root], shelf)

    world.write_trust_list(sequence=2)
    assert ask(opened()).origin == LOG_ORIGIN
    world.write_trust_list(sequence=1)
    refused("trust_list_older", ask, opened())
    world.write_trust_list(sequence=3)
    assert ask(opened()).origin == LOG_ORIGIN


def settings(world, **given):
    return ServiceSettings(
        environment="development",
        public_url="http://localhost:8100",
        database_url="sqlite:///:memory:",
        secret_key="s" * 32,
        trust_anchor_file=world.anchor_file,
        **given,
    )


def test_settings_name_a_file_or_a_url_and_never_both_or_none(world, host):
    by_file = open_trust_list(settings(world, trust_list_file=world.trust_list_file), host, ProcessShelf())
    by_url = open_trust_list(settings(world, trust_list_url=URL), host, ProcessShelf())
    assert (type(by_file), type(by_url)) == (FileTrustList, FetchedTrustList)
    for given in ({}, {"trust_list_file": world.trust_list_file, "trust_list_url": URL}):
        with pytest.raises(ValueError, match="exactly one"):
            settings(world, **given)


def test_fetched_list_without_anchor_refuses_to_start(host):
    with pytest.raises(ConfigurationError):
        FetchedTrustList(URL, [], host, ProcessShelf(), refresh=REFRESH)
