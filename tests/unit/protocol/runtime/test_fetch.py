# SPDX-License-Identifier: EUPL-1.2
"""The guard on outgoing requests. Refusals come before a socket is opened; what answers is on loopback."""

import gzip
import socket
from contextlib import contextmanager
from threading import Event, Thread

import pytest
import requests
from requests.adapters import HTTPAdapter

from protocol.errors import RequestError, UnavailableError
from protocol.runtime import fetch
from protocol.runtime.fetch import Fetcher, TimedOutError, origin_of

FETCHER = Fetcher(allowed_private_origins=frozenset({"http://localhost:8101"}))


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8102/",
        "http://127.0.0.1:8101/",
        "https://localhost:8101/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest",
        "https://0.0.0.0/",
        "http://example.com/",
        "https://example.com:8443/",
        "ftp://localhost:8101/",
        "file:///etc/passwd",
        "https://user@localhost/",
        "//localhost",
        "http://localhost:99999/",
        "http://[::1",
        "https://b\u00fccher.example/",
        "https://\u24dbocalhost/",
        "https://a..b/",
        f"https://{'a' * 64}.example/",
    ],
)
@pytest.mark.case("W31")
def test_fetch_when_origin_is_neither_public_https_nor_named_is_refused(url):
    with pytest.raises(RequestError):
        FETCHER.get(url)


def test_origin_keeps_scheme_host_and_port():
    assert origin_of("http://localhost:8101/a?b") == "http://localhost:8101"
    assert origin_of("https://[::1]:8/") == "https://[::1]:8"
    assert origin_of("https://x.cat/") == "https://x.cat"


@pytest.mark.parametrize(
    "url", ["https://x.example", "https://X.example/a", "https://x.example:443/", "https://x.example?q"]
)
def test_fetch_goes_to_the_address_that_was_checked_however_the_url_is_spelt(monkeypatch, url):
    """A name that is looked up twice could be public once and private then (DNS rebinding)."""
    sent = []

    def send(adapter, request, **_):
        sent.append((type(adapter).__name__, adapter._address))
        raise requests.ConnectionError

    public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: public)
    monkeypatch.setattr(HTTPAdapter, "send", send)
    with pytest.raises(UnavailableError):
        FETCHER.get(url)
    assert sent == [("_PinnedAdapter", "93.184.215.14")]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "100.64.0.1",
        "224.0.0.1",
        "ff0e::1",
        "fe80::1%eth0",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:a00:1::",
        "fd00::1",
    ],
)
@pytest.mark.case("W31")
def test_fetch_when_a_public_name_leads_to_a_private_address_is_refused(monkeypatch, address):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in ("93.184.215.14", address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(RequestError, match="not a public address"):
        FETCHER.get("https://x.example/")


@contextmanager
def answering(*pieces: bytes, pause: float = 0.0):
    """Serve one answer, piece by piece, on loopback; give a client that may fetch it, and its URL."""
    done = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                for piece in pieces:
                    try:
                        connection.sendall(piece)
                    except OSError:
                        return
                    if done.wait(pause):
                        return

        thread = Thread(target=serve)
        thread.start()
        origin = f"http://127.0.0.1:{server.getsockname()[1]}"
        try:
            yield Fetcher(allowed_private_origins=frozenset({origin})), f"{origin}/"
        finally:
            done.set()
            thread.join()


def test_fetch_reads_a_body_that_comes_in_pieces_and_compressed():
    packed = gzip.compress(b"hello " * 1000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    with answering(head, packed[:20], packed[20:]) as (client, url):
        assert client.get(url).body == b"hello " * 1000
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"
    with answering(*chunked) as (client, url):
        assert client.get(url).body == b"abcde"


@pytest.mark.parametrize("limit", [{}, {"max_bytes": 300}, {"max_bytes": 2 * fetch.MAX_BODY_BYTES}])
def test_fetch_takes_an_answer_as_long_as_allowed_and_no_longer_one(limit):
    most = limit.get("max_bytes", fetch.MAX_BODY_BYTES)
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    with answering(head, b"x" * most) as (client, url):
        assert len(client.get(url, **limit).body) == most
    with answering(head, b"x" * most) as (client, url):
        assert len(client.post(url, body=b"", content_type="text/plain", **limit).body) == most
    with (
        answering(head, b"x" * (most + 1)) as (client, url),
        pytest.raises(RequestError, match=f"more than {most}"),
    ):
        client.post(url, body=b"", content_type="text/plain", **limit)
    with (
        answering(head, b"x" * (most + 1)) as (client, url),
        pytest.raises(RequestError, match=f"more than {most}"),
    ):
        client.get(url, **limit)


def test_fetch_when_a_small_answer_unpacks_to_a_large_one_is_refused():
    packed = gzip.compress(bytes(64 * fetch.MAX_BODY_BYTES))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    with answering(head, packed) as (client, url), pytest.raises(RequestError, match="more than"):
        client.get(url)


def test_fetch_when_the_body_drips_is_given_up_in_time():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with answering(head, *[b"x"] * 1000, pause=0.05) as (client, url), pytest.raises(TimedOutError):
        client.post(url, body=b"", content_type="text/plain", read_timeout=0.3)


@pytest.mark.case("W23", "S21")
def test_fetch_when_answered_with_a_redirect_is_refused():
    head = b"HTTP/1.1 302 Found\r\nLocation: http://localhost:8101/\r\nContent-Length: 0\r\n\r\n"
    with answering(head) as (client, url), pytest.raises(RequestError, match="redirect"):
        client.get(url)
