# SPDX-License-Identifier: EUPL-1.2
"""DPoP proofs: for one request, one token and one key, now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from protocol import jws
from protocol.clock import epoch_seconds
from protocol.encoding import b64url_encode, compact_json
from protocol.errors import RequestError
from protocol.keys import Algorithm, PrivateKey
from protocol.oauth import dpop

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
URL, TOKEN = "https://issuer.example/credential", "token"
KEY, OTHER = PrivateKey.generate(), PrivateKey.generate()
# RFC 9449, section 7.1
SPECIFIED_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
SPECIFIED_HASH = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


def complete(prepared, key=KEY):
    return prepared.complete(key.sign(prepared.text.encode()))


def made(*, key=KEY, url=URL, token=TOKEN, nonce=None, method="POST", at=NOW):
    prepared = dpop.prepare(key.public_key, method=method, url=url, access_token=token, nonce=nonce, now=at)
    return complete(prepared, key)


def changed(*, claims=None, signer=KEY, typ=dpop.TYPE, **header):
    right = {"jti": "j", "htm": "POST", "htu": URL, "iat": epoch_seconds(NOW), "ath": SPECIFIED_HASH} | (
        claims or {}
    )
    members = {name: value for name, value in right.items() if value is not ...}
    return jws.sign(members, signer, typ=typ, **{"jwk": KEY.public_key.jwk(), **header})


def verify(proof, *, url=URL, token=TOKEN, nonces=None, thumbprint=None, method="POST", **options):
    return dpop.verify(
        proof,
        method=method,
        url=url,
        access_token=token,
        expected_nonces=nonces,
        expected_thumbprint=thumbprint,
        now=NOW,
        **options,
    )


def refusal(*args, **kwargs):
    with pytest.raises(RequestError) as caught:
        verify(*args, **kwargs)
    return caught.value.code, caught.value.status


@pytest.mark.parametrize("kind", list(Algorithm))
def test_proof_that_is_right_gives_its_key_and_name(kind):
    key = PrivateKey.generate(kind)
    proof = made(key=key, nonce="n")
    thumbprint = key.public_key.thumbprint()
    found = verify(proof, nonces={"n", "m"}, thumbprint=thumbprint, algorithms={kind})
    assert (found.key, found.issued_at) == (key.public_key, NOW)
    assert found.jti != verify(made(key=key), algorithms={kind}).jti


def test_token_hash_is_the_one_of_the_specification():
    assert verify(changed(), token=SPECIFIED_TOKEN).jti == "j"


@pytest.mark.parametrize(
    ("htu", "url"),
    [
        (URL, URL + "?a=b"),
        (URL + "?a=b#c", URL),
        ("HTTPS://ISSUER.example:443/credential", URL),
        ("https://issuer.example", "https://issuer.example/"),
        ("http://localhost:80/t", "http://localhost/t"),
    ],
)
def test_address_is_compared_without_query_case_and_usual_port(htu, url):
    verify(changed(claims={"htu": htu}), url=url, token=SPECIFIED_TOKEN)


@pytest.mark.case("I18")
@pytest.mark.parametrize(
    "proof",
    [
        pytest.param(changed(signer=OTHER), id="signature"),
        pytest.param(changed(typ="JWT"), id="typ"),
        pytest.param(changed(jwk=None), id="no key"),
        pytest.param(changed(jwk={**KEY.public_key.jwk(), "d": "AA"}), id="private key"),
        pytest.param(changed(claims={"htm": "GET"}), id="method"),
        pytest.param(changed(claims={"htu": "https://issuer.example/token"}), id="address"),
        pytest.param(changed(claims={"htu": "https://issuer.example:8443/credential"}), id="port"),
        pytest.param(changed(claims={"htu": "http://issuer.example/credential"}), id="scheme"),
        pytest.param(changed(claims={"htu": "https://issuer.example:x/credential"}), id="no port"),
        pytest.param(changed(claims={"htu": ...}), id="no address"),
        pytest.param(changed(claims={"jti": ...}), id="no name"),
        pytest.param(changed(claims={"jti": "x" * (dpop.MAX_JTI_CHARS + 1)}), id="long name"),
        pytest.param(changed(claims={"iat": ...}), id="no time"),
        pytest.param(changed(claims={"iat": epoch_seconds(NOW - dpop.MAX_AGE) - 1}), id="past"),
        pytest.param(changed(claims={"iat": epoch_seconds(NOW + dpop.MAX_AGE) + 1}), id="future"),
        pytest.param(changed(claims={"ath": ...}), id="no token"),
        pytest.param(changed(claims={"ath": "another"}), id="another token"),
        pytest.param("nonsense", id="no proof"),
    ],
)
def test_proof_that_is_wrong_is_refused(proof):
    assert refusal(proof, token=SPECIFIED_TOKEN) == ("invalid_dpop_proof", 401)


def test_proof_with_algorithm_none_is_refused():
    header = {"alg": "none", "typ": dpop.TYPE, "jwk": KEY.public_key.jwk()}
    proof = ".".join([b64url_encode(compact_json(header)), *made().split(".")[1:]])
    assert refusal(proof) == ("invalid_dpop_proof", 401)


def test_proof_at_the_edge_of_its_time_and_name_is_accepted():
    for at in (NOW - dpop.MAX_AGE, NOW + dpop.MAX_AGE):
        verify(made(at=at))
    verify(changed(claims={"jti": "x" * dpop.MAX_JTI_CHARS}), token=SPECIFIED_TOKEN)


@pytest.mark.case("I18")
def test_proof_without_one_of_our_nonces_is_told_to_use_one():
    assert refusal(made(), nonces={"n"}) == ("use_dpop_nonce", 401)
    assert refusal(made(nonce="stale"), nonces={"n"}) == ("use_dpop_nonce", 401)
    assert refusal(made(nonce="n"), nonces=set()) == ("use_dpop_nonce", 401)
    assert refusal(changed(claims={"nonce": []}), nonces={"n"}, token=SPECIFIED_TOKEN)[0] == "use_dpop_nonce"
    assert refusal(changed(claims={"nonce": []}), nonces=("n",), token=SPECIFIED_TOKEN)[0] == "use_dpop_nonce"


@pytest.mark.case("I18", "I33")
def test_proof_with_another_key_than_token_or_code_is_refused():
    thumbprint = OTHER.public_key.thumbprint()
    assert refusal(made(), thumbprint=thumbprint) == ("invalid_token", 401)
    assert refusal(made(token=None), token=None, thumbprint=thumbprint) == ("invalid_grant", 400)


def test_refusal_at_the_token_endpoint_has_its_status():
    assert refusal(made(token=None, method="GET"), token=None) == ("invalid_dpop_proof", 400)
    assert refusal(made(token=None), token=None, nonces={"n"}) == ("use_dpop_nonce", 400)
    verify(made(token=None, at=NOW - timedelta(minutes=1)), token=None)


def test_request_has_exactly_one_proof():
    assert dpop.get_proof(["a"]) == "a"
    for headers in ([], ["a", "b"]):
        with pytest.raises(RequestError):
            dpop.get_proof(headers)
