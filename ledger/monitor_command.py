# SPDX-License-Identifier: EUPL-1.2
"""`testimoni monitor` and `testimoni verify-violation`: no settings, no database.

Exit status of both: 0 holds, 1 violated, 2 could not tell. What is found goes to standard output, one line or one
JSON object a finding; violations are also one line each on standard error.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.cli import naming
from ledger.findings import ExitStatus, Finding, Outcome, overall
from ledger.terminal import printable
from protocol.errors import ConfigurationError, Error, RequestError

if TYPE_CHECKING:
    from ledger.follower import Follower
    from ledger.look import LogReport
    from ledger.monitor_server import MonitorMetrics, MonitorServer
    from ledger.trust import TrustFile
    from ledger.violation import Shown, Violation

# Trust in thousands of administrations stays below this.
MAX_TRUST_BYTES = 4 * 1024 * 1024
DEFAULT_INTERVAL_SECONDS = 60
_EXIT = "exit status: 0 holds, 1 violated, 2 could not tell"


def monitor_command(argv: Sequence[str]) -> int:
    """Follow logs until told to stop, or once; return what was found."""
    given = _monitor_parser().parse_args(argv)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        follower, metrics, server = _set_up(given)
    except Error as exc:
        print(printable(f"testimoni monitor: {exc.message} ({exc.code})"), file=sys.stderr)
        return ExitStatus.COULD_NOT_TELL
    try:
        return _follow(follower, metrics, given, stop)
    except Error as exc:
        print(printable(f"testimoni monitor: {exc.message} ({exc.code})"), file=sys.stderr)
        return ExitStatus.COULD_NOT_TELL
    finally:
        if server is not None:
            server.close()


def _monitor_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "testimoni monitor", description="Follow logs and find them out when they break their word.", epilog=_EXIT
    )
    add = parser.add_argument
    add("--ledger", action="append", required=True, metavar="URL", help="a ledger, or a mirror of it; repeatable")
    add("--state", type=Path, required=True, metavar="DIR", help="what is remembered, and the proofs")
    add("--trust", type=Path, metavar="FILE", help="whom you trust; otherwise each log's first word is kept to")
    add("--chain", metavar="URL", help="JSON-RPC of any node of the chain; without it anchors are not compared")
    add(
        "--promise",
        action="append",
        type=Path,
        default=[],
        metavar="PATH",
        help="promises to watch: file or folder",
    )
    add(
        "--interval", type=_seconds, default=DEFAULT_INTERVAL_SECONDS, metavar="SECONDS", help="between two rounds"
    )
    add("--once", action="store_true", help="one round, then end")
    add("--on-violation", choices=("exit", "alert"), default="exit", help="end at once, or say so and go on")
    add(
        "--cosign-key", type=Path, metavar="FILE", help="be a witness: PEM of an Ed25519 key used for nothing else"
    )
    add("--witness-name", metavar="NAME", help="the witness's name, HOST/NAME")
    add("--metrics-port", type=_port, metavar="PORT", help="serve /metrics, and /add-checkpoint for a witness")
    add("--metrics-host", default="127.0.0.1", metavar="HOST", help="where to serve them (default: 127.0.0.1)")
    add(
        "--ca", type=Path, metavar="FILE", help="the local authority that certifies the ledgers' addresses, as PEM"
    )
    add("--json", action="store_true", help="one JSON object a line")
    return parser


def _set_up(given: argparse.Namespace) -> tuple[Follower, MonitorMetrics, MonitorServer | None]:
    # help must not load the network
    from ledger.client import LedgerClient  # noqa: PLC0415 - help must not load the network
    from ledger.cosignature import Cosigner  # noqa: PLC0415 - the same
    from ledger.follower import Follower  # noqa: PLC0415 - the same
    from ledger.look import Means  # noqa: PLC0415 - the same
    from ledger.monitor_server import MonitorMetrics, MonitorServer  # noqa: PLC0415 - the same
    from ledger.monitor_state import MonitorState  # noqa: PLC0415 - the same
    from ledger.witness import Witness  # noqa: PLC0415 - the same
    from protocol.clock import SystemClock  # noqa: PLC0415 - the same
    from protocol.runtime.fetch import Fetcher, origin_of  # noqa: PLC0415 - the same
    from protocol.runtime.signer import read_secret_file  # noqa: PLC0415 - the same

    if (given.cosign_key is None) != (given.witness_name is None):
        raise ConfigurationError("configuration_error", "--cosign-key and --witness-name need each other")
    trust = None if given.trust is None else _read_trust(given.trust)
    cosigner = None
    if given.cosign_key is not None:
        if trust is None:
            raise ConfigurationError(
                "configuration_error", "a witness needs --trust: it signs for known logs only"
            )
        cosigner = Cosigner.from_pem(given.witness_name, read_secret_file(given.cosign_key))
        print(f"witness {cosigner.key.text()}", file=sys.stderr, flush=True)
    # the person who runs this named the addresses, so they may be fetched wherever they are
    http = Fetcher(
        allowed_private_origins=frozenset(map(origin_of, given.ledger)),
        ca_file=str(given.ca) if given.ca else None,
    )
    clock = SystemClock()
    state = MonitorState(given.state)
    open_chain = None
    if given.chain is not None:
        from ledger.chain.client import open_chain as connect  # noqa: PLC0415 - only with a chain

        def open_chain(trusted):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - as `Means` says
            return connect(given.chain, contract=trusted.contract)

    means = Means(state, clock, lambda url, log: LedgerClient(http, url, log=log), open_chain, cosigner)
    follower = Follower(means, given.ledger, trust=trust, promises=given.promise)
    metrics = MonitorMetrics(clock)
    witness = Witness(state, clock, trust=trust, cosigner=cosigner) if trust and cosigner else None
    server = None
    if given.metrics_port is not None:
        server = MonitorServer(given.metrics_host, given.metrics_port, metrics, witness)
        print(f"serving http://{given.metrics_host}:{server.port}", file=sys.stderr, flush=True)
    return follower, metrics, server


def _follow(
    follower: Follower, metrics: MonitorMetrics, given: argparse.Namespace, stop: threading.Event
) -> ExitStatus:
    """Look round after round; return what was violated in any, or what the last came to."""
    was_violated = False
    while True:
        reports = follower.check()
        metrics.count(reports)
        for report in reports:
            _print_report(report, as_json=given.json)
        status = overall(each for report in reports for each in report.findings)
        was_violated = was_violated or status is ExitStatus.VIOLATED
        ends = given.once or (was_violated and given.on_violation == "exit")
        if ends or stop.wait(given.interval):
            return ExitStatus.VIOLATED if was_violated else status


def _print_report(report: LogReport, *, as_json: bool) -> None:
    name = report.origin or report.url or "promises"
    for each in report.findings:
        if each.outcome is Outcome.VIOLATED:
            print(printable(f"VIOLATED {name}: {each.level}: {each.detail}"), file=sys.stderr)
    if as_json:
        members: dict[str, object] = {
            "schema": "testimoni/monitor-report/1",
            "log": report.origin or None,
            "url": report.url or None,
            "size": report.size,
            "anchored_size": report.anchored_size,
            "result": _word(overall(report.findings)),
            "findings": [each.to_json() for each in report.findings],
        }
        print(printable(json.dumps(members, ensure_ascii=False)), flush=True)
        return
    for each in report.findings:
        print(printable(f"{name}: {each.outcome}: {each.level}: {each.detail}"), flush=True)


def verify_violation_command(argv: Sequence[str]) -> int:
    """Check a proof that a monitor kept; print the finding and return the exit status."""
    parser = argparse.ArgumentParser(
        "testimoni verify-violation", description="Check a proof that a log broke its word.", epilog=_EXIT
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the proof")
    parser.add_argument("--trust", type=Path, required=True, metavar="FILE", help="whom you trust")
    parser.add_argument("--ledger", metavar="URL", help="for a promise: read the log again, at its own address")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="the authority that certifies its address, as PEM")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a line")
    given = parser.parse_args(argv)
    from ledger import violation as violations  # noqa: PLC0415 - help must not load cryptography
    from protocol.clock import SystemClock  # noqa: PLC0415 - the same

    try:
        trust = _read_trust(given.trust)
        data = _read(given.file, violations.MAX_FILE_BYTES)
        with naming(given.file):
            violation = violations.parse(data)
        now = SystemClock().now()
        shown = None if given.ledger is None else _read_log(violation, trust, given)
    except Error as exc:
        print(printable(f"testimoni verify-violation: {exc.message} ({exc.code})"), file=sys.stderr)
        return ExitStatus.COULD_NOT_TELL
    finding = violations.judge(violation, trust, now=now, shown=shown)
    status = overall([finding])
    _print_verdict(violation, finding, status, as_json=given.json)
    return status


def _read_log(violation: Violation, trust: TrustFile, given: argparse.Namespace) -> Shown | None:
    """Return what the log shows now, at its own address: a copy may be old.

    Raises `Error` when this is another address, or it cannot be read or does not give its signed root.
    """
    from ledger import checkpoint as checkpoints  # noqa: PLC0415 - the same
    from ledger import merkle  # noqa: PLC0415 - the same
    from ledger.client import LedgerClient  # noqa: PLC0415 - the same
    from ledger.monitor import is_own_address  # noqa: PLC0415 - the same
    from ledger.violation import Shown  # noqa: PLC0415 - the same
    from protocol.runtime.fetch import Fetcher, origin_of  # noqa: PLC0415 - the same

    log = trust.find_log(violation.log)
    if log is None:
        return None
    if not is_own_address(log.origin, given.ledger):
        host = log.origin.partition("/")[0]
        raise ConfigurationError(
            "configuration_error", f"--ledger: expected the log's own address, at {host}; a copy may be old"
        )
    http = Fetcher(
        allowed_private_origins=frozenset({origin_of(given.ledger)}), ca_file=str(given.ca) if given.ca else None
    )
    client = LedgerClient(http, given.ledger, log=log.origin.rpartition("/")[2])
    head = checkpoints.verify(client.checkpoint(), log.checkpoint_key)
    leaves = client.all_entries(head.size)
    if merkle.Tree(leaves).root() != head.root:
        raise RequestError("invalid_tile", "the entries do not give the signed root")
    return Shown(leaves)


def _print_verdict(violation: Violation, finding: Finding, status: ExitStatus, *, as_json: bool) -> None:
    if as_json:
        members: dict[str, object] = {
            "schema": "testimoni/violation-report/1",
            "log": violation.log,
            "kind": violation.kind,
            "result": _word(status),
            "finding": finding.to_json(),
        }
        print(printable(json.dumps(members, ensure_ascii=False)))
        return
    print(printable(f"{violation.log}: {finding.outcome}: {finding.level}: {finding.detail}"))


def _word(status: ExitStatus) -> str:
    return status.name.lower().replace("_", " ")


def _read_trust(path: Path) -> TrustFile:
    from ledger.trust import TrustFile  # noqa: PLC0415 - the same

    data = _read(path, MAX_TRUST_BYTES)
    with naming(path):
        return TrustFile.parse(data)


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as exc:
        raise RequestError("invalid_file", f"{path} cannot be read") from exc
    if len(data) > limit:
        raise RequestError("invalid_file", f"{path} is longer than {limit} bytes")
    return data


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError("expected seconds")
    return seconds


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError("expected a port")
    return int(text)
