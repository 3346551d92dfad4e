# SPDX-License-Identifier: EUPL-1.2
"""A monitor's state that grows without end, and says each size once it is durable; tests kill it."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.checkpoint import Checkpoint, CheckpointSigner
from ledger.monitor_state import MonitorState, Watched
from ledger.trust import AuditedLog
from protocol.keys import PrivateKey

ORIGIN = "log.example/2026"


def main() -> None:
    state = MonitorState(Path(sys.argv[1]))
    signer = CheckpointSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
    old = state.find(ORIGIN)
    size = old.checkpoint.size if old else 0
    while True:
        size += 1
        note = signer.sign(Checkpoint(ORIGIN, size, size.to_bytes(32)))
        if old is None:
            log = AuditedLog(ORIGIN, signer.key, PrivateKey.generate().public_key, timedelta(seconds=60), None)
            new = Watched(log, note, datetime(2026, 11, 21, microsecond=5, tzinfo=UTC))
        else:
            new = replace(old, note=note)
        state.replace(old, new)
        old = new
        sys.stdout.write(f"{size}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
