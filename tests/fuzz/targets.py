# SPDX-License-Identifier: EUPL-1.2
"""What is fuzzed: each parser with what it may raise, which is `Error` and nothing else.

A target takes bytes. Seeds are small valid messages, so that the fuzzer begins behind the first bracket.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ledger import checkpoint, evidence, receipt, record, tiles
from protocol import (
    dcql,
    encoding,
    jwe,
    jws,
    jwt_vc_issuer,
    sd_jwt,
    status_list,
    x509,
)
from protocol.errors import Error
from protocol.oauth import errors as oauth_errors
from protocol.oauth import metadata as oauth_metadata
from protocol.openid4vci.authorization import AuthorizationRequest, parse_details
from protocol.openid4vci.credential_request import CredentialRequest
from protocol.openid4vci.credential_response import parse_response
from protocol.openid4vci.metadata import IssuerMetadata
from protocol.openid4vci.notification import NotificationRequest
from protocol.openid4vci.offer import CredentialOffer, OfferLink
from protocol.openid4vci.token import TokenResponse, parse_token_request
from protocol.openid4vp.client_id import ClientIdentifier
from protocol.openid4vp.client_metadata import ClientMetadata
from protocol.openid4vp.link import parse_link
from protocol.openid4vp.request import PresentationRequest
from protocol.openid4vp.response import PresentationResponse, parse_plain_answer
from protocol.openid4vp.syntax import parse_form
from protocol.registration import Procedure
from protocol.sd_jwt_vc import FORMAT
from protocol.status_entries import decode
from protocol.trust.entries import Entries
from protocol.type_metadata.model import TypeMetadata

Target = Callable[[bytes], object]
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
_ISSUER = "https://issuer.example"


def _of_text(parser: Callable[[str], object]) -> Target:
    return lambda data: parser(data.decode("utf-8", "surrogateescape"))


def _of_object(parser: Callable[[dict[str, Any]], object]) -> Target:
    """Fuzz what stands behind the JSON parser; that one has a target of its own."""

    def run(data: bytes) -> object:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return None
        return parser(value) if isinstance(value, dict) else None

    return run


def _of_form(parser: Callable[[dict[str, list[str]]], object]) -> Target:
    def run(data: bytes) -> object:
        fields = parse_form(data, max_bytes=4096)
        return parser({name: [value] for name, value in fields.items()})

    return run


def _rebuild(data: bytes) -> object:
    """The first line is a payload, the others are disclosures."""
    first, *rest = data.split(b"\n")
    disclosures = [sd_jwt.Disclosure.parse(encoding.b64url_encode(each)) for each in rest]
    return sd_jwt.rebuild_with_paths(encoding.parse_object(first), disclosures)


def _query(value: dict[str, Any]) -> object:
    """A query that parses is also evaluated; the linter must never raise at all."""
    findings = dcql.lint(value)
    query = dcql.Query.parse(value)
    assert dcql.Query.parse(query.to_json()) == query
    assert findings is not None
    return dcql.evaluate(query, [dcql.Candidate({"vct": "t", "a": [{"b": 1}, 2]})])


def _statuses(data: bytes) -> object:
    bits, text = (1, 2, 4, 8)[data[0] % 4] if data else 1, data[1:].decode("latin-1")
    return decode(text, bits)


@dataclass(frozen=True)
class Fuzzed:
    """A parser under its name."""

    target: Target
    seeds: tuple[bytes, ...] = field(default=(b"{}",))

    def __call__(self, data: bytes) -> None:
        """Run it once. Raises only what is a defect."""
        try:
            self.target(data)
        except Error as error:
            # an error must be tellable to whoever sent the message
            str(error)


_QUERY = (
    b'{"credentials":[{"id":"a","format":"dc+sd-jwt","meta":{"vct_values":["t"]},"claims":[{"id":"x","path":["a",null,'
    b'"b"],"values":[1]}],"claim_sets":[["x"]],"multiple":true,"trusted_authorities":[{"type":"aki","values":["AA"]}]}],'
    b'"credential_sets":[{"options":[["a"]],"required":false}]}'
)
_TOKEN = b"eyJhbGciOiJFUzI1NiIsInR5cCI6ImRjK3NkLWp3dCJ9.eyJpc3MiOiJhIn0.AAAA"

TARGETS: Mapping[str, Fuzzed] = {
    "base64url": Fuzzed(_of_text(encoding.b64url_decode), (b"AAAA", b"_-8")),
    "json": Fuzzed(encoding.parse_json, (b'{"a":[1,2.5,"\\u00e7",null,true]}',)),
    "jws": Fuzzed(_of_text(jws.parse), (_TOKEN,)),
    "jwe": Fuzzed(_of_text(jwe.parse_header), (b"eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTEyOEdDTSJ9..AAAA.AAAA.AAAA",)),
    "sd-jwt": Fuzzed(_of_text(sd_jwt.UnverifiedSDJWT.parse), (_TOKEN + b"~WyJhIiwiYiIsMV0~",)),
    "sd-jwt-vc": Fuzzed(_of_text(FORMAT.parse), (_TOKEN + b"~WyJhIiwiYiIsMV0~",)),
    "sd-jwt-json": Fuzzed(_of_object(sd_jwt.parse_json_serialization), (b'{"payload":"e30","protected":"e30"}',)),
    "disclosures": Fuzzed(_rebuild, (b'{"_sd":["a"],"x":[{"...":"b"}]}\n["s","n",1]\n["s",{"_sd":[]}]',)),
    "selection-index": Fuzzed(_of_object(sd_jwt.SelectionIndex.parse)),
    "status-reference": Fuzzed(
        _of_object(status_list.StatusReference.parse), (b'{"status_list":{"idx":1,"uri":"https://a.example"}}',)
    ),
    "status-list": Fuzzed(_statuses, (b"\x00eNrbuRgAAhcBXQ",)),
    "status-aggregation": Fuzzed(status_list.parse_aggregation, (b'{"status_lists":["https://a.example"]}',)),
    "dcql": Fuzzed(_of_object(_query), (_QUERY,)),
    "type-metadata": Fuzzed(
        lambda data: TypeMetadata.parse(data, expected_vct="t"),
        (b'{"vct":"t","claims":[{"path":["a"],"sd":"always","display":[{"locale":"ca","label":"A"}]}]}',),
    ),
    "jwt-vc-issuer": Fuzzed(
        lambda data: jwt_vc_issuer.JWTVCIssuerMetadata.parse(data, expected_issuer=_ISSUER),
        (b'{"issuer":"https://issuer.example","jwks":{"keys":[{"kid":"1","kty":"EC"}]}}',),
    ),
    "x5c": Fuzzed(
        _of_object(lambda value: x509.parse_authority_key_identifiers(value.get("x5c"))), (b'{"x5c":["AA=="]}',)
    ),
    "trust-list": Fuzzed(
        _of_object(Entries.parse),
        (
            b'{"sequence":1,"exp":1,"logs":[],"administrations":[{"code":"a","name":{"ca":"b"},"issuers":[],"verifiers":[]}]}',
        ),
    ),
    "procedure": Fuzzed(_of_object(Procedure.parse)),
    "offer": Fuzzed(
        _of_object(CredentialOffer.parse),
        (
            b'{"credential_issuer":"https://a.example","credential_configuration_ids":["a"],"grants":{"authorization_code":{}}}',
        ),
    ),
    "offer-link": Fuzzed(
        _of_text(OfferLink.parse_text),
        (b"openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fa.example",),
    ),
    "issuer-metadata": Fuzzed(
        _of_object(lambda value: IssuerMetadata.parse(value, expected_issuer=_ISSUER)),
        (
            (
                b'{"credential_issuer":"https://issuer.example","credential_endpoint":"https://issuer.example/c",'
                b'"credential_configurations_supported":{"a":{"format":"dc+sd-jwt","vct":"t"}}}'
            ),
        ),
    ),
    "server-metadata": Fuzzed(
        _of_object(lambda value: oauth_metadata.ServerMetadata.parse(value, expected_issuer=_ISSUER)),
        (b'{"issuer":"https://issuer.example","token_endpoint":"https://issuer.example/t"}',),
    ),
    "authorization-request": Fuzzed(_of_form(AuthorizationRequest.parse), (b"response_type=code&client_id=a",)),
    "authorization-details": Fuzzed(
        _of_object(lambda value: parse_details(value.get("a"))), (b'{"a":[{"type":"openid_credential"}]}',)
    ),
    "token-request": Fuzzed(
        _of_form(lambda form: parse_token_request(form, grant_types=form.get("grant_type", [""]))),
        (b"grant_type=authorization_code&code=a&redirect_uri=https%3A%2F%2Fa.example&code_verifier=b",),
    ),
    "token-response": Fuzzed(
        _of_object(lambda value: TokenResponse.parse(value, expected_type="DPoP")),
        (b'{"access_token":"a","token_type":"DPoP","expires_in":1}',),
    ),
    "credential-request": Fuzzed(
        _of_object(lambda value: CredentialRequest.parse(value, is_encrypted=True)),
        (b'{"credential_configuration_id":"a","proofs":{"jwt":["a.b.c"]}}',),
    ),
    "credential-response": Fuzzed(
        _of_object(lambda value: parse_response(200, value)), (b'{"credentials":[{"credential":"a"}]}',)
    ),
    "notification": Fuzzed(
        _of_object(NotificationRequest.parse), (b'{"notification_id":"a","event":"credential_accepted"}',)
    ),
    "oauth-error": Fuzzed(_of_object(oauth_errors.ErrorResponse.parse), (b'{"error":"invalid_request"}',)),
    "client-id": Fuzzed(_of_text(ClientIdentifier.parse), (b"x509_hash:AAAA", b"origin:https://a.example")),
    "client-metadata": Fuzzed(
        _of_object(ClientMetadata.parse), (b'{"vp_formats_supported":{"dc+sd-jwt":{}},"jwks":{"keys":[]}}',)
    ),
    "request-link": Fuzzed(
        _of_text(parse_link), (b"openid4vp://?client_id=x509_hash%3AAA&request_uri=https%3A%2F%2Fa.example",)
    ),
    "request-object": Fuzzed(
        _of_object(lambda value: PresentationRequest.parse(value, transaction_types={})),
        (
            b'{"aud":"https://self-issued.me/v2","iat":1,"exp":2,"response_type":"vp_token","dcql_query":'
            + _QUERY
            + b"}",
        ),
    ),
    "response": Fuzzed(PresentationResponse.parse, (b'{"state":"s","vp_token":{"a":["b"]}}',)),
    "response-form": Fuzzed(
        lambda data: parse_plain_answer(parse_form(data, max_bytes=4096)),
        (b"vp_token=%7B%22a%22%3A%5B%22b%22%5D%7D&state=s",),
    ),
    "record": Fuzzed(record.parse),
    "receipt": Fuzzed(_of_object(receipt.ConsentReceipt.parse)),
    "evidence": Fuzzed(evidence.Evidence.parse, (b'{"schema":"testimoni/evidence/1","records":[]}',)),
    "checkpoint": Fuzzed(
        _of_text(checkpoint.parse_unverified), ("a.example/2026\n1\nAAAA\n\n— a.example/2026 AAAAAA==\n".encode(),)
    ),
    "entry-bundle": Fuzzed(lambda data: tiles.parse_entries(data, expected_width=2), (b"\x00\x20" + bytes(32),)),
}
