# SPDX-License-Identifier: EUPL-1.2
"""The citizen's side of a consent record: what is written, what may be taken back, what counts as an answer.

A record holds who asked, why, under which law and which claims by name; never a value. The
words on the screen follow the legal basis, and so does what a person may do later: withdraw a consent or an
authorisation, object to or ask erasure of what a law allowed. No I/O here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ledger import promise as promises
from ledger import record as records
from ledger import signatures
from ledger.record import ClaimReference, Commitment, ConsentRecord, RecordType, TakeBack
from protocol import jws
from protocol.encoding import JSON, b64url_decode, b64url_encode, get_member
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PublicKey
from protocol.openid4vp import VerifiedRequest
from protocol.registration import LegalBasis, Procedure, Texts
from protocol.trust import TrustList
from wallet.signing import Purpose, Step, complete

# terms of the W3C Data Privacy Vocabulary and its GDPR extension
LEGAL_TERMS: Mapping[LegalBasis, str] = {
    LegalBasis.CONSENT: "dpv:Consent",
    LegalBasis.AUTHORISATION: "dpv:Permission",
    LegalBasis.LAW: "eu-gdpr:A6-1-e",
}
TAKE_BACKS: Mapping[LegalBasis, tuple[TakeBack, ...]] = {
    LegalBasis.CONSENT: (TakeBack.WITHDRAW,),
    LegalBasis.AUTHORISATION: (TakeBack.WITHDRAW,),
    LegalBasis.LAW: (TakeBack.OBJECT, TakeBack.ERASE),
}
ANSWERS = frozenset({RecordType.BLOCKED, RecordType.ERASED, RecordType.REFUSAL_TO_ERASE})
_DEFAULT_LANGUAGE = "ca"


def text_in(texts: Texts, language: str) -> str:
    """Return the text in this language, else in Catalan, else in any."""
    return texts.get(language) or texts.get(_DEFAULT_LANGUAGE) or next(iter(texts.values()), "")


def build_share(
    verified: VerifiedRequest,
    shown: Sequence[ClaimReference],
    *,
    log: str,
    consent_key: PublicKey,
    language: str,
    now: datetime,
) -> bytes:
    """Return the record of a share, in the language in which the person decided."""
    procedure, request = verified.requester.procedure, verified.request
    types = {reference.credential_type for reference in shown}
    requested = [
        ClaimReference.of(kind, path)
        for credential in request.query.credentials
        for kind in credential.vct_values
        if kind in types
        for path in [claim.path for claim in credential.claims] or [("vct",)]
    ]
    record = records.build_share(
        log=log,
        time=now,
        transaction_identifier=records.new_transaction_identifier(),
        party=_party(procedure, language),
        procedure=records.ProcedureReference(procedure.id, str(procedure.version)),
        terms=records.Terms(
            purpose=text_in(procedure.purpose, language),
            legal_basis=LEGAL_TERMS[procedure.legal_basis],
            retention=text_in(procedure.retention, language),
            privacy_policy=procedure.privacy_policy,
            dpa_name=procedure.supervisory_authority_name,
            dpa_contact=procedure.supervisory_authority_uri,
        ),
        claims_requested=requested,
        claims_presented=shown,
        request=records.RequestReference(request.client_id, request.nonce),
        consent_key=consent_key,
    )
    return records.to_bytes(record)


def _party(procedure: Procedure, language: str) -> records.Party:
    return records.Party(procedure.party_code, text_in(procedure.party_name, language), procedure.support_uri)


@dataclass(frozen=True)
class TakeBackRequest:
    """A withdrawal, objection or erasure request, to be signed by the share's consent key."""

    record: bytes
    key: bytes = field(repr=False)
    commitment: Commitment
    # the entry by which whoever holds the share's key can see that it was taken back
    marker: Commitment
    step: Step

    def complete(self, signatures_: Sequence[bytes]) -> str:
        """Return the detached signature. Raises `VerificationError` unless it is by the consent key."""
        (token,) = complete([self.step], signatures_)
        return jws.detach(token)

    def to_json(self) -> dict[str, JSON]:
        """Return what `parse` reads."""
        return {
            "record": b64url_encode(self.record),
            "key": b64url_encode(self.key),
            "marker": b64url_encode(self.marker),
            "step": self.step.to_json(),
        }

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> TakeBackRequest:
        """Return the request that `to_json` wrote."""
        record = b64url_decode(get_member(value, "record", str))
        key = b64url_decode(get_member(value, "key", str))
        return cls(
            record=record,
            key=key,
            commitment=records.commit(key, record),
            marker=records.parse_commitment(value.get("marker")),
            step=Step.parse(value.get("step")),
        )


