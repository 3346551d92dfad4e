# SPDX-License-Identifier: EUPL-1.2
"""Status lists fetched and kept: for how long, how many, whose, and what happens when one cannot be had."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest

from protocol.errors import Check, UnavailableError, VerificationError
from protocol.keys import PrivateKey
from protocol.runtime import status_lists
from protocol.runtime.fetch import Fetcher
from protocol.runtime.status_lists import CachedStatusLists, FetchedToken, prefetch
from protocol.status_entries import MutableStatusList, Status
from protocol.status_list import MEDIA_TYPE
from protocol.trust import TrustedIssuer
from tests.fakes.status_host import SIZE, StatusHost, list_token, list_uri


@pytest.fixture
def host() -> StatusHost:
    return StatusHost()


@pytest.fixture
def party(world):
    return world.parties["universitat"]


@pytest.fixture
def issuer(world, party) -> TrustedIssuer:
    return issuer_of(world, party, "university-degree")


def issuer_of(world, party, kind: str) -> TrustedIssuer:
    return world.trust.get_issuer(
        party.issuer_chain,
        identifier=party.issuer_identifier,
        vct=f"https://testimoni.example/credentials/{kind}/1",
        now=world.clock.now(),
    )


@pytest.fixture
def lists(host, world) -> CachedStatusLists:
    return CachedStatusLists(host, world.trust)


@pytest.fixture
def put(host, party, world) -> Callable[..., str]:
    """Puts the administration's list on its host, signed now, and returns its address."""

    def place(**changes: Any) -> str:
        host.put(list_uri(party), list_token(party, now=world.clock.now(), **changes))
        return list_uri(party)

    return place


@pytest.fixture
def get(lists, issuer, world) -> Callable[..., int]:
    def read(uri: str, index: int = 0) -> int:
        return lists.get(uri, issuer=issuer, now=world.clock.now()).statuses.get(index)

    return read


def refused(get: Callable[..., int], uri: str) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        get(uri)
    assert caught.value.check is Check.STATUS
    return caught.value


def unavailable(get: Callable[..., int], uri: str) -> None:
    with pytest.raises(UnavailableError) as caught:
        get(uri)
    assert caught.value.code == "status_unavailable"


def test_list_is_fetched_once_while_it_is_fresh(get, put, host, world):
    uri = put(statuses={5: Status.INVALID})
    assert [get(uri, 5), get(uri, 6)] == [1, 0]
    world.clock.advance(timedelta(minutes=14, seconds=59))
    get(uri)
    assert host.calls == [uri]


@pytest.mark.case("T10")
def test_revocation_is_seen_when_the_time_to_live_is_over(get, put, host, world):
    uri = put(ttl=300)
    assert get(uri, 5) == 0
    put(ttl=300, statuses={5: Status.INVALID})
    world.clock.advance(timedelta(seconds=299))
    assert get(uri, 5) == 0
    world.clock.advance(timedelta(seconds=1))
    assert get(uri, 5) == 1
    assert host.calls == [uri, uri]


@pytest.mark.case("T10")
def test_list_that_cannot_be_had_is_could_not_tell_and_a_copy_serves_only_while_fresh(get, put, host, world):
    host.is_down = True
    uri = list_uri(world.parties["universitat"])
    unavailable(get, uri)
    host.is_down = False
    put()
    get(uri)
    host.is_down = True
    world.clock.advance(timedelta(minutes=14))
    assert get(uri) == 0
    world.clock.advance(timedelta(minutes=1))
    unavailable(get, uri)


@pytest.mark.case("T4", "T10")
def test_copy_does_not_outlive_its_expiry(get, put, host, world):
    uri = put(exp=int((world.clock.now() + timedelta(seconds=30)).timestamp()))
    get(uri)
    world.clock.advance(timedelta(seconds=30))
    assert refused(get, uri).code == "status_list_expired"
    host.is_down = True
    unavailable(get, uri)


