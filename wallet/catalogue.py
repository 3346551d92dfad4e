# SPDX-License-Identifier: EUPL-1.2
"""Where documents can be had: the issuers that the operator lists, by their own metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from protocol.errors import Error
from wallet.issuers import IssuerClient

Texts = Mapping[str, str]


@dataclass(frozen=True)
class Entry:
    """A document that an issuer has to give."""

    vct: str
    names: Texts
    issuer_names: Texts
    page: str

    def link(self, return_url: str) -> str:
        """Return the issuer's page for it, which leads back here."""
        return f"{self.page}?{urlencode({'return': return_url})}"


@dataclass(frozen=True)
class Offered:
    """What is on offer, and how many issuers did not answer."""

    entries: tuple[Entry, ...]
    unreachable: int

    def find(self, types: Sequence[str]) -> tuple[Entry, ...]:
        """Return the entries of one of these credential types."""
        return tuple(entry for entry in self.entries if entry.vct in types)


class Catalogue:
    """Asks the listed issuers."""

    def __init__(self, issuers: IssuerClient, identifiers: Sequence[str]) -> None:
        self._issuers = issuers
        self._identifiers = identifiers

    def read(self) -> Offered:
        """Return what there is now; an issuer that does not answer is counted, not an error."""
        entries: list[Entry] = []
        unreachable = 0
        for identifier in self._identifiers:
            try:
                metadata = self._issuers.metadata(identifier)
            except Error:
                unreachable += 1
                continue
            entries += [
                Entry(each.vct, each.names, metadata.names, f"{identifier}/get/{quote(each.id, safe='')}")
                for each in metadata.configurations.values()
            ]
        return Offered(tuple(entries), unreachable)
