# SPDX-License-Identifier: EUPL-1.2
"""Status lists of the issuer: entries given out once, lists published signed, revocations for ever."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from importlib.resources import files
from threading import Barrier, Thread

import pytest
from sqlalchemy import event
from sqlalchemy.dialects import postgresql
from sqlmodel import Session

from issuer import status
from issuer.credential_types import parse_type
from issuer.services import KEY
from issuer.status import Published, Reason, Statuses
from issuer.status_order import entry_at
from issuer.store_status import SqlStatusStore
from protocol import jws, status_list
from protocol.errors import RequestError, VerificationError
from protocol.runtime.database import open_database
from protocol.runtime.status_lists import CachedStatusLists
from protocol.sd_jwt import UnverifiedSDJWT
from protocol.status_list import StatusReference
from tests.conftest import ISSUER_URL

LISTS = f"{ISSUER_URL}/universitat/status"


@pytest.fixture
def lists(settings, store) -> SqlStatusStore:
    return SqlStatusStore(open_database(settings.database_url))


@pytest.fixture
def statuses(app) -> Statuses:
    return app.extensions[KEY].statuses


@pytest.fixture
def issued(offer, wallet) -> list[UnverifiedSDJWT]:
    """The copies of a degree."""
    return [UnverifiedSDJWT.parse(each["credential"]) for each in wallet.collect(offer).json["credentials"]]


@pytest.fixture
def issuance_id(offer) -> str:
    return offer.path.rpartition("/")[2]


def reference(copy: UnverifiedSDJWT) -> StatusReference:
    return StatusReference.parse(copy.issuer_jwt.claims()["status"])


def read(app, uri: str, **headers: str):
    return app.test_client().get(uri.removeprefix(ISSUER_URL), base_url=ISSUER_URL, headers=headers)


@pytest.fixture
def check(app, world):
    """Checks a copy's status as a verifier does that has never seen the list."""
    world.http.apps[ISSUER_URL] = app
    party = world.parties["universitat"]

    def ask(copy: UnverifiedSDJWT) -> str:
        issuer = world.trust.get_issuer(
            party.issuer_chain,
            identifier=party.issuer_identifier,
            vct=str(copy.issuer_jwt.claims()["vct"]),
            now=world.clock.now(),
        )
        fresh = CachedStatusLists(world.http, world.trust)
        try:
            status_list.check(reference(copy), lists=fresh, issuer=issuer, now=world.clock.now())
        except VerificationError as exc:
            return exc.code
        return "valid"

    return ask


def is_revoked(check, copy: UnverifiedSDJWT) -> bool:
    return {"valid": False, "credential_revoked": True}[check(copy)]


# entries


def test_copies_share_a_list_and_have_entries_that_do_not_tell_that_they_belong_together(issued, check):
    found = [reference(copy) for copy in issued]
    assert len({each.uri for each in found}) == 1
    assert found[0].uri.startswith(f"{LISTS}/")
    indices = [each.index for each in found]
    assert len(set(indices)) == len(indices) == 3
    first, second, third = indices
    assert second - first != third - second
    assert not any(is_revoked(check, copy) for copy in issued)


def test_copies_are_recorded_with_their_entries(issued, issuance_id, store):
    kept = {(copy.status_list_id, copy.status_index) for copy in store.copies("universitat", issuance_id)}
    assert kept == {(each.uri.rpartition("/")[2], each.index) for each in map(reference, issued)}


def test_copies_of_a_type_without_status_have_no_entry(app, offer, wallet, store, issuance_id):
    issuer = app.extensions[KEY].issuer
    text = (files("issuer") / "credential_types" / "university-degree.toml").read_text("utf-8")
    kind = parse_type(text.replace("carries_status = true", "carries_status = false"), name="degree")
    issuer._types = {**issuer._types, kind.id: kind}
    answer = wallet.collect(offer)
    copy = UnverifiedSDJWT.parse(answer.json["credentials"][0]["credential"])
    assert "status" not in copy.issuer_jwt.claims()
    assert {copy.status_list_id for copy in store.copies("universitat", issuance_id)} == {None}


