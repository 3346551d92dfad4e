# SPDX-License-Identifier: EUPL-1.2
"""What back-office programs may do: start requests, ask what became of them, check a document technically."""

from __future__ import annotations

from protocol.clock import Clock
from protocol.encoding import JSON, get_member, sha256
from protocol.errors import RequestError, VerificationError
from protocol.runtime.qr import qr_data_uri
from verifier.cases import Case, Cases, CaseState
from verifier.checklist import RefusedError, checklist_json
from verifier.model import Administration
from verifier.request import Requests
from verifier.store import Store
from verifier.verification import Pipeline

_STARTED_BY = "api"


class BackOffice:
    """The use cases of the back-office API, each for the administration that the token names."""

    def __init__(
        self, *, store: Store, requests: Requests, cases: Cases, pipeline: Pipeline, clock: Clock
    ) -> None:
        self._store = store
        self._requests = requests
        self._cases = cases
        self._pipeline = pipeline
        self._clock = clock

    def get_administration(self, authorization: str) -> Administration:
        """Return whose token the header `Authorization: Bearer …` carries.

        Raises `RequestError` (`invalid_token`, 401).
        """
        scheme, _, token = authorization.partition(" ")
        found = None
        if scheme.lower() == "bearer" and token:
            found = self._store.find_administration_by_token(sha256(token.strip().encode()))
        if found is None:
            raise RequestError("invalid_token", "expected the bearer token of an administration", status=401)
        return found

    def start(self, administration: Administration, members: dict[str, JSON]) -> dict[str, JSON]:
        """Start a request of a registered procedure; there is nothing else to choose."""
        if unknown := members.keys() - {"procedure"}:
            raise RequestError("invalid_request", f"a request starts from a procedure alone, not {min(unknown)}")
        presentation = self._requests.start(
            administration.id, get_member(members, "procedure", str), started_by=_STARTED_BY
        )
        link = self._requests.wallet_link(presentation)
        return {
            "id": presentation.id,
            "request_url": link,
            "openid4vp_url": self._requests.link(presentation).url(),
            "qr": qr_data_uri(link),
            "expires_at": presentation.expires_at.isoformat(),
        }

    def get(self, administration: Administration, presentation_id: str) -> dict[str, JSON]:
        """Return where a request stands. Raises `RequestError` (`not_found`)."""
        return case_json(self._cases.get(administration.id, presentation_id))

    def verify(self, administration: Administration, members: dict[str, JSON]) -> dict[str, JSON]:
        """Return the checklist of a document as text: a technical check, which must not support a decision.

        Raises `RequestError` on another shape, `CouldNotCheckError` when a check could not be made.
        """
        if unknown := members.keys() - {"presentation"}:
            raise RequestError("invalid_request", f"unknown member {min(unknown)}")
        rules = {vct: kind.rule for vct, kind in self._store.document_types(administration.id).items()}
        text = get_member(members, "presentation", str)
        failed: VerificationError | None = None
        try:
            checklist = self._pipeline.verify_technically(text, document_rules=rules, now=self._clock.now())
        except RefusedError as refused:
            failed, checklist = refused, refused.checklist
        return {
            "technical": True,
            "result": "genuine" if failed is None else "rejected",
            "failed_check": None if failed is None else failed.check.value,
            "reason": None if failed is None else failed.message,
            "checks": checklist_json(checklist),
        }


def case_json(case: Case) -> dict[str, JSON]:
    """Return a case as back-office programs read it; claims only while they are kept and not blocked."""
    documents: list[JSON] = [
        {"type": each.vct, "issuer": each.issuer, "claims": dict(each.claims)}
        for each in (case.kept.documents if case.kept else ())
    ]
    return {
        "id": case.presentation.id,
        "procedure": case.procedure.id,
        "version": case.procedure.version,
        "state": case.state.value,
        "expires_at": case.presentation.expires_at.isoformat(),
        "outcome": None if case.outcome is None else case.outcome.to_json(),
        "documents": documents if case.state is CaseState.ACCEPTED else [],
        "blocked": case.blocked is not None,
    }
