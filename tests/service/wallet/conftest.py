# SPDX-License-Identifier: EUPL-1.2
"""The wallet's application among fake peers, and a citizen at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from protocol.runtime.database import migrate, open_database
from tests.fakes.wallet_browser import Citizen
from tests.fakes.wallet_peers import LEDGER, LOG, SANDBOX, WALLET, Peers, install_peers
from wallet.app import create_app
from wallet.settings import WalletSettings


@pytest.fixture
def peers(world: Any) -> Peers:
    return install_peers(world)


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    return tmp_path / "wallet.sqlite3"


@pytest.fixture
def wallet_app(world: Any, peers: Peers, database_file: Path) -> Flask:
    url = f"sqlite:///{database_file}"
    migrate(open_database(url), "wallet")
    settings = WalletSettings(
        environment="development",
        public_url=WALLET,
        database_url=url,
        secret_key="x" * 40,
        trust_anchor_file=world.anchor_file,
        trust_list_file=world.trust_list_file,
        valid_url=SANDBOX,
        valid_browser_url=SANDBOX,
        valid_client_id="wallet",
        valid_client_secret="secret",
        ledger_url=LEDGER,
        log_origin=LOG,
        issuers=tuple(party.issuer_identifier for party in world.parties.values()),
    )
    return create_app(settings, clock=world.clock, http=world.http)


@pytest.fixture
def citizen(wallet_app: Flask) -> Citizen:
    made = Citizen(wallet_app)
    made.enter()
    return made


@pytest.fixture
def graduate(citizen: Citizen, peers: Peers) -> Citizen:
    assert citizen.receive(peers.issuer.link()).status_code == 201
    return citizen
