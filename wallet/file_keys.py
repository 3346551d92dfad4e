# SPDX-License-Identifier: EUPL-1.2
"""A wallet's keys in a folder: for the command line, the demo and tests, through the same core as the browser.

The folder holds the data key and one PEM file per private key, readable by their owner alone. Holder keys and
consent keys are kept apart, and each signs only what its kind is for.
"""

from __future__ import annotations

from pathlib import Path

from protocol import jws
from protocol.encoding import b64url_decode
from protocol.errors import RequestError
from protocol.keys import PrivateKey, PublicKey
from protocol.runtime.signer import read_secret_file, write_secret_file
from wallet.signing import CONSENT_PURPOSES, HOLDER_PURPOSES, TYPES, Purpose, Step
from wallet.vault import DataKey, StorageKey, derive_storage_key, new_data_key

_HOLDER, _CONSENT = "holder", "consent"
_PURPOSES: dict[str, frozenset[Purpose]] = {_HOLDER: HOLDER_PURPOSES, _CONSENT: CONSENT_PURPOSES}


class FileKeys:
    """The keys of one folder; a `StepSigner`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data_key_file = folder / "data.key"
        if not self._data_key_file.exists():
            write_secret_file(self._data_key_file, new_data_key())

    @property
    def storage_key(self) -> StorageKey:
        """The key that seals documents and records."""
        return derive_storage_key(DataKey(read_secret_file(self._data_key_file)))

    def new_holder_key(self) -> PublicKey:
        """Make a key for one copy of a credential and return its public part."""
        return self._new(_HOLDER)

    def new_consent_key(self) -> PublicKey:
        """Make the key of one share and return its public part."""
        return self._new(_CONSENT)

    def sign(self, step: Step) -> bytes:
        """Return the signature. Raises `RequestError` when the key is not here or not for such a purpose."""
        kind = next((kind for kind in _PURPOSES if self._file(kind, step.key).exists()), None)
        if kind is None:
            raise RequestError("unknown_key", "the key to sign with is not in this folder")
        header = jws.parse(f"{step.input.text}.AA").header
        if step.purpose not in _PURPOSES[kind] or header.get("typ") != TYPES[step.purpose]:
            raise RequestError("wrong_purpose", f"a {kind} key does not sign for this purpose")
        return PrivateKey.from_pem(read_secret_file(self._file(kind, step.key))).sign(
            step.input.text.encode("ascii")
        )

    def _new(self, kind: str) -> PublicKey:
        key = PrivateKey.generate()
        write_secret_file(self._file(kind, key.public_key), key.pem())
        return key.public_key

    def _file(self, kind: str, key: PublicKey) -> Path:
        # a thumbprint is base64url, so it is a safe file name on any system that tells cases apart
        return self._folder / kind / f"{b64url_decode(key.thumbprint()).hex()}.pem"
