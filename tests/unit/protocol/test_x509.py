# SPDX-License-Identifier: EUPL-1.2
"""Each rule for a certificate chain has a chain that breaks this rule and no other."""

import base64
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from protocol.errors import Check, ConfigurationError, VerificationError
from protocol.keys import Algorithm
from protocol.x509 import (
    MAX_ANCHORS,
    MAX_CHAIN,
    Anchors,
    Purpose,
    VerifiedChain,
    encode_chain,
    parse_authority_key_identifiers,
    parse_chain,
)
from tests.fakes.certificates import (
    IDENTIFIER,
    NOW,
    authority,
    build,
    key_usage,
    leaf,
    make_key,
    make_name,
    signed_anew,
)

CONSTRAINTS = x509.NameConstraints([x509.UniformResourceIdentifier("issuer.example")], None)
ROOT = authority("root")
MIDDLE = authority("middle", ROOT)
LEAF = leaf(MIDDLE)


def verify(*chain, anchors=(ROOT,), purposes=(Purpose.ISSUER,), now=NOW):
    trusted = Anchors([each.certificate for each in anchors])
    return trusted.verify(encode_chain([each.certificate for each in chain]), purposes=purposes, now=now)


def refused(message, *chain, **options):
    with pytest.raises(VerificationError, match=message) as caught:
        verify(*chain, **options)
    assert caught.value.check is Check.ISSUER


# what holds


def test_chain_to_an_anchor_gives_what_its_leaf_says():
    found = verify(LEAF, MIDDLE)
    assert found.key.key == LEAF.key.public_key()
    assert (found.purpose, found.uris) == (Purpose.ISSUER, (IDENTIFIER,))
    digest = base64.urlsafe_b64encode(LEAF.certificate.fingerprint(hashes.SHA256())).rstrip(b"=")
    assert found.digest == digest.decode("ascii")
    assert found.not_before == NOW - timedelta(days=1)


def test_chain_of_three_and_chain_of_one_hold():
    lower = authority("lower", MIDDLE)
    assert verify(leaf(lower), lower, MIDDLE).purpose is Purpose.ISSUER
    assert verify(leaf(ROOT)).purpose is Purpose.ISSUER


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [("P-256", Algorithm.ES256), ("P-384", Algorithm.ES384), ("Ed25519", Algorithm.EDDSA)],
)
def test_key_of_each_algorithm_is_taken_from_leaf_and_authority(kind, algorithm):
    root = authority("root", kind=kind, digest=hashes.SHA384())
    assert verify(leaf(root, kind=kind, digest=hashes.SHA512()), anchors=[root]).key.algorithm is algorithm


def test_authority_key_identifiers_are_those_of_the_whole_chain():
    middle = authority(
        "middle", ROOT, extra=[(x509.AuthorityKeyIdentifier.from_issuer_public_key(ROOT.key.public_key()), False)]
    )
    chain = [leaf(middle), middle]
    expected = {x509.SubjectKeyIdentifier.from_public_key(each.key.public_key()).digest for each in (middle, ROOT)}
    assert verify(*chain).authority_key_identifiers == expected
    assert parse_authority_key_identifiers(encode_chain([c.certificate for c in chain])) == expected


def test_verified_chain_cannot_be_made_or_changed_by_anybody_else():
    found = verify(LEAF, MIDDLE)
    with pytest.raises(TypeError, match="only Anchors"):
        VerifiedChain(
            key=found.key,
            purpose=Purpose.ISSUER,
            uris=("https://other.example",),
            digest="",
            authority_key_identifiers=frozenset(),
            not_before=NOW,
            not_after=NOW,
            seal=object(),
        )
    with pytest.raises((TypeError, ValueError)):
        replace(found, uris=("https://other.example",))
    with pytest.raises(AttributeError):
        found.uris = ("https://other.example",)


# the header


@pytest.mark.parametrize("x5c", [None, [], "x", {}, ["!"], ["AAAA"], [1], [None], [["AA"]], ["é"], ["\ud800"]])
def test_header_of_another_shape_is_refused(x5c):
    with pytest.raises(VerificationError) as caught:
        Anchors([ROOT.certificate]).verify(x5c, purposes=[Purpose.ISSUER], now=NOW)
    assert caught.value.check is Check.ISSUER


