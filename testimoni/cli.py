# SPDX-License-Identifier: EUPL-1.2
"""The `testimoni` command. Each sub-command imports only what it needs, so that help is there at once."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from protocol.errors import Error

DEFAULT_PORT_BASE = 8100
DEFAULT_DATA = Path("data")


def _up(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        "testimoni up", description="Set up and start all services; Ctrl-C stops them."
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder for databases, keys and logs")
    parser.add_argument("--port-base", type=int, default=DEFAULT_PORT_BASE, help="first of seven ports")
    parser.add_argument("--workers", type=int, default=1, help="processes per web service")
    parser.add_argument(
        "--lan",
        nargs="?",
        const="",
        metavar="NAME",
        help="serve over https under NAME (default: this machine's address), for a phone on the same network",
    )
    given = parser.parse_args(arguments)
    from testimoni.up import run  # noqa: PLC0415 - help must not load the services

    return run(given.data, given.port_base, lan=given.lan, workers=given.workers)


def _demo(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("testimoni demo", description="Walk the main path once, without a person.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("--data", type=Path, help="folder of a running set-up (default: data/ if it runs)")
    given = parser.parse_args(arguments)
    from testimoni.demo import run  # noqa: PLC0415 - the same

    return run(given.data, as_json=given.json)


def _wallet(arguments: Sequence[str]) -> int:
    from testimoni.wallet_command import run  # noqa: PLC0415 - the same

    return run(arguments)


def _worker(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        "testimoni worker",
        description="Do the background work of a service: the ledger's extends the log and anchors it, "
        "the issuer's has queries at sources recorded.",
    )
    parser.add_argument("--service", choices=("ledger", "issuer"), default="ledger", help="whose work")
    if parser.parse_args(arguments).service == "issuer":
        from issuer.worker import main as run_issuer  # noqa: PLC0415 - the same

        return run_issuer()
    from ledger.worker import main as run_ledger  # noqa: PLC0415 - the same

    return run_ledger()


def _recorder(arguments: Sequence[str]) -> int:
    from ledger.operator_commands import recorder_command  # noqa: PLC0415 - the same

    return recorder_command(arguments)


def _restore(arguments: Sequence[str]) -> int:
    from ledger.operator_commands import restore_command  # noqa: PLC0415 - the same
    from protocol.runtime.logging import configure_logging  # noqa: PLC0415 - the same

    configure_logging("ledger.restore")
    return restore_command(arguments)


def _registry(arguments: Sequence[str]) -> int:
    from testimoni.registry_command import run  # noqa: PLC0415 - the same

    return run(arguments)


def _contracts(arguments: Sequence[str]) -> int:
    from testimoni.contracts_command import run  # noqa: PLC0415 - the same

    return run(arguments)


def _audit(arguments: Sequence[str]) -> int:
    from ledger.cli import audit_command  # noqa: PLC0415 - the same

    return audit_command(arguments)


def _verify_evidence(arguments: Sequence[str]) -> int:
    from ledger.cli import verify_evidence_command  # noqa: PLC0415 - the same

    return verify_evidence_command(arguments)


def _records(arguments: Sequence[str]) -> int:
    from testimoni.records_command import run  # noqa: PLC0415 - the same

    return run(arguments)


def _verify_reconciliation(arguments: Sequence[str]) -> int:
    from testimoni.verify_reconciliation import run  # noqa: PLC0415 - the same

    return run(arguments)


def _monitor(arguments: Sequence[str]) -> int:
    from ledger.monitor_command import monitor_command  # noqa: PLC0415 - the same

    return monitor_command(arguments)


def _verify_violation(arguments: Sequence[str]) -> int:
    from ledger.monitor_command import verify_violation_command  # noqa: PLC0415 - the same

    return verify_violation_command(arguments)


def _lint_query(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        "testimoni lint-query", description="Check a DCQL query by every rule, and say how it could ask for less."
    )
    parser.add_argument("file", metavar="FILE", help="the query as JSON, or - for standard input")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    given = parser.parse_args(arguments)
    from testimoni.lint_query import run  # noqa: PLC0415 - the same

    return run(given.file, as_json=given.json)


# 1 is their verdict, or a person's no, so that nothing else may end with it
_JUDGING = frozenset(
    {
        "audit",
        "monitor",
        "records",
        "registry",
        "restore",
        "verify-evidence",
        "verify-reconciliation",
        "verify-violation",
    }
)
_COULD_NOT_TELL = 2


_COMMANDS: dict[str, tuple[str, Callable[[Sequence[str]], int]]] = {
    "up": ("set up and start everything", _up),
    "demo": ("walk the main path once and print each step", _demo),
    "wallet": ("receive, share and take back on the command line", _wallet),
    "worker": ("do the background work of the ledger or the issuer", _worker),
    "recorder": ("add, list or revoke the services that may record at the ledger", _recorder),
    "restore": ("rebuild a log from its chain after its database was restored", _restore),
    "registry": ("show the trust registry, and change it", _registry),
    "contracts": ("deploy the contracts and register logs with them", _contracts),
    "audit": ("check a whole ledger against its chain", _audit),
    "monitor": ("follow logs and find them out when they break their word", _monitor),
    "records": ("ask an office for its signed records, as an auditor", _records),
    "lint-query": ("check what a DCQL query asks, and how it could ask for less", _lint_query),
    "verify-evidence": ("check one evidence file, offline", _verify_evidence),
    "verify-violation": ("check a proof that a log broke its word", _verify_violation),
    "verify-reconciliation": ("check what an office says about its own books", _verify_reconciliation),
}


def _usage() -> str:
    lines = ["usage: testimoni COMMAND [--help]", ""]
    return "\n".join([*lines, *(f"  {name:<22} {text}" for name, (text, _) in _COMMANDS.items())])


def main() -> int:
    """Run one sub-command and return its exit status; an `Error` is one line on standard error and status 1.

    A command whose status 1 is a verdict ends with 2 instead, on any error at all.
    """
    name, *rest = sys.argv[1:] or ["--help"]
    if name in {"-h", "--help", "help"}:
        print(_usage())
        return 0
    if name not in _COMMANDS:
        print(f"testimoni: no command {name!r}\n\n{_usage()}", file=sys.stderr)
        return 2
    try:
        return _COMMANDS[name][1](rest)
    except Error as exc:
        print(f"testimoni {name}: {exc.message} ({exc.code})", file=sys.stderr)
        return _COULD_NOT_TELL if name in _JUDGING else 1
    except KeyboardInterrupt:
        return 130
    except Exception:  # all that is left is unexpected
        if name not in _JUDGING:
            raise
        # a defect of ours, or a machine without disk or memory: no verdict
        traceback.print_exc()
        return _COULD_NOT_TELL


if __name__ == "__main__":
    sys.exit(main())
