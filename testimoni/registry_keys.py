# SPDX-License-Identifier: EUPL-1.2
"""`testimoni registry date-keys`: an auditor's trust file with the days of its keys, as the registry has them.

The history is read whole and its running hash checked. The file that was given stays as it is, unless it is named
as the one to write, and nothing is sent.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ledger.cli import read_trust, write_file
from testimoni.registry_place import Place, read_history


def add_command(commands: Any) -> argparse.ArgumentParser:
    """Add the command and return its parser (argparse keeps the type of sub-commands to itself)."""
    dates: argparse.ArgumentParser = commands.add_parser(
        "date-keys", help="write the days of an auditor's keys into a trust file; sends nothing"
    )
    dates.add_argument("file", type=Path, metavar="FILE", help="the trust file")
    dates.add_argument("--output", type=Path, required=True, metavar="FILE", help="write it here, with the days")
    return dates


def run(given: argparse.Namespace, place: Place) -> int:
    """Write the file; return 0 when every key has its days, 1 when some have none. Raises `Error`."""
    trust = read_trust(given.file)
    from ledger.key_days import date_keys  # noqa: PLC0415 - help must not load cryptography
    from ledger.trust import TrustFile  # noqa: PLC0415 - the same

    history = read_history(place.open())
    made = date_keys(trust, history)
    text = json.dumps(made.trust.to_json(), ensure_ascii=False, indent=1).encode()
    # a key with many periods may be more than a file takes
    TrustFile.parse(text)
    write_file(given.output, text)
    read = history.place
    print(f"Registry {read.contract} on chain {read.chain_id}, read up to block {read.block_number}")
    print(f"{made.dated} keys have their days")
    for each in made.unknown:
        print(f"not in the registry, left as it was: {each}")
    for each in made.taken_out:
        print(f"never counted, taken out: {each}")
    print(f"written to {given.output}")
    return 1 if made.unknown else 0
