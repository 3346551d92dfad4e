# SPDX-License-Identifier: EUPL-1.2
"""secp256k1 keys in files: those that sign transactions, and those that seal the embedded node's blocks.

Two types, so that no key does both: `FileSealerKey` is a log's sealer, or deploys and registers; `FileSealKey` is
a validator of the embedded chain. The signing libraries are loaded at the first signature.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from ledger.chain.interface import SignedTransaction
from protocol.errors import ConfigurationError
from protocol.runtime.signer import read_secret_file, write_secret_file

_WORD_BYTES = 32


@dataclass(frozen=True)
class _FileKey:
    """An in-memory secp256k1 key."""

    address: str
    _secret: ec.EllipticCurvePrivateKey = field(compare=False, repr=False)

    @classmethod
    def generate(cls) -> Self:
        """Make a fresh key."""
        return cls._wrap(ec.generate_private_key(ec.SECP256K1()))

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Load an unencrypted PKCS#8 PEM. Raises `ConfigurationError` when it is no secp256k1 key."""
        try:
            secret = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as exc:
            raise ConfigurationError("configuration_error", "malformed secp256k1 key file") from exc
        if not isinstance(secret, ec.EllipticCurvePrivateKey) or not isinstance(secret.curve, ec.SECP256K1):
            raise ConfigurationError("configuration_error", "expected a private key on secp256k1")
        return cls._wrap(secret)

    @classmethod
    def _wrap(cls, secret: ec.EllipticCurvePrivateKey) -> Self:
        numbers = secret.public_key().public_numbers()
        digest: bytes = keccak(numbers.x.to_bytes(_WORD_BYTES) + numbers.y.to_bytes(_WORD_BYTES))
        return cls(address=str(to_checksum_address(digest[-20:])), _secret=secret)

    def pem(self) -> bytes:
        """Return the PKCS#8 PEM, unencrypted: for a file that only its owner can read."""
        return self._secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def _raw(self) -> bytes:
        return self._secret.private_numbers().private_value.to_bytes(_WORD_BYTES)


class FileSealerKey(_FileKey):
    """A key that signs transactions; a `SealerKey`."""

    def sign_transaction(self, transaction: dict[str, object]) -> SignedTransaction:
        """Return the signed transaction; deterministic (RFC 6979)."""
        from eth_account import Account  # noqa: PLC0415 - 0.7 s that a process without signatures does not spend

        signed = Account.sign_transaction(transaction, self._raw())
        return SignedTransaction(
            raw=bytes(signed.raw_transaction), hash=bytes(signed.hash), nonce=int(str(transaction["nonce"]))
        )


class FileSealKey(_FileKey):
    """A key that seals blocks: a validator of the embedded chain."""

    @property
    def validator(self) -> bytes:
        """The address, as it stands in a block."""
        return bytes.fromhex(self.address[2:])

    def seal(self, commit_hash: bytes) -> bytes:
        """Return the commit seal over this digest: r, s and the recovery bit; deterministic (RFC 6979)."""
        from eth_keys.datatypes import PrivateKey  # noqa: PLC0415 - as above

        signature: bytes = PrivateKey(self._raw()).sign_msg_hash(commit_hash).to_bytes()
        return signature


def open_seal_key(database: Path) -> FileSealKey:
    """Return the key beside a chain's file, made when neither is there.

    Raises `ConfigurationError` when the chain's file is there and the key is not.
    """
    path = database.with_name(f"{database.stem}-seal.key")
    if not path.exists() and not database.exists():
        write_secret_file(path, FileSealKey.generate().pem())
    return FileSealKey.from_pem(read_secret_file(path))


def open_sealer(url: str) -> FileSealerKey:
    """Return the key at this URL (`file:PATH`). Raises `ConfigurationError` on another scheme or a bad key."""
    scheme, _, rest = url.partition(":")
    if scheme != "file":
        raise ConfigurationError("configuration_error", f"no sealer key for scheme {scheme}")
    return FileSealerKey.from_pem(read_secret_file(Path(rest)))
