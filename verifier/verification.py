# SPDX-License-Identifier: EUPL-1.2
"""The verification pipeline: ten checks, in the order of `Check` and of docs/protocol.md.

- Each check runs over every document that was presented before the next one starts; the first that fails ends it.
- Only this module makes a `VerifiedPresentation`. It holds just the claims that were asked.
- Not checked here: that commitment and `(client_id, nonce)` are new. The store owes that (receipt check, line 9).

Specifications: OpenID4VP 1.0 (sections 8.6 and 14), RFC 9901 (section 7), SD-JWT VC.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ledger import record as records
from ledger.receipt import NOT_CANONICAL, CheckedReceipt, ConsentReceipt, check_receipt
from ledger.record import ClaimReference, ProcedureReference
from protocol import credential, dcql, key_binding, sd_jwt
from protocol.dcql import MAX_CREDENTIALS, ClaimQuery
from protocol.encoding import JSON
from protocol.errors import Check, ConfigurationError, RequestError, UnavailableError, VerificationError
from protocol.keys import PublicKey
from protocol.openid4vp import PresentationResponse
from protocol.registration import Procedure
from protocol.sd_jwt import UnverifiedSDJWT
from protocol.trust import TrustedIssuer, TrustList
from verifier.checklist import Checklist, Steps
from verifier.policy import DocumentRule, Policy


@dataclass(frozen=True)
class Expected:
    """One transaction of ours: all that a response is compared with."""

    client_id: str
    nonce: str = field(repr=False)
    state: str = field(repr=False)
    procedure: Procedure
    document_rules: Mapping[str, DocumentRule]


@dataclass(frozen=True)
class VerifiedDocument:
    """One document that passed every check, with the claims that were asked and no others."""

    query_id: str
    vct: str
    issuer: TrustedIssuer
    claims: Mapping[str, JSON] = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class VerifiedPresentation:
    """A presentation that passed every check. Only `Pipeline.verify` makes one."""

    documents: tuple[VerifiedDocument, ...]
    receipt: CheckedReceipt
    # the same receipt as it arrived, to be kept
    given_receipt: ConsentReceipt
    checklist: Checklist


@dataclass(frozen=True)
class _Document:
    """One presented document, parsed; it promises nothing."""

    query_id: str
    unverified: UnverifiedSDJWT
    payload: dict[str, JSON]
    holder_key: PublicKey

    @property
    def vct(self) -> str:
        return credential.read_text(self.payload, "vct")


@dataclass(frozen=True)
class _Shown:
    """One document that passed checks 1 to 6, with everything that it shows."""

    document: _Document
    issuer: TrustedIssuer
    claims: dict[str, JSON]
    expires_at: datetime


class Pipeline:
    """The ten checks over one response."""

    def __init__(self, *, trust: TrustList, policies: Sequence[Policy]) -> None:
        if not policies:
            raise ConfigurationError("configuration_error", "the list of policies is empty")
        self._trust = trust
        self._policies = tuple(policies)

    def verify(self, payload: bytes, *, expected: Expected, now: datetime) -> VerifiedPresentation:
        """Return the verified presentation of a decrypted response.

        Raises `RefusedError` with the first check that fails, `CouldNotCheckError` when one cannot be made.
        """
        steps = Steps()
        # (1) format: our transaction's state, SD-JWTs with an issuer, a type and a holder key
        with steps.run(Check.FORMAT):
            response = PresentationResponse.parse(payload)
            _check_state(response, expected)
            documents = _parse_documents(response.vp_token)
        # (2) issuer: the key comes from our trust list, for this identifier and this type
        with steps.run(Check.ISSUER):
            issuers = [
                credential.get_issuer(each.unverified, each.payload, trust=self._trust, now=now)
                for each in documents
            ]
        # (3) signature: one algorithm, one typ
        with steps.run(Check.SIGNATURE):
            for each, issuer in zip(documents, issuers, strict=True):
                credential.check_signature(each.unverified, issuer)
        # (4) disclosures: each is referenced by exactly one digest, none hides a registered claim
        with steps.run(Check.DISCLOSURES):
            claims = [credential.rebuild_claims(each.unverified, each.payload) for each in documents]
        # (5) key binding: the holder showed exactly this, to us, in this transaction, now
        with steps.run(Check.KEY_BINDING):
            for each in documents:
                _check_key_binding(each, expected, now)
        # (6) validity
        with steps.run(Check.VALIDITY):
            expiries = [credential.check_times(each.payload, now=now) for each in documents]
        shown = [_Shown(*parts) for parts in zip(documents, issuers, claims, expiries, strict=True)]
        # (7) status: checked, or of a type that has none and expires soon
        with steps.run(Check.STATUS):
            for one in shown:
                _check_status(one, expected.document_rules, now)
            steps.set_not_applicable()
        # (8) query: what was asked, all of it and nothing more
        with steps.run(Check.QUERY):
            _check_query(shown, expected)
        # (9) policy
        with steps.run(Check.POLICY):
            for policy in self._policies:
                policy.check([one.claims for one in shown], procedure=expected.procedure, now=now)
        # (10) receipt: recorded before it was sent, by who sent it, exactly so
        with steps.run(Check.RECEIPT):
            given = _parse_receipt(response)
            receipt = self._check_receipt(given, shown, expected, now)
        return VerifiedPresentation(
            documents=tuple(_verified(one, expected) for one in shown),
            receipt=receipt,
            given_receipt=given,
            checklist=steps.checklist,
        )

    def verify_technically(
        self, presentation: str, *, document_rules: Mapping[str, DocumentRule], now: datetime
    ) -> Checklist:
        """Return the checklist of one document as text, without transaction: checks 1 to 4, 6 and 7 only.

        It says that the document is genuine and valid, not whose it is, and must not support a decision.
        Raises as `verify` does.
        """
        steps = Steps()
        # (1) format
        with steps.run(Check.FORMAT):
            document = _parse_document("", presentation)
        # (2) issuer
        with steps.run(Check.ISSUER):
            issuer = credential.get_issuer(document.unverified, document.payload, trust=self._trust, now=now)
        # (3) signature
        with steps.run(Check.SIGNATURE):
            credential.check_signature(document.unverified, issuer)
        # (4) disclosures
        with steps.run(Check.DISCLOSURES):
            claims = credential.rebuild_claims(document.unverified, document.payload)
        # (6) validity
        with steps.run(Check.VALIDITY):
            expires_at = credential.check_times(document.payload, now=now)
        # (7) status
        with steps.run(Check.STATUS):
            _check_status(_Shown(document, issuer, claims, expires_at), document_rules, now)
            steps.set_not_applicable()
        return steps.checklist

    def _check_receipt(
        self, receipt: ConsentReceipt, shown: Sequence[_Shown], expected: Expected, now: datetime
    ) -> CheckedReceipt:
        procedure = expected.procedure
        return check_receipt(
            receipt,
            trusted_log=self._trust.get_log(_log_of(receipt), now=now),
            expected_client_id=expected.client_id,
            expected_nonce=expected.nonce,
            expected_party=procedure.party_code,
            expected_procedure=ProcedureReference(procedure.id, str(procedure.version)),
            expected_claims=_presented(shown),
            copy_keys=[one.document.holder_key for one in shown],
            expected_aud=expected.client_id,
            now=now,
        )


def _check_state(response: PresentationResponse, expected: Expected) -> None:
    if not hmac.compare_digest(response.state.encode(), expected.state.encode()):
        raise VerificationError(Check.FORMAT, "the response belongs to another transaction")


def _parse_documents(vp_token: Mapping[str, Sequence[str]]) -> list[_Document]:
    documents = [(name, text) for name, given in vp_token.items() for text in given]
    if not 1 <= len(documents) <= MAX_CREDENTIALS:
        raise VerificationError(Check.FORMAT, f"expected 1 to {MAX_CREDENTIALS} documents")
    return [_parse_document(name, text) for name, text in documents]


def _parse_document(query_id: str, text: str) -> _Document:
    unverified = UnverifiedSDJWT.parse(text)
    payload = credential.read_payload(unverified)
    return _Document(query_id, unverified, payload, credential.read_holder_key(payload))


def _check_key_binding(document: _Document, expected: Expected, now: datetime) -> None:
    key_binding.verify(
        document.unverified.key_binding,
        document.holder_key,
        signed_part=document.unverified.signed_part,
        hash_name=sd_jwt.read_hash_name(document.payload),
        expected_nonce=expected.nonce,
        expected_audience=expected.client_id,
        # no procedure has any
        expected_transaction_data=(),
        now=now,
    )


def _check_status(one: _Shown, rules: Mapping[str, DocumentRule], now: datetime) -> None:
    if "status" in one.claims:
        raise UnavailableError("status_unavailable", "the status of the document could not be checked")
    rule = rules.get(one.document.vct)
    if rule is None:
        raise VerificationError(Check.STATUS, "nothing is known about the status of this type of document")
    rule.check_without_status(one.expires_at, now=now)


def _check_query(shown: Sequence[_Shown], expected: Expected) -> None:
    query = expected.procedure.query
    answers: dict[str, list[dcql.Candidate]] = {}
    for one in shown:
        given = dcql.Candidate(one.claims, chain=one.document.unverified.issuer_jwt.header.get("x5c"))
        answers.setdefault(one.document.query_id, []).append(given)
    dcql.check_answered(query, answers)
    asked = {each.id: each.claims for each in query.credentials}
    for one in shown:
        disclosed = set(_leaves(one.claims)) - set(_leaves(one.document.payload))
        if any(not _is_asked(path, asked[one.document.query_id]) for path in disclosed):
            raise VerificationError(Check.QUERY, "more was shown than was asked", code="over_disclosure")


def _leaves(value: JSON, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each value that is no object; an array counts as one value."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    else:
        yield path


def _is_asked(path: tuple[str, ...], asked: Sequence[ClaimQuery]) -> bool:
    return any(path[: len(claim.path)] == claim.path for claim in asked)


def _parse_receipt(response: PresentationResponse) -> ConsentReceipt:
    if response.consent_receipt is None:
        raise VerificationError(Check.RECEIPT, "there is no consent receipt", code="receipt_missing")
    return ConsentReceipt.parse(response.consent_receipt)


def _log_of(receipt: ConsentReceipt) -> str:
    """Return the log that the record names; `check_receipt` compares it with the promise's."""
    try:
        return records.parse(receipt.record).log
    except RequestError as exc:
        raise VerificationError(Check.RECEIPT, exc.message, code=NOT_CANONICAL) from exc


def _presented(shown: Sequence[_Shown]) -> list[ClaimReference]:
    """Return what arrived, by type and name: what was asked, and what the issuer signed in the clear."""
    return [
        ClaimReference.of(one.document.vct, (name,))
        for one in shown
        for name in one.claims
        if name not in credential.REGISTERED
    ]


def _verified(one: _Shown, expected: Expected) -> VerifiedDocument:
    asked = next(each for each in expected.procedure.query.credentials if each.id == one.document.query_id)
    return VerifiedDocument(
        query_id=one.document.query_id,
        vct=one.document.vct,
        issuer=one.issuer,
        claims={name: one.claims[name] for name in asked.names},
        expires_at=one.expires_at,
    )
