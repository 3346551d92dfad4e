# SPDX-License-Identifier: EUPL-1.2
"""Issuers over HTTP (OpenID4VCI 1.0): offer, metadata, token, nonce, credentials, notification.

Every address comes from an offer or from metadata, so every one goes through the guarded client. What an issuer
answers when it refuses is passed on by its protocol code only if it is one that a sentence exists for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from protocol.encoding import JSON, compact_json
from protocol.errors import Error, RequestError, UnavailableError
from protocol.oauth.errors import ErrorResponse
from protocol.oauth.metadata import WELL_KNOWN as SERVER_DOCUMENT
from protocol.oauth.metadata import ServerMetadata
from protocol.openid4vci.credential_request import CredentialRequest, Proofs
from protocol.openid4vci.credential_response import CredentialResponse, parse_response
from protocol.openid4vci.metadata import WELL_KNOWN as ISSUER_DOCUMENT
from protocol.openid4vci.metadata import IssuerMetadata, well_known
from protocol.openid4vci.nonce import NonceResponse
from protocol.openid4vci.notification import NotificationEvent, NotificationRequest
from protocol.openid4vci.offer import CODE as OFFER_CODE
from protocol.openid4vci.offer import CredentialOffer, OfferLink
from protocol.openid4vci.proof import ProofKind
from protocol.openid4vci.token import PreAuthorizedRequest, TokenResponse
from protocol.runtime.fetch import HTTPClient, Response
from wallet.receive import OpenOffer, get_grant

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
            if not answer.is_success:
                raise RequestError(OFFER_CODE, "there is no offer at the address given", status=404)
            offer = CredentialOffer.parse_answer(answer.body, _content_type(answer))
        grant = get_grant(offer)
        metadata = self.metadata(offer.issuer)
        server = metadata.get_server(grant.authorization_server)
        document = self._document(well_known(server, SERVER_DOCUMENT))
        return OpenOffer(offer, metadata, ServerMetadata.parse(document, expected_issuer=server))

    def metadata(self, identifier: str) -> IssuerMetadata:
        """Return an issuer's metadata, which must be its own (section 12.2)."""
        document = self._document(well_known(identifier, ISSUER_DOCUMENT))
        return IssuerMetadata.parse(document, expected_issuer=identifier)

    def redeem(self, opened: OpenOffer, tx_code: str | None) -> str:
        """Return an access token for the offer's code. Raises `RequestError` (`offer_code_wrong`)."""
        request = PreAuthorizedRequest(opened.grant.code, tx_code)
        answer = self._http.post(
            opened.server.get_token_endpoint(), body=request.form(), content_type=_FORM, headers={"Accept": _JSON}
        )
        _check(answer, _TOKEN_ERRORS)
        with _understanding():
            return TokenResponse.parse(answer.json(), expected_type="Bearer").access_token

    def nonce(self, opened: OpenOffer) -> str | None:
        """Return a fresh nonce for proofs, or None when the issuer wants none (section 7)."""
        endpoint = opened.metadata.nonce_endpoint
        if endpoint is None:
            return None
        answer = self._http.post(endpoint, body=b"", content_type=_JSON, headers={"Accept": _JSON})
        _check(answer, {})
        with _understanding():
            return NonceResponse.parse(answer.json()).c_nonce

    def request(self, opened: OpenOffer, access_token: str, proofs: Sequence[str]) -> Issued:
        """Return the credentials (section 8). Raises `RequestError` (`invalid_nonce`: make new proofs)."""
        wanted = CredentialRequest(
            configuration_id=opened.configuration.id, proofs=Proofs(ProofKind.JWT, tuple(proofs))
        )
        answer = self._http.post(
            opened.metadata.credential_endpoint,
            body=wanted.body(),
            content_type=_JSON,
            headers={"Accept": _JSON, "Authorization": f"Bearer {access_token}"},
        )
        _check(answer, _CREDENTIAL_ERRORS)
        with _understanding():
            given = parse_response(answer.status, answer.json())
        if not isinstance(given, CredentialResponse):
            raise RequestError("issuer_refused", "the issuer only promises the document")
        return Issued(given.credentials, given.notification_id)

    def notify(
        self, opened: OpenOffer, access_token: str, notification_id: str | None, event: NotificationEvent
    ) -> None:
        """Tell the issuer what became of the credentials (section 11); its answer changes nothing for us."""
        endpoint = opened.metadata.notification_endpoint
        if endpoint is None or notification_id is None:
            return
        body = NotificationRequest(notification_id, event).to_json()
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


def _content_type(answer: Response) -> str:
    return next((v for k, v in answer.headers.items() if k.lower() == "content-type"), "")


@contextmanager
def _understanding() -> Iterator[None]:
    """Whoever answers something else than the specification says has not given what we asked for."""
    try:
        yield
    except RequestError as exc:
        raise RequestError("issuer_refused", exc.message) from exc


def _check(answer: Response, known: dict[str, str]) -> None:
    if answer.is_success:
        return
    if answer.status >= _FIRST_SERVER_ERROR:
        raise UnavailableError("temporarily_unavailable", f"the issuer answered with status {answer.status}")
    try:
        code = ErrorResponse.parse(answer.json()).error
    except RequestError:
        code = ""
    raise RequestError(known.get(code, "issuer_refused"), f"the issuer refused with status {answer.status}")
