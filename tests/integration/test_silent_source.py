# SPDX-License-Identifier: EUPL-1.2
"""Real sockets that stay silent, stop half-way or hang up: the source adapter says which, and soon."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

import pytest

from issuer.credential_types import load_types
from issuer.interop import Authorisation, Officer, SourceError
from issuer.via_oberta import ViaOberta
from protocol.clock import SystemClock
from protocol.identity import AssuranceLevel, IdentifierType, Identity, Method
from protocol.runtime.fetch import Fetcher

HALF = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n<Envelope>"
READ_TIMEOUT = 0.3


@contextmanager
def peer(first: bytes, *, hang_up: bool):
    """A server that reads a question, sends these bytes, and then hangs up or falls silent."""
    done = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _address = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(first)
            if not hang_up:
                done.wait(10)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        done.set()
        thread.join()
        listener.close()


def ask(origin):
    identity = Identity(
        identifier="99990011H",
        identifier_type=IdentifierType.NIF,
        given_name="Miquel",
        surname1="Amat",
        surname2="Torra",
        assurance_level=AssuranceLevel.SUBSTANTIAL,
        method=Method.CLAVE,
    )
    authorisation = Authorisation("9900000001", "Universitat", "PROVES", Officer("Anna Serra Pons", "99990012L"))
    source = ViaOberta(
        Fetcher(allowed_private_origins=frozenset({origin})),
        endpoint=f"{origin}/siri-proxy/services/Sincron",
        clock=SystemClock(),
        read_timeout=READ_TIMEOUT,
    )
    with pytest.raises(SourceError) as refused:
        source.query(load_types()["university-degree"].request(identity, authorisation))
    return refused.value.code


@pytest.mark.parametrize("first", [b"", HALF], ids=["from the start", "half-way"])
def test_source_that_falls_silent_is_a_timeout(first):
    with peer(first, hang_up=False) as origin:
        assert ask(origin) == "source_timeout"


def test_source_that_hangs_up_without_an_answer_is_unreachable():
    with peer(b"", hang_up=True) as origin:
        assert ask(origin) == "source_unreachable"


def test_source_that_hangs_up_half_way_is_never_an_answer():
    with peer(HALF, hang_up=True) as origin:
        assert ask(origin) in {"source_unreachable", "source_malformed"}


def test_source_that_is_not_there_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert ask(origin) == "source_unreachable"
