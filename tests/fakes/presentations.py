# SPDX-License-Identifier: EUPL-1.2
"""Every way in which a presentation can be wrong, by name, with the one check that must fail.

The unit tests run them live; `tests/vectors/make_presentations.py` writes them down for other programs.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from ledger import record as records
from ledger.receipt import ConsentReceipt
from protocol import sd_jwt
from protocol.clock import epoch_seconds
from protocol.encoding import b64url_encode, compact_json, parse_object
from protocol.keys import PrivateKey
from protocol.status_entries import MAX_LIST_BYTES
from protocol.status_list import StatusReference
from tests.fakes.holder import Share, Transaction, issue
from tests.fakes.status_host import REVOKED, SIZE, SPECIAL, SUSPENDED, VALID, list_token, list_uri


@dataclass(frozen=True)
class Case:
    """One case: which procedure, how it is answered, and what must come of it."""

    name: str
    expect: str
    make: Callable[[Any, Transaction], Share]
    party: str = "ajuntament"
    procedure: str = "borsa-treball"
    code: str | None = None


def degree(world: Any, **options: Any) -> dict[str, Any]:
    return {"degree": issue(world.parties["universitat"], "university-degree", now=world.clock.now(), **options)}


def degree_and_census(world: Any, **census: Any) -> dict[str, Any]:
    own = issue(world.parties["ajuntament"], "census-registration", now=world.clock.now(), **census)
    return {**degree(world), "residence": own}


def honest(world: Any, _asked: Transaction) -> Share:
    return Share(held=degree(world))


def with_share(**how: Any) -> Callable[[Any, Transaction], Share]:
    return lambda world, _asked: Share(held=degree(world), **how)


def with_degree(**options: Any) -> Callable[[Any, Transaction], Share]:
    return lambda world, _asked: Share(held=degree(world, **options))


def with_receipt(change: Callable[[ConsentReceipt], ConsentReceipt]) -> Callable[[Any, Transaction], Share]:
    return with_share(change_receipt=change)


def drop_first_disclosure(text: str) -> str:
    token, _first, *rest = text.split("~")
    return "~".join([token, *rest])


def change_first_value(text: str) -> str:
    token, first, *rest = text.split("~")
    disclosure = sd_jwt.Disclosure.parse(first)
    forged = sd_jwt.Disclosure.make(str(disclosure.name), "Another", salt="A" * 22)
    return "~".join([token, forged.encoded, *rest])


def add_disclosure(text: str) -> str:
    forged = sd_jwt.Disclosure.make("honours", "cum laude")
    return text + forged.encoded + "~"


def repeat_first_disclosure(text: str) -> str:
    token, first, *rest = text.split("~")
    return "~".join([token, first, first, *rest])


def change_payload(text: str) -> str:
    token, *rest = text.split("~")
    header, payload, signature = token.split(".")
    from protocol.encoding import b64url_decode

    claims = parse_object(b64url_decode(payload)) | {"iat": 1}
    return "~".join([".".join([header, b64url_encode(compact_json(claims)), signature]), *rest])


def without_key_binding(text: str) -> str:
    return text[: text.rindex("~") + 1]


def drop_disclosure_after_binding(text: str) -> str:
    return drop_first_disclosure(text)


def foreign_issuer(world: Any, _asked: Transaction) -> Share:
    """A document signed by a key whose certificate another authority made."""
    from protocol.x509 import Purpose, encode_chain
    from testimoni.development.authority import Authority

    party, now = world.parties["universitat"], world.clock.now()
    other, key = Authority.create(now), PrivateKey.generate()
    leaf = other.issue_certificate(
        key.public_key, purpose=Purpose.ISSUER, name="Somebody", uris=[party.issuer_identifier], now=now
    )
    return Share(held=degree(world, signer=key, chain=encode_chain([leaf])))


def other_party_issues(world: Any, _asked: Transaction) -> Share:
    """The town hall, a genuine issuer, issues a degree, which is not its to issue."""
    town = world.parties["ajuntament"]
    return Share(held={"degree": issue(town, "university-degree", now=world.clock.now())})


def wrong_type(world: Any, asked: Transaction) -> Share:
    """A genuine census registration where a degree was asked."""
    held = issue(world.parties["ajuntament"], "census-registration", now=world.clock.now())
    return Share(held={"degree": held}, disclose={"degree": ["given_name", "family_name"]})


def disclose(*, without: str = "", plus: str = "") -> Callable[[Any, Transaction], Share]:
    def make(world: Any, asked: Transaction) -> Share:
        names = [name for name in asked.procedure.query.credentials[0].names if name != without]
        return Share(held=degree(world), disclose={"degree": [*names, *([plus] if plus else [])]})

    return make


def record_request(**changes: str) -> Callable[[Any, Transaction], Share]:
    def make(world: Any, asked: Transaction) -> Share:
        request = replace(records.RequestReference(asked.client_id, asked.nonce), **changes)
        return Share(held=degree(world), record_changes={"request": request})

    return make


def record_party(world: Any, asked: Transaction) -> Share:
    return Share(
        held=degree(world), record_changes={"party": records.Party("U00000001", "Other", "https://o.example")}
    )


def record_claims(world: Any, asked: Transaction) -> Share:
    held = degree(world)
    few = (records.ClaimReference.of(held["degree"].vct, ("given_name",)),)
    return Share(held=held, record_changes={"claims_presented": few})


def two_people(world: Any, _asked: Transaction) -> Share:
    return Share(held=degree_and_census(world, changes={"document_number": "87654321X"}))


def at(**delta: int) -> Callable[[Any, Transaction], Share]:
    return lambda world, _asked: Share(held=degree(world), binding_time=world.clock.now() + timedelta(**delta))


def promised_at(**delta: int) -> Callable[[Any, Transaction], Share]:
    return lambda world, _asked: Share(held=degree(world), promise_time=world.clock.now() + timedelta(**delta))


def expiring(**delta: int) -> Callable[[Any, Transaction], Share]:
    return lambda world, _asked: Share(held=degree(world, expires_at=world.clock.now() + timedelta(**delta)))


def with_reference(index: int, *, party: str = "universitat") -> Callable[[Any, Transaction], Share]:
    """A degree whose status stands at this place of this administration's list."""

    def make(world: Any, _asked: Transaction) -> Share:
        reference = StatusReference(list_uri(world.parties[party]), index)
        return Share(held=degree(world, extra_payload={"status": reference.to_claim()}))

    return make


