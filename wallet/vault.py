# SPDX-License-Identifier: EUPL-1.2
"""The citizen's vault: which key opens what, and the one form of everything that is stored sealed.

A data key D of 32 random bytes is made where the citizen is (browser, or command line) and never leaves it
except wrapped under their passphrase. Two subkeys come from it by HKDF-SHA-256 (docs/adr/0003):

- the *storage key* seals documents, records and what was sent; it travels with each request that needs it;
- the *holder-keys key* seals the private keys that sign; it never leaves the citizen's device.

What this guarantees: a sealed blob opens only under its key, for its owner, kind, identifier and version, so that
blobs cannot be swapped, even by someone who can write the database. What it does not: protect from a program that
runs while the wallet is open (docs/privacy.md). The browser has the same in `static/vault.js`; both are
tested against `tests/vectors/vault.json`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass, field
from typing import NewType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol.encoding import JSON, b64url_decode, b64url_encode, canonical_json, get_member
from protocol.errors import Error, RequestError

DataKey = NewType("DataKey", bytes)
StorageKey = NewType("StorageKey", bytes)
HolderKeysKey = NewType("HolderKeysKey", bytes)

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
SALT_BYTES = 16
KDF = "PBKDF2-HMAC-SHA-256"
# OWASP's figure for PBKDF2-HMAC-SHA-256; the passphrase alone has 66 bits (static/words.js)
ROUNDS = 600_000
# fewer would make guessing cheap, more would lock out an old phone
MIN_ROUNDS, MAX_ROUNDS = 600_000, 5_000_000
STORAGE_INFO = b"testimoni/storage/1"
HOLDER_KEYS_INFO = b"testimoni/holder-keys/1"
# below the storage key
IDENTIFIERS_INFO = b"testimoni/identifiers/1"


class SealError(Error):
    """Something that was sealed does not open: damaged, swapped, or sealed under another key."""

    def __init__(self, message: str) -> None:
        super().__init__("sealed_data", message, status=500)


@dataclass(frozen=True)
class Actor:
    """Who acts (account), whom it is about (subject), and in what capacity."""

    account_id: str
    subject_id: str
    capacity: str = "self"

    @property
    def owner(self) -> str:
        """The owner that every sealed blob of this actor names."""
        return f"{self.account_id}/{self.subject_id}/{self.capacity}"


def new_data_key() -> DataKey:
    """Return a fresh data key."""
    return DataKey(secrets.token_bytes(KEY_BYTES))


def derive_storage_key(data_key: DataKey) -> StorageKey:
    """Return the key that seals documents and records."""
    return StorageKey(_derive(data_key, STORAGE_INFO))


def derive_holder_keys_key(data_key: DataKey) -> HolderKeysKey:
    """Return the key that seals private keys; it stays where the citizen is."""
    return HolderKeysKey(_derive(data_key, HOLDER_KEYS_INFO))


def parse_storage_key(text: JSON) -> StorageKey:
    """Return the storage key of its base64url text. Raises `RequestError` unless it has 32 bytes."""
    key = b64url_decode(text) if isinstance(text, str) else b""
    if len(key) != KEY_BYTES:
        raise RequestError("invalid_request", f"expected a storage key of {KEY_BYTES} bytes")
    return StorageKey(key)


def seal(
    key: bytes,
    plaintext: bytes,
    *,
    owner: str,
    kind: str,
    identifier: str,
    version: int,
    nonce: bytes | None = None,
) -> bytes:
    """Return nonce and ciphertext (AES-256-GCM), bound to owner, kind, identifier and version.

    `nonce` is for vectors only; otherwise it is random.
    """
    nonce = nonce or secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, _associated(owner, kind, identifier, version))


def unseal(key: bytes, sealed: bytes, *, owner: str, kind: str, identifier: str, version: int) -> bytes:
    """Return the plaintext. Raises `SealError` when key, owner, kind, identifier or version is another."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise SealError("too short to be sealed")
    nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, _associated(owner, kind, identifier, version))
    except InvalidTag as exc:
        raise SealError(f"a sealed {kind} does not open") from exc


