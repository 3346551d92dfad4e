# SPDX-License-Identifier: EUPL-1.2
"""One negative test for each line of the receipt check."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ledger import promise as promises
from ledger import record as records
from ledger import signatures
from ledger.receipt import ConsentReceipt, check_receipt
from protocol import jws
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PrivateKey


@pytest.fixture
def refuse(share):
    """Return a function that checks a receipt and expects one code."""

    def expect(code, receipt=None, **changes: object):
        with pytest.raises(VerificationError) as caught:
            check_receipt(receipt or share.receipt, **share.expected(**changes))
        assert (caught.value.check, caught.value.code) == (Check.RECEIPT, code)

    return expect


def test_honest_receipt_is_accepted(share):
    checked = check_receipt(share.receipt, **share.expected())
    assert checked.record == share.record
    assert checked.commitment == share.commitment
    assert checked.promise.due_at == share.expected()["now"] + timedelta(seconds=60)


def test_receipt_survives_its_json_form(share):
    assert ConsentReceipt.parse(share.receipt.to_json()) == share.receipt


def test_receipt_with_record_not_canonical_is_refused(share, refuse):
    refuse("receipt_not_canonical", replace(share.receipt, record=share.receipt.record + b" "))


def test_receipt_with_another_type_of_record_is_refused(share, refuse, now):
    answer = records.build_withdrawal(
        log=share.record.log,
        time=now,
        transaction_identifier="t",
        party=share.record.party,
        take_back=records.TakeBack.WITHDRAW,
        previous=share.commitment,
    )
    refuse("receipt_not_canonical", replace(share.receipt, record=records.to_bytes(answer)))


def test_receipt_with_another_key_is_refused(share, refuse):
    refuse("receipt_commitment", replace(share.receipt, key=records.new_key()))


def test_receipt_with_short_key_is_refused(share, refuse):
    refuse("receipt_commitment", replace(share.receipt, key=share.receipt.key[:31]))


def test_receipt_with_record_changed_after_the_promise_is_refused(share, refuse):
    other = replace(share.record, transaction_identifier="t-other")
    refuse("receipt_commitment", replace(share.receipt, record=records.to_bytes(other)))


def test_receipt_with_promise_for_another_commitment_is_refused(share, refuse):
    other = share.receipt_of(replace(share.record, transaction_identifier="t-other"))
    refuse("receipt_commitment", replace(share.receipt, promise=other.promise))


def test_receipt_promised_by_another_key_is_refused(share, refuse, now):
    forged = promises.make(
        PrivateKey.generate(),
        log=share.record.log,
        commitment=share.commitment,
        now=now,
        maximum_merge_delay=timedelta(seconds=60),
    )
    refuse("receipt_promise", replace(share.receipt, promise=forged))


@pytest.mark.parametrize("hours", [-1, 1])
def test_receipt_promised_at_another_time_is_refused(share, refuse, now, hours):
    refuse("receipt_promise", now=now + timedelta(hours=hours))


def test_receipt_promised_by_another_log_is_refused(share, refuse, now):
    token = promises.make(
        share.promise_key,
        log="ledger.example/2027",
        commitment=share.commitment,
        now=now,
        maximum_merge_delay=timedelta(seconds=60),
    )
    refuse("receipt_promise", replace(share.receipt, promise=token))


def test_receipt_with_record_naming_another_log_is_refused(share, refuse):
    refuse("receipt_promise", share.receipt_of(replace(share.record, log="ledger.example/2025")))


def test_receipt_with_promise_slower_than_the_log_allows_is_refused(share, refuse, now):
    token = promises.make(
        share.promise_key,
        log=share.record.log,
        commitment=share.commitment,
        now=now,
        maximum_merge_delay=timedelta(days=400),
    )
    refuse("receipt_promise", replace(share.receipt, promise=token))


def test_receipt_for_another_nonce_is_refused(refuse):
    refuse("receipt_request", expected_nonce="n-2")


def test_receipt_for_another_client_is_refused(refuse):
    refuse("receipt_request", expected_client_id="x509_hash:other")


def test_receipt_for_another_administration_is_refused(refuse):
    refuse("receipt_party", expected_party="U00000001")


def test_receipt_for_another_procedure_version_is_refused(refuse):
    refuse("receipt_party", expected_procedure=records.ProcedureReference("beca-estudis", "4"))


def test_receipt_listing_fewer_claims_than_arrived_is_refused(share, refuse):
    more = (*share.record.claims_presented, records.ClaimReference("https://issuer.example/degree", ("nif",)))
    refuse("receipt_claims", expected_claims=more)


def test_receipt_listing_more_claims_than_arrived_is_refused(share, refuse):
    refuse("receipt_claims", expected_claims=share.record.claims_presented[:1])


def test_receipt_signed_by_another_key_is_refused(share, refuse):
    signing = signatures.prepare_record(share.receipt.record)
    token = signing.complete(PrivateKey.generate().sign(signing.text.encode()))
    refuse("receipt_signature", replace(share.receipt, signature=jws.detach(token)))


def test_receipt_signed_as_a_withdrawal_is_refused(share, refuse):
    signing = signatures.prepare_withdrawal(share.receipt.record)
    token = signing.complete(share.consent_key.sign(signing.text.encode()))
    refuse("receipt_signature", replace(share.receipt, signature=jws.detach(token)))


def test_receipt_with_attached_signature_is_refused(share, refuse):
    whole = jws.attach(share.receipt.signature, share.receipt.record)
    refuse("receipt_signature", replace(share.receipt, signature=whole))


def test_receipt_recorded_by_a_verifier_is_refused_as_unsigned(share, refuse):
    refuse("receipt_signature", share.receipt_of(replace(share.record, recorded_by="verifier", consent_key=None)))


def test_receipt_with_a_copy_not_bound_is_refused(share, refuse):
    refuse("receipt_binding", replace(share.receipt, bindings=share.receipt.bindings[:1]))


def test_receipt_with_one_copy_bound_twice_is_refused(share, refuse):
    refuse("receipt_binding", replace(share.receipt, bindings=(share.receipt.bindings[0],) * 2))


def test_receipt_with_a_binding_more_than_copies_is_refused(share, refuse):
    refuse("receipt_binding", replace(share.receipt, bindings=(*share.receipt.bindings, "a.b.c")))


def test_receipt_bound_by_a_foreign_key_is_refused(share, refuse):
    keys = (share.holder_keys[0].public_key, PrivateKey.generate().public_key)
    refuse("receipt_binding", copy_keys=keys)


def test_receipt_bound_for_another_audience_is_refused(refuse):
    refuse("receipt_binding", expected_aud="x509_hash:other")


def test_receipt_check_without_copies_or_claims_is_an_error(share):
    for changes in ({"copy_keys": ()}, {"expected_claims": ()}):
        with pytest.raises(RequestError, match="nothing was presented"):
            check_receipt(share.receipt, **share.expected(**changes))


@pytest.mark.parametrize(
    "changes", [{"key": None}, {"bindings": [1]}, {"bindings": ["x"] * 17}, {"more": "x"}, {"record": "=="}]
)
def test_receipt_of_another_shape_is_refused(share, changes):
    with pytest.raises(RequestError):
        ConsentReceipt.parse({**share.receipt.to_json(), **changes})


def test_acceptance_says_result_and_reference(share, now):
    token = signatures.sign_acceptance(
        share.promise_key, commitment=share.commitment, result="accepted", reference="E-1", now=now, x5c=["MIIB"]
    )
    accepted = signatures.verify_acceptance(
        token, share.promise_key.public_key, expected_commitment=share.commitment
    )
    assert (accepted.result, accepted.reference, accepted.accepted_at) == ("accepted", "E-1", now)
    with pytest.raises(VerificationError):
        signatures.verify_acceptance(
            token, share.promise_key.public_key, expected_commitment=records.Commitment(bytes(32))
        )
    with pytest.raises(VerificationError):
        signatures.verify_acceptance(token, PrivateKey.generate().public_key, expected_commitment=share.commitment)


def test_answer_verifies_only_as_an_answer(share):
    signature = signatures.sign_answer(share.receipt.record, share.promise_key, x5c=["MIIB"])
    signatures.verify_answer(signature, share.receipt.record, share.promise_key.public_key)
    with pytest.raises(VerificationError):
        signatures.verify_withdrawal(signature, share.receipt.record, share.promise_key.public_key)
