# SPDX-License-Identifier: EUPL-1.2
"""What the commands of `testimoni registry` have in common: which registry is meant, and asking before sending."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.registry import RegistryHistory
from protocol.errors import ConfigurationError, UnavailableError
from testimoni.cli import DEFAULT_DATA

if TYPE_CHECKING:
    from ledger.chain.interface import WritableRegistry

Ask = Callable[[str], str]
_ELSEWHERE = ("chain", "chain_id", "registry")
_YES = frozenset({"y", "yes"})


@dataclass(frozen=True)
class Place:
    """Which registry, on which chain, through which node."""

    chain: str
    chain_id: int
    registry: str

    def open(self) -> WritableRegistry:
        """Return the registry. Raises `ConfigurationError` when chain or code are other ones."""
        from ledger.chain.client import open_registry  # noqa: PLC0415 - help must not load web3

        return open_registry(self.chain, contract=self.registry, expected_chain_id=self.chain_id)


def add_place(parser: argparse.ArgumentParser) -> None:
    """Let a command say which registry it is about."""
    parser.add_argument(
        "--set-up", type=Path, default=DEFAULT_DATA, metavar="DIR", help="a practice set-up that runs"
    )
    parser.add_argument("--chain", metavar="URL", help="elsewhere: JSON-RPC of any node of the chain")
    parser.add_argument("--chain-id", type=int, metavar="N", help="elsewhere: the chain's number")
    parser.add_argument("--registry", metavar="ADDRESS", help="elsewhere: the TrustRegistry contract")


def add_key(parser: argparse.ArgumentParser) -> None:
    """Let a command sign, after a question."""
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="your secp256k1 key, as PEM")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def find_place(given: argparse.Namespace) -> Place:
    """Return the registry that is meant. Raises `ConfigurationError` and `UnavailableError` (`not_running`)."""
    elsewhere = [getattr(given, name) for name in _ELSEWHERE]
    if any(elsewhere):
        if not all(elsewhere):
            raise ConfigurationError("configuration_error", "expected --chain, --chain-id and --registry together")
        return Place(*elsewhere)
    from testimoni.development.log_keys import CHAIN_ID  # noqa: PLC0415 - it loads the services
    from testimoni.development.registry import PracticeRegistry  # noqa: PLC0415 - the same
    from testimoni.running import find  # noqa: PLC0415 - the same

    running = find(given.set_up)
    made = None if running is None else PracticeRegistry.read(running.folder.registry_files.state)
    if running is None or made is None:
        raise UnavailableError(
            "not_running",
            f"no set-up runs on {given.set_up}; start it with: testimoni up --data {given.set_up}, or name "
            "another registry with --chain, --chain-id and --registry",
        )
    return Place(running.urls["chain"], CHAIN_ID, made.contract)


def read_history(registry: WritableRegistry) -> RegistryHistory:
    """Return the whole history, its running hash checked."""
    news = registry.read(None)
    return RegistryHistory.fold(news.events, news.place)


def agrees(given: argparse.Namespace, ask: Ask, question: str) -> bool:
    """Return whether the person said yes, here or beforehand. Raises `ConfigurationError` when nobody is there."""
    try:
        is_agreed = given.yes or ask(f"{question} [y/N] ").strip().lower() in _YES
    except EOFError as exc:
        raise ConfigurationError(
            "configuration_error", "nobody can be asked here, so nothing was sent; give --yes to agree beforehand"
        ) from exc
    if is_agreed:
        return True
    print("nothing was sent")
    return False
