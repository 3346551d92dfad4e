# SPDX-License-Identifier: EUPL-1.2
"""Published types and keys: they describe what is issued, and stand at the addresses that readers expect."""

from __future__ import annotations

import json

import pytest

from issuer.credential_types import load_types
from issuer.published import describe_type, get_type_metadata
from protocol import jws, sd_jwt
from protocol.errors import Check, RequestError, VerificationError
from protocol.jwt_vc_issuer import JWTVCIssuerMetadata
from protocol.keys import PublicKey
from protocol.sd_jwt import UnverifiedSDJWT
from protocol.type_metadata.model import SelectiveDisclosure, TypeMetadata
from protocol.type_metadata.rules import check_credential, resolve
from protocol.x509 import parse_chain

TYPES = load_types()
ISSUER = "http://localhost:8101"
LANGUAGES = ["ca", "es", "en", "da"]


@pytest.fixture
def client(app):
    return app.test_client(use_cookies=False)


def path_of(kind) -> str:
    return kind.vct.removeprefix("https://testimoni.example")


def resolve_here(client, vct):
    """The type, read where its `vct` would lead if this issuer answered for that name."""

    def fetch(url: str) -> bytes:
        answer = client.get(url.removeprefix("https://testimoni.example"))
        assert (answer.status_code, answer.mimetype) == (200, "application/json")
        return answer.data

    return resolve(vct, integrity=None, fetch=fetch)


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_a_type_stands_under_the_path_of_its_vct(client, kind):
    answer = client.get(path_of(kind))
    found = TypeMetadata.parse(answer.data, expected_vct=kind.vct)
    assert found == describe_type(kind)
    assert [each.locale for each in found.display] == LANGUAGES
    assert {each.locale: each.name for each in found.display} == kind.name
    assert {each.locale: each.description for each in found.display} == kind.description
    assert [claim.path for claim in found.claims] == [(rule.name,) for rule in kind.claim_rules]
    for claim, rule in zip(found.claims, kind.claim_rules, strict=True):
        assert {each.locale: each.label for each in claim.display} == rule.label
        assert claim.mandatory is rule.required
        assert (claim.sd is SelectiveDisclosure.ALWAYS) is rule.selectively_disclosable


def test_published_documents_say_how_long_they_may_be_kept_and_what_they_are(client):
    kept = {"/credentials/university-degree/1": 86400, "/.well-known/jwt-vc-issuer/universitat": 3600}
    for path, seconds in kept.items():
        headers = client.get(path).headers
        assert headers["Cache-Control"] == f"public, max-age={seconds}"
        assert headers["Content-Type"] == "application/json"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Set-Cookie" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/credentials/university-degree/2",
        "/credentials/university-degree/",
        "/credentials/university-degree",
        "/credentials/nothing/1",
        "/credentials/university-degree/1/",
        "/universitat/credentials/university-degree/1",
    ],
)
def test_there_is_no_type_anywhere_else(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_type_that_is_not_here_is_not_found():
    with pytest.raises(RequestError) as caught:
        get_type_metadata(TYPES, "/credentials/university-degree/1?")
    assert (caught.value.code, caught.value.status) == ("not_found", 404)


def issued_claims(text):
    """The claims of an issued credential, and the places of those that are disclosures."""
    parsed = UnverifiedSDJWT.parse(text)
    claims = sd_jwt.rebuild(jws.parse(text.partition("~")[0]).claims(), parsed.disclosures)
    return claims, [(disclosure.name,) for disclosure in parsed.disclosures]


@pytest.mark.case("S20")
def test_what_is_issued_is_as_its_published_type_demands(wallet, offer, client):
    answer = wallet.collect(offer)
    assert len(answer.json["credentials"]) == 3
    for issued in answer.json["credentials"]:
        claims, disclosed = issued_claims(issued["credential"])
        resolved = resolve_here(client, claims["vct"])
        check_credential(resolved, claims, disclosed=disclosed, is_complete=True)
        # and the published type is no empty demand
        with pytest.raises(VerificationError) as caught:
            check_credential(resolved, claims, disclosed=disclosed[1:], is_complete=True)
        assert caught.value.check is Check.DISCLOSURES
        for name in [rule.path[0] for rule in resolved.claims if rule.mandatory]:
            rest = {key: value for key, value in claims.items() if key != name}
            with pytest.raises(VerificationError) as caught:
                check_credential(resolved, rest, disclosed=disclosed, is_complete=True)
            assert caught.value.check is Check.FORMAT


@pytest.mark.parametrize(
    ("administration", "kind", "given"),
    [
        ("universitat", "university-degree", {}),
        ("ajuntament", "census-registration", {}),
        ("ajuntament", "tax-compliance", {"authorise": "yes"}),
    ],
)
def test_each_kind_that_is_issued_fits_its_type(administration, kind, given, citizen, wallet, offer_of, client):
    path = citizen.get(administration, kind, **given)
    answer = wallet.collect(offer_of(path, citizen.open(path).text), administration, kind)
    claims, disclosed = issued_claims(answer.json["credentials"][0]["credential"])
    check_credential(resolve_here(client, claims["vct"]), claims, disclosed=disclosed, is_complete=True)


@pytest.mark.parametrize("administration", ["universitat", "ajuntament"])
def test_an_administrations_key_is_that_of_its_certificate(client, world, administration):
    answer = client.get(f"/.well-known/jwt-vc-issuer/{administration}")
    key = world.parties[administration].issuer_key.public_key
    assert answer.json == {
        "issuer": f"{ISSUER}/{administration}",
        "jwks": {"keys": [{"kid": key.thumbprint(), **key.jwk()}]},
    }


def test_the_published_key_verifies_what_is_issued(wallet, offer, client):
    issued = wallet.collect(offer).json["credentials"][0]["credential"].partition("~")[0]
    # our practice world speaks http on this machine; readers elsewhere see the https name
    document = {**client.get("/.well-known/jwt-vc-issuer/universitat").json, "issuer": "https://issuer.example/u"}
    found = JWTVCIssuerMetadata.parse(json.dumps(document), expected_issuer="https://issuer.example/u")
    (key,) = found.keys.values()
    assert jws.verify_claims(issued, key, typ="dc+sd-jwt")["iss"] == f"{ISSUER}/universitat"
    assert key == PublicKey.wrap(parse_chain(jws.parse(issued).header["x5c"])[0].public_key())


@pytest.mark.case("I45")
@pytest.mark.parametrize(
    "path",
    [
        "/universitat/.well-known/jwt-vc-issuer",
        "/.well-known/jwt-vc-issuer",
        "/.well-known/jwt-vc-issuer/",
        "/.well-known/jwt-vc-issuer/universitat/",
        "/.well-known/jwt-vc-issuer/nobody",
        "/.well-known/jwt-vc-issuer/universitat/ajuntament",
    ],
)
def test_keys_stand_nowhere_else(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "jwks" not in answer.text
