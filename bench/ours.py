# SPDX-License-Identifier: EUPL-1.2
"""Our core, called as the three services call it.

- Issuing is what the issuer's credential endpoint calls, presenting what the wallet calls.
- Verifying is the verifier's own `Pipeline`: every check but the receipt, which no peer has.
- The holder's key is fresh in each credential; loading it is part of the work. The issuer's chain and key and the
  decoded status list are kept between calls, as in the service.
- The index of a credential is kept with it, as the wallet keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bench.world import DEGREE, LIFETIME, QUERY_ID, STATUS_LIST_SIZE, STATUS_LIST_URI, World, claims, query
from protocol import key_binding, sd_jwt, sd_jwt_vc, status_list
from protocol.encoding import b64url_encode
from protocol.keys import PrivateKey
from protocol.runtime.fetch import MAX_BODY_BYTES, READ_TIMEOUT_SECONDS, Response
from protocol.runtime.status_lists import CachedStatusLists
from protocol.sd_jwt import Path, SelectionIndex
from protocol.status_entries import MutableStatusList, Status
from protocol.status_list import StatusReference, Validity
from verifier.policy import POLICIES, DocumentRule
from verifier.verification import Expected, Pipeline


@dataclass(frozen=True)
class Presentation:
    """A presentation with key binding, and what its verifier expects."""

    text: str = field(repr=False)
    expected: Expected = field(repr=False)

    @property
    def nonce(self) -> str:
        """The nonce that it was made for."""
        return self.expected.nonce


class Ours:
    """Our core in one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._statuses = MutableStatusList.make(1, STATUS_LIST_SIZE)
        for index in world.revoked:
            self._statuses.set(index, Status.INVALID)
        lists = CachedStatusLists(_MemoryHTTP(self.status_list_token().encode()), world.trust)
        self._pipeline = Pipeline(trust=world.trust, policies=POLICIES, status_lists=lists)

    def issue(
        self, size: int, holder: PrivateKey, *, index: int | None = None, issued_at: datetime | None = None
    ) -> str:
        """Return a credential of so many claims; without `index` it names no status list."""
        world = self._world
        begins = issued_at or world.issued_at
        return sd_jwt_vc.issue(
            claims(size),
            world.issuer.issuer_key,
            selective=_paths(claims(size)),
            x5c=world.issuer.issuer_chain,
            issuer=world.issuer.issuer_identifier,
            vct=DEGREE,
            holder_key=holder.public_key,
            issued_at=begins,
            expires_at=begins + LIFETIME,
            status=None if index is None else StatusReference(STATUS_LIST_URI, index),
        )

    def issuing(self, size: int) -> Callable[[int], object]:
        """Return the issuing of credentials of so many claims."""
        world, values = self._world, claims(size)
        holders, selective, status = world.holders, _paths(values), StatusReference(STATUS_LIST_URI, world.index)
        return lambda turn: sd_jwt_vc.issue(
            values,
            world.issuer.issuer_key,
            selective=selective,
            x5c=world.issuer.issuer_chain,
            issuer=world.issuer.issuer_identifier,
            vct=DEGREE,
            holder_key=holders[turn % len(holders)].public_key,
            status=status,
            issued_at=world.issued_at,
            expires_at=world.expires_at,
        )

    def presenting(self, issued: Sequence[str], names: Sequence[str]) -> Callable[[int], object]:
        """Return the presenting of these claims with key binding."""
        kept = [(text, SelectionIndex.make(text)) for text in issued]
        holders, paths, world = self._world.holders, _paths(names), self._world

        def present(turn: int) -> str:
            place = turn % len(kept)
            shown = sd_jwt.select(*kept[place], paths)
            return _bind(shown, holders[place], nonce="nonce", audience=world.client_id, at=world.now)

        return present

    def presentation(  # each control differs in one of these
        self,
        size: int,
        names: Sequence[str],
        holder: PrivateKey,
        *,
        index: int | None = None,
        asked: Sequence[str] = (),
        issued_at: datetime | None = None,
        bound_at: datetime | None = None,
        audience: str = "",
        extra: str = "",
    ) -> Presentation:
        """Return one presentation that is as it should be, but for what is said."""
        world = self._world
        issued = self.issue(size, holder, index=index, issued_at=issued_at)
        shown = sd_jwt.select(issued, SelectionIndex.make(issued), _paths(names))
        shown += f"{extra}~" if extra else ""
        rule = DocumentRule(
            DEGREE, carries_status=index is not None, longest_validity=LIFETIME + timedelta(days=1)
        )
        expected = Expected(
            client_id=world.client_id,
            nonce=b64url_encode(holder.public_key.x[:16]),
            state="",
            procedure=replace(world.procedure, query=query(asked or names)),
            document_rules={DEGREE: rule},
        )
        text = _bind(
            shown,
            holder,
            nonce=expected.nonce,
            audience=audience or world.client_id,
            at=bound_at or world.now,
        )
        return Presentation(text, expected)

    def presentations(self, size: int, names: Sequence[str], *, index: int | None) -> list[Presentation]:
        """Return one presentation of each holder."""
        return [self.presentation(size, names, holder, index=index) for holder in self._world.holders]

    def verify(self, presentation: Presentation) -> object:
        """Return the verified documents. Raises `Error` when a check fails."""
        return self._pipeline.verify_documents(
            {QUERY_ID: (presentation.text,)}, expected=presentation.expected, now=self._world.now
        )

    def verifying(self, presentations: Sequence[Presentation]) -> Callable[[int], object]:
        """Return the verifying of these presentations."""
        return lambda turn: self.verify(presentations[turn % len(presentations)])

    def status_list_token(self) -> str:
        """Return the status list as it is now, signed."""
        world = self._world
        return status_list.sign_token(
            self._statuses,
            world.issuer.issuer_key,
            x5c=world.issuer.issuer_chain,
            uri=STATUS_LIST_URI,
            validity=Validity(world.now, world.now + timedelta(days=1), timedelta(hours=1)),
            aggregation_uri=f"{STATUS_LIST_URI}/all",
        )

    def flipping(self) -> Callable[[int], object]:
        """Return the setting or unsetting of one entry and signing the list again."""

        def flip(turn: int) -> str:
            self._statuses.set(self._world.flipped, turn % 2)
            return self.status_list_token()

        return flip


def _paths(names: Collection[str]) -> list[Path]:
    return [(name,) for name in names]


def _bind(shown: str, holder: PrivateKey, *, nonce: str, audience: str, at: datetime) -> str:
    prepared = key_binding.prepare(shown, nonce=nonce, audience=audience, now=at)
    return shown + prepared.complete(holder.sign(prepared.text.encode("ascii")))


@dataclass(frozen=True)
class _MemoryHTTP:
    """Gives the status list token from memory; nothing is posted to it."""

    body: bytes = field(repr=False)

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = MAX_BODY_BYTES
    ) -> Response:
        """Return the token."""
        del url, headers, max_bytes
        return Response(status=200, headers={"Content-Type": status_list.MEDIA_TYPE}, body=self.body)

    def post(
        self,
        url: str,
        *,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        read_timeout: float = READ_TIMEOUT_SECONDS,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Response:
        """Refuse: a reader posts nothing."""
        del url, body, content_type, headers, read_timeout, max_bytes
        raise NotImplementedError
