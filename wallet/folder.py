# SPDX-License-Identifier: EUPL-1.2
"""What a wallet in a folder holds: documents, shares and take-backs, each a file sealed under the storage key.

Reading needs no network. A file is replaced whole, so that a crash leaves the old content or the new one. One
process at a time; two that write the same document at once may show one copy of it twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ledger.record import TakeBack
from protocol.encoding import JSON, compact_json, get_member, parse_object
from protocol.errors import RequestError
from wallet.file_keys import FileKeys
from wallet.matching import Held
from wallet.receive import Copy, Document
from wallet.share import Share
from wallet.take_back import TakenBack
from wallet.vault import Actor, Sealer

_ACTOR = Actor("folder", "folder")
# a copy, and whether it was shown to somebody
Copies = Sequence[tuple[Copy, bool]]


class WalletFolder:
    """The content of one folder."""

    def __init__(self, folder: Path) -> None:
        self.keys = FileKeys(folder)
        self._folder = folder
        self._sealer = Sealer(_ACTOR, self.keys.storage_key)

    def documents(self) -> list[Held]:
        """Return the documents held."""
        found = []
        for identifier in self._identifiers("document"):
            document, copies = self.get_document(identifier)
            found.append(Held(identifier, document, sum(not is_shown for _, is_shown in copies)))
        return found

    def get_document(self, identifier: str) -> tuple[Document, Copies]:
        """Return a document with its copies."""
        members = self._read("document", identifier)
        copies: list[tuple[Copy, bool]] = []
        for item in get_member(members, "copies", list):
            match item:
                case {"shown": bool(is_shown)}:
                    copies.append((Copy.parse(item), is_shown))
                case _:
                    raise RequestError("invalid_request", "expected a kept copy")
        return Document.parse(get_member(members, "document", dict)), copies

    def keep_document(self, identifier: str, document: Document, copies: Copies) -> None:
        """Keep a document with its copies."""
        members: dict[str, JSON] = {
            "document": document.to_json(),
            "copies": [{**copy.to_json(), "shown": is_shown} for copy, is_shown in copies],
        }
        self._keep("document", identifier, members)

    def shares(self) -> list[tuple[str, Share]]:
        """Return the shares as they were kept last, by identifier, the newest first."""
        found = [(identifier, self.get_share(identifier)) for identifier in self._identifiers("share")]
        return sorted(found, key=lambda each: each[1].decided_at, reverse=True)

    def get_share(self, identifier: str) -> Share:
        """Return a share as it was kept last."""
        return Share.parse(self._read("share", identifier))

    def keep_share(self, identifier: str, share: Share) -> None:
        """Keep a share."""
        self._keep("share", identifier, share.to_json())

    def take_backs(self, identifier: str) -> list[TakenBack]:
        """Return the take-backs of a share as they were kept last, the oldest first; at most one of each kind."""
        names = [_take_back_name(identifier, kind) for kind in TakeBack]
        found = [TakenBack.parse(self._read("take-back", name)) for name in names if self._has("take-back", name)]
        return sorted(found, key=lambda each: each.requested_at)

    def keep_take_back(self, identifier: str, taken: TakenBack) -> None:
        """Keep a take-back of this share."""
        self._keep("take-back", _take_back_name(identifier, taken.kind), taken.to_json())

    def _identifiers(self, kind: str) -> list[str]:
        return sorted(file.stem for file in (self._folder / kind).glob("*.sealed"))

    def _has(self, kind: str, identifier: str) -> bool:
        return (self._folder / kind / f"{identifier}.sealed").exists()

    def _read(self, kind: str, identifier: str) -> dict[str, JSON]:
        file = self._folder / kind / f"{identifier}.sealed"
        if not file.exists():
            raise RequestError("not_found", f"there is no {kind} of this identifier", status=404)
        return parse_object(self._sealer.unseal(kind, identifier, 1, file.read_bytes()))

    def _keep(self, kind: str, identifier: str, members: Mapping[str, JSON]) -> None:
        file = self._folder / kind / f"{identifier}.sealed"
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_bytes(self._sealer.seal(kind, identifier, 1, compact_json(dict(members))))
        draft.replace(file)


def _take_back_name(identifier: str, kind: TakeBack) -> str:
    return f"{identifier}.{kind.value}"
