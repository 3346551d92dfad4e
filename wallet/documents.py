# SPDX-License-Identifier: EUPL-1.2
"""The documents held: what they say, and the next copy to show."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.encoding import get_member, parse_object
from protocol.errors import RequestError
from wallet.matching import Held
from wallet.receive import Copy, Document
from wallet.rows import SealedCopy, SealedItem, Store
from wallet.vault import Sealer


@dataclass(frozen=True)
class OpenedCopy:
    """A copy as it is needed to show it: with its row, and the holder key as the citizen's device sealed it."""

    row: SealedCopy
    copy: Copy
    sealed_key: str


class Documents:
    """Opens what is held."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def held(self, sealer: Sealer) -> list[Held]:
        """Return the documents held, newest first."""
        return [self._held(sealer, row) for row in self._store.documents(sealer.actor)]

    def get(self, sealer: Sealer, identifier: str) -> Held:
        """Return one document. Raises `RequestError` (`not_found`)."""
        row = self._store.find_document(sealer.actor, identifier)
        if row is None:
            raise RequestError("not_found", "there is no such document", status=404)
        return self._held(sealer, row)

    def delete(self, sealer: Sealer, identifier: str) -> None:
        """Delete a document with all its copies."""
        self._store.delete_document(sealer.actor, identifier)

    def next_copy(self, sealer: Sealer, document_id: str) -> OpenedCopy:
        """Return the copy to show next: one not shown yet while there is one, else the one shown longest ago."""
        rows = self._store.copies(sealer.actor, document_id)
        if not rows:
            raise RequestError("not_found", "there is no copy of such a document", status=404)
        return self._open(sealer, rows[0])

    def find_copy(self, sealer: Sealer, identifier: str) -> OpenedCopy:
        """Return one copy. Raises `RequestError` (`not_found`)."""
        row = self._store.find_copy(sealer.actor, identifier)
        if row is None:
            raise RequestError("not_found", "there is no such copy", status=404)
        return self._open(sealer, row)

    def _open(self, sealer: Sealer, row: SealedCopy) -> OpenedCopy:
        members = parse_object(sealer.unseal("copy", row.id, row.version, row.sealed))
        return OpenedCopy(row, Copy.parse(members), get_member(members, "sealed_key", str))

    def _held(self, sealer: Sealer, row: SealedItem) -> Held:
        document = Document.parse(parse_object(sealer.unseal("document", row.id, row.version, row.sealed)))
        copies = self._store.copies(sealer.actor, row.id)
        return Held(row.id, document, sum(copy.shown_at is None for copy in copies))
