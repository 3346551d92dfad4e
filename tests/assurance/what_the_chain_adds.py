# SPDX-License-Identifier: EUPL-1.2
"""The figures of docs/adr/0013: what witnesses cost, what the chain costs, and how long each takes.

    .venv/bin/python -m tests.assurance.what_the_chain_adds

Everything is real and runs here: a log with its database, a witness with its durable state, the embedded node over
loopback with its file, the contract. Times depend on the machine and on what else it does; bytes do not.
"""

from __future__ import annotations

import base64
import logging
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from werkzeug.serving import make_server

from ledger import merkle
from ledger.chain.client import open_chain
from ledger.chain.engine import Engine
from ledger.chain.interface import Chain
from ledger.chain.node import NodeApplication
from ledger.chain.sealer import FileSealerKey
from ledger.checkpoint import Checkpoint, CheckpointKey, CheckpointSigner, new_key_pem
from ledger.commitment import Commitment
from ledger.cosignature import Cosigner
from ledger.monitor_state import MonitorState
from ledger.publication import Publication
from ledger.sequencer import MIN_BATCH
from ledger.settings import LedgerSettings
from ledger.store import SqlStore
from ledger.trust import AuditedLog, TrustFile, log_id
from ledger.witness import Witness
from ledger.worker import Worker
from protocol.clock import SystemClock
from protocol.keys import PrivateKey
from protocol.runtime.database import migrate, open_database
from protocol.runtime.signer import open_signer, write_secret_file

ORIGIN = "log.example/2026"
SHARES_A_YEAR = 1_000_000
# shares come in office hours; a batch closes every ten seconds in which one came
OFFICE_SECONDS = 250 * 8 * 3600
BATCH_SECONDS = 10
BATCHES = (8, 10, 100, 1000)
ROUNDS = 20
PROMISES = 200


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def measure_log(folder: Path) -> None:
    """Promises one by one, as wallets ask for them, and the batch that keeps them."""
    write_secret_file(folder / "promise.key", PrivateKey.generate().pem())
    write_secret_file(folder / "checkpoint.key", new_key_pem())
    settings = LedgerSettings(
        environment="development",
        public_url="http://localhost:8104",
        database_url=f"sqlite:///{folder}/ledger.sqlite",
        secret_key=secrets.token_urlsafe(32),
        trust_anchor_file=folder / "none",
        trust_list_file=folder / "none",
        origin=ORIGIN,
        promise_key_file=folder / "promise.key",
        checkpoint_key_file=folder / "checkpoint.key",
    )
    worker = Worker(settings, clock=SystemClock())
    database = open_database(settings.database_url)
    migrate(database, "ledger")
    worker.sequence()
    log = Publication(
        SqlStore(database),
        SystemClock(),
        open_signer(f"file:{settings.promise_key_file}"),
        current=settings.log,
        origin=ORIGIN,
        delay=timedelta(seconds=60),
    )
    times = [timed(lambda: log.add_entry(Commitment(secrets.token_bytes(32)), log=None)) for _ in range(PROMISES)]
    batch = timed(worker.sequence)
    print(f"promise: {median(times) * 1000:.1f} ms (median of {PROMISES}, durable, SQLite)")
    print(f"batch of {PROMISES}: {batch * 1000:.0f} ms to a signed head; batches close every {BATCH_SECONDS} s")


def measure_witness(folder: Path) -> None:
    """One witness that is asked again and again by a growing log."""
    signer = CheckpointSigner(ORIGIN, Ed25519PrivateKey.generate())
    log = AuditedLog(
        ORIGIN,
        CheckpointKey(ORIGIN, signer.key.public),
        PrivateKey.generate().public_key,
        timedelta(seconds=60),
        None,
    )
    cosigner = Cosigner("witness.example/w1", Ed25519PrivateKey.generate())
    state = MonitorState(folder / "witness")
    witness = Witness(state, SystemClock(), trust=TrustFile("", (log,), ()), cosigner=cosigner)
    tree = merkle.Tree()
    times, line = [], ""
    for _ in range(ROUNDS):
        old = tree.size
        tree.append(secrets.token_bytes(32) for _ in range(MIN_BATCH))
        proof = merkle.consistency_proof(tree.read, old, tree.size)
        hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in proof)
        note = signer.sign(Checkpoint(ORIGIN, tree.size, tree.root()))
        body = f"old {old}\n{hashes}\n{note}".encode()
        start = time.perf_counter()
        answer = witness.add_checkpoint(body)
        times.append(time.perf_counter() - start)
        assert answer.status == 200
        line = answer.body
    state.close()
    kept = size_of(folder / "witness") + size_of(folder / "witness" / "checkpoints")
    print(
        f"cosignature: {median(times) * 1000:.1f} ms at the witness (durable), {len(line.encode())} bytes in the head"
    )
    print(f"a witness keeps {kept} bytes for a log, however long the log is")