def with_list(**changes: Any) -> Callable[[Any, Transaction], Share]:
    """A degree whose list has something wrong."""

    def make(world: Any, _asked: Transaction) -> Share:
        party = world.parties["universitat"]
        token = list_token(party, now=world.clock.now(), **changes)
        return Share(held=degree(world), status_lists={list_uri(party): token})

    return make


def list_does_not_answer(world: Any, _asked: Transaction) -> Share:
    return Share(held=degree(world), status_lists={list_uri(world.parties["universitat"]): None})


def expired_list(world: Any, asked: Transaction) -> Share:
    now = epoch_seconds(world.clock.now())
    return with_list(iat=now - 7200, exp=now - 1)(world, asked)


def future_list(world: Any, asked: Transaction) -> Share:
    return with_list(iat=epoch_seconds(world.clock.now()) + 3600)(world, asked)


def list_by_another_authority(world: Any, asked: Transaction) -> Share:
    """The university's name and a list under it, certified by an authority that nobody trusts."""
    from protocol.x509 import Purpose, encode_chain
    from testimoni.development.authority import Authority

    now, key = world.clock.now(), PrivateKey.generate()
    uris = [world.parties["universitat"].issuer_identifier]
    leaf = Authority.create(now).issue_certificate(
        key.public_key, purpose=Purpose.STATUS, name="Lists", uris=uris, now=now
    )
    return with_list(signer=key, chain=encode_chain([leaf]))(world, asked)


def compressed(data: bytes) -> str:
    return b64url_encode(zlib.compress(data))


def tax(world: Any, **options: Any) -> dict[str, Any]:
    return {"tax": issue(world.parties["ajuntament"], "tax-compliance", now=world.clock.now(), **options)}


def tax_without_status(**delta: int) -> Callable[[Any, Transaction], Share]:
    """A kind of document that carries no status, and so must be short-lived."""
    return lambda world, _asked: Share(
        held=tax(world, expires_at=world.clock.now() + timedelta(**delta), extra_payload={"status": None})
    )


def reordered(data: bytes) -> bytes:
    return compact_json(dict(reversed(parse_object(data).items())))


def withdrawal_record(data: bytes) -> bytes:
    share = records.parse(data)
    record = records.build_withdrawal(
        log=share.log,
        time=share.time,
        transaction_identifier=share.transaction_identifier,
        party=share.party,
        take_back=records.TakeBack.WITHDRAW,
        previous=records.Commitment(bytes(32)),
    )
    return records.to_bytes(record)


