# SPDX-License-Identifier: EUPL-1.2
from __future__ import annotations

import base64

import pytest

from ledger import checkpoint as checkpoints
from ledger.checkpoint import Checkpoint, CheckpointKey, CheckpointSigner
from protocol.errors import ConfigurationError, RequestError, VerificationError
from protocol.keys import PrivateKey

ORIGIN = "ledger.example/2026"
# the example key of C2SP signed-note
PEER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


@pytest.fixture
def signer():
    return CheckpointSigner.from_pem(ORIGIN, checkpoints.new_key_pem())


@pytest.fixture
def head():
    return Checkpoint(ORIGIN, 1234, bytes(range(32)))


def test_signed_checkpoint_has_the_form_of_c2sp(signer, head):
    note = signer.sign(head)
    root = base64.b64encode(head.root).decode()
    assert note.startswith(f"{ORIGIN}\n1234\n{root}\n\n\u2014 {ORIGIN} ")
    assert checkpoints.verify(note, signer.key) == head
    assert checkpoints.parse_unverified(note) == head


def test_published_example_of_a_signed_note_key_is_read():
    key = CheckpointKey.parse(PEER_KEY)
    assert (key.name, key.key_id.hex(), key.text()) == ("PeterNeumann", "c74f20a3", PEER_KEY)


def test_signatures_of_witnesses_are_passed_over(signer, head):
    witness = base64.b64encode(b"\x00\x01\x02\x03" + bytes(72)).decode()
    note = signer.sign(head)
    body, ours = note.split("\n\n")
    both = f"{body}\n\n\u2014 witness.example {witness}\n{ours}"
    assert checkpoints.verify(both, signer.key) == head


def test_checkpoint_of_another_key_is_refused(signer, head):
    other = CheckpointSigner.from_pem(ORIGIN, checkpoints.new_key_pem())
    with pytest.raises(VerificationError, match="not signed"):
        checkpoints.verify(other.sign(head), signer.key)


def test_checkpoint_with_changed_size_is_refused(signer, head):
    with pytest.raises(VerificationError, match="does not verify"):
        checkpoints.verify(signer.sign(head).replace("1234", "1235"), signer.key)


def test_checkpoint_of_another_log_is_refused(signer, head):
    other = CheckpointKey("ledger.example/2027", signer.key.public)
    with pytest.raises(VerificationError, match="another log"):
        checkpoints.verify(signer.sign(head), other)


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace("\n1234\n", "\n01234\n"),
        lambda note: note.replace("\n1234\n", "\n-1\n"),
        lambda note: note.replace("\n\n", "\nextension\n\n"),
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.rstrip("\n"),
        lambda note: note.replace("\u2014", "-"),
        lambda note: note[:60],
        lambda _: "",
        lambda note: note + "x" * 20_000,
    ],
)
def test_malformed_checkpoint_is_refused(signer, head, change):
    with pytest.raises((RequestError, VerificationError)):
        checkpoints.verify(change(signer.sign(head)), signer.key)


@pytest.mark.parametrize("text", ["", "a+b", PEER_KEY[:-4], PEER_KEY.replace("c74f", "c74e"), "a b+00000000+AA=="])
def test_malformed_verifier_key_is_refused(text):
    with pytest.raises(RequestError):
        CheckpointKey.parse(text)


def test_key_file_of_another_kind_is_refused():
    with pytest.raises(ConfigurationError):
        CheckpointSigner.from_pem(ORIGIN, PrivateKey.generate().pem())
    with pytest.raises(ConfigurationError):
        CheckpointSigner.from_pem(ORIGIN, b"nonsense")


def test_origin_that_cannot_be_written_is_refused(signer, head):
    with pytest.raises(ConfigurationError):
        signer.sign(Checkpoint("two words", head.size, head.root))