def prepare_take_back(
    share_record: bytes, share_key: bytes, take_back: TakeBack, *, log: str, now: datetime
) -> TakeBackRequest:
    """Return what the consent key must sign to take a share back; `log` takes entries now, the share's may not."""
    share = records.parse(share_record)
    if share.consent_key is None:
        raise RequestError("not_signed_here", "the share was not signed with a consent key")
    commitment = records.commit(share_key, share_record)
    record = records.to_bytes(
        records.build_withdrawal(
            log=log,
            time=now,
            transaction_identifier=records.new_transaction_identifier(),
            party=share.party,
            take_back=take_back,
            previous=commitment,
        )
    )
    key = records.new_key()
    return TakeBackRequest(
        record=record,
        key=key,
        commitment=records.commit(key, record),
        marker=records.withdrawal_marker(share_key, commitment),
        step=Step(share.consent_key, Purpose.WITHDRAWAL, signatures.prepare_withdrawal(record)),
    )


@dataclass(frozen=True)
class Answer:
    """The administration's signed answer to a take-back. Only `verify_answer` makes one."""

    record: ConsentRecord
    commitment: Commitment
    # as it came, for the evidence file
    evidence: Mapping[str, JSON]


def verify_answer(
    answer: JSON, *, expected_previous: Commitment, expected_party: str, trust: TrustList, now: datetime
) -> Answer:
    """Return an administration's answer to the take-back `expected_previous`.

    Raises `RequestError` when it is malformed, `VerificationError` when it is another party's, answers something
    else, or was not promised by a log on the trust list.
    """
    if not isinstance(answer, dict):
        raise RequestError("invalid_answer", "expected an answer with record, key, signature and promise")
    raw = b64url_decode(get_member(answer, "record", str, code="invalid_answer"))
    key = b64url_decode(get_member(answer, "key", str, code="invalid_answer"))
    signature = get_member(answer, "signature", str, code="invalid_answer")
    promise = get_member(answer, "promise", str, code="invalid_answer")
    # (1) canonical bytes of an answer to this request, by this administration
    record = records.parse(raw)
    if record.type not in ANSWERS or record.previous != expected_previous:
        raise _wrong("the answer is to something else")
    if record.party.identifier != expected_party:
        raise _wrong("the answer names another administration")
    # (2) signed with a key that speaks for the administration
    header = jws.parse(jws.attach(signature, raw)).header
    signer = trust.get_party_key(header.get("x5c"), party_code=expected_party, now=now)
    signatures.verify_answer(signature, raw, signer)
    # (3) recorded before it was given
    commitment = records.commit(key, raw)
    log = trust.get_log(record.log, now=now)
    promises.verify_undated(promise, log.promise_key, log=log.origin, commitment=commitment)
    kept = {name: answer[name] for name in ("record", "key", "signature", "promise")}
    return Answer(record=record, commitment=commitment, evidence=kept)


def verify_acceptance(
    token: str, *, expected_commitment: Commitment, expected_party: str, trust: TrustList, now: datetime
) -> signatures.Acceptance:
    """Return the countersignature of the administration that received the share.

    Raises `RequestError` or `VerificationError` when it is malformed, another party's, or about another share.
    """
    header = jws.parse(token).header
    key = trust.get_party_key(header.get("x5c"), party_code=expected_party, now=now)
    return signatures.verify_acceptance(token, key, expected_commitment=expected_commitment)


def _wrong(message: str) -> VerificationError:
    return VerificationError(Check.RECEIPT, message, code="invalid_answer")
