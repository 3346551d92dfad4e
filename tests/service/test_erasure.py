# SPDX-License-Identifier: EUPL-1.2
"""Erasure: once the office destroyed a share's record and key, nothing that is left with it opens the commitment.

Verifier and ledger are the real services over files; every file in their folder and every line that they logged is
searched byte by byte, free pages and write-ahead log included. What is left in the ledger is the commitment.
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

from ledger import record as records
from ledger.checkpoint import parse_unverified
from ledger.client import LedgerClient
from ledger.record import TakeBack
from protocol.encoding import b64url_decode
from tests.conftest import LEDGER_URL
from tests.fakes.presentations import honest
from tests.service.test_verifier_withdrawals import only, receive, take_back

# longer than `blocked_for` of the settings, to the day
BLOCKED_DAYS = 1095
PIECE_BYTES = 32


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

    # what of a record is its own: its identifier, and the key that no other record has
    record = records.parse(shared.record)
    assert record.consent_key is not None
    consent_key = b64url_decode(str(record.consent_key.jwk()["x"]))
    logged = caplog.text
    assert "/<administration_id>/withdrawals" in (world.folder / "services.log").read_text()
    for secret in (shared.key, kept, blocked.sealed, consent_key):
        assert places(world.folder, logged, secret) == set()
    files = [path.read_bytes() for path in world.folder.rglob("*") if path.is_file()]
    for data in [*files, logged.encode()]:
        assert record.transaction_identifier.encode() not in data
        assert shared.record not in data
    # the ledger still holds the commitment: without record and key it says nothing
    assert shared.commitment in client.all_entries(parse_unverified(client.checkpoint()).size)
    assert places(world.folder, logged, shared.commitment) & {"ledger.sqlite", "ledger.sqlite-wal"}
