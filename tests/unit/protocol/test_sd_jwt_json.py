# SPDX-License-Identifier: EUPL-1.2
"""SD-JWT as JWS JSON serialization, for a caller who asks for it (RFC 9901, section 8)."""

import pytest

from protocol import jws, sd_jwt
from protocol.encoding import b64url_encode, compact_json
from protocol.errors import Check, Error, RequestError, VerificationError
from protocol.keys import PrivateKey
from protocol.sd_jwt import UnverifiedSDJWT, json_serialization, parse_json_serialization

KEY, OTHER = PrivateKey.generate(), PrivateKey.generate()
COMPACT = sd_jwt.issue({"iss": "x", "a": 1, "b": 2}, [("a",), ("b",)], KEY, typ="dc+sd-jwt")
TOKEN, *DISCLOSURES = COMPACT[:-1].split("~")
PROTECTED, PAYLOAD, SIGNATURE = TOKEN.split(".")
KEY_BINDING = jws.sign({"nonce": "n"}, OTHER, typ="kb+jwt")
FIRST = {"protected": PROTECTED, "signature": SIGNATURE, "header": {"disclosures": DISCLOSURES}}
FLAT = {"payload": PAYLOAD, **FIRST}


def second(key=OTHER, **header):
    protected = b64url_encode(compact_json({"alg": "ES256", "typ": "dc+sd-jwt"}))
    signature = b64url_encode(key.sign(f"{protected}.{PAYLOAD}".encode()))
    return {"protected": protected, "signature": signature, "header": {"kid": "2", **header}}


def general(*others):
    return {"payload": PAYLOAD, "signatures": [FIRST, *others]}


def test_flattened_form_says_what_the_compact_form_says():
    parsed = parse_json_serialization(FLAT)
    assert parsed.sd_jwt == UnverifiedSDJWT.parse(COMPACT)
    assert parsed.other_signatures == ()


def test_general_form_has_further_signatures_over_the_same_payload():
    parsed = parse_json_serialization(general(second()))
    assert parsed.sd_jwt == UnverifiedSDJWT.parse(COMPACT)
    (other,) = parsed.other_signatures
    assert jws.verify(other, OTHER.public_key, typ="dc+sd-jwt") == parsed.sd_jwt.issuer_jwt.payload


def test_key_binding_is_in_the_header_and_covers_the_compact_form():
    parsed = parse_json_serialization(FLAT | {"header": {"disclosures": DISCLOSURES[:1], "kb_jwt": KEY_BINDING}})
    assert parsed.sd_jwt.key_binding_jwt == KEY_BINDING
    assert parsed.sd_jwt.signed_part == f"{TOKEN}~{DISCLOSURES[0]}~"


def test_form_without_header_or_disclosures_has_none():
    for header in ({}, {"header": {}}, {"header": {"kid": "1"}}):
        document = {name: value for name, value in FLAT.items() if name != "header"} | header
        assert parse_json_serialization(document).sd_jwt.disclosures == ()


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"payload": PAYLOAD},
        {**FLAT, "payload": None},
        {**FLAT, "payload": "!"},
        {**FLAT, "protected": ""},
        {**FLAT, "protected": {"alg": "ES256"}},
        {**FLAT, "signature": None},
        {**FLAT, "signature": "a.b"},
        {**FLAT, "header": []},
        {**FLAT, "header": {"disclosures": "x"}},
        {**FLAT, "header": {"disclosures": [1]}},
        {**FLAT, "header": {"disclosures": ["!"]}},
        {**FLAT, "header": {"kb_jwt": None}},
        {**FLAT, "header": {"kb_jwt": "x"}},
        {**FLAT, "header": {"alg": "ES256"}},
        {**FLAT, "header": {"crit": ["x"]}},
        {**FLAT, "signatures": [FIRST]},
        {"payload": PAYLOAD, "header": {}, "signatures": [FIRST]},
        {"payload": PAYLOAD, "signatures": []},
        {"payload": PAYLOAD, "signatures": {}},
        {"payload": PAYLOAD, "signatures": [FIRST, None]},
        {"payload": PAYLOAD, "signatures": [FIRST, {}]},
        general(second(disclosures=[])),
        general(second(kb_jwt=KEY_BINDING)),
        general(second(typ="x")),
        general(second() | {"header": 1}),
    ],
)
def test_document_of_another_shape_is_refused(document):
    with pytest.raises(Error):
        parse_json_serialization(document)


@pytest.mark.case("S12")
def test_signatures_and_disclosures_at_their_number_are_read_and_over_it_refused():
    others = [second()] * (json_serialization.MAX_SIGNATURES - 1)
    assert len(parse_json_serialization(general(*others)).other_signatures) == 7
    with pytest.raises(RequestError, match="one to 8"):
        parse_json_serialization(general(*others, second()))
    many = [sd_jwt.Disclosure.make(f"n{number}", 1).encoded for number in range(sd_jwt.MAX_DISCLOSURES + 1)]
    parsed = parse_json_serialization(FLAT | {"header": {"disclosures": many[1:]}})
    assert len(parsed.sd_jwt.disclosures) == sd_jwt.MAX_DISCLOSURES
    with pytest.raises(VerificationError, match="more than 512") as caught:
        parse_json_serialization(FLAT | {"header": {"disclosures": many}})
    assert caught.value.check is Check.DISCLOSURES
