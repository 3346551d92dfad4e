# SPDX-License-Identifier: EUPL-1.2
"""A command-line wallet among fake peers."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.client import LedgerClient
from tests.fakes.wallet_peers import LEDGER, LOG, TX_CODE, Peers, install_peers
from wallet.file_wallet import FileWallet


@pytest.fixture
def peers(world: Any) -> Peers:
    return install_peers(world)


@pytest.fixture
def file_wallet(world: Any, peers: Peers) -> FileWallet:
    return FileWallet(
        world.folder / "wallet",
        http=world.http,
        trust=world.trust,
        ledger=LedgerClient(world.http, LEDGER),
        log_origin=LOG,
        clock=world.clock,
        language="en",
    )


@pytest.fixture
def with_degree(file_wallet: FileWallet, peers: Peers) -> FileWallet:
    file_wallet.receive(file_wallet.open_offer(peers.issuer.link()), tx_code=TX_CODE)
    return file_wallet
