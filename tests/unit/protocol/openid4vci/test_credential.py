# SPDX-License-Identifier: EUPL-1.2
"""Nonce, credential, deferred and notification messages, in the clear and encrypted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from protocol import jwe
from protocol.encoding import b64url_encode, compact_json
from protocol.errors import RequestError
from protocol.jwe import RecipientKey
from protocol.keys import PrivateKey
from protocol.members import MAX_ITEMS
from protocol.oauth.errors import MAX_DESCRIPTION_CHARS
from protocol.openid4vci import credential_response as responses
from protocol.openid4vci import encryption, nonce
from protocol.openid4vci.authorization import GrantedDetail
from protocol.openid4vci.credential_request import CredentialRequest, Proofs
from protocol.openid4vci.credential_response import CredentialResponse, DeferredResponse, parse_response
from protocol.openid4vci.deferred import DeferredRequest, Transaction, find_promise, parse_deferred_response
from protocol.openid4vci.encryption import ResponseKey, check_response_key, open_request, open_response
from protocol.openid4vci.metadata import ResponseEncryption
from protocol.openid4vci.nonce import NonceResponse
from protocol.openid4vci.notification import NotificationEvent, NotificationRequest
from protocol.openid4vci.proof import ProofKind

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
OURS, WALLETS = PrivateKey.generate(), PrivateKey.generate()
TO_US = RecipientKey(OURS.public_key, "ours")
BACK = ResponseKey(RecipientKey(WALLETS.public_key, "wallet's"), "A256GCM")
PROOFS = Proofs(ProofKind.JWT, ("one", "two"))
JSON, JWT = "application/json", "application/jwt"


def code_of(call, *args, **kwargs):
    with pytest.raises(RequestError) as caught:
        call(*args, **kwargs)
    return caught.value.code


@pytest.mark.parametrize(
    "request_",
    [
        CredentialRequest(configuration_id="degree", proofs=PROOFS),
        CredentialRequest(identifier="degree-2020", proofs=Proofs(ProofKind.ATTESTATION, ("one",))),
        CredentialRequest(configuration_id="degree", response_key=BACK),
        CredentialRequest(configuration_id="degree", response_key=replace(BACK, encryption="A128GCM")),
    ],
)
def test_credential_request_round_trips(request_):
    assert CredentialRequest.parse(json.loads(request_.body()), is_encrypted=True) == request_


def ask(**members):
    return {"credential_configuration_id": "x", **members}


@pytest.mark.case("I11", "I13", "I38")
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({}, "invalid_credential_request"),
        ({"credential_configuration_id": ""}, "invalid_credential_request"),
        ({"credential_configuration_id": 1}, "invalid_credential_request"),
        (ask(credential_identifier="y"), "invalid_credential_request"),
        (ask(proof={"jwt": "a"}), "invalid_credential_request"),
        (ask(proofs=[]), "invalid_proof"),
        (ask(proofs={}), "invalid_proof"),
        (ask(proofs={"jwt": []}), "invalid_proof"),
        (ask(proofs={"jwt": "a"}), "invalid_proof"),
        (ask(proofs={"jwt": [1]}), "invalid_proof"),
        (ask(proofs={"jwt": ["a", "a"]}), "invalid_proof"),
        (ask(proofs={"di_vp": [{}]}), "invalid_proof"),
        (ask(proofs={"attestation": ["a", "b"]}), "invalid_proof"),
        (ask(proofs={"jwt": ["a"], "attestation": ["a"]}), "invalid_proof"),
        (ask(proofs={"jwt": [str(n) for n in range(MAX_ITEMS + 1)]}), "invalid_proof"),
        ({"format": "mso_mdoc", "doctype": "x", "proofs": {"jwt": ["a"]}}, "invalid_credential_request"),
    ],
)
def test_credential_request_when_malformed_is_refused(value, code):
    assert code_of(CredentialRequest.parse, value, is_encrypted=False) == code


@pytest.mark.case("I10")
def test_credential_request_without_proofs_is_refused_where_they_are_needed():
    assert CredentialRequest(configuration_id="x", proofs=PROOFS).get_proofs() is PROOFS
    assert code_of(CredentialRequest(configuration_id="x").get_proofs) == "invalid_proof"


@pytest.mark.case("I13", "I14")
def test_credential_is_named_as_the_token_response_named_it():
    granted = (GrantedDetail("census", ("a",)), GrantedDetail("degree", ("b", "c")))
    assert CredentialRequest(configuration_id="degree").get_configuration(()) == "degree"
    assert CredentialRequest(identifier="c").get_configuration(granted) == "degree"
    by_name = CredentialRequest(configuration_id="degree")
    assert code_of(by_name.get_configuration, granted) == "invalid_credential_request"
    for given in ((), granted):
        unknown = CredentialRequest(identifier="d")
        assert code_of(unknown.get_configuration, given) == "unknown_credential_identifier"


@pytest.mark.case("I19", "I20", "I22")
@pytest.mark.parametrize(
    ("change", "is_encrypted"),
    [
        ({}, False),
        ({"enc": "A192GCM"}, True),
        ({"enc": ...}, True),
        ({"jwk": ...}, True),
        ({"jwk": {**BACK.recipient.jwk(), "alg": "ECDH-ES+A128KW"}}, True),
        ({"jwk": WALLETS.public_key.jwk()}, True),
        ({"jwk": {**BACK.recipient.jwk(), "d": "AA"}}, True),
        ({"jwk": {**BACK.recipient.jwk(), "kid": 1}}, True),
        ({"zip": "DEF"}, True),
    ],
)
def test_response_encryption_that_we_do_not_offer_is_refused(change, is_encrypted):
    given = {name: value for name, value in {**BACK.to_json(), **change}.items() if value is not ...}
    for parse, value in (
        (CredentialRequest.parse, ask(credential_response_encryption=given)),
        (DeferredRequest.parse, {"transaction_id": "x", "credential_response_encryption": given}),
    ):
        assert code_of(parse, value, is_encrypted=is_encrypted) == "invalid_encryption_parameters"


@pytest.mark.case("I20", "I21")
def test_response_encryption_must_be_what_the_metadata_says():
    offered, required = ResponseEncryption(("A128GCM", "A256GCM"), False), ResponseEncryption(("A256GCM",), True)
    check_response_key(None, None)
    check_response_key(None, offered)
    check_response_key(BACK, offered)
    check_response_key(BACK, required)
    for key, wanted in ((None, required), (BACK, None), (replace(BACK, encryption="A128GCM"), required)):
        assert code_of(check_response_key, key, wanted) == "invalid_encryption_parameters"


@pytest.mark.parametrize("name", jwe.ENCRYPTIONS)
@pytest.mark.parametrize("key", [TO_US])
def test_encrypted_request_is_opened(name, key):
    token = encryption.encrypt_message({"a": 1}, key, encryption=name)
    found = open_request(token.encode(), f"{JWT}; x=y", keys={"ours": OURS}, is_required=True)
    assert (found.members, found.is_encrypted) == ({"a": 1}, True)
    plain = open_request(b'{"a":1}', JSON, keys={}, is_required=False)
    assert (plain.members, plain.is_encrypted) == ({"a": 1}, False)


def encrypted(payload=b"{}", name="A256GCM", **header):
    token = jwe.encrypt(payload, OURS.public_key, key_id="ours", encryption=name)
    if not header:
        return token.encode()
    changed = {"alg": "ECDH-ES", "enc": name, "kid": "ours", **header}
    return ".".join([b64url_encode(compact_json(changed)), *token.split(".")[1:]]).encode()


@pytest.mark.case("I20", "I21", "I22")
@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        pytest.param(b"{}", JSON, "invalid_encryption_parameters", id="I21 in the clear"),
        pytest.param(b"{}", "text/plain", "invalid_credential_request", id="another type"),
        pytest.param(encrypted(name="A128GCM"), JWT, "invalid_encryption_parameters", id="I20 enc not offered"),
        pytest.param(encrypted(zip="DEF"), JWT, "invalid_encryption_parameters", id="I22 zip"),
        pytest.param(encrypted(kid="another"), JWT, "invalid_encryption_parameters", id="another key"),
        pytest.param(encrypted(kid=1), JWT, "invalid_encryption_parameters", id="kid"),
        pytest.param(encrypted(epk={}), JWT, "invalid_encryption_parameters", id="epk"),
        pytest.param(b"{}", JWT, "invalid_encryption_parameters", id="no JWE"),
        pytest.param(b"\xff", JWT, "invalid_encryption_parameters", id="no text"),
        pytest.param(encrypted(b"[]"), JWT, "invalid_credential_request", id="no object"),
    ],
)
def test_request_that_is_not_encrypted_as_offered_is_refused(body, content_type, code):
    given = code_of(
        open_request, body, content_type, keys={"ours": OURS}, is_required=True, encryptions=("A256GCM",)
    )
    assert given == code


def test_response_is_opened_by_the_key_that_was_asked_for():
    token = encryption.encrypt_message({"a": 1}, BACK.recipient, encryption=BACK.encryption).encode()
    assert open_response(token, JWT, key=WALLETS, expected=BACK) == {"a": 1}
    assert open_response(b'{"a":1}', JSON, key=None, expected=None) == {"a": 1}
    nameless = replace(BACK, recipient=replace(BACK.recipient, key_id=None))
    token = encryption.encrypt_message({"a": 1}, nameless.recipient, encryption=BACK.encryption).encode()
    assert open_response(token, JWT, key=WALLETS, expected=nameless) == {"a": 1}


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"{}", JSON, BACK),
        (b"{}", JWT, None),
        (b"[]", JSON, None),
        (b"\xff", JWT, BACK),
        (b"{}", JWT, BACK),
        (encrypted(), JWT, BACK),
    ],
)
def test_response_that_is_not_encrypted_as_asked_is_refused(body, content_type, expected):
    key = WALLETS if expected else None
    code = code_of(open_response, body, content_type, key=key, expected=expected)
    assert code == "invalid_credential_response"


@pytest.mark.parametrize("answer", [CredentialResponse(("a~",)), CredentialResponse(("a~", "b~"), "n")])
def test_credential_response_round_trips(answer):
    assert parse_response(answer.status, answer.to_json()) == answer
    deferred = DeferredResponse("t", 60)
    assert parse_response(deferred.status, deferred.to_json()) == deferred


GIVEN = {"credentials": [{"credential": "a~"}]}
PROMISED = {"transaction_id": "t", "interval": 60}


@pytest.mark.parametrize(
    ("status", "value"),
    [
        (200, {}),
        (200, PROMISED),
        (202, GIVEN),
        (200, GIVEN | PROMISED),
        (202, GIVEN | PROMISED),
        (201, GIVEN),
        (200, GIVEN | {"interval": 1}),
        (200, GIVEN | {"notification_id": 1}),
        (200, {"credentials": []}),
        (200, {"credentials": ["a~"]}),
        (200, {"credentials": [{}]}),
        (200, {"credentials": [{"credential": ["a~"]}]}),
        (200, {"credentials": [{"credential": "a~"}] * (MAX_ITEMS + 1)}),
        (202, PROMISED | {"notification_id": "n"}),
        (202, {"transaction_id": "t"}),
        (202, PROMISED | {"interval": 0}),
        (202, PROMISED | {"interval": responses.MAX_INTERVAL_SECONDS + 1}),
        (202, PROMISED | {"transaction_id": ""}),
    ],
)
def test_credential_response_when_malformed_is_refused(status, value):
    assert code_of(parse_response, status, value) == "invalid_credential_response"


@pytest.mark.case("S22", "V23", "V30")
@pytest.mark.parametrize("credential", ["omppc3N1ZXI", "e30.e30.AA", {"@context": []}])
def test_credential_in_a_format_out_of_scope_is_refused(credential):
    value = {"credentials": [{"credential": credential}]}
    assert code_of(parse_response, 200, value) == "unsupported_credential_format"


@pytest.mark.parametrize("request_", [DeferredRequest("t"), DeferredRequest("t", BACK)])
def test_deferred_request_round_trips(request_):
    assert DeferredRequest.parse(request_.to_json(), is_encrypted=True) == request_
    assert code_of(DeferredRequest.parse, {}, is_encrypted=True) == "invalid_credential_request"


@pytest.mark.case("I39")
@pytest.mark.parametrize(
    "transaction",
    [None, Transaction("t", "another", NOW, is_used=False), Transaction("t", "token", NOW, is_used=True)],
)
def test_transaction_that_is_unknown_foreign_or_used_is_refused(transaction):
    assert code_of(find_promise, transaction, owner="token", now=NOW) == "invalid_transaction_id"


@pytest.mark.case("I40")
def test_asking_before_the_time_gives_another_promise_and_nothing_else():
    transaction = Transaction("t", "token", NOW + timedelta(seconds=59, milliseconds=1), is_used=False)
    promise = find_promise(transaction, owner="token", now=NOW)
    assert promise == DeferredResponse("t", 60)
    assert promise.status == 202
    assert find_promise(transaction, owner="token", now=transaction.due_at) is None


def test_deferred_response_is_of_the_same_transaction():
    for answer in (CredentialResponse(("a~",)), DeferredResponse("t", 60)):
        found = parse_deferred_response(answer.status, answer.to_json(), expected_transaction_id="t")
        assert found == answer
    code = code_of(parse_deferred_response, 202, PROMISED, expected_transaction_id="u")
    assert code == "invalid_credential_response"


@pytest.mark.parametrize("event", list(NotificationEvent))
@pytest.mark.parametrize("description", [None, "", "Out of storage.", "x" * MAX_DESCRIPTION_CHARS])
def test_notification_round_trips(event, description):
    request_ = NotificationRequest("n", event, description)
    assert NotificationRequest.parse(request_.to_json()) == request_


@pytest.mark.case("I41")
@pytest.mark.parametrize(
    "change",
    [
        {"notification_id": ""},
        {"notification_id": 1},
        {"event": "credential_stolen"},
        {"event": "CREDENTIAL_ACCEPTED"},
        {"event": None},
        {"event_description": 1},
        {"event_description": 'a "quote"'},
        {"event_description": "back\\slash"},
        {"event_description": "accent à"},
        {"event_description": "line\n"},
        {"event_description": "x" * (MAX_DESCRIPTION_CHARS + 1)},
    ],
)
def test_notification_when_malformed_is_refused(change):
    value = NotificationRequest("n", NotificationEvent.ACCEPTED).to_json() | change
    assert code_of(NotificationRequest.parse, value) == "invalid_notification_request"


def test_nonce_response_round_trips_and_has_a_limit():
    longest = NonceResponse("x" * nonce.MAX_NONCE_CHARS)
    assert NonceResponse.parse(longest.to_json()) == longest
    for value in ({}, {"c_nonce": ""}, {"c_nonce": 1}, {"c_nonce": longest.c_nonce + "x"}):
        assert code_of(NonceResponse.parse, value) == "invalid_credential_response"