@dataclass(frozen=True)
class Sealer:
    """Seals and opens what belongs to one actor, under their storage key."""

    actor: Actor
    _key: StorageKey = field(repr=False)

    def seal(self, kind: str, identifier: str, version: int, plaintext: bytes) -> bytes:
        """Return the sealed form."""
        return seal(
            self._key, plaintext, owner=self.actor.owner, kind=kind, identifier=identifier, version=version
        )

    def unseal(self, kind: str, identifier: str, version: int, sealed: bytes) -> bytes:
        """Return the plaintext. Raises `SealError`."""
        return unseal(self._key, sealed, owner=self.actor.owner, kind=kind, identifier=identifier, version=version)

    def identify(self, *parts: str) -> str:
        """Return an identifier of these parts, always the same, from which nobody else learns them."""
        key = _derive(self._key, IDENTIFIERS_INFO)
        return b64url_encode(hmac.digest(key, canonical_json([self.actor.owner, *parts]), "sha256"))[:22]


@dataclass(frozen=True)
class WrappedKey:
    """The data key under a passphrase, with all that is needed to try one. Safe to store."""

    kdf: str
    salt: bytes
    rounds: int
    nonce: bytes
    wrapped: bytes

    @classmethod
    def parse(cls, value: JSON) -> WrappedKey:
        """Return the wrapped key. Raises `RequestError` when a part is missing, short or weak."""
        if not isinstance(value, dict) or value.get("kdf") != KDF:
            raise RequestError("invalid_request", f"expected a key wrapped under {KDF}")
        wrapped = cls(
            kdf=KDF,
            salt=b64url_decode(get_member(value, "salt", str)),
            rounds=get_member(value, "rounds", int),
            nonce=b64url_decode(get_member(value, "nonce", str)),
            wrapped=b64url_decode(get_member(value, "wrapped", str)),
        )
        sizes = (len(wrapped.salt), len(wrapped.nonce), len(wrapped.wrapped))
        if sizes != (SALT_BYTES, NONCE_BYTES, KEY_BYTES + TAG_BYTES):
            raise RequestError("invalid_request", "a part of the wrapped key has another length than expected")
        if not MIN_ROUNDS <= wrapped.rounds <= MAX_ROUNDS:
            raise RequestError("invalid_request", f"expected {MIN_ROUNDS} to {MAX_ROUNDS} rounds")
        return wrapped

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON form."""
        return {
            "kdf": self.kdf,
            "salt": b64url_encode(self.salt),
            "rounds": self.rounds,
            "nonce": b64url_encode(self.nonce),
            "wrapped": b64url_encode(self.wrapped),
        }


def wrap_data_key(
    data_key: DataKey, passphrase: str, *, account_id: str, salt: bytes | None = None, nonce: bytes | None = None
) -> WrappedKey:
    """Return the data key under a passphrase; `salt` and `nonce` are for vectors only."""
    salt, nonce = salt or secrets.token_bytes(SALT_BYTES), nonce or secrets.token_bytes(NONCE_BYTES)
    key = _stretch(passphrase, salt, ROUNDS)
    sealed = seal(key, data_key, owner=account_id, kind="data-key", identifier="vault", version=1, nonce=nonce)
    return WrappedKey(kdf=KDF, salt=salt, rounds=ROUNDS, nonce=nonce, wrapped=sealed[NONCE_BYTES:])


def unwrap_data_key(wrapped: WrappedKey, passphrase: str, *, account_id: str) -> DataKey:
    """Return the data key. Raises `SealError` when the passphrase is another."""
    key = _stretch(passphrase, wrapped.salt, wrapped.rounds)
    sealed = wrapped.nonce + wrapped.wrapped
    return DataKey(unseal(key, sealed, owner=account_id, kind="data-key", identifier="vault", version=1))


def normalise_passphrase(text: str) -> str:
    """Return the words as they are stretched: lower case, no accents, one space between."""
    plain = unicodedata.normalize("NFD", text.lower())
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def _stretch(passphrase: str, salt: bytes, rounds: int) -> bytes:
    words = normalise_passphrase(passphrase).encode()
    return hashlib.pbkdf2_hmac("sha256", words, salt, rounds, KEY_BYTES)


def _derive(data_key: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=b"", info=info).derive(data_key)


def _associated(owner: str, kind: str, identifier: str, version: int) -> bytes:
    return canonical_json({"id": identifier, "kind": kind, "owner": owner, "version": version})
