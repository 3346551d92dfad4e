# SPDX-License-Identifier: EUPL-1.2
"""The development log: its keys and its chain's, its contract there, and what auditors are told of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from ledger import checkpoint
from ledger.chain.sealer import FileSealerKey, FileSealKey
from ledger.checkpoint import CheckpointSigner
from ledger.trust import AuditedLog, TrustedChain, log_id, since_the_start
from protocol.keys import PrivateKey
from protocol.runtime.signer import read_secret_file, write_secret_file

CHAIN_ID = 20261121
# an entry is in a signed tree head after at most this time; batches close every two seconds in development
MAXIMUM_MERGE_DELAY = timedelta(seconds=60)
BATCH_INTERVAL_SECONDS = 2


@dataclass(frozen=True)
class LogFiles:
    """Where the log's keys and its contract's address are kept."""

    folder: Path

    @property
    def promise_key(self) -> Path:
        """The ES256 key that signs promises."""
        return self.folder / "log-promise.key"

    @property
    def checkpoint_key(self) -> Path:
        """The Ed25519 key that signs tree heads."""
        return self.folder / "log-checkpoint.key"

    @property
    def sealer_key(self) -> Path:
        """The secp256k1 key that anchors."""
        return self.folder / "log-sealer.key"

    @property
    def seal_key(self) -> Path:
        """The secp256k1 key with which the embedded chain's one validator seals its blocks."""
        return self.folder / "chain-seal.key"

    @property
    def state(self) -> Path:
        """The log's origin and its contract's address, fixed when it is made."""
        return self.folder / "log.json"

    @property
    def sealer_address(self) -> str:
        """The account that anchors."""
        return FileSealerKey.from_pem(read_secret_file(self.sealer_key)).address

    def make_keys(self) -> None:
        """Make the keys that are not there yet."""
        makers: dict[Path, Callable[[], bytes]] = {
            self.promise_key: lambda: PrivateKey.generate().pem(),
            self.checkpoint_key: checkpoint.new_key_pem,
            self.sealer_key: lambda: FileSealerKey.generate().pem(),
            self.seal_key: lambda: FileSealKey.generate().pem(),
        }
        for path, make in makers.items():
            if not path.exists():
                write_secret_file(path, make())


def name_log(files: LogFiles, *, origin: str) -> AuditedLog:
    """Return the log without its chain (`origin` counts only as long as there is none)."""
    if files.state.exists():
        origin = json.loads(files.state.read_text())["origin"]
    return AuditedLog(
        origin=origin,
        checkpoint_key=CheckpointSigner.from_pem(origin, read_secret_file(files.checkpoint_key)).key,
        promise_key=PrivateKey.from_pem(read_secret_file(files.promise_key)).public_key,
        maximum_merge_delay=MAXIMUM_MERGE_DELAY,
        chain=None,
    )


def anchor_log(
    files: LogFiles,
    log: AuditedLog,
    *,
    registry: str,
    administration: bytes,
    chain_url: str,
    wait_for_chain: Callable[[], None],
) -> AuditedLog:
    """Return the log with its chain; at first, deploy its contracts and register it, as the registry grants it."""
    sealer = FileSealerKey.from_pem(read_secret_file(files.sealer_key))
    if not files.state.exists():
        wait_for_chain()
        contract = _deploy(sealer, log.origin, chain_url, registry=registry, administration=administration)
        write_secret_file(files.state, json.dumps({"origin": log.origin, "contract": contract}).encode())
    chain = TrustedChain(
        chain_id=CHAIN_ID,
        contract=json.loads(files.state.read_text())["contract"],
        log_id=log_id(log.origin),
        sealer=sealer.address,
        validators=since_the_start([FileSealKey.from_pem(read_secret_file(files.seal_key)).address]),
    )
    return replace(log, chain=chain)


def _deploy(sealer: FileSealerKey, origin: str, chain_url: str, *, registry: str, administration: bytes) -> str:
    from ledger.chain.client import connect_to, open_chain  # noqa: PLC0415 - web3 costs a second
    from ledger.chain.log_owner import deploy_log_owner, register_log  # noqa: PLC0415 - the same

    web3 = connect_to(chain_url)
    owner = deploy_log_owner(web3, sealer, registry=registry)
    contract = open_chain(chain_url, contract=None).deploy_consent_ledger(sealer, owner=owner)
    register_log(
        web3,
        sealer,
        owner=owner,
        ledger=contract,
        log_id=log_id(origin),
        sealer=sealer.address,
        administration=administration,
    )
    return contract
