# SPDX-License-Identifier: EUPL-1.2
"""Each rule for one certificate, whoever issued it, has a certificate that breaks this rule and no other."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ObjectIdentifier

from protocol.errors import Check, ConfigurationError, VerificationError
from protocol.x509 import Anchors, Purpose, encode_chain, parse_chain
from protocol.x509.certificate import MAX_CERTIFICATE_BYTES, MAX_SERIAL_BITS
from tests.fakes.certificates import NOW, authority, build, leaf, make_key, make_name

ROOT = authority("root")
LEAF = leaf(ROOT)
UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")
CONSTRAINTS = x509.NameConstraints([x509.UniformResourceIdentifier("issuer.example")], None)


def verify(*chain, anchors=(ROOT,)):
    trusted = Anchors([each.certificate for each in anchors])
    return trusted.verify(encode_chain([c.certificate for c in chain]), purposes=[Purpose.ISSUER], now=NOW)


def refused(message, *chain, **options):
    with pytest.raises(VerificationError, match=message) as caught:
        verify(*chain, **options)
    assert caught.value.check is Check.ISSUER


@pytest.mark.parametrize("kind", ["P-521", "secp256k1", "RSA"])
def test_leaf_with_another_kind_of_key_is_refused(kind):
    refused("key is not on P-256, P-384 or Ed25519", leaf(ROOT, kind=kind))


def of_size(size):
    """Return a certificate of exactly this many bytes: its signature varies, so that some are made."""
    filler = size - 380
    for _ in range(200):
        made = leaf(ROOT, uris=["https://issuer.example/" + "x" * filler])
        missing = size - len(made.certificate.public_bytes(Encoding.DER))
        if not missing:
            return made
        filler += missing
    raise AssertionError(size)


def test_certificate_of_the_largest_size_is_read_and_a_larger_one_is_not():
    assert verify(of_size(MAX_CERTIFICATE_BYTES)).key
    refused("longer than", of_size(MAX_CERTIFICATE_BYTES + 1))


def test_certificate_in_base64_that_is_not_canonical_is_refused():
    der = next(
        each
        for each in (leaf(ROOT).certificate.public_bytes(Encoding.DER) for _ in range(100))
        if len(each) % 3 == 1
    )
    text = base64.b64encode(der).decode("ascii")
    stray = text[:-3] + chr(ord(text[-3]) + 1) + "=="
    with pytest.raises(VerificationError, match="canonical"):
        parse_chain([stray])
    for other in (text.rstrip("="), text + "\n", text.replace("/", "_"), f" {text}"):
        if other != text:
            with pytest.raises(VerificationError):
                parse_chain([other])


def test_certificate_with_bytes_after_it_is_refused():
    der = LEAF.certificate.public_bytes(Encoding.DER)
    with pytest.raises(VerificationError, match="no certificate"):
        parse_chain([base64.b64encode(der + b"\x00").decode("ascii")])


def test_critical_extension_that_we_do_not_know_is_refused_everywhere():
    refused("critical extension", leaf(ROOT, extra=[(UNKNOWN, True)]))
    middle = authority("middle", ROOT, extra=[(UNKNOWN, True)])
    refused("critical extension", leaf(middle), middle)
    assert verify(leaf(ROOT, extra=[(UNKNOWN, False)]))


@pytest.mark.parametrize("critical", [True, False])
def test_name_constraints_are_refused_for_we_do_not_apply_them(critical):
    middle = authority("middle", ROOT, extra=[(CONSTRAINTS, critical)])
    refused("name constraints", leaf(middle), middle)


def test_certificate_without_the_name_of_its_issuer_is_refused():
    root = authority("")
    with pytest.raises(ConfigurationError, match="who issued it"):
        verify(leaf(root), anchors=[root])
    refused("who issued it", leaf(ROOT, issuer_name=make_name("")))


def test_certificate_signed_with_an_algorithm_that_we_do_not_take_is_refused():
    root = authority("root", kind="RSA")
    refused("not signed by ECDSA", leaf(root))
    refused("not signed by ECDSA", leaf(ROOT, digest=hashes.SHA224()))


def test_serial_number_up_to_the_longest_is_taken():
    assert verify(leaf(ROOT, serial=2**MAX_SERIAL_BITS - 1))


def patched(holder, old, new):
    """Return the `x5c` value of a certificate with some of its bytes replaced, all lengths the same."""
    der = holder.certificate.public_bytes(Encoding.DER)
    assert der.count(old) == 1
    assert len(old) == len(new)
    return [base64.b64encode(der.replace(old, new)).decode("ascii")]


def patch_refused(message, holder, old, new):
    with pytest.raises(VerificationError, match=message) as caught:
        Anchors([ROOT.certificate]).verify(patched(holder, old, new), purposes=[Purpose.ISSUER], now=NOW)
    assert caught.value.check is Check.ISSUER


SERIAL = 0x6EADBEEFCAFE
SERIAL_DER = b"\x02\x06" + SERIAL.to_bytes(6)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.parametrize("number", [b"\x00" * 5 + b"\x01", b"\xee" * 6])
def test_serial_number_that_is_negative_or_oddly_encoded_is_refused(number):
    patch_refused("serial number|no certificate", leaf(ROOT, serial=SERIAL), SERIAL_DER, b"\x02\x06" + number)


def test_serial_number_that_the_library_warns_of_is_refused():
    patch_refused("no certificate", leaf(ROOT, serial=SERIAL), SERIAL_DER, b"\x02\x06" + b"\xee" * 6)


def test_serial_number_longer_than_allowed_is_refused():
    long = leaf(ROOT, serial=2**MAX_SERIAL_BITS - 1)
    octets = b"\x02\x14\x7f" + b"\xff" * 19
    # 21 octets: taken from the version before it, so that all lengths stay the same
    patch_refused("version|no certificate|serial", long, octets, b"\x02\x14\xff" + b"\xff" * 19)


def test_certificate_of_version_1_is_refused():
    der = leaf(ROOT).certificate.public_bytes(Encoding.DER)
    version = b"\xa0\x03\x02\x01\x02"
    # version 1 is said by saying nothing: both lengths before it shrink
    outer, inner = (int.from_bytes(der[at : at + 2]) - len(version) for at in (2, 6))
    first = der[:2] + outer.to_bytes(2) + der[4:6] + inner.to_bytes(2) + der[8:].removeprefix(version)
    with pytest.raises(VerificationError, match="version 3"):
        Anchors([ROOT.certificate]).verify(
            [base64.b64encode(first).decode("ascii")], purposes=[Purpose.ISSUER], now=NOW
        )


def test_certificate_of_a_version_that_there_is_not_is_refused():
    patch_refused("no certificate", leaf(ROOT), b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07")


@pytest.mark.parametrize(
    "extension",
    [
        x509.UnrecognizedExtension(x509.OID_BASIC_CONSTRAINTS, b"\xff"),
        x509.UnrecognizedExtension(x509.OID_AUTHORITY_KEY_IDENTIFIER, b"\xff"),
        # an x400Address, which the library does not read
        x509.UnrecognizedExtension(x509.oid.ExtensionOID.ISSUER_ALTERNATIVE_NAME, b"\x30\x02\xa3\x00"),
    ],
)
def test_extension_that_cannot_be_read_is_refused(extension):
    usages = x509.ExtendedKeyUsage([ObjectIdentifier(Purpose.ISSUER.value)])
    held = build("leaf", ROOT, make_key(), [(usages, False), (extension, False)])
    refused("cannot be read", held)


def test_extension_that_is_there_twice_is_refused():
    first = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    second = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.5"), b"\x05\x00")
    held = leaf(ROOT, extra=[(first, False), (second, False)])
    patch_refused("cannot be read", held, b"\x06\x03\x2a\x03\x05", b"\x06\x03\x2a\x03\x04")


def test_key_on_a_curve_that_the_library_does_not_know_is_refused():
    oid = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
    patch_refused("cannot be read", leaf(ROOT), oid, oid[:-1] + b"\x63")


def test_name_that_cannot_be_read_is_refused():
    patch_refused("cannot be read", leaf(ROOT, "leaf of ours"), b"leaf of ours", b"leaf of our\xff")


def test_key_that_is_not_on_its_curve_is_refused():
    held = leaf(ROOT)
    numbers = held.key.public_key().public_numbers()
    patch_refused("cannot be read", held, numbers.y.to_bytes(32), (numbers.y ^ 1).to_bytes(32))


def test_signature_with_unused_bits_is_refused():
    """They are outside of what is signed, so that anybody could give a certificate another digest by them."""
    held = next(each for each in (leaf(ROOT) for _ in range(100)) if each.certificate.signature[-1] % 2 == 0)
    signature = held.certificate.signature
    patch_refused("whole octets", held, b"\x00" + signature, b"\x01" + signature)
