# SPDX-License-Identifier: EUPL-1.2
"""Cosignatures of witnesses: made, read, and refused when anything in them disagrees."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ledger import checkpoint as checkpoints
from ledger import cosignature
from ledger.checkpoint import Checkpoint, CheckpointSigner
from ledger.cosignature import Cosigner, WitnessKey
from ledger.note import NoteSignature
from protocol.errors import ConfigurationError, RequestError, VerificationError

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
LOG = CheckpointSigner("log.example/2026", Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
WITNESS = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32))
NOTE = LOG.sign(Checkpoint("log.example/2026", 24, bytes([9]) * 32))


def replaced(note: str, **changes: object) -> str:
    """Return the note with its last signature line changed."""
    lines = note.splitlines(keepends=True)
    parsed = NoteSignature.parse(lines[-1].rstrip("\n"))
    changed = NoteSignature(**{**vars(parsed), **changes})
    return "".join([*lines[:-1], changed.line() + "\n"])


@pytest.fixture
def cosigned() -> str:
    return NOTE + WITNESS.cosign(NOTE, now=NOW)


def test_cosignature_when_made_then_it_verifies_and_the_log_still_does(cosigned):
    assert cosignature.verify(cosigned, WITNESS.key, now=NOW).at == NOW
    assert checkpoints.verify(cosigned, LOG.key).size == 24


def test_cosignature_of_the_reference_implementation_verifies_and_ours_is_the_same():
    # made by github.com/transparency-dev/formats, note.NewSignerForCosignatureV1, with a key of thirty-two sevens
    key = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
    peer = Cosigner("witness.example.com/w1", key)
    body = f"localhost:8104/2026\n24\n{base64.b64encode(bytes([9]) * 32).decode()}\n\n"
    line = (
        "\u2014 witness.example.com/w1 gSKlqwAAAABrCMfWd9UeBjaFHANOAHQhan68JoVMamFgmUqoMo8xuNu8Ae25DyCUpntoYTEz9K"
        "oKqOe9Ob5M7IwVIfk8fCvYj5BXDw==\n"
    )
    found = cosignature.verify(body + line, peer.key, now=datetime(2026, 11, 28, tzinfo=UTC))
    assert peer.key.key_id.hex() == "8122a5ab"
    assert peer.cosign(body + line, now=found.at) == line


def test_key_when_written_and_read_then_it_is_the_same():
    assert WitnessKey.parse(WITNESS.key.text()) == WITNESS.key
    # the key of a log has another type
    for text in (LOG.key.text(), "witness", WITNESS.key.text() + "A", WITNESS.key.text().replace("w1", "w2")):
        with pytest.raises(RequestError):
            WitnessKey.parse(text)


def test_cosignature_from_the_future_is_refused(cosigned):
    assert cosignature.verify(cosigned, WITNESS.key, now=NOW - cosignature.CLOCK_SKEW).at == NOW
    with pytest.raises(VerificationError, match="future"):
        cosignature.verify(cosigned, WITNESS.key, now=NOW - cosignature.CLOCK_SKEW - timedelta(seconds=1))


def test_cosignature_with_another_time_or_signature_is_refused(cosigned):
    raw = NoteSignature.parse(cosigned.splitlines()[-1]).signature
    for changed in (
        (int.from_bytes(raw[:8]) - 1).to_bytes(8) + raw[8:],
        raw[:-1] + bytes([raw[-1] ^ 1]),
        raw[:-1],
        raw + b"\0",
        b"",
    ):
        with pytest.raises(VerificationError):
            cosignature.verify(replaced(cosigned, signature=changed), WITNESS.key, now=NOW)


def test_cosignature_of_an_impossible_time_is_refused():
    seconds = 1 << 63
    body = checkpoints.parse_note(NOTE).body
    signed = WITNESS._secret.sign(f"cosignature/v1\ntime {seconds}\n{body}".encode())
    line = NoteSignature(WITNESS.key.name, WITNESS.key.key_id, seconds.to_bytes(8) + signed).line()
    with pytest.raises(VerificationError, match="impossible time"):
        cosignature.verify(f"{NOTE}{line}\n", WITNESS.key, now=NOW)


def test_cosignature_moved_to_another_checkpoint_is_refused(cosigned):
    other = LOG.sign(Checkpoint("log.example/2026", 25, bytes([9]) * 32))
    with pytest.raises(VerificationError):
        cosignature.verify(other + cosigned.splitlines(keepends=True)[-1], WITNESS.key, now=NOW)


def test_signature_of_the_log_under_the_same_key_is_no_cosignature():
    # without the first two lines the message is another one
    log = CheckpointSigner("log.example/2026", WITNESS._secret)
    raw = checkpoints.parse_note(log.sign(Checkpoint("log.example/2026", 24, bytes([9]) * 32))).signatures[0]
    line = NoteSignature(WITNESS.key.name, WITNESS.key.key_id, bytes(8) + raw.signature).line()
    with pytest.raises(VerificationError):
        cosignature.verify(f"{NOTE}{line}\n", WITNESS.key, now=NOW)


def test_cosignatures_when_counted_then_each_known_witness_counts_once_and_bad_ones_not(cosigned):
    other = Cosigner("witness.example/w2", Ed25519PrivateKey.generate())
    both = cosigned + other.cosign(NOTE, now=NOW)
    keys = [WITNESS.key, WITNESS.key, other.key]
    assert len(cosignature.find_cosignatures(both, keys, now=NOW)) == 2
    assert len(cosignature.find_cosignatures(cosigned, keys, now=NOW)) == 1
    bad = replaced(both, signature=bytes(72))
    assert [each.witness for each in cosignature.find_cosignatures(bad, keys, now=NOW)] == [WITNESS.key]
    assert cosignature.find_cosignatures(both, (), now=NOW) == ()


def test_note_when_others_wrote_under_it_then_only_log_and_known_witnesses_stay(cosigned):
    stranger = Cosigner("witness.example/w2", Ed25519PrivateKey.generate())
    padding = f"\u2014 {'x' * 250} {'A' * 40}\n" * 40
    padded = padding + stranger.cosign(NOTE, now=NOW)
    body, signatures = cosigned.split("\n\n")
    note = f"{body}\n\n{padded}{signatures}{WITNESS.cosign(NOTE, now=NOW)}"
    keys = [WITNESS.key, WITNESS.key]
    assert cosignature.without_others(note, LOG.key, keys, now=NOW) == cosigned
    assert cosignature.without_others(note, LOG.key, (), now=NOW) == NOTE
    # one that does not hold is as good as absent
    forged = replaced(cosigned, signature=bytes(72))
    assert cosignature.without_others(forged, LOG.key, keys, now=NOW) == NOTE
    assert cosignature.without_others(cosigned, LOG.key, keys, now=NOW - timedelta(days=1)) == NOTE


def test_cosigner_when_the_file_or_the_name_is_another_then_refused():
    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, data in (("w", pem), ("w", b"no key"), ("a b", checkpoints.new_key_pem())):
        with pytest.raises(ConfigurationError):
            Cosigner.from_pem(name, data)
    assert Cosigner.from_pem("w", checkpoints.new_key_pem()).key.name == "w"
