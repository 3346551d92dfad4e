# SPDX-License-Identifier: EUPL-1.2
"""A wallet in memory that shares documents honestly, or with exactly one thing wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ledger import promise as promises
from ledger import record as records
from ledger import signatures
from ledger.receipt import ConsentReceipt
from protocol import jws, key_binding, sd_jwt, sd_jwt_vc
from protocol.encoding import JSON
from protocol.keys import PrivateKey, Signer
from protocol.openid4vp import PresentationResponse
from protocol.registration import Procedure
from protocol.status_list import StatusReference
from tests.fakes.status_host import VALID, list_uri

VCT = "https://testimoni.example/credentials/{}/1"
CLAIMS: Mapping[str, Mapping[str, JSON]] = {
    "university-degree": {
        "given_name": "Mariona",
        "family_name": "Puig Ferrer",
        "document_number": "12345678Z",
        "birth_date": "1998-03-02",
        "degree_title": "Grau en Biologia",
        "degree_type": "Grau",
        "university": "Universitat de Vilaprova",
        "completion_date": "2020-07",
        "issue_date": "2020-09-15",
    },
    "census-registration": {
        "given_name": "Mariona",
        "family_name": "Puig Ferrer",
        "document_number": "12345678Z",
        "municipality": "Vilaprova",
        "municipality_code": "001",
        "province_code": "99",
        "resident": True,
    },
    "tax-compliance": {
        "given_name": "Mariona",
        "family_name": "Puig Ferrer",
        "document_number": "12345678Z",
        "compliant": True,
        "issued_on": "2026-11-20",
        "reference": "202611200001",
    },
}


@dataclass(frozen=True)
class Held:
    """One copy of a document, with its key."""

    text: str
    key: PrivateKey
    vct: str


def issue(
    party: Any,
    kind: str,
    *,
    now: datetime,
    signer: Signer | None = None,
    chain: list[str] | None = None,
    issuer: str | None = None,
    expires_at: datetime | None = None,
    changes: Mapping[str, JSON] | None = None,
    extra_payload: Mapping[str, JSON] | None = None,
) -> Held:
    """Issue a document as this administration, or as somebody who pretends to be.

    An extra member replaces one of the format; None leaves it out.
    """
    key = PrivateKey.generate()
    claims = {**CLAIMS[kind], **(changes or {})}
    payload: dict[str, JSON] = {
        "iss": issuer or party.issuer_identifier,
        "iat": int(now.timestamp()),
        "exp": int((expires_at or now + timedelta(days=60)).timestamp()),
        "vct": VCT.format(kind),
        "cnf": {"jwk": key.public_key.jwk()},
        "status": StatusReference(list_uri(party), VALID).to_claim(),
        **(extra_payload or {}),
        **claims,
    }
    payload = {name: value for name, value in payload.items() if value is not None}
    text = sd_jwt.issue(
        payload,
        [(name,) for name in claims],
        signer or party.issuer_key,
        typ=sd_jwt_vc.TYPE,
        x5c=chain or party.issuer_chain,
    )
    return Held(text, key, VCT.format(kind))


@dataclass(frozen=True)
class Transaction:
    """What the verifier asked, as the wallet and the pipeline know it."""

    client_id: str
    nonce: str
    state: str
    procedure: Procedure


Change = Callable[[str], str]


def unchanged(text: str) -> str:
    return text


@dataclass(frozen=True)
class Share:
    """How to answer. The defaults are honest; a test changes what it is about."""

    held: Mapping[str, Held]
    # top-level claims to show, by query id; the honest ones when absent
    disclose: Mapping[str, Sequence[str]] = field(default_factory=dict)
    change_text: Change = unchanged
    change_bound: Change = unchanged
    binding_key: PrivateKey | None = None
    binding_nonce: str | None = None
    binding_audience: str | None = None
    binding_time: datetime | None = None
    state: str | None = None
    vp_token: Callable[[dict[str, JSON]], JSON] = lambda token: token
    record_changes: Mapping[str, Any] = field(default_factory=dict)
    change_record: Callable[[bytes], bytes] = lambda data: data
    receipt_key: bytes | None = None
    promise_log: str | None = None
    promise_key: PrivateKey | None = None
    promise_time: datetime | None = None
    consent_signer: PrivateKey | None = None
    holders: Callable[[list[PrivateKey]], list[PrivateKey]] = lambda keys: keys
    change_receipt: Callable[[ConsentReceipt], ConsentReceipt] = lambda receipt: receipt
    with_receipt: bool = True
    # status lists that are not the honest ones, by address; None does not answer
    status_lists: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Shared:
    """The response, and what the wallet keeps of it."""

    payload: bytes
    record: bytes
    key: bytes
    consent_key: PrivateKey

    @property
    def commitment(self) -> records.Commitment:
        return records.commit(self.key, self.record)


def share(asked: Transaction, how: Share, *, log: str, promise_key: PrivateKey, now: datetime) -> Shared:
    """Answer a request: record, promise, presentation."""
    shown: dict[str, JSON] = {}
    claims: list[records.ClaimReference] = []
    for query in asked.procedure.query.credentials:
        if query.id not in how.held:
            continue
        held = how.held[query.id]
        names = how.disclose.get(query.id, query.names)
        claims += [records.ClaimReference.of(held.vct, (name,)) for name in names]
        shown[query.id] = [_present(held, names, asked, how, now)]
    consent_key = PrivateKey.generate()
    record = _record(asked, claims, consent_key, log=log, now=now)
    data = how.change_record(records.to_bytes(replace(record, **how.record_changes)))
    key = records.new_key()
    receipt = _receipt(asked, how, data, key, consent_key, log, promise_key, now)
    response: dict[str, JSON] = {"state": how.state or asked.state, "vp_token": how.vp_token(shown)}
    if how.with_receipt:
        response["consent_receipt"] = how.change_receipt(receipt).to_json()
    return Shared(_payload(response), data, key, consent_key)


def _payload(response: dict[str, JSON]) -> bytes:
    match response:
        case {"vp_token": dict(token), "state": str(state)} if all(isinstance(v, list) for v in token.values()):
            receipt = response.get("consent_receipt")
            return PresentationResponse(
                state,
                {k: tuple(map(str, v)) for k, v in token.items()},
                receipt,  # type: ignore[union-attr,arg-type]
            ).payload()
    return jws.compact_json(response)


def _present(held: Held, names: Sequence[str], asked: Transaction, how: Share, now: datetime) -> str:
    index = sd_jwt.SelectionIndex.make(held.text)
    text = how.change_text(sd_jwt.select(held.text, index, [(name,) for name in names]))
    prepared = key_binding.prepare(
        text,
        nonce=how.binding_nonce or asked.nonce,
        audience=how.binding_audience or asked.client_id,
        now=how.binding_time or now,
    )
    signer = how.binding_key or held.key
    return how.change_bound(text + prepared.complete(signer.sign(prepared.text.encode())))


def _record(
    asked: Transaction,
    claims: list[records.ClaimReference],
    consent_key: PrivateKey,
    *,
    log: str,
    now: datetime,
) -> records.ConsentRecord:
    procedure = asked.procedure
    return records.build_share(
        log=log,
        time=now,
        transaction_identifier=records.new_transaction_identifier(),
        party=records.Party(procedure.party_code, procedure.party_name["ca"], procedure.support_uri),
        procedure=records.ProcedureReference(procedure.id, str(procedure.version)),
        terms=records.Terms(
            purpose=procedure.purpose["ca"],
            legal_basis="dpv:Consent",
            retention=procedure.retention["ca"],
            privacy_policy=procedure.privacy_policy,
            dpa_name=procedure.supervisory_authority_name,
            dpa_contact=procedure.supervisory_authority_uri,
        ),
        claims_requested=claims,
        claims_presented=claims,
        request=records.RequestReference(asked.client_id, asked.nonce),
        consent_key=consent_key.public_key,
    )


def _receipt(
    asked: Transaction,
    how: Share,
    data: bytes,
    key: bytes,
    consent_key: PrivateKey,
    log: str,
    promise_key: PrivateKey,
    now: datetime,
) -> ConsentReceipt:
    commitment = records.commit(key, data)
    signing = signatures.prepare_record(data)
    signature = jws.detach(signing.complete((how.consent_signer or consent_key).sign(signing.text.encode())))
    promise = promises.make(
        how.promise_key or promise_key,
        log=how.promise_log or log,
        commitment=commitment,
        now=how.promise_time or now,
        maximum_merge_delay=timedelta(seconds=60),
    )
    bindings = []
    for holder in how.holders([held.key for held in how.held.values()]):
        binding = signatures.prepare_binding(commitment, nonce=asked.nonce, aud=asked.client_id)
        bindings.append(binding.complete(holder.sign(binding.text.encode())))
    return ConsentReceipt(data, how.receipt_key or key, signature, promise, tuple(bindings))
