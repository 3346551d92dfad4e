# SPDX-License-Identifier: EUPL-1.2
"""Consent records: built, written and read in one byte form each.

A record says which administration was told what, for which procedure and under which law. It never holds a
claim value, a salt, anything of a presentation, or an identifier of the citizen. What this module guarantees:

- one byte form per record: canonical JSON (RFC 8785) of strings, booleans and integers below 2^53; `parse`
  refuses bytes that differ from their own canonical form, unknown members, and anything above 16 KiB;
- a record has exactly the members of its type.

It does not say who signed a record (`ledger.signatures`), or that it is in a log (`ledger.merkle`).
Member names follow the European wallet's transaction log (TS10) where it has them; purposes and legal bases
are terms of the W3C Data Privacy Vocabulary (DPV).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

from ledger.commitment import (
    COMMITMENT_BYTES,
    Commitment,
    commit,
    new_key,
    parse_commitment,
    withdrawal_marker,
)
from ledger.record_types import (
    ClaimReference,
    ConsentRecord,
    Party,
    ProcedureReference,
    RecordedBy,
    RecordType,
    RequestReference,
    TakeBack,
    Terms,
    build_answer,
    build_query,
    build_share,
    build_withdrawal,
    new_transaction_identifier,
)
from protocol.encoding import JSON, b64url_encode, canonical_json, get_member, parse_object
from protocol.errors import RequestError
from protocol.keys import PublicKey

__all__ = [
    "COMMITMENT_BYTES",
    "ClaimReference",
    "Commitment",
    "ConsentRecord",
    "Party",
    "ProcedureReference",
    "RecordType",
    "RecordedBy",
    "RequestReference",
    "TakeBack",
    "Terms",
    "build_answer",
    "build_query",
    "build_share",
    "build_withdrawal",
    "commit",
    "new_key",
    "new_transaction_identifier",
    "parse",
    "parse_commitment",
    "to_bytes",
    "withdrawal_marker",
]

SCHEMA = "testimoni/record/1"
# A share of 200 claims is about 12 kB.
MAX_RECORD_BYTES = 16 * 1024
_MAX_INTEGER = 2**53
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def to_bytes(record: ConsentRecord) -> bytes:
    """Return the canonical bytes. Raises `RequestError` when the members do not fit the type."""
    data = canonical_json(_members(record))
    if parse(data) != record:
        raise RequestError("invalid_record", "record does not survive its own canonical form")
    return data


# which members a type has beside the common ones; anything else is unknown and refused
_COMMON = frozenset(
    {
        "schema",
        "type",
        "log",
        "transactionIdentifier",
        "time",
        "interactingPartyIdentifier",
        "interactingPartyName",
        "interactingPartyContact",
        "recordedBy",
        "onBehalfOf",
    }
)
_TERMS = frozenset({"purpose", "legalBasis", "retention", "privacyPolicy", "dpaName", "dpaContact"})
_SHARE = _COMMON | _TERMS | {"procedure", "listOfClaimsRequested", "listOfClaimsPresented", "request"}
_MEMBERS = {
    RecordType.QUERY: _COMMON | _TERMS | {"procedure", "listOfClaimsRequested"},
    RecordType.SHARE: _SHARE,
    RecordType.WITHDRAWAL: _COMMON | {"request", "previous"},
    RecordType.BLOCKED: _COMMON | {"previous"},
    RecordType.ERASED: _COMMON | {"previous"},
    RecordType.REFUSAL_TO_ERASE: _COMMON | {"previous", "legalGround"},
}
_RECORDERS: dict[RecordType, frozenset[str]] = {
    RecordType.QUERY: frozenset({"issuer"}),
    RecordType.SHARE: frozenset({"wallet", "verifier"}),
    RecordType.WITHDRAWAL: frozenset({"wallet", "verifier"}),
    RecordType.BLOCKED: frozenset({"verifier"}),
    RecordType.ERASED: frozenset({"verifier"}),
    RecordType.REFUSAL_TO_ERASE: frozenset({"verifier"}),
}


def _members(record: ConsentRecord) -> dict[str, object]:
    """Return the members as JSON values, present ones only."""
    members: dict[str, object] = {
        "schema": SCHEMA,
        "type": record.type.value,
        "log": record.log,
        "transactionIdentifier": record.transaction_identifier,
        "time": record.time.astimezone(UTC).strftime(_TIME_FORMAT),
        "interactingPartyIdentifier": record.party.identifier,
        "interactingPartyName": record.party.name,
        "interactingPartyContact": record.party.contact,
        "recordedBy": record.recorded_by,
        "onBehalfOf": False,
    }
    if record.terms:
        members |= {
            "purpose": record.terms.purpose,
            "legalBasis": record.terms.legal_basis,
            "retention": record.terms.retention,
            "privacyPolicy": record.terms.privacy_policy,
            "dpaName": record.terms.dpa_name,
            "dpaContact": record.terms.dpa_contact,
        }
    if record.procedure:
        members["procedure"] = {"id": record.procedure.id, "version": record.procedure.version}
    if record.claims_requested is not None:
        members["listOfClaimsRequested"] = _claims_json(record.claims_requested)
    if record.claims_presented is not None:
        members["listOfClaimsPresented"] = _claims_json(record.claims_presented)
    if record.request:
        members["request"] = {"client_id": record.request.client_id, "nonce": record.request.nonce}
    if record.take_back:
        members["request"] = record.take_back.value
    if record.consent_key:
        members["consentKey"] = record.consent_key.jwk()
    if record.previous is not None:
        members["previous"] = b64url_encode(record.previous)
    if record.legal_ground is not None:
        members["legalGround"] = record.legal_ground
    return members


def _claims_json(claims: tuple[ClaimReference, ...]) -> list[dict[str, object]]:
    return [{"credentialType": each.credential_type, "claim": list(each.claim)} for each in claims]


def parse(data: bytes) -> ConsentRecord:
    """Return the record of its canonical bytes.

    Raises `RequestError` (`invalid_record`) on any other bytes, an unknown or missing member, or a member
    that does not fit the type of record.
    """
    members = _canonical_members(data)
    if members.get("schema") != SCHEMA:
        raise RequestError("invalid_record", f"expected schema {SCHEMA}")
    try:
        kind = RecordType(_text(members, "type"))
    except ValueError as exc:
        raise RequestError("invalid_record", "unknown record type") from exc
    recorded_by = _recorded_by(kind, members)
    _check_names(kind, recorded_by, frozenset(members))
    if members["onBehalfOf"] is not False:
        raise RequestError("invalid_record", "expected onBehalfOf to be false: mandates are not recorded yet")
    return ConsentRecord(
        type=kind,
        log=_text(members, "log"),
        transaction_identifier=_text(members, "transactionIdentifier"),
        time=_time(_text(members, "time")),
        party=Party(
            _text(members, "interactingPartyIdentifier"),
            _text(members, "interactingPartyName"),
            _text(members, "interactingPartyContact"),
        ),
        recorded_by=recorded_by,
        procedure=_procedure(members),
        terms=_terms(members),
        claims_requested=_claims(members, "listOfClaimsRequested"),
        claims_presented=_claims(members, "listOfClaimsPresented"),
        request=_request(members) if kind is RecordType.SHARE else None,
        consent_key=PublicKey.parse_jwk(members["consentKey"]) if "consentKey" in members else None,
        take_back=_take_back(members) if kind is RecordType.WITHDRAWAL else None,
        previous=parse_commitment(members["previous"]) if "previous" in members else None,
        legal_ground=_text(members, "legalGround") if "legalGround" in members else None,
    )


def _canonical_members(data: bytes) -> dict[str, JSON]:
    if len(data) > MAX_RECORD_BYTES:
        raise RequestError("invalid_record", f"record longer than {MAX_RECORD_BYTES} bytes")
    members = parse_object(data, max_bytes=MAX_RECORD_BYTES)
    _check_values(members)
    if canonical_json(members) != data:
        raise RequestError("invalid_record", "record is not in canonical form")
    return members


def _check_values(value: JSON) -> None:
    """Refuse numbers that readers might disagree about, and null."""
    match value:
        case bool() | str():
            return
        case int() if abs(value) < _MAX_INTEGER:
            return
        case dict():
            for each in value.values():
                _check_values(each)
        case list():
            for each in value:
                _check_values(each)
        case _:
            raise RequestError("invalid_record", "only strings, booleans and integers below 2^53 are allowed")


def _check_names(kind: RecordType, recorded_by: RecordedBy, names: frozenset[str]) -> None:
    expected = _MEMBERS[kind]
    if kind is RecordType.SHARE and recorded_by == "wallet":
        expected = expected | {"consentKey"}
    if unknown := sorted(names - expected):
        raise RequestError("invalid_record", f"a {kind} record has no member {unknown[0]}")
    if missing := sorted(expected - names):
        raise RequestError("invalid_record", f"a {kind} record needs member {missing[0]}")


def _recorded_by(kind: RecordType, members: dict[str, JSON]) -> RecordedBy:
    given = _text(members, "recordedBy")
    for known in get_args(RecordedBy):
        if given == known and given in _RECORDERS[kind]:
            recorder: RecordedBy = known
            return recorder
    raise RequestError("invalid_record", f"a {kind} record is not made by this party")


def _text(members: dict[str, JSON], name: str) -> str:
    value = get_member(members, name, str, code="invalid_record")
    if not value:
        raise RequestError("invalid_record", f"member {name} is empty")
    return value


def _time(text: str) -> datetime:
    try:
        time = datetime.strptime(text, _TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError as exc:
        raise RequestError("invalid_record", "expected time as RFC 3339 UTC seconds") from exc
    if time.strftime(_TIME_FORMAT) != text:
        raise RequestError("invalid_record", "expected time as RFC 3339 UTC seconds")
    return time


def _procedure(members: dict[str, JSON]) -> ProcedureReference | None:
    match members.get("procedure"):
        case None:
            return None
        case {"id": str(identifier), "version": str(version), **rest} if identifier and version and not rest:
            return ProcedureReference(identifier, version)
    raise RequestError("invalid_record", "expected procedure with id and version")


def _terms(members: dict[str, JSON]) -> Terms | None:
    if "purpose" not in members:
        return None
    return Terms(
        purpose=_text(members, "purpose"),
        legal_basis=_text(members, "legalBasis"),
        retention=_text(members, "retention"),
        privacy_policy=_text(members, "privacyPolicy"),
        dpa_name=_text(members, "dpaName"),
        dpa_contact=_text(members, "dpaContact"),
    )


def _claims(members: dict[str, JSON], name: str) -> tuple[ClaimReference, ...] | None:
    if name not in members:
        return None
    claims = tuple(_claim(each) for each in get_member(members, name, list, code="invalid_record"))
    if not claims or list(claims) != sorted(set(claims)):
        raise RequestError("invalid_record", f"expected {name} to be sorted, without repeats, not empty")
    return claims


def _claim(value: JSON) -> ClaimReference:
    match value:
        case {"credentialType": str(kind), "claim": list(path), **rest} if kind and path and not rest:
            parts = tuple(part for part in path if isinstance(part, str) and part)
            if len(parts) == len(path):
                return ClaimReference(kind, parts)
    raise RequestError("invalid_record", "expected a claim as credential type and path")


def _request(members: dict[str, JSON]) -> RequestReference:
    match members["request"]:
        case {"client_id": str(client_id), "nonce": str(nonce), **rest} if client_id and nonce and not rest:
            return RequestReference(client_id, nonce)
    raise RequestError("invalid_record", "expected request with client_id and nonce")


def _take_back(members: dict[str, JSON]) -> TakeBack:
    try:
        return TakeBack(_text(members, "request"))
    except ValueError as exc:
        raise RequestError("invalid_record", "expected request to be withdraw, erase or object") from exc
