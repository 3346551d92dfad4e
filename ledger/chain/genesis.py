# SPDX-License-Identifier: EUPL-1.2
"""What starts a permissioned network: `python -m ledger.chain.genesis` makes node keys and the genesis file.

- A validator makes its key on its own machine and gives away the public half only.
- The genesis file names the first validators in its extra data, in Besu's QBFT form; every participant that has
  the same public keys gets the same bytes, so they can compare them by their digest.
- Fees are zero for good. London is the newest fork that the contracts need (`contracts/README.md`).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from eth_utils.crypto import keccak

from ledger.chain.qbft import ISTANBUL_MIX_HASH, MAX_VALIDATORS, VANITY_BYTES, ExtraData
from protocol.encoding import JSON
from protocol.errors import ConfigurationError, Error
from protocol.runtime.signer import write_secret_file

# Four bear one that fails or lies; fewer bear none that lies.
MIN_VALIDATORS = 4
BLOCK_PERIOD_SECONDS = 2
REQUEST_TIMEOUT_SECONDS = 4
EPOCH_LENGTH = 30_000
# Ten full anchors of 1,000 commitments.
GAS_LIMIT = 30_000_000
_MAX_CHAIN_ID = 2**53 - 1
_PUBLIC_KEY = re.compile(r"(?:0x|enode://)?([0-9a-f]{128})(?:@([A-Za-z0-9.\-\[\]:]+))?")


@dataclass(frozen=True)
class NodeIdentity:
    """The public half of a node's key, 64 bytes, by which peers know it; `place` is HOST:PORT, or empty."""

    public_key: bytes
    place: str = ""

    @classmethod
    def parse(cls, text: str) -> NodeIdentity:
        """Read a public key in hexadecimal, or a whole enode URL. Raises `ConfigurationError`."""
        match = _PUBLIC_KEY.fullmatch(text.strip())
        if match is None:
            raise ConfigurationError("configuration_error", "expected a public key of 128 hexadecimal digits")
        key = bytes.fromhex(match[1])
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), b"\x04" + key)
        except ValueError as exc:
            raise ConfigurationError("configuration_error", "the public key is no point of secp256k1") from exc
        return cls(key, match[2] or "")

    @property
    def address(self) -> bytes:
        """The address that seals blocks and stands in the genesis file."""
        digest: bytes = keccak(self.public_key)
        return digest[-20:]

    def enode(self, place: str) -> str:
        """Return the node's URL for its peers at `HOST:PORT`."""
        return f"enode://{self.public_key.hex()}@{place}"


def new_node_key() -> tuple[bytes, NodeIdentity]:
    """Make a node's key; return its file (hexadecimal, as Besu and GoQuorum read it) and its public half."""
    secret = ec.generate_private_key(ec.SECP256K1())
    point = secret.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    number = secret.private_numbers().private_value
    return number.to_bytes(32).hex().encode(), NodeIdentity(point[1:])


def make_extra_data(validators: Sequence[bytes]) -> bytes:
    """Return the extra data of a genesis block with these validators. Raises `ConfigurationError`."""
    if not MIN_VALIDATORS <= len(validators) <= MAX_VALIDATORS:
        wanted = f"{MIN_VALIDATORS} to {MAX_VALIDATORS}"
        raise ConfigurationError("configuration_error", f"expected {wanted} validators, got {len(validators)}")
    if len(set(validators)) != len(validators):
        raise ConfigurationError("configuration_error", "a validator is there twice")
    return ExtraData(bytes(VANITY_BYTES), tuple(sorted(validators))).encode()


def make_genesis(chain_id: int, validators: Sequence[bytes]) -> dict[str, JSON]:
    """Return Besu's genesis file for a network that starts with these validators. Raises `ConfigurationError`."""
    if not 0 < chain_id <= _MAX_CHAIN_ID:
        raise ConfigurationError("configuration_error", "expected a chain number from 1 to 2^53 - 1")
    return {
        "config": {
            "chainId": chain_id,
            "berlinBlock": 0,
            "londonBlock": 0,
            "zeroBaseFee": True,
            "qbft": {
                "epochlength": EPOCH_LENGTH,
                "blockperiodseconds": BLOCK_PERIOD_SECONDS,
                "requesttimeoutseconds": REQUEST_TIMEOUT_SECONDS,
            },
        },
        "nonce": "0x0",
        "timestamp": "0x0",
        "extraData": f"0x{make_extra_data(validators).hex()}",
        "gasLimit": hex(GAS_LIMIT),
        "difficulty": "0x1",
        "mixHash": f"0x{ISTANBUL_MIX_HASH.hex()}",
        "coinbase": f"0x{'00' * 20}",
        "alloc": {},
    }


def _new_key(path: Path) -> str:
    if path.exists():
        raise ConfigurationError("configuration_error", f"{path} is there already; a node keeps its key")
    key, identity = new_node_key()
    write_secret_file(path, key)
    return f"public key  {identity.public_key.hex()}\naddress     0x{identity.address.hex()}"


def _as_text(document: JSON) -> str:
    return json.dumps(document, indent=2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m ledger.chain.genesis", description="Start a permissioned network.")
    commands = parser.add_subparsers(dest="command", required=True)
    new_key = commands.add_parser("new-key", help="make a node's key; prints its public half")
    new_key.add_argument("file", type=Path, metavar="FILE", help="where the private key goes, for its owner only")
    make = commands.add_parser("make", help="print the genesis file of a network with these validators")
    make.add_argument("--chain-id", type=int, required=True, metavar="NUMBER", help="the network's own number")
    make.add_argument(
        "validators", nargs="+", metavar="PUBLIC_KEY", help="of each validator, 128 hexadecimal digits"
    )
    peers = commands.add_parser("static-nodes", help="print the list of nodes that every node connects to")
    peers.add_argument("nodes", nargs="+", metavar="PUBLIC_KEY@HOST:PORT", help="every node of the network")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    given = _parser().parse_args(argv)
    try:
        if given.command == "new-key":
            text = _new_key(given.file)
        elif given.command == "make":
            identities = [NodeIdentity.parse(each) for each in given.validators]
            text = _as_text(make_genesis(given.chain_id, [each.address for each in identities]))
        else:
            text = _as_text([_enode(each) for each in given.nodes])
    except Error as exc:
        print(f"genesis: {exc.message} ({exc.code})", file=sys.stderr)  # noqa: T201 - a command
        return 1
    print(text)  # noqa: T201 - a command
    return 0


def _enode(text: str) -> str:
    identity = NodeIdentity.parse(text)
    if not identity.place:
        raise ConfigurationError("configuration_error", "expected PUBLIC_KEY@HOST:PORT")
    return identity.enode(identity.place)


if __name__ == "__main__":
    sys.exit(main())
