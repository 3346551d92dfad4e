# SPDX-License-Identifier: EUPL-1.2
"""`testimoni up`: prepares the data folder, starts every process, says READY, and stops them all together."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from threading import Event

from ledger.chain.sealer import FileSealerKey
from protocol.clock import SystemClock
from protocol.errors import RequestError, UnavailableError, VerificationError
from protocol.runtime.signer import read_secret_file
from protocol.runtime.trust_list import load_anchors
from protocol.trust import SignedTrustList
from protocol.x509 import Anchors
from testimoni.development.environment import chain_arguments, environment, trust_list_url
from testimoni.development.setup import Folder, SetUp, prepare
from testimoni.lan import make_tls, print_phone_qr
from testimoni.layout import SERVICES, Layout, find_lan_address
from testimoni.processes import Processes

APPLICATIONS = {
    "tour": "testimoni.tour.app:from_environment()",
    "issuer": "issuer.app:from_environment()",
    "wallet": "wallet.app:from_environment()",
    "verifier": "verifier.app:from_environment()",
    "ledger": "ledger.app:from_environment()",
    "sandbox": "sandbox.app:from_environment()",
}
# services with background work, and how its process is called
WORKERS = {"ledger": "worker", "issuer": "issuer-worker"}
_THREADS = 8
# longer than a browser keeps an idle connection in mind
_KEEP_ALIVE_SECONDS = 120
_WATCH_SECONDS = 0.2
# the administration whose issuer the READY line names
_SHOWN_ISSUER = "universitat"


def run(data: Path, port_base: int, *, lan: str | None, workers: int) -> int:
    """Start a set-up, print its READY line, and return when a signal stopped it.

    Raises `ConfigurationError` before anything starts, `UnavailableError` when a process does not get ready.
    """
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    host = "localhost" if lan is None else lan or find_lan_address()
    layout = Layout(port_base, host)
    layout.check_ports()
    folder = Folder(data.resolve())
    processes = Processes(folder.path / "logs")
    try:
        made = start(folder, layout, processes, workers=workers)
        ready = ready_line(made)
        folder.ready_file.write_text(json.dumps(ready))
        print(f"READY {json.dumps(ready)}", flush=True)
        _greet(made)
        while not stop.wait(_WATCH_SECONDS):
            processes.check_alive()
    except UnavailableError as exc:
        print(f"testimoni up: {exc.message}", file=sys.stderr)
        return 1
    finally:
        processes.stop()
        folder.ready_file.unlink(missing_ok=True)
    return 0


def start(folder: Folder, layout: Layout, processes: Processes, *, workers: int) -> SetUp:
    """Prepare the data folder and start every process; return when all answer."""
    now = SystemClock().now()
    tls = make_tls(folder.path / "tls", layout.host, now) if layout.is_lan else None
    _start_chain(folder, layout, processes)
    made = prepare(
        folder,
        layout,
        now=now,
        tls=tls,
        wait_for_chain=lambda: processes.wait_ready("chain", layout.url("chain") + "/readyz"),
    )
    for service, name in WORKERS.items():
        command = ["-m", "testimoni.cli", "worker", "--service", service]
        processes.start(name, command, environment(made, service))
    for service, application in APPLICATIONS.items():
        processes.start(service, _web_server(made, service, application, workers), environment(made, service))
    ca_file = tls[0] if tls else None
    for service in SERVICES:
        processes.wait_ready(service, layout.url(service) + "/readyz", ca_file=ca_file)
    # there at once, unless it ended while the set-up rested: then the worker signs another at its first block
    url = trust_list_url(layout.url("ledger"))
    processes.wait_ready("ledger", url, ca_file=ca_file, is_awaited=lambda body: _is_current_list(made, body))
    return made


def ready_line(made: SetUp) -> dict[str, str]:
    """Return what the READY line says."""
    urls = {service: made.layout.url(service) for service in SERVICES}
    return urls | {
        "credential_issuer": made.parties[_SHOWN_ISSUER].issuer_identifier,
        "trust": str(made.folder.trust_file),
        "data": str(made.folder.path),
    }


def _start_chain(folder: Folder, layout: Layout, processes: Processes) -> None:
    folder.chain_database.parent.mkdir(parents=True, exist_ok=True)
    folder.log_files.make_keys()
    sealer = FileSealerKey.from_pem(read_secret_file(folder.log_files.sealer_key))
    arguments = chain_arguments(
        str(folder.chain_database), layout.port("chain"), sealer.address, str(folder.log_files.seal_key)
    )
    processes.start("chain", arguments, {})


def _is_current_list(made: SetUp, body: bytes) -> bool:
    now = SystemClock().now()
    try:
        found = SignedTrustList.verify(
            body.decode("ascii"), Anchors(load_anchors(made.folder.anchor_file)), now=now
        )
        found.check_fresh(now)
    except (UnavailableError, VerificationError, RequestError, UnicodeDecodeError):
        return False
    return found.sequence >= made.registry.sequence


def _web_server(made: SetUp, service: str, application: str, workers: int) -> list[str]:
    layout = made.layout
    tls = ["--certfile", str(made.tls[1]), "--keyfile", str(made.tls[2])] if made.tls else []
    return [
        *("-m", "gunicorn", application),
        *("--bind", f"{layout.bind_address(service)}:{layout.port(service)}"),
        *("--workers", str(workers), "--worker-class", "gthread", "--threads", str(_THREADS)),
        *("--graceful-timeout", "1", "--log-level", "warning", "--no-control-socket"),
        # a browser does not repeat a POST whose connection was closed under it
        *("--keep-alive", str(_KEEP_ALIVE_SECONDS)),
        *tls,
    ]


def _greet(made: SetUp) -> None:
    """Tell a person where to go; on standard error, since standard output is for programs."""
    tour = made.layout.url("tour")
    print(f"\n  Testimoni runs. Open {tour} in a browser.\n  Ctrl-C stops it.\n", file=sys.stderr)
    if made.tls:
        print_phone_qr(tour, made.tls[0])
