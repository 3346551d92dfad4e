# SPDX-License-Identifier: EUPL-1.2
"""Integrity of fetched documents: the strongest known hash decides, and no known hash is no promise."""

import base64
import hashlib

import pytest

from protocol.errors import RequestError
from protocol.type_metadata.integrity import MAX_INTEGRITY_CHARS, verify_integrity

DOCUMENT = b'{"vct":"https://types.example/1"}'
OTHER = b'{"vct":"https://types.example/2"}'


def sri(name, data=DOCUMENT, *, encode=base64.b64encode):
    return f"{name}-{encode(hashlib.new(name, data).digest()).decode()}"


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_the_promised_document_is_accepted_by_each_hash(name):
    verify_integrity(DOCUMENT, sri(name))


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
@pytest.mark.case("S18")
def test_another_document_is_refused_by_each_hash(name):
    with pytest.raises(RequestError, match="not the one that was promised") as caught:
        verify_integrity(OTHER, sri(name))
    assert caught.value.code == "invalid_type_metadata"


def test_options_and_the_other_alphabet_of_base64_change_nothing():
    verify_integrity(DOCUMENT, sri("sha512", encode=base64.urlsafe_b64encode) + "?ct=application/json")


def test_one_of_several_expressions_of_the_strongest_hash_suffices():
    verify_integrity(DOCUMENT, f"{sri('sha384', OTHER)}\n {sri('sha384')}")


@pytest.mark.case("S18")
def test_a_weaker_hash_that_matches_does_not_help():
    with pytest.raises(RequestError, match="not the one that was promised"):
        verify_integrity(DOCUMENT, f"{sri('sha256')} {sri('sha512', OTHER)} {sri('sha384')}")


def test_unknown_algorithms_are_passed_over_beside_a_known_one():
    verify_integrity(DOCUMENT, f"sha3512-AAAA {sri('sha256')} md5-AAAA")


@pytest.mark.case("S18")
@pytest.mark.parametrize("text", ["", "  ", "md5-AAAA", "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "SHA256-AAAA"])
def test_no_known_algorithm_is_no_promise(text):
    with pytest.raises(RequestError, match="no hash algorithm that we know"):
        verify_integrity(DOCUMENT, text)


@pytest.mark.parametrize(
    "text", ["sha256", "sha256-", "sha256-AAA!", "-AAAA", "sha256-A", "sha256-AAA", "sha256:AAAA"]
)
def test_malformed_metadata_is_refused(text):
    with pytest.raises(RequestError, match="malformed integrity metadata"):
        verify_integrity(DOCUMENT, text)


def test_a_truncated_digest_does_not_match():
    with pytest.raises(RequestError, match="not the one that was promised"):
        verify_integrity(DOCUMENT, sri("sha256")[:-4])


def test_length_is_bounded():
    text = sri("sha256")
    verify_integrity(DOCUMENT, text + " " * (MAX_INTEGRITY_CHARS - len(text)))
    with pytest.raises(RequestError, match="longer than 1024 characters"):
        verify_integrity(DOCUMENT, text + " " * (MAX_INTEGRITY_CHARS - len(text) + 1))
