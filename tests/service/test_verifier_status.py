# SPDX-License-Identifier: EUPL-1.2
"""Status lists at the verifier: shared by its processes, fetched ahead, and forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest

from protocol.runtime.status_lists import FetchedToken
from tests.conftest import ISSUER_URL
from tests.fakes.presentations import honest
from tests.fakes.status_host import list_uri


@pytest.fixture
def uri(world) -> str:
    return list_uri(world.parties["universitat"])


def fetches(world, uri: str) -> int:
    return world.http.calls.count(("GET", uri))


def answer(office, world) -> int:
    request = office.fetch(office.start()["request_url"])
    return office.answer(request, honest(world, None))[1].status_code


def test_list_is_fetched_once_for_two_presentations_and_stands_on_the_shelf(office, world, uri):
    assert [answer(office, world), answer(office, world)] == [200, 200]
    assert fetches(world, uri) == 1
    assert office.services.shelf.uris() == [uri]


def test_prefetch_when_run_by_the_operator_then_the_next_check_asks_nobody(office, world, uri):
    answer(office, world)
    world.clock.advance(timedelta(hours=1))
    said = office.app.test_cli_runner().invoke(args=["verifier", "prefetch-status"]).output
    assert said == "1 status lists were fetched, 0 could not be\n"
    world.http.down.add(ISSUER_URL)
    assert answer(office, world) == 200
    assert fetches(world, uri) == 2
    assert office.app.test_cli_runner().invoke(args=["verifier", "prefetch-status"]).output.startswith("0 status")


def test_purge_forgets_lists_that_are_too_old_to_serve(office, world, uri):
    answer(office, world)
    runner = office.app.test_cli_runner()
    world.clock.advance(timedelta(hours=6))
    assert runner.invoke(args=["verifier", "purge"]).exit_code == 0
    assert office.services.shelf.uris() == [uri]
    world.clock.advance(timedelta(seconds=1))
    runner.invoke(args=["verifier", "purge"])
    assert office.services.shelf.uris() == []
    assert office.services.shelf.find(uri) is None


def test_token_when_put_again_then_the_newer_stays(office, world, uri):
    shelf, now = office.services.shelf, world.clock.now()
    for token in ("one", "two"):
        shelf.put(uri, FetchedToken(token, now))
    assert shelf.find(uri) == FetchedToken("two", now)
