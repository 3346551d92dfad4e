# SPDX-License-Identifier: EUPL-1.2
"""Client identifiers (OpenID4VP 1.0, section 5.9): two prefixes that name a certificate, one that nobody signs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID

from protocol.errors import Check, RequestError, VerificationError
from protocol.openid4vp.client_id import MAX_CLIENT_ID_CHARS, MAX_DNS_NAME_CHARS, REFUSED, ClientIdentifier, Prefix
from protocol.x509 import certificate_digest


def certificate(*extensions):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "office")])
    start = datetime(2026, 11, 21, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=1))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256())


def names(*hosts):
    return x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("x509_hash:" + "A" * 43, Prefix.X509_HASH),
        ("x509_san_dns:office.example", Prefix.X509_SAN_DNS),
        ("redirect_uri:https://office.example/cb", Prefix.REDIRECT_URI),
    ],
)
def test_identifier_with_a_prefix_that_we_read_round_trips(text, prefix):
    found = ClientIdentifier.parse(text)
    assert found.prefix is prefix
    assert str(found) == text


@pytest.mark.case("W26")
@pytest.mark.parametrize("prefix", ["verifier_attestation", "openid_federation"])
def test_identifier_by_attestation_or_federation_is_out_of_scope_and_refused(prefix):
    with pytest.raises(RequestError) as caught:
        ClientIdentifier.parse(f"{prefix}:https://office.example")
    assert (caught.value.code, caught.value.message) == ("invalid_request", REFUSED[prefix])


@pytest.mark.case("W15")
def test_identifier_by_did_is_out_of_scope_and_refused():
    with pytest.raises(RequestError, match="DID documents") as caught:
        ClientIdentifier.parse("decentralized_identifier:did:example:123")
    assert caught.value.code == "invalid_request"


@pytest.mark.case("W16")
def test_identifier_with_the_reserved_prefix_origin_is_refused():
    with pytest.raises(RequestError, match="reserved") as caught:
        ClientIdentifier.parse("origin:https://office.example")
    assert caught.value.code == "invalid_request"


@pytest.mark.case("W16")
@pytest.mark.parametrize(
    "text", ["https:x", "x509_hash2:" + "A" * 43, "X509_HASH:" + "A" * 43, ":x", "x509_san_uri:x"]
)
def test_identifier_with_an_unknown_prefix_is_refused(text):
    with pytest.raises(RequestError, match="unknown client identifier prefix") as caught:
        ClientIdentifier.parse(text)
    assert caught.value.code == "invalid_request"


@pytest.mark.case("W16")
@pytest.mark.parametrize("text", ["", "office"])
def test_identifier_without_prefix_is_of_nobody_that_we_know(text):
    with pytest.raises(RequestError, match="registered in advance") as caught:
        ClientIdentifier.parse(text)
    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize(
    "text",
    [
        "x509_hash:",
        "x509_hash:" + "A" * 42,
        "x509_hash:" + "A" * 42 + "B",
        "x509_hash:" + "A" * 43 + "=",
        "x509_hash:" + "é" * 43,
        "x509_san_dns:",
        "x509_san_dns:-a.example",
        "x509_san_dns:a..example",
        "x509_san_dns:*.example",
        "x509_san_dns:https://a.example",
        "x509_san_dns:" + "a" * 64,
        "redirect_uri:",
        "redirect_uri:office.example",
        "redirect_uri:http://office.example/cb",
    ],
)
def test_identifier_that_does_not_belong_to_its_prefix_is_refused(text):
    with pytest.raises(RequestError) as caught:
        ClientIdentifier.parse(text)
    assert caught.value.code == "invalid_request"


def test_identifier_at_its_longest_passes_and_one_character_more_is_refused():
    address = "redirect_uri:https://office.example/"
    longest = address + "a" * (2048 + len("redirect_uri:") - len(address))
    assert str(ClientIdentifier.parse(longest)) == longest
    with pytest.raises(RequestError, match="URL"):
        ClientIdentifier.parse(longest + "a")
    with pytest.raises(RequestError, match=f"longer than {MAX_CLIENT_ID_CHARS}"):
        ClientIdentifier.parse(address + "a" * MAX_CLIENT_ID_CHARS)
    label = "a" * 49 + "."
    host = label * 5 + "a" * (MAX_DNS_NAME_CHARS - 250)
    assert ClientIdentifier.parse(f"x509_san_dns:{host}").value == host
    with pytest.raises(RequestError, match="DNS name"):
        ClientIdentifier.parse(f"x509_san_dns:{host}a")


@pytest.mark.case("W15")
def test_signed_request_with_prefix_redirect_uri_and_unsigned_one_with_certificate_prefix_are_refused():
    by_address = ClientIdentifier.parse("redirect_uri:https://office.example/cb")
    by_hash = ClientIdentifier.parse("x509_hash:" + "A" * 43)
    by_address.check_signed(is_signed=False)
    by_hash.check_signed(is_signed=True)
    for identifier in (by_address, by_hash):
        with pytest.raises(RequestError, match="with the prefix") as caught:
            identifier.check_signed(is_signed=not identifier.is_signed)
        assert caught.value.code == "invalid_request"


@pytest.mark.case("W14")
def test_certificate_of_another_digest_is_refused():
    leaf = certificate()
    ClientIdentifier(Prefix.X509_HASH, certificate_digest(leaf)).check_certificate(leaf)
    with pytest.raises(VerificationError) as caught:
        ClientIdentifier(Prefix.X509_HASH, certificate_digest(certificate())).check_certificate(leaf)
    assert caught.value.check is Check.ISSUER


@pytest.mark.case("W14")
@pytest.mark.parametrize(
    "extensions",
    [
        (),
        (names("other.example"),),
        (names("*.example"),),
        (names("sub.office.example"),),
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier("https://office.example")]),),
        # a SAN that is no DER at all
        (x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x01"),),
    ],
)
def test_certificate_that_does_not_name_the_host_is_refused(extensions):
    with pytest.raises(VerificationError) as caught:
        ClientIdentifier.parse("x509_san_dns:office.example").check_certificate(certificate(*extensions))
    assert caught.value.check is Check.ISSUER


def test_certificate_that_names_the_host_passes_in_any_case_of_letters():
    leaf = certificate(names("other.example", "Office.Example"))
    ClientIdentifier.parse("x509_san_dns:OFFICE.example").check_certificate(leaf)


def test_certificate_never_stands_for_the_prefix_redirect_uri():
    with pytest.raises(VerificationError):
        ClientIdentifier.parse("redirect_uri:https://office.example").check_certificate(certificate())


@pytest.mark.case("W14")
def test_response_uri_at_another_host_than_the_certificates_is_refused():
    by_host = ClientIdentifier.parse("x509_san_dns:office.example")
    by_host.check_response_uri("https://OFFICE.example:8443/response")
    ClientIdentifier.parse("x509_hash:" + "A" * 43).check_response_uri("https://anywhere.example/")
    for elsewhere in ("https://office.example.evil.example/", "https://sub.office.example/"):
        with pytest.raises(RequestError) as caught:
            by_host.check_response_uri(elsewhere)
        assert caught.value.code == "invalid_request"


def test_response_uri_other_than_the_identifiers_own_is_refused_for_prefix_redirect_uri():
    by_address = ClientIdentifier.parse("redirect_uri:https://office.example/cb")
    by_address.check_response_uri("https://office.example/cb")
    with pytest.raises(RequestError):
        by_address.check_response_uri("https://office.example/cb/")