@pytest.mark.case("T15")
def test_what_http_says_about_caching_is_ignored(get, put, host, world):
    uri = put(ttl=300)
    assert host.documents[uri].headers["Cache-Control"] == "max-age=31536000"
    get(uri)
    world.clock.advance(timedelta(seconds=300))
    get(uri)
    assert len(host.calls) == 2


@pytest.mark.case("T11")
def test_list_with_an_absurd_time_to_live_is_neither_fetched_each_time_nor_kept_for_years(get, put, host, world):
    uri = put(ttl=1)
    get(uri)
    world.clock.advance(timedelta(seconds=59))
    get(uri)
    assert len(host.calls) == 1
    world.clock.advance(timedelta(seconds=1))
    put(ttl=10 * 365 * 86400, exp=None)
    get(uri)
    world.clock.advance(timedelta(hours=6))
    get(uri)
    assert len(host.calls) == 3


@pytest.mark.case("T12")
def test_redirect_is_not_followed(get, put, host):
    uri = put()
    host.refuses = True
    assert refused(get, uri).code == "status_list_invalid"


@pytest.mark.case("T12")
@pytest.mark.parametrize(
    "uri",
    ["http://lists.example/1", "ftp://lists.example/1", "https://10.0.0.1/1", "https://", "", "file:///etc/x"],
)
def test_foreign_address_is_not_fetched(uri, issuer, world):
    lists = CachedStatusLists(Fetcher(allowed_private_origins=frozenset()), world.trust)
    with pytest.raises(VerificationError) as caught:
        lists.get(uri, issuer=issuer, now=world.clock.now())
    assert (caught.value.check, caught.value.code) == (Check.STATUS, "status_list_invalid")


@pytest.mark.parametrize("status", [204, 404, 410, 500, 503])
def test_answer_without_a_list_is_could_not_tell(get, put, host, status):
    uri = put()
    host.put(uri, "", status=status)
    unavailable(get, uri)


@pytest.mark.case("T2")
@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/html"}, {"Content-Type": "application/jwt"}])
def test_answer_of_another_media_type_is_refused(get, put, host, party, world, headers):
    uri = put()
    host.put(uri, list_token(party, now=world.clock.now()), headers=headers)
    assert refused(get, uri).code == "status_list_invalid"


def test_media_type_when_written_otherwise_then_the_same(get, put, host, party, world):
    uri = put()
    host.put(uri, list_token(party, now=world.clock.now()), headers={"content-type": f"{MEDIA_TYPE.upper()}; q=1"})
    assert get(uri) == 0


def test_body_that_is_no_text_is_refused(get, put, host):
    uri = put()
    host.put(uri, "", body=b"\xff\xfe")
    assert refused(get, uri).code == "status_list_invalid"


@pytest.mark.case("T1", "T2", "T3", "T4")
@pytest.mark.parametrize("changes", [{"sub": "https://o.example/1"}, {"typ": "JWT"}, {"iat": 0, "exp": 1}])
def test_list_that_does_not_count_is_not_kept(get, put, host, changes):
    uri = put(**changes)
    refused(get, uri)
    refused(get, uri)
    assert len(host.calls) == 2


@pytest.mark.case("T3")
def test_kept_list_of_one_issuer_says_nothing_about_another(get, put, lists, host, world):
    """The town hall's document names the university's list: what is kept does not count, and neither does a fetch."""
    uri = put()
    get(uri)
    other = issuer_of(world, world.parties["ajuntament"], "census-registration")
    with pytest.raises(VerificationError) as caught:
        lists.get(uri, issuer=other, now=world.clock.now())
    assert (caught.value.check, caught.value.code) == (Check.STATUS, "status_list_invalid")
    get(uri)
    assert len(host.calls) == 2


