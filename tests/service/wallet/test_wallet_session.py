# SPDX-License-Identifier: EUPL-1.2
"""Signing in, opening and locking; what a copied database or cookie is worth; cross-site requests."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

import pytest

from protocol.runtime.database import open_database
from tests.fakes.wallet_browser import Citizen
from wallet.tables import Base
from wallet.vault import new_data_key
from wallet.visitors import COOKIE, is_own_path


def test_tables_are_those_of_the_migrations(wallet_app, database_file):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with open_database(f"sqlite:///{database_file}").engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_every_table_of_a_citizen_keeps_account_subject_and_capacity_apart():
    apart = {"account_id", "subject_id", "capacity"}
    free = {"sessions", "accounts", "subjects", "trust_lists"}
    for name, table in Base.metadata.tables.items():
        assert name in free or apart <= set(table.columns.keys()), name


def test_page_without_storage_key_must_be_unlocked_and_comes_back(graduate):
    graduate.client.delete_cookie(COOKIE, domain="localhost")
    page = graduate.get("/shares")
    assert page.request.path == "/unlock"
    assert graduate.unlock().get_json()["next"] == "/shares"
    assert graduate.get("/shares").request.path == "/shares"


def test_call_without_storage_key_is_refused(graduate):
    csrf = graduate.csrf()
    graduate.client.delete_cookie(COOKIE, domain="localhost")
    answer = graduate.post("/receive/x/prepare", {"keys": []}, csrf=csrf)
    assert (answer.status_code, answer.get_json()["error"]) == (401, "locked")


def test_another_key_does_not_unlock(graduate):
    graduate.data_key = new_data_key()
    answer = graduate.unlock()
    assert (answer.status_code, answer.get_json()["error"]) == (403, "wrong_key")


def test_storage_cookie_of_another_session_opens_nothing(graduate, wallet_app):
    stolen = graduate.client.get_cookie(COOKIE, domain="localhost").value
    other = Citizen(wallet_app)
    other.sign_in()
    other.client.set_cookie(COOKIE, stolen, domain="localhost")
    assert other.get("/shares").request.path == "/unlock"


def test_cookie_with_storage_key_is_http_only_lax_and_not_the_key(graduate):
    cookie = graduate.client.get_cookie(COOKIE, domain="localhost")
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert graduate.storage_key.hex() not in cookie.value


def test_copied_database_opens_nothing(graduate, peers, database_file):
    graduate.share(peers.verifier.link())
    connection = sqlite3.connect(database_file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = database_file.read_bytes()
    for value in (
        "Mariona",
        "Grau en Biologia",
        "12345678Z",
        "99990001P",
        "Vilaprova",
        "university-degree",
        "Soler",
    ):
        assert value.encode() not in content, value
    assert graduate.storage_key not in content
    assert graduate.data_key not in content


def test_blobs_swapped_between_owners_do_not_open(wallet_app, peers, database_file):
    key = new_data_key()
    people = [Citizen(wallet_app, name, key) for name in ("marta", "jordi")]
    for person in people:
        person.enter()
        person.receive(peers.issuer.link())
    connection = sqlite3.connect(database_file)
    (one, two) = [row[0] for row in connection.execute("SELECT id FROM documents ORDER BY id")]
    first, second = (
        connection.execute("SELECT sealed FROM documents WHERE id = ?", (each,)).fetchone()[0]
        for each in (one, two)
    )
    connection.execute("UPDATE documents SET sealed = ? WHERE id = ?", (second, one))
    connection.execute("UPDATE documents SET sealed = ? WHERE id = ?", (first, two))
    connection.commit()
    connection.close()
    for person in people:
        page = person.get("/")
        assert page.status_code == 500
        assert "does not open" in page.get_data(as_text=True)


def test_things_of_another_person_do_not_exist(graduate, wallet_app, peers):
    share = graduate.share(peers.verifier.link()).get_json()["next"]
    other = Citizen(wallet_app, "jordi")
    other.enter()
    assert other.get(share).status_code == 404
    assert other.get(f"{share}/evidence").status_code == 404
    assert "Your wallet is empty" in other.get("/").get_data(as_text=True)


@pytest.mark.parametrize(
    "path", ["/vault", "/session/unlock", "/receive/x/prepare", "/present/x/prepare", "/sign-out"]
)
def test_call_without_token_of_the_session_is_refused(graduate, path):
    for token in ("", "wrong"):
        answer = graduate.post(path, {}, csrf=token)
        assert (answer.status_code, answer.get_json()["error"]) == (403, "csrf")


def test_vault_is_made_once(graduate):
    answer = graduate.post(
        "/vault",
        {
            "wrapped_key": graduate.data(graduate.get("/unlock?device=new"))["wrapped"],
            "storage_key": "A" * 43,
        },
    )
    assert (answer.status_code, answer.get_json()["error"]) == (409, "vault_exists")


def test_returning_citizen_signs_in_unlocks_and_finds_everything(graduate, wallet_app):
    graduate.submit("/sign-out")
    later = Citizen(wallet_app, "marta", graduate.data_key)
    assert later.sign_in().request.path == "/sign-in" or later.get("/").request.path == "/unlock"
    assert later.unlock().status_code == 200
    assert "University degree" in later.get("/").get_data(as_text=True)


def test_start_again_empties_the_wallet(graduate):
    graduate.submit("/vault/reset")
    assert graduate.get("/").request.path == "/vault/new"
    graduate.data_key = new_data_key()
    assert graduate.make_vault().status_code == 201
    assert "Your wallet is empty" in graduate.get("/").get_data(as_text=True)


def test_sign_in_state_of_another_browser_is_refused(wallet_app):
    citizen = Citizen(wallet_app)
    citizen.client.get("/sign-in/valid")
    page = citizen.get("/valid/callback?code=marta&state=foreign")
    assert page.status_code == 400
    assert "started elsewhere" in page.get_data(as_text=True)


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a\nb", "/" + "a" * 5000]
)
def test_destination_outside_this_service_is_dropped(path):
    assert not is_own_path(path)


def test_machine_pages_answer(wallet_app):
    client = wallet_app.test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_purge_deletes_errands_and_sessions_that_expired(graduate, wallet_app, peers, world):
    graduate.get(peers.verifier.link())
    assert (
        "0 unfinished errands and 0 sessions"
        in wallet_app.test_cli_runner().invoke(args=["wallet", "purge"]).output
    )
    world.clock.advance(timedelta(hours=9))
    said = wallet_app.test_cli_runner().invoke(args=["wallet", "purge"]).output
    assert said.startswith("2 unfinished errands")
    assert "0 sessions" not in said


def test_destination_serves_once(graduate):
    graduate.client.delete_cookie(COOKIE, domain="localhost")
    graduate.get("/shares")
    assert graduate.unlock().get_json()["next"] == "/shares"
    assert graduate.unlock().get_json()["next"] == "/"


def test_wallet_started_again_in_another_browser_locks_this_one(graduate, wallet_app):
    other = Citizen(wallet_app, "marta")
    other.sign_in()
    other.submit("/vault/reset")
    assert other.make_vault().status_code == 201
    assert graduate.get("/").request.path == "/unlock"
