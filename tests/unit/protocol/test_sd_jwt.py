# SPDX-License-Identifier: EUPL-1.2
"""SD-JWT: the S cases of the negative list that belong to the main path."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import jws, sd_jwt
from protocol.encoding import b64url_encode, compact_json
from protocol.errors import Check, Error, RequestError, VerificationError
from protocol.keys import PrivateKey
from protocol.sd_jwt import Disclosure, UnverifiedSDJWT, rebuild

KEY = PrivateKey.generate()


def make(**claims):
    disclosures = [Disclosure.make(name, value) for name, value in claims.items()]
    return sd_jwt.issue({"iss": "x"}, disclosures, KEY, typ="dc+sd-jwt")


def raw(*parts):
    return b64url_encode(compact_json(list(parts)))


def refused(payload, *encoded):
    with pytest.raises(VerificationError) as caught:
        rebuild(payload, [Disclosure.parse(e) for e in encoded])
    assert caught.value.check is Check.DISCLOSURES


def test_issue_select_rebuild_shows_just_what_was_selected():
    parsed = UnverifiedSDJWT.parse(sd_jwt.select(make(a=1, b={"c": [2]}, d="x"), ["b", "a"]))
    assert rebuild(parsed.issuer_jwt.claims(), parsed.disclosures) == {"iss": "x", "a": 1, "b": {"c": [2]}}


def test_issue_when_twice_shares_no_salt_and_no_digest():
    one, two = UnverifiedSDJWT.parse(make(a=1)), UnverifiedSDJWT.parse(make(a=1))
    assert one.disclosures[0].digest != two.disclosures[0].digest


def test_rfc_9901_digest_of_the_example_disclosure():
    encoded = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    assert Disclosure.parse(encoded).digest == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"


@pytest.mark.parametrize(
    "encoded",
    [
        raw("s"),
        raw("s", "n", 1, 2),
        raw(1, "n", 2),
        raw("s", 1, 2),
        raw("s", "_sd", 1),
        raw("s", "...", 1),
        raw("s", "_sd_alg", 1),
        b64url_encode(b"{}"),
        "!",
    ],
)
def test_disclosure_when_of_another_shape_or_reserved_name_is_refused(encoded):
    with pytest.raises(VerificationError) as caught:
        Disclosure.parse(encoded)
    assert caught.value.check is Check.DISCLOSURES


def test_rebuild_when_disclosure_is_unreferenced_is_refused():
    refused({"iss": "x"}, raw("s", "a", 1))


def test_rebuild_when_same_disclosure_twice_is_refused():
    one = Disclosure.parse(raw("s", "a", 1))
    refused({"_sd": [one.digest]}, one.encoded, one.encoded)


def test_rebuild_when_digest_occurs_twice_is_refused():
    one = Disclosure.parse(raw("s", "a", 1))
    refused({"_sd": [one.digest, one.digest]}, one.encoded)
    refused({"_sd": ["d"], "sub": {"_sd": ["d"]}})


def test_rebuild_when_claim_is_already_there_is_refused():
    one = Disclosure.parse(raw("s", "iss", 1))
    refused({"iss": "x", "_sd": [one.digest]}, one.encoded)


def test_rebuild_when_parent_is_not_disclosed_is_refused():
    child = Disclosure.parse(raw("s", "street", 1))
    parent = Disclosure.parse(raw("s", "address", {"_sd": [child.digest]}))
    assert rebuild({"_sd": [parent.digest]}, [parent, child]) == {"address": {"street": 1}}
    refused({"_sd": [parent.digest]}, child.encoded)


@pytest.mark.parametrize("digests", ["x", [1], {"a": 1}, [None]])
def test_rebuild_when_sd_is_no_array_of_strings_is_refused(digests):
    refused({"_sd": digests})


@pytest.mark.parametrize("algorithm", ["sha-1", "sha-512", "", None, 1])
def test_rebuild_when_hash_is_not_ours_is_refused(algorithm):
    refused({"_sd_alg": algorithm})


def test_rebuild_when_array_elements_are_hidden_keeps_the_others():
    element = Disclosure.parse(raw("s", "ES"))
    payload = {"nationalities": ["FR", {"...": element.digest}, {"...": "unknown"}]}
    assert rebuild(payload, [element]) == {"nationalities": ["FR", "ES"]}


def test_rebuild_when_kinds_are_mixed_up_is_refused():
    element, claim = Disclosure.parse(raw("s", "ES")), Disclosure.parse(raw("s", "a", 1))
    refused({"_sd": [element.digest]}, element.encoded)
    refused({"list": [{"...": claim.digest}]}, claim.encoded)


def test_rebuild_when_too_deep_is_refused():
    value = {}
    for _ in range(sd_jwt.MAX_DEPTH + 1):
        value = {"a": value}
    refused(value)


def test_parse_when_without_tilde_is_refused():
    with pytest.raises(RequestError, match="tilde"):
        UnverifiedSDJWT.parse(make(a=1).split("~")[0])


def test_parse_when_thousands_of_disclosures_is_refused():
    text = jws.sign({}, KEY, typ="dc+sd-jwt") + "~" + (raw("s", "a", 1) + "~") * (sd_jwt.MAX_DISCLOSURES + 1)
    with pytest.raises(VerificationError, match="more than"):
        UnverifiedSDJWT.parse(text)


@given(st.text(alphabet="abcdeyJ0~._-", max_size=80))
def test_parse_raises_nothing_but_error(text):
    with contextlib.suppress(Error):
        UnverifiedSDJWT.parse(text)


def verify(text):
    parsed = UnverifiedSDJWT.parse(text)
    jws.verify(parsed.issuer_jwt.token, KEY.public_key, typ="dc+sd-jwt")
    return rebuild(parsed.issuer_jwt.claims(), parsed.disclosures)


@settings(max_examples=60)
@given(st.data())
def test_removing_any_character_of_a_presentation_never_verifies(data):
    text = sd_jwt.select(make(a=1, b=2), ["a"])
    position = data.draw(st.integers(0, len(text) - 1))
    broken = text[:position] + text[position + 1 :]
    with pytest.raises(Error):
        verify(broken)
