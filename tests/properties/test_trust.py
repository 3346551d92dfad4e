# SPDX-License-Identifier: EUPL-1.2
"""No chain but a true one is accepted, and nothing that is read here raises anything but our own errors."""

from __future__ import annotations

import base64
import contextlib
import copy
from itertools import product

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.encoding import b64url_encode, sha256
from protocol.errors import Error, VerificationError
from protocol.keys import PrivateKey
from protocol.trust.entries import Entries
from protocol.x509 import MAX_CHAIN, Anchors, Purpose, encode_chain, parse_chain
from tests.fakes.certificates import IDENTIFIER, NOW, authority, key_usage, leaf, make_key, signed_anew

ROOT, STRANGER = authority("root"), authority("root")
MIDDLE = authority("middle", ROOT)
KEY = make_key()
POOL = {
    "root": ROOT,
    "stranger": STRANGER,
    "middle": MIDDLE,
    "middle of the stranger": authority("middle", STRANGER),
    "lower": authority("lower", MIDDLE),
    "narrow": authority("narrow", ROOT, path_length=0),
    "leaf": leaf(ROOT),
    "second leaf": leaf(ROOT),
    "leaf of the stranger": leaf(STRANGER),
    "leaf of middle": leaf(MIDDLE),
    "self-signed": leaf(None),
    "for asking": leaf(ROOT, usages=[Purpose.ACCESS.value]),
    "root again": signed_anew(ROOT),
    "middle by another": authority("middle", ROOT, key=KEY),
}
POOL["leaf of lower"] = leaf(POOL["lower"])
POOL["leaf of narrow"] = leaf(POOL["narrow"])
POOL["below narrow"] = authority("below", POOL["narrow"])
POOL["leaf below narrow"] = leaf(POOL["below narrow"])
POOL["leaf of a leaf"] = leaf(POOL["leaf"])
POOL["certifying leaf"] = leaf(ROOT, usage=key_usage(digital_signature=True, key_cert_sign=True))
POOL["leaf of a certifying leaf"] = leaf(POOL["certifying leaf"])
# how they were made, not how they look
TRUE_CHAINS = {
    ("leaf",),
    ("second leaf",),
    ("leaf of middle", "middle"),
    ("leaf of narrow", "narrow"),
    ("leaf of lower", "lower", "middle"),
}
TEXTS = {name: encode_chain([each.certificate])[0] for name, each in POOL.items()}
ANCHORS = Anchors([ROOT.certificate])


def verify(x5c):
    return ANCHORS.verify(x5c, purposes=[Purpose.ISSUER], now=NOW)


@pytest.mark.case("V10", "W11", "I34")
def test_only_true_chains_of_all_that_can_be_put_together_are_accepted():
    accepted = set()
    for length in range(1, MAX_CHAIN + 1):
        for names in product(POOL, repeat=length):
            try:
                verify([TEXTS[name] for name in names])
            except VerificationError:
                continue
            accepted.add(names)
    assert accepted == TRUE_CHAINS


@pytest.mark.parametrize("shift", range(8))
def test_chain_with_any_bit_turned_is_not_accepted(shift):
    for names in (("leaf",), ("leaf of middle", "middle")):
        for place, name in enumerate(names):
            der = base64.b64decode(TEXTS[name])
            for at in range(len(der)):
                changed = bytearray(der)
                changed[at] ^= 1 << ((at + shift) % 8)
                x5c = [TEXTS[each] for each in names]
                x5c[place] = base64.b64encode(bytes(changed)).decode("ascii")
                with pytest.raises(VerificationError):
                    verify(x5c)


@settings(deadline=None, max_examples=400)
@given(
    st.sampled_from(sorted(TEXTS)),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_certificate_with_changed_bytes_raises_nothing_but_error(name, changes):
    der = bytearray(base64.b64decode(TEXTS[name]))
    for at, value in changes:
        der[at % len(der)] = value
    x5c = [base64.b64encode(bytes(der)).decode("ascii")]
    if x5c[0] == TEXTS[name]:
        return
    try:
        verify(x5c)
    except Error:
        return
    raise AssertionError(name)


@settings(deadline=None, max_examples=200)
@given(
    st.binary(min_size=1, max_size=60),
    st.sampled_from(
        [
            x509.OID_BASIC_CONSTRAINTS,
            x509.OID_KEY_USAGE,
            x509.OID_EXTENDED_KEY_USAGE,
            x509.OID_SUBJECT_ALTERNATIVE_NAME,
            x509.OID_AUTHORITY_KEY_IDENTIFIER,
            x509.OID_SUBJECT_KEY_IDENTIFIER,
            x509.OID_NAME_CONSTRAINTS,
            x509.OID_CERTIFICATE_POLICIES,
        ]
    ),
    st.booleans(),
)
def test_extension_of_any_content_raises_nothing_but_error(content, oid, critical):
    made = (
        x509.CertificateBuilder(ROOT.name, MIDDLE.name, KEY.public_key(), 1, NOW, NOW)
        .add_extension(x509.UnrecognizedExtension(oid, content), critical=critical)
        .sign(ROOT.key, hashes.SHA256())
    )
    with pytest.raises(Error):
        verify(encode_chain([made]))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(deadline=None)
@given(json_values)
def test_header_of_any_shape_raises_nothing_but_error(x5c):
    with pytest.raises(Error):
        parse_chain(x5c)


DIGEST = b64url_encode(sha256(b""))
CLAIMS = {
    "sequence": 1,
    "exp": 1_900_000_000,
    "administrations": [
        {
            "code": "A1",
            "name": {"ca": "Universitat"},
            "issuers": [
                {
                    "identifier": IDENTIFIER,
                    "credential_types": ["a", {"vct": "b", "valid_from": 1, "valid_until": 2}],
                    "valid_from": 1,
                }
            ],
            "verifiers": [{"client_id": "x509_hash:a", "procedures": [DIGEST]}],
        }
    ],
    "logs": [{"origin": "log", "promise_key": PrivateKey.generate().public_key.jwk(), "maximum_merge_delay": 60}],
}


def places(value, path=()):
    """Return the path of every value inside this one, itself too."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for name, item in inner for each in places(item, (*path, name)))]


@settings(deadline=None, max_examples=400)
@given(st.sampled_from([path for path in places(CLAIMS) if path]), json_values)
def test_trust_list_with_any_part_exchanged_raises_nothing_but_error(path, value):
    claims = copy.deepcopy(CLAIMS)
    inside = claims
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    with contextlib.suppress(Error):
        Entries.parse(claims)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4))
def test_trust_list_of_any_shape_raises_nothing_but_error(claims):
    with pytest.raises(Error):
        Entries.parse(claims)
