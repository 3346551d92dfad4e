# SPDX-License-Identifier: EUPL-1.2
"""A witness that takes the request and never answers: the log goes on, and the worker ends when it is told to."""

from __future__ import annotations

import secrets
import socket
import threading
from time import monotonic

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.app import create_app
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.cosignature import WitnessKey
from ledger.settings import WitnessSettings
from ledger.store import SqlStore
from ledger.worker import Worker
from protocol.clock import SystemClock
from protocol.runtime.database import open_database
from tests.conftest import LEDGER_URL

# the worker has five seconds to end, and the batches close every second
DEADLINE_SECONDS = 30
END_SECONDS = 5


@pytest.fixture
def silent():
    """Return the address of a server that accepts and says nothing, and what was accepted."""
    accepted = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                accepted.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", accepted
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    for each in accepted:
        each.close()


def wait_for(condition) -> None:
    deadline = monotonic() + DEADLINE_SECONDS
    while not condition():
        assert monotonic() < deadline
        threading.Event().wait(0.02)


def test_witness_that_never_answers_holds_up_neither_the_log_nor_the_end(world, ledger_settings, silent):
    origin, accepted = silent
    key = WitnessKey.of("witness.example/w1", Ed25519PrivateKey.generate()).text()
    settings = ledger_settings.model_copy(
        update={
            "witnesses": (WitnessSettings(key=key, url=f"{origin}/add-checkpoint"),),
            "allowed_private_origins": frozenset({origin}),
            "batch_interval_seconds": 1,
        }
    )
    worker = Worker(settings, clock=SystemClock())
    worker.sequence()
    world.http.apps[LEDGER_URL] = create_app(settings, clock=SystemClock())
    client = LedgerClient(world.http, LEDGER_URL)
    store = SqlStore(open_database(settings.database_url))
    stop = threading.Event()
    running = threading.Thread(target=worker.run, args=(stop,))
    client.add_entry(Commitment(secrets.token_bytes(32)))
    running.start()
    try:
        wait_for(lambda: accepted)
        # it is being asked about the first head now, and for some time
        for size in (16, 24):
            client.add_entry(Commitment(secrets.token_bytes(32)))
            wait_for(lambda size=size: store.find_log("2026").size == size)
        assert len(accepted) <= 2
    finally:
        told = monotonic()
        stop.set()
        running.join(DEADLINE_SECONDS)
    assert monotonic() - told < END_SECONDS
