# SPDX-License-Identifier: EUPL-1.2
"""Erasure: once the office destroyed a share's record and key, nothing that is left with it opens the commitment.

Verifier, ledger and wallet are the real services over files; every file in their folder and every line that they logged
is searched byte by byte, free pages and write-ahead log included. What is left in the ledger is the commitment; what is
left in the wallet is the person's own, and only the person's key opens it.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask
from sqlmodel import text

from ledger import record as records
from ledger.checkpoint import parse_unverified
from ledger.client import LedgerClient
from ledger.evidence import Evidence
from ledger.record import TakeBack
from protocol.encoding import b64url_decode, parse_object
from protocol.runtime.database import open_database
from protocol.status_list import StatusReference
from tests.conftest import ISSUER_URL, LEDGER_URL, SANDBOX_URL
from tests.fakes.presentations import honest
from tests.fakes.status_host import VALID, list_uri, serve_lists
from tests.fakes.wallet_browser import Citizen
from tests.fakes.wallet_peers import FakeIssuer, FakeValid
from tests.fakes.wallet_service import open_wallet
from tests.service.test_verifier_withdrawals import only, receive, take_back
from wallet import vault
from wallet.share import Share
from wallet.vault import Actor, SealError

# longer than `blocked_for` of the settings, to the day
BLOCKED_DAYS = 1095
PIECE_BYTES = 32
# of the person's document; the rest of its values stand in lists that are the same for everybody
OWN_VALUES = ("Mariona", "Puig Ferrer", "12345678Z", "1998-03-02", "Grau en Biologia")


def forms(secret: bytes) -> Iterator[bytes]:
    """Every way in which a program would write these bytes down, wherever they begin in base64 text."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for lead in range(3):
        text = base64.b64encode(bytes(lead) + secret).decode()
        # without the characters that share bits with what stands before or after
        inner = text[4 if lead else 0 : len(text) - 4]
        yield inner.encode()
        yield inner.replace("+", "-").replace("/", "_").encode()


def places(folder: Path, logged: str, secret: bytes) -> set[str]:
    """Return the files, and `log`, that hold these bytes in any form."""
    everything = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    everything["log"] = logged.encode()
    # a long value lies in several pages of a database
    pieces = [secret[at : at + PIECE_BYTES] for at in range(0, len(secret), 4 * PIECE_BYTES)]
    wanted = {form for piece in pieces if len(piece) == PIECE_BYTES for form in forms(piece)}
    assert wanted
    return {name for name, data in everything.items() if any(each in data for each in wanted)}


@contextmanager
def logging_into(path: Path) -> Iterator[None]:
    """Have the services write their log into this file, as they do in a set-up; nothing is too little for it."""
    before, level = structlog.get_config(), logging.getLogger().level
    with path.open("w") as stream:
        structlog.configure(**{**before, "logger_factory": structlog.PrintLoggerFactory(stream)})
        logging.getLogger().setLevel(logging.DEBUG)
        try:
            yield
        finally:
            structlog.configure(**before)
            logging.getLogger().setLevel(level)


def assert_nothing_of(data: bytes, folder: Path, logged: str) -> None:
    """Assert that nothing of this record is anywhere: itself, its identifier, the key that no other record has."""
    record = records.parse(data)
    if record.consent_key is not None:
        assert places(folder, logged, b64url_decode(str(record.consent_key.jwk()["x"]))) == set()
    for found in [*(path.read_bytes() for path in folder.rglob("*") if path.is_file()), logged.encode()]:
        assert record.transaction_identifier.encode() not in found
        assert data not in found


@pytest.mark.parametrize("kind", [TakeBack.WITHDRAW, TakeBack.ERASE])
def test_share_that_is_taken_back_and_destroyed_then_nothing_left_opens_its_commitment(
    office: Any, world: Any, ledger: Any, caplog: pytest.LogCaptureFixture, kind: TakeBack
) -> None:
    with logging_into(world.folder / "services.log"):
        # share: recorded in the real ledger, sent, accepted
        started = office.start()
        shared, answer = office.answer(office.fetch(started["request_url"]), honest(world, None))
        assert answer.status_code == 200
        client = LedgerClient(world.http, LEDGER_URL)
        client.add_entry(shared.commitment)
        ledger.sequence()
        store = office.services.store
        kept = store.find_case("ajuntament", started["id"])
        assert kept is not None

        # take back: the case moves under the key kept apart
        taken = take_back(world, shared, kind=kind)
        assert receive(office, taken).status_code == 202
        office.services.withdrawals.erase("ajuntament", only(office).id, decided_by="Clara")
        blocked = store.find_blocked("ajuntament", started["id"])
        assert blocked is not None
        ledger.sequence()
        # the control: this search finds what is there
        assert places(world.folder, "", blocked.sealed) & {"verifier.sqlite", "verifier.sqlite-wal"}
        assert records.commit(shared.key, shared.record) == shared.commitment

        # erasure: the term is over
        world.clock.advance(timedelta(days=BLOCKED_DAYS))
        output = office.app.test_cli_runner().invoke(args=["verifier", "purge"]).output
        assert "1 blocked cases" in output
        assert store.find_blocked("ajuntament", started["id"]) is None

    logged = caplog.text
    assert "/<administration_id>/withdrawals" in (world.folder / "services.log").read_text()
    for secret in (shared.key, kept, blocked.sealed):
        assert places(world.folder, logged, secret) == set()
    assert_nothing_of(shared.record, world.folder, logged)
    # the ledger still holds the commitment: without record and key it says nothing
    assert shared.commitment in client.all_entries(parse_unverified(client.checkpoint()).size)
    assert places(world.folder, logged, shared.commitment) & {"ledger.sqlite", "ledger.sqlite-wal"}


