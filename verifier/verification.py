# SPDX-License-Identifier: EUPL-1.2
"""The verification pipeline: ten checks, in the order of `Check` and of docs/protocol.md.

- Each check runs over every document that was presented before the next one starts; the first that fails ends it.
- Only this module makes a `VerifiedPresentation`. It holds just the claims that were asked.
- Not checked here: that commitment and `(client_id, nonce)` are new. The store owes that (receipt check, line 9).

Specifications: OpenID4VP 1.0 (sections 8.6 and 14), RFC 9901 (section 7), SD-JWT VC, Token Status List.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias

from ledger import record as records
from ledger.receipt import NOT_CANONICAL, CheckedReceipt, ConsentReceipt, check_receipt
from ledger.record import ClaimReference, ProcedureReference
from protocol import dcql, sd_jwt_vc, status_list
from protocol.credential import BindingExpectation, CredentialFormat, UnverifiedCredential
from protocol.dcql import MAX_CREDENTIALS, Candidate, CredentialQuery
from protocol.encoding import JSON
from protocol.errors import Check, ConfigurationError, RequestError, VerificationError
from protocol.formats import get_format
from protocol.openid4vp import PresentationResponse
from protocol.registration import Procedure
from protocol.sd_jwt import Rebuilt
from protocol.status_list import StatusLists, StatusReference
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


# the credential query that a document answers, by its identifier, and the document
_Named: TypeAlias = tuple[str, UnverifiedCredential]


class _Shown(NamedTuple):
    """One document that passed checks 1 to 7, with everything that it shows."""

    query_id: str
    unverified: UnverifiedCredential
    issuer: TrustedIssuer
    rebuilt: Rebuilt
    expires_at: datetime

    @property
    def claims(self) -> Mapping[str, JSON]:
        return self.rebuilt.claims


class Pipeline:
    """The ten checks over one response."""

    def __init__(self, *, trust: TrustList, status_lists: StatusLists, policies: Sequence[Policy]) -> None:
        if not policies:
            raise ConfigurationError("configuration_error", "the list of policies is empty")
        self._trust = trust
        self._status_lists = status_lists
        self._policies = tuple(policies)

    def verify(self, payload: bytes, *, expected: Expected, now: datetime) -> VerifiedPresentation:
        """Return the verified presentation of a decrypted response.

        Raises `RefusedError` with the first check that fails, `CouldNotCheckError` when one cannot be made.
        """
        with Steps() as steps:
            # (1) format: our transaction's state, documents with an issuer, a type and a holder key
            steps.begin(Check.FORMAT)
            response = PresentationResponse.parse(payload)
            _check_state(response, expected)
            documents = _parse_documents(response.vp_token, expected)
            shown = self._check_documents(documents, expected, now, steps)
            # (10) receipt: recorded before it was sent, by who sent it, exactly so
            steps.begin(Check.RECEIPT)
            given = _parse_receipt(response)
            receipt = self._check_receipt(given, shown, expected, now)
        return VerifiedPresentation(
            documents=tuple([_verified(one, expected) for one in shown]),
            receipt=receipt,
            given_receipt=given,
            checklist=steps.checklist,
        )

    def verify_documents(
        self, vp_token: Mapping[str, Sequence[str]], *, expected: Expected, now: datetime
    ) -> tuple[VerifiedDocument, ...]:
        """Return the documents of a presentation after checks 1 to 9, for whoever has no receipt to check.

        It is what `verify` does with them; without check 10 nothing says that the share was recorded, so it must
        not support a decision. Raises as `verify` does.
        """
        with Steps() as steps:
            # (1) format
            steps.begin(Check.FORMAT)
            documents = _parse_documents(vp_token, expected)
            shown = self._check_documents(documents, expected, now, steps)
        return tuple([_verified(one, expected) for one in shown])

    def verify_technically(
        self, presentation: str, *, document_rules: Mapping[str, DocumentRule], now: datetime
    ) -> Checklist:
        """Return the checklist of one document as text, without transaction: checks 1 to 4, 6 and 7 only.

        It says that the document is genuine and valid, not whose it is, and must not support a decision.
        Raises as `verify` does.
        """
        with Steps() as steps:
            # (1) format
            steps.begin(Check.FORMAT)
            document = sd_jwt_vc.FORMAT.parse(presentation)
            self._check_genuine([("", document)], None, document_rules, now, steps)
        return steps.checklist

    def _check_documents(
        self, documents: Sequence[_Named], expected: Expected, now: datetime, steps: Steps
    ) -> list[_Shown]:
        """Take checks 2 to 9."""
        binding = BindingExpectation(audience=expected.client_id, nonce=expected.nonce)
        shown = self._check_genuine(documents, binding, expected.document_rules, now, steps)
        # (8) query: what was asked, all of it and nothing more
        steps.begin(Check.QUERY)
        _check_query(shown, expected)
        # (9) policy
        steps.begin(Check.POLICY)
        claims = [one.claims for one in shown]
        for policy in self._policies:
            policy.check(claims, procedure=expected.procedure, now=now)
        return shown

    def _check_genuine(
        self,
        documents: Sequence[_Named],
        binding: BindingExpectation | None,
        rules: Mapping[str, DocumentRule],
        now: datetime,
        steps: Steps,
    ) -> list[_Shown]:
        """Take checks 2 to 7; without 5 when there is no transaction that a key binding could be for."""
        # (2) issuer: the key comes from our trust list, for this identifier and this type
        steps.begin(Check.ISSUER)
        issuers = [each.get_issuer(trust=self._trust, now=now) for _, each in documents]
        # (3) signature: one algorithm, one typ
        steps.begin(Check.SIGNATURE)
        for (_, each), issuer in zip(documents, issuers, strict=True):
            each.check_signature(issuer)
        # (4) disclosures: each is referenced by exactly one digest, none hides a registered claim
        steps.begin(Check.DISCLOSURES)
        rebuilt = [each.rebuild_claims() for _, each in documents]
        # (5) key binding: the holder showed exactly this, to us, in this transaction, now
        if binding is not None:
            steps.begin(Check.KEY_BINDING)
            for _, each in documents:
                each.check_key_binding(binding, now=now)
        # (6) validity
        steps.begin(Check.VALIDITY)
        expiries = [each.check_times(now=now) for _, each in documents]
        shown = [
            _Shown(name, each, issuer, found, expires_at)
            for (name, each), issuer, found, expires_at in zip(documents, issuers, rebuilt, expiries, strict=True)
        ]
        # (7) status: asked of the issuer's list, or of a type that has none and expires soon
        steps.begin(Check.STATUS)
        had_status = [self._check_status(one, rules, now) for one in shown]
        if not any(had_status):
            steps.set_not_applicable()
        return shown

    def _check_status(self, one: _Shown, rules: Mapping[str, DocumentRule], now: datetime) -> bool:
        """Return whether there was a status to check; only a type that carries none may come without."""
        rule = rules.get(one.unverified.credential_type)
        if rule is None:
            raise VerificationError(Check.STATUS, "nothing is known about the status of this type of document")
        claim = one.unverified.find_status()
        if claim is None:
            rule.check_without_status(one.expires_at, now=now)
            return False
        status_list.check(StatusReference.parse(claim), lists=self._status_lists, issuer=one.issuer, now=now)
        return True

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
            expected_claims=_presented(shown, expected),
            copy_keys=[one.unverified.holder_key for one in shown],
            expected_aud=expected.client_id,
            now=now,
        )


def _check_state(response: PresentationResponse, expected: Expected) -> None:
    if not hmac.compare_digest(response.state.encode(), expected.state.encode()):
        raise VerificationError(Check.FORMAT, "the response belongs to another transaction")


def _parse_documents(vp_token: Mapping[str, Sequence[str]], expected: Expected) -> list[_Named]:
    documents = [(name, text) for name, given in vp_token.items() for text in given]
    if not 1 <= len(documents) <= MAX_CREDENTIALS:
        raise VerificationError(Check.FORMAT, f"expected 1 to {MAX_CREDENTIALS} documents")
    asked = expected.procedure.query.by_id
    return [(name, _format_of(asked.get(name)).parse(text)) for name, text in documents]


def _format_of(asked: CredentialQuery | None) -> CredentialFormat:
    """Return the format to read an answer in; that of an answer to nothing is looked at all the same (check 8)."""
    return sd_jwt_vc.FORMAT if asked is None else get_format(asked.format, code="vp_formats_not_supported")


def _check_query(shown: Sequence[_Shown], expected: Expected) -> None:
    query = expected.procedure.query
    answers: dict[str, list[Candidate]] = {}
    for one in shown:
        answers.setdefault(one.query_id, []).append(Candidate(one.claims, one.unverified.chain))
    dcql.check_answered(query, answers)
    for one in shown:
        if not dcql.is_asked(one.rebuilt.disclosed.keys(), query.by_id[one.query_id], one.claims):
            raise VerificationError(Check.QUERY, "more was shown than was asked", code="over_disclosure")


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


def _presented(shown: Sequence[_Shown], expected: Expected) -> list[ClaimReference]:
    """Return what arrived, by type and path: what was asked, and what the issuer signed in the clear."""
    asked = expected.procedure.query.by_id
    return [
        ClaimReference.of(one.unverified.credential_type, path)
        for one in shown
        for path in dcql.presented_paths(
            asked[one.query_id],
            {name: value for name, value in one.claims.items() if name not in sd_jwt_vc.REGISTERED},
        )
    ]


def _verified(one: _Shown, expected: Expected) -> VerifiedDocument:
    asked, claims = expected.procedure.query.by_id[one.query_id], one.claims
    return VerifiedDocument(
        query_id=one.query_id,
        vct=one.unverified.credential_type,
        issuer=one.issuer,
        claims={name: claims[name] for name in asked.names if name in claims},
        expires_at=one.expires_at,
    )
