# SPDX-License-Identifier: EUPL-1.2
"""A host of status lists in memory: real tokens, signed by whom the test says, answered without a socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, request
from flask import Response as FlaskResponse

from protocol import jws, status_list
from protocol.clock import epoch_seconds
from protocol.errors import RequestError, UnavailableError
from protocol.keys import Signer
from protocol.runtime.fetch import MAX_BODY_BYTES, READ_TIMEOUT_SECONDS, Response
from protocol.status_entries import MutableStatusList

SIZE = 64
# entries of every administration's list
VALID, REVOKED, SUSPENDED, SPECIAL = 7, 11, 12, 13
STATUSES = {REVOKED: 1, SUSPENDED: 2, SPECIAL: 3}


def list_uri(party: Any) -> str:
    """Where this administration's list is."""
    return f"{party.issuer_identifier}/status/1"


def list_token(
    party: Any,
    *,
    now: datetime,
    statuses: Mapping[int, int] | None = None,
    bits: int = 2,
    signer: Signer | None = None,
    chain: list[str] | None = None,
    typ: str = status_list.TYPE,
    **claims: Any,
) -> str:
    """Return a list as the administration signs it, or with what a test changes; a claim of None is left out."""
    made = MutableStatusList.make(bits, SIZE)
    for index, status in (statuses or {}).items():
        made.set(index, status)
    payload = {
        "sub": list_uri(party),
        "iat": epoch_seconds(now),
        "exp": epoch_seconds(now + timedelta(days=1)),
        "ttl": 900,
        "status_list": {"bits": bits, "lst": made.encode()},
        **claims,
    }
    kept = {name: value for name, value in payload.items() if value is not None}
    return jws.sign(kept, signer or party.issuer_key, typ=typ, x5c=chain or party.issuer_chain)


def honest_lists(world: Any) -> dict[str, str]:
    """Return the list of each administration, as it is now, by its address."""
    return {
        list_uri(party): list_token(party, now=world.clock.now(), statuses=STATUSES)
        for party in world.parties.values()
    }


def serve_lists(world: Any, changed: Mapping[str, str | None]) -> Flask:
    """Return an application that gives the administrations' lists, or what a test changed; None does not answer."""
    app = Flask("lists")

    @app.get("/<path:_path>")
    def give(_path: str) -> Any:
        token = {**honest_lists(world), **changed}.get(request.url)
        return ("", 503) if token is None else FlaskResponse(token, content_type=status_list.MEDIA_TYPE)

    return app


@dataclass
class StatusHost:
    """An `HTTPClient` that gives the documents put there. Nothing else answers."""

    documents: dict[str, Response] = field(default_factory=dict)
    is_down: bool = False
    # as the guarded client does with redirects and foreign addresses
    refuses: bool = False
    calls: list[str] = field(default_factory=list)

    def put(self, uri: str, token: str, **changes: Any) -> None:
        answer = Response(
            status=200,
            headers={"Content-Type": status_list.MEDIA_TYPE, "Cache-Control": "max-age=31536000"},
            body=token.encode(),
        )
        self.documents[uri] = replace(answer, **changes)

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = MAX_BODY_BYTES
    ) -> Response:
        self.calls.append(url)
        if self.refuses:
            raise RequestError("invalid_request", "the host answered with a redirect")
        if self.is_down:
            raise UnavailableError("temporarily_unavailable", "no answer")
        return self.documents.get(url) or Response(status=404, headers={}, body=b"")

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
        raise AssertionError("status lists are never sent anything")
