# SPDX-License-Identifier: EUPL-1.2
"""The whole core with file keys: receive, share, take back; and every way in which it must refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.record import RecordType, TakeBack
from protocol.encoding import b64url_decode, b64url_encode
from protocol.errors import Check, Error, RequestError, UnavailableError, VerificationError
from protocol.keys import PrivateKey
from protocol.openid4vp import VerifierInfo
from protocol.sd_jwt import UnverifiedSDJWT
from tests.fakes.wallet_peers import LEDGER, VERIFIER, asks_more
from wallet.share import ShareState
from wallet.take_back import TakeBackState


def _share(wallet, peers):
    return wallet.share(wallet.read_request(peers.verifier.link()))


def test_receive_when_code_is_right_then_every_copy_has_its_own_key(with_degree, peers):
    (held,) = with_degree.documents()
    assert held.copies_left == peers.issuer.batch_size
    assert held.document.values["degree_title"] == "Grau en Biologia"
    assert peers.issuer.notifications == [{"notification_id": "note-1", "event": "credential_accepted"}]


def test_share_when_all_is_right_then_only_what_was_asked_is_shown_and_outcome_is_kept(with_degree, peers):
    identifier, settled = _share(with_degree, peers)
    assert settled.state is ShareState.ACCEPTED
    assert settled.outcome.reference == "REF-1"
    (given,) = peers.verifier.response.vp_token["degree"]
    shown = {d.name for d in UnverifiedSDJWT.parse(given).disclosures}
    assert shown == set(peers.verifier.request().query.credentials[0].names)
    assert "birth_date" not in shown
    assert peers.ledger.entries == [settled.commitment]
    assert with_degree.get_share(identifier) == settled


def test_share_when_shared_twice_then_another_copy_is_shown(with_degree, peers):
    _share(with_degree, peers)
    first = peers.verifier.response.vp_token["degree"][0].partition("~")[0]
    peers.verifier.nonce += "x"
    _share(with_degree, peers)
    assert peers.verifier.response.vp_token["degree"][0].partition("~")[0] != first
    assert with_degree.documents()[0].copies_left == peers.issuer.batch_size - 2


def test_record_when_made_then_holds_no_value_salt_or_signature(with_degree, peers):
    _, settled = _share(with_degree, peers)
    for value in ("Mariona", "Puig Ferrer", "12345678Z", "Grau en Biologia"):
        assert value.encode() not in settled.record
    (given,) = peers.verifier.response.vp_token["degree"]
    for part in given.replace(".", "~").split("~"):
        assert not part or part.encode() not in settled.record


# requests that must not even be shown as a choice
def _expired(made):
    return replace(made, expires_at=made.issued_at - timedelta(seconds=1))


def _other_client(made):
    return replace(made, client_id="x509_hash:" + "A" * 43)


def of_another_party(verifier):
    statement = verifier.world.parties["universitat"].procedures[0].statement
    return (VerifierInfo.of_statement(statement),)


REFUSED_REQUESTS = {
    "over_asking": (lambda v: setattr(v, "change", asks_more), Check.POLICY),
    "signed_by_another_key": (lambda v: setattr(v, "signer", PrivateKey.generate()), Check.SIGNATURE),
    "client_id_mismatch": (lambda v: setattr(v, "change", _other_client), None),
    "expired": (lambda v: setattr(v, "change", _expired), None),
    "wallet_nonce_missing": (lambda v: setattr(v, "brings_back_nonce", False), None),
    "statement_of_another_party": (
        lambda v: setattr(v, "change", lambda m: replace(m, verifier_info=of_another_party(v))),
        Check.ISSUER,
    ),
    "no_statement": (lambda v: setattr(v, "change", lambda m: replace(m, verifier_info=())), Check.ISSUER),
}


@pytest.mark.parametrize("name", REFUSED_REQUESTS)
@pytest.mark.case("W11", "W12", "W13", "W27")
def test_request_that_is_wrong_is_refused_and_nothing_is_sent(name, with_degree, peers):
    spoil, check = REFUSED_REQUESTS[name]
    spoil(peers.verifier)
    with pytest.raises((RequestError, VerificationError)) as caught:
        with_degree.read_request(peers.verifier.link())
    assert getattr(caught.value, "check", None) is check
    assert peers.verifier.received == []
    assert peers.ledger.entries == []


@pytest.mark.case("W25")
def test_share_with_document_missing_is_refused(file_wallet, peers):
    decision = file_wallet.read_request(peers.verifier.link())
    assert decision.missing == ("https://testimoni.example/credentials/university-degree/1",)
    with pytest.raises(RequestError) as caught:
        file_wallet.share(decision)
    assert caught.value.code == "access_denied"
    assert peers.verifier.received == []


def test_share_with_ledger_down_sends_nothing(with_degree, peers, world):
    decision = with_degree.read_request(peers.verifier.link())
    world.http.down.add(LEDGER)
    with pytest.raises(UnavailableError):
        with_degree.share(decision)
    assert peers.verifier.received == []
    assert with_degree.documents()[0].copies_left == peers.issuer.batch_size


@pytest.mark.parametrize("wrong", ["key", "log", "commitment", "old"])
def test_share_with_promise_that_does_not_count_sends_nothing(with_degree, peers, world, wrong, monkeypatch):
    honest = peers.ledger.promise
    if wrong == "key":
        peers.ledger.key = PrivateKey.generate()
    elif wrong == "log":
        peers.ledger.log = "elsewhere.example/2026"
    elif wrong == "commitment":
        monkeypatch.setattr(peers.ledger, "promise", lambda c: honest(c[::-1]))
    else:
        made = honest(b"\0" * 32)
        token = peers.ledger.promise

        def stale(commitment):
            world.clock.advance(timedelta(minutes=-10))
            try:
                return token(commitment)
            finally:
                world.clock.advance(timedelta(minutes=10))

        assert made
        monkeypatch.setattr(peers.ledger, "promise", stale)
    decision = with_degree.read_request(peers.verifier.link())
    with pytest.raises(UnavailableError) as caught:
        with_degree.share(decision)
    assert caught.value.code == "ledger_unavailable"
    assert peers.verifier.received == []


def test_share_with_answer_lost_after_delivery_is_settled_by_same_bytes(with_degree, peers):
    peers.verifier.lose_answers = 1
    identifier, settled = _share(with_degree, peers)
    assert settled.state is ShareState.UNKNOWN
    again = with_degree.retry(identifier)
    assert again.state is ShareState.ACCEPTED
    assert len(peers.verifier.received) == 2
    assert len(set(peers.verifier.received)) == 1
    assert len(peers.ledger.entries) == 1


def test_share_with_request_expired_is_not_sent_again(with_degree, peers, world):
    world.http.down.add(VERIFIER)
    # the request was read before the verifier went away
    world.http.down.clear()
    decision = with_degree.read_request(peers.verifier.link())
    world.http.down.add(VERIFIER)
    identifier, settled = with_degree.share(decision)
    assert settled.state is ShareState.UNKNOWN
    world.http.down.clear()
    world.clock.advance(timedelta(minutes=6))
    again = with_degree.retry(identifier)
    assert (again.state, again.error) == (ShareState.UNKNOWN, "request_expired")
    assert peers.verifier.received == []


def test_share_with_acceptance_by_another_key_stays_unknown(with_degree, peers):
    peers.verifier.acceptance_signer = PrivateKey.generate()
    _, settled = _share(with_degree, peers)
    assert settled.state is ShareState.UNKNOWN
    assert settled.acceptance == ""


def test_share_rejected_stays_recorded_with_reason_and_remedy(with_degree, peers):
    peers.verifier.result = "rejected"
    _, settled = _share(with_degree, peers)
    assert settled.state is ShareState.REJECTED
    assert settled.outcome.failed_check == "validity"
    assert settled.outcome.remedy == {"en": "Get a new document."}
    assert peers.ledger.entries == [settled.commitment]


@pytest.mark.parametrize("kind", [RecordType.BLOCKED, RecordType.ERASED, RecordType.REFUSAL_TO_ERASE])
def test_take_back_when_answered_then_answer_is_verified_and_shown(with_degree, peers, kind):
    identifier, settled = _share(with_degree, peers)
    taken = with_degree.take_back(identifier, TakeBack.WITHDRAW)
    assert (taken.state, taken.due) == (TakeBackState.RECEIVED, "2026-12-21")
    # the request and the marker by which whoever holds the share's key can see it
    assert len(peers.ledger.entries) == 3
    assert peers.ledger.entries[1] == taken.commitment
    peers.verifier.answer(kind)
    answered = with_degree.follow(identifier)
    assert answered.state is TakeBackState.ANSWERED
    assert answered.last_answer.type is kind
    assert settled.commitment != taken.commitment


@pytest.mark.parametrize("wrong", ["previous", "party", "promise_key", "code", "share"])
def test_take_back_answer_that_does_not_verify_is_not_believed(with_degree, peers, world, wrong):
    identifier, _ = _share(with_degree, peers)
    with_degree.take_back(identifier, TakeBack.WITHDRAW)
    changes = {
        "previous": {"previous": b"\0" * 32},
        "party": {"party": world.parties["universitat"]},
        "promise_key": {"promise_key": PrivateKey.generate()},
        "code": {"code": "U00000001"},
        "share": {},
    }[wrong]
    peers.verifier.answer(RecordType.ERASED, **changes)
    if wrong == "share":
        raw = b64url_decode(str(peers.verifier.answers[-1]["record"]))
        peers.verifier.answers[-1]["record"] = b64url_encode(raw.replace(b'"erased"', b'"blocked"'))
    followed = with_degree.follow(identifier)
    assert followed.state is TakeBackState.RECEIVED
    assert followed.answers == ()
    assert followed.error


def test_take_back_of_kind_that_law_does_not_give_is_refused(with_degree, peers):
    identifier, _ = _share(with_degree, peers)
    with pytest.raises(RequestError):
        with_degree.take_back(identifier, TakeBack.OBJECT)
    assert peers.verifier.withdrawals == []


def test_folder_when_copied_without_data_key_opens_nothing(with_degree, peers, world):
    _share(with_degree, peers)
    for file in (world.folder / "wallet").rglob("*.sealed"):
        for value in (b"Mariona", b"12345678Z", b"Biologia"):
            assert value not in file.read_bytes()


def test_link_with_parameter_given_twice_is_refused(file_wallet):
    with pytest.raises(Error):
        file_wallet.open_offer("http://localhost:8102/receive?credential_offer_uri=a&credential_offer_uri=b")
