# SPDX-License-Identifier: EUPL-1.2
"""Our SD-JWT beside the reference implementation (PyPI `sd-jwt`): each verifies what the other issues and presents.

The reference checks less than we do and knows SHA-256 alone; what it accepts of ours is the shape, what we accept of
its is by all our checks.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from jwcrypto.jwk import JWK
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from protocol import jws, key_binding, sd_jwt
from protocol.clock import from_epoch
from protocol.keys import PrivateKey
from protocol.sd_jwt import SelectionIndex, UnverifiedSDJWT, rebuild_with_paths
from tests.fakes.sd_jwt_cases import SPECIFIED, cases

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
ISSUER, HOLDER = PrivateKey.generate(), PrivateKey.generate()
NONCE, AUDIENCE = "1234567890", "https://verifier.example.org"
# the type that the reference gives its own
TYPE = "example+sd-jwt"
ADDRESS = {"street": "Carrer Major 1", "geo": {"lat": 41.5, "lon": 2}, "country": "ES"}
CLAIMS = {
    "iss": "x",
    "name": 'Núria "N"',
    "address": ADDRESS,
    "list": ["ES", {"code": "FR", "n": None}, ["x", "y"]],
}
SHAPES = {
    "none": [],
    "flat": [("name",), ("address",), ("list",)],
    "structured": [("address", "street"), ("address", "country"), ("address", "geo")],
    "recursive": [("address",), ("address", "street"), ("address", "geo"), ("address", "geo", "lat")],
    "arrays": [("list", 0), ("list", 1), ("list", 1, "code"), ("list", 2, 1)],
    "recursive-arrays": [("list",), ("list", 0), ("list", 2), ("list", 2, 0)],
}
each_shape = pytest.mark.parametrize("selective", SHAPES.values(), ids=SHAPES)
each_case = pytest.mark.parametrize("case", **cases(SPECIFIED))


def jwk(key):
    return JWK.from_pem(key.pem())


def mark(value, selective, place=()):
    """The claims with the reference's marks where ours are paths."""
    if isinstance(value, dict):
        return {
            SDObj(name) if (*place, name) in selective else name: mark(inner, selective, (*place, name))
            for name, inner in value.items()
        }
    if isinstance(value, list):
        inner = [mark(item, selective, (*place, number)) for number, item in enumerate(value)]
        return [SDObj(item) if (*place, number) in selective else item for number, item in enumerate(inner)]
    return value


def everything(value):
    """What the reference's holder is told in order to show all of it."""
    if isinstance(value, dict):
        return {name: everything(inner) for name, inner in value.items()}
    return [everything(inner) for inner in value] if isinstance(value, list) else True


def they_verify(text, **binding):
    return SDJWTVerifier(text, lambda _issuer, _header: jwk(ISSUER), **binding).get_verified_payload()


def we_verify(text):
    parsed = UnverifiedSDJWT.parse(text)
    payload = jws.verify_claims(parsed.issuer_jwt, ISSUER.public_key, typ=TYPE)
    if parsed.key_binding is not None:
        key_binding.verify(
            parsed.key_binding,
            HOLDER.public_key,
            signed_part=parsed.signed_part,
            hash_name=sd_jwt.read_hash_name(payload),
            expected_nonce=NONCE,
            expected_audience=AUDIENCE,
            expected_transaction_data=(),
            # the reference has the time from the machine; how old a binding may be is not the question here
            now=from_epoch(parsed.key_binding.claims()["iat"]),
        )
    return rebuild_with_paths(payload, parsed.disclosures)


def check_theirs(claims, selective, **options):
    """The reference issues and presents all of it, with key binding; we verify."""
    issued = SDJWTIssuer(mark(claims, selective), jwk(ISSUER), holder_key=jwk(HOLDER), **options).sd_jwt_issuance
    holder = SDJWTHolder(issued)
    holder.create_presentation(everything(claims), NONCE, AUDIENCE, jwk(HOLDER))
    rebuilt = we_verify(holder.sd_jwt_presentation)
    assert {**rebuilt.claims, "cnf": None} == {**claims, "cnf": None}
    assert set(rebuilt.disclosed) == set(selective)
    return rebuilt


def check_ours(claims, selective, **options):
    """We issue, and present each part on its own and then all of it, with key binding; the reference verifies."""
    bound = {**claims, "cnf": {"jwk": HOLDER.public_key.jwk()}}
    issued = sd_jwt.issue(bound, selective, ISSUER, typ=TYPE, **options)
    assert they_verify(issued) == bound
    index = SelectionIndex.make(issued)
    for paths in ([], *([path] for path in selective), selective):
        text = sd_jwt.select(issued, index, paths)
        prepared = key_binding.prepare(text, nonce=NONCE, audience=AUDIENCE, now=NOW)
        text += prepared.complete(HOLDER.sign(prepared.text.encode()))
        assert they_verify(text, expected_aud=AUDIENCE, expected_nonce=NONCE) == we_verify(text).claims
    assert we_verify(text).claims == bound


@each_shape
def test_reference_verifies_what_we_issue_and_present(selective):
    check_ours(CLAIMS, selective)
    check_ours(CLAIMS, selective, decoys={(): 2, ("address",): 1, ("list",): 2})


@each_shape
@pytest.mark.parametrize("decoys", [False, True], ids=["exact", "decoys"])
def test_we_verify_what_the_reference_issues_and_presents(selective, decoys):
    check_theirs(CLAIMS, selective, add_decoy_claims=decoys)


@each_shape
def test_selection_by_the_reference_and_by_us_is_the_same(selective):
    issued = sd_jwt.issue(CLAIMS, selective, ISSUER, typ=TYPE)
    holder = SDJWTHolder(issued)
    holder.create_presentation({"address": everything(ADDRESS)})
    ours = sd_jwt.select(issued, SelectionIndex.make(issued), [("address",)])
    assert sorted(ours.split("~")) == sorted(holder.sd_jwt_presentation.split("~"))


def test_reference_refuses_the_hash_that_it_does_not_know_and_takes_nothing_else_for_it():
    issued = sd_jwt.issue(CLAIMS, [("name",)], ISSUER, typ=TYPE, hash_name="sha-512")
    with pytest.raises(ValueError, match="Invalid hash algorithm"):
        they_verify(issued)


def test_json_serialization_of_the_reference_is_read_by_us_when_asked():
    selective = SHAPES["recursive"]
    issued = SDJWTIssuer(mark(CLAIMS, selective), jwk(ISSUER), serialization_format="json").sd_jwt_issuance
    document = json.loads(issued)
    # up to 0.10.4 it writes members of an earlier draft beside the payload
    if "disclosures" in document:
        document["header"] = {**document.get("header", {}), "disclosures": document.pop("disclosures")}
    parsed = sd_jwt.parse_json_serialization(document).sd_jwt
    payload = jws.verify_claims(parsed.issuer_jwt, ISSUER.public_key, typ=TYPE)
    assert rebuild_with_paths(payload, parsed.disclosures).claims == CLAIMS


@pytest.mark.external
@each_case
def test_reference_verifies_every_vector_shape_that_we_issue(case):
    claims, selective = case.claims()
    check_ours(claims, selective)
    decoys = {(): 3} if case.specification.get("add_decoy_claims") else {}
    check_ours(claims, selective, decoys=decoys)


@pytest.mark.external
@each_case
def test_we_verify_every_vector_shape_that_the_reference_issues(case):
    claims, selective = case.claims()
    check_theirs(claims, selective, add_decoy_claims=bool(case.specification.get("add_decoy_claims")))
