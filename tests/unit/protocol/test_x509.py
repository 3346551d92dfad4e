# SPDX-License-Identifier: EUPL-1.2
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from protocol.errors import Check, VerificationError
from protocol.keys import PrivateKey
from protocol.x509 import Purpose, encode_chain, verify_chain
from testimoni.development.authority import Authority

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
AUTHORITY = Authority.create(NOW)
KEY = PrivateKey.generate()
LEAF = AUTHORITY.issue_certificate(KEY.public_key, purpose=Purpose.ISSUER, name="x", uris=["http://x/y"], now=NOW)


def check(chain, *, anchors=None, purpose=Purpose.ISSUER, now=NOW):
    return verify_chain(
        encode_chain(chain), [AUTHORITY.root] if anchors is None else anchors, purpose=purpose, now=now
    )


def refused(message, chain, **options):
    with pytest.raises(VerificationError, match=message) as caught:
        check(chain, **options)
    assert caught.value.check is Check.ISSUER


def test_leaf_of_a_trusted_authority_gives_its_key_and_names():
    leaf = check([LEAF])
    assert leaf.key == KEY.public_key
    assert leaf.uris == ("http://x/y",)


def test_leaf_of_another_authority_is_refused():
    refused("does not end", [LEAF], anchors=[Authority.create(NOW).root])


def test_chain_that_contains_the_anchor_is_refused():
    refused("anchor itself", [LEAF, AUTHORITY.root])


def test_self_signed_leaf_is_refused():
    refused("anchor itself|does not end|authority's", [Authority.create(NOW).root])


def test_leaf_for_another_purpose_is_refused():
    refused("purpose access", [LEAF], purpose=Purpose.ACCESS)


@pytest.mark.parametrize("shift", [timedelta(days=-2), timedelta(days=800)])
def test_leaf_outside_its_validity_is_refused(shift):
    refused("not valid today", [LEAF], now=NOW + shift)


def test_chain_whose_issuer_is_no_authority_is_refused():
    other = AUTHORITY.issue_certificate(KEY.public_key, purpose=Purpose.ISSUER, name="z", now=NOW)
    refused("not issued by the next", [LEAF, other])


@pytest.mark.parametrize("oid", [x509.OID_BASIC_CONSTRAINTS, x509.OID_SUBJECT_ALTERNATIVE_NAME])
def test_chain_whose_issuer_has_an_unreadable_extension_is_refused(oid):
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "attacker")])
    crooked = (
        x509.CertificateBuilder(name, name, KEY.public_key.key, 1, NOW, NOW + timedelta(days=1))
        .add_extension(x509.UnrecognizedExtension(oid, b"\xff"), critical=False)
        .sign(KEY.secret, hashes.SHA256())
    )
    refused("cannot be read", [LEAF, crooked])


def test_empty_anchors_are_no_pass():
    refused("no trust anchor", [LEAF], anchors=[])


@pytest.mark.parametrize("x5c", [None, [], "x", ["!"], ["AAAA"], [1], ["AA"] * 4])
def test_malformed_header_is_refused(x5c):
    with pytest.raises(VerificationError):
        verify_chain(x5c, [AUTHORITY.root], purpose=Purpose.ISSUER, now=NOW)