SUBVENCIO = {"procedure": "subvencio-comerc"}
BECA = {"party": "universitat", "procedure": "beca-estudis"}
CASES = [
    Case("honest", "valid", honest),
    Case("two-documents-of-one-person", "valid", lambda w, _: Share(held=degree_and_census(w)), **BECA),
    # (1) format
    Case("state-of-another-transaction", "format", with_share(state="A" * 32)),
    Case("vp-token-as-array", "format", with_share(vp_token=lambda token: [*token.values()])),
    Case("vp-token-empty", "format", with_share(vp_token=lambda _: {})),
    Case(
        "vp-token-with-text-instead-of-array", "format", with_share(vp_token=lambda t: {"degree": t["degree"][0]})
    ),
    Case("not-an-sd-jwt", "format", with_share(vp_token=lambda _: {"degree": ["a.b.c"]})),
    Case("malformed-disclosure", "format", with_share(change_text=lambda text: text + "!!~")),
    Case("bound-to-no-key", "format", with_degree(extra_payload={"cnf": {}})),
    Case(
        "bound-to-a-private-key",
        "format",
        with_degree(extra_payload={"cnf": {"jwk": {**PrivateKey.generate().public_key.jwk(), "d": "AA"}}}),
    ),
    Case("no-type", "format", with_degree(extra_payload={"vct": 7})),
    # (2) issuer
    Case("untrusted-issuer", "issuer", foreign_issuer),
    Case("issuer-not-authorised-for-this-type", "issuer", other_party_issues),
    Case("issuer-identifier-not-in-certificate", "issuer", with_degree(issuer="http://localhost:8101/ajuntament")),
    # (3) signature
    Case("changed-payload", "signature", with_share(change_text=change_payload)),
    Case("signed-by-another-key", "signature", with_degree(signer=PrivateKey.generate())),
    # (4) disclosures
    Case("changed-claim", "disclosures", with_share(change_text=change_first_value)),
    Case("unreferenced-disclosure", "disclosures", with_share(change_text=add_disclosure)),
    Case("disclosure-given-twice", "disclosures", with_share(change_text=repeat_first_disclosure)),
    # (5) key binding
    Case("no-key-binding", "key-binding", with_share(change_bound=without_key_binding)),
    Case("foreign-key-binding", "key-binding", with_share(binding_key=PrivateKey.generate())),
    Case("old-nonce", "key-binding", with_share(binding_nonce="B" * 32)),
    Case("other-audience", "key-binding", with_share(binding_audience="x509_hash:other")),
    Case("key-binding-from-the-past", "key-binding", at(minutes=-21)),
    Case("key-binding-from-the-future", "key-binding", at(minutes=6)),
    Case("disclosure-removed-after-binding", "key-binding", with_share(change_bound=drop_first_disclosure)),
    # (6) validity
    Case("expired-credential", "validity", expiring(seconds=-1)),
    Case(
        "credential-not-valid-yet",
        "validity",
        lambda w, _: Share(
            held=degree(w, extra_payload={"nbf": int((w.clock.now() + timedelta(days=1)).timestamp())})
        ),
    ),
    # (7) status
    Case(
        "status-that-cannot-be-checked",
        "could-not-tell",
        with_degree(extra_payload={"status": {"status_list": {"idx": 1, "uri": "https://l.example/1"}}}),
    ),
    Case("status-list-does-not-answer", "could-not-tell", list_does_not_answer),
    Case("revoked", "status", with_reference(REVOKED), code="credential_revoked"),
    Case("suspended", "status", with_reference(SUSPENDED), code="credential_suspended"),
    Case("status-of-unknown-meaning", "status", with_reference(SPECIAL), code="credential_status_unknown"),
    Case("status-index-out-of-range", "status", with_reference(SIZE), code="status_index_out_of_range"),
    Case("status-index-negative", "status", with_reference(-1), code="status_index_out_of_range"),
    Case(
        "status-list-of-another-issuer",
        "status",
        with_reference(VALID, party="ajuntament"),
        code="status_list_invalid",
    ),
    Case(
        "status-list-under-another-address",
        "status",
        with_list(sub="http://localhost:8101/universitat/status/2"),
        code="status_list_invalid",
    ),
    Case("status-list-of-wrong-typ", "status", with_list(typ="JWT"), code="status_list_invalid"),
    Case(
        "status-list-signed-by-another-key",
        "status",
        with_list(signer=PrivateKey.generate()),
        code="status_list_invalid",
    ),
    Case("status-list-by-an-untrusted-authority", "status", list_by_another_authority, code="status_list_invalid"),
    Case("status-list-expired", "status", expired_list, code="status_list_expired"),
    Case("status-list-from-the-future", "status", future_list, code="status_list_invalid"),
    Case(
        "status-list-of-three-bits",
        "status",
        with_list(status_list={"bits": 3, "lst": compressed(bytes(8))}),
        code="status_list_invalid",
    ),
    Case(
        "status-list-that-is-not-zlib",
        "status",
        with_list(status_list={"bits": 1, "lst": b64url_encode(bytes(8))}),
        code="status_list_invalid",
    ),
    Case(
        "status-list-cut-short",
        "status",
        with_list(status_list={"bits": 1, "lst": b64url_encode(zlib.compress(bytes(8))[:-1])}),
        code="status_list_invalid",
    ),
    Case(
        "status-list-that-is-a-bomb",
        "status",
        with_list(status_list={"bits": 1, "lst": compressed(bytes(MAX_LIST_BYTES + 1))}),
        code="status_list_invalid",
    ),
    Case(
        "status-by-an-unknown-mechanism",
        "status",
        with_degree(extra_payload={"status": {"identifier_list": {"id": "x"}}}),
        code="status_unsupported",
    ),
    Case("no-status-where-the-type-has-one", "status", with_degree(extra_payload={"status": None})),
    Case("lives-too-long-without-status", "status", tax_without_status(days=366), **SUBVENCIO),
    # (8) query
    Case("type-that-was-not-asked", "query", wrong_type),
    Case("missing-disclosure", "query", disclose(without="university")),
    Case("more-than-was-asked", "query", disclose(plus="birth_date"), code="over_disclosure"),
    Case("unknown-query-identifier", "query", with_share(vp_token=lambda t: {"other": t["degree"]})),
    Case("one-of-two-documents", "query", honest, **BECA),
    Case("two-for-one", "query", with_share(vp_token=lambda t: {"degree": [*t["degree"], *t["degree"]]})),
    # (9) policy
    Case("documents-of-two-people", "policy", two_people, **BECA, code="different_people"),
    # (10) receipt
    Case("no-receipt", "receipt", with_share(with_receipt=False), code="receipt_missing"),
    Case("record-not-canonical", "receipt", with_share(change_record=reordered), code="receipt_not_canonical"),
    Case(
        "record-of-another-kind",
        "receipt",
        with_share(change_record=withdrawal_record),
        code="receipt_not_canonical",
    ),
    Case(
        "key-of-another-record",
        "receipt",
        with_share(receipt_key=bytes(32)),
        code="receipt_commitment",
    ),
    Case("promise-by-another-log", "receipt", with_share(promise_log="other.example/1"), code="receipt_promise"),
    Case(
        "promise-by-another-key", "receipt", with_share(promise_key=PrivateKey.generate()), code="receipt_promise"
    ),
    Case("old-promise", "receipt", promised_at(minutes=-20), code="receipt_promise"),
    Case(
        "log-that-is-not-trusted",
        "receipt",
        with_share(record_changes={"log": "o.example/1"}),
        code="receipt_promise",
    ),
    Case("receipt-of-another-request", "receipt", record_request(nonce="C" * 32), code="receipt_request"),
    Case("receipt-for-another-client", "receipt", record_request(client_id="x509_hash:o"), code="receipt_request"),
    Case("receipt-for-another-administration", "receipt", record_party, code="receipt_party"),
    Case(
        "receipt-of-another-procedure-version",
        "receipt",
        with_share(record_changes={"procedure": records.ProcedureReference("borsa-treball", "2")}),
        code="receipt_party",
    ),
    Case("receipt-lists-other-claims", "receipt", record_claims, code="receipt_claims"),
    Case(
        "record-signed-by-another-key",
        "receipt",
        with_share(consent_signer=PrivateKey.generate()),
        code="receipt_signature",
    ),
    Case(
        "one-binding-too-many",
        "receipt",
        with_share(holders=lambda keys: [*keys, PrivateKey.generate()]),
        code="receipt_binding",
    ),
    Case("copy-not-bound-to-record", "receipt", with_share(holders=lambda _: []), code="receipt_binding"),
    Case(
        "copy-bound-by-another-key",
        "receipt",
        with_share(holders=lambda _: [PrivateKey.generate()]),
        code="receipt_binding",
    ),
]
