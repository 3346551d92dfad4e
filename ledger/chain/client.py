# SPDX-License-Identifier: EUPL-1.2
"""Chains by URL: `http://localhost:8106` is the embedded node, `https://node…` any other Ethereum node.

Importing this costs nothing; web3 is loaded when a chain is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ledger.chain.interface import Chain, SealerKey, WritableRegistry
from protocol.errors import ConfigurationError
from protocol.runtime.settings import LOOPBACK_HOSTS

if TYPE_CHECKING:
    from web3 import Web3


def open_chain(url: str, *, contract: str | None) -> Chain:
    """Return the chain behind this node, with the `ConsentLedger` at this address; calls nothing yet.

    Raises `ConfigurationError` on a URL that is neither https nor http on loopback, or a malformed address.
    """
    _check_url(url)
    from ledger.chain.provider import connect  # noqa: PLC0415 - a second that others do not spend
    from ledger.chain.web3_chain import Web3Chain  # noqa: PLC0415 - the same

    return Web3Chain(connect(url), contract=contract)


def open_registry(url: str, *, contract: str, expected_chain_id: int) -> WritableRegistry:
    """Return the `TrustRegistry` at this address, behind a node that is on this chain.

    Raises `ConfigurationError` as `open_chain` does, and when chain or code are other ones.
    """
    _check_url(url)
    from ledger.chain.provider import connect  # noqa: PLC0415 - a second that others do not spend
    from ledger.chain.registry import Web3Registry  # noqa: PLC0415 - the same

    opened = Web3Registry(connect(url), contract=contract)
    opened.check(expected_chain_id=expected_chain_id)
    return opened


def connect_to(url: str) -> Web3:
    """Return web3 on this node, for those who deploy contracts; calls nothing yet.

    Raises `ConfigurationError` as `open_chain` does.
    """
    _check_url(url)
    from ledger.chain.provider import connect  # noqa: PLC0415 - a second that others do not spend

    return connect(url)


def deploy_registry(url: str, signer: SealerKey, *, members: Sequence[str], threshold: int) -> str:
    """Deploy a `TrustRegistry` with these first members, wait for its block, and return its address.

    Raises `ConfigurationError` as `open_chain` does.
    """
    from ledger.chain import registry  # noqa: PLC0415 - a second that others do not spend

    return registry.deploy_registry(connect_to(url), signer, members=members, threshold=threshold).contract


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError as exc:
        raise ConfigurationError("configuration_error", "malformed URL of the chain") from exc
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS):
        raise ConfigurationError(
            "configuration_error", "expected an https URL, or http on loopback, for the chain"
        )
