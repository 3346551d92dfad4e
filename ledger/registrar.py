# SPDX-License-Identifier: EUPL-1.2
"""Follows the trust registry and signs the list that follows from it: one turn of the worker.

- A turn reads what is new, adds it with its place in one transaction, and signs a list when the registry changed
  or half of the present list's lifetime is over.
- Nothing is signed at a block that is too old: a node that stands still must not keep alive what was taken back.
- Nothing is signed that a service would refuse: each list is read back against our own trust anchor first.
- A node that contradicts itself or what was read before stops this turn and no other work. The list that is served
  then ends by itself, and services answer "could not be checked".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from cryptography import x509

from ledger.chain.interface import Registry
from ledger.registry import RegistryHistory
from ledger.registry_list import derive_list
from ledger.registry_store import RegistryWriter, StoredList
from protocol import jws
from protocol.clock import Clock, from_epoch
from protocol.errors import UnavailableError
from protocol.keys import Signer
from protocol.runtime.leases import Lease
from protocol.trust import TYPE, SignedTrustList
from protocol.x509 import Anchors, encode_chain

_log = structlog.get_logger()


@dataclass(frozen=True)
class ListSigner:
    """The key that signs trust lists, its certificates, the authority above them, and how long a list lasts."""

    signer: Signer
    chain: Sequence[x509.Certificate]
    anchors: Sequence[x509.Certificate]
    lifetime: timedelta
    maximum_block_age: timedelta


class Registrar:
    """Takes turns for one registry."""

    def __init__(self, registry: Registry, store: RegistryWriter, signing: ListSigner, clock: Clock) -> None:
        self._registry = registry
        self._store = store
        self._signing = signing
        self._clock = clock

    def run(self, lease: Lease) -> bool:
        """Take one turn; return whether a list was signed.

        Raises `UnavailableError` when the node does not answer or is stale, and `VerificationError` when it
        contradicts itself or the list would be refused.
        """
        before = self._store.find_place()
        news = self._registry.read(before)
        if before is None or news.place != before:
            self._store.add(lease, news.events, news.place)
        now = self._clock.now()
        present = self._store.find_list()
        if present is not None and present.sequence == news.place.sequence and now < present.renew_at:
            return False
        found = self._store.find_events()
        if found is None or now - from_epoch(found[0].block_time) > self._signing.maximum_block_age:
            raise UnavailableError("temporarily_unavailable", "the chain's node is stale: no trust list is signed")
        place, events = found
        made = derive_list(RegistryHistory.fold(events, place), at=now, lifetime=self._signing.lifetime)
        for entry in made.left_out:
            _log.warning("entry of the registry left out of the trust list", entry=entry)
        token = jws.sign(made.claims, self._signing.signer, typ=TYPE, x5c=encode_chain(self._signing.chain))
        SignedTrustList.verify(token, Anchors(self._signing.anchors), now=now)
        renew_at = now + self._signing.lifetime / 2
        self._store.put_list(lease, StoredList(place.sequence, token, renew_at))
        return True