def test_header_with_more_certificates_than_allowed_is_refused():
    text = encode_chain([LEAF.certificate])[0]
    assert len(parse_chain([text] * MAX_CHAIN)) == MAX_CHAIN
    with pytest.raises(VerificationError, match=f"1 to {MAX_CHAIN}"):
        parse_chain([text] * (MAX_CHAIN + 1))


# the path


@pytest.mark.case("V10", "W11", "T3", "I34")
def test_leaf_of_another_authority_is_refused():
    refused("does not end", LEAF, MIDDLE, anchors=[authority("root")])
    refused("does not end", LEAF, MIDDLE, anchors=[authority("elsewhere")])


@pytest.mark.case("V10", "W11", "I34")
def test_chain_that_contains_the_anchor_is_refused():
    refused("anchor itself", LEAF, MIDDLE, ROOT)
    refused("anchor itself", ROOT)


@pytest.mark.case("V10", "I34")
def test_chain_that_contains_the_anchor_under_another_signature_is_refused():
    again = signed_anew(ROOT)
    assert again.certificate != ROOT.certificate
    again.certificate.verify_directly_issued_by(ROOT.certificate)
    refused("anchor itself", LEAF, MIDDLE, again)


def test_chain_that_certifies_an_anchor_s_key_is_refused():
    other = authority("other")
    crossed = authority("root", other, key=ROOT.key)
    refused("anchor itself", leaf(ROOT), crossed, anchors=[ROOT, other])


@pytest.mark.case("V10", "W11", "T3", "I34")
def test_self_signed_leaf_is_refused():
    refused(
        "authority's or self-signed", leaf(None, constraints=x509.BasicConstraints(ca=False, path_length=None))
    )
    refused("authority's or self-signed", authority("somebody"))


def test_leaf_with_the_name_of_its_issuer_is_refused():
    refused("authority's or self-signed", leaf(ROOT, "root"))


def test_leaf_that_is_an_authority_is_refused():
    refused("authority's or self-signed", MIDDLE)
    refused("authority's or self-signed", leaf(ROOT, constraints=x509.BasicConstraints(ca=True, path_length=0)))


def test_leaf_that_may_sign_certificates_is_refused():
    usage = key_usage(digital_signature=True, key_cert_sign=True)
    refused("authority's or self-signed", leaf(ROOT, usage=usage))


def test_certificate_that_is_there_twice_is_refused():
    refused("a key twice", LEAF, MIDDLE, MIDDLE)
    refused("a key twice", LEAF, LEAF)
    refused("a key twice", LEAF, MIDDLE, signed_anew(MIDDLE))


def test_certificate_that_the_path_does_not_need_is_refused():
    refused("not issued by the next|does not end", leaf(ROOT), MIDDLE)
    refused("does not end", LEAF, MIDDLE, authority("stranger", authority("far")))


def test_chain_in_another_order_is_refused():
    refused("authority's", MIDDLE, LEAF)
    lower = authority("lower", MIDDLE)
    refused("not issued|does not end", leaf(lower), MIDDLE, lower)


def test_chain_with_a_certificate_missing_is_refused():
    refused("does not end", LEAF)


def test_leaf_signed_by_another_key_under_the_issuer_s_name_is_refused():
    impostor = authority("middle", ROOT)
    forged = leaf(impostor, identifier=x509.AuthorityKeyIdentifier.from_issuer_public_key(MIDDLE.key.public_key()))
    refused("not issued by the next", forged, MIDDLE)


def test_leaf_with_another_issuer_s_name_is_refused():
    forged = leaf(MIDDLE, issuer_name=make_name("Middle"))
    refused("not issued by the next", forged, MIDDLE)


def test_leaf_whose_issuer_s_signature_is_of_another_kind_of_key_is_refused():
    impostor = authority("middle", ROOT, kind="Ed25519")
    forged = leaf(impostor, identifier=x509.AuthorityKeyIdentifier.from_issuer_public_key(MIDDLE.key.public_key()))
    refused("not issued by the next", forged, MIDDLE)
    other = authority("middle", ROOT, kind="Ed25519")
    forged = leaf(MIDDLE, identifier=x509.AuthorityKeyIdentifier.from_issuer_public_key(other.key.public_key()))
    refused("not issued by the next", forged, other)


def test_chain_whose_issuer_is_no_authority_is_refused():
    holder = leaf(ROOT, "holder")
    refused("no authority", leaf(holder), holder)
    may_certify = key_usage(digital_signature=True, key_cert_sign=True)
    for constraints in (None, x509.BasicConstraints(ca=False, path_length=None)):
        holder = leaf(ROOT, "holder", usage=may_certify, constraints=constraints)
        refused("no authority", leaf(holder), holder)