def test_kept_list_of_an_issuer_that_is_no_longer_trusted_does_not_serve(get, put, host, world, issuer):
    trust = world.trust
    lists = CachedStatusLists(host, trust)
    uri = put()
    lists.get(uri, issuer=issuer, now=world.clock.now())
    world.parties = {"ajuntament": world.parties["ajuntament"]}
    world.write_trust_list(sequence=2)
    with pytest.raises(VerificationError) as caught:
        lists.get(uri, issuer=issuer, now=world.clock.now())
    assert caught.value.check is Check.STATUS


def test_unreliable_trust_list_is_could_not_tell_also_for_a_kept_list(get, put, issuer, lists, world):
    uri = put()
    get(uri)
    world.trust_list_file.write_text("x")
    with pytest.raises(UnavailableError) as caught:
        lists.get(uri, issuer=issuer, now=world.clock.now())
    assert caught.value.code != "status_unavailable"


@pytest.mark.parametrize(("name", "limit"), [("MAX_LISTS", 2), ("MAX_KEPT_BYTES", 2 * SIZE * 2 // 8)])
def test_lists_when_too_many_then_the_one_not_used_longest_goes(
    monkeypatch, lists, host, party, issuer, world, name, limit
):
    monkeypatch.setattr(status_lists, name, limit)
    uris = [f"{list_uri(party)}{number}" for number in range(3)]
    now = world.clock.now()
    for uri in uris:
        host.put(uri, list_token(party, now=now, sub=uri))
    for uri in (uris[0], uris[1], uris[0], uris[2]):
        lists.get(uri, issuer=issuer, now=now)
    assert host.calls == uris
    lists.get(uris[0], issuer=issuer, now=now)
    assert host.calls == uris
    lists.get(uris[1], issuer=issuer, now=now)
    assert host.calls == [*uris, uris[1]]


def test_same_list_when_fetched_again_then_it_counts_once(get, put, lists, world):
    uri = put()
    for _ in range(3):
        get(uri)
        world.clock.advance(timedelta(minutes=15))
        put()
    assert lists._size == SIZE * 2 // 8


def test_many_threads_that_want_one_list_fetch_it_once(get, put, host):
    uri = put(statuses={5: 1})
    start, found = Barrier(8), []

    def read() -> None:
        start.wait()
        found.append(get(uri, 5))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert (found, host.calls) == ([1] * 8, [uri])


def test_whoever_waited_for_a_fetch_that_failed_does_not_try_the_same_again(get, lists, host, world):
    uri = list_uri(world.parties["universitat"])
    host.is_down = True

    class Contended:
        """A lock that another thread holds until its fetch has failed."""

        held = True

        def __enter__(self) -> None:
            if self.held:
                self.held = False
                unavailable(get, uri)

        def __exit__(self, *_: object) -> None: ...

    lists._fetching = [Contended()] * len(lists._fetching)
    unavailable(get, uri)
    assert host.calls == [uri]
    # who comes later does
    unavailable(get, uri)
    assert host.calls == [uri, uri]


# the shelf


@dataclass
class MemoryShelf:
    """A `TokenShelf` in memory."""

    kept: dict[str, FetchedToken] = field(default_factory=dict)

    def find(self, uri: str) -> FetchedToken | None:
        return self.kept.get(uri)

    def put(self, uri: str, fetched: FetchedToken) -> None:
        self.kept[uri] = fetched

    def uris(self) -> list[str]:
        return list(self.kept)


@pytest.fixture
def shelf() -> MemoryShelf:
    return MemoryShelf()


@pytest.fixture
def another(host, world, shelf) -> Callable[[], CachedStatusLists]:
    """Makes what another process of the same service has."""
    return lambda: CachedStatusLists(host, world.trust, shelf)


def test_list_that_another_process_fetched_is_not_fetched_again_and_gets_no_older(
    another, put, host, issuer, world
):
    uri = put()
    another().get(uri, issuer=issuer, now=world.clock.now())
    world.clock.advance(timedelta(minutes=14))
    late = another()
    late.get(uri, issuer=issuer, now=world.clock.now())
    assert host.calls == [uri]
    world.clock.advance(timedelta(minutes=1))
    late.get(uri, issuer=issuer, now=world.clock.now())
    assert host.calls == [uri, uri]
    another().get(uri, issuer=issuer, now=world.clock.now())
    assert host.calls == [uri, uri]


@pytest.mark.case("T10")
def test_list_on_the_shelf_that_is_too_old_does_not_serve(another, put, host, issuer, world):
    uri = put()
    another().get(uri, issuer=issuer, now=world.clock.now())
    host.is_down = True
    world.clock.advance(timedelta(minutes=15))
    with pytest.raises(UnavailableError):
        another().get(uri, issuer=issuer, now=world.clock.now())


@pytest.mark.case("T3")
def test_what_is_on_the_shelf_is_verified(another, put, host, shelf, party, issuer, world):
    """Whoever can write the table cannot make a revoked document pass."""
    uri, now = put(statuses={0: Status.INVALID}), world.clock.now()
    forged = list_token(party, now=now, signer=PrivateKey.generate())
    shelf.put(uri, FetchedToken(forged, now))
    assert another().get(uri, issuer=issuer, now=now).statuses.get(0) == Status.INVALID
    assert host.calls == [uri]
    assert shelf.kept[uri].token != forged


def test_prefetch_renews_what_is_known_and_brings_what_its_issuer_lists(
    another, host, shelf, party, issuer, world
):
    uri, other = list_uri(party), f"{list_uri(party)}2"
    where = f"{party.issuer_identifier}/status"
    now = world.clock.now()
    body = {"bits": 1, "lst": MutableStatusList.make(1, SIZE).encode(), "aggregation_uri": where}
    host.put(uri, list_token(party, now=now, status_list=body))
    host.put(other, list_token(party, now=now, sub=other))
    # other hosts are not asked before a document names them
    listed = json.dumps({"status_lists": [uri, "https://elsewhere.example/1", "no address", other]})
    host.put(where, listed, headers={"Content-Type": "application/json"})
    another().get(uri, issuer=issuer, now=now)
    world.clock.advance(timedelta(minutes=15))
    assert prefetch(host, shelf, now=world.clock.now()) == (2, 0)
    assert host.calls == [uri, where, uri, other]
    for each in (uri, other):
        another().get(each, issuer=issuer, now=world.clock.now())
    assert len(host.calls) == 4


def test_prefetch_when_something_cannot_be_had_then_the_rest_is(another, host, shelf, party, world):
    uri, gone, now = list_uri(party), f"{list_uri(party)}2", world.clock.now()
    body = {"bits": 1, "lst": "x", "aggregation_uri": f"{party.issuer_identifier}/none"}
    host.put(uri, list_token(party, now=now, status_list=body))
    shelf.put(uri, FetchedToken(host.documents[uri].body.decode(), now))
    shelf.put(gone, FetchedToken("no token", now))
    assert prefetch(host, shelf, now=now) == (1, 1)
    shelf.uris = lambda: ["https://forgotten.example"]
    assert prefetch(host, shelf, now=now) == (0, 1)


def test_prefetch_asks_no_other_host_for_a_list_of_lists(host, shelf, party, world):
    uri, now = list_uri(party), world.clock.now()
    body = {"bits": 1, "lst": "x", "aggregation_uri": "https://elsewhere.example/status"}
    host.put(uri, list_token(party, now=now, status_list=body))
    shelf.put(uri, FetchedToken(host.documents[uri].body.decode(), now))
    assert prefetch(host, shelf, now=now) == (1, 0)
    assert host.calls == [uri]


def test_prefetch_fetches_no_more_than_are_kept(monkeypatch, host, shelf, world):
    monkeypatch.setattr(status_lists, "MAX_LISTS", 2)
    for number in range(3):
        shelf.put(f"https://o.example/{number}", FetchedToken("x", world.clock.now()))
    assert prefetch(host, shelf, now=world.clock.now()) == (0, 2)
