# SPDX-License-Identifier: EUPL-1.2
"""Starting a presentation request, and the signed request object that wallets fetch (OpenID4VP 1.0, section 5).

- A request starts from a registered procedure and from nothing else: query, purpose, legal basis and retention are
  the statement's. There is no way to say what to ask, so over-asking cannot start here.
- The statement is checked against the trust list at every start; a row that was changed does not pass.
- The encryption key is made for this request alone, sealed under the service's secret, destroyed with the answer.
- `request_id`, `nonce`, `state` and the office's `id` are separate secrets of 192 bits.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from protocol import openid4vp
from protocol.clock import Clock
from protocol.dcql import Query
from protocol.errors import Check, RequestError, VerificationError
from protocol.jwe import ENCRYPTIONS, RecipientKey
from protocol.keys import Algorithm, PrivateKey, PublicKey, Signer
from protocol.openid4vp import (
    ClientMetadata,
    ConsentSupport,
    FormatAlgorithms,
    Prefix,
    PresentationRequest,
    RequestLink,
    RequestUriPost,
    VerifierInfo,
)
from protocol.registration import Procedure
from protocol.runtime.sealing import Sealer
from protocol.trust import TrustList
from verifier.model import Administration, Presentation, PresentationState, ProcedureEntry
from verifier.store import Store

SECRET_BYTES = 24
# what we verify of a presentation
_ALGORITHMS = FormatAlgorithms(issuer=(Algorithm.ES256.value,), key_binding=(Algorithm.ES256.value,))


def new_secret() -> str:
    """Return a fresh secret of 192 bits in 32 characters that are safe in addresses."""
    return secrets.token_urlsafe(SECRET_BYTES)


@dataclass(frozen=True)
class RequestSettings:
    """Where things are, and how long a request lives."""

    public_url: str
    wallet_url: str
    lifetime: timedelta


class Requests:
    """Starts requests and signs them for wallets."""

    def __init__(
        self,
        *,
        store: Store,
        trust: TrustList,
        sealer: Sealer,
        clock: Clock,
        open_signer: Callable[[str], Signer],
        settings: RequestSettings,
    ) -> None:
        self._store = store
        self._trust = trust
        self._sealer = sealer
        self._clock = clock
        self._open_signer = open_signer
        self._settings = settings

    def registered(self, administration: Administration, entry: ProcedureEntry) -> Procedure:
        """Return the procedure that the statement registers for this administration, now.

        Raises `VerificationError` (`issuer`) when it is not registered (any more).
        """
        requester = self._trust.get_requester(
            [*administration.x5c],
            client_id=administration.client_id,
            statement=entry.statement,
            now=self._clock.now(),
        )
        if (requester.procedure.id, requester.procedure.version) != (entry.id, entry.version):
            raise VerificationError(Check.ISSUER, "the statement registers another procedure")
        return requester.procedure

    def start(self, administration_id: str, procedure_id: str, *, started_by: str) -> Presentation:
        """Make a new request of this procedure in its newest version.

        Raises `RequestError` (`unknown_procedure`) and what `registered` raises.
        """
        administration = self._store.get_administration(administration_id)
        entry = self._store.get_procedure(administration_id, procedure_id, version=None)
        self.registered(administration, entry)
        key = PrivateKey.generate()
        now = self._clock.now().replace(microsecond=0)
        started = Presentation(
            id=new_secret(),
            administration_id=administration_id,
            request_id=new_secret(),
            nonce=new_secret(),
            wallet_state=new_secret(),
            client_id=administration.client_id,
            procedure_id=entry.id,
            procedure_version=entry.version,
            key_id=key.public_key.thumbprint(),
            public_key=json.dumps(key.public_key.jwk()),
            sealed_key=None,
            started_by=started_by,
            issued_at=now,
            expires_at=now + self._settings.lifetime,
        )
        sealed = self._sealer.seal(key.pem(), about=started.about)
        presentation = replace(started, sealed_key=sealed)
        self._store.add_presentation(presentation)
        return presentation

    def link(self, presentation: Presentation) -> RequestLink:
        """Return what the QR carries."""
        return RequestLink(presentation.client_id, self._address(presentation, "request"), uses_post=True)

    def wallet_link(self, presentation: Presentation) -> str:
        """Return the link that opens our wallet on any device."""
        return self.link(presentation).url(f"{self._settings.wallet_url}/present")

    def request_object(self, administration_id: str, request_id: str, *, posted: RequestUriPost) -> str:
        """Return the signed request object; the same request however often it is fetched.

        Raises `RequestError`: `not_found`, `request_expired`, `request_already_answered`, and for a wallet that
        says that it cannot answer `vp_formats_not_supported` or `invalid_request`.
        """
        if posted.wallet_metadata:
            posted.wallet_metadata.check_takes(Prefix.X509_HASH)
        presentation = self._store.get_presentation_by_request(administration_id, request_id)
        if presentation.state is not PresentationState.WAITING:
            raise RequestError("request_already_answered", "the request was answered before", status=409)
        if presentation.has_expired(self._clock.now()):
            raise RequestError("request_expired", "the request has expired", status=410)
        administration = self._store.get_administration(administration_id)
        entry = self._store.get_procedure(
            administration_id, presentation.procedure_id, version=presentation.procedure_version
        )
        procedure = self.registered(administration, entry)
        request = self._build(presentation, entry.statement, procedure.query)
        return openid4vp.sign_request(
            request,
            self._open_signer(administration.signer_url),
            x5c=[*administration.x5c],
            wallet_nonce=posted.wallet_nonce,
        )

    def _build(self, presentation: Presentation, statement: str, query: Query) -> PresentationRequest:
        key = RecipientKey(PublicKey.parse_jwk(json.loads(presentation.public_key)), presentation.key_id)
        return PresentationRequest(
            client_id=presentation.client_id,
            response_uri=self._address(presentation, "response"),
            nonce=presentation.nonce,
            state=presentation.wallet_state,
            query=query,
            metadata=ClientMetadata(keys=(key,), algorithms=_ALGORITHMS, encryptions=ENCRYPTIONS),
            verifier_info=(
                VerifierInfo.of_statement(statement),
                VerifierInfo.of_consent(
                    ConsentSupport(f"{self._settings.public_url}/{presentation.administration_id}/withdrawals")
                ),
            ),
            issued_at=presentation.issued_at,
            expires_at=presentation.expires_at,
        )

    def _address(self, presentation: Presentation, what: str) -> str:
        return f"{self._settings.public_url}/{presentation.administration_id}/{what}/{presentation.request_id}"
