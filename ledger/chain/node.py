# SPDX-License-Identifier: EUPL-1.2
"""The embedded node as a process: `python -m ledger.chain.node --database FILE --port N`.

- JSON-RPC 2.0 by POST on `/`; `GET /healthz` while the process lives, `GET /readyz` while the file answers,
  `GET /metrics` for Prometheus.
- Listens on 127.0.0.1 only, and refuses names that are not loopback's and bodies that are not JSON, so that
  no page in a browser can call it.
- Nothing on standard output; JSON lines on standard error. SIGTERM and SIGINT end it cleanly: a block that is
  being written is finished, then the file is closed.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from types import FrameType
from typing import TYPE_CHECKING

import structlog
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    HTTPException,
    MethodNotAllowed,
    NotFound,
    UnsupportedMediaType,
)
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from ledger.chain.engine import Engine
from ledger.chain.kill_points import NodeKillPoints
from ledger.chain.node_settings import NodeSettings, load_node_settings
from ledger.chain.rpc import MAX_REQUEST_BYTES, Methods
from protocol.clock import SystemClock
from protocol.encoding import compact_json
from protocol.errors import Error
from protocol.runtime.logging import configure_logging

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HOST = "127.0.0.1"
_LOOPBACK_NAMES = frozenset({"localhost", HOST})
# Long enough for a megabyte on loopback.
_IDLE_SECONDS = 10
_log = structlog.get_logger()


class NodeApplication:
    """The WSGI application around one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._methods = Methods(engine)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request."""
        try:
            response = self._answer(Request(environ))
        except HTTPException as exc:
            response = _json({"error": exc.name.lower()})
            response.status_code = exc.code or HTTPStatus.INTERNAL_SERVER_ERROR
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.host.rsplit(":", 1)[0] not in _LOOPBACK_NAMES:
            raise Forbidden
        match request.path, request.method:
            case "/", "POST":
                return self._call(request)
            case "/healthz", "GET" | "HEAD":
                return _json({"status": "ok"})
            case "/readyz", "GET" | "HEAD":
                with self._engine.lock:
                    return _json({"status": "ok", "block": self._engine.head().block_number})
            case "/metrics", "GET" | "HEAD":
                return Response(self._metrics(), content_type="text/plain; version=0.0.4")
            case (("/" | "/healthz" | "/readyz" | "/metrics"), _):
                raise MethodNotAllowed
        raise NotFound

    def _metrics(self) -> str:
        """Return the newest block's number and time (Prometheus text format)."""
        with self._engine.lock:
            head = self._engine.head()
        return (
            "# TYPE testimoni_chain_block gauge\n"
            f"testimoni_chain_block {head.block_number}\n"
            "# TYPE testimoni_chain_block_time_seconds gauge\n"
            f"testimoni_chain_block_time_seconds {head.timestamp}\n"
        )

    def _call(self, request: Request) -> Response:
        if request.mimetype != "application/json":
            raise UnsupportedMediaType
        if request.content_length is None:
            raise BadRequest
        request.max_content_length = MAX_REQUEST_BYTES
        answer = self._methods.answer(request.get_data(cache=False))
        return Response(status=204) if answer is None else _json(answer)


def _json(value: object) -> Response:
    return Response(compact_json(value), content_type="application/json")


class _Handler(WSGIRequestHandler):
    """One connection, which may not idle; no access log."""

    timeout = _IDLE_SECONDS

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Keep quiet: the engine's calls are its client's business."""


class _Server(ThreadedWSGIServer):
    """Threads that do not hold up the end: what matters is finished under the engine's lock."""

    daemon_threads = True
    block_on_close = False


def serve(settings: NodeSettings, *, kill_points: NodeKillPoints | None = None) -> None:
    """Run the node until SIGTERM or SIGINT.

    Raises `ConfigurationError` when the file or the port cannot be had.
    """
    configure_logging("chain")
    engine = Engine(
        settings.database,
        chain_id=settings.chain_id,
        clock=SystemClock(),
        seal_keys=settings.seal_keys(),
        genesis_accounts=settings.accounts(),
        kill_points=kill_points,
    )
    server = _Server(HOST, settings.port, NodeApplication(engine), _Handler)

    def stop(number: int, _frame: FrameType | None) -> None:
        _log.info("stopping", signal=signal.Signals(number).name)
        threading.Thread(target=server.shutdown).start()  # it waits for the loop that this thread is in

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    _log.warning("one operator seals this chain: it detects damage, not a dishonest operator")
    _log.info("listening", port=server.port, chain_id=engine.chain_id, block=engine.head().block_number)
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()
        engine.lock.acquire()  # for good: a late call gets no answer rather than a wrong one
        engine.close()


def main(argv: Sequence[str] | None = None, *, kill_points: NodeKillPoints | None = None) -> int:
    """Run the command; the exit status is 2 when it could not start."""
    try:
        serve(load_node_settings(sys.argv[1:] if argv is None else argv), kill_points=kill_points)
    except Error as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
