# SPDX-License-Identifier: EUPL-1.2
"""Parsers of type and issuer metadata raise nothing but `Error`, and what they write they read again."""

from __future__ import annotations

import contextlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import Error
from protocol.jwt_vc_issuer import JWTVCIssuerMetadata, metadata_url, parse_key_set
from protocol.keys import PrivateKey
from protocol.type_metadata.integrity import verify_integrity
from protocol.type_metadata.model import TypeMetadata
from protocol.type_metadata.rules import check_credential, resolve

VCT = "https://types.example/1"
KEY = PrivateKey.generate().public_key.jwk()
MEMBERS = [
    "vct name description extends extends#integrity display claims locale label rendering simple svg_templates logo",
    "background_image background_color text_color uri uri#integrity alt_text properties orientation color_scheme",
    "contrast path mandatory sd svg_id issuer jwks jwks_uri keys kid kty crv x y use alg a b",
]
NAMES = st.sampled_from(" ".join(MEMBERS).split())
WORDS = [
    VCT,
    "https://types.example/2",
    "en",
    "ca",
    "always",
    "never",
    "allowed",
    "#fff",
    "landscape",
    "sha256-AAAA",
    "a",
]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=4),
    st.just(KEY),
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
STEPS = st.one_of(st.sampled_from("ab"), st.integers(0, 2), st.none())
CLAIM = st.fixed_dictionaries(
    {"path": st.lists(STEPS, min_size=1, max_size=3)},
    optional={"sd": st.sampled_from(["always", "allowed", "never"]), "mandatory": st.booleans()},
)
# documents that are close to valid ones, so that the parser is passed now and then
DOCUMENT = st.fixed_dictionaries(
    {"vct": st.just(VCT)},
    optional={
        "name": st.just("a"),
        "extends": st.sampled_from(WORDS),
        "claims": st.lists(CLAIM | VALUES, max_size=3),
        "display": st.lists(st.fixed_dictionaries({"locale": NAMES, "name": st.just("a")}) | VALUES, max_size=3),
    },
)
UNHURRIED = settings(deadline=None)  # time is measured elsewhere; a busy machine is no failure


@UNHURRIED
@given(st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_parsers_raise_nothing_but_errors_of_ours(data: bytes) -> None:
    with contextlib.suppress(Error):
        TypeMetadata.parse(data, expected_vct=VCT)
    with contextlib.suppress(Error):
        JWTVCIssuerMetadata.parse(data, expected_issuer=VCT)
    with contextlib.suppress(Error):
        parse_key_set(data)
    with contextlib.suppress(Error):
        resolve(VCT, integrity=None, fetch=lambda _: data)


@UNHURRIED
@given(DOCUMENT)
def test_a_document_that_is_read_is_written_as_one_that_reads_the_same(document: dict[str, object]) -> None:
    with contextlib.suppress(Error):
        found = TypeMetadata.parse(json.dumps(document), expected_vct=VCT)
        assert TypeMetadata.parse(json.dumps(found.to_json()), expected_vct=VCT) == found


@UNHURRIED
@given(
    st.lists(CLAIM, max_size=4, unique_by=lambda claim: tuple(claim["path"])),
    st.dictionaries(st.sampled_from("ab"), VALUES, max_size=2),
    st.booleans(),
)
def test_rules_hold_any_credential_without_another_error(claims, credential, is_complete) -> None:
    document = json.dumps({"vct": VCT, "claims": claims}).encode()
    resolved = resolve(VCT, integrity=None, fetch=lambda _: document)
    with contextlib.suppress(Error):
        check_credential(resolved, credential, disclosed=[("a",), ("b", 0)], is_complete=is_complete)


@UNHURRIED
@given(st.text(max_size=60) | st.from_regex(r"(sha(256|384|512)-[A-Za-z0-9+/=]{0,90} ?){0,3}", fullmatch=True))
def test_integrity_strings_raise_nothing_but_errors_of_ours(text: str) -> None:
    with contextlib.suppress(Error):
        verify_integrity(b"document", text)


@UNHURRIED
@given(st.text(max_size=60) | st.text(max_size=40).map(lambda text: f"https://{text}"))
def test_identifiers_give_an_address_or_an_error_of_ours(text: str) -> None:
    with contextlib.suppress(Error):
        assert metadata_url(text).startswith("https://")
