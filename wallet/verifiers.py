# SPDX-License-Identifier: EUPL-1.2
"""Verifiers over HTTP (OpenID4VP 1.0): request object, response, refusal, taking back.

Every address comes from a link or a request, so every one goes through the guarded client, which follows no
redirect (section 14.8). A request is asked for with a nonce of ours that must come back (section 5.10).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from protocol.encoding import JSON, compact_json, find_member, get_member
from protocol.errors import Error, RequestError, UnavailableError
from protocol.keys import Algorithm
from protocol.openid4vp import (
    REQUEST_MEDIA_TYPE,
    FormatAlgorithms,
    Prefix,
    PresentationRequest,
    RequestLink,
    RequestUriPost,
    WalletMetadata,
)
from protocol.runtime.fetch import HTTPClient, Response
from wallet import present

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_FIRST_SERVER_ERROR = 500
_NONCE_BYTES = 24
# what we can do: holder keys are on P-256, and certificates are all that we trust
_METADATA = WalletMetadata(
    algorithms=FormatAlgorithms(issuer=(Algorithm.ES256.value,), key_binding=(Algorithm.ES256.value,)),
    client_id_prefixes=(Prefix.X509_HASH.value,),
    request_algorithms=(Algorithm.ES256.value,),
)


@dataclass(frozen=True)
class FetchedRequest:
    """A request object as it came, and the nonce that it must bring back; unverified."""

    token: str
    client_id: str
    wallet_nonce: str | None

    def to_json(self) -> dict[str, JSON]:
        """Return what `parse` reads."""
        return {"token": self.token, "client_id": self.client_id, "wallet_nonce": self.wallet_nonce}

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> FetchedRequest:
        """Return the request that `to_json` wrote."""
        nonce = None if value.get("wallet_nonce") is None else get_member(value, "wallet_nonce", str)
        return cls(get_member(value, "token", str), get_member(value, "client_id", str), nonce)


@dataclass(frozen=True)
class Reply:
    """A verifier's readable answer to a response: its status, what it says, its countersignature."""

    status: int
    outcome: present.Outcome | None
    acceptance: str | None
    error: str | None


@dataclass(frozen=True)
class TakeBackReply:
    """Where to ask what became of a take-back, and the day by which it must be answered."""

    status_uri: str
    due: str


@dataclass(frozen=True)
class TakeBackStatus:
    """What became of a take-back; the answer is unverified."""

    state: str
    due: str
    answer: JSON


class VerifierClient:
    """Talks to any verifier."""

    def __init__(self, http: HTTPClient) -> None:
        self._http = http

    def fetch_request(self, link: RequestLink) -> FetchedRequest:
        """Return the request object. Raises `RequestError` (`request_gone`) when there is none any more."""
        headers = {"Accept": REQUEST_MEDIA_TYPE}
        nonce = secrets.token_urlsafe(_NONCE_BYTES) if link.uses_post else None
        if nonce is None:
            answer = self._http.get(link.request_uri, headers=headers)
        else:
            posted = RequestUriPost(wallet_nonce=nonce, wallet_metadata=_METADATA)
            answer = self._http.post(link.request_uri, body=posted.form(), content_type=_FORM, headers=headers)
        if answer.status >= _FIRST_SERVER_ERROR:
            raise UnavailableError("temporarily_unavailable", "the verifier cannot give its request now")
        if not answer.is_success:
            raise RequestError("request_gone", f"the verifier has no such request (status {answer.status})")
        try:
            token = answer.body.decode("ascii").strip()
        except UnicodeDecodeError as exc:
            raise RequestError("invalid_request", "the request object is not text") from exc
        return FetchedRequest(token, link.client_id, nonce)

    def deliver(self, response_uri: str, body: bytes) -> Reply:
        """Post a response. Raises `UnavailableError` when it is unknown what became of it."""
        answer = self._post(response_uri, body, _FORM)
        try:
            members = answer.json()
            outcome = None if members.get("outcome") is None else present.Outcome.parse(members["outcome"])
            acceptance = find_member(members, "consent_acceptance", str)
            error = None if answer.is_success else str(members.get("error") or "") or "invalid_request"
        except RequestError as exc:
            raise UnavailableError("delivery_unknown", "the verifier's answer cannot be read") from exc
        return Reply(answer.status, outcome, acceptance, error)

    def decline(self, request: PresentationRequest) -> None:
        """Tell the verifier that nothing will come; whether it hears it changes nothing."""
        try:
            self._http.post(request.response_uri, body=present.refuse(request), content_type=_FORM)
        except Error:
            return

    def take_back(self, withdrawal_uri: str, body: Mapping[str, JSON]) -> TakeBackReply:
        """Post a signed take-back; safe to repeat with the same body.

        Raises `UnavailableError` when nobody answers, `RequestError` (`take_back_refused`) when it is not taken.
        """
        answer = self._post(withdrawal_uri, compact_json(dict(body)), _JSON)
        if not answer.is_success:
            raise RequestError("take_back_refused", f"the office answered with status {answer.status}")
        members = answer.json()
        return TakeBackReply(get_member(members, "status_uri", str), str(members.get("due") or ""))

    def take_back_status(self, status_uri: str) -> TakeBackStatus:
        """Return what became of a take-back."""
        answer = self._http.get(status_uri, headers={"Accept": _JSON})
        if not answer.is_success:
            raise UnavailableError("temporarily_unavailable", f"no status: the office answered {answer.status}")
        members = answer.json()
        return TakeBackStatus(
            get_member(members, "state", str), str(members.get("due") or ""), members.get("answer")
        )

    def _post(self, url: str, body: bytes, content_type: str) -> Response:
        try:
            answer = self._http.post(url, body=body, content_type=content_type, headers={"Accept": _JSON})
        except RequestError as exc:
            raise UnavailableError("delivery_unknown", "the verifier's answer cannot be taken") from exc
        if answer.status >= _FIRST_SERVER_ERROR:
            raise UnavailableError("delivery_unknown", f"the verifier answered with status {answer.status}")
        return answer
