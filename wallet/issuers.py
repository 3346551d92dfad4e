# SPDX-License-Identifier: EUPL-1.2
"""Issuers over HTTP (OpenID4VCI 1.0): offer, metadata, token, nonce, credentials, notification.

Every address comes from an offer or from metadata, so every one goes through the guarded client. What an issuer
answers when it refuses is passed on by its protocol code only if it is one that a sentence exists for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from protocol.encoding import JSON, compact_json, find_member, get_member
from protocol.errors import Error, RequestError, UnavailableError
from protocol.openid4vci import CredentialRequest, IssuerMetadata, TokenRequest, well_known
from protocol.runtime.fetch import HTTPClient, Response
from wallet.receive import OFFER_CODE, OfferLink, OpenOffer, parse_offer

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_METADATA_CODE = "invalid_issuer_metadata"
_FIRST_SERVER_ERROR = 500
# what an issuer may say, and the sentence we have for it
_TOKEN_ERRORS = {"invalid_grant": "offer_code_wrong", "invalid_request": "offer_code_wrong"}
_CREDENTIAL_ERRORS = {"invalid_nonce": "invalid_nonce"}


@dataclass(frozen=True)
class Issued:
    """What a credential endpoint answered, unverified."""

    credentials: tuple[str, ...] = field(repr=False)
    notification_id: str | None


class IssuerClient:
    """Talks to any issuer."""

    def __init__(self, http: HTTPClient) -> None:
        self._http = http

    def open(self, link: OfferLink) -> OpenOffer:
        """Return the offer with its issuer's metadata.

        Raises `RequestError` when either is not what it must be, `UnavailableError` when nobody answers.
        """
        offer = link.offer
        if offer is None:
            answer = self._http.get(link.uri or "", headers={"Accept": _JSON})
            if not answer.is_success or not _is_json(answer):
                raise RequestError(OFFER_CODE, "there is no offer at the address given", status=404)
            offer = parse_offer(answer.json())
        return OpenOffer(offer, self.metadata(offer.issuer))

    def metadata(self, identifier: str) -> IssuerMetadata:
        """Return an issuer's metadata, which must be its own (section 12.2)."""
        document = self._document(well_known(identifier, "openid-credential-issuer"))
        servers = find_member(document, "authorization_servers", list, code=_METADATA_CODE)
        if servers is not None and identifier not in servers:
            raise RequestError(_METADATA_CODE, "the issuer relies on another authorization server")
        server = self._document(well_known(identifier, "oauth-authorization-server"))
        return IssuerMetadata.parse(document, server, expected_issuer=identifier)

    def redeem(self, opened: OpenOffer, tx_code: str | None) -> str:
        """Return an access token for the offer's code. Raises `RequestError` (`offer_code_wrong`)."""
        request = TokenRequest(opened.offer.pre_authorized_code, tx_code)
        answer = self._http.post(
            opened.metadata.token_endpoint, body=request.form(), content_type=_FORM, headers={"Accept": _JSON}
        )
        _check(answer, _TOKEN_ERRORS)
        members = answer.json()
        if get_member(members, "token_type", str).lower() != "bearer":
            raise RequestError("issuer_refused", "expected a bearer token")
        return get_member(members, "access_token", str)

    def nonce(self, opened: OpenOffer) -> str:
        """Return a fresh nonce for proofs (section 7)."""
        answer = self._http.post(
            opened.metadata.nonce_endpoint, body=b"", content_type=_JSON, headers={"Accept": _JSON}
        )
        _check(answer, {})
        return get_member(answer.json(), "c_nonce", str)

    def request(self, opened: OpenOffer, access_token: str, proofs: Sequence[str]) -> Issued:
        """Return the credentials (section 8). Raises `RequestError` (`invalid_nonce`: make new proofs)."""
        wanted = CredentialRequest(opened.configuration.id, tuple(proofs))
        answer = self._http.post(
            opened.metadata.credential_endpoint,
            body=wanted.body(),
            content_type=_JSON,
            headers={"Accept": _JSON, "Authorization": f"Bearer {access_token}"},
        )
        _check(answer, _CREDENTIAL_ERRORS)
        members = answer.json()
        given: list[str] = []
        for item in get_member(members, "credentials", list):
            match item:
                case {"credential": str(text)}:
                    given.append(text)
                case _:
                    raise RequestError("issuer_refused", "expected credentials as strings")
        return Issued(tuple(given), find_member(members, "notification_id", str))

    def notify(self, opened: OpenOffer, access_token: str, notification_id: str | None, event: str) -> None:
        """Tell the issuer what became of the credentials (section 11); its answer changes nothing for us."""
        endpoint = opened.metadata.notification_endpoint
        if endpoint is None or notification_id is None:
            return
        body: dict[str, JSON] = {"notification_id": notification_id, "event": event}
        try:
            self._http.post(
                endpoint,
                body=compact_json(body),
                content_type=_JSON,
                headers={"Authorization": f"Bearer {access_token}"},
            )
        except Error:
            return

    def _document(self, url: str) -> dict[str, JSON]:
        answer = self._http.get(url, headers={"Accept": _JSON})
        if answer.status >= _FIRST_SERVER_ERROR:
            raise UnavailableError("temporarily_unavailable", "the issuer cannot give its metadata now")
        if not answer.is_success:
            raise RequestError(_METADATA_CODE, f"expected metadata, got status {answer.status}")
        return answer.json()


def _is_json(answer: Response) -> bool:
    found = next((v for k, v in answer.headers.items() if k.lower() == "content-type"), "")
    return found.partition(";")[0].strip() == _JSON


def _check(answer: Response, known: dict[str, str]) -> None:
    if answer.is_success:
        return
    if answer.status >= _FIRST_SERVER_ERROR:
        raise UnavailableError("temporarily_unavailable", f"the issuer answered with status {answer.status}")
    try:
        code = get_member(answer.json(), "error", str)
    except RequestError:
        code = ""
    raise RequestError(known.get(code, "issuer_refused"), f"the issuer refused with status {answer.status}")
