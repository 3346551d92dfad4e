# SPDX-License-Identifier: EUPL-1.2
"""SD-JWT for any input: parsers raise nothing but `Error`, what is issued comes back, nothing can be left out."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import jws, key_binding, sd_jwt
from protocol.encoding import b64url_encode, compact_json
from protocol.errors import Error
from protocol.keys import PrivateKey
from protocol.sd_jwt import Disclosure, SelectionIndex, UnverifiedSDJWT, rebuild_with_paths

KEY, HOLDER = PrivateKey.generate(), PrivateKey.generate()
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
NONCE, AUDIENCE = "n" * 22, "x509_hash:abc"
TOKEN = jws.sign({"iss": "x"}, KEY, typ="dc+sd-jwt")

names = st.text(alphabet="abcd_.é", max_size=4).filter(lambda name: name not in {"_sd", "...", "_sd_alg"})
scalars = st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=8) | st.floats(-9, 9)
# names and shapes that mean something to SD-JWT, among others
crafted = st.recursive(
    scalars | st.sampled_from(["d", "e", "sha-256"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["_sd", "...", "_sd_alg", "a", "b"]), inner, max_size=4)
    ),
    max_leaves=12,
)
honest = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@given(st.text(max_size=80) | st.text(alphabet="abcdeyJ0~._-{", max_size=80))
def test_parsing_any_text_raises_nothing_but_error(text):
    for candidate in (text, f"{TOKEN}~{text}", f"{TOKEN}~{text}~", f"{text}~{TOKEN}"):
        with contextlib.suppress(Error):
            UnverifiedSDJWT.parse(candidate)


@given(st.binary(max_size=60) | crafted.map(compact_json))
def test_parsing_any_disclosure_raises_nothing_but_error(data):
    with contextlib.suppress(Error):
        Disclosure.parse(b64url_encode(data))


@given(st.dictionaries(st.sampled_from(["payload", "protected", "signature", "signatures", "header"]), crafted))
def test_parsing_any_json_serialization_raises_nothing_but_error(document):
    with contextlib.suppress(Error):
        sd_jwt.parse_json_serialization(document)


@given(st.dictionaries(st.sampled_from(["chars", "token_chars", "spans", "disclosed", "clear"]), crafted))
def test_parsing_any_index_raises_nothing_but_error(value):
    with contextlib.suppress(Error):
        SelectionIndex.parse(value)


@given(st.dictionaries(st.sampled_from(["_sd", "...", "_sd_alg", "a"]), crafted), st.lists(crafted, max_size=4))
def test_rebuilding_any_payload_raises_nothing_but_error(payload, values):
    disclosures = [Disclosure.make(f"n{number}", value) for number, value in enumerate(values)]
    digests = [each.digest_by("sha-256") for each in disclosures]
    for candidate in (payload, {"_sd": [*digests], **payload}, {**payload, "_sd": [*digests]}):
        with contextlib.suppress(Error):
            rebuild_with_paths(candidate, disclosures)


@given(crafted, st.text(alphabet="ab.", max_size=8))
def test_verifying_any_key_binding_raises_nothing_but_error(claims, text):
    members = claims if isinstance(claims, dict) else {"nonce": claims, "aud": claims, "iat": claims}
    for token in (text, jws.sign(members, HOLDER, typ="kb+jwt")):
        with pytest.raises(Error):
            verify_key_binding(UnverifiedSDJWT.parse(f"{TOKEN}~"), token)


def paths_of(value, place=()):
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in members:
        yield (*place, step)
        yield from paths_of(inner, (*place, step))


@given(st.data(), st.dictionaries(names, honest, max_size=5), st.sampled_from([*sd_jwt.HASHES]))
def test_issued_claims_come_back_and_each_selection_shows_what_was_chosen(data, claims, hash_name):
    every = [*paths_of(claims)]
    selective = data.draw(st.lists(st.sampled_from(every), unique=True)) if every else []
    places = [(), *(path for path in every if isinstance(at(claims, path), (dict, list)))]
    decoys = data.draw(st.dictionaries(st.sampled_from(places), st.integers(0, 3), max_size=2))
    issued = sd_jwt.issue(claims, selective, KEY, typ="dc+sd-jwt", hash_name=hash_name, decoys=decoys)
    whole = read(issued)
    assert whole.claims == claims
    assert set(whole.disclosed) == set(selective)

    index = SelectionIndex.make(issued)
    assert SelectionIndex.parse(index.to_json()) == index
    assert sd_jwt.select(issued, index, [(name,) for name in claims]) == issued
    chosen = data.draw(st.lists(st.sampled_from(every), unique=True, max_size=3)) if every else []
    shown = {each.encoded for each in read(sd_jwt.select(issued, index, chosen)).disclosed.values()}
    # exactly the disclosures on the way to a chosen path, and those within it
    assert shown == {
        each.encoded
        for path, each in whole.disclosed.items()
        if any(path[: len(one)] == one or one[: len(path)] == path for one in chosen)
    }


def at(value, path):
    for step in path:
        value = value[step]
    return value


def read(text):
    parsed = UnverifiedSDJWT.parse(text)
    return rebuild_with_paths(
        jws.verify_claims(parsed.issuer_jwt, KEY.public_key, typ="dc+sd-jwt"), parsed.disclosures
    )


def verify_key_binding(parsed, token):
    key_binding.verify(
        token,
        HOLDER.public_key,
        signed_part=parsed.signed_part,
        hash_name=sd_jwt.read_hash_name(parsed.issuer_jwt.claims()),
        expected_nonce=NONCE,
        expected_audience=AUDIENCE,
        expected_transaction_data=(),
        now=NOW,
    )


def verify(text):
    parsed = UnverifiedSDJWT.parse(text)
    rebuilt = read(text)
    verify_key_binding(parsed, parsed.key_binding)
    return rebuilt.claims


def present():
    claims = {"iss": "x", "a": 1, "b": {"c": ["d", "e"]}, "f": True}
    issued = sd_jwt.issue(
        claims, [("a",), ("b", "c", 0), ("b", "c"), ("f",)], KEY, typ="dc+sd-jwt", decoys={(): 1}
    )
    text = sd_jwt.select(issued, SelectionIndex.make(issued), [("a",), ("b", "c", 0)])
    prepared = key_binding.prepare(text, nonce=NONCE, audience=AUDIENCE, now=NOW)
    return text + prepared.complete(HOLDER.sign(prepared.text.encode()))


PRESENTED = present()


def test_presentation_of_the_properties_verifies():
    assert verify(PRESENTED) == {"iss": "x", "a": 1, "b": {"c": ["d", "e"]}}


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_removing_any_characters_of_a_presentation_never_verifies(length):
    for position in range(len(PRESENTED)):
        with pytest.raises(Error):
            verify(PRESENTED[:position] + PRESENTED[position + length :])


@settings(max_examples=80)
@given(st.integers(0, len(PRESENTED) - 1), st.characters(codec="utf-8"))
def test_changing_or_adding_any_character_never_verifies(position, character):
    changed = PRESENTED[:position] + character + PRESENTED[position + 1 :]
    for text in (changed, PRESENTED[:position] + character + PRESENTED[position:]):
        if text != PRESENTED:
            with pytest.raises(Error):
                verify(text)


@given(st.permutations(range(3)), st.integers(0, 2))
def test_leaving_out_repeating_or_moving_a_whole_part_never_verifies(order, one):
    first, *middle, last = PRESENTED.split("~")
    moved = [middle[number] for number in order]
    for parts in (moved, middle[:one] + middle[one + 1 :], [*middle, middle[one]]):
        if parts != middle:
            with pytest.raises(Error):
                verify("~".join([first, *parts, last]))