# key identifiers


def test_leaf_that_names_another_key_of_its_issuer_is_refused():
    other = x509.AuthorityKeyIdentifier.from_issuer_public_key(make_key().public_key())
    refused("does not end", leaf(ROOT, identifier=other))


def named(issuer, *, serial=None, name=None, key_identifier=None):
    names = [x509.DirectoryName(name or issuer.certificate.issuer)]
    number = issuer.certificate.serial_number if serial is None else serial
    return x509.AuthorityKeyIdentifier(key_identifier, names, number)


def test_leaf_that_names_its_issuer_s_certificate_holds_only_if_it_is_that_one():
    assert verify(leaf(ROOT, identifier=named(ROOT)))
    refused("does not end", leaf(ROOT, identifier=named(ROOT, serial=5)))
    refused("does not end", leaf(ROOT, identifier=named(ROOT, name=make_name("other"))))


def test_key_identifier_that_the_issuer_does_not_state_is_no_contradiction():
    key = make_key()
    silent = build(
        "silent",
        None,
        key,
        [(x509.BasicConstraints(ca=True, path_length=None), True), (key_usage(key_cert_sign=True), True)],
    )
    assert verify(leaf(silent), anchors=[silent])


# validity


@pytest.mark.case("V10", "W11", "I34")
@pytest.mark.parametrize("shift", [timedelta(days=-2), timedelta(days=366)])
def test_chain_outside_its_validity_is_refused(shift):
    refused("not valid today", LEAF, MIDDLE, now=NOW + shift)


@pytest.mark.case("V10", "W11", "I34")
@pytest.mark.parametrize("part", [0, 1, 2])
def test_chain_with_one_expired_certificate_is_refused(part):
    times = [{} for _ in range(3)]
    times[part] = {"not_after": NOW - timedelta(seconds=1)}
    root = authority("root", **times[2])
    middle = authority("middle", root, **times[1])
    refused("not valid today", leaf(middle, **times[0]), middle, anchors=[root])


@pytest.mark.parametrize("part", [0, 1, 2])
def test_chain_with_one_certificate_of_the_future_is_refused(part):
    times = [{} for _ in range(3)]
    times[part] = {"not_before": NOW + timedelta(seconds=1)}
    root = authority("root", **times[2])
    middle = authority("middle", root, **times[1])
    refused("not valid today", leaf(middle, **times[0]), middle, anchors=[root])


def test_chain_is_valid_in_its_first_and_in_its_last_second():
    held = leaf(ROOT, not_before=NOW, not_after=NOW + timedelta(days=1))
    assert verify(held, now=NOW)
    assert verify(held, now=NOW + timedelta(days=1))
    refused("not valid today", held, now=NOW - timedelta(microseconds=1))
    refused("not valid today", held, now=NOW + timedelta(days=1, microseconds=1))


def test_chain_that_was_seen_valid_is_refused_once_it_has_expired():
    trusted, x5c = Anchors([ROOT.certificate]), encode_chain([LEAF.certificate, MIDDLE.certificate])
    assert trusted.verify(x5c, purposes=[Purpose.ISSUER], now=NOW)
    with pytest.raises(VerificationError, match="not valid today"):
        trusted.verify(x5c, purposes=[Purpose.ISSUER], now=NOW + timedelta(days=366))
    assert trusted.verify(x5c, purposes=[Purpose.ISSUER], now=NOW)


def test_renewed_anchor_carries_on_where_the_old_one_ends():
    key = make_key()
    old = authority("root", key=key, not_after=NOW)
    new = authority("root", key=key, not_before=NOW - timedelta(days=1))
    held = leaf(old)
    assert verify(held, anchors=[old, new], now=NOW + timedelta(days=1))
    refused("not valid today", held, anchors=[old], now=NOW + timedelta(days=1))


# what authorities may


def test_path_longer_than_an_authority_allows_is_refused():
    middle = authority("middle", ROOT, path_length=0)
    lower = authority("lower", middle)
    assert verify(leaf(middle), middle)
    refused("so many others below", leaf(lower), lower, middle)


def test_path_longer_than_the_anchor_allows_is_refused():
    root = authority("root", path_length=0)
    middle = authority("middle", root)
    assert verify(leaf(root), anchors=[root])
    refused("anchor does not allow", leaf(middle), middle, anchors=[root])
    root = authority("root", path_length=1)
    middle = authority("middle", root)
    assert verify(leaf(middle), middle, anchors=[root])


