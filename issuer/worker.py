# SPDX-License-Identifier: EUPL-1.2
"""The issuer's worker: brings what waits in the outbox to the ledger, as a process of its own.

Any number may run. SIGTERM and SIGINT end it between two steps, SIGKILL anywhere: see `issuer.outbox`.
"""

from __future__ import annotations

import signal
import sys
import threading

import structlog

from issuer.outbox import LEASE_LIFETIME, Outbox
from issuer.settings import IssuerSettings
from issuer.store_queries import SqlQueryRecords
from issuer.tables import LeaseRow, TrustListRow
from ledger.client import LedgerClient
from protocol.clock import Clock, SystemClock
from protocol.errors import Error
from protocol.runtime.database import Database, migrate, open_database
from protocol.runtime.fetch import HTTPClient, open_http
from protocol.runtime.leases import Leases
from protocol.runtime.logging import configure_logging
from protocol.runtime.settings import load_settings
from protocol.runtime.sql_trust_shelf import SqlTrustListShelf
from protocol.runtime.trust_fetch import open_trust_list

# a look that finds nothing reads one row and writes none
PAUSE_SECONDS = 1.0
# after a turn that ended early
RETRY_SECONDS = 10.0
_log = structlog.get_logger()


def open_outbox(settings: IssuerSettings, database: Database, clock: Clock, http: HTTPClient) -> Outbox:
    """Return the outbox of an issuer's database."""
    leases = Leases(database, LeaseRow, clock, lifetime=LEASE_LIFETIME)
    token = settings.recorder_token()
    return Outbox(
        SqlQueryRecords(database, leases),
        open_ledger=lambda origin: LedgerClient.of_log(http, settings.ledger_url, origin, token=token),
        trust=open_trust_list(settings, http, SqlTrustListShelf(database, TrustListRow)),
        leases=leases,
        clock=clock,
    )


def run(outbox: Outbox, stop: threading.Event) -> None:
    """Take turns until told to stop, whatever becomes of one; then hand the job over."""
    while not stop.is_set():
        stop.wait(PAUSE_SECONDS if _turn(outbox) else RETRY_SECONDS)
    outbox.hand_over()


def _turn(outbox: Outbox) -> bool:
    """Take one turn and return whether it was finished."""
    try:
        outbox.run()
    except Error as exc:
        _log.warning("turn not finished", job="query records", code=exc.code, reason=exc.message)
        return False
    except Exception as exc:  # noqa: BLE001 - a defect in one turn must not end the work for good
        # what such an error says may hold anything
        _log.error("turn not finished", job="query records", code="server_error", reason=type(exc).__name__)
        return False
    return True


def main() -> int:
    """Run a worker from the environment until SIGTERM or SIGINT; return the exit status."""
    configure_logging("issuer.worker")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = load_settings(IssuerSettings)
        database = open_database(settings.database_url)
        migrate(database, "issuer")
        run(open_outbox(settings, database, SystemClock(), open_http(settings)), stop)
    except Error as exc:
        print(f"issuer worker: {exc.message} ({exc.code})", file=sys.stderr)  # noqa: T201 - a command
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
