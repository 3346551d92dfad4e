# SPDX-License-Identifier: EUPL-1.2
"""Readers of a log that signed for far more than it publishes: they stop at the first part that is missing."""

from __future__ import annotations

import tracemalloc

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import tiles
from ledger.checkpoint import Checkpoint, CheckpointSigner
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.log_reader import LogReader
from ledger.mirror import TileMirror
from protocol.errors import Error, RequestError, UnavailableError
from protocol.runtime.fetch import Response

ORIGIN = "log.example/2026"
SIGNER = CheckpointSigner(ORIGIN, Ed25519PrivateKey.generate())
# a list of a million tiles takes a hundred times as much
MAX_MEMORY = 1 << 20


class Empty:
    """A host that has nothing, and counts what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, url, *, headers=None):
        self.asked.append(url)
        return Response(404, {}, b"")

    def post(self, url, **_):
        raise AssertionError(url)


def read_whole(client, head):
    return LogReader(client, head, 0, (), lambda _done, _total: None).read()


def read_entries(client, head):
    return client.all_entries(head.size)


def prove(client, head):
    return client.prove(Commitment(bytes(32)), SIGNER.key, note=SIGNER.sign(head))


READERS = [read_whole, read_entries, prove]


@pytest.mark.parametrize("read", READERS)
def test_log_that_publishes_less_than_it_signed_for_takes_no_memory(read):
    http = Empty()
    tracemalloc.start()
    try:
        with pytest.raises(RequestError) as caught:
            read(LedgerClient(http, "https://log.example"), Checkpoint(ORIGIN, 1 << 28, bytes(32)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (caught.value.status, len(http.asked)) == (404, 1)
    assert peak < MAX_MEMORY


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("size", [tiles.MAX_SIZE + 1, 1 << 50])
def test_log_that_signs_for_more_than_anybody_reads_could_not_be_checked(read, size):
    http = Empty()
    with pytest.raises(UnavailableError) as caught:
        read(LedgerClient(http, "https://log.example"), Checkpoint(ORIGIN, size, bytes(32)))
    assert (caught.value.code, http.asked) == ("log_too_large", [])


@pytest.mark.parametrize(("start", "first"), [(0, 0), (255, 0), (256, 1), (300, 1), (512, 2)])
def test_mirror_is_asked_from_the_bundle_of_the_first_entry_on(start, first):
    http = Empty()
    with pytest.raises(Error):
        TileMirror(http, "https://mirror.example", log="2026").entries(start, 600)
    assert http.asked[0].removesuffix(".p/88") == f"https://mirror.example/2026/tile/entries/00{first}"
