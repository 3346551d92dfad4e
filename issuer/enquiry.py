# SPDX-License-Identifier: EUPL-1.2
"""Asking a source about a person who signed in, and what comes of it.

- Nothing is asked without the authorisation where the law wants one (Ley 58/2003, article 95.1.k), nor while the
  person's objection stands (Ley 39/2015, article 28.2).
- Each question is kept with its record for the ledger (`issuer.recording`) before it is sent, and its outcome
  after, whatever the outcome: the person sees who asked about them, when, why, and how it ended.
- Whatever goes wrong ends as a `refused` issuance with a reason, whose page says what to do next.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from issuer.credential_types import CredentialType
from issuer.interop import Found, Negative, NotFound, Query, Source, SourceError
from issuer.offers import Offers, not_found
from issuer.recording import Recording
from issuer.records import ASKED, Administration, Objection, Person, SourceQuery, Store
from issuer.sealing import Seals
from protocol.clock import Clock
from protocol.encoding import get_member
from protocol.errors import RequestError
from protocol.identity import Identity

MAX_REASON_CHARS = 2000
_REASON = "objection"
# a day on a document is a day where the office is
_ZONE = ZoneInfo("Europe/Madrid")


@dataclass(frozen=True)
class Wish:
    """What a person asked for before signing in."""

    administration_id: str
    type_id: str
    # when the person ticked the authorisation, where one is asked
    authorised_at: datetime | None
    return_url: str
    correlation_id: str
    # in which the person read what is asked and why
    language: str


class Enquiries:
    """The use cases of people's pages."""

    def __init__(
        self,
        store: Store,
        offers: Offers,
        seals: Seals,
        clock: Clock,
        *,
        source: Source,
        types: Mapping[str, CredentialType],
        recording: Recording,
    ) -> None:
        self._store = store
        self._offers = offers
        self._seals = seals
        self._clock = clock
        self._source = source
        self._types = types
        self._recording = recording

    def person(self, administration_id: str, identity: Identity) -> Person:
        """Return how one administration knows a person here; two administrations know them apart."""
        return Person(
            self._seals.digest("person", administration_id, identity.identifier_type, identity.identifier)
        )

    def get_type(self, administration_id: str, type_id: str) -> tuple[Administration, CredentialType]:
        """Return a document type of an administration. Raises `RequestError` (`not_found`)."""
        administration = self._store.find_administration(administration_id)
        if administration is None or type_id not in administration.credential_types:
            raise not_found()
        return administration, self._types[type_id]

    def fetch(self, wish: Wish, identity: Identity) -> str:
        """Ask the source and return the issuance that comes of it, also when nothing can be offered.

        Raises `RequestError` (`authorisation_missing`) when the law wants an authorisation and there is none, and
        `UnavailableError` (`office_incomplete`) when the office has not said what a record needs.
        """
        administration, kind = self.get_type(wish.administration_id, wish.type_id)
        person = self.person(administration.id, identity)
        if kind.asks_authorisation and wish.authorised_at is None:
            raise RequestError("authorisation_missing", "the person did not authorise the query")
        if self._store.standing_objection(administration.id, person, kind.id) is not None:
            return self._refuse(wish, person, "objection_stands")
        try:
            query = kind.request(identity, administration.authorisation)
        except RequestError as exc:
            return self._refuse(wish, person, exc.code)
        try:
            answer = self._ask(wish, person, administration, kind, query)
            match answer:
                case Found():
                    documents = kind.claims(identity, answer, self._clock.now().astimezone(_ZONE).date())
                case NotFound(reason=reason):
                    return self._refuse(wish, person, reason.value)
                case Negative():
                    return self._refuse(wish, person, "negative_verdict")
        except SourceError as exc:
            self._store.end_query(
                administration.id, query.identifier, outcome=exc.code, source_code=exc.source_code
            )
            return self._refuse(wish, person, exc.code)
        return self._offers.add(
            administration.id,
            kind.id,
            person,
            documents,
            return_url=wish.return_url,
            reference=wish.correlation_id,
        )

    def object(self, administration_id: str, type_id: str, identity: Identity, sealed_reason: bytes) -> str:
        """Keep a person's objection and return it; a second one to the same type is the first."""
        self.get_type(administration_id, type_id)
        person = self.person(administration_id, identity)
        standing = self._store.standing_objection(administration_id, person, type_id)
        if standing is not None:
            return standing.id
        objection_id = secrets.token_hex(6)
        self._store.add_objection(
            Objection(
                id=objection_id,
                administration_id=administration_id,
                person=person,
                type_id=type_id,
                sealed_reason=sealed_reason,
                made_at=self._clock.now(),
            )
        )
        return objection_id

    def seal_reason(self, administration_id: str, reason: str) -> bytes:
        """Return a reason sealed, to be kept. Raises `RequestError` (`reason_missing`) when there is none."""
        text = reason.strip()
        if not text or len(text) > MAX_REASON_CHARS:
            raise RequestError("reason_missing", f"expected a reason of 1 to {MAX_REASON_CHARS} characters")
        return self._seals.seal({"reason": text}, purpose=_REASON, owner=administration_id)

    def get_objection(self, administration_id: str, objection_id: str, person: Person) -> Objection:
        """Return a person's own objection. Raises `RequestError` (`not_found`) for anybody else's."""
        found = self._store.find_objection(administration_id, objection_id)
        if found is None or found.person != person:
            raise not_found()
        return found

    def find_objection(self, administration_id: str, type_id: str, person: Person) -> Objection | None:
        """Return the person's objection that stands, or None."""
        return self._store.standing_objection(administration_id, person, type_id)

    def reason_of(self, objection: Objection) -> str:
        """Return the reason in the person's words."""
        opened = self._seals.unseal(objection.sealed_reason, purpose=_REASON, owner=objection.administration_id)
        return get_member(opened, "reason", str)

    def withdraw_objection(self, administration_id: str, objection_id: str, person: Person) -> str:
        """End a person's own objection and return the type it was about."""
        objection = self.get_objection(administration_id, objection_id, person)
        self._store.withdraw_objection(administration_id, objection_id, self._clock.now())
        return objection.type_id

    def queries_about(self, administration_id: str, person: Person) -> Sequence[SourceQuery]:
        """Return who asked what about this person on this administration's account, newest first."""
        return self._store.queries_about(administration_id, person)

    def _ask(
        self, wish: Wish, person: Person, administration: Administration, kind: CredentialType, query: Query
    ) -> Found | NotFound | Negative:
        """Ask, with a trace before and after."""
        by, now = query.authorisation, self._clock.now()
        record = self._recording.make(administration, kind, query, language=wish.language, now=now)
        self._store.add_query(
            SourceQuery(
                id=query.identifier,
                administration_id=wish.administration_id,
                person=person,
                type_id=wish.type_id,
                requester_code=by.requester_code,
                requester_name=by.requester_name,
                product=query.product,
                modality=query.modality,
                finality=by.finality,
                consent=query.consent,
                authorised_at=wish.authorised_at,
                asked_at=now,
                outcome=ASKED,
                source_code="",
                correlation_id=wish.correlation_id,
            ),
            record,
        )
        answer = self._source.query(query)
        match answer:
            case Found():
                outcome, code = "found", ""
            case NotFound(reason=reason, code=code):
                outcome = reason.value
            case Negative(code=code):
                outcome = "negative_verdict"
        self._store.end_query(wish.administration_id, query.identifier, outcome=outcome, source_code=code)
        return answer

    def _refuse(self, wish: Wish, person: Person, reason: str) -> str:
        return self._offers.add_refused(
            wish.administration_id,
            wish.type_id,
            person,
            reason=reason,
            return_url=wish.return_url,
            reference=wish.correlation_id,
        )
