# SPDX-License-Identifier: EUPL-1.2
"""Who may have entries promised: tokens, quotas, and that nothing joins an entry to whoever sent it."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from sqlalchemy import func, inspect
from sqlmodel import select
from structlog.testing import capture_logs

from ledger.app import create_app
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.operator_commands import recorder_command
from ledger.recorders import MAX_QUOTA, Recorders, SqlRecorderStore
from ledger.tables import EntryRow, RecorderRow
from protocol.encoding import b64url_encode, sha256
from protocol.errors import RequestError, StoreConflictError, UnavailableError
from protocol.runtime.database import open_database
from tests.conftest import LEDGER_URL


@pytest.fixture
def settings(ledger_settings):
    return ledger_settings.model_copy(update={"entries_from": "recorders"})


@pytest.fixture
def recorders(world, ledger, settings):
    """The recorders of a ledger that asks for tokens."""
    world.http.apps[LEDGER_URL] = create_app(settings, clock=world.clock)
    return Recorders(SqlRecorderStore(open_database(settings.database_url)), world.clock)


@pytest.fixture
def post(world, recorders):
    """Return a function that has a fresh entry promised under an `Authorization` header."""
    flask = world.http.apps[LEDGER_URL].test_client()

    def run(authorization: str | None = None):
        headers = {} if authorization is None else {"Authorization": authorization}
        commitment = b64url_encode(secrets.token_bytes(32))
        return flask.post("/log/v1/entries", json={"commitment": commitment}, headers=headers)

    return run


def waiting(settings) -> int:
    """Return how many entries there are."""
    with open_database(settings.database_url).read() as session:
        return session.exec(select(func.count()).select_from(EntryRow)).one()


def test_recorder_with_its_token_gets_promises(post, recorders, settings):
    token = recorders.add("wallet-north", quota=5)
    assert post(f"Bearer {token}").status_code == 201
    assert post(f"bearer {token}").status_code == 201
    assert waiting(settings) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda _: None,
        lambda _: "",
        lambda _: "Bearer",
        lambda token: token,
        lambda token: f"Basic {token}",
        lambda token: f"Bearer {token}x",
        lambda token: f"Bearer {token[:-1]}",
        lambda token: "Bearer another." + token.partition(".")[2],
        lambda _: "Bearer wallet-north.",
        lambda _: "Bearer wallet-north",
        lambda token: f"Bearer WALLET-NORTH.{token.partition('.')[2]}",
        lambda _: "Bearer wallet-north." + "x" * 300,
        lambda _: "Bearer wallet-north\x00.x",
    ],
)
def test_caller_without_a_recorders_token_is_refused_and_nothing_is_stored(post, recorders, settings, change):
    token = recorders.add("wallet-north", quota=5)
    answer = post(change(token))
    assert (answer.status_code, answer.json["error"]) == (401, "recorder_unknown")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert waiting(settings) == 0
    assert recorders.recorders()[0].used == 0


def test_token_when_revoked_is_refused_for_good(post, recorders, settings):
    token = recorders.add("wallet-north", quota=5)
    recorders.revoke("wallet-north")
    answer = post(f"Bearer {token}")
    assert (answer.status_code, answer.json["error"]) == (403, "recorder_revoked")
    # the wrong token of a revoked recorder says no more than that of an unknown one
    assert post("Bearer wallet-north.x").status_code == 401
    assert waiting(settings) == 0
    with pytest.raises(RequestError, match="not_found"):
        recorders.revoke("wallet-north")


def test_quota_at_its_limit_and_over_it(world, ledger, post, recorders, settings):
    token, other = recorders.add("wallet-north", quota=3), recorders.add("desk-south", quota=1)
    world.clock.advance(timedelta(minutes=20))
    assert [post(f"Bearer {token}").status_code for _ in range(4)] == [201, 201, 201, 429]
    answer = post(f"Bearer {token}")
    assert (answer.json["error"], answer.headers["Retry-After"]) == ("recorder_quota", str(40 * 60))
    # each recorder has its own
    assert post(f"Bearer {other}").status_code == 201
    assert waiting(settings) == 4
    ledger.sequence()
    world.clock.advance(timedelta(minutes=40))
    assert post(f"Bearer {token}").status_code == 201


def test_counter_of_an_hour_forgets_the_hours_before(world, post, recorders):
    token = recorders.add("wallet-north", quota=3)
    post(f"Bearer {token}")
    post(f"Bearer {token}")
    assert recorders.recorders()[0].used == 2
    world.clock.advance(timedelta(hours=1))
    post(f"Bearer {token}")
    assert recorders.recorders()[0].used == 1


def test_call_by_a_clock_that_is_behind_begins_no_hour_anew(world, post, recorders):
    """Two workers at the edge of an hour, or a clock that was set back: the quota is one quota."""
    token = recorders.add("wallet-north", quota=3)
    world.clock.advance(timedelta(hours=1))
    assert [post(f"Bearer {token}").status_code for _ in range(2)] == [201, 201]
    world.clock.advance(timedelta(hours=-1))
    assert [post(f"Bearer {token}").status_code for _ in range(2)] == [201, 429]
    world.clock.advance(timedelta(hours=1))
    assert post(f"Bearer {token}").status_code == 429


def test_entry_names_no_recorder_in_the_database_or_the_log_lines(post, recorders, settings):
    token = recorders.add("wallet-north", quota=1)
    with capture_logs() as lines:
        assert post(f"Bearer {token}").status_code == 201
        assert post(f"Bearer {token}").status_code == 429
    tables = inspect(open_database(settings.database_url).engine)
    columns, counters = ({each["name"] for each in tables.get_columns(name)} for name in ("entries", "recorders"))
    assert columns == {"log", "commitment", "promise", "due_at", "leaf_index"}
    assert counters == {"name", "token_digest", "quota", "added_at", "revoked_at", "period_at", "used"}
    said = repr(lines)
    assert "/log/v1/entries" in said
    assert "wallet-north" not in said
    assert token.partition(".")[2] not in said


def test_database_does_not_hold_the_token(recorders, settings):
    token = recorders.add("wallet-north", quota=3)
    with open_database(settings.database_url).read() as session:
        (row,) = session.exec(select(RecorderRow))
        assert token.partition(".")[2] not in repr(row)
        assert row.token_digest == sha256(token.partition(".")[2].encode())


@pytest.mark.parametrize("name", ["", "Wallet", "wallet.north", "-x", "x" * 41, "wàllet"])
def test_recorder_with_an_unusable_name_is_refused(recorders, name):
    with pytest.raises(RequestError, match="invalid_recorder"):
        recorders.add(name, quota=1)
    assert recorders.recorders() == ()


@pytest.mark.parametrize(("quota", "is_good"), [(0, False), (1, True), (MAX_QUOTA, True), (MAX_QUOTA + 1, False)])
def test_quota_has_bounds(recorders, quota, is_good):
    if is_good:
        recorders.add("x", quota=quota)
        return
    with pytest.raises(RequestError, match="invalid_recorder"):
        recorders.add("x", quota=quota)


def test_recorder_is_added_once(recorders):
    recorders.add("wallet-north", quota=1)
    with pytest.raises(StoreConflictError, match="recorder_exists"):
        recorders.add("wallet-north", quota=2)
    assert recorders.recorders()[0].quota == 1


def test_client_sends_its_token_and_says_why_there_is_no_promise(world, recorders):
    token = recorders.add("wallet-north", quota=1)
    good = LedgerClient(world.http, LEDGER_URL, token=token)
    assert good.add_entry(Commitment(bytes(32)))
    with pytest.raises(UnavailableError, match="429, recorder_quota"):
        good.add_entry(Commitment(bytes(32)))
    with pytest.raises(UnavailableError, match="401, recorder_unknown"):
        LedgerClient(world.http, LEDGER_URL).add_entry(Commitment(bytes(32)))
    # whoever reads needs none
    assert LedgerClient(world.http, LEDGER_URL).checkpoint()


def test_command_adds_lists_and_revokes(settings, monkeypatch, capsys):
    monkeypatch.setattr("ledger.operator_commands.load_settings", lambda _: settings)
    assert recorder_command(["add", "wallet-north", "--quota", "7"]) == 0
    token = capsys.readouterr().out.strip()
    assert token.startswith("wallet-north.")
    assert recorder_command(["list"]) == 0
    shown = capsys.readouterr().out
    assert "7 an hour" in shown
    assert "counts" in shown
    assert token.partition(".")[2] not in shown
    assert recorder_command(["revoke", "wallet-north"]) == 0
    recorder_command(["list"])
    assert "revoked" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["list", "revoke", "add"])
@pytest.mark.parametrize("place", ["none.sqlite", "no/folder.sqlite", "text.sqlite"])
def test_command_on_what_is_no_database_is_one_line_and_makes_none(
    command, place, ledger_settings, tmp_path, monkeypatch, capsys
):
    (tmp_path / "text.sqlite").write_text("no database, but longer than the header of one" * 9)
    settings = ledger_settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / place}"})
    monkeypatch.setattr("ledger.operator_commands.load_settings", lambda _: settings)
    is_made = (command, place) == ("add", "none.sqlite")
    assert recorder_command([command] if command == "list" else [command, "wallet"]) == (0 if is_made else 2)
    said = capsys.readouterr()
    assert (tmp_path / place).exists() == (is_made or place == "text.sqlite")
    if not is_made:
        assert said.out == ""
        assert said.err.startswith("testimoni recorder: ")
        assert said.err.endswith(" (temporarily_unavailable)\n")
        assert said.err.count("\n") == 1


def test_production_refuses_a_ledger_that_takes_entries_from_anyone(ledger_settings):
    given = ledger_settings.model_dump() | {
        "environment": "production",
        "public_url": "https://ledger.example",
        "secret_key": "s" * 32,
    }
    with pytest.raises(ValueError, match="entries_from must be recorders in production"):
        type(ledger_settings)(**given)
    assert type(ledger_settings)(**{**given, "entries_from": "recorders"}).entries_from == "recorders"
    del given["entries_from"]
    assert type(ledger_settings)(**given).entries_from == "recorders"