@pytest.fixture
def graduate(world: Any, ledger: Any) -> Citizen:
    """A person at the real wallet, with a degree in it; ledger and, once there is one, the office are real too."""
    issuer = FakeIssuer(world)
    issuer.mint = lambda _, key: issuer.issue(key, status=StatusReference(list_uri(issuer.party), VALID))
    world.http.apps[ISSUER_URL] = serve_lists(world, {})
    issuer.install(world.http.apps[ISSUER_URL])
    world.http.apps[SANDBOX_URL] = Flask("valid")
    FakeValid().install(world.http.apps[SANDBOX_URL])
    citizen = Citizen(open_wallet(world, world.folder / "wallet.sqlite"))
    citizen.enter()
    assert citizen.receive(issuer.link()).status_code == 201
    return citizen


def sealed_in_wallet(folder: Path) -> dict[str, list[Any]]:
    """Return the rows of the wallet's database that hold something sealed, by table."""
    tables = ("documents", "copies", "shares", "take_backs", "pending")
    with open_database(f"sqlite:///{folder}/wallet.sqlite").read() as session:
        return {table: list(session.exec(text(f"SELECT * FROM {table}")).all()) for table in tables}  # noqa: S608


def test_share_that_is_destroyed_at_the_office_then_only_the_persons_key_opens_what_their_wallet_keeps(
    graduate: Citizen, office: Any, world: Any, ledger: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with logging_into(world.folder / "services.log"):
        # share, take back, answer, destroy: each service does its part
        share = graduate.share(office.start()["request_url"]).get_json()["next"]
        ledger.sequence()
        assert graduate.take_back(share, "withdraw").status_code == 201
        office.services.withdrawals.erase("ajuntament", only(office).id, decided_by="Clara")
        ledger.sequence()
        assert "Blocked" in graduate.get(share).get_data(as_text=True)
        evidence = Evidence.parse(graduate.get(f"{share}/evidence").data)
        world.clock.advance(timedelta(days=BLOCKED_DAYS))
        assert "1 blocked cases" in office.app.test_cli_runner().invoke(args=["verifier", "purge"]).output

    # theirs is whole: the share, the withdrawal and the answer, each opening its commitment in the ledger
    client = LedgerClient(world.http, LEDGER_URL)
    leaves = client.all_entries(parse_unverified(client.checkpoint()).size)
    assert len(evidence.records) == 3
    assert all(records.commit(each.key, each.record) in leaves for each in evidence.records)

    # the control: the wallet is in the search, with what it keeps and what it logged
    logged, rows = caplog.text, sealed_in_wallet(world.folder)
    assert {table: len(found) for table, found in rows.items()} == {
        "documents": 1,
        "copies": 3,
        "shares": 1,
        "take_backs": 1,
        "pending": 2,
    }
    for row in (row for found in rows.values() for row in found):
        assert places(world.folder, logged, row.sealed) & {"wallet.sqlite", "wallet.sqlite-wal"}
    assert "/shares/<share_id>/evidence" in (world.folder / "services.log").read_text()

    # of the share nothing can be read anywhere: neither its record nor its key nor a value of a document
    first, *answered = evidence.records
    assert places(world.folder, logged, first.key) == set()
    assert_nothing_of(first.record, world.folder, logged)
    # the office keeps the request and its own answer, by which it shows that it answered; the wallet's are sealed
    for item in answered:
        assert places(world.folder, logged, item.key) <= {"verifier.sqlite", "verifier.sqlite-wal"}
    files = [path for path in world.folder.iterdir() if path.suffix in {".sqlite", ".sqlite-wal", ".log"}]
    assert {path.stem for path in files} == {"wallet", "verifier", "ledger", "services"}
    for data in [*(path.read_bytes() for path in files), logged.encode()]:
        assert [value for value in OWN_VALUES if value.encode() in data] == []

    # and only the person's key opens it; that is in no file, as no key of theirs is
    (kept,) = rows["shares"]
    opened = Share.parse(parse_object(unseal_share(kept, graduate.storage_key)))
    assert (opened.record, opened.key) == (first.record, first.key)
    for own in (graduate.data_key, graduate.storage_key, graduate.holder_keys_key):
        assert places(world.folder, logged, own) == set()
    for other in (vault.derive_storage_key(vault.new_data_key()), graduate.holder_keys_key, b"b" * 32):
        with pytest.raises(SealError):
            unseal_share(kept, other)


def unseal_share(row: Any, key: bytes) -> bytes:
    owner = Actor(row.account_id, row.subject_id, row.capacity).owner
    return vault.unseal(key, row.sealed, owner=owner, kind="share", identifier=row.id, version=row.version)
