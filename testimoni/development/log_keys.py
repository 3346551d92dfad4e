# SPDX-License-Identifier: EUPL-1.2
"""The development log: its keys and its chain's, its contract there, and what auditors are told of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
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


def open_log(files: LogFiles, *, origin: str, chain_url: str, wait_for_chain: Callable[[], None]) -> AuditedLog:
    """Return the log; at first, deploy its contract and register it (`origin` counts only then)."""
    sealer = FileSealerKey.from_pem(read_secret_file(files.sealer_key))
    if not files.state.exists():
        wait_for_chain()
        write_secret_file(files.state, json.dumps(_deploy(sealer, origin, chain_url)).encode())
    state = json.loads(files.state.read_text())
    signer = CheckpointSigner.from_pem(state["origin"], read_secret_file(files.checkpoint_key))
    return AuditedLog(
        origin=state["origin"],
        checkpoint_key=signer.key,
        promise_key=PrivateKey.from_pem(read_secret_file(files.promise_key)).public_key,
        maximum_merge_delay=MAXIMUM_MERGE_DELAY,
        chain=TrustedChain(
            chain_id=CHAIN_ID,
            contract=state["contract"],
            log_id=log_id(state["origin"]),
            sealer=sealer.address,
            validators=since_the_start([FileSealKey.from_pem(read_secret_file(files.seal_key)).address]),
        ),
    )


def _deploy(sealer: FileSealerKey, origin: str, chain_url: str) -> dict[str, str]:
    from ledger.chain.client import open_chain  # noqa: PLC0415 - web3 costs a second; only the first start pays it

    chain = open_chain(chain_url, contract=None)
    contract = chain.deploy_consent_ledger(sealer, owner=sealer.address)
    chain.register_log(sealer, log_id(origin), sealer.address)
    return {"origin": origin, "contract": contract}
