# SPDX-License-Identifier: EUPL-1.2
"""The monitor's small HTTP service: `GET /metrics`, and `POST /add-checkpoint` when it is a witness.

One thread per connection, bounded size and time; TLS and the open network are a proxy's work in front.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest

from ledger.findings import Outcome
from ledger.look import LogReport
from ledger.witness import Answer, Witness
from ledger.witness_protocol import MAX_BODY_BYTES
from protocol.clock import Clock
from protocol.encoding import compact_json
from protocol.errors import ConfigurationError, Error

# A request is one short message; whoever takes longer is cut off.
TIMEOUT_SECONDS = 10
# Longer numbers are nobody's length, and cost time to read.
MAX_LENGTH_DIGITS = 20


class MonitorMetrics:
    """What a dashboard needs: is it looking, does it hold, how far is it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.registry = CollectorRegistry()
        name = "testimoni_monitor"
        self._looks = Counter(
            f"{name}_findings_total", "Findings", ["log", "level", "outcome"], registry=self.registry
        )
        self._violated = Gauge(
            f"{name}_violated", "1 when the last look was violated", ["log"], registry=self.registry
        )
        self._size = Gauge(f"{name}_log_size", "Leaves of the newest head", ["log", "url"], registry=self.registry)
        self._anchored = Gauge(
            f"{name}_anchored_size", "Leaves compared with the chain", ["log"], registry=self.registry
        )
        self._told = Gauge(
            f"{name}_last_told_seconds",
            "When a look last came to a result",
            ["log", "url"],
            registry=self.registry,
        )

    def count(self, reports: Sequence[LogReport]) -> None:
        """Take in what one round found."""
        for origin in {report.origin for report in reports}:
            outcomes = [each.outcome for report in reports if report.origin == origin for each in report.findings]
            self._violated.labels(origin).set(Outcome.VIOLATED in outcomes)
        for report in reports:
            for each in report.findings:
                self._looks.labels(report.origin, each.level.value, each.outcome.value).inc()
            if report.size is not None:
                self._size.labels(report.origin, report.url).set(report.size)
                self._told.labels(report.origin, report.url).set(self._clock.now().timestamp())
            if report.anchored_size is not None:
                self._anchored.labels(report.origin).set(report.anchored_size)


class MonitorServer:
    """The service, on a thread of its own. Port 0 lets the kernel choose."""

    def __init__(self, host: str, port: int, metrics: MonitorMetrics, witness: Witness | None) -> None:
        class Handler(_Handler):
            pass

        Handler.metrics, Handler.witness = metrics, witness
        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except (OSError, OverflowError) as exc:
            raise ConfigurationError("configuration_error", f"cannot listen on {host}:{port}") from exc
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    metrics: MonitorMetrics
    witness: Witness | None = None
    protocol_version = "HTTP/1.1"
    server_version = "testimoni"
    sys_version = ""
    timeout = TIMEOUT_SECONDS

    def do_GET(self) -> None:
        """Answer `/metrics` and `/healthz`."""
        if self.path == "/metrics":
            self._answer(200, generate_latest(self.metrics.registry), CONTENT_TYPE_LATEST)
        elif self.path == "/healthz":
            self._answer(200, compact_json({"status": "ok"}), "application/json")
        else:
            self._answer(404, b"not found\n", "text/plain")

    def do_POST(self) -> None:
        """Answer `/add-checkpoint`."""
        # a body that was not read would be taken for the next request
        self.close_connection = True
        if self.witness is None or self.path != "/add-checkpoint":
            self._answer(404, b"not found\n", "text/plain")
            return
        length = self.headers.get("Content-Length", "")
        is_number = length.isascii() and length.isdecimal() and len(length) <= MAX_LENGTH_DIGITS
        if not is_number or int(length) > MAX_BODY_BYTES:
            self._answer(413, f"expected at most {MAX_BODY_BYTES} bytes\n".encode(), "text/plain")
            return
        try:
            answer = self.witness.add_checkpoint(self.rfile.read(int(length)))
        except Error as exc:
            answer = Answer(503, f"{exc.message}\n")
        self.close_connection = False
        self._answer(answer.status, answer.body.encode(), answer.content_type)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: what matters is in the metrics and in the monitor's own lines."""

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