def test_anchor_that_forbids_the_path_does_not_spoil_another_one_that_allows_it():
    key = make_key()
    narrow, wide = authority("root", key=key, path_length=0), authority("root", key=key)
    middle = authority("middle", wide)
    assert verify(leaf(middle), middle, anchors=[narrow, wide])


def test_authority_for_other_purposes_is_refused():
    usages = x509.ExtendedKeyUsage([ObjectIdentifier(Purpose.ACCESS.value)])
    middle = authority("middle", ROOT, extra=[(usages, False)])
    refused("not for this purpose", leaf(middle), middle)
    assert verify(leaf(middle, usages=[Purpose.ACCESS.value]), middle, purposes=[Purpose.ACCESS])


def test_authority_for_any_purpose_must_name_ours_too():
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    middle = authority("middle", ROOT, extra=[(usages, False)])
    refused("not for this purpose", leaf(middle), middle)


def test_authority_that_may_not_sign_certificates_is_refused():
    middle = authority("middle", ROOT, usage=key_usage(crl_sign=True, digital_signature=True))
    refused("no authority", leaf(middle), middle)
    middle = authority("middle", ROOT, without_usage=True)
    refused("no authority", leaf(middle), middle)


def test_authority_whose_basic_constraints_may_be_overlooked_is_refused():
    middle = authority("middle", ROOT, constraints=(x509.BasicConstraints(ca=True, path_length=None), False))
    refused("not critical", leaf(middle), middle)


def test_authority_that_issued_its_certificate_itself_is_refused():
    rolled = authority("root", ROOT)
    refused("issued its certificate itself", leaf(rolled), rolled)


# what leaves may


def test_leaf_for_another_purpose_is_refused():
    refused("purpose access", LEAF, MIDDLE, purposes=[Purpose.ACCESS])
    refused("purpose access or registrar", LEAF, MIDDLE, purposes=[Purpose.REGISTRAR, Purpose.ACCESS])


def test_no_purpose_is_no_pass():
    refused("not for the purpose", LEAF, MIDDLE, purposes=[])


@pytest.mark.case("V10")
def test_leaf_that_may_not_sign_is_refused():
    refused("may not sign", leaf(ROOT, usage=key_usage(key_agreement=True, content_commitment=True)))
    extensions = [(x509.ExtendedKeyUsage([ObjectIdentifier(Purpose.ISSUER.value)]), False)]
    refused("may not sign", build("leaf", ROOT, make_key(), extensions))


@pytest.mark.parametrize(
    "usages",
    [
        None,
        [ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string],
        [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string],
        [Purpose.ISSUER.value, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string],
        [Purpose.ISSUER.value, Purpose.ACCESS.value],
    ],
)
def test_leaf_for_no_purpose_of_ours_or_for_several_is_refused(usages):
    refused("exactly one purpose", leaf(ROOT, usages=usages))


def test_leaf_for_one_purpose_of_ours_and_one_of_another_s_holds():
    assert verify(leaf(ROOT, usages=[Purpose.ISSUER.value, ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string]))


def test_leaf_without_names_says_none():
    extensions = [
        (key_usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage([ObjectIdentifier(Purpose.ISSUER.value)]), False),
    ]
    assert verify(build("leaf", ROOT, make_key(), extensions)).uris == ()


# anchors


def test_empty_anchors_are_no_pass():
    with pytest.raises(ConfigurationError, match="1 to"):
        Anchors([])


def test_anchors_up_to_the_most_are_taken_and_more_are_not():
    assert verify(leaf(ROOT), anchors=[ROOT] * MAX_ANCHORS)
    with pytest.raises(ConfigurationError, match="1 to"):
        Anchors([ROOT.certificate] * (MAX_ANCHORS + 1))


@pytest.mark.parametrize(
    "anchor",
    [
        LEAF,
        authority("root", usage=key_usage(digital_signature=True)),
        authority("root", extra=[(CONSTRAINTS, True)]),
        authority("root", kind="RSA"),
        leaf(None, usage=key_usage(key_cert_sign=True)),
    ],
)
def test_anchor_that_cannot_be_one_stops_the_start(anchor):
    for anchors in ([anchor.certificate], [ROOT.certificate, anchor.certificate]):
        with pytest.raises(ConfigurationError):
            Anchors(anchors)
