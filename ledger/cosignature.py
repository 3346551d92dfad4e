# SPDX-License-Identifier: EUPL-1.2
"""Witnesses' signatures under a tree head, as C2SP tlog-cosignature (`cosignature/v1`, Ed25519).

A cosignature says: at this time, the largest consistent tree of this log that I had seen has this root. A witness
gives at most one root per size, so a log that shows two people two histories needs a dishonest witness as well.

- What is signed: `cosignature/v1`, `time SECONDS`, then the body of the checkpoint as it stands.
- The line in the note carries key identifier, time in eight bytes, signature; the key has note type 0x04.
- Only the Ed25519 form is read and made. Lines of others, also in other forms, are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.checkpoint import parse_note
from ledger.note import NAME, NoteKey, NoteSignature, load_secret
from protocol.clock import epoch_seconds, from_epoch
from protocol.errors import Check, ConfigurationError, RequestError, VerificationError

CODE = "invalid_cosignature"
TIME_BYTES = 8
SIGNATURE_BYTES = 64
# Clocks of two public bodies differ by seconds, not minutes.
CLOCK_SKEW = timedelta(seconds=60)


@dataclass(frozen=True)
class WitnessKey(NoteKey):
    """The public half of a witness's key; its text form is the verifier key of signed notes."""

    NOTE_TYPE = b"\x04"
    SIGNS = "witness"


@dataclass(frozen=True)
class Cosignature:
    """A verified cosignature: this witness had seen no larger tree at this moment."""

    witness: WitnessKey
    at: datetime


class Cosigner:
    """Cosigns tree heads with one Ed25519 key, used for nothing else. What it may sign is its caller's to know."""

    def __init__(self, name: str, secret: Ed25519PrivateKey) -> None:
        if not NAME.fullmatch(name):
            raise ConfigurationError("configuration_error", "a witness's name has neither space nor plus sign")
        self._secret = secret
        self.key = WitnessKey.of(name, secret)

    @classmethod
    def from_pem(cls, name: str, pem: bytes) -> Cosigner:
        """Load an unencrypted PKCS#8 PEM. Raises `ConfigurationError` when it is no Ed25519 key."""
        return cls(name, load_secret(pem, WitnessKey))

    def cosign(self, note: str, *, now: datetime) -> str:
        """Return the signature line for a note's checkpoint, with its end.

        The caller has verified the checkpoint, its consistency with all that this key signed before, and has made
        it durable. Raises `RequestError` when the note is none.
        """
        seconds = epoch_seconds(now)
        signature = self._secret.sign(_message(parse_note(note).body, seconds))
        line = NoteSignature(self.key.name, self.key.key_id, seconds.to_bytes(TIME_BYTES) + signature)
        return f"{line.line()}\n"


def verify(note: str, key: WitnessKey, *, now: datetime) -> Cosignature:
    """Return this witness's cosignature under a note. It says nothing about the log's own signature.

    Raises `RequestError` when the note is none and `VerificationError` (`receipt`, code `invalid_cosignature`)
    when this witness did not sign it, or later than now.
    """
    parsed = parse_note(note)
    for each in parsed.signatures:
        if each.is_by(key):
            return _verify(each.signature, parsed.body, key, now=now)
    raise _fail("checkpoint is not signed by this witness")


def find_cosignatures(note: str, keys: Iterable[WitnessKey], *, now: datetime) -> tuple[Cosignature, ...]:
    """Return the cosignatures of these witnesses that hold; one that does not counts as absent."""
    found = []
    for key in dict.fromkeys(keys):
        try:
            found.append(verify(note, key, now=now))
        except VerificationError:
            continue
    return tuple(found)


def without_others(note: str, log: NoteKey, witnesses: Iterable[WitnessKey], *, now: datetime) -> str:
    """Return a note with the log's own signature and these witnesses' cosignatures that hold, each once.

    Whoever serves a note can put any lines under it; what is kept or passed on carries no others. The caller has
    verified the log's signature. Raises `RequestError` when the note is none.
    """
    parsed = parse_note(note)
    keys = [log, *(each.witness for each in find_cosignatures(note, witnesses, now=now))]
    lines = [next(each for each in parsed.signatures if each.is_by(key)).line() for key in keys]
    return "\n".join([parsed.body, *lines, ""])


def _verify(raw: bytes, body: str, key: WitnessKey, *, now: datetime) -> Cosignature:
    if len(raw) != TIME_BYTES + SIGNATURE_BYTES:
        raise _fail("cosignature has another length")
    seconds = int.from_bytes(raw[:TIME_BYTES])
    try:
        key.verifier().verify(raw[TIME_BYTES:], _message(body, seconds))
        at = from_epoch(seconds)
    except InvalidSignature as exc:
        raise _fail("signature of the witness does not verify") from exc
    except RequestError as exc:
        raise _fail("cosignature is from an impossible time") from exc
    if at > now + CLOCK_SKEW:
        raise _fail("cosignature is from the future")
    return Cosignature(key, at)


def _message(body: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{body}".encode()


def _fail(message: str) -> VerificationError:
    return VerificationError(Check.RECEIPT, message, code=CODE)