@contextmanager
def running_node(path: Path, contract: str | None) -> Iterator[Chain]:
    """The embedded node over loopback; what it wrote is in its one file when it has ended."""
    engine = Engine(path, chain_id=20261121, clock=SystemClock())
    server = make_server("127.0.0.1", 0, NodeApplication(engine), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield open_chain(f"http://127.0.0.1:{server.port}", contract=contract)
    finally:
        server.shutdown()
        server.server_close()
        engine.close()


def anchor(chain: Chain, sealer: FileSealerKey, tree: merkle.Tree, count: int) -> tuple[bytes, bytes, float]:
    """Anchor so many fresh commitments; return the transaction, its hash, and the seconds until its block."""
    prev, frontier = tree.size, merkle.frontier(tree.read, tree.size)
    entries = [secrets.token_bytes(32) for _ in range(count)]
    tree.append(entries)
    transaction = chain.build_anchor(
        sealer,
        log_id(ORIGIN),
        prev_size=prev,
        size=tree.size,
        root=tree.root(),
        frontier=frontier,
        commitments=entries,
        nonce=chain.nonce(sealer.address),
    )
    start = time.perf_counter()
    chain.send(transaction.raw)
    receipt = chain.receipt(transaction.hash)
    seconds = time.perf_counter() - start
    assert receipt is not None
    assert receipt.is_success
    return transaction.raw, transaction.hash, seconds


def measure_chain(folder: Path) -> dict[int, tuple[float, float, float]]:
    """Anchors of several sizes; return bytes on the wire, bytes of file and seconds for each."""
    sealer = FileSealerKey.generate()
    path = folder / "chain" / "chain.sqlite3"
    path.parent.mkdir()
    with running_node(path, None) as chain:
        contract = chain.deploy_consent_ledger(sealer, owner=sealer.address)
        chain.register_log(sealer, log_id(ORIGIN), sealer.address)
    tree = merkle.Tree()
    found: dict[int, tuple[float, float, float]] = {}
    print("\n| commitments | transaction | header | receipt | a share | file, a share | seconds |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for count in BATCHES:
        rounds = ROUNDS if count < max(BATCHES) else ROUNDS // 4
        before = size_of(path.parent)
        with running_node(path, contract) as chain:
            anchors = [anchor(chain, sealer, tree, count) for _ in range(rounds)]
            raw, transaction_hash, _ = anchors[-1]
            proof = chain.receipt_evidence(transaction_hash)
            assert chain.head(log_id(ORIGIN)).root == tree.root()
        seconds = median(each[2] for each in anchors)
        header, receipt = len(proof.header_rlp), len(proof.receipt_rlp)
        file = (size_of(path.parent) - before) / rounds / count
        share = (len(raw) + header + receipt) / count
        found[count] = (share, file, seconds)
        print(f"| {count:,} | {len(raw):,} | {header} | {receipt} | {share:.0f} | {file:.0f} | {seconds:.2f} |")
    return found


def print_year(chain: dict[int, tuple[float, float, float]]) -> None:
    batches = OFFICE_SECONDS // BATCH_SECONDS
    shares_a_batch = SHARES_A_YEAR / batches
    leaves = batches * max(MIN_BATCH, shares_a_batch)
    print(f"\na year of {SHARES_A_YEAR:,} shares: {shares_a_batch:.1f} a batch, filled to {MIN_BATCH}")
    print(f"{leaves:,.0f} leaves; tiles {leaves * 32 / 1e6:,.0f} MB, entry bundles {leaves * 34 / 1e6:,.0f} MB")
    for count in (8, 1000):
        per_leaf, file, seconds = chain[count]
        print(
            f"anchored {count:,} at a time: {leaves / count:,.0f} blocks, {leaves * per_leaf / 1e9:.2f} GB on each node"
            f" ({leaves * file / 1e9:.2f} GB in the embedded node's file), {leaves / count * seconds / 3600:.1f} h of work"
        )
    print(
        f"most that the embedded node can take: {max(BATCHES) / chain[max(BATCHES)][2]:,.0f} commitments a second"
    )


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure_log(folder)
        measure_witness(folder)
        print_year(measure_chain(folder))


if __name__ == "__main__":
    main()
