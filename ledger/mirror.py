# SPDX-License-Identifier: EUPL-1.2
"""Copies of a log on any static host, in the form in which the log publishes itself (C2SP tlog-tiles)."""

from __future__ import annotations

from ledger import tiles
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from protocol.errors import RequestError
from protocol.runtime.fetch import HTTPClient


class TileMirror:
    """A host that has the log's checkpoint and entry bundles below `BASE/LOG/`; nothing is verified here."""

    def __init__(self, http: HTTPClient, base_url: str, *, log: str) -> None:
        self._client = LedgerClient(http, base_url, log=log)

    def checkpoint(self) -> str:
        """Return the newest head that the host has."""
        return self._client.checkpoint()

    def entries(self, start: int, end: int) -> tuple[Commitment, ...]:
        """Return the commitments with these indices."""
        bundles = tiles.addresses(end, None)[start // tiles.TILE_WIDTH :]
        found = tuple(entry for bundle in bundles for entry in self._bundle(bundle))
        skipped = bundles[0].index * tiles.TILE_WIDTH if bundles else 0
        return found[start - skipped :]

    def _bundle(self, address: tiles.TileAddress) -> tuple[Commitment, ...]:
        """Return one bundle; a host that has grown since may keep only the full one."""
        try:
            return self._client.entries(address)
        except RequestError:
            whole = tiles.TileAddress(None, address.index)
            return self._client.entries(whole)[: address.width]
