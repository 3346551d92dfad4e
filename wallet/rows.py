# SPDX-License-Identifier: EUPL-1.2
"""What the wallet's store keeps and gives back, and the interface that it implements.

Every method takes the actor (account, subject, capacity); a row of another actor does not exist for it. Contents
come and go sealed (`wallet.vault`): the store can neither read nor write a claim value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from wallet.vault import Actor, WrappedKey


@dataclass(frozen=True)
class Vault:
    """An account's wrapped data key, and the proof by which its storage key is recognised."""

    id: str
    wrapped_key: WrappedKey
    proof: bytes = field(repr=False)


@dataclass(frozen=True)
class SealedItem:
    """A sealed row: a document, a share or a take-back. `version` grows with each change and is sealed in."""

    id: str
    version: int
    sealed: bytes = field(repr=False)
    at: datetime
    state: str = ""


@dataclass(frozen=True)
class SealedCopy:
    """One sealed copy of a credential; `shown_at` is None until it was sent somewhere."""

    id: str
    document_id: str
    version: int
    sealed: bytes = field(repr=False)
    shown_at: datetime | None


@dataclass(frozen=True)
class Pending:
    """Something sealed that is under way, until it expires."""

    id: str
    kind: str
    sealed: bytes = field(repr=False)
    expires_at: datetime


class Store(Protocol):
    """The wallet's database. Every change is durable when the method returns, and happens whole or not at all."""

    def get_actor(self, identity_digest: bytes, *, now: datetime) -> Actor:
        """Return who signs in, for themselves; made at first. Safe to call from two processes at once."""

    def find_vault(self, actor: Actor) -> Vault | None:
        """Return the account's vault, or None before it was made."""

    def put_vault(self, actor: Actor, vault: Vault, *, now: datetime) -> None:
        """Keep the account's vault. Raises `StoreConflictError` (`vault_exists`) when there is one."""

    def empty(self, actor: Actor) -> None:
        """Delete the vault and everything that it opens."""

    def put_pending(self, actor: Actor, item: Pending) -> None:
        """Keep something under way, in place of an earlier one of this id and kind."""

    def find_pending(self, actor: Actor, identifier: str, kind: str, *, now: datetime) -> Pending | None:
        """Return something under way, or None when there is none or it has expired."""

    def take_pending(self, actor: Actor, identifier: str, kind: str, *, now: datetime) -> Pending | None:
        """Return something under way and delete it, with all that has expired: of two callers one gets it."""

    def purge_pending(self, *, now: datetime) -> int:
        """Delete what has expired, whosever it is; return how much there was."""

    def put_document(self, actor: Actor, document: SealedItem, copies: Sequence[SealedCopy]) -> None:
        """Keep a document with its copies."""

    def documents(self, actor: Actor) -> list[SealedItem]:
        """Return the documents held, newest first."""

    def find_document(self, actor: Actor, identifier: str) -> SealedItem | None:
        """Return one document, or None."""

    def copies(self, actor: Actor, document_id: str) -> list[SealedCopy]:
        """Return a document's copies: unshown ones first, then the one shown longest ago."""

    def find_copy(self, actor: Actor, identifier: str) -> SealedCopy | None:
        """Return one copy, or None."""

    def delete_document(self, actor: Actor, identifier: str) -> None:
        """Delete a document and its copies; nothing happens when there is none."""

    def put_share(self, actor: Actor, share: SealedItem) -> None:
        """Keep a new share, in place of one of this id that was only prepared.

        Raises `StoreConflictError` (`already_decided`) when this request was decided before.
        """

    def promise_share(
        self, actor: Actor, share: SealedItem, copies: Sequence[SealedCopy], *, now: datetime
    ) -> None:
        """Keep the next version of a share and mark the copies as shown, both or neither.

        Raises `StoreConflictError` (`changed_meanwhile`) when the share or a copy is not as it was read.
        """

    def update_share(self, actor: Actor, share: SealedItem) -> None:
        """Keep the next version of a share. Raises `StoreConflictError` (`changed_meanwhile`)."""

    def shares(self, actor: Actor) -> list[SealedItem]:
        """Return the shares and refusals, newest first."""

    def find_share(self, actor: Actor, identifier: str) -> SealedItem | None:
        """Return one share, or None."""

    def delete_share(self, actor: Actor, identifier: str, *, state: str) -> None:
        """Delete a share that is in this state; nothing happens otherwise."""

    def put_take_back(self, actor: Actor, share_id: str, item: SealedItem) -> None:
        """Keep a new take-back of a share."""

    def update_take_back(self, actor: Actor, item: SealedItem) -> None:
        """Keep the next version of a take-back. Raises `StoreConflictError` (`changed_meanwhile`)."""

    def take_backs(self, actor: Actor, share_id: str) -> list[SealedItem]:
        """Return the take-backs of a share, oldest first."""