def test_list_when_full_then_the_next_one_is_used_and_nothing_is_given_out_of_the_old(lists):
    def small() -> status.NewList:
        return status.new_list(16)

    taken = [lists.take("universitat", 3, make=small) for _ in range(5)]
    assert [each.first for each in taken] == [0, 3, 0, 3, 0]
    assert lists.list_ids("universitat") == [taken[0].list_id, taken[2].list_id, taken[4].list_id]
    entries = {
        (each.list_id, entry_at(place, key=each.order_key, size=16))
        for each in taken
        for place in range(each.first, each.first + 3)
    }
    assert len(entries) == 15
    assert lists.list_ids("ajuntament") == []


def test_lists_when_closed_then_entries_come_from_a_new_one(app, statuses):
    (before,) = statuses.take("universitat", 1)
    (other,) = statuses.take("ajuntament", 1)
    said = app.test_cli_runner().invoke(args=["issuer", "close-status-lists", "universitat"]).output
    assert said == "1 status lists were closed\n"
    (after,) = statuses.take("universitat", 1)
    assert after.list_id != before.list_id
    assert statuses.take("ajuntament", 1)[0].list_id == other.list_id


@pytest.mark.case("I44")
def test_entries_taken_by_many_threads_at_once_are_all_different(settings, store):
    start, found = Barrier(6), []

    def work() -> None:
        mine = SqlStatusStore(open_database(settings.database_url))
        start.wait()
        for _ in range(15):
            taken = mine.take("universitat", 5, make=lambda: status.new_list(256))
            found.extend((taken.list_id, place) for place in range(taken.first, taken.first + 5))

    threads = [Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(set(found)) == 6 * 15 * 5
    # 25 batches of five fit into a half of 256: no list was left while there was room
    assert len({list_id for list_id, _ in found}) == 4


@pytest.mark.case("I44")
def test_entries_taken_by_several_processes_at_once_are_all_different(settings, store):
    script = (
        "import sys\n"
        "from issuer import status\n"
        "from issuer.store_status import SqlStatusStore\n"
        "from protocol.runtime.database import open_database\n"
        "lists = SqlStatusStore(open_database(sys.argv[1]))\n"
        "for _ in range(25):\n"
        "    taken = lists.take('universitat', 4, make=lambda: status.new_list(256))\n"
        "    for place in range(taken.first, taken.first + 4):\n"
        "        print(taken.list_id, place)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, settings.database_url], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    found = [line for process in running for line in process.communicate(timeout=60)[0].splitlines()]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(found) == len(set(found)) == 3 * 25 * 4


def test_places_are_given_out_and_entries_changed_under_a_row_lock_where_the_database_has_one(
    lists, statuses, issued, issuance_id
):
    """Else on PostgreSQL two processes give out the same place, or one writes over the other's revocation."""
    seen = []

    def note(state) -> None:
        text = str(state.statement.compile(dialect=postgresql.dialect()))
        seen.extend(
            (table, lock)
            for table in ("administrations", "status_lists", "copies")
            for lock in ("FOR NO KEY UPDATE", "FOR UPDATE")
            if f"FROM {table}" in text and lock in text
        )

    event.listen(Session, "do_orm_execute", note)
    try:
        lists.take("universitat", 1, make=status.new_list)
        statuses.revoke("universitat", issuance_id, reason=Reason.WRONG)
    finally:
        event.remove(Session, "do_orm_execute", note)
    assert seen == [
        ("administrations", "FOR NO KEY UPDATE"),
        ("copies", "FOR UPDATE"),
        ("status_lists", "FOR UPDATE"),
    ]


# publishing


def test_list_is_served_signed_with_its_media_type_to_scripts_of_any_origin(app, issued, world):
    uri = reference(issued[0]).uri
    answer = read(app, uri)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/statuslist+jwt"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "public, max-age=900"
    assert "Set-Cookie" not in answer.headers
    token = jws.parse(answer.text)
    assert token.header["typ"] == "statuslist+jwt"
    assert token.header["x5c"] == list(world.parties["universitat"].issuer_chain)
    claims = token.claims()
    assert claims["sub"] == uri
    assert (claims["ttl"], claims["exp"] - claims["iat"]) == (900, 86400)
    assert claims["status_list"]["bits"] == 1
    assert claims["status_list"]["aggregation_uri"] == LISTS


def test_list_when_unchanged_then_the_same_bytes_and_no_body_for_who_has_it(app, issued):
    uri = reference(issued[0]).uri
    first, second = read(app, uri), read(app, uri)
    assert first.data == second.data
    again = read(app, uri, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_list_is_signed_again_when_half_its_life_is_over(app, issued, world):
    uri = reference(issued[0]).uri
    first = read(app, uri).text
    world.clock.advance(timedelta(hours=12))
    assert read(app, uri).text == first
    world.clock.advance(timedelta(seconds=1))
    again = read(app, uri).text
    assert jws.parse(again).claims()["iat"] - jws.parse(first).claims()["iat"] == 12 * 3600 + 1


def test_list_signed_before_a_revocation_never_replaces_the_one_signed_after(lists, statuses, issued, app, world):
    uri = reference(issued[0]).uri
    read(app, uri)
    list_id = uri.rpartition("/")[2]
    version = lists.find_contents("universitat", list_id).version
    late = Published("late", world.clock.now() + timedelta(days=1), is_current=True)
    lists.publish(list_id, late, version=version - 1)
    assert lists.find_published("universitat", list_id).token != "late"


@pytest.mark.case("I45")
def test_list_of_another_administration_or_of_nobody_is_not_found(app, issued):
    list_id = reference(issued[0]).uri.rpartition("/")[2]
    for path in (f"/ajuntament/status/{list_id}", "/universitat/status/none", f"/nobody/status/{list_id}"):
        assert read(app, path).status_code == 404
    assert read(app, "/nobody/status").status_code == 404


def test_list_of_the_past_is_not_given(app, issued):
    answer = read(app, f"{reference(issued[0]).uri}?time=1700000000")
    assert answer.status_code == 501
    assert answer.json["error"] == "not_implemented"


def test_lists_are_listed_and_the_metadata_say_where(app, issued, lists):
    metadata = read(app, "/.well-known/oauth-authorization-server/universitat").json
    assert metadata["status_list_aggregation_endpoint"] == LISTS
    lists.close("universitat")
    lists.take("universitat", 1, make=lambda: status.new_list(16))
    answer = read(app, LISTS)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    uris = status_list.parse_aggregation(answer.data)
    assert len(uris) == 2
    assert uris[0] == reference(issued[0]).uri
    assert status_list.parse_aggregation(read(app, "/ajuntament/status").data) == ()


# revoking


@pytest.mark.case("T8")
def test_document_when_revoked_then_every_copy_of_it_and_no_other(app, issued, issuance_id, check, statuses):
    (stranger,) = statuses.take("universitat", 1)
    said = app.test_cli_runner().invoke(args=["issuer", "revoke", "universitat", issuance_id, "--reason=wrong"])
    assert (said.exit_code, said.output) == (0, "3 copies were revoked\n")
    assert all(is_revoked(check, copy) for copy in issued)
    claims = jws.parse(read(app, stranger.reference.uri).text).claims()["status_list"]
    assert status_list.decode(claims["lst"], 1).get(stranger.index) == 0


def test_revocation_when_repeated_then_changes_nothing(app, issued, issuance_id, statuses, store, world):
    assert statuses.revoke("universitat", issuance_id, reason=Reason.WRONG) == 3
    first = read(app, reference(issued[0]).uri).text
    world.clock.advance(timedelta(minutes=1))
    assert statuses.revoke("universitat", issuance_id, reason=Reason.KEY_LOST) == 0
    assert read(app, reference(issued[0]).uri).text == first
    kept = store.copies("universitat", issuance_id)
    assert {copy.revocation_reason for copy in kept} == {"wrong"}
    assert {copy.revoked_at for copy in kept} == {world.clock.now() - timedelta(minutes=1)}


def test_one_copy_when_revoked_then_the_others_stay_valid(app, issued, issuance_id, store, check):
    entry = reference(issued[1]).index
    copy = next(c for c in store.copies("universitat", issuance_id) if c.status_index == entry)
    arguments = ["issuer", "revoke", "universitat", issuance_id, "--reason", "key-lost", "--copy", copy.id]
    assert app.test_cli_runner().invoke(args=arguments).output == "1 copies were revoked\n"
    assert [is_revoked(check, each) for each in issued] == [False, True, False]


def test_document_of_another_administration_or_of_nobody_cannot_be_revoked(app, issued, issuance_id, check):
    for administration, issuance, more in (
        ("ajuntament", issuance_id, []),
        ("universitat", "none", []),
        ("universitat", issuance_id, ["--copy", "none"]),
    ):
        arguments = ["issuer", "revoke", administration, issuance, "--reason", "wrong", *more]
        answer = app.test_cli_runner().invoke(args=arguments)
        assert answer.exit_code == 1
        assert "the administration issued no such document" in answer.output
    assert not any(is_revoked(check, copy) for copy in issued)


def test_revocation_needs_a_reason_that_we_know(app, issuance_id):
    for more in ([], ["--reason", "because"]):
        answer = app.test_cli_runner().invoke(args=["issuer", "revoke", "universitat", issuance_id, *more])
        assert answer.exit_code == 2


def test_revocations_at_once_are_all_kept(settings, statuses, offer, wallet, store, issuance_id):
    """Each changes its own entry of the same list: none writes over another's."""
    wallet.collect(offer)
    copies = store.copies("universitat", issuance_id)
    start = Barrier(len(copies))

    def work(copy_id: str) -> None:
        start.wait()
        statuses.revoke("universitat", issuance_id, reason=Reason.OUTDATED, copy_ids=[copy_id])

    threads = [Thread(target=work, args=[copy.id]) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    contents = SqlStatusStore(open_database(settings.database_url)).find_contents(
        "universitat", str(copies[0].status_list_id)
    )
    found = status_list.StatusList(1, contents.packed)
    assert [found.get(int(copy.status_index)) for copy in copies] == [1, 1, 1]
    assert contents.version == len(copies)


# forgetting


def test_entries_of_expired_copies_are_forgotten_by_purge_and_not_before(app, issued, issuance_id, store, world):
    day = timedelta(days=364)
    world.clock.advance(day)
    runner = app.test_cli_runner()
    assert "0 status entries were forgotten" in runner.invoke(args=["issuer", "purge"]).output
    world.clock.advance(timedelta(days=1))
    assert "3 status entries were forgotten" in runner.invoke(args=["issuer", "purge"]).output
    kept = store.copies("universitat", issuance_id)
    assert {(copy.status_list_id, copy.status_index) for copy in kept} == {(None, None)}


def test_entries_that_were_forgotten_are_not_revoked_and_not_given_out_again(
    app, issued, issuance_id, statuses, lists, world
):
    used = {reference(copy).index for copy in issued}
    world.clock.advance(timedelta(days=366))
    app.test_cli_runner().invoke(args=["issuer", "purge"])
    assert statuses.revoke("universitat", issuance_id, reason=Reason.WRONG) == 0
    assert not used & {entry.index for entry in statuses.take("universitat", 500)}


def test_document_that_was_not_collected_has_nothing_to_revoke(offer, issuance_id, statuses):
    with pytest.raises(RequestError) as caught:
        statuses.revoke("universitat", issuance_id, reason=Reason.WRONG)
    assert caught.value.code == "not_found"
